"""Runs of another tool as experiments: the new ones, the grown ones, and the unreadable ones."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gitexp import errors
from gitexp.catalog import names
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Place, Read, RunLeftOut, Unread
from gitexp.extras.integrations.importers.reading import RunUnreadable
from gitexp.extras.integrations.importers.storing import ForeignRunStore
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record
from gitexp.named_tuple import NamedTuple
from gitexp.project.change import Transaction, names_held
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, automatic_names, subject
from gitexp.repo.git.values import RefChange

_TOGETHER = 100  # runs whose objects are written at once
_MOST_UNREAD = 1000  # sentences about what nobody could read
_LEFT_OUT = "not imported: "  # the beginning of such a sentence


class Request(NamedTuple):
    """The request for an import.

    Attributes:
        kind: the name of the importer.
        place: a file, a folder or a server.
        into: the baseline of all runs; "" for the commit of each.
        wanted: whether to take a run, from its record; None for all.
        on_run: told of the number of runs so far.
    """

    kind: str
    place: Place
    into: str = ""
    wanted: Callable[[Record], bool] | None = None
    on_run: Callable[[int], None] = lambda count: None


class ImportedRuns(NamedTuple):
    """The result of an import.

    Attributes:
        experiments: the new experiments, the oldest first.
        grown: the experiments of runs with more in them than at the last import.
        known: the number of runs without a change since.
        left_out: the number of runs left out, by the reason.
        warnings: a sentence for each omission.
    """

    experiments: list[Experiment]
    grown: list[Experiment]
    known: int
    left_out: Counter[str]
    warnings: list[str]


class _RunToStore(NamedTuple):
    """A run to be stored; `before` is its experiment of an earlier import."""

    run: ForeignRun
    before: Experiment | None


def import_runs(project: Project, importer: Importer, request: Request) -> ImportedRuns:
    """Bring the runs of a file or folder.

    A killed import leaves whole runs, and the next import goes on from there; so does one that fails because
    the disk is full or has a fault. Raises UsageError for a place without runs; StorageError, RepositoryError
    and OSError for a fault of this repository and its disk.
    """
    if isinstance(request.place, Path) and not request.place.exists():
        raise errors.UsageError(
            f"{request.place} is not there.", f"Give {importer.looks_for}: gitexp import {request.kind} PATH"
        )
    found = ImportedRuns([], [], 0, Counter(), [])
    known = {**importer.known(project), **_known(project, request.kind)}
    store = ForeignRunStore(project, request.kind, importer.title, request.into)
    if not project.dry_run:
        project.local.prepare()
        if isinstance(request.place, Path):
            importer.prepare(project, request.place)
    to_store = _News(found, known, request, store)
    for batch in _batches(to_store.runs(_read(importer, request.place))):
        _store(project, store, batch, request, found)
    if to_store.seen == 0:
        raise _nothing(importer, request, found.warnings)
    if not project.dry_run:
        found.warnings.extend(importer.finish(project, request.place))
    return found._replace(known=to_store.known)


def _read(importer: Importer, place: Place) -> Iterator[Read]:
    if isinstance(place, Path):
        return importer.read(place)
    return importer.read_from(place)


def _nothing(importer: Importer, request: Request, warnings: list[str]) -> errors.GitexpError:
    why = f" {warnings[0].removeprefix(_LEFT_OUT)}." if warnings else ""
    return errors.UsageError(
        f"No run of {importer.title} could be read in {request.place}.{why}",
        f"Give {importer.looks_for}: gitexp import {request.kind} PATH",
        code="nothing-to-import",
    )


def _known(project: Project, kind: str) -> dict[str, Experiment]:
    """The imported experiments of a tool, by the id of the run there."""
    found: dict[str, Experiment] = {}
    for one in project.store.readable():
        if one.record.imported.get("from") == kind:
            found[str(one.record.imported.get("id"))] = one
    return found


class _News:
    """Chooses the runs to be stored, and counts the others."""

    def __init__(
        self,
        found: ImportedRuns,
        known_runs: Mapping[str, Experiment],
        request: Request,
        store: ForeignRunStore,
    ) -> None:
        self._found = found
        self._known_runs = dict(known_runs)
        self._request = request
        self._store = store
        self._ids = set[str]()
        self.seen = self.known = 0

    def runs(self, read: Iterable[Read]) -> Iterator[_RunToStore]:
        """Yield the new and the grown runs."""
        for one in read:
            if isinstance(one, Unread):
                self._note(f"{_LEFT_OUT}{one}")
                continue
            self.seen += 1
            if isinstance(one, RunLeftOut):
                self._found.left_out[one.why] += 1
                continue
            if one.id in self._ids:
                self._note(f"{_LEFT_OUT}{one.name or one.id}: there is another run of its id, {one.id}")
                continue
            self._ids.add(one.id)
            before = self._known_runs.get(one.id)
            if before is not None and before.record.imported.get("state", one.state) == one.state:
                self.known += 1
            elif self._request.wanted is not None and not self._request.wanted(self._store.for_filters(one)):
                self._found.left_out["by the filter"] += 1
            else:
                yield _RunToStore(one, before)

    def _note(self, sentence: str) -> None:
        if len(self._found.warnings) < _MOST_UNREAD:
            self._found.warnings.append(sentence)


def _batches(runs: Iterator[_RunToStore]) -> Iterator[list[_RunToStore]]:
    while batch := list(itertools.islice(runs, _TOGETHER)):
        yield batch


def _store(
    project: Project, store: ForeignRunStore, batch: list[_RunToStore], request: Request, found: ImportedRuns
) -> None:
    """Add the experiments of some runs, all or none; `gitexp undo` takes them back together."""
    if project.dry_run:
        for each in batch:
            record = store.for_filters(each.run)
            (found.experiments if each.before is None else found.grown).append(
                Experiment(each.run.name or each.run.id, project.repo.zero, record)
            )
        return
    made: list[tuple[_RunToStore, Record, str]] = []
    with project.local.scratch() as scratch, project.repo.writing_together():
        for each in batch:
            try:
                record, tree = store.record(each.run, scratch)
            except RunUnreadable as error:
                found.warnings.append(f"{_LEFT_OUT}{each.run.name or each.run.id}: {error}")
                continue
            made.append((each, record, tree))
            request.on_run(len(found.experiments) + len(found.grown) + len(made))
    with names_held(project), project.repo.writing_together():
        taken = {name.lower() for name in project.store.names()}
        changes = []
        for each, record, tree in made:
            change, experiment = _change(project, each, record, tree, taken)
            changes.append(change)
            (found.experiments if each.before is None else found.grown).append(experiment)
        failpoint("import:written")
        Transaction.begin(project, f"import {request.kind} {request.place.name}").move(*changes)
    failpoint("import:moved")


def _change(
    project: Project, each: _RunToStore, record: Record, tree: str, taken: set[str]
) -> tuple[RefChange, Experiment]:
    """The change of a run's ref, and its experiment."""
    before = each.before
    if before is None:
        name = _free_name(each.run, record, taken)
        taken.add(name.lower())
        record = replace(record, name=name)
    else:  # what people have said of it here stays
        now = before.record
        tags = tuple(dict.fromkeys([*now.tags, *record.tags]))
        record = replace(record, name=before.name, note=now.note or record.note, tags=tags)
    parents = [record.commit] if before is None else [record.commit, before.id]
    oid = project.repo.write_commit(tree, parents, records.encode(record, subject(record)))
    change = RefChange(PREFIX + record.name, None if before is None else before.id, oid)
    return change, Experiment(record.name, oid, record)


def _free_name(run: ForeignRun, record: Record, taken: Collection[str]) -> str:
    """The run's own name, with a number if taken; else a name made from its commit."""
    if run.name:
        try:
            wanted = names.filled(run.name.replace("{", "-").replace("}", "-"), {})
        except errors.InvalidName:  # nothing of it is left
            wanted = ""
        if wanted:
            return next(iter(names.numbered(wanted, taken)))
    return next(name for name in automatic_names(record.commit) if name.lower() not in taken)
