"""Jobs that get their runs over a Git remote: clones, the way back, jobs and processes that die."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.extras.engines import remote_reach
from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.extras.engines.engine import EngineSettings, Job
from gitexp.extras.engines.jobs_file import JobsFile
from gitexp.extras.engines.local import LocalEngine
from gitexp.extras.engines.remote_reach import RemoteReach, address_of, without_secrets
from gitexp.extras.queue import queue_refs
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.extras.queue.queue_refs import QUEUE
from gitexp.extras.queue.workers import USUAL, Orders
from gitexp.extras.sweep.live_table import LiveTable
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.clones import Team, assert_whole, make_team, refs_of
from tests.support.lab import Lab, make_lab
from tests.support.processes import until
from tests.support.servers import Place
from tests.support.workspace import Workspace

TRAIN = ("--", "python", "train.py")
WAITS = "import os, time\nwhile not os.path.exists('GO'): time.sleep(0.02)\n"
HANGS_AT_FIRST = """import os, time
if not os.path.exists(os.environ['SEEN']):
    open(os.environ['SEEN'], 'w').write(str(os.getpid()))
    time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remote is asked as often as a disk, and not once in two seconds."""
    monkeypatch.setattr(remote_reach, "_EVERY", 0.3)


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Team:
    return make_team(repo, tmp_path)


@pytest.fixture
def engines() -> Iterator[list[LocalEngine]]:
    """The engines of a test, to be closed at its end."""
    made = list[LocalEngine]()
    yield made
    for engine in made:
        engine.close()


@pytest.fixture
def lab(ssh_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = make_lab(ssh_server, tmp_path)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def experiments(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def local_dispatcher(
    repo: Workspace, folder: Path, engines: list[LocalEngine], orders: Orders = USUAL
) -> Dispatcher:
    """Jobs as processes of this machine, which see nothing of the repository but its remote."""
    project = Project.open(repo.path)
    settings = EngineSettings(
        "local", "local", most=2, python=sys.executable, remote="origin", clones=str(folder / "clones")
    )
    reach = RemoteReach(project, settings, orders)
    engines.append(LocalEngine(settings))
    return Dispatcher(engines[-1], reach, JobsFile(project.local, "local"), orders.max_retries)


def worked_off(at_work: Dispatcher, is_so: Callable[[], object] = lambda: False) -> None:
    def step() -> bool:
        at_work.step()
        return not at_work.names or bool(is_so())

    until(step)


def test_a_grid_over_two_hosts_is_the_same_table_as_here(team: Team, lab: Lab, tmp_path: Path) -> None:
    grid = ("run", "-S", "train.lr=0.1,0.2,0.3", "--name-template", "lr={train.lr}")
    team.ann.write("gitexp.yaml", lab.section("origin", scratch=tmp_path / "disk"))
    pushes = team.bare / "pushes"
    team.reject(f"cat >>{pushes}; echo -- >>{pushes}")
    before = set(lab.jobs.glob("*"))  # of other tests, whose jobs have printed something
    told = team.ann.gitexp(*grid, "--engine", "lab", "-j", "2", *TRAIN)
    assert "3 runs" in told.stderr
    here = experiments(team.ann)
    assert {one.record.status for one in here.values()} == {Status.DONE}
    assert {one.record.engine for one in here.values()} == {"lab"}
    metrics = {name: one.record.metrics for name, one in here.items()}
    team.bob.gitexp(*grid, *TRAIN)
    assert metrics == {name: one.record.metrics for name, one in experiments(team.bob).items()}
    assert refs_of(team.bare, QUEUE) == {}
    assert pushes.read_text().count("--\n") == 1 + 2 * 3  # all handed over; a claim and an end each
    assert list((tmp_path / "disk").iterdir()) == []  # they ran there
    until(lambda: set(lab.jobs.glob("*")) <= before)
    assert_whole(team.ann.path, team.bare, lab.clone("ada"), lab.clone("bob"))


def test_the_environment_of_runs_is_built_once_on_each_host(team: Team, lab: Lab) -> None:
    wheel = "own-1.0-py3-none-any.whl"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("own.py", "VALUE = 7\n")
        archive.writestr("own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
        archive.writestr("own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("own-1.0.dist-info/RECORD", "own.py,,\n")
    team.ann.write(wheel, packed.getvalue())
    team.ann.write("requirements.txt", f"./{wheel}\n")
    program = "import json, own\njson.dump({'loss': own.VALUE}, open('metrics.json', 'w'))\n"
    team.ann.write("train.py", program)
    team.ann.write("gitexp.yaml", lab.section("origin", environment="uv"))
    team.ann.gitexp("run", "-S", "train.lr=0.1,0.2,0.3", "--engine", "lab", *TRAIN)
    found = [one.record for one in experiments(team.ann).values()]
    assert [(one.status, one.metrics["metrics.json"]) for one in found] == [(Status.DONE, {"loss": 7})] * 3
    built = []
    for host in ("ada", "bob"):
        built += (lab.clone(host) / ".git/gitexp/environments").glob("*/gitexp-environment.json")
    assert len(built) == 2


def test_a_project_in_a_folder_with_data_from_a_data_remote(
    team: Team, tmp_path: Path, engines: list[LocalEngine]
) -> None:
    (tmp_path / "store").mkdir()
    config = f"remotes: {{store: {tmp_path / 'store'}}}\ndata: [data.bin]\nmetrics: [metrics.json]\n"
    team.ann.write("sub/gitexp.yaml", config)
    team.ann.write("sub/data.bin", b"a lot of data")
    program = (
        "import json; json.dump({'size': len(open('data.bin', 'rb').read())}, open('metrics.json', 'w'))\n"
    )
    team.ann.write("sub/train.py", program)
    sub = Workspace(team.ann.path / "sub")
    team.ann.allow("files", "sub/gitexp.lock")
    sub.gitexp("add", "data.bin")
    sub.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(sub, tmp_path, engines)
    at_work.give(["one"])
    worked_off(at_work)
    at_work.require_well()
    one = experiments(team.ann)["one"].record
    assert (one.status, one.metrics) == (Status.DONE, {"sub/metrics.json": {"size": 13}})


@pytest.mark.parametrize("signum", [0, signal.SIGKILL], ids=["only-thought-dead", "killed"])
def test_a_run_whose_job_is_lost_is_requeued_at_once_and_no_command_of_it_goes_on(
    team: Team, tmp_path: Path, engines: list[LocalEngine], monkeypatch: pytest.MonkeyPatch, signum: int
) -> None:
    """The command of the first try would go on for ever; the job of the second try ends it."""
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    team.ann.write("train.py", HANGS_AT_FIRST)
    team.ann.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(team.ann, tmp_path, engines)
    there = RemoteQueue(Project.open(team.ann.path), "origin")
    at_work.give(["one"])
    until(lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").read_text())
    (run,) = there.runs()
    worked_off(at_work, lambda: "one" in at_work.running)
    screen = LiveTable(Project.open(team.ann.path), ["one"], quiet=True)
    screen.look(at_work.running)
    assert screen.summary.startswith("0 of 1 ended · 1 running")
    process = run.experiment.record.process
    assert process is not None
    if signum:
        os.kill(process.pid, signum)
    else:
        at_work._reach.put_back([run.experiment])  # as if the engine had said that its job is gone
    worked_off(at_work)
    found = experiments(team.ann)["one"].record
    assert (found.status, found.tries) == (Status.DONE, 1)
    assert found.job != run.experiment.record.job
    until(lambda: is_over(process.pid) and is_over(int((tmp_path / "seen").read_text())))
    assert team.there()["one"] == experiments(team.ann)["one"].id
    assert refs_of(team.bare, QUEUE) == {}


def test_a_run_without_a_sign_of_life_becomes_another_job_whatever_the_engine_says(
    team: Team, tmp_path: Path, engines: list[LocalEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    team.ann.write("train.py", HANGS_AT_FIRST)
    team.ann.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(team.ann, tmp_path, engines)
    there = RemoteQueue(Project.open(team.ann.path), "origin")
    at_work.give(["one"])
    until(lambda: (tmp_path / "seen").exists())
    with monkeypatch.context() as later:
        later.setattr(queue_refs, "SILENCE", -1.0)
        worked_off(at_work, lambda: there.runs()[0].experiment.record.tries == 1)
    worked_off(at_work)
    found = experiments(team.ann)["one"].record
    assert (found.status, found.tries) == (Status.DONE, 1)


def is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_half_of_the_jobs_are_killed_and_each_run_ends_once(
    team: Team, tmp_path: Path, engines: list[LocalEngine]
) -> None:
    go = tmp_path / "go"
    team.ann.write("train.py", WAITS.replace("GO", str(go)))
    team.ann.gitexp(
        "run", "--queue", "-q", "-S", "train.lr=0.1,0.2,0.3,0.4", "--name-template", "{train.lr}", *TRAIN
    )
    names = list(experiments(team.ann))
    at_work = local_dispatcher(team.ann, tmp_path, engines)
    there = RemoteQueue(Project.open(team.ann.path), "origin")
    at_work.give(names)
    killed = set[str]()

    def kill() -> bool:
        for run in there.runs():
            process, name = run.experiment.record.process, run.experiment.name
            is_running = run.experiment.record.status is Status.RUNNING
            if is_running and process is not None and len({*killed, name}) < 3 and name not in killed:
                killed.add(name)
                os.kill(process.pid, signal.SIGKILL)
        if len(killed) == 2:
            go.touch()
        return False

    worked_off(at_work, kill)
    found = {name: one.record for name, one in experiments(team.ann).items()}
    assert {record.status for record in found.values()} == {Status.DONE}
    assert {name for name, record in found.items() if record.tries} == killed
    assert refs_of(team.bare, QUEUE) == {}
    assert set(team.there()) == set(names)


def test_a_run_that_is_lost_too_often_ends_here(
    team: Team, tmp_path: Path, engines: list[LocalEngine]
) -> None:
    team.ann.write("train.py", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)\n")
    team.ann.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(team.ann, tmp_path, engines, Orders(max_retries=1))
    at_work.give(["one"])
    worked_off(at_work)
    found = experiments(team.ann)["one"].record
    assert (found.status, found.tries) == (Status.INTERRUPTED, 1)
    assert "lost" in found.warnings[-1]
    assert refs_of(team.bare, QUEUE) == {}


def test_the_process_that_waits_is_killed_and_started_again(team: Team, lab: Lab, tmp_path: Path) -> None:
    team.ann.write("gitexp.yaml", lab.section("origin"))
    team.ann.write("train.py", WAITS.replace("GO", str(tmp_path / "go")))
    team.ann.gitexp("run", "--queue", "-q", "-S", "train.lr=0.1,0.2,0.3", *TRAIN)
    start = ("queue", "start", "--engine", "lab", "-j", "2")
    first = team.ann.start(*start)
    there = RemoteQueue(Project.open(team.ann.path), "origin")
    until(lambda: [run.experiment.record.status for run in there.runs()].count(Status.RUNNING) == 2)
    first.kill()
    first.communicate()
    (tmp_path / "go").touch()
    team.ann.gitexp(*start)
    found = [one.record for one in experiments(team.ann).values()]
    assert [record.status for record in found] == [Status.DONE] * 3
    assert [record.tries for record in found] == [0] * 3
    assert refs_of(team.bare, QUEUE) == {}


def test_a_remote_that_is_away_at_the_end_gets_the_end_later(
    team: Team, tmp_path: Path, engines: list[LocalEngine]
) -> None:
    team.ann.write("train.py", WAITS.replace("GO", str(tmp_path / "go")))
    team.ann.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(team.ann, tmp_path, engines)
    there = RemoteQueue(Project.open(team.ann.path), "origin")
    at_work.give(["one"])
    until(lambda: there.runs()[0].experiment.record.status is Status.RUNNING)
    away = tmp_path / "away.git"
    team.bare.rename(away)
    (tmp_path / "go").touch()
    begun = time.monotonic()
    worked_off(at_work, lambda: time.monotonic() > begun + 1)
    assert at_work.names == ["one"]
    away.rename(team.bare)
    worked_off(at_work)
    assert experiments(team.ann)["one"].record.status is Status.DONE
    assert experiments(team.ann)["one"].record.tries == 0


def test_a_half_made_clone_is_thrown_away(team: Team, tmp_path: Path, engines: list[LocalEngine]) -> None:
    team.ann.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    at_work = local_dispatcher(team.ann, tmp_path, engines)
    at_work.give(["one"])
    worked_off(at_work)
    (clone,) = (tmp_path / "clones").glob("*/.git")
    clone.parent.rename(clone.parent.with_suffix(".new"))
    (clone.parent.with_suffix(".new") / ".git/HEAD").unlink()
    team.ann.gitexp("run", "--queue", "-q", "-n", "two", *TRAIN)
    at_work.give(["two"])
    worked_off(at_work)
    assert experiments(team.ann)["two"].record.status is Status.DONE
    assert not clone.parent.with_suffix(".new").exists()


def test_no_secret_of_a_url_is_in_the_words_of_a_job(team: Team) -> None:
    assert without_secrets("https://me:token@host/a.git") == "https://host/a.git"
    assert without_secrets("https://token@host:8443/a.git") == "https://host:8443/a.git"
    assert without_secrets("ssh://git:secret@host/a.git") == "ssh://git@host/a.git"
    assert without_secrets("git@host:a.git") == "git@host:a.git"
    project = Project.open(team.ann.path)
    assert address_of(project, "origin") == str(team.bare)
    team.ann.git("remote", "set-url", "origin", "../team.git")
    assert address_of(Project.open(team.ann.path), "origin") == str(team.bare)
    team.ann.git("remote", "set-url", "origin", "https://me:token@host/a.git")
    settings = EngineSettings("lab", "ssh", remote="origin")
    job: Job = RemoteReach(Project.open(team.ann.path), settings, USUAL).job("one")
    assert "token" not in " ".join(job.words)
    with pytest.raises(errors.SharingError, match="There is no Git remote 'orign'"):
        RemoteReach(project, EngineSettings("lab", "ssh", remote="orign"), USUAL)


def test_a_remote_that_there_is_not_is_told_before_a_run_is_stored(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "engines: {here: {kind: local, remote: nowhere}}\n")
    for words in (("run", "--engine", "here"), ("run", "-S", "train.lr=0.1,0.2", "--engine", "here")):
        told = repo.gitexp(*words, *TRAIN, check=False)
        assert (told.exit_code, "There is no Git remote 'nowhere'" in told.stderr) == (1, True)
    assert experiments(repo) == {}
