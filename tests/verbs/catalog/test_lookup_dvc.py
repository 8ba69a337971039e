"""Words on the command line where experiments of gitexp's and of DVC's stand side by side."""

from __future__ import annotations

import pytest

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.cli.kit import complete
from gitexp.project.project import Project
from tests.support import dvc
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace


def _source(repo: Workspace, text: str) -> str:
    return lookup.require(Project.open(repo.path), text).source


def test_the_full_name_of_ours_comes_first(repo: Workspace) -> None:
    put(repo, "same")
    theirs = dvc.put(repo, "same")
    assert _source(repo, "same") == "gitexp"
    assert _source(repo, "SAME") == "gitexp"
    assert lookup.require(Project.open(repo.path), theirs[:8]).source == "dvc"
    assert {e.source for e in lookup.experiments(Project.open(repo.path))} == {"gitexp", "dvc"}
    rows = [row for row in repo.json("show") if row["kind"] == "experiment"]
    assert [(row["name"], row["source"]) for row in rows].count(("same", "dvc")) == 1
    assert len(rows) == 2


def test_the_full_name_of_theirs_comes_before_the_beginning_of_ours(repo: Workspace) -> None:
    put(repo, "best-1")
    put(repo, "best-2")
    dvc.put(repo, "best")
    assert _source(repo, "best") == "dvc"
    assert _source(repo, "best-1") == "gitexp"


def test_a_beginning_is_looked_for_among_all(repo: Workspace) -> None:
    put(repo, "exp-aa")
    theirs = dvc.put(repo, "exp-ab")
    assert _source(repo, "exp-ab") == "dvc"
    assert _source(repo, "Exp-AB") == "dvc"
    with pytest.raises(
        errors.ExperimentError,
        check=has_code("ambiguous-experiment"),
        match=rf"2 experiments: exp-aa, exp-ab \({theirs[:7]}\)",
    ):
        _source(repo, "exp")
    dvc.put(repo, "exp-ac")
    with pytest.raises(errors.ExperimentError, check=has_code("ambiguous-experiment"), match="3 experiments"):
        lookup.require(Project.open(repo.path), "exp-a")


def test_a_beginning_that_only_theirs_have(repo: Workspace) -> None:
    put(repo, "ours")
    dvc.put(repo, "theirs")
    assert _source(repo, "the") == "dvc"
    assert _source(repo, "our") == "gitexp"
    for text in ("", "head", "workspace", "no"):
        with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")):
            _source(repo, text)


def test_the_same_commit_under_two_baselines_is_one(repo: Workspace) -> None:
    commit = dvc.put(repo, "one")
    repo.git("update-ref", f"refs/exps/12/{'34' * 19}/one", commit)
    assert _source(repo, "one") == "dvc"
    assert _source(repo, commit[:6]) == "dvc"


def test_a_branch_comes_before_a_beginning_but_not_before_a_name(repo: Workspace) -> None:
    theirs = dvc.put(repo, "exp-1", {"metrics.json": '{"acc": 1}'})
    repo.git("branch", "exp")
    project = Project.open(repo.path)
    assert lookup.find(project, "exp").experiment is None
    repo.git("branch", "exp-1")
    point = lookup.find(project, "exp-1")
    assert point.commit == theirs
    assert point.metrics == {"metrics.json": {"acc": 1}}
    assert lookup.find(project, theirs).experiment is not None
    assert lookup.find(project, "HEAD").experiment is None


def test_what_would_change_one_of_theirs_is_refused(repo: Workspace) -> None:
    put(repo, "ours")
    dvc.put(repo, "theirs")
    project = Project.open(repo.path)
    assert lookup.require_own(project, "ou").name == "ours"
    for require in (lookup.require_own, lookup.require_own_stored):
        with pytest.raises(errors.ExperimentError, match="theirs is DVC's: gitexp only reads it") as caught:
            require(project, "th")
        assert caught.value.hint is not None
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")):
        lookup.require_own(project, "nobody")


def test_removing_what_a_filter_finds_leaves_theirs(repo: Workspace) -> None:
    put(repo, "ours")
    dvc.put(repo, "theirs")
    repo.gitexp("remove", "-y", "--filter", "name ~ '.'")
    assert repo.gitexp("list").stdout.split() == ["theirs"]


def test_names_are_completed_and_suggested(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    put(repo, "exp-ours")
    dvc.put(repo, "exp-theirs")
    dvc.put(repo, "exp-$(x)")
    monkeypatch.chdir(repo.path)
    assert complete.experiments("exp-") == ["exp-ours", "exp-theirs"]
    assert complete.own_experiments("exp-") == ["exp-ours"]
    assert "exp-theirs" in complete.points("")
    for ask in (lookup.require, lookup.find):
        with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")) as caught:
            ask(Project.open(repo.path), "exp-thiers")
        assert caught.value.hint is not None
        assert "exp-theirs" in caught.value.hint


def test_remove_says_that_they_are_of_dvc(repo: Workspace) -> None:
    dvc.put(repo, "theirs")
    done = repo.gitexp("remove", "-y", "--filter", "name == 'theirs'")
    assert done.stderr == "No experiment is like that but 1 of DVC's, which gitexp only reads.\n"
    assert repo.json("remove", "-y", "--filter", "name == 'theirs'") == {"removed": []}
