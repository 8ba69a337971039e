"""`gitexp dag` as people and programs see it."""

from __future__ import annotations

import pytest

from gitexp.catalog.lookup import require
from gitexp.project.project import Project
from tests.support.workspace import Workspace

STAGES = """
stages:
  prepare: {cmd: x, outs: [data], desc: cleans the data and splits it into parts, frozen: true}
  train:
    matrix: {model: [forest, linear]}
    cmd: [a, b]
    wdir: src
    deps: [../data/train.csv]
    params: [lr, {own.toml: }]
    outs: ["${key}.pt": {persist: true}]
  report: {cmd: x, deps: [src/forest.pt, src/linear.pt, data], metrics: [m.json], always_changed: true}
"""


@pytest.fixture
def piped(repo: Workspace) -> Workspace:
    repo.write("gitexp.yaml", STAGES)
    return repo


def test_the_drawing(piped: Workspace) -> None:
    assert (
        piped.gitexp("dag").stdout
        == """\
● prepare  frozen: cleans the data and splits it into parts
│
├─● train@forest
│ │
├─│─● train@linear
│ │ │
●─┴─┘ report  always changed
"""
    )
    shown = piped.tty("dag", cols=40).lines
    assert shown[0] == "● prepare  frozen: cleans the data and…"


def test_only_some_stages_and_what_they_stand_on(piped: Workspace) -> None:
    assert [stage["name"] for stage in piped.json("dag", "train@l*")["stages"]] == ["prepare", "train@linear"]
    assert "train@linear" in piped.gitexp("dag", "train", "--format", "mermaid").stdout
    assert "report" not in piped.gitexp("dag", "train", "--format", "dot").stdout


def test_for_programs(piped: Workspace) -> None:
    found = piped.json("dag")
    assert found["file"] == "gitexp.yaml"
    assert found["stages"][1] == {
        "name": "train@forest",
        "line": 4,
        "after": ["prepare"],
        "commands": ["a", "b"],
        "wdir": "src",
        "deps": ["data/train.csv"],
        "params": {"src/params.yaml": ["lr"], "src/own.toml": None},
        "outs": [{"path": "src/forest.pt", "kind": "out", "in_git": False, "persist": True}],
        "desc": "",
        "frozen": False,
        "always_changed": False,
        "meta": None,
    }
    assert piped.gitexp("dag", "--format", "mermaid").stdout.startswith('flowchart TD\n    s0["prepare"]\n')
    assert piped.gitexp("dag", "--format", "dot").stdout.startswith('digraph pipeline {\n    "prepare";\n')


def test_what_has_no_effect_is_said(repo: Workspace) -> None:
    repo.write(
        "dvc.yaml",
        "artifacts: {m: {path: m.pt}}\nstages: {a: {cmd: echo x >m.pt, outs: [{m.pt: {push: false}}]}}\n",
    )
    answer = repo.gitexp("dag")
    assert answer.stdout == "● a\n"
    assert "warning: dvc.yaml:1: 'artifacts' has no effect here" in answer.stderr
    assert "warning: dvc.yaml:2: 'push' of an output" in answer.stderr
    assert "warning: dvc.yaml:2: 'push' of an output" in repo.gitexp("status").stderr
    repo.writes("m.pt", "gitexp.lock")
    assert "warning: dvc.yaml:2: 'push' of an output" in repo.gitexp("run", "-n", "one").stderr
    record = require(Project.open(repo.path), "one").record
    assert record.warnings[0].startswith("dvc.yaml:2: 'push'")


def test_nothing_to_draw(repo: Workspace) -> None:
    answer = repo.gitexp("dag", check=False)
    assert answer.exit_code == 2
    assert "There are no stages here." in answer.stderr
    assert "gitexp.yaml" in answer.stderr


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "gitexp.yaml",
            "stages:\n  a: {cmd: x, dep: [y]}\n",
            "gitexp.yaml:2: the stage 'a' has no field 'dep'",
        ),
        ("gitexp.yaml", "stages: [a]\n", "gitexp.yaml:1: 'stages' must be a mapping"),
        ("dvc.yaml", "stages:\n  a: {cmd: 'x ${y}'}\n", "dvc.yaml:2: there is no variable 'y'"),
        (
            "dvc.yaml",
            "stages: {a: {cmd: x, outs: [o]}, b: {cmd: x, outs: [o]}}",
            "'a' and 'b' both write 'o'",
        ),
    ],
)
def test_what_is_wrong_hinders_those_who_need_the_stages(
    repo: Workspace, file: str, text: str, message: str
) -> None:
    repo.write(file, text)
    answer = repo.gitexp("dag", check=False)
    assert answer.exit_code == 1
    assert message in answer.stderr
    for reading in ("show", "list"):
        assert repo.gitexp(reading).exit_code == 0


def test_names_cannot_steer_the_terminal(repo: Workspace) -> None:
    repo.write("gitexp.yaml", 'stages: {"a\\u202eb": {cmd: x, desc: "c\\u200bd \\e[31m"}}\n')
    assert repo.gitexp("dag").stdout == "● a\\u202eb  c\\u200bd \\x1b[31m\n"


@pytest.mark.parametrize("command", ["dag", "status", "run"])
def test_the_shell_completes_stages(piped: Workspace, command: str) -> None:
    line = f"gitexp {command} tr"
    env = {"_GITEXP_COMPLETE": "complete_bash", "_TYPER_COMPLETE_ARGS": line, "COMP_WORDS": line}
    told = piped.gitexp(env={**env, "COMP_CWORD": "2"})
    assert told.stdout.split() == ["train@forest", "train@linear"]


def test_the_shell_completes_nothing_where_the_stages_are_wrong(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "stages: {train: {}}")
    env = {"_GITEXP_COMPLETE": "complete_bash", "COMP_WORDS": "gitexp dag t", "COMP_CWORD": "2"}
    assert repo.gitexp(env=env).stdout.split() == []
