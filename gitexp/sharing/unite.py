"""Unite two lines of records of an experiment: notes and tags that were changed here and elsewhere.

Records stand on records (docs/format.md), so Git's history tells which side knew the other: if one line goes
on from the other, it is the newer line. If the lines have parted, a record with both as parents unites them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from gitexp import files
from gitexp.catalog import certificates
from gitexp.files.merging import united
from gitexp.model import Experiment, Record
from gitexp.named_tuple import NamedTuple
from gitexp.process.printed import find_printed
from gitexp.project.params import OUTPUT
from gitexp.project.project import Project, parse_all
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, RecordCommit, subject
from gitexp.repo.git import graph
from gitexp.repo.git.values import RefChange, in_commit

_MOST = 100_000  # records that are looked through


@dataclass(frozen=True, slots=True)
class Pair:
    """An experiment here, and the same experiment elsewhere: same commit, perhaps another name."""

    mine: Experiment
    theirs: Experiment


@dataclass(frozen=True, slots=True)
class UniteStep:
    """The way to bring an experiment here up to its other side.

    Attributes:
        change: the new record; None unless the record here is older.
        united: both sides had changed.
        lost_note: a note replaced by a newer note.
        waits: another step changes the same experiment; ask again after the other step.
        forged: differences there beyond any edit; with any, nothing is taken over.
    """

    change: RefChange | None
    united: bool = False
    lost_note: str = ""
    waits: bool = False
    forged: Sequence[str] = ()


def steps(project: Project, pairs: Sequence[Pair]) -> list[UniteStep]:
    """The step for each pair. No ref is moved yet."""
    tips, stops = list[str](), list[str]()
    for pair in pairs:
        if pair.mine.id != pair.theirs.id:
            tips += (pair.mine.id, pair.theirs.id)
            stops.append(pair.mine.record.commit)
    parents = graph.lines_to(project.repo, tips, stops, _MOST)
    moved: set[str] = set()
    found = []
    for pair in pairs:
        step = _step(project, pair, parents, waits=pair.mine.name in moved)
        if step.change is not None:
            moved.add(pair.mine.name)
        found.append(step)
    return found


class Edits(NamedTuple):
    """The parts of an experiment edited since the last common record: note, tags, metrics, certificates.

    Attributes:
        there: edited elsewhere.
        here: edited here.
    """

    there: Sequence[str]
    here: Sequence[str]


def edits(project: Project, pair: Pair) -> Edits:
    """The edits of both sides of an experiment."""
    tips, stop = [pair.mine.id, pair.theirs.id], pair.mine.record.commit
    parents = graph.lines_to(project.repo, tips, [stop], _MOST)
    mine, theirs = graph.reached(parents, pair.mine.id), graph.reached(parents, pair.theirs.id)
    lines = _Lines.read(project, parents, [*mine, *theirs])
    before = lines.record(next((commit for commit in mine if commit in theirs), None))
    return Edits(_edited(before, pair.theirs.record), _edited(before, pair.mine.record))


def _edited(before: Record | None, now: Record) -> list[str]:
    """The edited parts of a record; the same text twice is no edit."""
    if before is None:
        return []
    return [part for part in _EDITED_PARTS if _differ(getattr(before, part), getattr(now, part))]


def _step(project: Project, pair: Pair, parents: Mapping[str, Sequence[str]], *, waits: bool) -> UniteStep:
    mine, theirs = graph.reached(parents, pair.mine.id), graph.reached(parents, pair.theirs.id)
    ref = PREFIX + pair.mine.name
    if pair.theirs.id in mine or waits:
        return UniteStep(None, waits=pair.theirs.id not in mine)
    lines = _Lines.read(project, parents, [*mine, *theirs])
    common = next((commit for commit in mine if commit in theirs), None)
    forged = _forged(project, pair, lines.experiment(common))
    if forged:
        return UniteStep(None, forged=forged)
    if pair.mine.id in theirs:
        lost = pair.mine.record.note
        if lost == pair.theirs.record.note:
            lost = ""
        return UniteStep(RefChange(ref, pair.mine.id, pair.theirs.id), lost_note=lost)
    record, lost = _united(pair, lines, common)
    tree = project.repo.resolve(pair.mine.id, "tree")
    assert tree is not None  # its record has just been read
    message = records.encode(record, subject(record))
    oid = project.repo.write_commit(tree, [pair.mine.id, pair.theirs.id], message, sign=project.store.sign)
    return UniteStep(RefChange(ref, pair.mine.id, oid), united=True, lost_note=lost)


def _united(pair: Pair, lines: _Lines, common: str | None) -> tuple[Record, str]:
    """The record for both sides, and the note replaced by a newer note ("": none).

    `common`: the last record below both sides. A tag removed on either side since then stays away.
    """
    mine, theirs = pair.mine.record, pair.theirs.record
    before = lines.record(common)
    old_tags: Sequence[str] = ()
    old_note = ""
    if before is not None:
        old_tags, old_note = before.tags, before.note
    kept_by_both = set(mine.tags).intersection(theirs.tags)
    gone = set(old_tags) - kept_by_both
    tags = []
    for tag in dict.fromkeys([*mine.tags, *theirs.tags]):
        if tag not in gone:
            tags.append(tag)
    note, lost = mine.note, ""
    if mine.note == old_note:
        note = theirs.note
    elif theirs.note not in (old_note, mine.note):
        # Of two notes of the same second, the last in order: so both sides come to the same result.
        sides = [(lines.noted(pair.mine.id), mine.note), (lines.noted(pair.theirs.id), theirs.note)]
        (_, lost), (_, note) = sorted(sides)
    metrics, patterns = united(theirs.metrics, mine.metrics), united(theirs.patterns, mine.patterns)
    certified = certificates.united(mine, theirs, before)
    return (
        replace(
            mine, tags=tuple(tags), note=note, metrics=metrics, patterns=patterns, certificates=certified
        ),
        lost,
    )


_MEASURED = frozenset({"metrics", "patterns"})  # what `gitexp metrics` changes
_EDITED_PARTS = ("note", "tags", "metrics", "certificates")
_EDITABLE = ("name", "note", "tags", "certificates")  # what `rename`, `note`, `tag` and `reproduce` change


def differences(project: Project, one: Experiment, other: Experiment) -> list[str]:
    """The fields of the record, and "files", that differ although no command can have changed them."""
    found = []
    for field in fields(Record):
        if field.name in _EDITABLE:
            continue
        old, new = getattr(one.record, field.name), getattr(other.record, field.name)
        if _differ(old, new):
            found.append(field.name)
    if found and _MEASURED.issuperset(found) and _was_measured(project, one, other):
        found = []
    tree, other_tree = project.repo.ids_of([f"{one.id}^{{tree}}", f"{other.id}^{{tree}}"])
    if tree != other_tree:
        found.append("files")
    return found


def _was_measured(project: Project, one: Experiment, other: Experiment) -> bool:
    """Whether `gitexp metrics` gives one experiment the metrics of the other: they are had anew here."""
    old, new = one.record, other.record
    if not (old.metrics.keys() <= new.metrics.keys() and old.patterns.items() <= new.patterns.items()):
        return False
    for name, tree in new.metrics.items():
        if not _differ(old.metrics.get(name), tree):
            continue
        expected: object = None
        if name == OUTPUT:
            expected = {**old.metrics.get(OUTPUT, {}), **_printed(project, one, new.patterns)}
        elif name not in old.metrics:
            (content,) = project.repo.read_blobs(in_commit(old.commit, [name]))
            expected = parse_all({name: content}, files.parse_metrics)[0].get(name)
        if _differ(expected, tree):
            return False
    return True


def _printed(project: Project, experiment: Experiment, patterns: Mapping[str, str]) -> dict[str, Any]:
    """The metrics that patterns find in the stored output."""
    log = project.store.run_file(experiment, "output.log") or b""
    return files.printed_tree(find_printed(log, [*patterns.items()]))


def _differ(one: object, other: object) -> bool:
    # By their text: 1, 1.0 and True are equal to Python, and NaN is not equal to itself.
    return json.dumps(one, sort_keys=True, default=repr) != json.dumps(other, sort_keys=True, default=repr)


def _forged(project: Project, pair: Pair, common: Experiment | None) -> Sequence[str]:
    """The differences of the other side from the experiment here.

    None, if the other side has not changed the last common record: the special parts here stay.
    """
    found = differences(project, pair.mine, pair.theirs)
    if found and common is not None and not differences(project, common, pair.theirs):
        return ()
    return found


@dataclass(frozen=True, slots=True)
class _Lines:
    """The records between two tips and their last common record."""

    found: Mapping[str, RecordCommit]

    @classmethod
    def read(cls, project: Project, parents: Mapping[str, Sequence[str]], commits: Sequence[str]) -> _Lines:
        ids = {commit: commit for commit in commits if commit in parents}
        return cls({one.experiment.id: one for one in project.store.read_commits(ids)})

    def experiment(self, commit: str | None) -> Experiment | None:
        """The experiment of a record commit, if any."""
        one = self.found.get(commit or "")
        if one is None or not isinstance(one.experiment, Experiment):
            return None
        return one.experiment

    def record(self, commit: str | None) -> Record | None:
        """The record in a commit, if any."""
        one = self.experiment(commit)
        return None if one is None else one.record

    def noted(self, tip: str) -> int:
        """The time of a tip's note, found along first parents; seconds since the epoch."""
        at = self.found.get(tip)
        record = self.record(tip)
        while at is not None and record is not None and at.parents:
            above = self.record(at.parents[0])
            if above is None or above.note != record.note:
                break
            at = self.found[at.parents[0]]
        if at is None:
            return 0
        return at.time
