"""Params files that the run itself writes: what it wrote is what it ran with."""

from __future__ import annotations

import sys

import pytest

from tests.support.kills import git
from tests.support.workspace import Workspace
from tests.verbs.runs.test_run import latest, python

OUTS = "outs: [{}]\n"
TEMP = ("--temp",)
WAYS = [  # each pair of a file, declared or not, in the workspace or not; undeclared files in a worktree all
    ("used.json", "", TEMP),
    ("used.json", OUTS, ()),
    ("dvclive/params.yaml", "", TEMP),
    ("dvclive/params.yaml", "", ()),
    ("dvclive/params.yaml", OUTS, TEMP),
    (".hydra/config.yaml", "", TEMP),
    (".hydra/config.yaml", OUTS, ()),
    ("results/train/params.yaml", "", TEMP),
    ("results/train/params.yaml", "", ()),
]


def writes(name: str, lr: str) -> tuple[str, ...]:
    """A command that writes a params file."""
    script = 'mkdir -p "$(dirname "$1")" && printf \'{"lr": %s}\' "$2" >"$1"'
    return ("sh", "-c", script, "sh", name, lr)


@pytest.mark.skipif(sys.platform == "win32", reason="written in sh")
@pytest.mark.parametrize(("name", "declared", "temp"), WAYS)
def test_each_run_has_its_own(repo: Workspace, name: str, declared: str, temp: tuple[str, ...]) -> None:
    repo.write("gitexp.yaml", f"params: [params.yaml, {name}]\n" + declared.format(name))
    repo.writes(name)
    for lr in ("1", "2"):
        repo.gitexp("run", "-q", *temp, *writes(name, lr))
        record = latest(repo).record
        assert record.params[name] == {"lr": int(lr)}
        assert git(repo, "show", f"{record.commit}:{name}") == f'{{"lr": {lr}}}'
        assert (record.written_params, record.warnings) == ((name,), ())
    done = repo.gitexp("run", "-S", f"{name}:lr=9", *temp, *writes(name, "4"), check=False)
    if temp and not declared and name in ("used.json", "results/train/params.yaml"):
        assert "There is no file" in done.stderr
    else:
        assert f"cannot change {name}: the run itself writes that file" in done.stderr


def test_a_file_of_nobody_that_changes_is_told(repo: Workspace) -> None:
    """Somebody may have edited it."""
    repo.write("gitexp.yaml", "params: [mine.json]\n")
    repo.write("mine.json", '{"lr": 0}')
    repo.writes("mine.json")
    for lr in ("1", "2"):
        repo.gitexp("run", "-q", "-S", f"lr={lr}5", *writes("mine.json", lr))
        record = latest(repo).record
        assert (record.params["mine.json"], record.written_params) == ({"lr": int(lr)}, ())
        (warning,) = record.warnings
        assert warning.startswith("changed during the run, recorded as at its end: mine.json; name it under")


def test_a_file_of_git_that_is_edited_meanwhile_is_as_at_the_start(repo: Workspace) -> None:
    repo.writes("params.yaml")
    repo.gitexp("run", "-q", "-S", "train.lr=0.5", *writes("params.yaml", "9"))
    record = latest(repo).record
    assert record.params["params.yaml"]["train"]["lr"] == 0.5
    (warning,) = record.warnings
    assert warning.startswith("changed during the run, recorded as at its start: params.yaml;")
    assert "lr: 0.5" in git(repo, "show", f"{record.commit}:params.yaml")


def test_a_file_that_is_written_anew_with_the_same_values_is_none(repo: Workspace) -> None:
    repo.writes("params.yaml")
    again = "t = open('params.yaml').read(); open('params.yaml', 'w').write(t + '# seen\\n')"
    repo.gitexp("run", "-q", "-S", "train.lr=0.5", *python(again))
    assert latest(repo).record.warnings == ()


@pytest.mark.parametrize(
    ("config", "override", "name"),
    [
        ("params: [params.yaml, used.json]\nouts: [used.json]\n", "alpha=2", "used.json"),
        ("params: [params.yaml, used.json]\nouts: [used.json]\n", "used.json:alpha=2", "used.json"),
        ("params: [params.yaml, .hydra/used.json]\n", "alpha=2", ".hydra/used.json"),
        ("metrics: [used.json]\n", "used.json:alpha=2", "used.json"),
        ("stages: {train: {cmd: 'true', outs: [used.json]}}\n", "used.json:alpha=2", "used.json"),
        ("stages: {train: {cmd: 'true', outs: [out]}}\n", "out/used.json:alpha=2", "out/used.json"),
    ],
)
def test_what_a_run_writes_is_not_set(repo: Workspace, config: str, override: str, name: str) -> None:
    repo.write("gitexp.yaml", config)
    repo.write(name, '{"alpha": 1}')
    command = () if "stages" in config else ("--", "true")
    done = repo.gitexp("run", "-S", override, *command, check=False)
    assert done.exit_code == 2
    assert f"cannot change {name}: the run itself writes that file." in done.stderr
    assert repo.gitexp("list").stdout == ""


def test_a_run_names_the_keys_that_change_by_an_alias(repo: Workspace) -> None:
    repo.writes("params.yaml")
    warning = "changed with what -S sets, by an alias in params.yaml: eval.lr"
    for command in (("run", "--dry-run"), ("run", "--temp"), ("run", "-n", "one")):
        repo.write("params.yaml", "train: &d\n  lr: 0.1\neval: *d\n")
        result = repo.gitexp(*command, "-S", "train.lr=0.7", "--", "true")
        assert warning in result.stderr, command
    assert warning in repo.gitexp("show", "one").stdout
