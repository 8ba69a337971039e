"""What a command has printed, for a page: a part of it, by byte offset, with its colours as marks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.catalog import stored_series
from gitexp.cli.kit.output import printable
from gitexp.model import Experiment
from gitexp.nofollow import opener
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER

Document = dict[str, Any]
Span = tuple[str, str]  # a text, and its style as names of classes

MOST = 256 * 1024  # bytes of a part

_MOST_FOUND = 500  # lines with a searched text
_LONGEST = 4_000  # characters of a line
_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}


class _Output(NamedTuple):
    """The bytes of an output: in a file of a live run, or in the record's tree.

    Attributes:
        size: bytes in all.
        whole: all bytes of a stored output; None for a live one, whose file is read in parts.
        path: the file of a live one.
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
    """A part of an output, whole lines, at most `most` bytes; without a start and an end its last lines.

    Returns: `start` and `end` in bytes, `size` of all, `lines`, and `reason` where there is none. `again`:
    the output is shorter than `start`, so it was cut short meanwhile and has to be asked for anew.
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
    if start is None:
        end = output.size if end is None else min(end, output.size)
        start = max(end - most, 0)
        data = output.read(start, end)
        if start:  # not in the middle of a line
            cut = data.find(b"\n") + 1
            start, data = start + cut, data[cut:]
    else:
        end = min(start + most, output.size, end if end is not None else output.size)
        data = output.read(start, end)
    if live or end < output.size:  # a line that is not whole yet comes with the next part
        whole = data.rfind(b"\n") + 1
        if whole:
            data = data[:whole]
        elif live and end == output.size and len(data) < most:
            data = b""
    lines = [spans(line[:_LONGEST]) for line in printable(data, colors=True)]
    return {"start": start, "end": start + len(data), "size": output.size, "lines": lines, "live": live}


def search(project: Project, experiment: Experiment, text: str) -> Document:
    """The first lines of an output that have a text, in any case, each with the byte where it begins."""
    try:
        output = _output(project, experiment)
        data = b"" if output is None else output.read(0, output.size)
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
    return None if found is None else _Output(len(found), found)


def _why(experiment: Experiment) -> str:
    if experiment.record.command is None:
        return "Nothing was run, so nothing was printed."
    if not experiment.record.status.ended:
        return "Nothing is here yet: the run waits, or goes on elsewhere."
    return f"No output is stored. A run has it in {RUN_FOLDER}/output.log."


# -- colours ------------------------------------------------------------------------------------------


def spans(line: str) -> list[Span]:
    """A line with colours as texts with styles: `bold f1` is bold red; `f#ff8800` any other colour."""
    if "\x1b" not in line:
        return [(line, "")] if line else []
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
    numbers = iter([int(code) if code.isdigit() else 0 for code in codes.replace(":", ";")[:200].split(";")])
    for code in numbers:
        if code == 0:
            style.clear()
        elif code in _ATTRIBUTES:
            style[_ATTRIBUTES[code]] = _ATTRIBUTES[code]
        elif code in _ENDS:
            for name in _ENDS[code]:
                style.pop(name, None)
        elif code in (38, 48):
            colour = _further(numbers)
            if colour:
                style["f" if code == 38 else "b"] = f"{'f' if code == 38 else 'b'}{colour}"
        elif code in (39, 49):
            style.pop("f" if code == 39 else "b", None)
        else:
            _basic(style, code)


def _basic(style: dict[str, str], code: int) -> None:
    """The sixteen colours: 30 to 37 and 90 to 97 of the text, 40 to 47 and 100 to 107 behind it."""
    for first, layer, bright in ((30, "f", 0), (40, "b", 0), (90, "f", 8), (100, "b", 8)):
        if first <= code < first + 8:
            style[layer] = f"{layer}{code - first + bright}"


def _further(numbers: Any) -> str:
    """One of 256 colours, or of 16 million: `3` for one of the sixteen, else `#rrggbb`; "" for neither."""
    kind = next(numbers, 0)
    if kind == 5:
        index = min(next(numbers, 0), 255)
        return str(index) if index < 16 else _of_cube(index)
    if kind == 2:
        red, green, blue = (min(next(numbers, 0), 255) for _ in range(3))
        return f"#{red:02x}{green:02x}{blue:02x}"
    return ""


def _of_cube(index: int) -> str:
    """A colour of the 6 x 6 x 6 cube, or of the 24 greys behind it."""
    if index >= 232:
        grey = 8 + 10 * (index - 232)
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    levels = (0, 95, 135, 175, 215, 255)
    index -= 16
    red, green, blue = levels[index // 36], levels[index // 6 % 6], levels[index % 6]
    return f"#{red:02x}{green:02x}{blue:02x}"
