"""A kill while MLflow's things are written: a change is there whole or not at all, and the next one works."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gitexp.extras.integrations.mlflow import late_additions
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions, MetricPoint
from gitexp.extras.integrations.mlflow.run_index import derived_id
from gitexp.extras.integrations.mlflow.shelf import REGISTERED, Shelf, registered_path
from gitexp.extras.integrations.mlflow.tagged_models import joined
from gitexp.project.project import Project
from tests.support.kills import KILLED, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"shelf:written", "shelf:moved", "further:written", "further:moved", "shelf:tagged"}

SHELF = """
from gitexp.extras.integrations.mlflow.shelf import Shelf
from gitexp.project.project import Project
Shelf(Project.open()).change(lambda things: {"experiments/1.json": {"name": "a"}}, "create")
"""
FURTHER = """
from gitexp.extras.integrations.mlflow import late_additions
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions, MetricPoint
from gitexp.project.project import Project
project = Project.open()
more = LateAdditions({"tags": {"late": "yes"}}, [MetricPoint(3, 1000, {"loss": 0.5})])
late_additions.add(project, project.store.require("one"), more)
"""


@pytest.mark.parametrize("point", sorted(POINTS - {"shelf:tagged"}))
def test_a_change_is_there_or_not(repo: Workspace, point: str) -> None:
    repo.gitexp("save", "-n", "one")
    repo.allow("refs", "refs/gitexp/mlflow")
    script = SHELF if point.startswith("shelf") else FURTHER
    env = {**os.environ, "GITEXP_FAILPOINT": point}
    killed = subprocess.run([sys.executable, "-c", script], cwd=repo.path, env=env, check=False)
    assert killed.returncode == KILLED
    project = Project.open(repo.path)
    is_there = point.endswith("moved")
    if script is SHELF:
        shelf = Shelf(project)
        assert bool(shelf.things("experiments/")) == is_there
        shelf.change(lambda things: {"experiments/2.json": {"name": "b"}}, "create")
        assert len(shelf.things("experiments/")) == 1 + is_there
        return
    found = project.store.require("one")
    assert ("series.jsonl" in found.record.series) == is_there
    again = late_additions.add(project, found, LateAdditions({}, [MetricPoint(4, 2000, {"loss": 0.25})]))
    lines = repo.git("cat-file", "blob", f"{again.id}:.gitexp/run/series.jsonl").splitlines()
    assert len(lines) == 1 + is_there
    assert again.record.metrics[".gitexp/run/summary.json"] == {"loss": 0.25}
    repo.gitexp("doctor")


def test_a_tag_without_its_line_on_the_shelf_is_found_again(repo: Workspace) -> None:
    repo.allow("refs", "refs/tags/*", "refs/gitexp/mlflow")
    repo.write("m/MLmodel", "flavors: {}\n")
    repo.write("train.py", "import gitexp\ngitexp.log_artifact('m')\n")
    repo.commit()
    repo.gitexp("run", "-q", "-n", "one", "--", sys.executable, "train.py")
    project = Project.open(repo.path)
    run_id = derived_id(project.store.require("one").record)
    version = {"source": f"runs:/{run_id}/m", "created": 1}
    thing = {"name": "net", "versions": {"1": version}, "aliases": {"best": "1"}}
    with repo.by_user():
        Shelf(project).change(lambda things: {registered_path("net"): thing}, "register")
    kill(repo, "shelf:tagged", "model", "list")
    assert repo.git("tag", "--list") == "net@v1.0.0"
    (found,) = joined(project, Shelf(project).things(REGISTERED)).values()
    assert list(found["versions"]) == ["1"]
    assert repo.json("model", "list")[0]["stages"] == {"best": "v1.0.0"}
    assert repo.git("tag", "--list").split() == ["net#best#1", "net@v1.0.0"]
