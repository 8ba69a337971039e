"""The experiments of a Git remote: listed, and removed there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import tracking, trash
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git import refs
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushedRef, PushOutcome
from gitexp.sharing import partner
from gitexp.sharing.partner import Contact, Fate, Shared
from gitexp.words import shorten


@dataclass(frozen=True, slots=True)
class RemoteExperiment:
    """An experiment of a remote.

    Attributes:
        name: the name at the remote.
        record: the record commit at the remote.
        here: the name in this repository; None if this record is not here.
    """

    name: str
    record: str
    here: str | None


@dataclass(frozen=True, slots=True)
class RemoteSelection:
    """Experiments to be removed from a remote: names with record commits."""

    remote: GitRemote
    experiments: dict[str, str]


def listed(project: Project, remote: str, contact: Contact | None = None) -> list[RemoteExperiment]:
    """The experiments of a Git remote, sorted by name; raises NoRemote, RemoteFailed."""
    there = partner.experiments_at(partner.connect(project, remote, contact or Contact(), push=False))
    here = {oid.decode(): ref.decode().removeprefix(PREFIX) for oid, ref in project.repo.refs(PREFIX)}
    return [RemoteExperiment(name, oid, here.get(oid)) for name, oid in there.items()]


def select(
    project: Project, remote: str, words: Sequence[str], contact: Contact | None = None
) -> RemoteSelection:
    """The experiments of a Git remote with these names, unique beginnings of names, or patterns.

    Raises NoRemote, RemoteFailed, UnknownExperiment, AmbiguousExperiment.
    """
    found = partner.connect(project, remote, contact or Contact(), push=True)
    return RemoteSelection(found, partner.chosen(found, partner.experiments_at(found), words))


def remove(project: Project, selected: RemoteSelection) -> list[Shared]:
    """Remove experiments from a remote, unless they have changed meanwhile.

    Nothing is lost: an experiment found only at the remote is fetched, and put into the trash. Raises
    RemoteFailed.
    """
    remote, chosen = selected.remote, selected.experiments
    if not chosen:
        return []
    changes = [RefChange(PREFIX + name, oid, None) for name, oid in chosen.items()]
    if project.dry_run:
        return _answered(chosen, remote.push(changes, dry_run=True))
    project.local.prepare()
    here, _ = partner.fetch(remote, chosen)  # one that nobody can fetch may go all the more
    tracking.remember(project.repo, remote.where, here, gone=lambda name: False)
    failpoint("elsewhere:fetched")
    told = _answered(chosen, remote.push(changes))
    failpoint("elsewhere:removed")
    gone = [one.there for one in told if one.fate is Fate.REMOVED]
    _forget(project, remote.where, gone)
    if gone:
        summary = f"remove {shorten(gone)} from {remote.where}"
        Transaction.begin(project, summary).note("what was there alone is in the trash: gitexp restore")
    return told


def _answered(names: Iterable[str], answers: Iterable[PushedRef]) -> list[Shared]:
    """The fate of each experiment, by the answers of the remote."""
    told = []
    for name, answer in zip(names, answers, strict=True):
        if answer.outcome is PushOutcome.DELETED:
            told.append(Shared(name, None, Fate.REMOVED))
        else:
            hint = partner.hint_for(answer.reason)
            told.append(Shared(name, None, Fate.REFUSED, _reason(answer.reason), hint))
    return told


def _reason(said: str) -> str:
    return "it has been changed there just now" if said == "stale info" else said


def _forget(project: Project, remote: str, names: Sequence[str]) -> None:
    """Take removed experiments out of the mirror; put those found nowhere else here into the trash."""
    known = {}
    for name, oid in tracking.known(project.repo, remote).items():
        if name in names:
            known[name] = oid
    here = _commits(project)
    lost = []
    for stored in project.store.read_commits(known):
        one = stored.experiment
        if isinstance(one, Experiment) and one.record.commit not in here:
            lost.append(one)
    into_trash = []
    for change in trash.removal(lost, datetime.now(UTC)):
        if change.new is not None:
            into_trash.append(change)
    if into_trash:
        refs.move(project.repo, into_trash, f"gitexp: remove --remote {remote}")
    tracking.remember(project.repo, remote, {}, gone=lambda name: name in names)


def _commits(project: Project) -> set[str]:
    """The commits of all experiments here, also of those in the trash."""
    commits = {one.record.commit for one in project.store.readable()}
    commits.update(one.commit for one in trash.contents(project.repo))
    return commits
