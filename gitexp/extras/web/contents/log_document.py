"""What a command has printed, for a page: a part of it, by byte offset, with its colours as marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.catalog.series import stored_series
from gitexp.cli.kit.output import printable
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import opener
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.experiments import RUN_FOLDER

Document = dict[str, Any]
Span = tuple[str, str]  # a text, and its style as names of classes

MOST = 256 * 1024  # bytes of a part

_MOST_FOUND = 500  # lines with a searched text
_LONGEST = 4_000  # characters of a line
_SGR = regex(r"\x1b\[([0-9;:]*)m")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}
# The codes of colours of the text ("f") and behind the text ("b").
_EXTENDED = {38: "f", 48: "b"}
_DEFAULTS = {39: "f", 49: "b"}


class _Output(NamedTuple):
    """The bytes of an output, from a file of a live run or from the record's tree.

    Attributes:
        size: the number of bytes.
        whole: all bytes of a stored output; None for a live run.
        path: the file of a live run, to read in parts.
    """

    size: int
    whole: bytes | None
    path: Path | None = None

    def read(self, start: int, end: int) -> bytes:
        if self.whole is not None:
            return self.whole[start:end]
        assert self.path is not None
        with open(self.path, "rb", opener=opener) as file:
            file.seek(start)
            return file.read(end - start)


def part(
    project: Project,
    experiment: Experiment,
    start: int | None = None,
    end: int | None = None,
    most: int = MOST,
) -> Document:
    """A part of an output: whole lines, at most `most` bytes; without `start` and `end` the last lines.

    Returns: `start` and `end` in bytes, `size` of the output, `lines`, and `reason` for a missing output.
    `again`: the output is shorter than `start`, so the page has to ask for the whole.
    """
    try:
        output = _output(project, experiment)
    except (errors.GitexpError, OSError) as error:
        return {"start": 0, "end": 0, "size": 0, "lines": [], "live": False, "reason": str(error)}
    live = not experiment.record.status.ended
    if output is None:
        return {"start": 0, "end": 0, "size": 0, "lines": [], "live": live, "reason": _why(experiment)}
    if start is not None and start > output.size:
        return {"start": 0, "end": 0, "size": output.size, "lines": [], "live": live, "again": True}
    start, data = _bytes(output, start, end, most, live=live)
    lines = [spans(line[:_LONGEST]) for line in printable(data, colors=True)]
    return {"start": start, "end": start + len(data), "size": output.size, "lines": lines, "live": live}


def _bytes(
    output: _Output, start: int | None, end: int | None, most: int, *, live: bool
) -> tuple[int, bytes]:
    """The place and the bytes of whole lines between `start` and `end`."""
    if end is None:
        end = output.size
    end = min(end, output.size)
    if start is None:
        start = max(end - most, 0)
        data = output.read(start, end)
        if start:  # not in the middle of a line
            cut = data.find(b"\n") + 1
            start, data = start + cut, data[cut:]
    else:
        end = min(start + most, end)
        data = output.read(start, end)
    if live or end < output.size:  # an incomplete line comes with the next part
        whole = data.rfind(b"\n") + 1
        if whole:
            data = data[:whole]
        elif live and end == output.size and len(data) < most:
            data = b""
    return start, data


def search(project: Project, experiment: Experiment, text: str) -> Document:
    """The first lines of an output with a text, in any case, each with the place of its first byte."""
    data = b""
    try:
        output = _output(project, experiment)
        if output is not None:
            data = output.read(0, output.size)
    except (errors.GitexpError, OSError) as error:
        return {"found": [], "more": False, "reason": str(error)}
    wanted = text.casefold()
    found, place = list[Document](), 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if wanted and len(found) <= _MOST_FOUND:
            shown = "".join(printable(line[:_LONGEST], colors=False))
            if wanted in shown.casefold():
                found.append({"line": number, "start": place, "text": shown})
        place += len(line) + 1
    return {"found": found[:_MOST_FOUND], "more": len(found) > _MOST_FOUND}


def _output(project: Project, experiment: Experiment) -> _Output | None:
    state = stored_series.live_state(project, experiment)
    if state is not None:
        return _Output(state.log.stat().st_size, None, state.log)
    experiment = stored_series.as_of_now(project, experiment)
    if experiment.source != "gitexp":
        return None
    found = project.store.run_file(experiment, "output.log")
    if found is None:
        return None
    return _Output(len(found), found)


def _why(experiment: Experiment) -> str:
    if experiment.record.command is None:
        return "Nothing was run, so nothing was printed."
    if not experiment.record.status.ended:
        return "Nothing is here yet: the run waits, or goes on elsewhere."
    return f"No output is stored. A run has it in {RUN_FOLDER}/output.log."


# -- colours ------------------------------------------------------------------------------------------


def spans(line: str) -> list[Span]:
    """The texts of a line with their styles, like `bold f1` (bold and red) or `f#ff8800` (any colour)."""
    if "\x1b" not in line:
        if not line:
            return []
        return [(line, "")]
    style, found, at = dict[str, str](), list[Span](), 0
    for match in _SGR.finditer(line):
        _add(found, line[at : match.start()], style)
        _change(style, match[1])
        at = match.end()
    _add(found, line[at:], style)
    return found


def _add(found: list[Span], text: str, style: dict[str, str]) -> None:
    if text:
        found.append((text, " ".join(style.values())))


def _change(style: dict[str, str], codes: str) -> None:
    """Apply the codes of one SGR sequence (ECMA-48, 8.3.117)."""
    numbers = iter(list(map(_number, codes.replace(":", ";")[:200].split(";"))))
    for code in numbers:
        if code == 0:
            style.clear()
        elif code in _ATTRIBUTES:
            style[_ATTRIBUTES[code]] = _ATTRIBUTES[code]
        elif code in _ENDS:
            for name in _ENDS[code]:
                style.pop(name, None)
        elif code in _EXTENDED:
            layer, colour = _EXTENDED[code], _extended(numbers)
            if colour:
                style[layer] = f"{layer}{colour}"
        elif code in _DEFAULTS:
            style.pop(_DEFAULTS[code], None)
        else:
            _basic(style, code)


def _number(code: str) -> int:
    if code.isdigit():
        return int(code)
    return 0


def _basic(style: dict[str, str], code: int) -> None:
    """Apply one of the sixteen colours: 30 to 37 and 90 to 97 of the text, 40 to 47 and 100 to 107 behind."""
    for first, layer, bright in ((30, "f", 0), (40, "b", 0), (90, "f", 8), (100, "b", 8)):
        if first <= code < first + 8:
            style[layer] = f"{layer}{code - first + bright}"


def _extended(numbers: Iterator[int]) -> str:
    """A colour of the 256 or of RGB: a number for the sixteen, else `#rrggbb`; "" for neither."""
    kind = next(numbers, 0)
    if kind == 5:
        index = min(next(numbers, 0), 255)
        if index < 16:
            return str(index)
        return _of_cube(index)
    if kind == 2:
        red, green, blue = (min(next(numbers, 0), 255) for _ in range(3))
        return f"#{red:02x}{green:02x}{blue:02x}"
    return ""


def _of_cube(index: int) -> str:
    """A colour of the 6 x 6 x 6 cube, or of the 24 greys after the cube."""
    if index >= 232:
        grey = 8 + 10 * (index - 232)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    levels = (0, 95, 135, 175, 215, 255)
    index -= 16
    red, green, blue = levels[index // 36], levels[index // 6 % 6], levels[index % 6]
    return f"#{red:02x}{green:02x}{blue:02x}"
