"""Metrics in a workspace that was edited since: the result of another run is never taken for its own."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gitexp.project.project import Project
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

RUN = ("python", "train.py")


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A project with one run, `first`."""
    repo.writes("metrics.json")
    repo.gitexp("run", "-n", "first", "--", *RUN)
    return repo


def saved(repo: Workspace, name: str) -> tuple[dict[str, object], str]:
    """The metrics that `gitexp save` records, and its warnings."""
    done = repo.gitexp("save", "-n", name)
    experiment = Project.open(repo.path).store.get(name)
    assert experiment is not None
    return dict(experiment.record.metrics), done.stderr


def edit(repo: Workspace, name: str, old: str, new: str) -> None:
    text = repo.read(name)
    assert old in text
    repo.write(name, text.replace(old, new))


def edit_params(repo: Workspace) -> None:
    edit(repo, "params.yaml", "lr: 0.1", "lr: 0.2")


def edit_and_touch(repo: Workspace) -> None:
    """No clock tells the metrics of before from those of after."""
    edit_params(repo)
    with repo.by_user():
        os.utime(repo.path / "params.yaml", (1, 1))
        os.utime(repo.path / "metrics.json")


def edit_code(repo: Workspace) -> None:
    edit(repo, "train.py", "loss = 1.0", "loss = 1.5")


def remove_run_first(repo: Workspace) -> None:
    repo.allow("refs", "*")
    repo.gitexp("remove", "first", "--yes")
    edit_params(repo)


def commit_first(repo: Workspace) -> None:
    repo.commit()
    edit_params(repo)


@pytest.mark.parametrize("change", [edit_params, edit_and_touch, edit_code, remove_run_first, commit_first])
def test_metrics_of_before_an_edit_are_not_recorded(
    repo: Workspace, change: Callable[[Workspace], None]
) -> None:
    change(repo)
    metrics, said = saved(repo, "edited")
    assert metrics == {}
    assert "not the workspace's result: metrics.json is that of" in said
    in_tree = stored(repo, experiment_commit(repo, "edited"))
    assert ("metrics.json" in in_tree) == (change is commit_first)


def test_what_a_script_wrote_after_the_edit_is_recorded(repo: Workspace) -> None:
    edit_params(repo)
    with repo.by_user():
        os.system(f"cd '{repo.path}' && python train.py >/dev/null")
    metrics, said = saved(repo, "by-hand")
    assert metrics["metrics.json"] == {"loss": pytest.approx(0.216), "eval": {"acc": pytest.approx(0.822368)}}
    assert "warning" not in said


def test_the_run_of_unchanged_files_counts_again(repo: Workspace) -> None:
    repo.write("README.md", "words are no code\n")
    metrics, said = saved(repo, "again")
    assert "metrics.json" in metrics
    assert "warning" not in said


def test_unknown_metrics_older_than_the_params_are_told(repo: Workspace) -> None:
    file = repo.write("metrics.json", '{"loss": 7}')
    edit_params(repo)
    with repo.by_user():
        os.utime(file, (1, 1))
    metrics, said = saved(repo, "older")
    assert metrics == {"metrics.json": {"loss": 7}}
    assert "metrics.json is older than params.yaml" in said


def test_a_pattern_means_what_was_written_since(repo: Workspace) -> None:
    pattern = "outputs/**/metrics.json"
    repo.write("gitexp.yaml", f"metrics: ['{pattern}']\n")
    repo.writes("outputs", "outputs/*")
    line = 'mkdir -p outputs/1; echo "{\\"loss\\": 1}" >outputs/1/metrics.json'
    repo.gitexp("run", "-n", "run", "--", "sh", "-c", line)
    assert saved(repo, "same")[0] == {pattern: {"loss": 1}}
    edit_params(repo)
    metrics, said = saved(repo, "other-params")
    assert (metrics, "outputs/1/metrics.json is that of" in said) == ({}, True)
    repo.write("outputs/2/metrics.json", '{"loss": 2}')
    assert saved(repo, "by-hand")[0] == {pattern: {"loss": 2}}
    in_tree = stored(repo, experiment_commit(repo, "by-hand"))
    assert ("outputs/1/metrics.json" in in_tree, "outputs/2/metrics.json" in in_tree) == (False, True)
    assert saved(repo, "again")[0] == {pattern: {"loss": 2}}
    for part in ("a", "b"):
        repo.write(f"outputs/{part}/metrics.json", '{"loss": 3}')
    assert saved(repo, "two")[0].keys() == {f"outputs/{part}/metrics.json" for part in ("a", "b")}


def test_the_row_of_the_workspace_has_no_metrics_of_other_params(repo: Workspace) -> None:
    assert repo.json("show")[0]["metrics"]
    edit_params(repo)
    row = repo.json("show")[0]
    assert (row["kind"], row["metrics"], row["params"]["train.lr"]) == ("workspace", {}, 0.2)
    assert "metrics.json is that of first, which had train.lr 0.1" in repo.gitexp("diff").stderr
