"""Fetch experiments from another repository, and take them over: nothing here is deleted or overwritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog import names
from gitexp.failpoints import failpoint
from gitexp.model import Damaged, Experiment
from gitexp.project.project import Project
from gitexp.repo import operations, tracking, trash
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import graph
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.operations import Operation
from gitexp.sharing import partner, unite
from gitexp.sharing.partner import Contact, Fate, Shared
from gitexp.sharing.unite import Pair
from gitexp.times import now

_ATTEMPTS = 10
_MOST_RECORDS = 10_000  # on top of one experiment


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Which experiments to pull from where. Without names all that are there, but those that were removed
    here; with `everything` these too."""

    names: Sequence[str] = ()
    source: str | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of each experiment that is there."""

    remote: str
    experiments: Sequence[Shared]


def pull(project: Project, request: PullRequest, contact: Contact | None = None) -> Pulled:
    """Pull experiments; return what became of each.

    New ones appear, edits of notes and tags are taken over or united with those made here, and another
    experiment under a name that is taken here is kept as `name-2`. Can be undone like any operation.
    One that Git's fsck refuses, or that is no experiment, is refused and keeps back no other.
    Raises NoRemote, RemoteFailed; UnknownExperiment or AmbiguousExperiment for names.
    """
    if request.names and request.everything:
        raise errors.UsageError("Names do not go together with --all.", "Ask for one of them.")
    remote = partner.connect(project, request.source, contact or Contact(), push=False)
    project.local.prepare()
    there = {ref.removeprefix(PREFIX): oid for ref, oid in remote.refs(PREFIX).items()}
    wanted = partner.chosen(remote, there, request.names) if request.names else there
    fit = {name: oid for name, oid in wanted.items() if is_name(name)}
    bad = remote.fetch({PREFIX + name: oid for name, oid in fit.items()})
    failpoint("pull:fetched")
    here = {name: oid for name, oid in fit.items() if PREFIX + name not in bad}
    tracking.remember(project.repo, remote.where, here, gone=lambda name: name not in there)
    failpoint("pull:remembered")
    insisted = request.everything or bool(request.names)
    told = take(project, here, f"pull {remote.where}", even_removed=insisted)
    told += [_refused(ref.removeprefix(PREFIX), why.message, why.hint) for ref, why in bad.items()]
    told += [_refused(name, "that cannot be the name of an experiment") for name in wanted if name not in fit]
    return Pulled(remote.where, sorted(told, key=_by_name))


def take(project: Project, found: Mapping[str, str], summary: str, *, even_removed: bool) -> list[Shared]:
    """Take over what was fetched: names elsewhere with record commits; return what became of each.

    All of it is one operation, called by the summary.
    """
    for _ in range(_ATTEMPTS):
        with project.local.lock("names"):
            told, changes = _plan(project, found, even_removed=even_removed)
            failpoint("pull:planned")
            try:
                if changes:
                    operation = Operation(summary, now(), tuple(changes))
                    operations.carry_out(project.repo, project.local, operation)
            except RefConflict:  # a run has ended, or somebody edits
                continue
            return told
    raise errors.GitFailed("The experiments keep changing under us.", "Run the command again in a moment.")


def _plan(
    project: Project, found: Mapping[str, str], *, even_removed: bool
) -> tuple[list[Shared], list[RefChange]]:
    here = {ref.decode().removeprefix(PREFIX): oid.decode() for oid, ref in project.repo.refs(PREFIX)}
    told = [Shared(name, name, Fate.UP_TO_DATE) for name, oid in found.items() if here.get(name) == oid]
    open_ones = {name: oid for name, oid in found.items() if here.get(name) != oid}
    if not open_ones:
        return sorted(told, key=_by_name), []
    mine = _by_commit(project)
    removed = set() if even_removed else {one.commit for one in trash.contents(project.repo)}
    pairs: list[Pair] = []
    new: list[Experiment] = []
    sound, refused = _checked(project, open_ones)
    told += refused
    for one in sound:
        same = mine.get(one.record.commit, [])
        if same:
            pairs.append(Pair(next((each for each in same if each.name == one.name), same[0]), one))
        elif one.record.commit in removed:
            told.append(Shared(one.name, None, Fate.LEFT, "you have removed it", f"gitexp pull {one.name}"))
        else:
            new.append(one)
    merged, changes = _merged(project, pairs)
    added, created = _named(new, here)
    return sorted([*told, *merged, *added], key=_by_name), [*changes, *created]


def _by_name(one: Shared) -> str:
    return one.there


def _by_commit(project: Project) -> dict[str, list[Experiment]]:
    found: dict[str, list[Experiment]] = {}
    for one in project.store.readable():
        if one.record.status.ended:
            found.setdefault(one.record.commit, []).append(one)
    return found


def _checked(project: Project, found: Mapping[str, str]) -> tuple[list[Experiment], list[Shared]]:
    """The experiments at some record commits that can be taken, and a refusal of each other one."""
    edited: list[Experiment] = []
    readable: list[Experiment] = []
    refused: list[Shared] = []
    for stored in project.store.read_commits(found):
        one = stored.experiment
        if isinstance(one, Damaged):
            refused.append(_refused(one.name, one.error))
            continue
        readable.append(one)
        if one.record.commit not in stored.parents:
            edited.append(one)
    loose = _loose(project, edited)
    sound = []
    for one in readable:
        if not one.record.status.ended:
            refused.append(_refused(one.name, f"it is {one.record.status} there"))
        elif one.id in loose:
            refused.append(_refused(one.name, "its record speaks of a commit that it does not stand on"))
        else:
            sound.append(one)
    return sound, refused


def _loose(project: Project, edited: Sequence[Experiment]) -> Collection[str]:
    """The record commits that do not stand on the commit that their record names.

    Records alone may stand between the two.
    """
    if not edited:
        return ()
    tips = [one.id for one in edited]
    known = project.repo.ids_of([f"{one.record.commit}^{{commit}}" for one in edited])
    stops = [oid for oid in known if oid is not None]
    parents = graph.lines_to(project.repo, tips, stops, _MOST_RECORDS * len(tips))
    between = [one.experiment for one in project.store.read_commits({commit: commit for commit in parents})]
    commit_of = {one.id: one.record.commit for one in between if isinstance(one, Experiment)}
    loose = set()
    for one in edited:
        line = [oid for oid in graph.reached(parents, one.id) if oid in parents]
        below = {parent for oid in line for parent in parents[oid]}
        commit = one.record.commit
        if commit not in below or any(commit_of.get(oid) != commit for oid in line):
            loose.add(one.id)
    return loose


def _merged(project: Project, pairs: Sequence[Pair]) -> tuple[list[Shared], list[RefChange]]:
    """Return what becomes of experiments that are here already, and the changes that do it."""
    told, changes = [], []
    for pair, step in zip(pairs, unite.steps(project, pairs), strict=True):
        there, here = pair.theirs.name, pair.mine.name
        if step.waits:  # it stands there under several names
            told.append(Shared(there, here, Fate.LEFT, "it was taken under another name", "Pull again."))
            continue
        fate = Fate.UNITED if step.united else Fate.UPDATED if step.change is not None else Fate.UP_TO_DATE
        older = "older note" if step.united else "note here"
        reason = f"the {older} was: {step.lost_note}" if step.lost_note else ""
        told.append(Shared(there, here, fate, reason))
        changes += [step.change] if step.change is not None else []
    return told, changes


def _named(new: Sequence[Experiment], here: Collection[str]) -> tuple[list[Shared], list[RefChange]]:
    """Return under which names new experiments will be here: their own, as far as these are free."""
    taken = {name.lower() for name in here}
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


def _refused(name: str, complaint: str, hint: str | None = None) -> Shared:
    return Shared(name, None, Fate.REFUSED, complaint.rstrip("."), hint or "")
