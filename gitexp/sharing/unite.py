"""Two lines of records of one experiment made one: notes and tags that were changed here and elsewhere.

Records stand on records (docs/format.md), so Git's own history says who knew what: where one line goes on
from the other, it is the newer one; where they have parted, a record with both as parents unites them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp.model import Experiment, Record
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, StoredRecord, subject
from gitexp.repo.git import graph
from gitexp.repo.git.values import RefChange

_MOST = 100_000  # records that are looked through


@dataclass(frozen=True, slots=True)
class Pair:
    """One experiment as it is here, and as it is elsewhere: under whatever name, but the same commit."""

    mine: Experiment
    theirs: Experiment


@dataclass(frozen=True, slots=True)
class UniteStep:
    """What is to become of the one here: `change` is None where it is as new as the other one, or newer.

    `united` says that both had been changed; `lost_note` is a note that another one replaces.
    `waits` says that another step is about the same one here, and this one is to be asked for after it.
    """

    change: RefChange | None
    united: bool = False
    lost_note: str = ""
    waits: bool = False


def steps(project: Project, pairs: Sequence[Pair]) -> list[UniteStep]:
    """Return what brings each experiment here up to what is known of it elsewhere; nothing is moved yet."""
    apart = [pair for pair in pairs if pair.mine.id != pair.theirs.id]
    tips = [oid for pair in apart for oid in (pair.mine.id, pair.theirs.id)]
    stops = [pair.mine.record.commit for pair in apart]
    parents = graph.lines_to(project.repo, tips, stops, _MOST)
    moved: set[str] = set()
    found = []
    for pair in pairs:
        step = _step(project, pair, parents, waits=pair.mine.name in moved)
        moved |= {pair.mine.name} if step.change is not None else set()
        found.append(step)
    return found


def _step(project: Project, pair: Pair, parents: Mapping[str, Sequence[str]], *, waits: bool) -> UniteStep:
    mine, theirs = (graph.reached(parents, one.id) for one in (pair.mine, pair.theirs))
    ref = PREFIX + pair.mine.name
    if pair.theirs.id in mine or waits:
        return UniteStep(None, waits=pair.theirs.id not in mine)
    if pair.mine.id in theirs:
        note = pair.mine.record.note
        lost = note if note != pair.theirs.record.note else ""
        return UniteStep(RefChange(ref, pair.mine.id, pair.theirs.id), lost_note=lost)
    lines = _Lines.read(project, parents, [*mine, *theirs])
    record, lost = _united(pair, lines, next((commit for commit in mine if commit in theirs), None))
    tree = project.repo.resolve(pair.mine.id, "tree")
    assert tree is not None  # its record has just been read
    message = records.encode(record, subject(record))
    oid = project.repo.write_commit(tree, [pair.mine.id, pair.theirs.id], message)
    return UniteStep(RefChange(ref, pair.mine.id, oid), united=True, lost_note=lost)


def _united(pair: Pair, lines: _Lines, common: str | None) -> tuple[Record, str]:
    """Return one record for both, and the note that was given up for a newer one ("": none).

    `common` is the last record that both stand on. A tag that one side has taken away since then stays away.
    """
    mine, theirs = pair.mine.record, pair.theirs.record
    before = lines.record(common)
    old_tags, old_note = (before.tags, before.note) if before is not None else ((), "")
    gone = {tag for tag in old_tags if tag not in mine.tags or tag not in theirs.tags}
    tags = tuple(tag for tag in dict.fromkeys([*mine.tags, *theirs.tags]) if tag not in gone)
    note, lost = mine.note, ""
    if mine.note == old_note:
        note = theirs.note
    elif theirs.note not in (old_note, mine.note):
        # Of two of the same second the one that sorts last, so that both sides come to the same.
        sides = [(lines.noted(one.id), one.record.note) for one in (pair.mine, pair.theirs)]
        (_, lost), (_, note) = sorted(sides)
    extra = {**theirs.extra, **mine.extra}
    return replace(mine, tags=tags, note=note, extra=extra), lost


@dataclass(frozen=True, slots=True)
class _Lines:
    """The records on the way from two tips to what they have in common."""

    found: Mapping[str, StoredRecord]

    @classmethod
    def read(cls, project: Project, parents: Mapping[str, Sequence[str]], commits: Sequence[str]) -> _Lines:
        ids = {commit: commit for commit in commits if commit in parents}
        return cls({one.experiment.id: one for one in project.store.read_commits(ids)})

    def record(self, commit: str | None) -> Record | None:
        """Return the record that a commit holds, None if it holds none."""
        one = self.found.get(commit or "")
        if one is None or not isinstance(one.experiment, Experiment):
            return None
        return one.experiment.record

    def noted(self, tip: str) -> int:
        """Return when the note that a tip has was written, as far as its first parents tell."""
        at = self.found.get(tip)
        record = self.record(tip)
        while at is not None and record is not None and at.parents:
            above = self.record(at.parents[0])
            if above is None or above.note != record.note:
                break
            at = self.found[at.parents[0]]
        return at.time if at is not None else 0
