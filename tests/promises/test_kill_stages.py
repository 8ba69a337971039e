"""A kill between any two steps of a pipeline: `gitexp run` goes on from there, to the same end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from gitexp.objects.store import ObjectStore
from gitexp.project.hold import orphan
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs import notes as stage_notes
from tests.support.experiments import copy_of
from tests.support.kills import KILLED, assert_put_right, assert_sound, copied, experiments, kill
from tests.support.pipeline import ALL, FILES, OUTS, STAGES, lock, make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

RUN = ("run", "-n", "one")
CHANGED = (*RUN, "-S", "train.lr=0.25")
BACK = (*RUN, "-S", "train.lr=0.1")

# Where the first run of a pipeline is killed; `@2` is in its second stage.
FIRST = (
    *("stages:brought", "stages:removed@1", "stages:ran@1", "stages:stored@1", "lock:made@1"),
    *(
        "lock:written@1",
        "stages:noted@1",
        "stages:removed@2",
        "stages:ran@2",
        "stages:stored@2",
        "lock:made@2",
    ),
    *("lock:written@2", "stages:ran@3", "lock:written@3", "stages:noted@3"),
)
AGAIN = (
    *("stages:kept@1", "stages:removed@1", "stages:kept@2"),
    *("stages:ran@1", "lock:made@1", "lock:written@2"),
)
RESTORING = ("stages:restored@1", "lock:made@1", "lock:written@1", "stages:restored@2", "lock:written@2")
ISOLATED = ("stages:brought", "stages:restored@1", "lock:written@1", "stages:ran@1", "lock:written@2")
POINTS = {*FIRST, *AGAIN, *RESTORING, *ISOLATED}


@pytest.fixture
def repo(repo: Workspace) -> Iterator[Workspace]:
    make(repo)
    yield repo
    repo.allow("files", "params.yaml")


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline after a run."""
    repo = copy_of(template, tmp_path_factory.mktemp("made"))
    make(repo)
    start(repo)
    return repo.path


@pytest.fixture
def has_run(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    with copied(made, tmp_path) as repo:
        repo.writes(*OUTS, "params.yaml")
        yield repo


def assert_goes_on(repo: Workspace, lr: str) -> None:
    """The next run comes to the end that none was killed on the way to, and all it names can be had."""
    result = start(repo)
    assert result.exit_code == 0
    assert set(states(result.experiment).values()) <= {"up to date", "ran", "restored"}
    of_params = next(line for line in repo.read("params.yaml").splitlines() if "lr:" in line)
    assert f"lr: {lr} " in of_params
    assert repo.read("model.bin") == f"{FILES['raw.txt']}{of_params}\n"
    assert repo.read("data/sub/b.txt") == "one\ntwo\n"
    assert result.experiment.record.metrics["metrics.json"] == {"size": len(repo.read("model.bin"))}
    store = ObjectStore(Project.open(repo.path).local.objects)
    assert all(store.verify(hash_) for out in lock(repo).artifacts for hash_ in store.contents(out.hash))
    assert list(lock(repo).stages) == sorted(ALL)
    assert states(start(repo).experiment) == dict.fromkeys(ALL, "up to date")
    assert_sound(repo)


@pytest.mark.parametrize("point", FIRST)
def test_the_first_run(repo: Workspace, point: str) -> None:
    kill(repo, point, *RUN)
    assert_put_right(repo, point, Status.INTERRUPTED)
    done = list(lock(repo).stages)
    assert_goes_on(repo, "0.1")
    one = next(e for e in experiments(repo) if e.name == "one")
    stored = repo.git("ls-tree", "-r", "--name-only", one.record.commit).splitlines()
    assert "gitexp.lock" in stored or not done
    # The last one may be in the lock, and the note of it not be written yet.
    assert states(one) == dict.fromkeys(
        done if point.startswith("stages:noted") else ALL[: len(states(one))], "ran"
    )
    assert len(done) - len(states(one)) in (0, 1)


@pytest.mark.parametrize("point", AGAIN)
def test_a_run_over_results(has_run: Workspace, point: str) -> None:
    repo = has_run
    repo.write("model.bin", "edited by hand\n")
    kill(repo, point, *CHANGED)
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert_goes_on(repo, "0.25")


@pytest.fixture(scope="module")
def made_twice(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline after a run with other params, too."""
    with copied(made, tmp_path_factory.mktemp("twice")) as repo:
        repo.writes(*OUTS, "params.yaml")
        start(repo, ["train.lr=0.25"])
    return repo.path


@pytest.fixture
def has_run_twice(made_twice: Path, tmp_path: Path) -> Iterator[Workspace]:
    with copied(made_twice, tmp_path) as repo:
        repo.writes(*OUTS, "params.yaml")
        yield repo


@pytest.mark.parametrize("point", RESTORING)
def test_restoring(has_run_twice: Workspace, point: str) -> None:
    repo = has_run_twice
    kill(repo, point, *BACK)
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert_goes_on(repo, "0.1")


@pytest.mark.parametrize("point", ISOLATED)
def test_in_isolation(has_run: Workspace, point: str) -> None:
    repo = has_run
    before = {name: repo.read(name) for name in OUTS if (repo.path / name).is_file()}
    kill(repo, point, *CHANGED, "--temp")
    assert_put_right(repo, point, Status.INTERRUPTED)
    assert {name: repo.read(name) for name in before} == before
    result = start(repo, ["train.lr=0.25"], temp=True)
    assert set(states(result.experiment).values()) <= {"ran", "restored"}
    assert "train.lr: 0.25" in repo.git("show", f"{result.experiment.record.commit}:gitexp.lock")


def test_what_was_up_to_date_when_gitexp_was_killed(repo: Workspace) -> None:
    """It is the experiment's result, though nothing of it was written now."""
    before = start(repo).experiment
    kill(repo, "stages:noted@3", *RUN)
    assert_put_right(repo, "stages:noted@3", Status.INTERRUPTED)
    one = next(e for e in experiments(repo) if e.name == "one")
    assert states(one) == dict.fromkeys(ALL, "up to date")
    assert one.record.metrics == before.record.metrics


def test_notes_that_nobody_can_read(repo: Workspace) -> None:
    kill(repo, "stages:noted@2", *RUN)
    (notes,) = Project.open(repo.path).local.runs.glob("*/stages.jsonl")
    first, _ = notes.read_text().splitlines()
    for rest in (
        '["train", {"sta',
        '["train", {}, [], []]',
        '["train", {"state": "ran"}, ["../x"], []]',
        "\0",
    ):
        notes.write_text(f"{first}\n{rest}\n{first}\n")
        (run,) = live.live_runs(Project.open(repo.path).local)
        assert [note.name for note in stage_notes.read(run)] == ["prepare"]
    repo.gitexp("list")
    (one,) = experiments(repo)
    assert states(one) == {"prepare": "ran"}


DIES = """\
echo so far
while ! grep -q far .git/gitexp/runs/*/stages/train.log; do sleep 0.01; done
kill -9 $PPID
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_gitexp_is_killed_while_a_stage_runs(repo: Workspace, jobs: str) -> None:
    repo.write("gitexp.yaml", STAGES.replace("sh train.sh", "exec sh train.sh"))
    repo.write("train.sh", DIES)
    assert repo.gitexp(*RUN, "-j", jobs, check=False, process=True).exit_code == KILLED
    while any(orphan(run) for run in live.live_runs(Project.open(repo.path).local)):
        time.sleep(0.01)
    assert "stored now, as interrupted" in repo.gitexp("list").stderr
    (one,) = experiments(repo)
    assert repo.git("show", f"{one.id}:.gitexp/run/stages/train.log") == "so far"
    assert list(lock(repo).stages) == ["prepare"]
    assert states(one) == {"prepare": "ran"}
    repo.write("train.sh", FILES["train.sh"])
    assert states(start(repo).experiment) == {"prepare": "up to date", "train": "ran", "evaluate": "ran"}


def test_stages_that_go_on_without_gitexp(repo: Workspace) -> None:
    """Of two at a time the first may be the last to end: nothing runs beside it."""
    wait = "touch {0}.up; while [ ! -e {0}.go ]; do sleep 0.01; done; touch {0}.out"
    stages = "".join(f"  {name}: {{cmd: '{wait.format(name)}', outs: [{name}.out]}}\n" for name in "ab")
    repo.write("gitexp.yaml", f"stages:\n{stages}")
    repo.writes("?.up", "?.out")
    process = repo.start("run", "-n", "one", "-j", "2")
    project = Project.open(repo.path)
    while not all((repo.path / f"{name}.up").exists() for name in "ab"):
        time.sleep(0.01)
    while not any(run.child and run.others for run in live.live_runs(project.local)):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    repo.write("b.go", "")
    while not (repo.path / "b.out").exists():
        time.sleep(0.01)
    assert "one is still running" in repo.gitexp("run", check=False).stderr
    repo.write("a.go", "")
    while any(orphan(run) for run in live.live_runs(project.local)):
        time.sleep(0.01)
    assert states(start(repo).experiment) == {"a": "ran", "b": "ran"}
