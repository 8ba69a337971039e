"""What stands in a workspace, by its content."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import hashing
from gitexp.objects import plan as planning
from gitexp.objects import scan as scanning
from gitexp.objects import store as objects
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.scan import scan, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.objects.workspace_files import beside, is_temporary
from tests.unit.objects.conftest import Write

ODD = ["a b", "line\nbreak", "ü", "-rf", "%41", "'\"$`", "\udcff\udcfe", "tab\t", ".hidden", "日本"]


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def test_files_of_the_users_with_like_names_are_no_leftovers() -> None:
    for name in (
        ".gitexp-notes.tmp",
        ".gitexp-.tmp",
        ".gitexp-0123456789abcdef.tmp.tmp",
        ".gitexp-0123456789abcdeg.tmp",
    ):
        assert not is_temporary(name)
    assert is_temporary(Path(beside("d/x")).name)


def test_a_file(root: Path, write: Write, cache: StatCache) -> None:
    write("d/x.csv", "abc", 0o755)
    found = scan(root, "d/x.csv", cache)
    assert found is not None
    assert found.artifact == Artifact("d/x.csv", sha("abc"), 3, executable=True)
    assert found.manifest is None


def test_a_folder(root: Path, write: Write, cache: StatCache) -> None:
    write("d/b", "b")
    write("d/a/x", "xx", 0o755)
    (root / "d" / "empty").mkdir()
    found = scan(root, "d", cache)
    manifest = Manifest.of([File("b", sha("b"), 1), File("a/x", sha("xx"), 2, True)])
    assert found is not None
    assert found.manifest == manifest
    assert found.artifact == Artifact("d", manifest.hash, 3, 2)


def test_nothing(root: Path, write: Write, cache: StatCache) -> None:
    write("file")
    assert scan(root, "none", cache) is None
    assert scan(root, "file/below", cache) is None


def test_an_empty_folder(root: Path, cache: StatCache) -> None:
    (root / "d").mkdir()
    found = scan(root, "d", cache)
    assert found is not None
    assert found.artifact == Artifact("d", Manifest(()).hash, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="names may be any bytes")
def test_odd_names(root: Path, write: Write, cache: StatCache) -> None:
    for name in ODD:
        write(f"d/{name}/{name}", name.encode("utf-8", "surrogateescape"))
    found = scan(root, "d", cache)
    assert found is not None
    assert found.manifest is not None
    assert {file.path for file in found.manifest.files} == {f"{name}/{name}" for name in ODD}


def test_only_what_has_changed_is_read_again(
    root: Path, write: Write, cache_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "TICK", 0)  # or nothing of it would be believed in the same moment
    for n in range(20):
        write(f"d/{n}", str(n))
    read = []
    real = scanning.read_file
    monkeypatch.setattr(scanning, "read_file", lambda path: read.append(Path(path).name) or real(path))

    def look() -> tuple[int, Artifact]:
        read.clear()
        with StatCache(cache_file) as cache:
            found = scan(root, "d", cache)
        assert found is not None
        return len(read), found.artifact

    first = look()
    assert first[0] == 20
    assert look() == (0, first[1])
    write("d/7", "longer")
    (root / "d" / "8").unlink()
    changed = look()
    assert read == ["7"]
    assert changed[1] != first[1]
    assert look() == (0, changed[1])


def test_a_change_within_one_tick_of_the_clock_is_seen(root: Path, write: Write, cache_file: Path) -> None:
    """Same size, and as good as the same moment: what was hashed before the change must not be believed."""
    seen = set()
    for content in ("aaaa", "bbbb", "cccc", "dddd"):
        with (root / "x").open("w") as file:  # the same inode
            file.write(content)
        with StatCache(cache_file) as cache:
            found = scan(root, "x", cache)
        assert found is not None
        assert found.artifact.hash == sha(content)
        seen.add(found.artifact.hash)
    assert len(seen) == 4


def test_the_cache_forgets_files_that_are_gone(root: Path, write: Write, cache: StatCache) -> None:
    write("d/stays")
    write("d/goes")
    for name in ("stays", "goes"):  # old enough for the cache
        os.utime(root / "d" / name, (1, 1))
    hashing.wait_to_settle((root / "d" / "goes").stat())
    scan(root, "d", cache)
    known = cache.below(str(root / "d")).untaken
    (root / "d" / "goes").unlink()
    scan(root, "d", cache)
    left = cache.below(str(root / "d")).untaken
    assert [Path(os.fsdecode(key)).name for key in sorted(known)] == ["goes", "stays"]
    assert [Path(os.fsdecode(key)).name for key in left] == ["stays"]


def test_links_to_files_elsewhere_count_as_their_content(root: Path, write: Write, cache: StatCache) -> None:
    write("d/real", "x")
    write("elsewhere", "y")
    (root / "d" / "two").symlink_to(root / "elsewhere")
    (root / "e").mkdir()
    for name, content in (("real", "x"), ("two", "y")):
        (root / "e" / name).write_text(content)
    with_links, without = scan(root, "d", cache), scan(root, "e", cache)
    assert with_links is not None
    assert without is not None
    assert with_links.artifact.hash == without.artifact.hash
    walked = walk(root, "d", cache, strict=True)
    assert walked is not None
    assert sorted((found.path, found.link) for found in walked.files) == [("real", False), ("two", True)]


def test_links_within_a_folder_are_links(root: Path, write: Write, cache: StatCache) -> None:
    write("d/v1/real", "x")
    targets = {
        "latest": "v1",
        "file": "v1/real",
        "broken": "v2",
        "self": "self",
        "absolute": str(root / "d" / "v1"),
    }
    for name, target in targets.items():
        (root / "d" / name).symlink_to(target)
    walked = walk(root, "d", cache, strict=True)
    assert walked is not None
    kept = {found.path: found.target for found in walked.files}
    relative = {**targets, "absolute": "v1"}
    assert kept == {**{name: target.encode() for name, target in relative.items()}, "v1/real": None}


def test_what_is_only_compared_may_lead_outside(root: Path, cache: StatCache, tmp_path: Path) -> None:
    """An isolated run has shared data by links."""
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "x").write_text("x")
    (root / "data").symlink_to(tmp_path / "data")
    (root / "folder").mkdir()
    (root / "folder" / "link").symlink_to(tmp_path / "data")
    for path, name in (("data", "deep/x"), ("data/deep", "x"), ("folder", "link/deep/x")):
        found = scan(root, path, cache)
        assert found is not None
        assert found.manifest is not None
        assert [file.path for file in found.manifest.files] == [name]
        if path != "folder":
            with pytest.raises((errors.UnsafePath, errors.UnstorableData)):
                walk(root, path, cache, strict=True)
    with pytest.raises(errors.UnstorableData, match="a link to a folder"):
        walk(root, "folder", cache, strict=True)


def test_links_that_go_round_in_circles(root: Path, write: Write, cache: StatCache) -> None:
    write("d/e/x")
    (root / "d" / "e" / "up").symlink_to("..")
    with pytest.raises(errors.UnstorableData, match="lies in"):
        scan(root, "d", cache)


def test_links_to_outside_are_not_stored(root: Path, write: Write, cache: StatCache, tmp_path: Path) -> None:
    write("d/x")
    (tmp_path / "secret").write_text("secret")
    (root / "d" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(errors.UnstorableData, match="d/link is a link to outside"):
        walk(root, "d", cache, strict=True)


@pytest.mark.parametrize("kind", ["pipe", "socket", "link"])
@pytest.mark.parametrize("inside", [False, True], ids=["itself", "in a folder"])
def test_what_is_neither_file_nor_folder(
    root: Path, cache: StatCache, kind: str, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "d").mkdir()
    monkeypatch.chdir(root)  # a socket's path must be short
    name = "d/it" if inside else "it"
    if kind == "pipe":
        os.mkfifo(name)
    elif kind == "link":
        Path(name).symlink_to("../nothing")
    else:
        with socket.socket(socket.AF_UNIX) as it:
            it.bind(name)
    if kind == "link" and not inside:
        assert scan(root, name, cache) is None
        return
    with pytest.raises(errors.UnstorableData, match="link to nothing" if kind == "link" else f"is a {kind}"):
        scan(root, "d" if inside else "it", cache)


def test_folders_of_git_are_not_data(root: Path, write: Write, cache: StatCache) -> None:
    write("d/x", "x")
    alone = scan(root, "d", cache)
    write("d/deep/.git/config", "x")
    write("d/.gitexp/x", "x")
    write("d/.gitexp-0123456789abcdef.tmp", "what a kill has left")
    found = scan(root, "d", cache)
    assert found is not None
    assert found == alone
    with pytest.raises(errors.UnstorableData, match="Git's or gitexp's own"):
        walk(root, "d", cache, strict=True)


# -- what is removed meanwhile --------------------------------------------------------------------------


class Removing:
    """Removes files and folders at some moment of a walk."""

    def __init__(self, root: Path, *names: str) -> None:
        self._paths = [root / name for name in names]

    def __call__(self) -> None:
        for path in self._paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_is_removed_after_its_folder_was_listed_is_not_there(
    root: Path, write: Write, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stays", "goes", "folder/file"):
        write(f"d/{name}", name)
    (root / "d" / "link").symlink_to("stays")
    remove = Removing(root, "d/goes", "d/folder", "d/link")
    listed = scanning._Walker._entries

    def entries(walker: scanning._Walker, folder: str, *, is_top: bool) -> list[os.DirEntry[str]]:
        found = listed(walker, folder, is_top=is_top)
        remove()
        return found

    monkeypatch.setattr(scanning._Walker, "_entries", entries)
    found = scan(root, "d", cache)
    assert found is not None
    assert found.manifest == Manifest.of([File("stays", sha("stays"), 5)])


def removed_before_it_is_read(monkeypatch: pytest.MonkeyPatch, remove: Removing) -> None:
    walk = scanning.walk

    def walked(*args: Any, **options: Any) -> scanning.Walked | None:
        found = walk(*args, **options)
        remove()
        return found

    for module in (scanning, objects, planning):
        monkeypatch.setattr(module, "walk", walked)


def test_what_is_removed_before_it_is_read_is_not_there(
    root: Path,
    write: Write,
    cache: StatCache,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stays = Manifest.of([File("stays", sha("stays"), 5)])
    names = ("stays", "goes", "deep/goes")
    asked: list[Callable[[], Artifact | None]] = [
        lambda: (found := scan(root, "d", cache)) and found.artifact,
        lambda: store.add(root, "d", cache),
    ]
    for ask in asked:
        for name in names:
            write(f"d/{name}", name)
        with monkeypatch.context() as patch:
            removed_before_it_is_read(patch, Removing(root, "d/goes", "d/deep"))
            assert ask() == Artifact("d", stays.hash, 5, 1)
    assert set(store.contents(stays.hash)) == {hash_ for hash_, _, _ in store.hashes()}


def test_one_file_that_is_removed_before_it_is_read_is_not_there(
    root: Path, write: Write, cache: StatCache, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed_before_it_is_read(monkeypatch, Removing(root, "x"))
    write("x", "1")
    assert scan(root, "x", cache) is None
    write("x", "2")
    with pytest.raises(errors.UnstorableData, match="x is not there"):
        store.add(root, "x", cache)
    wanted = Artifact("x", sha("3"), 1)
    write("x", "4")
    assert planning.plan(store, root, wanted, cache).unsaved == []


def test_a_file_that_is_known_and_gone_is_not_said_to_be_stored(
    root: Path, write: Write, cache: StatCache, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash is known from before; its content is not in the store, nor anywhere else by now."""
    for name in ("stays", "goes"):
        write(f"d/{name}", name)
    known = store.add(root, "d", cache)
    for hash_ in store.contents(known.hash):
        store.remove(hash_)
    removed_before_it_is_read(monkeypatch, Removing(root, "d/goes"))
    assert store.add(root, "d", cache) == Artifact(
        "d", Manifest.of([File("stays", sha("stays"), 5)]).hash, 5, 1
    )
