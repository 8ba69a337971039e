"""Two people, one bare repository and one folder of data: what one has computed, the other need not."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clones import Team, assert_whole, clone, make_team, outcomes
from tests.support.pipeline import OUTS, make
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    """Ann has run the pipeline, committed its lock, and pushed all; Bob has cloned just now."""
    make(repo)
    repo.allow("files", "gitexp.yaml", "params.yaml")
    repo.gitexp("remote", "add", "store", str(tmp_path / "store"))
    repo.gitexp("run", "-n", "first")
    repo.commit("the pipeline as it ran")
    made = make_team(repo, tmp_path)
    repo.git("fetch", "--quiet", "origin")
    repo.gitexp("run", "-n", "base")
    repo.gitexp("run", "-n", "faster", "-S", "train.lr=0.25")
    assert outcomes(repo.json("push")) == {"base": "new", "faster": "new"}
    made.bob.allow("files", "params.yaml")
    made.bob.writes(*OUTS)
    yield made
    made.bob.close()


def content(workspace: Workspace) -> dict[str, str]:
    names = ("model.bin", "data/a.txt", "data/sub/b.txt", "curve.csv", "metrics.json")
    return {name: hashlib.sha256((workspace.path / name).read_bytes()).hexdigest() for name in names}


def told(workspace: Workspace, *args: str) -> list[str]:
    """What a run says of its stages."""
    lines = workspace.gitexp("run", *args).stderr.splitlines()
    return [line.split("] ", 1)[1] for line in lines if line.startswith("[")]


def test_a_colleague_gets_every_stage_without_running_any(team: Team) -> None:
    assert not (team.bob.path / "model.bin").exists()
    assert outcomes(team.bob.json("pull")) == {"base": "new", "faster": "new"}
    assert not any(line.endswith(" s") for line in told(team.bob)), "none has run"
    # Ann's workspace is at `faster` now.
    told(team.bob, "-S", "train.lr=0.25")
    assert content(team.bob) == content(team.ann)
    assert_whole(team.bare, team.bob.path)


def test_only_what_depends_on_a_param_runs(team: Team) -> None:
    team.bob.gitexp("pull")
    told(team.bob)
    lines = told(team.bob, "-S", "train.lr=0.75")
    assert [line.split(":")[0] for line in lines if " done in " in line] == ["train", "evaluate"]
    assert "prepare: up to date" in lines


def test_a_branch_promoted_by_one_has_the_same_bytes_at_the_other(team: Team) -> None:
    team.bob.gitexp("pull")
    told(team.bob)
    told(team.bob, "-n", "best", "-S", "train.lr=0.75")
    before = content(team.bob)
    team.bob.allow("refs", "refs/heads/promoted", "refs/remotes/*")
    team.bob.allow("reflogs", "refs/heads/promoted")
    team.bob.gitexp("branch", "best", "promoted")
    team.bob.gitexp("push")
    team.bob.git("push", "--quiet", "origin", "promoted")
    with team.ann.by_user():
        team.ann.git("fetch", "--quiet", "origin")
        team.ann.git("checkout", "--quiet", "--force", "promoted")
    assert content(team.ann) != before
    team.ann.gitexp("checkout")
    assert content(team.ann) == before
    assert {line.split(maxsplit=1)[1] for line in team.ann.gitexp("status").stdout.splitlines()} == {
        "up to date"
    }


def test_a_third_clone_needs_nothing_but_the_lock(team: Team, tmp_path: Path) -> None:
    """No experiment is pulled: the committed lock and the data remote are enough."""
    carol = clone(team.bare, tmp_path / "carol")
    carol.writes(*OUTS)
    carol.gitexp("checkout")
    assert {line.split(maxsplit=1)[1] for line in carol.gitexp("status").stdout.splitlines()} == {
        "up to date"
    }
    carol.close()
