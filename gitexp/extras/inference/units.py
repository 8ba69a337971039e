"""The units of a difference between two experiments: params, files and data; or the hunks of a file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from gitexp import errors, files
from gitexp.catalog.value_pairs import differs
from gitexp.datasets import wanted
from gitexp.files.formats.yaml_write import flow_text
from gitexp.model import MISSING, Artifact, Change, Experiment, Files, Value
from gitexp.named_tuple import NamedTuple
from gitexp.project.params import COMMAND
from gitexp.project.project import Project
from gitexp.repo.git.checkout import tree_changes
from gitexp.repo.git.indexes import Entry
from gitexp.views import environments
from gitexp.words import clean, show_value

_MOST_LINES = 20_000  # of a file whose hunks are sought
_FILES = frozenset({"100644", "100755"})  # modes


class Unit(NamedTuple):
    """A part of the difference, to be taken from the second side alone.

    Attributes:
        label: the unit for people: `train.lr: 0.1 → 0.2`, a path, or a path and lines.
        overrides: texts after `-S`.
        changes: the files by path, with mode and blob; None for a file of the first side alone.
        path: the path of a file of both sides, perhaps with hunks; "" for any other unit.
        data: entries of gitexp.lock by path; None for data of the first side alone.
    """

    label: str
    overrides: tuple[str, ...] = ()
    changes: Mapping[str, Entry | None] = {}
    path: str = ""
    data: Mapping[str, Artifact | None] = {}


class LineHunk(NamedTuple):
    """A differing block of lines.

    Attributes:
        begin, end: the lines of the first side, from 0, without line `end`.
        instead: the lines of the second side.
    """

    begin: int
    end: int
    instead: Sequence[bytes]


class HunkUnit(NamedTuple):
    """A hunk of a file, as a unit.

    Attributes:
        label: path and first line.
        before: the contents of the file on the first side.
        hunk: the hunk.
    """

    label: str
    before: bytes
    hunk: LineHunk


def params_units(first: Files, second: Files) -> tuple[list[Unit], list[str]]:
    """A unit for each differing param, and the labels of differences out of reach for `-S`.

    Params in Python files are left out: Python files are code, too.
    """
    found, left = list[Unit](), list[str]()
    for name in dict.fromkeys((*first, *second)):
        if name.endswith(".py"):
            continue
        if (name in first) != (name in second):
            left.append(f"{clean(name)}, which only one side has")
            continue
        before, after = files.flatten(first[name]), files.flatten(second[name])
        for key in dict.fromkeys((*before, *after)):
            change = Change(key, before.get(key, MISSING), after.get(key, MISSING))
            if differs(change):
                label = f"{clean(key)}: {show_value(change.old)} → {show_value(change.new)}"
                found.append(Unit(label, (_override(name, change),)))
    return found, left


def _override(name: str, change: Change) -> str:
    place = change.key if name == COMMAND else f"{name}:{change.key}"
    if change.new is MISSING:
        return f"~{place}"
    value: Value = change.new
    if change.old is MISSING:
        return f"+{place}={flow_text(value)}"
    return f"{place}={flow_text(value)}"


def file_units(project: Project, first: Experiment, second: Experiment, told: Collection[str]) -> list[Unit]:
    """A unit for each changed file of the code; a file with only another name is one unit.

    `told`: the paths of results, and of files in other units.
    """
    changes = []
    for change in tree_changes(project.repo, first.record.commit, second.record.commit):
        if change.path not in told:
            changes.append(change)
    removed = dict[Entry, str]()
    for change in changes:
        if change.new is None and change.old is not None:
            removed[change.old] = change.path
    found = list[Unit]()
    for change in changes:
        if change.new is None:
            continue
        before = None
        if change.old is None:
            before = removed.pop(change.new, None)
        if before is None:
            found.append(_changed_file(change.path, change.old, change.new))
        else:
            changed = {before: None, change.path: change.new}
            found.append(Unit(f"{clean(before)} → {clean(change.path)}", changes=changed))
    found += [Unit(f"{clean(path)}, removed", changes={path: None}) for path in removed.values()]
    return found


def _changed_file(path: str, old: Entry | None, new: Entry) -> Unit:
    """The unit of a new file, or of a changed file, perhaps with hunks."""
    unit = Unit(clean(path), changes={path: new})
    if old is not None and {old[0], new[0]} <= _FILES:
        return unit._replace(path=path)
    return unit


def data_units(project: Project, first: Experiment, second: Experiment) -> tuple[list[Unit], list[str]]:
    """A unit for each differing data set of gitexp.lock, and a label for an unreadable lock."""
    both = wanted.locks(project, [first.record.commit, second.record.commit])
    before, after = both[first.record.commit], both[second.record.commit]
    if isinstance(before, errors.LockError) or isinstance(after, errors.LockError):
        return [], ["data, for a gitexp.lock cannot be read"]
    found = []
    for path in sorted({*before.data, *after.data}):
        old, new = before.data.get(path), after.data.get(path)
        if old is None or new is None or old.content != new.content:
            found.append(Unit(f"data {clean(path)}", data={path: new}))
    return found, []


def circumstances(project: Project, first: Experiment, second: Experiment) -> list[str]:
    """The labels of the differences that no hybrid can have: machine, Python and packages."""
    found = []
    for change in environments.circumstances(project, first, second):
        found.append(f"{clean(change.key)}: {show_value(change.old)} → {show_value(change.new)}")
    return found


def hunk_units(project: Project, first: Experiment, second: Experiment, path: str) -> list[HunkUnit]:
    """A unit for each hunk of a file of both sides; [] for a binary or a very long file."""
    names = [f"{one.record.commit}:{path}" for one in (first, second)]
    before, after = project.repo.read_blobs(names)
    if before is None or after is None or b"\0" in before + after:
        return []
    found = []
    for hunk in hunks(before, after):
        first_line = hunk.begin + 1
        found.append(HunkUnit(f"{clean(path)}:{first_line}", before, hunk))
    return found


def hunks(before: bytes, after: bytes) -> list[LineHunk]:
    """The differing blocks of lines, in order; [] for very long files."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if max(len(old), len(new)) > _MOST_LINES:
        return []
    found = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, begin, end, other_begin, other_end in matcher.get_opcodes():
        if kind != "equal":
            found.append(LineHunk(begin, end, new[other_begin:other_end]))
    return found


def with_hunks(before: bytes, chosen: Sequence[LineHunk]) -> bytes:
    """The content with some of the hunks, given in order."""
    old, made, at = before.splitlines(keepends=True), list[bytes](), 0
    for hunk in chosen:
        made += [*old[at : hunk.begin], *hunk.instead]
        at = hunk.end
    return b"".join([*made, *old[at:]])
