"""The engine for Slurm, on a cluster of one node: against the contract of all engines, and with faults."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import gitexp
from gitexp import errors
from gitexp.extras.engines.by_slurm import slurm_options
from gitexp.extras.engines.by_slurm.slurm import SlurmEngine
from gitexp.extras.engines.engine import EngineSettings, Job, JobState
from gitexp.model import Record, Status
from gitexp.project.project import Project
from gitexp.testing import EngineContract
from tests.support.processes import until
from tests.support.slurm import Cluster
from tests.support.workspace import TIMEOUT, Workspace

TRAIN = ("--", sys.executable, "train.py")
ENGINE = "engines: {cluster: {kind: slurm, interval: 0.2}}\n"
WAITS = """\
import os, signal, sys, time
def end(*_):
    open('metrics.json', 'w').write('{"loss": 7}')
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
while not os.path.exists(os.environ['GO']):
    time.sleep(0.02)
open('metrics.json', 'w').write('{"loss": 1}')
"""


def settings(folder: Path, **options: object) -> EngineSettings:
    (folder / "git").mkdir(exist_ok=True)
    own = str(folder / "git/gitexp/engines/slurm")
    return EngineSettings("slurm", "slurm", {"interval": 0.2, **options}, folder=own)


@pytest.fixture
def engine(slurm: Cluster, tmp_path: Path) -> SlurmEngine:
    return SlurmEngine(settings(tmp_path))


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self, slurm: Cluster, tmp_path: Path) -> SlurmEngine:
        return SlurmEngine(settings(tmp_path))


def records(repo: Workspace) -> dict[str, Record]:
    project = Project.open(repo.path, any_config=True)
    return {one.name: one.record for one in project.store.readable()}


@pytest.fixture
def waiting(repo: Workspace, slurm: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file for whose coming the training of `repo` waits; the engine is called `cluster`."""
    repo.write("gitexp.yaml", ENGINE)
    repo.write("train.py", WAITS)
    go = repo.path.parent / "go"
    monkeypatch.setenv("GO", str(go))
    yield go
    go.touch()


def detached(repo: Workspace, name: str) -> str:
    """The id of the job of a run that goes on, and that nobody here waits for."""
    repo.gitexp("run", "--queue", "-q", "-n", name, *TRAIN)
    repo.gitexp("queue", "start", "--engine", "cluster", "--detach")
    until(lambda: has_begun(repo, name))
    return records(repo)[name].job


def has_begun(repo: Workspace, name: str) -> bool:
    return records(repo)[name].status is Status.RUNNING


def worked_off(repo: Workspace, check: bool = True) -> str:
    return repo.gitexp("queue", "start", "--engine", "cluster", check=check).stderr


@pytest.mark.parametrize("jobs", [(), ("-j", "2")])
def test_a_grid_is_one_array_and_leaves_the_workspace_alone(
    repo: Workspace, slurm: Cluster, jobs: tuple[str, ...]
) -> None:
    repo.write("gitexp.yaml", ENGINE)
    repo.gitexp("run", "-S", "train.lr=0.1,0.2,0.3", "--engine", "cluster", *jobs, *TRAIN)
    found = records(repo)
    assert {one.status for one in found.values()} == {Status.DONE}
    assert {one.engine for one in found.values()} == {"cluster"}
    arrays = {one.job.partition("_")[0] for one in found.values()}
    assert len(arrays) == 1
    listed = slurm.ask("scontrol", "show", "job", *arrays)
    assert {one.job.partition("_")[2] for one in found.values()} == {"0", "1", "2"}
    assert ("ArrayTaskThrottle=2" in listed) is bool(jobs)


def test_any_text_reaches_the_job(engine: SlurmEngine, tmp_path: Path) -> None:
    odd = [
        "\r\n",
        "\t'\"\\",
        "$(id)`id`${HOME}",
        "*",
        "\x01\x7f",
        "\udcff",
        "ü\n",
        "%A %%",
        "#SBATCH --wrap=x",
    ]
    program = "import sys, os; open('seen', 'wb').write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    (id,) = engine.submit([Job("one", [sys.executable, "-c", program, *odd], str(tmp_path))])
    until(lambda: id not in engine.poll([id]) or engine.poll([id])[id].state is JobState.ENDED)
    assert (tmp_path / "seen").read_bytes().split(b"\0") == list(map(os.fsencode, odd))


def test_setup_comes_first_and_its_failure_is_told(slurm: Cluster, tmp_path: Path) -> None:
    program = "import os, sys; open('seen', 'w').write(os.environ['OWN'] + sys.argv[1])"
    own = SlurmEngine(settings(tmp_path, setup=["export OWN='a b'", "set -- other"]))
    wrong = SlurmEngine(settings(tmp_path, setup="module-of-nobody load cuda"))
    job = Job("one", [sys.executable, "-c", program, "word"], str(tmp_path))
    ids = [*own.submit([job]), *wrong.submit([job]), *own.submit([job._replace(folder="/nowhere")])]
    until(lambda: not {one.state for one in own.poll(ids).values()} - {JobState.ENDED})
    assert (tmp_path / "seen").read_text() == "a bword"
    assert "error: setup of the engine has failed: module-of-nobody load cuda" in own.log(ids[1])
    assert "error: this node has no folder /nowhere" in own.log(ids[2])


def test_accounting_says_how_a_job_ended_that_slurm_has_forgotten(
    engine: SlurmEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster of the tests has no accounting, so a script answers as `sacct` does where there is some."""
    assert engine.poll(["99999_0"]) == {}
    answers = tmp_path / "sacct"
    told = "99998_0|OUT_OF_MEMORY\\n99998_1|CANCELLED by 7\\n"
    answers.write_text(f"#!/bin/sh\nprintf '{told}'\necho >>{tmp_path}/asked\n")
    answers.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for _ in range(2):
        found = engine.poll(["99998_0", "99998_1"])
    assert {id: report.reason for id, report in found.items()} == {
        "99998_0": "OUT_OF_MEMORY",
        "99998_1": "CANCELLED",
    }
    assert (tmp_path / "asked").read_text() == "\n"


def test_many_jobs_are_several_arrays(slurm: Cluster, tmp_path: Path) -> None:
    own = SlurmEngine(settings(tmp_path, array=2)._replace(most=2))
    ids = own.submit([Job(str(number), ["true"], str(tmp_path)) for number in range(5)])
    assert [id.partition("_")[2] for id in ids] == ["0", "1", "0", "1", "0"]
    assert len({id.partition("_")[0] for id in ids}) == 3
    until(lambda: not {one.state for one in own.poll(ids).values()} - {JobState.ENDED})


@pytest.mark.parametrize(
    "option", ["{partition: nowhere}", "{account: '', partition: usual}", "{time: soon}"]
)
def test_what_slurm_refuses_is_told_and_the_run_waits(
    repo: Workspace,
    slurm: Cluster,
    option: str,
) -> None:
    repo.write("gitexp.yaml", f"engines: {{cluster: {{kind: slurm, {option[1:-1]}}}}}\n")
    result = repo.gitexp("run", "-n", "one", "--engine", "cluster", *TRAIN, check=False)
    assert result.exit_code in (1, 2)
    told = {"{p": "invalid partition", "{a": "'account' must be a text", "{t": "'time' must be a time limit"}
    assert told[option[:2]] in result.stderr
    assert [one.status for one in records(repo).values()] in ([], [Status.QUEUED])


def test_jobs_go_on_without_gitexp_and_are_taken_on_again(repo: Workspace, waiting: Path) -> None:
    job = detached(repo, "one")
    repo.gitexp("run", "--queue", "-q", "-n", "two", "-S", "train.lr=0.7", *TRAIN)
    listed = repo.gitexp("queue", "list").stdout
    assert f"cluster {job} (running)" in listed
    again = repo.start("queue", "start", "--engine", "cluster")
    assert again.stderr is not None
    while b"1 begun before" not in again.stderr.readline():
        assert again.poll() is None
    waiting.touch()
    assert again.wait(TIMEOUT) == 0
    found = records(repo)
    assert {one.status for one in found.values()} == {Status.DONE}
    assert found["one"].job == job


def test_a_run_taken_out_of_the_queue_takes_its_job_along(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    detached(repo, "one")
    repo.write(
        "gitexp.yaml", "engines: {cluster: {kind: slurm, interval: 0.2, directives: [--begin=now+600]}}\n"
    )
    repo.gitexp("run", "--queue", "-q", "-n", "two", "-S", "train.lr=0.7", *TRAIN)
    repo.gitexp("queue", "start", "--engine", "cluster", "--detach")
    assert "PENDING" in slurm.ask("squeue", "-h", "-o", "%T")
    repo.gitexp("queue", "remove", "two")
    assert slurm.ask("squeue", "-h", "-o", "%T") == "RUNNING"


def test_a_job_killed_by_force_runs_again(repo: Workspace, waiting: Path, slurm: Cluster) -> None:
    first = detached(repo, "one")
    process = records(repo)["one"].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: slurm.ask("squeue", "-h") == "")
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.tries) == (Status.DONE, 1)
    assert one.job != first


def test_stop_and_cancel_end_a_run_for_good(repo: Workspace, waiting: Path, slurm: Cluster) -> None:
    job = detached(repo, "one")
    stop = [sys.executable, "-P", "-m", "gitexp", "stop", "one"]
    elsewhere = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh", *stop]
    subprocess.run(elsewhere, cwd=repo.path, check=True)
    one = records(repo)["one"]
    assert (one.status, one.metrics) == (Status.INTERRUPTED, {"metrics.json": {"loss": 7}})
    until(lambda: slurm.ask("squeue", "-h", "-j", job.partition("_")[0], check=False) == "")
    assert "Nothing waits" in worked_off(repo)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is not on the disk of the repository, as a rule: the tests are in memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def test_a_run_works_on_the_disk_of_its_node_and_leaves_nothing_there(
    repo: Workspace, slurm: Cluster, disk: Path
) -> None:
    repo.write(
        "gitexp.yaml",
        f"engines: {{cluster: {{kind: slurm, interval: 0.2, setup: [export SLURM_TMPDIR={disk}]}}}}\n"
        "outs: [model.bin]\nmax_untracked: 1 kB\n",
    )
    program = "import json, os, sys\nopen('left.txt', 'w').write('undeclared')\n"
    program += "open('model.bin', 'wb').write(b'x' * 5000)\n"
    program += "json.dump({'is_there': os.getcwd().startswith(sys.argv[1])}, open('metrics.json', 'w'))\n"
    repo.write("train.py", program)
    repo.gitexp("run", "-n", "one", "--engine", "cluster", *TRAIN, str(disk))
    one = records(repo)["one"]
    assert one.metrics == {"metrics.json": {"is_there": True}}
    assert (repo.path / ".git/gitexp/left/one/left.txt").read_text() == "undeclared"
    assert list(disk.iterdir()) == []
    assert repo.git("worktree", "list", "--porcelain").count("worktree ") == 1
    (found,) = gitexp.experiments(names=["one"], repo=repo.path)
    with found.open("model.bin") as file:
        assert file.read() == b"x" * 5000


def test_a_run_killed_on_the_disk_of_its_node_runs_again(
    repo: Workspace, waiting: Path, slurm: Cluster, disk: Path
) -> None:
    repo.write(
        "gitexp.yaml",
        f"engines: {{cluster: {{kind: slurm, interval: 0.2, scratch: {disk}/$USER}}}}\n",
    )
    detached(repo, "one")
    process = records(repo)["one"].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: slurm.ask("squeue", "-h") == "")
    for found in disk.glob("*/gitexp-*"):
        shutil.rmtree(found)  # as if nobody saw it any more
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.tries, one.metrics) == (Status.DONE, 1, {"metrics.json": {"loss": 1}})
    repo.git("worktree", "prune")
    assert repo.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_slurm_starts_a_job_again_and_the_run_goes_on_once(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    job = detached(repo, "one")
    slurm.ask("scontrol", "requeue", job)
    until(lambda: records(repo)["one"].status is Status.INTERRUPTED)
    until(lambda: has_begun(repo, "one"))
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.job, one.metrics) == (Status.DONE, job, {"metrics.json": {"loss": 1}})
    assert one.tries == 0  # it was not to blame


def test_near_the_time_limit_a_run_is_stored_and_goes_back(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    job = detached(repo, "one")
    slurm.ask("scancel", "--batch", "--signal=USR1", job)  # as Slurm does, before the limit
    until(lambda: records(repo)["one"].status is Status.QUEUED)
    until(lambda: has_begun(repo, "one"))
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.job, one.tries) == (Status.DONE, job, 1)


def test_a_preempted_job_runs_again_when_there_is_room(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    repo.write("gitexp.yaml", "engines: {cluster: {kind: slurm, interval: 0.2, directives: [--exclusive]}}\n")
    detached(repo, "one")
    urgent = slurm.ask(
        "sbatch", "--parsable", "-p", "urgent", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"
    )
    until(lambda: records(repo)["one"].status is Status.INTERRUPTED)
    until(lambda: has_begun(repo, "one"))
    assert "COMPLETED" in slurm.ask("squeue", "-h", "-t", "all", "-o", "%T", "-j", urgent)
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.tries) == (Status.DONE, 0)


LEARNS = """
import json, os, pathlib, time
import gitexp
place, first = pathlib.Path('ckpt/state.json'), 0
if os.environ.get('GITEXP_RESUMED'):
    first = json.loads(place.read_text())['epoch'] + 1
for epoch in range(first, 8):
    gitexp.log({'loss': 1 / (epoch + 1)}, step=epoch)
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps({'epoch': epoch, 'began': first}))
    while epoch == 3 and not os.path.exists(os.environ['GO']):
        time.sleep(0.02)
"""


def test_a_preempted_training_goes_on_from_its_checkpoint_with_one_curve(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    repo.write("gitexp.yaml", f"{ENGINE}resume: true\ncheckpoints: [ckpt/]\n")
    repo.write("train.py", LEARNS)
    job = detached(repo, "one")
    log = Project.open(repo.path).local.runs
    until(lambda: any(b'"_step":3,' in path.read_bytes() for path in log.glob("*/logged/**/*.jsonl")))
    slurm.ask("scancel", "--batch", "--signal=USR1", job)  # as Slurm does, before the limit
    until(lambda: records(repo)["one"].status is Status.QUEUED)
    waiting.touch()
    worked_off(repo)
    (one,) = gitexp.experiments(names=["one"], repo=repo.path)
    assert (one.status, records(repo)["one"].tries) == (Status.DONE, 0)  # it came further, so it was no try
    assert list(one.history("loss").steps) == list(range(8))
    assert list(one.history("loss").values) == [1 / (epoch + 1) for epoch in range(8)]
    with one.open("ckpt/state.json") as file:
        assert json.load(file) == {"epoch": 7, "began": 4}


def test_a_controller_that_hangs_or_dies_ends_nothing(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
    tmp_path: Path,
) -> None:
    job = detached(repo, "one")
    slurm.controller.send_signal(signal.SIGSTOP)
    before = time.monotonic()
    with pytest.raises(errors.EngineAway, match="Slurm does not answer"):
        SlurmEngine(settings(tmp_path)).poll([job])
    assert time.monotonic() - before < 40
    assert "(no answer)" in repo.gitexp("queue", "list").stdout
    slurm.controller.send_signal(signal.SIGCONT)
    slurm.restart_controller()
    waiting.touch()
    worked_off(repo)
    one = records(repo)["one"]
    assert (one.status, one.job, one.tries) == (Status.DONE, job, 0)


def test_a_lost_node_whose_job_goes_on_gives_no_second_run(
    repo: Workspace,
    waiting: Path,
    slurm: Cluster,
) -> None:
    """Unless Slurm kills the job when the node is back: then another one runs it to its end."""
    job = detached(repo, "one")
    slurm.node.send_signal(signal.SIGSTOP)
    until(lambda: "PENDING" in slurm.ask("squeue", "-h", "-o", "%T"))  # Slurm has given the node up
    slurm.node.send_signal(signal.SIGCONT)
    waiting.touch()
    worked_off(repo, check=False)
    one = records(repo)["one"]
    assert (one.status, one.metrics) == (Status.DONE, {"metrics.json": {"loss": 1}})
    assert one.job == job or one.tries == 1


def test_without_gitexp_on_the_node_it_is_told_and_the_run_waits(
    repo: Workspace,
    waiting: Path,
) -> None:
    repo.write("gitexp.yaml", "engines: {cluster: {kind: slurm, interval: 0.2, python: /nowhere/python}}\n")
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    told = worked_off(repo, check=False)
    assert "No job could begin one:" in told
    assert "/nowhere/python: No such file or directory" in told
    assert records(repo)["one"].status is Status.QUEUED


def test_the_documentation_has_all_options() -> None:
    text = (Path(__file__).parents[3] / "docs/engines.md").read_text()
    for option, told in slurm_options.OPTIONS.items():
        assert f"| `{option}` | {told} |" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "2:00:00"}, ["--time=120:00", "--signal=B:USR1@120"]),
        ({"time": "1-12"}, ["--time=2160:00", "--signal=B:USR1@120"]),
        ({"time": 4}, ["--time=4:00", "--signal=B:USR1@60"]),
        ({"time": "90 s", "signal": 0}, ["--time=1:30"]),
        ({"gpus": "a100:2", "signal": 0}, ["--gres=gpu:a100:2"]),
        ({"cpus": 4, "memory": "16 GB", "signal": 0}, ["--cpus-per-task=4", "--mem=16G"]),
        ({"account": 12, "qos": "long", "signal": 0}, ["--account=12", "--qos=long"]),
        ({"directives": ["#SBATCH --exclude 'n1,n2'"], "signal": 0}, ["--exclude", "n1,n2"]),
    ],
)
def test_options_become_words_of_sbatch(tmp_path: Path, options: dict[str, object], words: list[str]) -> None:
    assert slurm_options.read(settings(tmp_path, **options)).words == words


@pytest.mark.parametrize(
    "options",
    [
        {"partition": "a\n#SBATCH --wrap=x"},
        {"directives": ["--comment=a\nb"]},
        {"directives": ["--array=0-9"]},
        {"directives": ["rm -rf /"]},
        {"directives": "--comment='"},
        {"gpus": 0},
        {"cpus": "four"},
        {"memory": "much"},
        {"setup": {"a": 1}},
        {"interval": -1},
        {"array": 0},
        {"partitoin": "gpu"},
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(errors.UsageError):
        slurm_options.read(settings(tmp_path, **options))
