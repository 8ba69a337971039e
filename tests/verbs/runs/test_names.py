"""Names by what was changed: params filled into a template, made fit for a name, each given once."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.catalog import names
from gitexp.project.project import Project
from gitexp.repo.experiments import is_name
from gitexp.runs import run
from gitexp.runs.request import RunRequest
from tests.support.codes import has_code
from tests.support.workspace import Workspace

PARAMS: dict[str, Any] = {
    "params.yaml": {
        "train": {"lr": 0.1, "opt": "a/b"},
        "on": True,
        "none": None,
        "seed": -1,
        "layers": [64, 32],
    },
    ".gitexp/command": {"args": {"x": 1e-05, "seed": 7}},
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("lr={train.lr}", "lr-0.1"),
        ("{train.lr}", "0.1"),
        ("seed={seed}", "seed--1"),
        ("{train.opt} {on},{none}", "a-b-true-null"),
        ("l={layers}!", "l-64-32"),
        ("x={ args.x }", "x-1e-05"),
        ("../{train.lr}..lock", "0.1"),
        ("...a..b.lock.lock-.", "a.b"),
        ("plain", "plain"),
        ("x" * 80, "x" * 63),
        ("größe={train.lr}", "gr-e-0.1"),
    ],
)
def test_filled(template: str, name: str) -> None:
    assert names.filled(template, PARAMS) == name


@pytest.mark.parametrize("template", ["{train.rl}", "{lr}", "{}", "a{args.y}"])
def test_a_key_that_is_not_there(template: str) -> None:
    with pytest.raises(errors.GitexpError, check=has_code("unknown-param")) as caught:
        names.filled(template, PARAMS)
    if "l" in template:
        assert str(caught.value.hint).startswith("Did you mean train.lr")


@pytest.mark.parametrize("template", ["---", "HEAD", "workspace", "äöü", "{none}".replace("none", "empty")])
def test_no_name_is_left(template: str) -> None:
    with pytest.raises(errors.InvalidName, match="template"):
        names.filled(template, {"a.yaml": {"empty": ""}})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.text(max_size=80))
def test_whatever_comes_is_a_name_or_refused(template: str, value: str) -> None:
    with contextlib.suppress(errors.InvalidName):
        assert is_name(names.filled(template.replace("{", "") + "{v}", {"a.yaml": {"v": value}}))


@pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")
def test_runs_are_numbered(repo: Workspace) -> None:
    template = ("--name-template", "lr={train.lr} {args.x}")
    for name in ("lr-0.2-5", "lr-0.2-5-2", "lr-0.2-5-3"):
        answer = repo.json("run", "--temp", *template, "-S", "train.lr=0.2", "--", "true", "-x", "5")
        assert answer["name"] == name
    assert repo.json("save", "--name-template", "LR={train.lr}")["name"] == "LR-0.1"
    refused = repo.json("run", *template, "--", "touch", "started", check=False)
    assert refused["error"]["code"] == "unknown-param"
    both = repo.gitexp("run", "-n", "a", *template, "--", "true", check=False)
    assert (both.exit_code, "do not go together" in both.stderr) == (2, True)
    assert not (repo.path / "started").exists()


def test_the_template_of_the_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "name_template: 'epochs={train.epochs}'\n")
    assert repo.json("save")["name"] == "epochs-3"
    assert repo.json("save")["name"] == "epochs-3-2"
    assert repo.json("save", "-n", "mine")["name"] == "mine"
    assert repo.json("save", "--name-template", "{model.units}")["name"] == "64"
    long = "x" * 63
    assert repo.json("save", "--name-template", long)["name"] == long
    assert repo.json("save", "--name-template", long)["name"] == "x" * 61 + "-2"


@pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")
def test_eight_at_once_get_a_name_each(repo: Workspace) -> None:
    made: list[str] = []
    gate = threading.Barrier(8)

    def one() -> None:
        project = Project.open(repo.path)
        gate.wait()
        request = RunRequest(("true",), name_template="same", temp=True)
        made.append(run.run(project, request).experiment.name)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["same", *(f"same-{number}" for number in range(2, 9))]


def test_a_branch_or_tag_of_that_name_is_told_of(repo: Workspace) -> None:
    repo.git("branch", "one")
    repo.git("branch", "two/a")
    repo.git("tag", "two")
    says = "warning: there is a {0} called {1} too: {1} is the experiment, refs/{2}/{1} the {0}.\n"
    branch, tag = says.format("branch", "one", "heads"), says.format("tag", "two", "tags")
    assert repo.gitexp("run", "-q", "-n", "one", "--", "true").stderr.startswith(branch + "one done in ")
    assert repo.gitexp("rename", "-q", "one", "two").stderr == tag
    repo.gitexp("remove", "-y", "-q", "two")
    assert repo.gitexp("restore", "-q", "two").stderr == tag
    assert repo.gitexp("save", "-q", "-n", "one").stderr == branch
    assert repo.gitexp("save", "-q", "-n", "three").stderr == ""
    assert repo.json("diff", "refs/heads/one", "one")
