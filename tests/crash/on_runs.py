"""Scenarios: an experiment is made."""

from __future__ import annotations

import sys

from gitexp.model import Experiment, Status
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from tests.crash.scenario import Changes, Scenario, one, stored, with_one
from tests.support import pipeline
from tests.support.kills import KILLED, experiments, git
from tests.support.workspace import Workspace

_TRAIN = ("--", "python", "train.py")
_TAKEN = ("name-taken",)
_RUN: Changes = (("files", "params.yaml"), ("files", "metrics.json"))
_METRICS = ("metrics.json",)  # by the training script, which is killed too
_OUTS: Changes = tuple(("files", name) for name in pipeline.OUTS)


def _saved(repo: Workspace) -> None:
    """E holds what stands in the workspace, new and edited files alike."""
    stored(repo)
    for name in ("train.py", "new.py", "staged.py", "notes.txt"):
        assert git(repo, "show", f"{one(repo).record.commit}:{name}") + "\n" == repo.read(name)


def _from_one(repo: Workspace) -> None:
    """What was run is the code of the first one, of which the workspace has nothing any more."""
    stored(repo, "two")
    found = one(repo, "two")
    assert found.record.baseline == one(repo).record.commit
    assert "# edited" in git(repo, "show", f"{found.record.commit}:train.py")
    assert "lr: 0.2" in git(repo, "show", f"{found.record.commit}:params.yaml")


def _with_one_left_behind(repo: Workspace) -> None:
    with_one(repo)
    repo.git("checkout", "--quiet", "--", "train.py")
    with repo.by_user():
        (repo.path / "new.py").unlink()


def _with_a_dead_run(repo: Workspace) -> None:
    env = {"GITEXP_FAILPOINT": "run:ended"}
    repo.allow("files", "metrics.json")
    assert repo.gitexp("run", "-q", "-n", "one", *_TRAIN, env=env, check=False).exit_code == KILLED
    repo.guard.retake()


def _recovered(repo: Workspace) -> None:
    assert one(repo).record.status is Status.INTERRUPTED
    assert "epoch 3" in repo.gitexp("log", "one").stdout


def _with_stages(repo: Workspace) -> None:
    for name, text in pipeline.FILES.items():
        repo.write(name, text)
    repo.write(".gitignore", "*.bin\n/data/\n")


def _with_stages_run_twice(repo: Workspace) -> None:
    """What the next run is to come to has been come to before."""
    _with_stages(repo)
    for kind, name in (*_OUTS, *_RUN):
        repo.allow(kind, name)
    for lr in ("0.2", "0.1"):
        repo.gitexp("run", "-q", "-n", f"lr-{lr}", "-S", f"train.lr={lr}")
    repo.guard.retake()


def _brought_up_to_date(repo: Workspace) -> None:
    """What the lock names can be had, and the next run comes to the same end."""
    stored(repo)
    store = ObjectStore(Project.open(repo.path).local.objects)
    locked = pipeline.lock(repo).artifacts
    assert all(store.verify(each) for out in locked for each in store.contents(out.hash))
    result = pipeline.start(repo)
    assert result.exit_code == 0, result
    lr = next(line for line in repo.read("params.yaml").splitlines() if "lr:" in line)
    assert repo.read("model.bin") == f"{pipeline.FILES['raw.txt']}{lr}\n"
    assert list(pipeline.lock(repo).stages) == sorted(pipeline.ALL)


_LOGS = """
import gitexp

gitexp.log({"loss": 0.5})
gitexp.log_text("small", "words")
gitexp.log_text("large", "x" * 200_000)
gitexp.log({"loss": 0.25})
"""


def _with_a_script_that_logs(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "max_untracked: 100 kB\n")
    repo.write("log.py", _LOGS)


def _logged(repo: Workspace) -> None:
    """The experiment has what was logged, and its large artifact can be had, if it came to its end."""
    stored(repo)
    if one(repo).record.status is Status.DONE:
        assert one(repo).record.metrics[".gitexp/run/summary.json"] == {"loss": 0.25}
        found = repo.json("artifacts", "one")["artifacts"]
        assert [artifact["name"] for artifact in found] == ["texts/large.txt", "texts/small.txt"]
        assert ObjectStore(Project.open(repo.path).local.objects).verify(found[0]["hash"])


_GRID = ("run", "--queue", "-n", "one", "-S", "train.lr=0.2,0.3", *_TRAIN)


def _queued(repo: Workspace) -> None:
    """Both points wait, each once."""
    found = [each.record for each in experiments(repo) if isinstance(each, Experiment)]
    assert [record.status for record in found] == [Status.QUEUED] * 2
    assert len({record.identity for record in found}) == 2


def _with_a_queue(repo: Workspace) -> None:
    repo.gitexp(*_GRID)


def _worked_off(repo: Workspace) -> None:
    """Both points have been run; one that did not come to its end says so."""
    for each in experiments(repo):
        assert isinstance(each, Experiment)
        assert each.record.status is Status.DONE or (each.record.status.ended and each.record.warnings)
    assert len(experiments(repo)) == 2


SCENARIOS = (
    Scenario("save", ("save", "-n", "one"), refused=_TAKEN, holds=_saved),
    Scenario(
        "run",
        ("run", "-n", "one", "-S", "train.lr=0.2", *_TRAIN),
        may_change=_RUN,
        refused=_TAKEN,
        holds=stored,
        in_steps=_METRICS,
    ),
    Scenario("run --temp", ("run", "--temp", "-n", "one", *_TRAIN), refused=_TAKEN, holds=stored),
    Scenario(
        "run --from",
        ("run", "--from", "one", "-n", "two", "-S", "train.lr=0.2", *_TRAIN),
        _with_one_left_behind,
        refused=_TAKEN,
        holds=_from_one,
    ),
    Scenario(
        "run of stages",
        ("run", "-n", "one"),
        _with_stages,
        _OUTS,
        _TAKEN,
        holds=_brought_up_to_date,
        in_steps=pipeline.OUTS,
    ),
    Scenario(
        "run of stages, all known",
        ("run", "-n", "one", "-S", "train.lr=0.2"),
        _with_stages_run_twice,
        (*_OUTS, *_RUN),
        _TAKEN,
        holds=_brought_up_to_date,
        in_steps=pipeline.OUTS,
    ),
    Scenario(
        "run that logs",
        ("run", "-n", "one", "--", sys.executable, "log.py"),
        _with_a_script_that_logs,
        refused=_TAKEN,
        holds=_logged,
    ),
    Scenario("run --queue", _GRID, holds=_queued),
    Scenario("queue work", ("queue", "work"), _with_a_queue, holds=_worked_off, same=False),
    # What cannot be stored now is no reason not to list what is there.
    Scenario("recovery", ("list",), _with_a_dead_run, holds=_recovered, at_once=False),
)
