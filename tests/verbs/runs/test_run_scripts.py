"""Scripts that nobody prepared: options in, printed numbers out, and an experiment like any other."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from gitexp.catalog import lookup
from gitexp.model import Record, Status
from gitexp.project.project import Project
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")

SCRIPT = r"""
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1.0)
parser.add_argument("--layers", type=int, nargs="*")
parser.add_argument("--fast", action="store_true")
options = parser.parse_args()
for epoch in range(3):
    print(f"\repoch {epoch}", end="")
    print(f"\nloss: {options.lr * epoch}", flush=True)
print("\x1b[1mlayers\x1b[0m", options.layers, "fast" if options.fast else "slow")
"""
LOSS = r"loss=^loss:\s+(\S+)"
OPTIONS, OUTPUT = ".gitexp/command", ".gitexp/output"


@pytest.fixture
def script(repo: Workspace) -> Workspace:
    repo.git("rm", "-q", "params.yaml")
    repo.write("train.py", SCRIPT)
    repo.commit("argparse in, print out")
    return repo


def record(repo: Workspace, name: str) -> Record:
    return Project.open(repo.path).store.require(name).record


def test_argparse_in_printed_numbers_out(script: Workspace) -> None:
    base = ("run", "-n", "one", "--metric", LOSS, "--metric", "speed=(fast|slow)$", "--")
    one = script.json(*base, "python", "train.py", "--lr", "0.1", "--layers", "64", "32", "--fast")
    assert one["params"] == {"args.lr": 0.1, "args.layers": [64, 32], "args.fast": True}
    assert one["metrics"] == {"loss": 0.2, "speed": "fast"}
    assert record(script, "one").metrics == {OUTPUT: {"loss": 0.2, "speed": "fast"}}
    # Patterns are part of what is repeated.
    two = script.json("run", "-n", "two", "--from", "one", "-S", "args.lr=3e-1", "-S", "args.fast=false")
    assert two["command"] == "python train.py --lr 3e-1 --layers 64 32"
    assert two["metrics"] == {"loss": 0.6, "speed": "slow"}
    shown = script.gitexp("show", "-A").stdout
    assert "args.lr" in shown
    assert "loss" in shown
    told = script.gitexp("diff", "one", "two").stdout
    assert "args.lr" in told
    assert "loss" in told
    assert "args.lr" in script.gitexp("diff", "one").stdout  # against a commit, which has no such file
    project = Project.open(script.path)
    assert lookup.find(project, "one").complaints == []


def test_a_command_of_the_config(script: Workspace) -> None:
    script.write(
        "gitexp.yaml",
        "command: A='1 2' python train.py --lr 0.1\nmetrics_from_output: {loss: 'loss: (.*)'}\n",
    )
    script.gitexp("run", "-q", "-n", "one", "-S", "args.lr=0.2", "-S", "+args.fast=true")
    one = record(script, "one")
    assert (one.command, one.argv) == ("A='1 2' python train.py --lr 0.2 --fast", None)
    assert one.params == {OPTIONS: {"args": {"lr": 0.2, "fast": True}}}
    assert one.metrics == {OUTPUT: {"loss": 0.4}}
    assert script.read("gitexp.yaml").startswith("command: A='1 2' python train.py --lr 0.1")


def test_a_line_for_the_shell_has_no_options(script: Workspace) -> None:
    script.write("gitexp.yaml", "command: python train.py --lr 0.1 | cat\n")
    script.gitexp("run", "-q", "-n", "one")
    assert record(script, "one").params == {}
    refused = script.gitexp("run", "-S", "args.lr=1", check=False)
    assert "line for the shell" in refused.stderr


def test_a_file_with_the_same_key(script: Workspace) -> None:
    script.write("params.yaml", "args: {lr: 5}\n")
    command = ("--", "python", "train.py", "--lr", "0.1", "--fast")
    both = script.gitexp("run", "-S", "args.lr=1", *command, check=False)
    assert "stands in params.yaml and is an option of the command" in both.stderr
    assert f"params.yaml:args.lr or {OPTIONS}:args.lr" in both.stderr
    one = script.json("run", "--temp", "-S", f"{OPTIONS}:args.lr=2", *command)
    assert one["params"] == {"params.yaml:args.lr": 5, f"{OPTIONS}:args.lr": 2, "args.fast": True}
    two = script.json("run", "--temp", "-S", "params.yaml:args.lr=7", *command)
    assert two["params"][f"{OPTIONS}:args.lr"] == 0.1


def test_an_unknown_option_is_refused(script: Workspace) -> None:
    refused = script.json("run", "-S", "args.rl=1", "--", "python", "train.py", "--lr", "1", check=False)
    assert refused["error"]["code"] == "unknown-param"
    assert "args.lr" in refused["error"]["message"]
    assert not script.git("for-each-ref", "refs/gitexp")


@pytest.mark.parametrize("how", [(), ("--temp",), ("--from", "HEAD")])
def test_a_run_that_fails_has_what_it_printed(script: Workspace, how: tuple[str, ...]) -> None:
    shell = "echo loss: 1; echo loss: 2 >&2; exit 3"
    result = script.gitexp("run", "-n", "one", *how, "--metric", LOSS, "--", "sh", "-c", shell, check=False)
    assert result.exit_code == 3
    assert record(script, "one").metrics == {OUTPUT: {"loss": 2}}
    assert "loss 2" in result.stderr


def test_a_run_that_died_has_what_it_printed(script: Workspace) -> None:
    script.write("gitexp.yaml", "metrics_from_output: {other: 'loss: (.*)'}\n")
    args = ("run", "-n", "one", "--metric", LOSS, "--", "echo", "loss: 4")
    script.gitexp(*args, env={"GITEXP_FAILPOINT": "run:ended"}, check=False)
    script.write("gitexp.yaml", "")
    script.gitexp("list")
    one = record(script, "one")
    assert (one.status, one.metrics) == (Status.INTERRUPTED, {OUTPUT: {"other": 4, "loss": 4}})


def test_a_metric_that_is_not_printed_is_a_warning(script: Workspace) -> None:
    result = script.gitexp("run", "-n", "one", "--metric", LOSS, "--", "echo", "nothing")
    assert r"not printed: loss, by ^loss:\s+(\S+)" in result.stderr
    assert record(script, "one").metrics == {}


@pytest.mark.parametrize("pattern", ["loss", "loss=(", "=x", "a[0]=x"])
def test_a_bad_pattern_is_refused_before_the_run(script: Workspace, pattern: str) -> None:
    refused = script.gitexp("run", "--metric", pattern, "--", "touch", "started", check=False)
    assert refused.exit_code == 2
    assert not (script.path / "started").exists()


def test_values_that_would_play_tricks(script: Workspace) -> None:
    hostile: Any = "x=\x1b[31m;</script>"
    script.gitexp("run", "-q", "-n", "one", "--metric", "x=x=(.*)", "--", "echo", hostile)
    assert "\x1b" not in script.gitexp("show", "-A").stdout
    assert record(script, "one").metrics == {OUTPUT: {"x": ";</script>"}}


def test_two_patterns_for_one_metric_are_refused(script: Workspace) -> None:
    refused = script.json("run", "--metric", LOSS, "--metric", LOSS, "--", "true", check=False)
    assert refused["error"]["message"] == "--metric is given twice for loss."
