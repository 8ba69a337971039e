"""The units of a difference between two experiments: params, files and data; or the hunks of a file."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from gitexp import errors, files
from gitexp.catalog.value_pairs import differs
from gitexp.datasets import wanted
from gitexp.files.formats.yaml_write import flow_text
from gitexp.model import MISSING, Artifact, Change, Experiment, Files, Value
from gitexp.project.params import COMMAND
from gitexp.project.project import Project
from gitexp.repo.git.checkout import tree_changes
from gitexp.repo.git.indexes import Entry
from gitexp.views import environments
from gitexp.words import clean, show_value

_MOST_LINES = 20_000  # of a file whose hunks are sought
_FILES = frozenset({"100644", "100755"})  # modes


class Unit(NamedTuple):
    """A part of the difference that can be taken over from the second side alone.

    Attributes:
        label: the unit for people: `train.lr: 0.1 → 0.2`, a path, or a path and lines.
        overrides: texts after `-S`.
        changes: the files by path, with mode and blob; None for one that the second side does not have.
        path: of a file that both sides have, the path: it may have hunks.
        data: entries of gitexp.lock by path; None for data that the second side does not have.
    """

    label: str
    overrides: tuple[str, ...] = ()
    changes: Mapping[str, Entry | None] = {}
    path: str = ""
    data: Mapping[str, Artifact | None] = {}


class LineHunk(NamedTuple):
    """A block of lines that differs.

    Attributes:
        begin, end: the lines of the first side, from 0, without the one at `end`.
        instead: the lines of the second side.
    """

    begin: int
    end: int
    instead: Sequence[bytes]


class HunkUnit(NamedTuple):
    """A hunk of a file, as a unit.

    Attributes:
        label: path and first line.
        before: the file as the first side has it.
        hunk: the hunk.
    """

    label: str
    before: bytes
    hunk: LineHunk


def params_units(first: Files, second: Files) -> tuple[list[Unit], list[str]]:
    """A unit for each param that differs; and the labels of differences that no `-S` can make.

    Params in Python files are left out: these files are code as well.
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
    return f"{'+' if change.old is MISSING else ''}{place}={flow_text(value)}"


def file_units(project: Project, first: Experiment, second: Experiment, told: Collection[str]) -> list[Unit]:
    """A unit for each changed file of the code; a file that was only renamed is one unit.

    `told`: the paths of results, and of files that other units have.
    """
    found, removed = list[Unit](), dict[Entry, str]()
    changes = tree_changes(project.repo, first.record.commit, second.record.commit)
    for change in changes:
        if change.new is None and change.old is not None and change.path not in told:
            removed[change.old] = change.path
    for change in changes:
        if change.new is None or change.path in told:
            continue
        label = clean(change.path)
        if change.old is None and (before := removed.pop(change.new, None)) is not None:
            changed = {before: None, change.path: change.new}
            found.append(Unit(f"{clean(before)} → {label}", changes=changed))
        else:
            is_edit = change.old is not None and {change.old[0], change.new[0]} <= _FILES
            found.append(Unit(label, changes={change.path: change.new}, path=change.path if is_edit else ""))
    found += [Unit(f"{clean(path)}, removed", changes={path: None}) for path in removed.values()]
    return found


def data_units(project: Project, first: Experiment, second: Experiment) -> tuple[list[Unit], list[str]]:
    """A unit for each data set of gitexp.lock that differs; and a label if a lock cannot be read."""
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
    """What no hybrid can have: the other machine, Python and packages; a label for each."""
    found = []
    for change in environments.circumstances(project, first, second):
        found.append(f"{clean(change.key)}: {show_value(change.old)} → {show_value(change.new)}")
    return found


def hunk_units(project: Project, first: Experiment, second: Experiment, path: str) -> list[HunkUnit]:
    """A unit for each hunk of a file that both sides have; [] for a binary or a very long file."""
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
    """The blocks of lines that differ, in order; [] for files that are too long."""
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
