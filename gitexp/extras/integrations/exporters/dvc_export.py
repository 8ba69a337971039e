"""Experiments as DVC's: `refs/exps/<baseline>/<name>`, so that `dvc exp show` and editors list them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.catalog.sources import ForeignRef
from gitexp.datasets.wanted import locks
from gitexp.extras.integrations import dvc
from gitexp.extras.integrations.exporters.dvc_tree import DvcTreeWriter
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import Lock
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo.git.values import RefChange
from gitexp.times import seconds_of
from gitexp.words import counted

_REFS = "refs/exps/"
_TOGETHER = 50  # experiments whose refs move at once


class DvcExporter(RunExporter):
    """The writer of DVC's refs."""

    title = "DVC"
    writes = "refs/exps of this repository, for dvc exp show"
    place = "."

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        """Write experiments to the refs of this repository; the place is the folder of the repository."""
        _require_here(project, place)
        writing = _Writing(project)
        done = 0
        for some in _batches(experiments):
            changes = list(writing.changes(some))
            if changes and not project.dry_run:
                failpoint("export:written")
                Transaction.begin(project, "export to DVC").move(*changes)
                failpoint("export:moved")
            for _ in some:
                done += 1
                on_run(done)
        curves = sum(bool(one.record.series) for one in experiments)
        if curves:
            those = counted(curves, "experiment")
            writing.remarks.append(f"curves and logged files of {those} stay here: DVC has no place for them")
        return ExportedRuns(
            _REFS.rstrip("/"), writing.written, writing.known, writing.remarks, "dvc exp show -A lists them."
        )


EXPORTER = DvcExporter()


def _require_here(project: Project, place: str) -> None:
    """Raise UsageError for another place than this repository."""
    path = (project.here / Path(place).expanduser()).resolve()
    here = (project.here.resolve(), project.folder.resolve(), project.repo.root.resolve())
    if "://" in place or path not in here:
        raise errors.UsageError(
            "DVC's experiments are refs of this repository.",
            "Leave -o out; to bring them elsewhere: dvc exp push",
        )


def _batches(experiments: Sequence[Experiment]) -> Iterator[list[Experiment]]:
    waiting = iter(experiments)
    while some := list(itertools.islice(waiting, _TOGETHER)):
        yield some


class _Present(NamedTuple):
    """A ref of DVC's that gitexp has written before, and its commit."""

    ref: str
    commit: str


class _Writing:
    """An export in progress.

    Attributes:
        written, known: the numbers of experiments.
        remarks: a sentence for each omission.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._trees = DvcTreeWriter(project)
        self.written = self.known = 0
        self.remarks = self._trees.remarks
        found = list(project.repo.refs(_REFS, fields=("refname", "objectname")))
        self._taken = {ref.decode("utf-8", "surrogateescape") for ref, _ in found}
        self._theirs = {oid.decode() for _, oid in found}
        self._ours = _ours(project, dvc.refs(found))

    def changes(self, experiments: Sequence[Experiment]) -> Iterator[RefChange]:
        """Yield the changes of refs for some experiments, whose objects are stored."""
        found = locks(self._project, [one.record.commit for one in experiments])
        with self._project.repo.writing_together():
            for one in experiments:
                if self._is_left_out(one.record):
                    continue
                lock = found[one.record.commit]
                if isinstance(lock, errors.LockError):
                    self.remarks.append(f"{one.name}: its data is left out: {lock.message}")
                    lock = Lock()
                change = self._change(one, lock)
                if change is None:
                    self.known += 1
                else:
                    self.written += 1
                    yield change

    def _is_left_out(self, record: Record) -> bool:
        """Whether an experiment is nothing for DVC, which has only experiments that are done."""
        if record.status is not Status.DONE:
            self.remarks.append(f"{record.name} is {record.status}, and left out: DVC would call it done")
            return True
        return False

    def _change(self, one: Experiment, lock: Lock) -> RefChange | None:
        """The change for an experiment; None if DVC has it."""
        record = one.record
        if record.imported.get("from") == dvc.SOURCE and record.imported.get("id") in self._theirs:
            return None
        before = self._ours.get(record.commit)
        if self._project.dry_run:
            return None if before is not None else RefChange(_REFS, None, record.commit)
        commit = self._commit(record, lock)
        if before is not None:
            return None if before.commit == commit else RefChange(before.ref, before.commit, commit)
        ref = self._free(record)
        self._taken.add(ref)
        return RefChange(ref, None, commit)

    def _commit(self, record: Record, lock: Lock) -> str:
        """The commit for DVC: the same for the same experiment."""
        note = record.note.strip() or f"dvc: commit experiment {record.commit}"
        made = int(seconds_of(record.created) or 0)
        user = "".join(letter for letter in record.user if letter.isprintable() and letter not in "<>")
        return self._project.repo.write_commit(
            self._trees.tree(record, lock),
            [record.baseline],
            f"{note}\n\n{dvc.MARK}{record.commit}\n",
            signature=f"{user.strip() or 'gitexp'} <gitexp> {made} +0000",
        )

    def _free(self, record: Record) -> str:
        base = f"{_REFS}{record.baseline[:2]}/{record.baseline[2:]}/{record.name}"
        for number in itertools.count(1):
            ref = base if number == 1 else f"{base}-{number}"
            if ref not in self._taken:
                if number > 1:
                    name = ref.rpartition("/")[2]
                    self.remarks.append(f"{record.name} is {name} there: DVC has one of that name")
                return ref
        raise AssertionError


def _ours(project: Project, refs: Iterable[ForeignRef]) -> dict[str, _Present]:
    """The refs that gitexp has written before, by the commit of their experiment."""
    every = list(refs)
    found: dict[str, _Present] = {}
    contents = project.repo.read_objects([ref.commit for ref in every])
    for ref, content in zip(every, contents, strict=True):
        if content is None or content[0] != "commit":
            continue
        of = dvc.read_commit(content[1]).imported.get("id")
        if of is not None:
            name = f"{_REFS}{ref.baseline[:2]}/{ref.baseline[2:]}/{ref.name}"
            found[of] = _Present(name, ref.commit)
    return found
