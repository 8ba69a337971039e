"""Two branches that have run the same stage are merged: no result is claimed that nobody has computed."""

from __future__ import annotations

import pytest

from tests.support.pipeline import lock, make, start, states
from tests.support.workspace import Workspace

PIPELINE = """\
stages:
  multiply:
    cmd: python multiply.py
    deps: [multiply.py]
    params: [a, b, c, d]
    outs: [total.txt]
"""
MULTIPLY = """\
values = dict(line.split(": ") for line in open("params.yaml"))
print(int(values["a"]) * int(values["d"]), file=open("total.txt", "w"))
"""


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    params = "a: 0\nb: 0\nc: 0\nd: 0\n"
    files = {"gitexp.yaml": PIPELINE, "multiply.py": MULTIPLY, ".gitignore": "total.txt\n"}
    make(repo, {**files, "params.yaml": params})
    repo.writes("total.txt", "gitexp.lock")
    start(repo)
    repo.commit("the first run")
    for branch, value in (("ours", "a: 2"), ("theirs", "d: 3")):
        repo.git("switch", "--quiet", "-c", branch, "main")
        repo.write("params.yaml", params.replace(f"{value[0]}: 0", value))
        start(repo, name=branch)
        repo.commit(f"{branch} has run")
    repo.git("switch", "--quiet", "ours")
    return repo


def assert_computed(repo: Workspace) -> None:
    result = start(repo, name="merged")
    assert states(result.experiment) == {"multiply": "ran"}
    assert repo.read("total.txt") == "6\n"
    assert lock(repo).stages["multiply"].params["params.yaml"] == {"a": 2, "b": 0, "c": 0, "d": 3}


def test_lines_of_both_runs(repo: Workspace) -> None:
    repo.git(
        "merge", "--quiet", "-X", "ours", "-m", "merged", "theirs"
    )  # what a merge tool does, hunk by hunk
    text = repo.read("gitexp.lock")
    assert ("a: 2" in text, "d: 3" in text) == (True, True)
    assert_computed(repo)


def test_either_side_whole(repo: Workspace) -> None:
    repo.git("merge", "--quiet", "-m", "merged", "theirs", check=False)
    result = repo.gitexp("status", check=False)
    assert "a merge has left its conflict here" in result.stderr
    repo.git("checkout", "--quiet", "--theirs", "gitexp.lock")
    repo.git("commit", "--quiet", "-am", "merged")
    assert_computed(repo)
