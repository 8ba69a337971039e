"""Runs that are watched in a terminal, on a plain output and by programs, while they go on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp.runs.ongoing.watching import RunProgress, progress
from tests.support.workspace import Workspace

# Logs until the file `enough` is there.
LOOP = """
import pathlib, sys, time, gitexp
step = 0
while not pathlib.Path(sys.argv[1]).exists():
    gitexp.log({"loss": 1 / (step + 1), "acc": step / (step + 2)})
    print(f"epoch {min(step + 1, 5)}/10", flush=True)
    step += 1
    time.sleep(0.02)
gitexp.log({"loss": 0.125})
"""


@pytest.fixture
def enough(tmp_path: Path) -> Path:
    return tmp_path / "enough"


def begin(repo: Workspace, name: str, enough: Path, *options: str) -> None:
    """Starts a run, and waits until it has logged something."""
    repo.write("loop.py", LOOP)
    repo.start("run", "-n", name, *options, "--", sys.executable, "loop.py", str(enough))
    for _ in range(300):
        answer = repo.gitexp("watch", name, "--json", check=False).stdout
        if '"acc"' in answer:
            return
    raise AssertionError("it has logged nothing")


def test_a_program_is_given_the_present_state(repo: Workspace, enough: Path) -> None:
    begin(repo, "one", enough, "--system-interval", "0.2")
    for _ in range(100):
        (run,) = repo.json("watch", "one")
        if run["system"] and run["step"] > 2 and run["progress"] == 0.5:  # as far as the script goes alone
            break
    assert (run["name"], run["status"], run["here"]) == ("one", "running", True)
    assert run["progress"] == 0.5
    assert set(run["metrics"]) == {"loss", "acc"}
    assert run["curves"]["loss"][:2] == [[0, 1.0], [1, 0.5]]
    assert run["system"]["memory"] > 1e6
    assert "1/" not in repo.gitexp("show").stderr
    row = next(line for line in repo.gitexp("show").stdout.splitlines() if "[one]" in line)
    assert "running" in row
    assert "…" in row  # its values are not the last ones
    assert "*" not in row
    (shown,) = [row for row in repo.json("show") if row["name"] == "one"]
    assert set(shown["metrics"]) == {"loss", "acc"}
    assert repo.gitexp("best", "loss", check=False).exit_code == 1  # a value on the way is no result
    enough.touch()
    told = repo.gitexp("watch", "one").stdout.splitlines()
    assert told[-1].startswith("one · done in ")
    assert "loss=0.125" in told[-1]


def test_in_a_terminal_it_ends_with_its_runs(repo: Workspace, enough: Path) -> None:
    begin(repo, "one", enough)
    begin(repo, "two", enough, "--temp")
    seen = repo.tty("watch", "--every", "0.1", rows=30, keys=[("2 runs go on", "q")])
    assert seen.exit_code == 0
    left = "\n".join(seen.lines)
    assert "one  running for" in left
    assert "two  running for" in left
    assert "50% · epoch 5/10" in left
    assert "⠀" in left  # a curve
    low = repo.tty("watch", "--every", "0.1", rows=6, keys=[("2 runs go on", "q")])
    assert b"one \xc2\xb7 running \xc2\xb7 " in low.raw  # a line each, where there is no room for more
    stopped = repo.tty("watch", "--every", "0.1", cols=160, keys=[("2 runs go on", "\x03")])
    assert stopped.exit_code == 0
    assert [run["status"] for run in repo.json("watch", "one", "two")] == ["running"] * 2
    enough.touch()
    seen = repo.tty("watch", "one", "two", "--curves", "loss", "--every", "0.1", rows=40)
    assert seen.exit_code == 0
    left = seen.raw.rpartition(b"\x1b[?1049l")[2].decode()
    assert left.count("done in") == 2
    assert "0.125" in left


def test_nothing_to_watch(repo: Workspace) -> None:
    told = repo.gitexp("watch", check=False)
    assert told.exit_code == 1
    assert "No run goes on here." in told.stderr
    assert repo.json("watch") == []
    assert "no experiment 'nope'" in repo.gitexp("watch", "nope", check=False).stderr
    assert repo.gitexp("watch", "nope", "-A", check=False).exit_code == 2
    repo.gitexp("run", "-n", "one", "--", "true")
    assert repo.gitexp("watch", "one").stdout.startswith("one · done in ")


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (b"Epoch 3/10 loss 0.5\n", RunProgress(0.3, "Epoch 3/10")),
        (b"a\r 37%|###       | 37/100 [00:01<00:02]\r 38%|###", RunProgress(0.38, "38 %")),
        (b"step 20 of 20\nvalidating 93% done\n", RunProgress(1.0, "step 20 of 20")),
        (b"accuracy 93%\n", None),
        (b"epoch 11/10\n", None),
        (b"epoch 0/0\n", None),
        (b"", None),
    ],
)
def test_how_far_a_run_is_by_its_output(output: bytes, found: RunProgress | None) -> None:
    assert progress(output) == found
