"""`gitexp log`, and what of a log reaches the screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.cli.commands.running.log import _show_as_it_comes as follow_output
from gitexp.cli.kit.output import printable, printable_patch
from gitexp.model import Status
from gitexp.process.log import LogFile
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.live import RunState
from gitexp.runs.ongoing.log import _Place, log
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.mark.parametrize(
    ("data", "colors", "lines"),
    [
        (b"", True, []),
        (b"one\ntwo", True, ["one", "two"]),
        (b"one\r\n\ttwo\r\n", True, ["one", "\ttwo"]),
        (b"\n\n", True, ["", ""]),
        (b"10%\r20%\r100%\n", True, ["100%"]),
        (b"10%\r20%\r\n", True, ["20%"]),
        (b"\x1b[31mred\x1b[0m\n", True, ["\x1b[31mred\x1b[0m\x1b[0m"]),
        (b"\x1b[31mred\x1b[0m\n", False, ["red"]),
        (
            b"\x1b[38;5;8mgrey\x1b[m\x1b[38:2::1:2:3mx\n",
            True,
            ["\x1b[38;5;8mgrey\x1b[m\x1b[38:2::1:2:3mx\x1b[0m"],
        ),
        (b"\x1b[8mhidden\n\x1b[0;08mhidden\n\x1b[38;5;1;8mhidden\n", True, ["hidden"] * 3),
        (b"a\x1b[2J\x1b[Hb\x1b[?25lc\n", True, ["abc"]),
        (b"a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\n", True, ["abc"]),
        (b"a\x1b]52;c;no end\nb\n", True, ["a", "b"]),
        (b"a\x1bPq#0\x1b\\b\x1b_x\x1b\\c\n", True, ["abc"]),
        (b"a\x1bc\x1b(B\x1b7b\n", True, ["ab"]),
        (b"a\xc2\x9b31mb\n", True, ["ab"]),
        (b"a\x08b\x07\x00\n", True, ["a\\x08b\\x07\\x00"]),
        (b"caf\xe9\n", True, ["caf\ufffd"]),
        ("\u202eabc\n".encode(), True, ["\\u202eabc"]),
    ],
)
def test_what_of_an_output_is_printed(data: bytes, colors: bool, lines: list[str]) -> None:
    assert printable(data, colors=colors) == lines


def test_a_patch_hides_nothing() -> None:
    assert printable_patch(b"+evil\rgood\n+x\r\n", colors=True) == ["+evil\\rgood", "+x\\r"]


def test_the_output_of_a_run(repo: Workspace) -> None:
    repo.writes("metrics.json")
    repo.gitexp("run", "-n", "one", "--", "python", "train.py")
    lines = repo.gitexp("log", "one").stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]
    assert repo.json("log", "on")["experiment"] == "one"
    assert repo.json("log", "one")["output"].splitlines() == lines


RAW = b"\x1b[31mred\x1b[0m \x1b]0;t\x07\r\n\xff\0no newline"


def test_raw_is_every_byte(repo: Workspace) -> None:
    put(repo, "one", run_files={"output.log": RAW})
    assert repo.gitexp("log", "--raw", "one").stdout.encode("utf-8", "surrogateescape") == RAW
    assert repo.gitexp("log", "one").stdout == "red \n\ufffd\\x00no newline\n"


def test_colours_stay_in_a_terminal(repo: Workspace) -> None:
    put(repo, "one", run_files={"output.log": RAW})
    assert b"\x1b[31mred\x1b[0m" in repo.tty("log", "one").raw
    assert b"\x1b[31m" not in repo.tty("log", "one", env={"NO_COLOR": "1"}).raw
    assert b"\x1b]" not in repo.tty("log", "one").raw


def test_a_saved_one_has_none(repo: Workspace) -> None:
    put(repo, "saved")
    done = repo.gitexp("log", "saved", check=False)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "error: saved has no output: it was saved without being run.",
        "hint: gitexp diff saved shows what it holds.",
    ]
    put(repo, "lost", command="python train.py")
    assert (
        "hint: That of a script that logs by itself is not stored"
        in repo.gitexp("log", "lost", check=False).stderr
    )


def test_a_run_that_ends_while_its_log_is_looked_for(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repo, "one", status=Status.RUNNING, command="true")

    def ends(_: object) -> list[RunState]:
        put(repo, "one", command="true", run_files={"output.log": b"done\n"})
        return []

    monkeypatch.setattr(live, "live_runs", ends)
    assert log(Project.open(repo.path), "one").output == b"done\n"


# -- following a run ----------------------------------------------------------------------------------

PRINTS = """
import pathlib, sys, time
print("first", flush=True)
sys.stdout.write("half")
sys.stdout.flush()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
print(" and half")
print("last")
"""


@pytest.fixture
def running(repo: Workspace, tmp_path: Path) -> Iterator[Path]:
    """A run, `one`, that has printed a line and a half and goes on when this file is made."""
    go = tmp_path / "go"
    repo.write("prints.py", PRINTS)
    process = repo.start("run", "-n", "one", "--temp", "--", "python", "prints.py", str(go))
    while "half" not in (repo.gitexp("log", "one", check=False).stdout):
        assert process.poll() is None
    yield go
    go.touch()
    process.communicate(timeout=60)  # its command would look for the file for ever once the folder is gone


def _lines_until(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == wanted, line


def test_following_a_run_to_its_end(repo: Workspace, running: Path) -> None:
    follower = repo.start("log", "-f", "one")
    _lines_until(follower, b"first\n")
    running.touch()
    out, err = follower.communicate(timeout=60)
    assert (out, err, follower.returncode) == (b"half and half\nlast\n", b"", 0)


def test_following_in_a_terminal_shows_the_line_that_has_no_end_yet(repo: Workspace, running: Path) -> None:
    seen = repo.tty("log", "-f", "one", keys=[("half", "\x03")])
    assert seen.exit_code == 130
    assert seen.lines == ["first", "half^C"]
    assert repo.json("list")[0]["status"] == "running", "Ctrl-C ended the run too"
    running.touch()


def test_following_what_has_ended_is_reading_it(repo: Workspace) -> None:
    put(repo, "one", run_files={"output.log": RAW})
    assert repo.gitexp("log", "-f", "one").stdout == repo.gitexp("log", "one").stdout
    assert repo.gitexp("log", "-f", "--raw", "one").stdout == repo.gitexp("log", "--raw", "one").stdout
    assert repo.gitexp("log", "-f", "--json", "one", check=False).exit_code == 2
    put(repo, "saved")
    assert "no output" in repo.gitexp("log", "-f", "saved", check=False).stderr


def test_a_run_on_another_machine_cannot_be_followed(repo: Workspace) -> None:
    put(repo, "far", status=Status.RUNNING, command="python train.py")
    assert "no output here" in repo.gitexp("log", "-f", "far", check=False).stderr


def test_following_ends_when_the_run_is_killed(repo: Workspace, running: Path) -> None:
    state = json.loads(next((repo.path / ".git/gitexp/runs").glob("*/state.json")).read_text())
    follower = repo.start("log", "-f", "one")
    _lines_until(follower, b"first\n")
    os.kill(state["process"]["pid"], signal.SIGKILL)
    os.kill(state["child"]["pid"], signal.SIGKILL)
    out, _ = follower.communicate(timeout=60)
    assert (out, follower.returncode) == (b"half\n", 0)
    assert repo.json("list")[0]["status"] == "interrupted"


def test_nothing_is_lost_when_a_log_is_shortened_under_the_reader(tmp_path: Path) -> None:
    """As by `LogFile`, which keeps the head and the tail; as long as the reader has seen the middle."""
    path, place, seen = tmp_path / "output.log", _Place(), b""
    with LogFile.create(path, limit=20_000) as writer:
        for number in range(3000):
            writer.write(b"line %d of many\n" % number)
            if number % 100 == 0:
                seen += b"".join(place.news(path))
        assert writer.cut
    seen += place.rest(path.read_bytes())
    assert seen == b"".join(b"line %d of many\n" % number for number in range(3000))


def test_what_was_cut_out_unseen_is_told_by_the_marker(tmp_path: Path) -> None:
    path, place = tmp_path / "output.log", _Place()
    with LogFile.create(path, limit=20_000) as writer:
        writer.write(b"begin\n")
        assert b"".join(place.news(path)) == b"begin\n"
        for number in range(9000):
            writer.write(b"line %d of many\n" % number)
        rest = b"".join(place.news(path))
    assert rest.startswith(b"line 0 of many\n")
    assert b"bytes left out here]" in rest
    assert rest.endswith(b"line 8999 of many\n")


def test_lines_of_any_length_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    follow_output([b"a\r", b"\nb\r", b"c\n", b"x" * 70_000, b"y", b"\n\xc3", b"\xa4"])
    assert capsys.readouterr().out == "a\nc\n" + "x" * 70_000 + "\ny\nä\n"
