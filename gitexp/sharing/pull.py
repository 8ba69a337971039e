"""Fetch experiments from another repository, and take them over. Nothing here is deleted or overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp import errors
from gitexp.catalog import names, signed
from gitexp.catalog.query import parsed
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status, Stored, readable
from gitexp.project.change import Transaction, names_held, retried
from gitexp.project.project import Project
from gitexp.repo import tracking, trash
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import refs
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote
from gitexp.sharing import partner, received, scope, shared_refs, unite
from gitexp.sharing.partner import Contact, Fate, Shared
from gitexp.sharing.scope import PullScope
from gitexp.sharing.unite import Pair

_SAME = ("baseline", "command", "argv", "folder", "project", "identity", "overrides", "order")
REMOVED_HERE = "you have removed it"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The experiments to pull, and the remote.

    Attributes:
        names: names or patterns of experiments; empty: those of HEAD, except experiments removed here.
        source: the name of the Git remote; None: the remote of `git fetch`.
        everything: experiments of all baselines.
        all_projects: experiments of all projects.
        removed: also experiments removed here.
        filter: a condition on experiments without `names`.
        verify: refuse what is not signed by somebody known.
        failed: True: only failed experiments, without `names`; False: none of them.
    """

    names: Sequence[str] = ()
    source: str | None = None
    everything: bool = False
    all_projects: bool = False
    removed: bool = False
    filter: str | None = None
    failed: bool | None = None
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """The fate of each experiment of the remote, and (`shared_refs`) of MLflow's registry and the like."""

    remote: str
    experiments: Sequence[Shared]
    shared_refs: Sequence[Shared] = ()


def pull(project: Project, request: PullRequest, contact: Contact | None = None) -> Pulled:
    """The fate of each experiment of a pull; the pull can be undone.

    New experiments appear, under the name `name-2` if the name is taken here. Edits of notes and tags are
    taken over, or united with edits made here; any other difference in a known experiment is refused.
    Experiments outside of the scope stay there. Unsound experiments (by Git's fsck, or by their records) are
    refused and keep back no other.

    Raises NoRemote, RemoteFailed; UnknownExperiment or AmbiguousExperiment for names.
    """
    _require_one_choice(request)
    wanted_filter = None
    if request.filter is not None:
        wanted_filter = parsed(request.filter)  # before the remote is asked
    wanted_scope = PullScope(request.everything, request.all_projects, request.failed, wanted_filter)
    remote = partner.connect(project, request.source, contact or Contact(), push=False)
    project.local.prepare()
    refs_there = remote.refs(PREFIX, *shared_refs.REFS)
    there = {}
    for ref, oid in refs_there.items():
        if ref.startswith(PREFIX):
            there[ref.removeprefix(PREFIX)] = oid
    wanted = there
    if request.names:
        wanted = partner.chosen(remote, there, request.names)
    here, told = _fetch(remote, wanted)
    failpoint("pull:fetched")
    if not project.dry_run:
        tracking.remember(project.repo, remote.where, here, gone=lambda name: name not in there)
    failpoint("pull:remembered")
    if not request.names:
        here, left = scope.divided(project, here, wanted_scope)
        told += left
    if request.verify:
        here, unsigned = _signed(project, here)
        told += unsigned
    insisted = request.removed or bool(request.names)
    told += take(project, here, f"pull {remote.where}", even_removed=insisted)
    beside: Sequence[Shared] = ()
    if not request.verify:
        beside = shared_refs.pull(project, remote, refs_there)
    return Pulled(remote.where, sorted(told, key=_by_name), beside)


def _require_one_choice(request: PullRequest) -> None:
    """Raise UsageError for names beside other choices of experiments."""
    chooses = request.everything or request.all_projects or request.removed
    if request.names and (chooses or request.filter is not None or request.failed is not None):
        raise errors.UsageError(
            "Names do not go together with --all, --all-projects, --filter, --failed and --removed.",
            "Ask for one of them.",
        )


def _signed(project: Project, found: Mapping[str, str]) -> tuple[dict[str, str], list[Shared]]:
    """The fetched experiments signed by somebody known, and the refusals of all others.

    Experiments known here are not checked. Raises UsageError if nobody is known.
    """
    if not project.repo.config.get("gpg.ssh.allowedsignersfile") and not shutil.which("gpg"):
        raise errors.UsageError(
            "Nobody is known whose signature counts.",
            "git config gpg.ssh.allowedSignersFile FILE names the file with their keys.",
        )
    here = {ref.decode().removeprefix(PREFIX): oid.decode() for oid, ref in project.repo.refs(PREFIX)}
    new = {name: oid for name, oid in found.items() if here.get(name) != oid}
    read = [one.experiment for one in project.store.read_commits(new)]
    sound = readable(read)
    told = []
    for one, signature in zip(sound, signed.signed_by(project, sound), strict=True):
        if not signature.is_good:
            told.append(
                partner.refused(one.name, signature.told, f"gitexp pull {one.name} takes it unverified.")
            )
    refused = {one.there for one in told}
    return {name: oid for name, oid in found.items() if name not in refused}, told


def _fetch(remote: GitRemote, wanted: Mapping[str, str]) -> tuple[dict[str, str], list[Shared]]:
    """The experiments (names with record commits) that were fetched, and the refusals of all others."""
    told, fit = [], {}
    for name, oid in wanted.items():
        if is_name(name):
            fit[name] = oid
        else:
            told.append(partner.refused(name, "that cannot be the name of an experiment"))
    fetched, refused = partner.fetch(remote, fit)
    for name, why in refused.items():
        told.append(partner.refused(name, why.message, why.hint))
    return fetched, told


def take(project: Project, found: Mapping[str, str], summary: str, *, even_removed: bool) -> list[Shared]:
    """The fate of fetched experiments (names elsewhere with record commits), taken over in one operation.

    `summary` names the operation. With `even_removed`, experiments removed here come back.
    """

    def attempt() -> list[Shared]:
        with names_held(project):
            told, changes = _plan(project, found, even_removed=even_removed)
            failpoint("pull:planned")
            if changes:
                Transaction.begin(project, summary).move(*changes)
        return told

    return retried(attempt, "The experiments keep")  # a run may have ended, or somebody edits


def follow(project: Project, found: Mapping[str, str]) -> list[Shared]:
    """The fate of the ends of runs handed over from here. As any end of a run, nothing for `gitexp undo`."""

    def attempt() -> list[Shared]:
        with names_held(project):
            told, changes = _plan(project, found, even_removed=True)
            if changes:
                refs.move(project.repo, changes, "gitexp: ended")
        return told

    return retried(attempt, "The experiments keep")


def _plan(
    project: Project, found: Mapping[str, str], *, even_removed: bool
) -> tuple[list[Shared], list[RefChange]]:
    """The fate of each experiment, and the changes of refs."""
    here = {ref.decode().removeprefix(PREFIX): oid.decode() for oid, ref in project.repo.refs(PREFIX)}
    told, differing = list[Shared](), dict[str, str]()
    for name, oid in found.items():
        if here.get(name) == oid:
            told.append(Shared(name, name, Fate.UP_TO_DATE))
        else:
            differing[name] = oid
    if not differing:
        return sorted(told, key=_by_name), []
    mine, waiting = _by_commit(project), _waiting(project)
    removed: dict[str, list[Stored]] = {}
    for lying in trash.contents(project.repo):
        removed.setdefault(lying.commit, []).append(lying.experiment)
    pairs: list[Pair] = []
    ended: list[Pair] = []
    new: list[Experiment] = []
    sound, refused = received.checked(project, differing)
    for one in sound:
        same = mine.get(one.record.commit, {})
        if same:
            pairs.append(Pair(same.get(one.name) or next(iter(same.values())), one))
        elif one.record.start in waiting:
            ended.append(Pair(waiting[one.record.start], one))
        elif one.record.commit not in removed:
            new.append(one)
        elif even_removed:
            forged = _differences(project, removed[one.record.commit], one)
            if forged:
                told.append(_changed_there(one.name, forged))
            else:
                new.append(one)
        else:
            told.append(Shared(one.name, None, Fate.LEFT, REMOVED_HERE, f"gitexp pull {one.name}"))
    merged, changes = _merged(project, pairs)
    followed, moved = _followed(project, ended)
    added, created = _named(new, here)
    every = [*told, *refused, *merged, *followed, *added]
    return sorted(every, key=_by_name), [*changes, *moved, *created]


def _differences(project: Project, removed: Sequence[Stored], one: Experiment) -> Sequence[str]:
    """The differences of an experiment from the removed ones; none if it equals any of them."""
    found: Sequence[str] = ()
    for other in removed:
        if isinstance(other, Experiment):
            found = unite.differences(project, other, one)
            if not found:
                break
    return found


def _changed_there(name: str, what: Sequence[str]) -> Shared:
    """The refusal of an experiment changed elsewhere in a part beyond edits."""
    return partner.refused(
        name,
        f"it was changed there in more than its note and tags: {', '.join(what)}",
        "What is here stays as it is. Ask who changed it there: other results are another experiment.",
    )


def _by_name(one: Shared) -> str:
    return one.there


def _by_commit(project: Project) -> dict[str, dict[str, Experiment]]:
    """The finished experiments here: by commit, then by name."""
    found: dict[str, dict[str, Experiment]] = {}
    for one in project.store.readable():
        if one.record.status.ended:
            found.setdefault(one.record.commit, {})[one.name] = one
    return found


def _waiting(project: Project) -> dict[str, Experiment]:
    """The experiments here that wait in the queue of a remote, by their start snapshots."""
    found = {}
    for one in project.store.readable():
        if one.record.status is Status.QUEUED and one.record.waits_at:
            found[one.record.start] = one
    return found


def _followed(project: Project, pairs: Sequence[Pair]) -> tuple[list[Shared], list[RefChange]]:
    """The fate of the results of runs handed over to a remote, and the changes of refs.

    Only the run handed over from here is replaced: the same code, params and command. Tags and a note given
    here meanwhile stay.
    """
    told, changes = [], []
    followed = set[str]()
    for pair in sorted(pairs, key=lambda pair: pair.mine.name != pair.theirs.name):
        mine, theirs = pair.mine, pair.theirs
        if mine.name in followed:  # the remote has it under several names
            told.append(
                Shared(theirs.name, mine.name, Fate.LEFT, "it was taken under another name", "Pull again.")
            )
            continue
        if unlike := [name for name in _SAME if getattr(mine.record, name) != getattr(theirs.record, name)]:
            told.append(_changed_there(theirs.name, unlike))
            continue
        tags = tuple(dict.fromkeys((*theirs.record.tags, *mine.record.tags)))
        record = replace(theirs.record, tags=tags, note=theirs.record.note or mine.record.note)
        followed.add(mine.name)
        tip = theirs.id
        if record != theirs.record:
            tip = project.store.on_top(theirs, record).new or tip
        told.append(Shared(theirs.name, mine.name, Fate.UPDATED))
        changes.append(RefChange(PREFIX + mine.name, mine.id, tip))
    return told, changes


def _merged(project: Project, pairs: Sequence[Pair]) -> tuple[list[Shared], list[RefChange]]:
    """The fate of experiments already here, and the changes of refs."""
    told, changes = [], []
    for pair, step in zip(pairs, unite.steps(project, pairs), strict=True):
        if step.forged:
            told.append(_changed_there(pair.theirs.name, step.forged))
            continue
        fate, reason, hint = Fate.UP_TO_DATE, "", ""
        if step.waits:  # the remote has it under several names
            fate, reason, hint = Fate.LEFT, "it was taken under another name", "Pull again."
        elif step.united:
            fate = Fate.UNITED
        elif step.change is not None:
            fate = Fate.UPDATED
        if step.lost_note:
            older = "older note" if step.united else "note here"
            reason = f"the {older} was: {step.lost_note}"
        told.append(Shared(pair.theirs.name, pair.mine.name, fate, reason, hint))
        if step.change is not None:
            changes.append(step.change)
    return told, changes


def _named(new: Sequence[Experiment], here: Collection[str]) -> tuple[list[Shared], list[RefChange]]:
    """The names for new experiments (their own, if free), and the new refs."""
    taken = set(map(str.lower, here))
    told, changes = [], []
    waiting: list[Experiment] = []
    for one in new:
        if one.name.lower() in taken:
            waiting.append(one)
            continue
        taken.add(one.name.lower())
        told.append(Shared(one.name, one.name, Fate.NEW))
        changes.append(RefChange(PREFIX + one.name, None, one.id))
    for one in waiting:
        name = next(names.numbered(one.name, taken))
        taken.add(name.lower())
        told.append(Shared(one.name, name, Fate.RENAMED, f"{one.name} is another experiment here"))
        changes.append(RefChange(PREFIX + name, None, one.id))
    return told, changes
