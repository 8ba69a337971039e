"""Tags about models at a Git remote: missing tags are brought here, and new tags are made there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from gitexp import errors
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelEvent
from gitexp.failpoints import failpoint
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import model_tags
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.git_remote import GitRemote, PushedRef, PushOutcome
from gitexp.sharing import partner
from gitexp.words import shorten

_OF_ANOTHER = "atomic"  # in the reason for a ref that is refused for another one


class Publisher:
    """A Git remote that decides who gets a tag.

    The remote gets a new tag before this repository does, and only under a free name. So of two clones, a
    single clone wins.
    """

    def __init__(self, remote: GitRemote) -> None:
        self._remote = remote
        self._there: dict[str, str] = {}

    @property
    def where(self) -> str:
        """The name of the remote."""
        return self._remote.where

    def bring(self, project: Project, registry: Registry, model: str) -> list[str]:
        """Bring the missing tags of a model; sentences about the tags left behind.

        Raises RemoteFailed.
        """
        self._there = self._tags_of(model)
        here = {event.name.ref: event.id for event in registry.events.get(model, ())}
        warnings = []
        others = [ref for ref, oid in self._there.items() if here.get(ref, oid) != oid]
        if others:
            names = [ref.removeprefix(model_tags.PREFIX) for ref in others]
            warnings.append(f"{self.where} has other tags of these names than are here: {shorten(names)}")
        absent = {ref: oid for ref, oid in self._there.items() if ref not in here}
        if not absent or project.dry_run:
            return warnings
        return [*warnings, *self._fetch(project, model, absent)]

    def _fetch(self, project: Project, model: str, absent: Mapping[str, str]) -> list[str]:
        """Fetch tags; sentences about the tags left behind."""
        refused = self._remote.fetch(absent)
        failpoint("model:fetched")
        changes = [RefChange(ref, None, oid) for ref, oid in absent.items() if ref not in refused]
        if changes:
            with contextlib.suppress(RefConflict):  # another process has brought them
                Transaction.begin(project, f"model tags of {model} from {self.where}").move(*changes)
        told = []
        for ref, error in refused.items():
            told.append(f"not brought: {ref.removeprefix(model_tags.PREFIX)}: {error.message}")
        return told

    def publish(self, needs: Sequence[ModelEvent], events: Sequence[ModelEvent]) -> bool:
        """Make tags at the remote, all or none, and the tags they need; False if a name is taken there.

        Raises version-exists for a tag with another content there; SharingError for another refusal;
        HookRefused.
        """
        wanted = {event.name.ref: event.id for event in (*needs, *events)}
        self._require_same(wanted)
        changes = [RefChange(ref, None, oid) for ref, oid in wanted.items() if ref not in self._there]
        refused = [
            one
            for one in self._remote.push(changes, exact=True, together=len(changes) > 1)
            if _is_refused(one)
        ]
        if not refused:
            return True
        there = self._tags_of(events[0].model)
        taken = [event for event in events if there.get(event.name.ref, event.id) != event.id]
        if taken:
            return False
        if all(there.get(event.name.ref) == event.id for event in events):
            return True  # the answer was lost, and the push was not
        raise _refusal(self.where, refused)

    def _require_same(self, wanted: Mapping[str, str]) -> None:
        """Raise version-exists for a tag with another content at the remote."""
        for ref, oid in wanted.items():
            if self._there.get(ref, oid) != oid:
                name = ref.removeprefix(model_tags.PREFIX)
                raise errors.ModelError(
                    f"{name} is another one at {self.where} than here.",
                    f"Take that one: git fetch {self.where} '+{ref}:{ref}'; this one is {oid}.",
                    code="version-exists",
                )

    def _tags_of(self, model: str) -> dict[str, str]:
        """The tags of a model there."""
        top = f"{model_tags.PREFIX}{model.replace(':', '=')}"
        found = {}
        for ref, oid in self._remote.refs(f"{top}@", f"{top}#").items():
            name = model_tags.of_ref(ref)
            if name is not None and name.model == model:
                found[ref] = oid
        return found


def _refusal(where: str, refused: Sequence[PushedRef]) -> errors.SharingError:
    """The error for tags that a remote does not take; Git refuses the others of a push together with it."""
    first = min(refused, key=lambda one: _OF_ANOTHER in one.reason)
    hint = "Nothing is made here either. A ruleset for tags, or a hook there, may say who can."
    if partner.may_pass(first.reason):
        hint = partner.PASSING
    return errors.SharingError(
        f"{where} refuses {first.ref.removeprefix(model_tags.PREFIX)}: {first.reason}.", hint
    )


def _is_refused(one: PushedRef) -> bool:
    return one.outcome is PushOutcome.REFUSED
