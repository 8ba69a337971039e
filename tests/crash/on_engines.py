"""Scenarios: a job of an engine is at work, or a training goes on from its checkpoint."""

from __future__ import annotations

from gitexp.model import Experiment, Status
from tests.crash.scenario import Scenario, one, stored
from tests.support.kills import experiments
from tests.support.workspace import Workspace

_JOB = ("engine", "job", "one")
_LEARNS = """\
import json, os, pathlib, sys
place = pathlib.Path('ckpt/state.json')
first = json.loads(place.read_text()) if os.environ.get('GITEXP_RESUMED') else 0
place.parent.mkdir(exist_ok=True)
place.write_text(json.dumps(first + 3))
json.dump({"epochs": first + 3}, open("metrics.json", "w"))
sys.exit(0 if first else 1)
"""


def _with_one_queued(repo: Workspace) -> None:
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", "python", "train.py")


def _with_locks_that_are_files(repo: Workspace) -> None:
    """As on a shared disk without flock."""
    _with_one_queued(repo)
    (repo.path / ".git/gitexp/locks-are-files").touch()


def _ended(repo: Workspace) -> None:
    """The run has ended once; if it did not come to its end, it says so."""
    (found,) = experiments(repo)
    assert isinstance(found, Experiment)
    stored(repo)


def _with_a_checkpoint(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: python learn.py\ncheckpoints: [ckpt/]\n")
    repo.write("learn.py", _LEARNS)
    repo.gitexp("run", "-q", "--temp", "-n", "one", check=False)


def _gone_on(repo: Workspace) -> None:
    """The new run has gone on from where the first one was."""
    stored(repo, "two")
    record = one(repo, "two").record
    assert record.resumed_from["experiment"] == "one"
    assert record.status is not Status.DONE or record.metrics == {"metrics.json": {"epochs": 6}}


SCENARIOS = (
    Scenario("engine job", _JOB, _with_one_queued, holds=_ended, same=False),
    Scenario("engine job, no flock", _JOB, _with_locks_that_are_files, holds=_ended, same=False),
    Scenario(
        "run --resume",
        ("run", "--resume", "one", "-n", "two"),
        _with_a_checkpoint,
        refused=("name-taken",),
        holds=_gone_on,
    ),
)
