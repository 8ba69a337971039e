"""Metrics in an out of a stage, with their content in the object store: each run of the stage has them."""

from __future__ import annotations

import shutil
import sys

import pytest

from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from tests.support.pipeline import make, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

STAGE = r"""stages:
  make:
    cmd: mkdir -p out && sed 's/^/acc:\ /' in.txt >{0}
    deps: [in.txt]
    outs: [{1}]
metrics: [{0}]
"""


@pytest.fixture(
    params=[("out/m.yaml", "out"), ("out/m.yaml", "out/m.yaml")], ids=["in a folder", "an out itself"]
)
def repo(repo: Workspace, request: pytest.FixtureRequest) -> Workspace:
    make(repo, {"gitexp.yaml": STAGE.format(*request.param), "in.txt": "1\n", ".gitignore": "out\n"})
    repo.writes("out", "out/*")
    return repo


def test_up_to_date_restored_and_once(repo: Workspace) -> None:
    assert start(repo).experiment.record.metrics == {"out/m.yaml": {"acc": 1}}
    again = start(repo).experiment
    assert (states(again), again.record.metrics) == ({"make": "up to date"}, {"out/m.yaml": {"acc": 1}})
    assert again.record.warnings == ()
    repo.write("in.txt", "2\n")
    assert start(repo).experiment.record.metrics == {"out/m.yaml": {"acc": 2}}
    repo.write("in.txt", "1\n")
    restored = start(repo).experiment
    assert (states(restored), restored.record.metrics) == ({"make": "restored"}, {"out/m.yaml": {"acc": 1}})
    once = run(Project.open(repo.path), RunRequest(once=True))
    assert once.experiment.record.metrics == {"out/m.yaml": {"acc": 1}}
    isolated = run(Project.open(repo.path), RunRequest(temp=True))
    assert isolated.experiment.record.metrics == {"out/m.yaml": {"acc": 1}}


def test_commits_and_branches_have_them_by_their_lock(repo: Workspace) -> None:
    start(repo)
    first = repo.commit()
    repo.write("in.txt", "2\n")
    start(repo)
    repo.commit()
    project = Project.open(repo.path)
    assert project.read_at([first])[first].metrics == {"out/m.yaml": {"acc": 1}}
    assert repo.json("show")[1]["metrics"] == {"acc": 2}
    assert [change["old"] for change in repo.json("diff", first, "HEAD")["metrics"]] == [1]


def test_content_that_is_not_here_is_told(repo: Workspace) -> None:
    start(repo)
    commit = repo.commit()
    with repo.by_user():
        shutil.rmtree(Project.open(repo.path).local.objects)
    found = Project.open(repo.path).read_at([commit])[commit]
    assert found.metrics == {}
    assert found.complaints == ["not read: out/m.yaml: its content is not here: gitexp data pull brings it"]
