"""Two projects in one repository: each command keeps to the project in which the user stands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gitexp.catalog.query import Query, matching
from gitexp.project.project import Project
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def two(repo: Workspace) -> Workspace:
    """Projects pa/ and pb/, each with an experiment, and one of an older gitexp in pb/."""
    for folder in ("pa", "pb"):
        repo.write(f"{folder}/params.yaml", "lr: 0.1\n")
        repo.write(f"{folder}/src/train.py", "")
    repo.git("rm", "--quiet", "params.yaml")
    repo.commit()
    for folder, acc in (("pa", 0.95), ("pb", 0.5)):
        files = {f"{folder}/params.yaml": {"lr": acc}}
        put(
            repo,
            f"of-{folder}",
            project=folder,
            params=files,
            metrics={f"{folder}/metrics.json": {"acc": acc}},
        )
    put(repo, "older", folder="pb/src", metrics={"pb/metrics.json": {"acc": 0.4}})
    return repo


def names(repo: Workspace, *args: str, cwd: str) -> list[str]:
    return sorted(repo.gitexp("list", *args, cwd=cwd).stdout.split())


def test_each_command_keeps_to_the_project(two: Workspace) -> None:
    assert names(two, cwd="pa") == ["of-pa"]
    assert names(two, cwd="pb/src") == ["of-pb", "older"]
    assert names(two, "--all-projects", cwd="pb") == ["of-pa", "of-pb", "older"]
    assert names(two, "--filter", "acc > 0", cwd="pb") == ["of-pb", "older"]
    assert two.gitexp("best", "acc", cwd="pb").stdout == "of-pb\n"
    assert "of-pb" in two.gitexp("diff", "--best", "acc", cwd="pb").stdout
    shown = two.gitexp("show", cwd="pb")
    assert "of-pa" not in shown.stdout
    assert "1 more in other projects: gitexp show -A --all-projects" in shown.stderr
    two.gitexp("remove", "--filter", "acc > 0.9", "--yes", cwd="pb")
    two.gitexp("remove", "--keep", "of-pb", "--yes", cwd="pb")
    assert names(two, "--all-projects", cwd=".") == ["of-pa", "of-pb"]


@pytest.mark.parametrize(
    ("files", "here", "found"),
    [
        ((), ".", ["in-sub", "root"]),  # nothing marks a project: those above and below belong together
        ((), "sub", ["in-sub", "root"]),
        ((), "beside", ["root"]),
        (("gitexp.yaml",), "sub", ["in-sub", "root"]),  # a project that came later takes over
        (("gitexp.yaml", "sub/gitexp.yaml"), "sub", ["in-sub"]),
        (("gitexp.yaml", "sub/gitexp.yaml"), ".", ["root"]),
    ],
)
def test_the_project_of_a_record_is_that_of_its_folder_today(
    repo: Workspace, files: Sequence[str], here: str, found: list[str]
) -> None:
    repo.git("rm", "--quiet", "params.yaml")
    repo.commit()
    put(repo, "root", project="")
    put(repo, "in-sub", project="sub")
    put(repo, "gone", project="gone/for/ever")
    for name in ("sub/x", "beside/x", *files):
        repo.write(name, "")
    project = Project.open(repo.path / here)
    got = sorted(one.name for one in matching(project, Query()))
    assert [name for name in got if name != "gone"] == found
    assert ("gone" in got) == (here == "." and not files)


def test_a_run_and_a_save_say_their_project(two: Workspace) -> None:
    two.gitexp("run", "-n", "a", "--", "python", "-c", "", cwd="pa/src")
    two.gitexp("save", "-n", "b", cwd="pb/src")
    assert [two.json("show", name)[0]["project"] for name in ("a", "b")] == ["pa", "pb"]


def test_keys_of_different_files_are_never_one_column(two: Workspace) -> None:
    rows = {row["name"]: row for row in two.json("show", "--all-projects", cwd="pb")}
    assert rows["of-pa"]["metrics"] == {"pa/metrics.json:acc": 0.95}
    assert rows["of-pb"]["metrics"] == {"pb/metrics.json:acc": 0.5}
    metrics = two.json("diff", "of-pa", "of-pb", cwd="pb")["metrics"]
    assert {one["key"] for one in metrics} == {"pa/metrics.json:acc", "pb/metrics.json:acc"}
    for args in (("best", "acc"), ("list", "--filter", "acc > 0.1"), ("show", "--sort", "acc")):
        done = two.gitexp(*args, "--all-projects", cwd="pb", check=False)
        assert done.exit_code == 2
        assert "Say which: " in done.stderr
        assert "pa/metrics.json:acc" in done.stderr
    assert two.gitexp("best", "pa/metrics.json:acc", "--all-projects", cwd="pb").stdout == "of-pa\n"


def test_where_an_experiment_with_a_number_is(two: Workspace) -> None:
    put(two, "f1", baseline="HEAD~1", project="pb", metrics={"pb/metrics.json": {"f1": 1}})
    put(two, "auc", project="pa", metrics={"pa/metrics.json": {"auc": 1}})
    assert "hint: -A looks" in two.gitexp("best", "f1", cwd="pb", check=False).stderr
    assert "hint: -A --all-projects" in two.gitexp("best", "auc", cwd="pb", check=False).stderr
