"""An editor at work: a process with a time limit, of whose output the end is kept."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from gitexp.cli.kit.output import printable
from gitexp.extras.inference.loop.desk import MARK, Desk
from gitexp.named_tuple import NamedTuple
from gitexp.process.guard import Guard
from gitexp.process.limits import Limits

KEPT = 4000  # characters of its output in the record
_PIECE = 1 << 16
_PATIENCE = 2.0  # seconds for the last output
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class EditorEnd(NamedTuple):
    """The end of an editor.

    Attributes:
        exit_code: the exit status; negative for a signal.
        in_time: whether the editor ended within its time.
        seconds: the duration, in seconds.
        printed: the end of the output.
    """

    exit_code: int
    in_time: bool
    seconds: float
    printed: str


class CodeEditor:
    """A process that edits the code of a desk."""

    def __init__(
        self, desk: Desk, command: str, folder: Path, told: Mapping[str, str], seconds: float
    ) -> None:
        self._begun = time.monotonic()
        self._end = b""
        mark = f"{MARK}={desk.folder}"
        self._guard = Guard(Limits(timeout=seconds), mark)
        self._guard.__enter__()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=_environment(desk, told),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # it is a pipe
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def poll(self) -> EditorEnd | None:
        """The end of the editor; None for a working editor. Call several times a second."""
        if self._process.poll() is None:
            signum = self._guard.due(interrupted=False)
            if signum is not None:
                self._send(signum)
            return None
        return self._ended()

    def end(self) -> None:
        """End the editor now."""
        self._send(_SIGKILL)
        self._process.wait()
        self._ended()

    def _ended(self) -> EditorEnd:
        self._send(_SIGKILL)  # what is left of its group
        self._guard.__exit__(None, None, None)
        self._reader.join(_PATIENCE)
        seconds = round(time.monotonic() - self._begun, 3)
        return EditorEnd(self._process.returncode, not self._guard.reason, seconds, _printed(self._end))

    def _read(self, stream: IO[bytes]) -> None:
        """Keep the end of the output, for any amount of output."""
        with contextlib.suppress(OSError, ValueError), stream:
            while piece := os.read(stream.fileno(), _PIECE):
                self._end = (self._end + piece)[-_PIECE:]

    def _send(self, signum: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signum)


def _printed(output: bytes) -> str:
    return "\n".join(printable(output, colors=False))[-KEPT:]


def _environment(desk: Desk, told: Mapping[str, str]) -> dict[str, str]:
    """The environment of an editor: nothing leads Git to the user's repository, or to the user's config."""
    found = {}
    for name, value in os.environ.items():
        if not name.startswith("GIT_") and name not in ("OLDPWD", "PWD"):
            found[name] = value
    settings = desk.folder / "gitconfig"
    users = ["~/.config/git/config", "~/.gitconfig"]
    if own := os.environ.get("GIT_CONFIG_GLOBAL"):
        users = [own]
    settings.write_text("".join(f"[include]\n\tpath = {file}\n" for file in users), "utf-8")
    found["GIT_CONFIG_GLOBAL"] = str(settings)  # so `git config --global` writes there
    found["GIT_CEILING_DIRECTORIES"] = str(desk.folder)
    found[MARK] = str(desk.folder)
    return {**found, **told}
