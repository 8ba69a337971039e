"""Folders of any depth: deeper than Python's calls, and deeper than a path may be long."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gitexp.folders import clear_away, make_folder, remove_folder, walk_folder
from tests.support.deep import make_deep

DEEP = sys.getrecursionlimit() + 200


def test_a_deep_folder_is_walked_through(tmp_path: Path) -> None:
    make_deep(tmp_path / "top", DEEP)
    found = list(walk_folder(tmp_path / "top"))
    assert len(found) == DEEP + 1
    assert found[0].folders == ["d"]
    assert found[-1].files == ["end"]
    clear_away(tmp_path / "top")


@pytest.mark.skipif(sys.platform == "win32", reason="paths are short there")
def test_what_no_path_reaches_is_an_error_of_the_walk_and_is_removed(tmp_path: Path) -> None:
    make_deep(tmp_path / "top", 3000)
    said: list[OSError] = []
    assert len(list(walk_folder(tmp_path / "top", said.append))) < 3000
    assert [error.strerror for error in said] == ["File name too long"]
    remove_folder(tmp_path / "top")
    assert list(tmp_path.iterdir()) == []


def test_a_deep_folder_is_made(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("top", *["d"] * DEEP)
    make_folder(deep)
    make_folder(deep)
    assert deep.is_dir()
    clear_away(tmp_path / "top")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_folder(tmp_path / "file" / "below")


def test_in_what_order_and_what_is_left_out(tmp_path: Path) -> None:
    for name in ("a/x/1", "a/y/2", "b/3"):
        make_folder((tmp_path / name).parent)
        (tmp_path / name).touch()
    seen = []
    for folder in walk_folder(tmp_path):
        folder.folders.sort(reverse=True)
        seen.append(os.path.relpath(folder.path, tmp_path))
        folder.folders[:] = [name for name in folder.folders if name != "x"]
    assert seen == [".", "b", "a", "a/y"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and permissions")
def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    make_folder(tmp_path / "top" / "below")
    (tmp_path / "top" / "below" / "link").symlink_to(outside)
    os.mkfifo(tmp_path / "top" / "pipe")
    assert [folder.files for folder in walk_folder(tmp_path / "top")] == [["pipe"], ["link"]]
    remove_folder(tmp_path / "top")
    assert (outside / "precious").exists()
    (tmp_path / "top").symlink_to(outside)
    with pytest.raises(OSError, match="top"):
        remove_folder(tmp_path / "top")
    assert (outside / "precious").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        remove_folder(tmp_path / "none")
    clear_away(tmp_path / "none")
    assert list(walk_folder(tmp_path / "none")) == []
