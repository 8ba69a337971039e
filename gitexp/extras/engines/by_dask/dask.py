"""Jobs as tasks of Dask: at a scheduler's address, or in a cluster on this machine.

Dask chooses the worker. What the task does there is the text of `dask_worker`, which has a job end though
Dask does not end a task at work. Workers hand their news to the scheduler as events; they are asked only
about the jobs of a connection that was lost, or of another gitexp.
"""

from __future__ import annotations

import inspect
import json
import logging
import threading
import time
import uuid
import warnings
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import distributed
from distributed.versions import VersionMismatchWarning

from gitexp import errors
from gitexp.extras.engines.by_dask import dask_worker
from gitexp.extras.engines.engine import ENGINE, JOB, EngineSettings, Job, JobReport, JobState
from gitexp.extras.engines.settings import require_options
from gitexp.named_tuple import NamedTuple
from gitexp.process.environment import machine
from gitexp.words import counted

OPTIONS = {
    "scheduler": 'The address of a scheduler, such as tcp://head:8786; "": a cluster on this machine.',
    "resources": "What a job takes of the resources of a worker, such as {GPU: 1}.",
    "gpus": "GPUs for each job, which no other job of the machine has meanwhile.",
}
_EXAMPLE = "For example: engines: {lab: {kind: dask, scheduler: 'tcp://head:8786', jobs: 8}}"
_PATIENCE = 15.0  # seconds for the scheduler, or a worker, to answer
_SELDOM = 5.0  # seconds between two questions to the workers
_BATCH = 500  # tasks sent at once; Dask warns of larger messages
_WAITING, _RUNNING, _ENDED = map(JobReport, JobState)
_LOST = JobReport(JobState.ENDED, "its worker of Dask is gone", is_preempted=True)
_TEXT = inspect.getsource(dask_worker)
_Client: Any = distributed.Client  # their makers have no types
_LocalCluster: Any = distributed.LocalCluster
_AWAY = (OSError, TimeoutError, ValueError, RuntimeError, ImportError)  # of a connection


class _Options(NamedTuple):
    """The engine's own options.

    Attributes:
        scheduler: its address; "" for a cluster on this machine.
        resources: what a job takes of a worker's resources.
        gpus: GPUs of each job.
    """

    scheduler: str
    resources: Mapping[str, float]
    gpus: int


class DaskEngine:
    """Runs jobs as tasks of Dask."""

    interval = 0.5
    keeps_jobs = False

    def __init__(self, settings: EngineSettings) -> None:
        require_options(settings, OPTIONS)
        self._settings = settings
        self._options = _options(settings)
        self._most = settings.most  # 0: the scheduler decides
        if not self._options.scheduler:
            self._most = settings.most or machine().cpus
        self._topic = f"gitexp-{uuid.uuid4().hex}"
        self._cluster: Any = None
        self._client: Any = None
        self._waiting: dict[str, Job] = {}
        self._tasks: dict[str, Any] = {}  # futures of the tasks that Dask was given
        self._workers: dict[str, str] = {}  # of jobs that were begun: the address of the worker
        self._ended: dict[str, JobReport] = {}
        self._cancelled: set[str] = set()
        self._seen: tuple[float, Mapping[str, Sequence[str]]] = (0.0, {})  # jobs by worker, when last asked

    def describe(self) -> str:
        most = "as many jobs as fit"
        if self._most:
            most = f"{counted(self._most, 'job')} at a time"
        if self._options.scheduler:
            return f"{most} on the workers of Dask's scheduler {self._options.scheduler}"
        return f"{most} in a cluster of Dask on this machine"

    def places(self) -> Sequence[str]:
        if not self._options.scheduler:
            return ()
        hosts = {urlsplit(address).hostname or "" for address in self._connected().nthreads()}
        return sorted(hosts - {""})

    def capacity(self) -> int:
        if self._most:
            return self._most
        return sum(self._connected().nthreads().values())

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        if not jobs:
            return []
        self._connected()
        ids = [uuid.uuid4().hex[:12] for _ in jobs]
        self._waiting.update(zip(ids, jobs, strict=True))
        try:
            self._fill()
        except errors.EngineAway:
            for id in ids:
                self._waiting.pop(id, None)
            raise
        return ids

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        if self._client is None and not self._options.scheduler:
            return {}  # the cluster of an earlier process has ended with it
        self._connected()
        adrift = []
        reports = {}
        for id in ids:
            report = self._report(id)
            if report is None:
                adrift.append(id)
            else:
                reports[id] = report
        reports.update(self._reports_of_workers(adrift))
        self._fill()
        return reports

    def cancel(self, ids: Collection[str]) -> None:
        for id in ids:
            if self._waiting.pop(id, None) is not None:
                self._ended[id] = _ENDED
        left = [id for id in ids if id not in self._ended]
        if not left or (self._client is None and not self._options.scheduler):
            return
        client = self._connected()
        self._cancelled.update(left)
        self._ask_workers("end", left)  # first: a job that begins just now does not begin then
        not_begun = [self._tasks[id] for id in left if id in self._tasks and id not in self._workers]
        if not_begun:
            client.cancel(not_begun)

    def log(self, id: str) -> str:
        if id not in self._workers or self._client is None:
            return ""
        answers = self._ask_workers("said", id, workers=[self._workers[id]])
        return "".join(answers.values())

    def close(self) -> None:
        if self._client is None:
            return
        if self._cluster is not None:
            self._ask_workers("let_go", list(self._workers))
        self._client.close(_PATIENCE)
        if self._cluster is not None:
            self._cluster.close(_PATIENCE)
        self._client = self._cluster = None

    # -- tasks ------------------------------------------------------------------------------------

    def _connected(self) -> Any:
        """The connection to the scheduler; raises EngineAway."""
        status = None if self._client is None else self._client.status
        if status == "running":
            return self._client
        if status == "connecting":
            raise self._away("has gone away")
        _be_quiet()
        self._client = None
        try:
            if self._options.scheduler:
                self._client = _Client(
                    self._options.scheduler, timeout=_PATIENCE, set_as_default=False, name="gitexp"
                )
            else:
                self._cluster = _LocalCluster(
                    n_workers=1,
                    threads_per_worker=self._most,
                    processes=False,
                    dashboard_address="127.0.0.1:0",  # without one, it takes a port that others want
                    silence_logs=logging.CRITICAL,
                )
                self._client = _Client(self._cluster, set_as_default=False)
        except _AWAY as error:
            raise self._away("does not answer") from error
        return self._client

    def _away(self, why: str) -> errors.EngineAway:
        where = self._options.scheduler or "of this machine"
        return errors.EngineAway(
            f"The scheduler of Dask {where} {why}.",
            "Is it running, and can it be reached from here? dask scheduler starts one.",
        )

    def _fill(self) -> None:
        """Give Dask the first waiting jobs, up to the limit. Raises EngineAway."""
        for id in list(self._tasks):
            self._report(id)  # lets go of those that have ended, whether somebody asks for them or not
        room = (self._most or len(self._tasks) + len(self._waiting)) - len(self._tasks)
        while (batch := list(islice(self._waiting, max(0, min(room, _BATCH))))) != []:
            try:
                self._client.subscribe_topic(self._topic, self._note_begun)
                for id in batch:
                    self._tasks[id] = self._task(id, self._waiting[id])
            except _AWAY as error:
                raise self._away("has gone away") from error
            finally:
                for id in batch:
                    if id in self._tasks:
                        del self._waiting[id]
            room -= len(batch)

    def _task(self, id: str, job: Job) -> Any:
        order = {
            "id": id,
            "topic": self._topic,
            "words": list(job.words),
            "folder": job.folder,
            "variables": {ENGINE: self._settings.name, **job.variables, JOB: id},
            "gpus": self._options.gpus,
            "ends_with_worker": bool(self._options.scheduler),
        }
        return self._client.submit(
            eval,
            _words("run", json.dumps(order), _TEXT, worker=True),
            key=f"{job.name}-{id}",
            pure=False,
            retries=0,
            resources=dict(self._options.resources) or None,
            workers=[job.place] if job.place else None,
        )

    def _note_begun(self, event: tuple[float, Mapping[str, str]]) -> None:
        """Take the news that a job was begun; called in a thread of Dask's."""
        _, news = event
        self._workers[news["id"]] = news["worker"]

    def _report(self, id: str) -> JobReport | None:
        """What is known of a job here; None if its worker has to be asked."""
        if id in self._waiting:
            return _WAITING
        if id in self._ended or id not in self._tasks:
            return self._ended.get(id)
        status = self._tasks[id].status
        if status == "pending":
            if id in self._workers:
                return _RUNNING
            return _WAITING
        # Let go of at once: a task whose result is lost with its worker is run again.
        task = self._tasks.pop(id)
        if status == "error":
            error = task.exception(_PATIENCE)
            self._ended[id] = _ENDED._replace(reason=str(error))
            if isinstance(error, distributed.KilledWorker):
                self._ended[id] = _LOST
        elif status == "finished" or id in self._cancelled:
            self._ended[id] = _ENDED
        return self._ended.get(id)

    # -- workers ----------------------------------------------------------------------------------

    def _reports_of_workers(self, ids: Collection[str]) -> dict[str, JobReport]:
        """What workers say of jobs without a task: of a lost connection, or of an earlier process."""
        found = dict[str, JobReport]()
        if not ids:
            return found
        if time.monotonic() > self._seen[0] + _SELDOM:
            self._seen = (time.monotonic(), self._ask_workers("at_work"))
        for address, at_work in self._seen[1].items():
            for id in at_work:
                self._workers[id] = address
                found[id] = _RUNNING
        for id in ids:
            if id not in found and self._workers.get(id, "") not in self._seen[1]:
                found[id] = _LOST
        return {id: report for id, report in found.items() if id in ids}

    def _ask_workers(
        self, function: str, *arguments: Any, workers: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """The answers of workers to a question, by their addresses; raises EngineAway.

        Asked in a thread: there is no limit of time for what Dask does there, and a worker may hang.
        """
        answers = list[dict[str, Any]]()
        words = _words(function, *arguments)

        def ask() -> None:
            try:
                asked = None if workers is None else list(workers)
                answers.append(self._client.run(eval, words, workers=asked, on_error="ignore"))
            except _AWAY:
                pass

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(_PATIENCE)
        if not answers:
            raise self._away("has gone away")
        return answers[0]


def _options(settings: EngineSettings) -> _Options:
    """The options, checked; raises UsageError."""
    given = settings.options
    scheduler, resources, gpus = given.get("scheduler", ""), given.get("resources", {}), given.get("gpus", 0)
    wrong = ""
    if not isinstance(scheduler, str) or (scheduler and "://" not in scheduler):
        wrong = "scheduler is an address such as tcp://head:8786"
    elif not isinstance(resources, dict) or not all(map(_is_positive, resources.values())):
        wrong = "resources are numbers by name, such as {GPU: 1}"
    elif resources and not scheduler:
        wrong = "resources are those of a scheduler's workers, and there is no scheduler"
    elif not isinstance(gpus, int) or isinstance(gpus, bool) or gpus < 0:
        wrong = "gpus is a number"
    if wrong:
        raise errors.UsageError(f"The engine '{settings.name}': {wrong}.", _EXAMPLE)
    return _Options(scheduler, resources, gpus)


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _words(function: str, *arguments: object, worker: bool = False) -> str:
    """A Python expression that calls a function of `dask_worker` where the module is not installed.

    Dask pickles functions as code of this Python's version; `eval` and a text are the same in all.
    """
    given = ", ".join(map(repr, arguments))
    if worker:
        given += ", __import__('distributed').get_worker()"
    return f"(exec({_TEXT!r}, its := {{'__name__': 'gitexp_dask_worker'}}), its[{function!r}]({given}))[1]"


def _be_quiet() -> None:
    """Have Dask say nothing on the user's terminal; what matters becomes an error of gitexp's."""
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
