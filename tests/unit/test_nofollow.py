"""Files that are reached name by name, and never through a link."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp import nofollow
from gitexp.nofollow import Folder, NotPlain, opened

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@pytest.fixture(params=["relative", "looked-at"])
def top(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `top` with a folder `in`, and a file `theirs/file` outside; on both kinds of systems."""
    monkeypatch.setattr(nofollow, "_CAN_OPEN_BELOW", request.param == "relative")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("theirs")
    (tmp_path / "top" / "in").mkdir(parents=True)
    return tmp_path / "top"


def _link(path: Path) -> None:
    path.symlink_to("../../theirs/file")


def _dangling(path: Path) -> None:
    path.symlink_to("../../theirs/none")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _other_name(path: Path) -> None:
    os.link(path.parent.parent.parent / "theirs" / "file", path)


def _socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)  # the path of a socket must be short


ODD = (_link, _dangling, _loop, _device, _other_name, os.mkfifo, _socket, Path.mkdir)


@pytest.mark.parametrize("make", ODD)
def test_an_odd_file_is_neither_read_nor_written(top: Path, make: Callable[[Path], None]) -> None:
    make(top / "in" / "odd")
    theirs = top.parent / "theirs"
    before = {path.name: path.read_text() for path in theirs.iterdir()}
    with opened(top, "in") as folder:
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_APPEND):
            with pytest.raises((NotPlain, IsADirectoryError)):
                folder.open("odd", flags)
        with pytest.raises((NotPlain, IsADirectoryError)):
            folder.append("odd", b"x")
    assert {path.name: path.read_text() for path in theirs.iterdir()} == before


@pytest.mark.parametrize("make", ODD[:-1])
def test_an_odd_file_is_replaced(top: Path, make: Callable[[Path], None]) -> None:
    make(top / "in" / "odd")
    make(top / "in" / "odd.new")
    with opened(top, "in") as folder:
        folder.write("odd", b"ours")
        assert folder.read("odd") == b"ours"
        assert folder.names() == ["odd"]
    assert [path.read_text() for path in (top.parent / "theirs").iterdir()] == ["theirs"]


@pytest.mark.parametrize("inner", ["odd", "odd/deeper", "in/../in", "..", "/tmp", ""])
def test_no_folder_is_reached_through_a_link(top: Path, inner: str) -> None:
    (top / "odd").symlink_to(top.parent / "theirs")
    if inner == "":
        opened(top).close()
        return
    for make in (False, True):
        with pytest.raises(NotPlain):
            opened(top, inner, make=make)


def test_the_error_names_the_whole_path(top: Path) -> None:
    with opened(top, "in") as folder, pytest.raises(FileNotFoundError) as caught:
        folder.read("none")
    assert caught.value.filename == str(top / "in" / "none")


def test_a_folder_that_was_moved_away_is_still_the_same(top: Path) -> None:
    with opened(top, "in") as folder:
        if folder.fd is None:
            return
        (top / "in").rename(top / "moved")
        (top / "in").symlink_to(top.parent / "theirs")
        folder.write("file", b"ours")
    assert (top / "moved" / "file").read_text() == "ours"
    assert (top.parent / "theirs" / "file").read_text() == "theirs"


def test_files_move_between_folders(top: Path) -> None:
    with opened(top, "in") as one, opened(top, "a/b", make=True) as other:
        one.create("x", b"1")
        one.rename("x", "y", other)
        assert other.read("y", most=1) == b"1"
        with pytest.raises(OSError, match="too large"):
            other.read("y", most=0)
        other.remove("y")
    with opened(top, "a") as folder:
        folder.remove_folder("b")
        assert folder.names() == []


def test_an_object_may_have_a_name_in_a_workspace(top: Path) -> None:
    _other_name(top / "in" / "object")
    with opened(top, "in") as folder:
        os.close(folder.open("object", shared=True))


def test_nothing_stays_open(top: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        return
    before = len(list(Path("/proc/self/fd").iterdir()))
    (top / "in" / "odd").mkdir()
    for inner in ("in", "in/none", "none"):
        with pytest.raises(OSError):  # noqa: PT011 - whichever
            nofollow.read(top, f"{inner}/odd")
    Folder.close(opened(top))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
