"""`gitexp log`, and what of a log reaches the screen."""

from __future__ import annotations

import pytest

from gitexp.cli.output import printable, printable_patch
from gitexp.model import Status
from gitexp.ops.log import log
from gitexp.ops.project import Project
from gitexp.repo import live
from gitexp.repo.live import LiveRun
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
    assert "no output here" in repo.gitexp("log", "lost", check=False).stderr


def test_a_run_that_ends_while_its_log_is_looked_for(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repo, "one", status=Status.RUNNING, command="true")

    def ends(_: object) -> list[LiveRun]:
        put(repo, "one", command="true", run_files={"output.log": b"done\n"})
        return []

    monkeypatch.setattr(live, "live_runs", ends)
    assert log(Project.open(repo.path), "one").output == b"done\n"
