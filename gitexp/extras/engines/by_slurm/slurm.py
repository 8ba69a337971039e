"""The engine for Slurm: all jobs that are given together are one array, and one question asks about all.

The jobs see the folder of this repository, under the same path. Slurm keeps them: they begin though gitexp
has ended here. A job whose node is lost, or that is preempted, Slurm starts again under its id (`--requeue`):
that needs nobody on the login node, and the job keeps its age in the queue. The same command goes on then
with the run that it has begun, see gitexp.extras.engines.restart.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.extras.engines.by_slurm import slurm_calls, slurm_options
from gitexp.extras.engines.by_slurm.slurm_script import batch_script
from gitexp.extras.engines.engine import EngineSettings, Job, JobReport, JobState
from gitexp.regex import regex

_ID = regex(r"[0-9]+_[0-9]+")
_LARGEST_SCRIPT = 3 * 1024 * 1024  # bytes; Slurm takes 4 MB
_OLDEST_LOG = 14 * 86400.0  # seconds
_LONGEST_LOG = 65536  # bytes


class SlurmEngine:
    """Runs jobs as arrays of Slurm.

    Attributes:
        interval: seconds between two questions, at least.
        keeps_jobs: Slurm begins jobs by itself.
    """

    keeps_jobs = True

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._options = slurm_options.read(settings)
        self.interval = self._options.interval
        self._ends: dict[str, JobReport] = {}  # of jobs that squeue does not know any more

    def describe(self) -> str:
        where, most = "the usual partition", "as many as Slurm lets"
        if self._options.partition:
            where = f"partition {self._options.partition}"
        if self._settings.most:
            most = f"{self._settings.most:,} at a time"
        return f"jobs of Slurm in {where}, {most}"

    def places(self) -> Sequence[str]:
        return ()

    def capacity(self) -> int:
        return self._settings.most

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        if not jobs:
            return []
        self._prepare_folder()
        arrays = list(self._arrays(jobs))
        # Slurm has a limit for each array, and none for several together.
        most = 0
        if self._settings.most:
            most = max(self._settings.most // len(arrays), 1)
        ids = list[str]()
        try:
            for array, script in arrays:
                ids += self._submitted(array, script, most)
        except BaseException:
            with contextlib.suppress(errors.GitexpError):
                self.cancel(ids)
            raise
        return ids

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        arrays = {id.partition("_")[0] for id in ids if _ID.fullmatch(id)}
        if not arrays:
            return {}
        reports = slurm_calls.squeue(sorted(arrays, key=int))
        found = {id: reports[id] for id in ids if id in reports}
        self._remember([id for id in ids if _ID.fullmatch(id) and id not in found])
        return {**found, **{id: self._ends[id] for id in ids if id in self._ends}}

    def _remember(self, forgotten: Sequence[str]) -> None:
        """Ask the accounting, if any, for the ends of jobs that Slurm itself has forgotten."""
        new = [id for id in forgotten if id not in self._ends]
        if new:
            self._ends.update(slurm_calls.sacct(new))

    def cancel(self, ids: Collection[str]) -> None:
        waiting, at_work = [], []
        for id, report in self.poll(ids).items():
            if report.state is JobState.WAITING:
                waiting.append(id)
            elif report.state is JobState.RUNNING:
                at_work.append(id)
        # Without a filter of scancel's: with --state it ends all tasks of an array that wait, and a signal
        # for one that waits is kept for later.
        slurm_calls.scancel([], waiting)
        # A plain scancel would kill after KillWait, 30 seconds, whatever is not stored by then. The job ends
        # its command by itself, by force after ten seconds, and takes the time to store that it needs.
        slurm_calls.scancel(["--batch", "--signal=TERM"], at_work)

    def log(self, id: str) -> str:
        if not _ID.fullmatch(id):
            return ""
        try:
            with self._opened() as folder, os.fdopen(folder.open(f"{id}.log"), "rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - _LONGEST_LOG, 0))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def close(self) -> None:
        pass

    def _arrays(self, jobs: Sequence[Job]) -> Iterator[tuple[Sequence[Job], bytes]]:
        """The jobs in as few arrays as can be, each with its script."""
        pending = [jobs[at : at + self._options.array] for at in range(0, len(jobs), self._options.array)]
        while pending:
            array = pending.pop(0)
            text = batch_script(self._settings.name, self._settings.folder, array, self._options.setup)
            script = text.encode("utf-8", "surrogateescape")
            if len(script) > _LARGEST_SCRIPT and len(array) > 1:
                half = len(array) // 2
                pending = [array[:half], array[half:], *pending]
            else:
                yield array, script

    def _submitted(self, jobs: Sequence[Job], script: bytes, most: int) -> list[str]:
        """The ids of the tasks of a new array."""
        folder = self._settings.folder.replace("%", "%%")
        name, tasks = "gitexp", f"0-{len(jobs) - 1}"
        if len(jobs) == 1:
            name = f"gitexp {jobs[0].name}"
        if most:
            tasks += f"%{most}"
        words = [f"--job-name={name}", "--nodes=1", "--ntasks=1", *self._options.words]
        words += ["--chdir=/", f"--array={tasks}", "--requeue", "--open-mode=append"]
        id = slurm_calls.sbatch([*words, f"--output={folder}/%A_%a.log"], script)
        return [f"{id}_{number}" for number in range(len(jobs))]

    # -- the logs of the jobs ---------------------------------------------------------------------

    def _opened(self, *, make: bool = False) -> nofollow.Folder:
        """The folder of the logs, reached through no link. Raises OSError."""
        path = Path(self._settings.folder)
        return nofollow.opened(path.parents[2], path.relative_to(path.parents[2]).as_posix(), make=make)

    def _prepare_folder(self) -> None:
        """Make the folder, and remove old logs."""
        oldest = time.time() - _OLDEST_LOG
        try:
            with self._opened(make=True) as folder:
                for name in folder.names():
                    with contextlib.suppress(OSError):
                        if folder.stat(name).st_mtime < oldest:
                            folder.remove(name)
        except OSError as error:
            raise errors.StorageError(
                f"Jobs cannot have their logs in {self._settings.folder}: {error.strerror or error}.",
                "Look at the permissions of the repository's .git folder.",
            ) from error
