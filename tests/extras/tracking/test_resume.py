"""A training that is killed goes on from its checkpoint, and has one curve, the same as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import accumulate
from operator import mul
from pathlib import Path

import pytest

import gitexp
from gitexp import errors
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming.requeue import requeue
from gitexp.runs.run import run
from tests.support.clones import make_team
from tests.support.kills import KILLED, assert_sound
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

# A checkpoint every third epoch; the file has `EPOCHS` of params.yaml, and each size of checkpoint.
SCRIPT = """
import json, os, signal
from pathlib import Path

import gitexp

params = gitexp.params()
state = {"weight": 1.0, "epoch": -1}
place = Path("ckpt/state.json")
if os.environ.get("GITEXP_RESUMED"):
    print("goes on from", os.environ["GITEXP_RESUMED_FROM"], os.environ.get("GITEXP_RESUMED_STEP"))
    state = json.loads(place.read_text())
gitexp.log({"size": 5})
for epoch in range(state["epoch"] + 1, params.train.epochs):
    state = {"weight": state["weight"] * 0.9, "epoch": epoch}
    gitexp.log({"loss": state["weight"]}, step=epoch)
    if epoch % 2:
        gitexp.log({"val": 2 * state["weight"]}, step=epoch)
    if epoch % 3 == 2:
        place.parent.mkdir(exist_ok=True)
        new = Path("ckpt/state.part")
        new.write_text(json.dumps(state).ljust(int(os.environ.get("SIZE", 0))))
        new.replace(place)
    if epoch == int(os.environ.get("DIE_AT", -1)):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
"""
TRAIN = (sys.executable, "train.py")
LOSS = list(accumulate([0.9] * 12, mul))
VAL = {epoch: 2 * LOSS[epoch] for epoch in range(1, 12, 2)}


@pytest.fixture
def training(repo: Workspace) -> Workspace:
    repo.write("train.py", SCRIPT)
    repo.write("params.yaml", "train: {epochs: 12}\n")
    repo.write("gitexp.yaml", "checkpoints: [ckpt/]\nmax_untracked: 1 KB\n")
    repo.write(".gitignore", "ckpt/\n")
    repo.commit()
    repo.writes("ckpt/*", "gitexp.lock")
    return repo


def experiments(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def curve(repo: Workspace, name: str, metric: str = "loss") -> dict[int, float]:
    """The steps and values of a stored curve; fails for two values of a step."""
    one = experiments(repo)[name]
    text = repo.git("cat-file", "blob", f"{one.id}:.gitexp/run/series.jsonl")
    found: dict[int, float] = {}
    for line in text.splitlines():
        point = json.loads(line)
        if metric in point:
            assert point["_step"] not in found, f"two values at step {point['_step']}"
            found[point["_step"]] = point[metric]
    return found


def killed(repo: Workspace, epoch: int, *args: str, size: int = 0) -> None:
    env = {"DIE_AT": str(epoch), "SIZE": str(size)}
    assert repo.gitexp(*args, env=env, check=False, process=True).exit_code == KILLED


def test_killed_twice_it_ends_as_if_nothing_had_been(training: Workspace) -> None:
    """With checkpoints in Git; `test_a_lost_run_of_the_queue_goes_on` has them in the object store."""
    repo = training
    repo.gitexp("run", "-q", "-n", "whole", "--temp", "--", *TRAIN)
    killed(repo, 4, "run", "-q", "-n", "a", "--temp", "--", *TRAIN)
    first = experiments(repo)  # the next command stores what there is
    assert repo.gitexp("list", "-A").exit_code == 0
    first = experiments(repo)
    assert (first["a"].record.status, first["a"].record.checkpoints) == (Status.INTERRUPTED, ("ckpt",))
    killed(repo, 7, "run", "-q", "-n", "b", "--resume", "a")
    told = repo.gitexp("run", "--resume", "b", "-n", "c")
    assert "goes on from b 7" in told.stdout
    found = experiments(repo)
    assert curve(repo, "c") == curve(repo, "whole") == dict(enumerate(LOSS))
    assert curve(repo, "c", "val") == curve(repo, "whole", "val") == VAL
    assert curve(repo, "b") == dict(enumerate(LOSS[:8]))
    last, record = found["c"].record, found["b"].record
    assert last.resumed_from == {
        "experiment": "b",
        "commit": record.commit,
        "record": found["b"].id,
        "step": 5,
    }
    assert record.resumed_from["step"] == 2
    assert (last.status, last.identity) == (Status.DONE, found["whole"].record.identity)
    assert last.metrics == {**found["whole"].record.metrics}
    assert not (repo.path / "ckpt").exists()
    assert repo.gitexp("show").stdout.count("interrupted, resumed") == 2
    (shown,) = repo.json("show", "c")
    assert (shown["parent"], shown["resumed"]["step"]) == ("b", 5)
    assert "Resumed   from b at step 5" in repo.gitexp("show", "c").stdout
    assert repo.gitexp("best", "loss", "--json").stdout
    assert_sound(repo)
    assert repo.gitexp("doctor").exit_code == 0


def test_what_the_run_has_logged_is_one_curve_while_it_goes_on(training: Workspace) -> None:
    repo = training
    killed(repo, 4, "run", "-q", "-n", "a", "--temp", "--", *TRAIN)
    repo.write(
        "wait.py",
        "import time, gitexp; gitexp.log({'loss': 7.0}, step=3); open('there', 'w'); time.sleep(99)",
    )
    going = repo.start(
        "run", "-q", "-n", "b", "--resume", "a", "--with", "wait.py", "--", sys.executable, "wait.py"
    )
    (slot,) = {Path(repo.path, ".git/gitexp/worktrees/gitexp-0")}
    repo.wait_for(str((slot / "there").relative_to(repo.path)))
    one = gitexp.experiment("b", repo=repo.path)
    found = one.history("loss")
    assert list(zip(found.steps, found.values, strict=True)) == [*enumerate(LOSS[:3]), (3, 7.0)]
    val = one.history("val")
    assert list(val.steps) == [1]  # what the other run has logged beyond step 3 does not count
    os.killpg(going.pid, signal.SIGINT)
    going.wait()


def test_without_steps_counting_goes_on(repo: Workspace) -> None:
    loop = "import gitexp, os, pathlib\nfor i in range(3): gitexp.log({'loss': 1.0})\n"
    repo.write(
        "train.py",
        loop + "pathlib.Path('m.bin').write_text('x')\nraise SystemExit(not os.getenv('GITEXP_RESUMED'))",
    )
    repo.write("gitexp.yaml", "outs: [m.bin]\n")
    repo.gitexp("run", "-q", "-n", "a", "--temp", "--", *TRAIN, check=False)
    repo.gitexp("run", "-q", "-n", "b", "--resume", "a")
    assert list(curve(repo, "b")) == [0, 1, 2, 3, 4, 5]
    assert experiments(repo)["b"].record.resumed_from["step"] == 2


def test_a_script_alone_goes_on(training: Workspace) -> None:
    repo = training
    killed(repo, 4, "run", "-q", "-n", "a", "--temp", "--", *TRAIN, size=5000)
    repo.write("train.py", SCRIPT.replace("state = {", "gitexp.start_run('b', resume='a')\nstate = {", 1))
    done = subprocess.run(TRAIN, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert curve(repo, "b") == dict(enumerate(LOSS))
    one = experiments(repo)["b"].record
    assert (one.resumed_from["experiment"], one.resumed_from["step"], one.baseline) == (
        "a",
        2,
        repo.git("rev-parse", "HEAD"),
    )
    # Another checkpoint in the workspace is the user's.
    repo.write("ckpt/state.json", "mine")
    done = subprocess.run(TRAIN, cwd=repo.path, capture_output=True, text=True, check=False)
    assert "another checkpoint than a: ckpt/state.json" in done.stderr
    assert repo.read("ckpt/state.json") == "mine"


# -- what cannot be gone on from ------------------------------------------------------------------------


def test_what_there_is_nothing_to_go_on_from(training: Workspace) -> None:
    repo = training
    killed(repo, 1, "run", "-q", "-n", "early", "--temp", "--", *TRAIN)
    repo.gitexp("run", "-q", "-n", "done", "--temp", "-S", "train.epochs=4", "--", *TRAIN)

    def refused(*args: str) -> str:
        result = repo.gitexp("run", "--resume", *args, check=False)
        assert result.exit_code != 0
        return result.stderr

    assert "early has stored no checkpoint" in refused("early")
    assert "done is done" in refused("done")
    assert "HEAD is no experiment" in refused("HEAD") or "no experiment" in refused("HEAD")
    assert "do not go together" in refused("done", "--from", "early")
    # With more to do a done run goes on, as another run: both count.
    repo.gitexp("run", "-q", "-n", "longer", "--resume", "done", "-S", "train.epochs=12")
    assert curve(repo, "longer") == dict(enumerate(LOSS))
    found = experiments(repo)
    assert found["longer"].record.identity != found["done"].record.identity


def test_a_checkpoint_of_an_earlier_run_is_not_this_runs(training: Workspace) -> None:
    """A run from the start has none in its isolated workspace, and in the user's it is told."""
    repo = training
    repo.write("ckpt/state.json", json.dumps({"weight": 5.0, "epoch": 10}))
    repo.gitexp("run", "-q", "-n", "a", "--temp", "--", "ls")
    assert "ckpt" not in repo.gitexp("log", "a").stdout
    told = repo.gitexp("run", "-n", "b", "--", "true").stderr
    assert "checkpoints of an earlier run are in the workspace" in told
    assert experiments(repo)["b"].record.checkpoints == ()
    killed(repo, 4, "run", "-q", "-n", "c", "--temp", "--", *TRAIN)
    repo.gitexp("run", "-q", "--from", "c", "-n", "d", "--", "ls")  # again means from the start
    assert "ckpt" not in repo.gitexp("log", "d").stdout


def test_on_another_clone(training: Workspace, tmp_path: Path) -> None:
    repo = training
    repo.write("gitexp.yaml", repo.read("gitexp.yaml") + f"remotes: {{store: {tmp_path / 'store'}}}\n")
    repo.commit()
    team = make_team(repo, tmp_path)
    (tmp_path / "store").mkdir()
    killed(repo, 4, "run", "-q", "-n", "a", "--temp", "--", *TRAIN, size=5000)
    repo.gitexp("push", "-q", "a", "--no-data")
    team.bob.gitexp("pull", "-q")
    result = team.bob.gitexp("run", "--resume", "a", "-n", "b", check=False)
    assert "The checkpoint of a is not here, nor on a data remote: ckpt/state.json" in result.stderr
    assert list(experiments(team.bob)) == ["a"]
    repo.gitexp("data", "push", "-q", "a")
    team.bob.gitexp("run", "-q", "--resume", "a", "-n", "b")
    assert curve(team.bob, "b") == dict(enumerate(LOSS))
    # The curve of what went on is whole without what it went on from.
    team.bob.gitexp("push", "-q", "b")
    repo.gitexp("remove", "-q", "--yes", "a")
    repo.gitexp("pull", "-q", "b")
    assert curve(repo, "b") == dict(enumerate(LOSS))


# -- the queue ------------------------------------------------------------------------------------------


def test_a_lost_run_of_the_queue_goes_on(training: Workspace) -> None:
    """As often as it comes further: `tries` counts only those that came to no new checkpoint."""
    repo = training
    repo.write("gitexp.yaml", repo.read("gitexp.yaml") + "resume: true\n")
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", *TRAIN)
    for epoch in (2, 5, 8, 10):
        killed(repo, epoch, "queue", "work", size=3000)
    repo.gitexp("queue", "work", env={"SIZE": "3000"})
    record = experiments(repo)["one"].record
    assert (record.status, record.tries, record.resumed_from["step"]) == (Status.DONE, 1, 8)
    assert curve(repo, "one") == dict(enumerate(LOSS))
    assert curve(repo, "one", "val") == VAL
    repo.gitexp("tag", "one", "kept")
    assert_sound(repo)
    assert repo.gitexp("doctor").exit_code == 0


def test_retry_goes_on_or_begins_anew(training: Workspace, tmp_path: Path) -> None:
    repo = training
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", *TRAIN)
    killed(repo, 4, "queue", "work")
    project = Project.open(repo.path)
    repo.gitexp("list", "-A")
    lost = experiments(repo)["one"]
    requeued = requeue(project, lost, resume=True)
    assert requeued is not None
    assert (requeued.record.start, requeued.record.status) == (lost.record.start, Status.QUEUED)
    assert requeue(project, lost, resume=True) is None  # somebody has been quicker
    with pytest.raises(errors.ExperimentError):
        requeue(project, requeued)
    killed(repo, 7, "queue", "work")
    assert "from the last checkpoint: one" in repo.gitexp("queue", "retry", "one", "--go-on").stderr
    repo.gitexp("undo", "-q")
    repo.gitexp("queue", "retry", "one", "--anew", "-q")
    record = experiments(repo)["one"].record
    assert (record.commit, record.resumed_from, record.checkpoints) == (lost.record.start, {}, ())
    repo.gitexp("queue", "work")
    assert experiments(repo)["one"].record.resumed_from == {}
    assert curve(repo, "one") == dict(enumerate(LOSS))
    # Its earlier tries are sound for others too, also below a later note.
    repo.gitexp("note", "one", "-m", "at last")
    team = make_team(repo, tmp_path)
    repo.gitexp("push", "-q", "one")
    team.bob.gitexp("pull", "-q", "one")
    assert experiments(team.bob) == experiments(repo)


def test_another_clone_goes_on_with_a_lost_run(training: Workspace, tmp_path: Path) -> None:
    """The checkpoint travels by the data remote, and the curve with the queued record."""
    repo = training
    (tmp_path / "store").mkdir()
    config = f"resume: true\nremotes: {{store: {tmp_path / 'store'}}}\n"
    repo.write("gitexp.yaml", repo.read("gitexp.yaml") + config)
    repo.commit()
    team = make_team(repo, tmp_path)
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", *TRAIN)
    repo.gitexp("queue", "push", "-q")
    killed(team.bob, 7, "queue", "work", "--remote", "origin", size=3000)
    team.bob.gitexp("list", "-A")
    there = RemoteQueue(Project.open(team.bob.path), "origin")
    (run_there,) = there.runs()
    assert there.requeue(run_there, experiments(team.bob)["one"])
    repo.gitexp("queue", "work", "--remote", "origin", env={"SIZE": "3000"})
    record = experiments(repo)["one"].record
    assert (record.status, record.tries, record.resumed_from["step"]) == (Status.DONE, 0, 5)
    assert curve(repo, "one") == dict(enumerate(LOSS))


# -- replicates -----------------------------------------------------------------------------------------


def test_a_replicate_counts_once(training: Workspace) -> None:
    repo = training
    repo.write("params.yaml", "train: {epochs: 12, seed: 1}\n")
    repo.gitexp("run", "-q", "-n", "one", "--temp", "--", *TRAIN)
    repo.write("params.yaml", "train: {epochs: 12, seed: 2}\n")
    killed(repo, 4, "run", "-q", "-n", "two", "--temp", "--", *TRAIN)
    repo.gitexp("run", "-q", "-n", "again", "--resume", "two")
    (row,) = [row for row in repo.json("show", "-A") if row["kind"] == "group"]
    assert row["replicates"]["members"] == ["one", "again"]
    assert row["status"] == "done"


def test_from_python(training: Workspace) -> None:
    repo = training
    killed(repo, 4, "run", "-q", "-n", "a", "--temp", "--", *TRAIN)
    repo.gitexp("list", "-A")  # stores what there is
    result = run(Project.open(repo.path), RunRequest(resume="a", name="b", stdout=2))
    assert result.experiment.record.status is Status.DONE
    assert curve(repo, "b") == dict(enumerate(LOSS))
