"""The engine of this machine: each job is a process. What other engines do, without another machine."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import IO

from gitexp.extras.engines.engine import ENGINE, JOB, EngineSettings, Job, JobReport, JobState
from gitexp.extras.engines.settings import require_options
from gitexp.named_tuple import NamedTuple
from gitexp.process.environment import machine
from gitexp.process.signals import OWN_GROUP
from gitexp.words import counted

_LEAVE = 5.0  # seconds for a process to end, once its work is done


class _Begun(NamedTuple):
    """A job at work, or ended.

    Attributes:
        process: its process.
        said: what it has printed.
    """

    process: subprocess.Popen[bytes]
    said: IO[bytes]


class LocalEngine:
    """Runs jobs as processes of this machine, at most one a processor."""

    interval = 0.1
    keeps_jobs = False

    def __init__(self, settings: EngineSettings) -> None:
        require_options(settings, {})
        self._settings = settings
        self._most = settings.most or machine().cpus
        self._waiting: dict[str, Job] = {}
        self._begun: dict[str, _Begun] = {}

    def describe(self) -> str:
        return f"{counted(self._most, 'job')} at a time on this machine"

    def places(self) -> Sequence[str]:
        return ()

    def capacity(self) -> int:
        return self._most

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        ids = [uuid.uuid4().hex[:12] for _ in jobs]
        self._waiting.update(zip(ids, jobs, strict=True))
        self._fill()
        return ids

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        self._fill()
        reports = {}
        for id in ids:
            if id in self._waiting:
                reports[id] = JobReport(JobState.WAITING)
            elif id in self._begun and self._begun[id].process.poll() is None:
                reports[id] = JobReport(JobState.RUNNING)
        return reports

    def cancel(self, ids: Collection[str]) -> None:
        for id in ids:
            self._waiting.pop(id, None)
            if id in self._begun and self._begun[id].process.poll() is None:
                self._begun[id].process.send_signal(signal.SIGTERM)

    def log(self, id: str) -> str:
        if id not in self._begun:
            return ""
        said = self._begun[id].said
        said.seek(0)
        return said.read().decode("utf-8", "replace")

    def close(self) -> None:
        for process, said in self._begun.values():
            try:
                process.wait(_LEAVE)  # it has stored its run, and is just ending
            except subprocess.TimeoutExpired:
                process.returncode = 0  # nobody waits for it, and Python would warn of that
            said.close()

    def _fill(self) -> None:
        """Begin the first waiting jobs, up to the limit."""
        room = self._most - sum(process.poll() is None for process, _ in self._begun.values())
        for id in list(self._waiting)[: max(room, 0)]:
            self._begun[id] = self._started(id, self._waiting.pop(id))

    def _started(self, id: str, job: Job) -> _Begun:
        said = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        process = subprocess.Popen(
            job.words,
            cwd=job.folder or None,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, ENGINE: self._settings.name, **job.variables, JOB: id},
            process_group=OWN_GROUP,
        )
        return _Begun(process, said)
