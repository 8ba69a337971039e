"""What one process logs of a run, in the folder of the live run: series, facts and files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import IO

from gitexp.extras.tracking.artifact_names import check_name
from gitexp.extras.tracking.lines import LineFile, say
from gitexp.extras.tracking.series_writer import SeriesWriter
from gitexp.failpoints import failpoint
from gitexp.log_rules import GOES_ON, LOST, TIME

ARTIFACTS = "artifacts"
_PIECE = 1024 * 1024  # bytes
_PARTS = "parts"  # a folder for files that are being written


class RunLog:
    """The log of a run, seen from one process.

    Attributes:
        folder: `logged/` in the folder of the live run.
        series: the writer of the points.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.folder = folder
        self._apart = f"rank-{rank}" if rank else ""
        self._series_file = LineFile(folder, self._apart or "series", self._on_loss)
        self.series = SeriesWriter(self._series_file, _last_steps(folder, f"{self._apart or 'series'}.jsonl"))
        self._facts = LineFile(folder, "facts", self._on_loss)
        self._has_said = False

    def say_fact(self, key: str, value: object) -> None:
        """Write a fact of `gitexp.runs.logged_values.logged_facts.Facts`. Raises TypeError for no JSON."""
        said = {key: value, TIME: round(time(), 3)}
        self._facts.write(json.dumps(said, allow_nan=True).encode() + b"\n")

    def put_bytes(self, name: str, content: bytes) -> None:
        """Write an artifact. Raises ValueError for a wrong name."""
        self.put_file(name, lambda file: file.write(content))

    def lines(self, stem: str) -> LineFile:
        """Another file of lines beside, `<stem>.jsonl`; whoever asks for it closes it."""
        return LineFile(self.folder, stem, self._on_loss)

    def put_file(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write an artifact: a reader sees all of it or nothing. Raises ValueError for a wrong name."""
        self._put(name, lambda part: _written(part, write))

    def copy_file(self, source: Path, name: str) -> None:
        """Copy a file to an artifact. Raises ValueError for a wrong name, FileNotFoundError for no file."""
        if not source.is_file():
            raise FileNotFoundError(f"there is no file to log: {source}")
        self._put(name, lambda part: _copied(source, part))

    def artifact_folder(self, name: str) -> Path | None:
        """The folder for artifacts below a name, made now; None if it cannot be made."""
        check_name(name)
        folder = self.folder / ARTIFACTS / self._apart / name
        try:
            self.folder.mkdir(exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.warn(f"not logged: {name}: {error.strerror or error}")
            return None
        return folder

    def _put(self, name: str, make: Callable[[Path], object]) -> None:
        check_name(name)
        target = self.folder / ARTIFACTS / self._apart / name
        part = self.folder / _PARTS / os.urandom(8).hex()
        try:
            self.folder.mkdir(exist_ok=True)  # without its parents: nobody would look there
            part.parent.mkdir(exist_ok=True)
            make(part)
            failpoint("logged:part")
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            failpoint("logged:artifact")
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ValueError(
                f"{name} cannot be an artifact beside one that is called like its folder"
            ) from error
        except OSError as error:
            self.warn(f"not logged: {name}: {error.strerror or error}")
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def warn(self, text: str) -> None:
        """Tell the user of trouble once, and the record every time."""
        if not self._has_said:
            self._has_said = True
            say(f"{text}; the run goes on, and its record says what is missing")
        self.say_fact("warning", [text])

    def _on_loss(self, reason: str) -> None:
        with contextlib.suppress(OSError):  # a full disk may still have room for a name
            (self.folder / LOST).touch()
        if not self._has_said:
            self._has_said = True
            say(f"not all is logged: {reason}; the run goes on, and its record says what is missing")

    def close(self) -> None:
        """Write what still waits; what was lost is said in the record, if that can be written by now."""
        self.series.close()
        if lost := self._series_file.lost:
            reason = self._series_file.reason
            self.say_fact("warning", [f"logged lines that could not be written: {lost:,}, {reason}"])
        self._facts.close()


def _last_steps(folder: Path, file: str) -> dict[str, int]:
    """The last step of each metric of the run that this one goes on from; {} for a run from the start."""
    try:
        found: dict[str, int] = json.loads((folder / GOES_ON).read_bytes())["steps"][file]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return found


def _written(part: Path, write: Callable[[IO[bytes]], object]) -> None:
    with part.open("wb") as file:
        write(file)


def _copied(source: Path, part: Path) -> None:
    with source.open("rb") as content, part.open("xb") as file:
        while piece := content.read(_PIECE):
            file.write(piece)
