"""What an experiment's command printed, or prints."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.catalog import by_words, lookup, sources
from gitexp.model import Experiment, Status
from gitexp.nofollow import opener
from gitexp.process.log import read_log
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs.end import MAX_LOG
from gitexp.runs.ongoing.recover import finish_dead_runs

_INTERVAL = 0.25  # seconds between two looks at the log of a running experiment
_CHUNK = 256 * 1024
_REMEMBERED = 4096  # bytes: enough to find again where one was in a log that was shortened


@dataclass(frozen=True, slots=True)
class Log:
    """An experiment's name, and what its command wrote to the terminal."""

    name: str
    output: bytes


def default(project: Project, *, running: bool) -> str:
    """The name of the newest experiment; with `running` of the newest unended experiment, if any.

    Raises UnknownExperiment without experiments.
    """
    if running:
        for one in by_words.newest(project):
            if isinstance(one, Experiment) and not one.record.status.ended:
                return one.name
    return by_words.by_age(project, by_words.LAST).name


def log(project: Project, name: str) -> Log:
    """The output of an experiment; of a running one, the output so far.

    Raises UnknownExperiment; NoOutput if nothing was run.
    """
    experiment = lookup.require(project, name)
    if not experiment.record.status.ended:
        if (path := _live_log(project, experiment.name)) is not None:
            with contextlib.suppress(FileNotFoundError):
                return Log(experiment.name, read_log(path, MAX_LOG))
        # It may have ended since its record was read; its log is stored before the live one goes.
        experiment = lookup.require(project, experiment.name)
    return Log(experiment.name, _stored(project, experiment))


def follow(project: Project, name: str) -> Iterator[bytes]:
    """Yield the output of an experiment, and of a running one all output until its end.

    A run with a dead gitexp is ended first. Raises the errors of `log`.
    """
    experiment = lookup.require(project, name)
    place = _Place()
    while not experiment.record.status.ended:
        path = _live_log(project, experiment.name)
        if path is None:
            # It has ended; or it runs on another machine, and nothing of its output is here.
            experiment = lookup.require(project, experiment.name)
            break
        with contextlib.suppress(FileNotFoundError):  # it is being shortened, or is going
            yield from place.news(path)
        time.sleep(_INTERVAL)
        finish_dead_runs(project)
    rest = place.rest(_stored(project, experiment))
    if rest:
        yield rest


class _Place:
    """A place in a log: the number of bytes read, and the last bytes.

    An overlong log is replaced by a shorter one, and the live log by the stored one. The last bytes read
    find the place again.
    """

    def __init__(self) -> None:
        self.position = 0
        self.last = b""

    def news(self, path: Path) -> Iterator[bytes]:
        """Yield the output since; the file is opened anew each time, for Windows renames no open file."""
        with open(path, "rb", opener=opener) as file:
            file.seek(self.position - len(self.last))
            if file.read(len(self.last)) != self.last:
                file.seek(0)
                whole = file.read()
                rest = self.rest(whole)
                self.position, self.last = len(whole), whole[-_REMEMBERED:]
                yield rest
                return
            while chunk := file.read(_CHUNK):
                self.position += len(chunk)
                self.last = (self.last + chunk)[-_REMEMBERED:]
                yield chunk

    def rest(self, whole: bytes) -> bytes:
        """The part of a log behind this place; the log may have been shortened since."""
        begin = self.position - len(self.last)
        if begin >= 0 and whole[begin : self.position] == self.last:
            return whole[self.position :]
        found = whole.rfind(self.last)
        return whole[found + len(self.last) :] if found >= 0 else whole


def _live_log(project: Project, name: str) -> Path | None:
    """The live log of a run on this machine, if any."""
    return next((run.log for run in live.live_runs(project.local) if run.name == name), None)


def _stored(project: Project, experiment: Experiment) -> bytes:
    if experiment.record.status is Status.QUEUED:
        place = f" --remote {experiment.record.waits_at}" if experiment.record.waits_at else ""
        raise errors.ExperimentError(
            f"{experiment.name} has printed nothing: it is queued, and has not begun.",
            f"gitexp queue start{place} runs it.",
            code="no-output",
        )
    is_ours = sources.is_own(experiment)
    found = project.store.run_file(experiment, "output.log") if is_ours else None
    if found is None:
        why = f"is {sources.title(experiment)}'s, which does not store what a command prints."
        hint = f"gitexp diff {experiment.name} shows what it holds."
        if is_ours:
            was_run = experiment.record.command is not None
            if was_run:
                hint = f"That of a script that logs by itself is not stored; that of `gitexp run` is. {hint}"
            why = "has no output here." if was_run else "has no output: it was saved without being run."
        raise errors.ExperimentError(
            f"{experiment.name} {why}",
            hint,
            code="no-output",
        )
    return found
