"""Experiments whose history was rewritten (`git filter-branch`, `git filter-repo`), and the way back.

Such a program rewrites the commits and the refs, and not the ids in the records. So a record names a commit
and a baseline that are gone, while the ref holds the rewritten ones. The chain of commits at the ref says
which: records stand on the experiment commit, and that one on its baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gitexp.model import Experiment, Record
from gitexp.named_tuple import NamedTuple
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo.git import graph, trees
from gitexp.repo.git.repository import Repository

_MOST = 10_000  # records on top of each other


class Rewritten(NamedTuple):
    """An experiment, and its record with the rewritten commits.

    Attributes:
        experiment: the experiment, with the old record.
        record: the record with the new commits.
    """

    experiment: Experiment
    record: Record


def rewritten(project: Project, experiments: Iterable[Experiment]) -> list[Rewritten]:
    """The experiments of which the ref holds other commits than the record names."""
    found = []
    ended = [one for one in experiments if one.record.status.ended]
    parents = graph.parents_of(project.repo, [one.id for one in ended])
    for one in ended:
        if one.record.commit in parents.get(one.id, ()):  # as nearly all are
            continue
        record = _new_record(project.repo, one)
        if record is not None:
            found.append(Rewritten(one, record))
    return found


def mend(project: Project, found: Sequence[Rewritten]) -> None:
    """Write records with the new commits, for all of them in one operation."""
    steps = [project.store.on_top(one.experiment, one.record) for one in found]
    Transaction.begin(project, "doctor --fix").move(*steps)


def _new_record(repo: Repository, experiment: Experiment) -> Record | None:
    """The record with the commits held by the ref; None if uncertain."""
    commit = _below_records(repo, experiment.id)
    if commit is None or commit == experiment.record.commit:
        return None
    baseline = repo.resolve(f"{commit}^1")
    if baseline is None or repo.resolve(f"{commit}^2") is not None:
        return None
    return replace(experiment.record, commit=commit, baseline=baseline)


def _below_records(repo: Repository, tip: str) -> str | None:
    """The first commit below some records that is no record, if it has their files; else None."""
    at: str | None = tip
    for _ in range(_MOST):
        if at is None:
            return None
        below = repo.resolve(f"{at}^1")
        if below is None:
            return None
        if not _is_record(repo, below):
            return below if _fits(repo, at, below) else None
        at = below
    return None


def _is_record(repo: Repository, commit: str) -> bool:
    return _message(repo, commit).partition(b"\n\n")[2].startswith(b'{"format":')


def _message(repo: Repository, commit: str) -> bytes:
    ((kind, content),) = [found or ("", b"") for found in repo.read_objects([commit])]
    if kind != "commit":
        return b""
    return content.partition(b"\n\n")[2]


def _fits(repo: Repository, record: str, commit: str) -> bool:
    """Whether a commit matches the record above: by the message, and the files not written by the run."""
    if _message(repo, record).split(b"\n")[0] != _message(repo, commit).strip():
        return False
    with_run = set(trees.entries(repo, record))
    code = set(trees.entries(repo, commit))
    return all(entry.name == b".gitexp" for entry in with_run ^ code)
