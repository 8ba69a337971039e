"""Several commands at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.errors import GitexpError
from gitexp.process.jobs import Jobs
from tests.support.codes import has_code

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


def start(jobs: Jobs, folder: Path, name: str, *commands: str) -> None:
    jobs.start(name, commands, cwd=folder, env=os.environ, output=folder / f"{name}.log")


def test_each_ends_for_itself_and_has_its_output_to_itself(tmp_path: Path) -> None:
    with Jobs() as jobs:
        start(jobs, tmp_path, "a", "echo a1; while [ ! -e go ]; do sleep 0.01; done; echo a2 >&2; exit 3")
        start(jobs, tmp_path, "b", "echo b1", "echo b2; touch go")
        ended = dict(jobs.wait() for _ in range(2))
    assert {name: outcome.exit_code for name, outcome in ended.items()} == {"a": 3, "b": 0}
    assert (tmp_path / "a.log").read_text() == "a1\na2\n"
    assert (tmp_path / "b.log").read_text() == "b1\nb2\n"


def test_after_a_failure_the_next_command_does_not_run(tmp_path: Path) -> None:
    with Jobs() as jobs:
        start(jobs, tmp_path, "a", "echo one", "kill -9 $$", "touch never")
        name, outcome = jobs.wait()
    assert (name, outcome.exit_code, outcome.interrupted) == ("a", 137, False)
    assert not (tmp_path / "never").exists()


def test_each_process_is_told_of(tmp_path: Path) -> None:
    told: list[int] = []
    with Jobs(told.append) as jobs:
        start(jobs, tmp_path, "a", "echo $$", "echo $$")
        jobs.wait()
    assert [str(pid) for pid in told] == (tmp_path / "a.log").read_text().split()


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with Jobs() as jobs:
        with pytest.raises(GitexpError, check=has_code("command-not-found")):
            jobs.start("a", [["./nope"]], cwd=tmp_path, env=os.environ, output=tmp_path / "a.log")
        jobs.start("b", ["true", ["./nope"]], cwd=tmp_path, env=os.environ, output=tmp_path / "b.log")
        assert jobs.wait()[1].exit_code == 127
    assert "nope" in (tmp_path / "b.log").read_text()


def test_none_is_left_behind_when_gitexp_fails(tmp_path: Path) -> None:
    told: list[int] = []

    def fail() -> None:
        with Jobs(told.append) as jobs:
            start(jobs, tmp_path, "a", "exec sleep 60")
            start(jobs, tmp_path, "b", "exec sleep 60")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(told) == 2
    for pid in told:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_their_input_is_empty(tmp_path: Path) -> None:
    with Jobs() as jobs:
        start(jobs, tmp_path, "a", "cat; echo end")
        jobs.wait()
    assert (tmp_path / "a.log").read_text() == "end\n"
