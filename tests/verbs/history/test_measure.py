"""`gitexp metrics`: metrics of runs that are over, out of what they have stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clones import Team, make_team, outcomes
from tests.support.experiments import put
from tests.support.workspace import Workspace

LOG = b"epoch 1 acc 0.5\nepoch 2 acc 0.75\ndone\n"


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    yield team
    team.bob.close()


def metrics(repo: Workspace, name: str) -> dict[str, object]:
    found: dict[str, object] = repo.json("show", name)[0]["metrics"]
    return found


def test_metrics_out_of_the_stored_output(repo: Workspace) -> None:
    put(repo, "a", run_files={"output.log": LOG}, metrics={"metrics.json": {"loss": 1}})
    put(repo, "b", run_files={"output.log": b"nothing\n"})
    put(repo, "c")
    done = repo.gitexp(
        "metrics", "a", "b", "c", "--from-output", r"acc=acc (\S+)", "--from-output", "n=^epoch (.)"
    )
    assert metrics(repo, "a") == {"loss": 1, "acc": 0.75, "n": 2}
    assert r"b: not printed: acc, by acc (\S+)" in done.stderr
    assert "c: no output is stored" in done.stderr
    assert metrics(repo, "b") == metrics(repo, "c") == {}
    assert repo.gitexp("best", "acc").stdout == "a\n"
    repo.gitexp("undo")
    assert metrics(repo, "a") == {"loss": 1}


def test_metrics_out_of_a_stored_file(repo: Workspace) -> None:
    repo.write("sub/eval.json", '{"f1": 0.5}')
    repo.write("sub/bad.json", "{")
    repo.gitexp("save", "-q", "-n", "a")
    repo.gitexp("metrics", "a", "--from-file", "eval.json", cwd="sub")
    assert metrics(repo, "a") == {"f1": 0.5}
    done = repo.gitexp("metrics", "a", "--from-file", "sub/bad.json", "--from-file", "none.json", check=False)
    assert done.exit_code == 1
    assert "not in the experiment: none.json" in done.stderr
    assert "sub/bad.json" in done.stderr


def test_many_at_once(repo: Workspace) -> None:
    for name in ("a", "b"):
        repo.gitexp("run", "-q", "-n", name, "--", sys.executable, "-c", f"print('acc 0.{ord(name)}')")
    answer = repo.json("metrics", "--filter", "name == 'b'", "--from-output", r"acc=acc (\S+)")
    assert answer == [{"name": "b", "metrics": {"acc": 0.98}, "missing": []}]
    repo.gitexp("metrics", "--from-output", r"acc=acc (\S+)")
    assert metrics(repo, "a") == {"acc": 0.97}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("a",), "Nothing says where the metrics are"),
        (("a", "--from-output", "acc"), "which pattern"),
        (("a", "--from-output", "acc=("), "no regular expression"),
        (("a", "--from-file", "../x"), "not inside the repository"),
    ],
)
def test_what_cannot_be_meant(repo: Workspace, args: tuple[str, ...], told: str) -> None:
    put(repo, "a")
    done = repo.gitexp("metrics", *args, check=False)
    assert done.exit_code == 2
    assert told in done.stderr


def test_they_travel_as_an_edit(team: Team) -> None:
    put(team.ann, "a", run_files={"output.log": LOG}, metrics={"metrics.json": {"loss": 1}})
    team.ann.gitexp("push")
    team.bob.gitexp("pull")
    team.ann.gitexp("metrics", "a", "--from-output", r"acc=acc (\S+)")
    team.ann.gitexp("push")
    team.bob.gitexp("tag", "a", "mine")
    assert outcomes(team.bob.json("pull")) == {"a": "united"}
    assert metrics(team.bob, "a") == {"loss": 1, "acc": 0.75}
    team.bob.gitexp("push")
    assert outcomes(team.ann.json("pull")) == {"a": "updated"}
    assert team.ann.json("show", "a")[0]["tags"] == ["mine"]
