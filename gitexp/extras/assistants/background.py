"""What goes on while an assistant does something else: runs, and questions that need runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from gitexp.named_tuple import NamedTuple

_GITEXP = (sys.executable, "-P", "-m", "gitexp")
_LONGEST = 2000  # characters of what a process has said


class BackgroundCommand(NamedTuple):
    """A command line of gitexp in its own process, able to outlive this process.

    Attributes:
        words: the words behind `gitexp`.
        process: the process.
        out, said: stdout and stderr of the process.
    """

    words: Sequence[str]
    process: subprocess.Popen[bytes]
    out: IO[bytes]
    said: IO[bytes]

    @property
    def goes_on(self) -> bool:
        """Whether the process is still running."""
        return self.process.poll() is None

    def document(self) -> Any:
        """The printed JSON document; None without a document."""
        self.out.seek(0)
        with contextlib.suppress(ValueError):
            return json.loads(self.out.read())
        return None

    def words_said(self) -> str:
        """The end of stderr, stripped."""
        self.said.seek(0)
        return self.said.read().decode("utf-8", "replace")[-_LONGEST:].strip()

    def close(self) -> None:
        """Forget the process; a running process goes on."""
        if self.process.poll() is None:
            self.process.returncode = 0  # nobody waits for it, and Python would warn of that
        self.out.close()
        self.said.close()


def begun(here: Path, words: Sequence[str], names: Sequence[str] = ()) -> BackgroundCommand:
    """The started process of a command line; `names`: its standard input, one name a line."""
    out, said = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
    process = subprocess.Popen(
        [*_GITEXP, *words],
        cwd=here,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=said,
        start_new_session=True,
    )
    assert process.stdin is not None  # it is a pipe
    with contextlib.suppress(BrokenPipeError), process.stdin as names_of:
        names_of.write("\n".join(names).encode())
    return BackgroundCommand(tuple(words), process, out, said)


class BackgroundCrew:
    """The workers for the runs of one assistant: at most `jobs` at the same time.

    Runs wait in the queue, and each worker has its own process. So the end of this process ends no run.
    """

    def __init__(self, here: Path, jobs: int) -> None:
        self._here = here
        self._jobs = jobs
        self._waiting = list[str]()
        self._at_work = list[BackgroundCommand]()
        self.failed = list[str]()  # the last words of workers that have failed

    def give(self, names: Sequence[str]) -> None:
        """Run some queued experiments, by name."""
        self._waiting += names
        self.look()

    def look(self) -> None:
        """Remove ended workers, and start workers for waiting runs up to the limit."""
        for one in list(self._at_work):
            if not one.goes_on:
                self._at_work.remove(one)
                if one.process.returncode:
                    self.failed.append(one.words_said())
                one.close()
        while self._waiting and len(self._at_work) < self._jobs:
            self._start([self._waiting.pop(0)])

    def leave(self) -> None:
        """Give all waiting runs to one last worker, and forget all workers."""
        if self._waiting:
            self._start(self._waiting)
            self._waiting = []
        for one in self._at_work:
            one.close()

    def _start(self, names: Sequence[str]) -> None:
        self._at_work.append(begun(self._here, ("queue", "work", "--only"), names))


class Questions:
    """Questions that need runs, each answered by a command line in the background."""

    def __init__(self, here: Path) -> None:
        self._here = here
        self._asked = dict[tuple[str, ...], BackgroundCommand]()

    def answer(self, words: Sequence[str]) -> BackgroundCommand:
        """The command line, begun now or before. An ended command line is forgotten: the caller has it."""
        key = tuple(words)
        found = self._asked.get(key) or begun(self._here, words)
        self._asked[key] = found
        if not found.goes_on:
            del self._asked[key]
        return found

    def going_on(self) -> list[str]:
        """The running command lines, as text."""
        return [" ".join(("gitexp", *key)) for key, one in self._asked.items() if one.goes_on]

    def leave(self) -> None:
        """Forget all command lines; running processes go on."""
        for one in self._asked.values():
            one.close()
