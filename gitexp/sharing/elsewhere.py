"""The experiments that another repository has: which, and taking some away there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo import tracking, trash
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git import refs
from gitexp.repo.git.values import RefChange
from gitexp.repo.git_remote import GitRemote, PushOutcome
from gitexp.sharing import partner
from gitexp.sharing.partner import Contact, Fate, Shared


@dataclass(frozen=True, slots=True)
class RemoteExperiment:
    """An experiment of a remote: its name and record commit there, and its name here if it is here so."""

    name: str
    record: str
    here: str | None


@dataclass(frozen=True, slots=True)
class Selected:
    """Experiments of a remote that are to be removed there: names with the record commits they are at."""

    remote: GitRemote
    experiments: dict[str, str]


def listed(project: Project, remote: str, contact: Contact | None = None) -> list[RemoteExperiment]:
    """Return the experiments that a Git remote has, sorted by name; raises NoRemote, RemoteFailed."""
    there = partner.experiments_at(partner.connect(project, remote, contact or Contact(), push=False))
    found = project.repo.refs(PREFIX)
    here = {oid.decode(): ref.decode().removeprefix(PREFIX) for oid, ref in found}
    return [RemoteExperiment(name, oid, here.get(oid)) for name, oid in there.items()]


def select(project: Project, remote: str, words: Sequence[str], contact: Contact | None = None) -> Selected:
    """Return those experiments of a Git remote that words stand for: names or unique beginnings of names.

    Raises NoRemote, RemoteFailed, UnknownExperiment, AmbiguousExperiment.
    """
    found = partner.connect(project, remote, contact or Contact(), push=True)
    return Selected(found, partner.chosen(found, partner.experiments_at(found), words))


def remove(project: Project, selected: Selected) -> list[Shared]:
    """Remove experiments from a remote, those that have not been changed there meanwhile.

    What is not here is fetched first and put into the trash, so that nothing is lost; what is here stays.
    Raises RemoteFailed.
    """
    remote, chosen = selected.remote, selected.experiments
    if not chosen:
        return []
    project.local.prepare()
    refused = remote.fetch({PREFIX + name: oid for name, oid in chosen.items()})
    # One that nobody can have is all the more to go.
    here = {name: oid for name, oid in chosen.items() if PREFIX + name not in refused}
    tracking.remember(project.repo, remote.where, here, gone=lambda name: False)
    failpoint("elsewhere:fetched")
    sent = remote.push([RefChange(PREFIX + name, oid, None) for name, oid in chosen.items()])
    failpoint("elsewhere:removed")
    gone = [name for name, one in zip(chosen, sent, strict=True) if one.outcome is PushOutcome.DELETED]
    _forget(project, remote.where, gone)
    return [
        Shared(name, None, Fate.REMOVED)
        if one.outcome is PushOutcome.DELETED
        else Shared(name, None, Fate.REFUSED, _reason(one.reason), partner.hint_for(one.reason))
        for name, one in zip(chosen, sent, strict=True)
    ]


def _reason(said: str) -> str:
    return "it has been changed there just now" if said == "stale info" else said


def _forget(project: Project, remote: str, names: Sequence[str]) -> None:
    """Take experiments that are gone there out of the mirror; into the trash what is nowhere else here."""
    known = {name: oid for name, oid in tracking.known(project.repo, remote).items() if name in names}
    here = {one.record.commit for one in project.store.readable()}
    here |= {one.commit for one in trash.contents(project.repo)}
    fetched = [one.experiment for one in project.store.read_commits(known)]
    lost = [one for one in fetched if isinstance(one, Experiment) and one.record.commit not in here]
    into_trash = [change for change in trash.removal(lost, datetime.now(UTC)) if change.new is not None]
    if into_trash:
        refs.move(project.repo, into_trash, f"gitexp: remove --remote {remote}")
    tracking.remember(project.repo, remote, {}, gone=lambda name: name in names)
