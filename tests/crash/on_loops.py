"""Scenarios: a research loop."""

from __future__ import annotations

from tests.crash.scenario import Scenario
from tests.support.kills import experiments
from tests.support.workspace import Workspace

_LOOP = ("loop", "--edit", "echo '# more' >> train.py", "--metric", "eval.acc", "--max")


def _with_a_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.git("add", "gitexp.yaml")
    repo.git("commit", "--quiet", "-m", "config", "gitexp.yaml")


def _looped(repo: Workspace) -> None:
    """The round is there once, and all that was begun has ended."""
    assert all(one.record.status.ended for one in experiments(repo))
    (found,) = [one for one in experiments(repo) if one.record.loop.get("round") == 1]
    assert found.record.loop["kept"] is False  # by one run each there is no telling


SCENARIOS = (
    Scenario(
        "loop",
        (*_LOOP, "--rounds", "1", "--replicates", "1"),
        _with_a_config,
        holds=_looped,
        same=False,
        side_by_side=True,
    ),
)
