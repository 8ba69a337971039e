"""DVC's experiments in gitexp: a repository made by real DVC."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.project.project import Project
from tests.support.codes import has_code
from tests.support.dvc import DvcRepository, dvc_repository
from tests.support.workspace import Workspace


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> DvcRepository:
    """The repository that DVC made."""
    return dvc_repository(tmp_path_factory)


@pytest.fixture
def theirs(original: DvcRepository, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of that repository, whose user now works with gitexp."""
    shutil.copytree(original.path, tmp_path / "repo", symlinks=True)
    workspace = Workspace(tmp_path / "repo")
    workspace.git("update-index", "-q", "--refresh", check=False)
    yield workspace
    workspace.close()


_MADE = ("data.txt", "model/scores.json", "dvclive/metrics.json", "eval-a.json", "eval-b.json")


def _without_dvc(original: DvcRepository) -> str:
    """The search path, less the folder of DVC's program."""
    own = str(Path(original.program).parent)
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != own)


def _scalars(value: Any) -> Any:
    """What DVC takes for a metric: numbers and texts, not lists."""
    if isinstance(value, dict):
        return {key: _scalars(item) for key, item in value.items() if not isinstance(item, list)}
    return value


def test_params_and_metrics_are_as_dvc_shows_them(theirs: Workspace, original: DvcRepository) -> None:
    found = {experiment.id: experiment for experiment in sources.experiments(Project.open(theirs.path))}
    shown = original.experiments()
    assert found.keys() == shown.keys()
    assert sorted(state["name"] for state in shown.values()).count("first") == 2
    for oid, state in shown.items():
        record = found[oid].record
        assert (record.name, record.baseline, record.commit) == (state["name"], state["baseline"], oid)
        assert record.created.startswith(state["data"]["timestamp"])
        for file, result in state["data"]["metrics"].items():
            if "error" in result:  # DVC does not look into its cache for what `dvc exp save` has left
                assert (state["name"], file) == ("saved", "model/scores.json")
                assert record.metrics[file]["acc"] == 0.7
            else:
                assert _scalars(record.metrics[file]) == result["data"]
        for file, result in state["data"]["params"].items():
            assert result["data"].items() <= record.params[file].items()  # DVC shows the keys it tracks


def test_the_table_has_them_below_their_baselines(theirs: Workspace) -> None:
    rows = theirs.json("show", "-A")
    first, second = theirs.git("rev-parse", "HEAD~"), theirs.git("rev-parse", "HEAD")
    assert [(row["kind"], row["commit"]) for row in rows if row["kind"] == "baseline"] == [
        ("baseline", second),
        ("baseline", first),
    ]
    found = {(row["name"], row["baseline"]): row for row in rows if row["kind"] == "experiment"}
    names = {name for name, _ in found}
    assert len(found) == 5
    assert {"first", "temporary", "saved"} < names
    assert "queued" not in names  # a stash of DVC's until it is run
    assert {row["source"] for row in found.values()} == {"dvc"}
    row = found["first", first]
    assert (row["status"], row["branch"], row["tags"], row["error"]) == ("done", None, [], None)
    assert row["params"]["train.lr"] == 0.2
    assert row["params"]["seed"] == 1
    assert {key: round(value, 9) for key, value in row["metrics"].items() if key != "curve"} == (
        {"step": 3, "model/scores.json:acc": 0.8, "by.class": 0.2, "loss_a": 0.2, "loss_b": 0.2}
    )
    assert found["first", second]["metrics"] == {"dvclive/metrics.json:acc": 0.75, "step": 9}
    assert found["saved", first]["note"] == "by hand"
    assert theirs.gitexp("list").stdout.splitlines() == ["first"]
    assert sorted(theirs.gitexp("list", "-A").stdout.split()) == sorted(name for name, _ in found)


def test_without_dvcs_cache_the_rest_is_there(theirs: Workspace) -> None:
    with theirs.by_user():
        shutil.rmtree(theirs.path / ".dvc" / "cache")
    found = {e.name: e for e in sources.experiments(Project.open(theirs.path))}
    assert found["temporary"].record.metrics.keys() == {"dvclive/metrics.json", "model/scores.json"}
    warnings = found["temporary"].record.warnings
    assert [warning.split(":")[1] for warning in warnings] == [" eval-a.json", " eval-b.json"]
    assert all("its content is not in DVC's cache here" in warning for warning in warnings)


def test_they_are_compared(theirs: Workspace) -> None:
    shown = theirs.json("diff", "temporary", "saved")
    assert {"key": "train.lr", "old": 0.4, "new": 0.3}.items() <= shown["params"][0].items()
    against_baseline = theirs.json("diff", "temporary")
    assert [change["key"] for change in against_baseline["params"]] == ["train.lr"]
    assert {change["key"] for change in against_baseline["metrics"]} > {"acc", "step"}


def test_a_branch_and_the_workspace_take_them(theirs: Workspace) -> None:
    theirs.git("checkout", "--quiet", "HEAD~")
    commit = lookup.require(Project.open(theirs.path), "temporary").record.commit
    theirs.allow("refs", "refs/heads/best")
    theirs.allow("reflogs", "refs/heads/best")
    theirs.gitexp("branch", "tempo", "best")
    assert theirs.git("rev-parse", "best") == commit
    theirs.allow("files", "params.yaml", "dvc.lock", "model/scores.json", "dvclive/metrics.json")
    theirs.allow("files", ".gitignore", "model/.gitignore")
    theirs.gitexp("apply", "temporary")
    assert "lr: 0.4  # step" in theirs.read("params.yaml")
    theirs.gitexp("undo")
    assert "lr: 0.1  # step" in theirs.read("params.yaml")


def test_gitexp_stores_what_dvc_runs(theirs: Workspace, original: DvcRepository) -> None:
    """dvc.yaml names the metrics, those in DVC's cache too: `gitexp run -- dvc repro` needs no config."""
    theirs.git("checkout", "--quiet", "HEAD~")
    theirs.writes("*")
    env = original.environment()
    theirs.gitexp("run", "-n", "ours", "-S", "train.lr=0.6", "--", original.program, "repro", env=env)
    row = next(row for row in theirs.json("show") if row["name"] == "ours")
    assert row["source"] == "gitexp"
    assert row["metrics"]["acc"] == pytest.approx(0.4)
    assert row["metrics"]["loss_a"] == pytest.approx(0.6)
    assert [change["key"] for change in theirs.json("diff", "temporary", "ours")["params"]] == ["train.lr"]


def test_what_dvc_repro_makes_is_made_without_dvc(theirs: Workspace, original: DvcRepository) -> None:
    """The same dvc.yaml, not changed in any way, makes the same bytes."""
    theirs.git("checkout", "--quiet", "HEAD~")
    theirs.writes("*")
    theirs.gitexp("run", "-n", "ours", "-S", "train.lr=0.6", env={"PATH": _without_dvc(original)})
    made = {path: theirs.read(path) for path in _MADE}
    assert json.loads(made["eval-a.json"]) == {"loss_a": pytest.approx(0.6)}
    again = theirs.gitexp("run", "-n", "again")
    assert again.stderr.count("up to date") == 4
    for path in _MADE:
        (theirs.path / path).unlink()
    theirs.gitexp("run", "-n", "theirs", "--", original.program, "repro", env=original.environment())
    assert {path: theirs.read(path) for path in _MADE} == made
    assert theirs.json("diff", "ours", "theirs")["metrics"] == []


def test_their_code_runs_again_with_other_values(theirs: Workspace, original: DvcRepository) -> None:
    """In a worktree that shares DVC's cache, with the metrics that the dvc.yaml of that code names."""
    project = Project.open(theirs.path)
    parent = lookup.require(project, "temporary")
    command = ("--", original.program, "repro")
    values = ("-n", "next", "-S", "train.lr=0.45")
    theirs.allow("files", ".dvc/cache/*", ".dvc/tmp/*")
    theirs.gitexp("run", "--from", "temporary", *values, *command, env=original.environment())
    found = lookup.require(project, "next").record
    assert found.baseline == parent.record.commit
    assert found.metrics["model/scores.json"]["acc"] == pytest.approx(0.55)
    assert found.metrics["eval-a.json"]["loss_a"] == pytest.approx(0.45)
    assert "lr: 0.45" in theirs.git("show", f"{found.commit}:dvc.lock")
    row = next(row for row in theirs.json("show", "-A") if row["name"] == "next")
    assert (row["parent"], row["source"]) == ("temporary", "gitexp")


@pytest.mark.parametrize(
    "command",
    [
        ("note", "temporary", "-m", "x"),
        ("tag", "temporary", "x"),
        ("rename", "temporary", "x"),
        ("remove", "-y", "temporary"),
    ],
)
def test_they_are_only_read(theirs: Workspace, command: tuple[str, ...]) -> None:
    done = theirs.gitexp(*command, check=False)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "error: temporary is DVC's: gitexp only reads it."
    assert len(lookup.experiments(Project.open(theirs.path))) == 5


def test_there_is_no_log_of_them(theirs: Workspace) -> None:
    done = theirs.gitexp("log", "temporary", check=False)
    assert done.exit_code == 1
    assert done.stderr == (
        "error: temporary is DVC's, which does not store what a command prints.\n"
        "hint: gitexp diff temporary shows what it holds.\n"
    )


def test_a_name_on_two_baselines_is_told_apart_by_commit(theirs: Workspace) -> None:
    project = Project.open(theirs.path)
    with pytest.raises(errors.ExperimentError, check=has_code("ambiguous-experiment")) as caught:
        lookup.require(project, "first")
    both = [e for e in lookup.experiments(project) if e.name == "first"]
    assert all(f"first ({e.id[:7]})" in caught.value.message for e in both)
    assert [lookup.require(project, e.id[:7]).id for e in both] == [e.id for e in both]
