"""Running the commands of stages: one stage after another on the terminal, or several at a time."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gitexp.nofollow import opener
from gitexp.pipeline.stage import Stage
from gitexp.process.execute import Outcome, execute
from gitexp.process.jobs import Jobs
from gitexp.process.log import LIMIT, LogFile, shorten
from gitexp.stages.cache import log_name

if TYPE_CHECKING:
    from gitexp.process.guard import Guard

_PIECE = 1 << 20  # bytes of output in memory at a time

# As DVC calls them, without the user's start-up files: these differ from machine to machine.
_SHELLS = {"bash": ("--noprofile", "--norc"), "zsh": ("--no-rcs",)}


@dataclass(frozen=True, slots=True)
class Site:
    """The place where stages run.

    Attributes:
        root: the workspace.
        environment: the variables of all commands.
        log: the log of the whole run.
        logs: a folder with a log for each stage.
        stdout, stderr: file descriptors for the commands' output.
        on_child: called with the id of each new process.
        guard: may end the commands.
    """

    root: Path
    environment: Mapping[str, str]
    log: LogFile
    logs: Path
    stdout: int
    stderr: int
    on_child: Callable[[int], None]
    guard: Guard | None = None

    def folder(self, stage: Stage) -> Path:
        return self.root / stage.wdir

    def environment_of(self, stage: Stage) -> dict[str, str]:
        """The environment of a stage's commands."""
        return {**self.environment, "GITEXP_STAGE": stage.name, "DVC_STAGE": stage.name}

    def log_of(self, stage: Stage) -> Path:
        return self.logs / log_name(stage.name)

    def commands_of(self, stage: Stage) -> list[Sequence[str] | str]:
        """A stage's commands, each with the user's shell around it: DVC does the same."""
        shell = self.environment.get("SHELL", "")
        options = _SHELLS.get(Path(shell).name)
        if options is None or sys.platform == "win32":
            return list(stage.commands)
        return [(shell, *options, "-c", command) for command in stage.commands]


class Runner(Protocol):
    """Runs the commands of stages; how many at a time is the caller's business."""

    def start(self, stage: Stage, title: str) -> None:
        """Begin with a stage; `title` stands in the log above its output.

        Raises CommandNotFound or StorageError.
        """

    def wait(self) -> tuple[str, Outcome]:
        """The name and outcome of the next stage to end; raises the errors of `start`."""


class OneByOne:
    """Runs a single stage at a time, with the terminal to itself."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._next: tuple[Stage, str] | None = None

    def start(self, stage: Stage, title: str) -> None:
        self._next = (stage, title)

    def wait(self) -> tuple[str, Outcome]:
        assert self._next is not None  # somebody has started it
        (stage, title), self._next = self._next, None
        site, seconds = self._site, 0.0
        site.log.write(title.encode())
        with LogFile.create(site.log_of(stage), LIMIT) as log:
            log.also = site.log
            for command in site.commands_of(stage):
                outcome = execute(
                    command,
                    cwd=site.folder(stage),
                    env=site.environment_of(stage),
                    log=log,
                    stdout=site.stdout,
                    stderr=site.stderr,
                    on_start=site.on_child,
                    guard=site.guard,
                )
                seconds += outcome.duration
                if outcome.exit_code or outcome.interrupted:
                    break
        return stage.name, Outcome(outcome.exit_code, outcome.interrupted, outcome.signal, seconds)


class AtOnce:
    """Runs several stages at a time; the output of each is shown whole, at its end."""

    def __init__(self, site: Site, jobs: Jobs) -> None:
        self._site = site
        self._jobs = jobs
        self._running: dict[str, tuple[Stage, str]] = {}

    def start(self, stage: Stage, title: str) -> None:
        site = self._site
        self._jobs.start(
            stage.name,
            site.commands_of(stage),
            cwd=site.folder(stage),
            env=site.environment_of(stage),
            output=site.log_of(stage),
        )
        self._running[stage.name] = (stage, title)

    def wait(self) -> tuple[str, Outcome]:
        name, outcome = self._jobs.wait()
        stage, title = self._running.pop(name)
        self._site.log.write(title.encode())
        with suppress(OSError):  # somebody has removed .git/gitexp
            self._pass_on(self._site.log_of(stage))
        return name, outcome

    def _pass_on(self, path: Path) -> None:
        """Show and log a stage's output, a piece at a time; then cut the stage's own log to its limit."""
        with open(path, "rb", opener=opener) as printed:
            while piece := printed.read(_PIECE):
                self._site.log.write(piece)
                _show(self._site.stdout, piece)
        shorten(path)


@contextmanager
def runner(site: Site, jobs: int) -> Iterator[Runner]:
    """A runner of so many stages at a time."""
    if jobs == 1:
        yield OneByOne(site)
    else:
        with Jobs(site.on_child, site.guard) as at_once:
            yield AtOnce(site, at_once)


def _show(screen: int, data: bytes) -> None:
    left = memoryview(data)
    with suppress(OSError):  # it is gone; the log has it
        while left:
            try:
                left = left[os.write(screen, left) :]
            except BlockingIOError:  # somebody else made our stdout non-blocking
                select.select([], [screen], [])
