"""Dask with real schedulers and workers, in processes of their own or in a cluster of this process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitexp
from gitexp import errors
from gitexp.extras.engines.by_dask import dask
from gitexp.extras.engines.by_dask.dask import DaskEngine
from gitexp.extras.engines.engine import GONE, EngineSettings, Job, JobState
from gitexp.model import Status
from gitexp.testing import EngineContract
from tests.support.engines import experiments_of
from tests.support.processes import until
from tests.support.workspace import TIMEOUT, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")

# A worker elsewhere need not have gitexp; its jobs do.
WORKER = "import sys; sys.modules['gitexp'] = None; from distributed.cli.dask_worker import main; main()"
# Without these an idle process looks fifty times a second whether it is still quick: 4 % of a CPU each.
QUIET = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"
TRAIN = ("--", "python", "train.py")
# Counts itself, and goes on until it may end.
SLOW = """
import os, pathlib, time
folder = pathlib.Path('SEEN')
with (folder / 'begun').open('a') as begun:
    begun.write(os.environ['GITEXP_NAME'] + chr(10))
while not (folder / 'go-on').exists():
    time.sleep(0.02)
"""


class Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = _free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._started(SCHEDULER, "--port", str(self.port), "--host", "127.0.0.1")
        self.workers: list[subprocess.Popen[bytes]] = []
        until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def start_scheduler(self) -> None:
        self.scheduler = self._started(SCHEDULER, "--port", str(self.port), "--host", "127.0.0.1")

    def add_worker(self, *words: str) -> subprocess.Popen[bytes]:
        """A new worker of one thread, without a nanny that would start it again."""
        usual = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder))
        worker = self._started(WORKER, self.address, *usual, *words)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()

    def _started(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        with (self._folder / "said").open("ab") as said:
            command = [sys.executable, "-c", program, *words]
            if program == SCHEDULER:
                command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
            env = {**os.environ, **QUIET}
            return subprocess.Popen(command, cwd=self._folder, env=env, stdout=said, stderr=said)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers, which all tests share."""
    made = Cluster(tmp_path_factory.mktemp("dask"))
    made.add_worker("--resources", "GPU=1")
    made.add_worker()
    yield made
    made.close()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler with one worker, for a test that breaks them."""
    made = Cluster(tmp_path)
    made.add_worker()
    yield made
    made.close()


@pytest.fixture
def seen(repo: Workspace) -> Iterator[Path]:
    """The folder in which slow runs leave a line each, and are told to end."""
    folder = repo.path.parent / "seen"
    folder.mkdir()
    repo.write("train.py", SLOW.replace("SEEN", str(folder)))
    yield folder
    (folder / "go-on").touch()


def engine_of(cluster: Cluster | None, most: int = 2, **options: object) -> DaskEngine:
    if cluster is not None:
        options["scheduler"] = cluster.address
    return DaskEngine(EngineSettings("lab", "dask", options, most=most))


def begun(seen: Path) -> list[str]:
    return sorted((seen / "begun").read_text().split()) if (seen / "begun").exists() else []


class TestOnThisMachine(EngineContract):
    @pytest.fixture
    def engine(self) -> Iterator[DaskEngine]:
        before = set(threading.enumerate())
        made = engine_of(None)
        yield made
        made.close()
        until(lambda: not _left(before))


class TestAtAScheduler(EngineContract):
    @pytest.fixture
    def engine(self, cluster: Cluster) -> Iterator[DaskEngine]:
        made = engine_of(cluster)
        yield made
        made.close()


def test_a_grid_in_a_cluster_of_its_own_says_nothing_of_dask(repo: Workspace) -> None:
    grid = ("run", "-S", "train.lr=0.1,0.2", "--engine", "dask", "-j", "2", *TRAIN)
    result = repo.gitexp(*grid, process=True)
    assert "2 runs" in result.stderr
    assert not {"distributed", "tornado", "Traceback"} & set(result.stderr.replace(".", " ").split())
    found = experiments_of(repo).values()
    assert [(one.record.status, one.record.engine) for one in found] == [(Status.DONE, "dask")] * 2
    assert repo.git("status", "--porcelain") == ""


def test_workers_that_are_killed_lose_no_run(repo: Workspace, own_cluster: Cluster, seen: Path) -> None:
    at = ("--engine", "dask", "--scheduler", own_cluster.address, "-j", "2")
    grid = repo.start("run", "-S", "train.lr=0.1,0.2,0.3", *at, *TRAIN)
    until(lambda: len(begun(seen)) == 1)
    own_cluster.add_worker()
    own_cluster.workers[0].send_signal(signal.SIGKILL)
    until(lambda: len(begun(seen)) == 2)
    until(lambda: _statuses(repo).count(Status.RUNNING) == 1)
    (seen / "go-on").touch()
    assert grid.wait(TIMEOUT) == 0
    assert _statuses(repo) == [Status.DONE] * 3
    assert len(begun(seen)) == 4
    assert sorted(one.record.tries for one in experiments_of(repo).values()) == [0, 0, 1]


def test_a_scheduler_that_starts_again_gets_the_jobs_again(
    repo: Workspace, own_cluster: Cluster, seen: Path
) -> None:
    at = ("--engine", "dask", "--scheduler", own_cluster.address)
    grid = repo.start("run", "-S", "train.lr=0.1,0.2", *at, *TRAIN)
    until(lambda: len(begun(seen)) == 1)
    own_cluster.scheduler.kill()
    own_cluster.scheduler.wait()
    until(lambda: Status.RUNNING not in _statuses(repo))
    (seen / "go-on").touch()
    own_cluster.start_scheduler()
    own_cluster.add_worker()
    assert grid.wait(TIMEOUT) == 0
    assert _statuses(repo) == [Status.DONE] * 2
    assert len(begun(seen)) == 3


def test_workers_with_clones_of_their_own_need_only_the_git_remote(
    repo: Workspace, cluster: Cluster, tmp_path: Path
) -> None:
    bare, clones = tmp_path / "bare", tmp_path / "clones"
    repo.git("init", "-q", "--bare", str(bare))
    repo.git("remote", "add", "origin", str(bare))
    lab = f"kind: dask, scheduler: '{cluster.address}', remote: origin, python: {sys.executable}"
    repo.write("gitexp.yaml", f"engines: {{lab: {{{lab}, clones: {clones}, jobs: 2}}}}\n")
    repo.allow("refs", "refs/gitexp/*")
    repo.gitexp("run", "-S", "train.lr=0.1,0.2", "--engine", "lab", *TRAIN)
    found = experiments_of(repo).values()
    assert [(one.record.status, one.record.engine) for one in found] == [(Status.DONE, "lab")] * 2
    assert len(list(clones.iterdir())) >= 1


def test_jobs_go_on_without_the_gitexp_that_gave_them(cluster: Cluster, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time\nwhile True: time.sleep(0.05)"]
    first, second = engine_of(cluster), engine_of(cluster)
    try:
        (id,) = first.submit([Job("one", words, str(tmp_path))])
        until(lambda: first.poll([id])[id].state is JobState.RUNNING)
        first.close()
        assert second.poll([id])[id].state is JobState.RUNNING
        second.cancel([id])
        until(lambda: second.poll([id]).get(id, GONE).state is JobState.ENDED)
    finally:
        second.close()


def test_gpus_are_dealt_out_among_the_jobs_of_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = "import os, pathlib, time\npathlib.Path(os.environ['CUDA_VISIBLE_DEVICES']).touch()\n"
    program += "while not (pathlib.Path('4').exists() and pathlib.Path('5').exists()): time.sleep(0.02)"
    engine = engine_of(None, most=3, gpus=1)
    try:
        ids = engine.submit([Job(name, [sys.executable, "-c", program], str(tmp_path)) for name in "abc"])
        until(lambda: all(engine.poll(ids)[id].state is JobState.ENDED for id in ids))
        too_many = engine_of(None, gpus=3)
        (id,) = too_many.submit([Job("d", [sys.executable, "-c", program], str(tmp_path))])
        until(lambda: too_many.poll([id])[id].state is JobState.ENDED)
        assert "this machine has 2 GPUs for jobs, and the job needs 3" in too_many.log(id)
        too_many.close()
    finally:
        engine.close()


def test_a_job_waits_for_the_resources_of_a_worker(cluster: Cluster, tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(0.2)"]
    engine, greedy = engine_of(cluster, resources={"GPU": 1}), engine_of(cluster, resources={"GPU": 2})
    try:
        until(lambda: engine.places() == ["127.0.0.1"])  # the worker comes when it has started
        job = Job("one", words, str(tmp_path))
        ids = engine.submit([job, job._replace(place="127.0.0.1")])
        (waits,) = greedy.submit([Job("three", words, str(tmp_path))])
        until(lambda: all(engine.poll(ids)[id].state is JobState.ENDED for id in ids))
        assert greedy.poll([waits])[waits].state is JobState.WAITING
        greedy.cancel([waits])
        assert greedy.poll([waits])[waits].state is JobState.ENDED
    finally:
        engine.close()
        greedy.close()


def test_only_the_end_of_a_long_output_is_told(tmp_path: Path) -> None:
    engine = engine_of(None)
    try:
        words = [sys.executable, "-c", "for n in range(100000): print('line', n)"]
        (id,) = engine.submit([Job("one", words, str(tmp_path))])
        until(lambda: engine.poll([id])[id].state is JobState.ENDED)
        assert engine.log(id).endswith("line 99999\n")
        assert len(engine.log(id)) == 1 << 16
    finally:
        engine.close()


def test_a_scheduler_that_does_not_answer_is_told(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "_PATIENCE", 0.5)
    engine = DaskEngine(EngineSettings("lab", "dask", {"scheduler": f"tcp://127.0.0.1:{_free_port()}"}))
    for ask in (lambda: engine.submit([Job("one", ["true"])]), lambda: engine.poll(["a"]), engine.places):
        with pytest.raises(errors.EngineAway, match="does not answer"):
            ask()
    engine.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scheduler": "head"}, "scheduler is an address"),
        ({"resources": {"GPU": 1}}, "there is no scheduler"),
        ({"scheduler": "tcp://a:1", "resources": ["GPU"]}, "resources are numbers by name"),
        ({"scheduler": "tcp://a:1", "resources": {"GPU": "1"}}, "resources are numbers by name"),
        ({"gpus": -1}, "gpus is a number"),
        ({"gpu": 1}, "has no option 'gpu'"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(errors.UsageError, match=told):
        DaskEngine(EngineSettings("lab", "dask", options))


def test_the_options_are_documented() -> None:
    page = (Path(gitexp.__file__).parents[1] / "docs" / "engines.md").read_text("utf-8")
    for option in dask.OPTIONS:
        assert f"\n| `{option}` |" in page


def _statuses(repo: Workspace) -> list[Status]:
    return [one.record.status for one in experiments_of(repo).values()]


def _left(before: set[threading.Thread]) -> list[str]:
    new = set(threading.enumerate()) - before  # Dask keeps one for all of a process
    return [thread.name for thread in new if not thread.name.startswith("Dask-Offload")]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
