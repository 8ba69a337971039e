"""New tags about a model: made here, or first at a Git remote, which decides between two clones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from gitexp import errors, plugins
from gitexp.extras.registry import annotation
from gitexp.extras.registry.publishing import Publisher
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelEvent, ModelFacts
from gitexp.failpoints import failpoint
from gitexp.named_tuple import NamedTuple
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.objects.git_objects import Sign
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.model_tags import ModelTag, TagAction

_ATTEMPTS = 10
_VERBS = {
    TagAction.REGISTER: "register",
    TagAction.ASSIGN: "promote",
    TagAction.UNASSIGN: "demote",
    TagAction.DEREGISTER: "deprecate",
    TagAction.DEPRECATE: "deprecate",
}
_FOLLOWED = 86400  # seconds; a tag dated further ahead has a wrong clock, and no other follows it


class WantedTag(NamedTuple):
    """A tag to be made.

    Attributes:
        name: its name.
        commit: its commit.
        subject: a line for people.
        facts: the facts of its annotation.
        needs: older tags for a Git remote to have, too.
    """

    name: ModelTag
    commit: str
    subject: str
    facts: ModelFacts
    needs: Sequence[ModelEvent] = ()


TagPlan: TypeAlias = Callable[[Registry], Sequence[WantedTag]]


class TagOrder(NamedTuple):
    """The way to make tags.

    Attributes:
        sign: whether they are signed; None: if the settings say so.
        publisher: the Git remote that gets them first; None for none.
    """

    sign: bool | None = None
    publisher: Publisher | None = None


class MadeTags(NamedTuple):
    """Tags that were made.

    Attributes:
        events: the tags.
        registry: the registry with them; in a dry run, without them.
        warnings: what a person should know.
    """

    events: Sequence[ModelEvent]
    registry: Registry
    warnings: Sequence[str] = ()


def make(project: Project, model: str, plan: TagPlan, order: TagOrder) -> MadeTags:
    """Make the tags of a plan. The plan is asked again where somebody else has just taken a name.

    Raises the errors of the plan; SharingError for a remote that cannot be had, with nothing made;
    not-signed; GitFailed after ten attempts.
    """
    signer = _signer(project, order.sign)
    warnings = dict[str, None]()
    for _ in range(_ATTEMPTS):
        registry = Registry.read(project)
        if order.publisher is not None:
            warnings.update(dict.fromkeys(order.publisher.bring(project, registry, model)))
            registry = Registry.read(project)
        wanted = plan(registry)
        _require_names(project, wanted)
        events = _written(project, registry, wanted, signer)
        failpoint("model:written")
        if project.dry_run:
            return MadeTags(events, registry, list(warnings))
        if order.publisher is not None:
            needs = [need for one in wanted for need in one.needs]
            if not order.publisher.publish(needs, events):
                continue
        failpoint("model:pushed")
        try:
            changes = [RefChange(event.name.ref, None, event.id) for event in events]
            Transaction.begin(project, _summary(events)).move(*changes)
        except RefConflict:
            if order.publisher is not None:
                raise _taken_here(order.publisher, events) from None
            continue
        return MadeTags(events, Registry.read(project), list(warnings))
    raise errors.GitFailed(
        f"The tags of {model} keep changing under us.", "Run the command again in a moment."
    )


def _written(
    project: Project, registry: Registry, wanted: Sequence[WantedTag], signer: Sign | None
) -> list[ModelEvent]:
    """The tags, which no ref has yet; in a dry run, without objects."""
    events = []
    with project.repo.writing_together():
        for one in wanted:
            earliest = _not_before(registry, one.name.model)
            oid = ""
            if not project.dry_run:
                message = annotation.write(one.subject, one.facts)
                oid = project.repo.write_tag(
                    one.commit, one.name.text, message, not_before=earliest, sign=signer
                )
            seconds = max(int(time.time()), earliest)
            events.append(ModelEvent(one.name, oid, one.commit, seconds, size=1))
    return events


def _not_before(registry: Registry, model: str) -> int:
    """The earliest time of a new tag: a second after the last tag, because times give the order."""
    now = int(time.time())
    known = [event.seconds for event in registry.events.get(model, ())]
    followed = [seconds for seconds in known if seconds < now + _FOLLOWED]
    return max(followed, default=0) + 1


def _require_names(project: Project, wanted: Sequence[WantedTag]) -> None:
    """Raise InvalidName for a tag that Git would not make."""
    for one in wanted:
        if project.repo.call("check-ref-format", one.name.ref)[0] != 0:
            raise errors.InvalidName(f"Git makes no tag '{one.name.text}'.", "Choose another name.")


def _signer(project: Project, sign: bool | None) -> Sign | None:
    """The signer of new tags; None where nothing is signed."""
    if sign is False:
        return None
    if sign is None and project.store.sign is not None:
        return project.store.sign
    if sign or is_true(project.repo.config.get("tag.gpgsign")):
        signer: Sign = plugins.load("trust", "signer")(project.repo)
        return signer
    return None


def _summary(events: Sequence[ModelEvent]) -> str:
    return f"model {_VERBS[events[0].action]} {' '.join(event.name.text for event in events)}"


def _taken_here(publisher: Publisher, events: Sequence[ModelEvent]) -> errors.ModelError:
    names = " and ".join(event.name.text for event in events)
    return errors.ModelError(
        f"{publisher.where} has {names} now, and another process has made a tag of that name here.",
        f"Take that of {publisher.where}: git fetch --tags --force {publisher.where}",
        code="version-exists",
    )
