"""Two projects in one repository: each command keeps to the project in which the user stands."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from gitexp import errors
from gitexp.catalog.query import Query, matching
from gitexp.project.project import Project
from gitexp.views.best import best
from gitexp.views.diff import diff, points
from gitexp.views.table import table
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


def test_an_experiment_of_another_project_beside_its_baseline(two: Workspace) -> None:
    for command in (("show", "of-pa"), ("diff", "of-pa")):
        shown = two.gitexp(*command, cwd="pb").stdout
        assert "0.95" in shown
        assert "pb/" not in shown


def test_a_file_that_was_moved_keeps_its_columns(repo: Workspace) -> None:
    put(repo, "before", metrics={"m.json": {"acc": 0.5, "old": 1}}, params={"params.yaml": {"lr": 1}})
    put(repo, "after", metrics={"results/m.json": {"acc": 0.7}}, params={"conf/params.yaml": {"lr": 2}})
    project = Project.open(repo.path)
    shown = table(project, Query(sort="acc", descending=True))
    assert [(row.name, row.metrics["acc"]) for row in shown.experiments] == [("after", 0.7), ("before", 0.5)]
    assert best(project, "acc").name == "after"
    assert [one.name for one in matching(project, Query(filter="acc < 0.6 and lr == 1"))] == ["before"]
    found = diff(project, *points(project, "before", "after"))
    assert next((one.key, one.old, one.new) for one in found.metrics) == ("acc", 0.5, 0.7)
    assert [(one.key, one.old, one.new) for one in found.params] == [("lr", 1, 2)]
    named = table(project, Query(sort="results/m.json:acc")).experiments
    assert [row.name for row in named] == ["after", "before"]


@pytest.mark.parametrize("beside", ["name", "row", "config"])
def test_files_that_stand_beside_each_other_are_two(repo: Workspace, beside: str) -> None:
    files = {"name": ("train.json", "eval.json")}.get(beside, ("train/m.json", "eval/m.json"))
    for at, file in enumerate(files):
        put(repo, f"run-{at}", metrics={file: {"acc": at / 2}})
    if beside == "row":
        put(repo, "both", metrics={file: {"acc": 0.5} for file in files})
    elif beside == "config":
        repo.write("gitexp.yaml", f"metrics: [{', '.join(files)}]\n")
    project = Project.open(repo.path)
    with pytest.raises(errors.UsageError, match="in several files"):
        best(project, "acc")
    with pytest.raises(errors.UsageError, match="in several files"):
        table(project, Query(sort="acc"))
    keys = {key for row in table(project, Query()).experiments for key in row.metrics}
    assert keys == {f"{file}:acc" for file in files}


def test_where_an_experiment_with_a_number_is(two: Workspace) -> None:
    put(two, "f1", baseline="HEAD~1", project="pb", metrics={"pb/metrics.json": {"f1": 1}})
    put(two, "auc", project="pa", metrics={"pa/metrics.json": {"auc": 1}})
    assert "gitexp best -A f1" in two.gitexp("best", "f1", cwd="pb", check=False).stderr
    assert "gitexp best -A --all-projects auc" in two.gitexp("best", "auc", cwd="pb", check=False).stderr


@pytest.fixture
def beside(repo: Workspace) -> Workspace:
    """Projects pa/ and pb/, and code for both; two experiments of pa/ have changes in all of them."""
    for folder in ("pa", "pb"):
        repo.write(f"{folder}/gitexp.yaml", "metrics: [metrics.json]\n")
        repo.write(f"{folder}/train.py", "1\n")
    repo.write("common.py", "1\n")
    repo.commit()
    for text in ("2\n", "3\n"):
        for name in ("pa/train.py", "pb/train.py", "common.py"):
            repo.write(name, text)
        repo.write("pb/metrics.json", f'{{"acc": {text}}}\n')
        repo.gitexp("save", "-n", f"of-pa-{text.strip()}", cwd="pa")
    repo.gitexp("note", "of-pa-3", "-m", "its files are stored, so that they may be overwritten", cwd="pa")
    return repo


def test_files_of_other_projects_have_a_part_of_their_own(beside: Workspace) -> None:
    found = beside.json("diff", "of-pa-2", cwd="pa")
    assert [file["path"] for file in found["code"]] == ["common.py", "pa/train.py"]
    assert [file["path"] for file in found["other_projects"]] == ["pb/metrics.json", "pb/train.py"]
    assert beside.json("diff", "of-pa-2", cwd="pb") == found
    compared = beside.json("compare", "of-pa-2", "of-pa-3", cwd="pa")
    assert [item["key"] for item in compared["code"]] == ["common.py", "pa/train.py"]
    assert [item["key"] for item in compared["other_projects"]] == ["pb/metrics.json", "pb/train.py"]
    shown = beside.gitexp("show", "of-pa-2", "--columns", "changes", cwd="pa").stdout
    assert "pa/train.py" in shown
    assert "pb/train.py" not in shown


@pytest.mark.parametrize("cwd", ["pa", "pb", "."])
def test_apply_leaves_other_projects_alone(beside: Workspace, cwd: str) -> None:
    beside.guard.allow("files", "pa/train.py", "common.py")
    done = beside.json("apply", "of-pa-2", cwd=cwd)
    assert sorted(done["kept"]) == ["pb/metrics.json", "pb/train.py"]
    texts = {name: beside.read(name) for name in ("pa/train.py", "common.py", "pb/train.py")}
    assert texts == {"pa/train.py": "2\n", "common.py": "2\n", "pb/train.py": "3\n"}
    assert "3" in beside.read("pb/metrics.json")


def test_the_code_of_a_run_is_the_whole_repository(beside: Workspace) -> None:
    run = ("run", "--once", "--json", "--", "python", "-c", "")
    first, again = (json.loads(beside.gitexp(*run, cwd="pa").stdout)["name"] for _ in range(2))
    assert first == again
    beside.write("pb/train.py", "4\n")
    assert json.loads(beside.gitexp(*run, cwd="pa").stdout)["name"] != first
