"""The difference of two points' code for a page: two columns, in colours, with the changed words marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

from gitexp.catalog.lookup import Point
from gitexp.extras.web.contents import highlighting
from gitexp.extras.web.contents.highlighting import Span
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project, read_inside
from gitexp.regex import regex
from gitexp.repo.git.values import in_commit
from gitexp.views.diff import Diff, FileChange, patch

Document = dict[str, Any]

MOST_FILES = 200
MOST_ROWS = 2_000  # of one file
MOST_ROWS_OF_ALL = 10_000
MOST_BYTES = 400_000  # of a file in colours

_HUNK = regex(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")
_WORD = regex(r"\w+|\s+|[^\w\s]")
_LONGEST = 2_000  # characters of a line that is shown; and of one whose changed words are looked for
_ALIKE = 0.4  # lines that have less in common are not compared word by word


class _Hunk(NamedTuple):
    """A hunk of a patch.

    Attributes:
        old, new: the number of the first line on either side.
        heading: the function or section around the hunk.
        lines: the lines, each with "-", "+" or " " in front.
    """

    old: int
    new: int
    heading: str
    lines: list[str]


class _Sides(NamedTuple):
    """The coloured lines of the two versions of a file; [] for a version without colours."""

    old: Sequence[Sequence[Span]]
    new: Sequence[Sequence[Span]]


def side_by_side(project: Project, found: Diff) -> Document:
    """The changed files of the code, each with its hunks (`pieces`) in two columns.

    A row: `[old number, old spans, new number, new spans]`; the number of a missing line is null. A span:
    `[text, class]`; the class "x" marks a changed word. `left_out`: the files left out.
    """
    patches = dict(_by_file(patch(project, found, color=False)))
    files, left_out, rows = list[Document](), list[str](), 0
    for change in found.code[:MOST_FILES]:
        document: Document = {
            "path": change.path,
            "renamed_from": change.renamed_from,
            "added": change.added,
            "deleted": change.deleted,
            "pieces": [],
        }
        files.append(document)
        if change.added is None:
            document["binary"] = True
            continue
        hunks = patches.get(change.path, [])
        if rows >= MOST_ROWS_OF_ALL:
            left_out.append(change.path)
            continue
        sides = _coloured(project, found, change)
        shown, is_whole = _pieces(hunks, sides)
        document["pieces"] = shown
        for piece in shown:
            rows += len(piece["rows"])
        if not is_whole:
            left_out.append(change.path)
    if len(found.code) > MOST_FILES:
        left_out.append(f"{len(found.code) - MOST_FILES:,} more files")
    return {"files": files, "left_out": left_out}


def _pieces(hunks: Sequence[_Hunk], sides: _Sides) -> tuple[list[Document], bool]:
    """The shown hunks of a file, and true if nothing was left out."""
    found, count = list[Document](), 0
    for hunk in hunks:
        rows = list(_rows(hunk, sides))
        found.append({"heading": hunk.heading, "rows": rows[: MOST_ROWS - count]})
        count += len(rows)
        if count > MOST_ROWS:
            return found, False
    return found, True


# -- a patch ------------------------------------------------------------------------------------------


def _by_file(text: bytes) -> Iterator[tuple[str, list[_Hunk]]]:
    """Yield the files of a patch by Git with their hunks, under their new names."""
    for part in re.split(rb"^diff --git ", text, flags=re.MULTILINE)[1:]:
        hunks = list(_hunks(part))
        yield _name(part), hunks


def _name(part: bytes) -> str:
    """The new name of a file; the old name of a deleted file."""
    head = part.partition(b"\n@@ ")[0]
    names = {}
    for line in head.split(b"\n"):
        for mark in (b"--- ", b"+++ "):
            if line.startswith(mark):
                names[mark] = _unquoted(line.removeprefix(mark))
    for mark in (b"+++ ", b"--- "):
        name = names.get(mark, "/dev/null")
        if name != "/dev/null":
            return name[2:]
    return ""


def _unquoted(name: bytes) -> str:
    """The plain name from a patch. Git quotes special characters, and adds a tab after names with spaces."""
    if name.startswith(b'"') and name.rstrip().endswith(b'"'):
        inner = name.strip()[1:-1]
        raw = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), inner)
        raw = re.sub(rb"\\(.)", lambda found: {b"n": b"\n", b"t": b"\t"}.get(found[1], found[1]), raw)
        return raw.decode("utf-8", "surrogateescape")
    return name.removesuffix(b"\t").decode("utf-8", "surrogateescape")


def _hunks(part: bytes) -> Iterator[_Hunk]:
    now: _Hunk | None = None
    for line in part.split(b"\n"):
        match = _HUNK.match(line)
        if match is not None:
            if now is not None:
                yield now
            now = _Hunk(int(match[1]), int(match[2]), match[3].decode("utf-8", "replace"), [])
        elif now is not None and line[:1] in (b"-", b"+", b" "):
            now.lines.append(line.decode("utf-8", "replace"))
    if now is not None:
        yield now


# -- rows ---------------------------------------------------------------------------------------------


def _rows(hunk: _Hunk, sides: _Sides) -> Iterator[list[Any]]:
    """Yield the rows of a hunk: deleted lines beside the added lines in their place."""
    old, new = hunk.old, hunk.new
    gone, come = list[str](), list[str]()
    for line in [*hunk.lines, " "]:
        mark, text = line[:1], line[1:].rstrip("\r")
        if mark == "-":
            gone.append(text)
        elif mark == "+":
            come.append(text)
        else:
            yield from _changed(gone, come, old, new, sides)
            old, new = old + len(gone), new + len(come)
            gone, come = [], []
            if old - hunk.old + new - hunk.new < _ended(hunk):
                spans = _at(sides.new, new, text)
                yield [old, spans, new, spans]
                old, new = old + 1, new + 1


def _ended(hunk: _Hunk) -> int:
    """The number of lines on both sides of a hunk together."""
    count = len(hunk.lines)
    for line in hunk.lines:
        if line[:1] == " ":
            count += 1
    return count


def _changed(
    gone: Sequence[str], come: Sequence[str], old: int, new: int, sides: _Sides
) -> Iterator[list[Any]]:
    for at in range(max(len(gone), len(come))):
        row: list[Any] = [None, [], None, []]
        if at < len(gone):
            row[0], row[1] = old + at, _at(sides.old, old + at, gone[at])
        if at < len(come):
            row[2], row[3] = new + at, _at(sides.new, new + at, come[at])
        if at < len(gone) and at < len(come):
            before, after = _differing(gone[at], come[at])
            row[1], row[3] = _marked(row[1], before), _marked(row[3], after)
        yield row


def _at(coloured: Sequence[Sequence[Span]], number: int, text: str) -> list[Span]:
    """The spans of a line: coloured if the file has the same line, else plain."""
    if 0 < number <= len(coloured):
        spans = coloured[number - 1]
        if "".join(part for part, _ in spans) == text and len(text) <= _LONGEST:
            return list(spans)
    if not text:
        return []
    return [(text[:_LONGEST], "")]


def _differing(old: str, new: str) -> tuple[list[range], list[range]]:
    """The places of the changed words in two similar lines; none for other lines."""
    if max(len(old), len(new)) > _LONGEST:
        return [], []
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [], []
    gone, come = list[range](), list[range]()
    for kind, start, end, begin, stop in matcher.get_opcodes():
        if kind != "equal":
            gone.append(_place(before, start, end))
            come.append(_place(after, begin, stop))
    return gone, come


def _place(words: Sequence[str], start: int, end: int) -> range:
    first = sum(map(len, words[:start]))
    return range(first, first + sum(map(len, words[start:end])))


def _marked(spans: Sequence[Span], places: Sequence[range]) -> list[Span]:
    """The spans, divided at the places; spans at a place also have the class "x"."""
    edges = set[int]()
    for place in places:
        edges |= {place.start, place.stop}
    found, at = list[Span](), 0
    for text, name in spans:
        end = at + len(text)
        cuts = sorted({at, end, *(edge for edge in edges if at < edge < end)})
        for first, last in pairwise(cuts):
            mark = name
            if any(first in place for place in places):
                mark = f"{name} x".strip()
            found.append((text[first - at : last - at], mark))
        at += len(text)
    return found


# -- texts --------------------------------------------------------------------------------------------


def _coloured(project: Project, found: Diff, change: FileChange) -> _Sides:
    """Both versions of a changed file in colours: whole files, because a token can span many lines."""
    old_path = change.renamed_from or change.path
    return _Sides(
        _lines(_content(project, found.old, old_path), old_path),
        _lines(_content(project, found.new, change.path), change.path),
    )


def _content(project: Project, point: Point, path: str) -> bytes | None:
    if point.commit is None:
        return read_inside(Path(project.repo.root), path)
    (content,) = project.repo.read_blobs(in_commit(point.commit, [path]), most=MOST_BYTES)
    return content


def _lines(content: bytes | None, path: str) -> list[list[Span]]:
    if content is None or len(content) > MOST_BYTES:
        return []
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return []
    return highlighting.lines(text.replace("\r\n", "\n"), path)
