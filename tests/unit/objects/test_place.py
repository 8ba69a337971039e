"""Artifacts in a workspace: exactly as stored, in nobody's way, and nobody's work destroyed."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import disk as ways
from gitexp.objects import place as placing
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.place import Placed, place
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from tests.support.codes import has_code
from tests.unit.objects.conftest import Write, content

LINKS = [("copy",), ("hardlink",), ("reflink", "copy"), ("hardlink", "copy")]


@pytest.fixture
def first(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> Artifact:
    """A folder as it was stored first: `same`, `old` and `run`, which is executable."""
    write("d/same", "same")
    write("d/deep/old", "old")
    write("d/run", "#!/bin/sh", 0o755)
    return store.add(root, "d", cache)


@pytest.fixture
def second(first: Artifact, store: ObjectStore, root: Path, write: Write, cache: StatCache) -> Artifact:
    """The same folder later, which is how it is here: `run` has changed, and `new` is there for `old`."""
    (root / "d" / "deep" / "old").unlink()
    (root / "d" / "deep").rmdir()
    write("d/new", "new")
    write("d/run", "#!/bin/bash", 0o755)
    return store.add(root, "d", cache)


FIRST = {"same": "same", "deep/old": "old", "run": "#!/bin/sh"}
SECOND = {"same": "same", "new": "new", "run": "#!/bin/bash"}


@pytest.mark.usefixtures("not_root")
@pytest.mark.parametrize("links", LINKS, ids="-".join)
def test_there_and_back(
    store: ObjectStore,
    root: Path,
    cache: StatCache,
    first: Artifact,
    second: Artifact,
    links: tuple[str, ...],
) -> None:
    placed = place(store, root, first, links, cache)
    assert content(root / "d") == FIRST
    assert sorted(placed.written) == ["d/deep/old", "d/run"]
    assert placed.removed == ["d/new"]
    assert (root / "d" / "run").stat().st_mode & 0o100
    assert not place(store, root, first, links, cache)
    placed = place(store, root, second, links, cache)
    assert content(root / "d") == SECOND
    assert sorted(placed.removed) == ["d/deep/old"]
    assert not (root / "d" / "deep").exists()
    found = scan(root, "d", cache)
    assert found is not None
    assert found.artifact == second
    assert not list((store.folder / "tmp").iterdir())


@pytest.mark.usefixtures("not_root")
@pytest.mark.parametrize("links", LINKS, ids="-".join)
def test_what_is_written_may_be_edited_or_is_a_link(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, links: tuple[str, ...], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    place(store, other, first, links, cache)
    same, run = (other / "d" / name for name in ("same", "run"))
    mode = stat.S_IMODE(same.stat().st_mode)
    if links[0] == "hardlink":
        assert (mode, same.stat().st_nlink) == (0o444, 2)
        assert store.path(store.manifest(first.hash).files[-1].hash).stat().st_mode & 0o777 == 0o444
    else:
        assert (mode, same.stat().st_nlink) == (0o666 & ~_umask(), 1)
        same.write_text("edited")
    # An executable object would be executable in every workspace.
    assert (stat.S_IMODE(run.stat().st_mode), run.stat().st_nlink) == (0o777 & ~_umask(), 1)
    assert all(store.verify(hash_) for hash_ in store.contents(first.hash))


@pytest.mark.usefixtures("not_root")
def test_a_hard_link_is_made_where_content_cannot_be_shared(
    store: ObjectStore, cache: StatCache, first: Artifact, tmp_path: Path
) -> None:
    with (tmp_path / "a").open("w+") as a, (tmp_path / "b").open("w+") as b:
        is_shared = ways.reflink(a.fileno(), b.fileno())
    (tmp_path / "other").mkdir()
    place(store, tmp_path / "other", first, ("reflink", "hardlink", "copy"), cache)
    assert (tmp_path / "other" / "d" / "same").stat().st_nlink == (1 if is_shared else 2)


@pytest.mark.parametrize("links", [("hardlink",), ("reflink", "hardlink", "copy")])
def test_root_gets_no_hard_links(
    store: ObjectStore,
    cache: StatCache,
    first: Artifact,
    links: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does anybody else whom the mode of a file does not hinder: to append would change the object."""
    monkeypatch.setattr(ways, "is_writable", lambda path: True)
    (tmp_path / "other").mkdir()
    place(store, tmp_path / "other", first, links, cache)
    for name in ("same", "deep/old"):
        file = tmp_path / "other" / "d" / name
        assert file.stat().st_nlink == 1
        with file.open("a") as appended:
            appended.write("more")
    assert content(tmp_path / "other" / "d")["same"] == "samemore"
    assert all(store.verify(hash_) for hash_ in store.contents(first.hash))


def test_whether_the_mode_hinders(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o444)
    try:
        (tmp_path / "file").open("a").close()
    except PermissionError:
        assert not ways.is_writable(str(tmp_path / "file"))
    else:
        assert ways.is_writable(str(tmp_path / "file"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("x/y.csv", "one", 0o755)
    one = store.add(root, "x/y.csv", cache)
    write("x/y.csv", "two").chmod(0o644)
    two = store.add(root, "x/y.csv", cache)
    assert place(store, root, one, ("copy",), cache) == Placed(["x/y.csv"], [])
    assert (root / "x" / "y.csv").read_text() == "one"
    assert (root / "x" / "y.csv").stat().st_mode & 0o111
    place(store, root, two, ("copy",), cache)
    assert not (root / "x" / "y.csv").stat().st_mode & 0o111
    (root / "x" / "y.csv").chmod(0o755)
    assert place(store, root, two, ("copy",), cache).written == ["x/y.csv"], "the mode alone"
    assert not (root / "x" / "y.csv").stat().st_mode & 0o111


def test_an_empty_folder(store: ObjectStore, root: Path, cache: StatCache, first: Artifact) -> None:
    (root / "e").mkdir()
    empty = store.add(root, "e", cache)
    (root / "e").rmdir()
    place(store, root, empty, ("copy",), cache)
    assert (root / "e").is_dir()
    place(store, root, Artifact("d", empty.hash, 0, 0), ("copy",), cache)
    assert list((root / "d").iterdir()) == []


def test_a_folder_for_a_file_and_back(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, first: Artifact
) -> None:
    write("other", "a file")
    file = store.add(root, "other", cache)
    file = Artifact("d", file.hash, file.size)
    place(store, root, file, ("copy",), cache)
    assert (root / "d").read_text() == "a file"
    place(store, root, first, ("copy",), cache)
    assert content(root / "d") == FIRST


def test_a_folder_for_a_file_inside(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("d/x", "file")
    one = store.add(root, "d", cache)
    (root / "d" / "x").unlink()
    write("d/x/y", "in a folder")
    two = store.add(root, "d", cache)
    place(store, root, one, ("copy",), cache)
    assert content(root / "d") == {"x": "file"}
    place(store, root, two, ("copy",), cache)
    assert content(root / "d") == {"x/y": "in a folder"}


# -- nobody's work is destroyed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["d/same", "d/new", "d/run", "d/deep/notes.txt", "d/old"], ids=lambda name: name.replace("/", "-")
)
def test_what_is_stored_nowhere_is_not_lost(
    store: ObjectStore,
    root: Path,
    write: Write,
    cache: StatCache,
    first: Artifact,
    second: Artifact,
    name: str,
) -> None:
    write(name, "an afternoon's work")
    before = content(root)
    with pytest.raises(errors.UnsavedChanges) as caught:
        place(store, root, first, ("copy",), cache)
    assert caught.value.paths == (name,)
    assert content(root) == before
    placed = place(store, root, first, ("copy",), cache, force=True)
    assert content(root / "d") == FIRST
    assert placed.kept is not None
    place(store, root, placed.kept, ("copy",), cache)
    assert content(root) == before


def test_what_is_known_elsewhere_may_go(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, first: Artifact
) -> None:
    write("d/same", "committed")
    found = scan(root, "d/same", cache)
    assert found is not None
    place(store, root, first, ("copy",), cache, known=lambda hash_: hash_ == found.artifact.hash)
    assert content(root / "d") == FIRST


def test_what_is_changed_at_the_last_moment_stays(
    store: ObjectStore,
    root: Path,
    write: Write,
    cache: StatCache,
    first: Artifact,
    second: Artifact,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = placing._change_files

    def edit_first(*args: object) -> None:
        write("d/run", "edited just now")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(placing, "_change_files", edit_first)
    with pytest.raises(errors.UnsavedChanges, match="d/run was changed by somebody else"):
        place(store, root, first, ("copy",), cache)
    assert (root / "d" / "run").read_text() == "edited just now"


def test_missing_objects_are_named_and_nothing_is_done(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, second: Artifact
) -> None:
    before = content(root)
    gone = next(file for file in store.manifest(first.hash).files if file.path == "deep/old")
    store.remove(gone.hash)
    with pytest.raises(errors.MissingData) as caught:
        place(store, root, first, ("copy",), cache)
    assert caught.value.paths == ("d/deep/old",)
    store.remove(first.hash)
    with pytest.raises(errors.MissingData) as caught:
        place(store, root, first, ("copy",), cache)
    assert caught.value.paths == ("d",)
    assert content(root) == before


# -- nor is anything written elsewhere ----------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["../d", "/tmp/d", ".git/hooks", "a/../../d", "", ".", "NUL", "x/.GIT/y", ".gitexp/d", "c:/x"]
)
def test_paths_of_strangers(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, path: str
) -> None:
    with pytest.raises(errors.UnsafePath):
        place(store, root, Artifact(path, first.hash, first.size, first.files), ("copy",), cache)


@pytest.mark.parametrize("name", ["../x", ".git/hooks/pre-commit", "a/../../x", "con", "d/.gitexp/x"])
def test_manifests_of_strangers(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, name: str, tmp_path: Path
) -> None:
    hostile = Manifest.of([File(name, store.manifest(first.hash).files[0].hash, 3)])
    path = store.path(hostile.hash)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(hostile.text)
    before = content(tmp_path / "workspace")
    with pytest.raises(errors.DataError, check=has_code("bad-manifest")):
        place(store, root, Artifact("new", hostile.hash, 3, 1), ("copy",), cache)
    assert content(tmp_path / "workspace") == before
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("at", ["d", "d/deep"])
def test_links_are_not_followed(
    store: ObjectStore,
    root: Path,
    cache: StatCache,
    first: Artifact,
    second: Artifact,
    tmp_path: Path,
    at: str,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    if at == "d":
        (root / "d").rename(tmp_path / "away")
    (root / at).symlink_to(outside)
    with pytest.raises(errors.UnsavedChanges, match="is a link"):
        place(store, root, first, ("copy",), cache, force=True)
    assert content(outside) == {"precious": "precious"}
    assert (root / at).is_symlink()


def test_nor_above_the_artifact(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, tmp_path: Path
) -> None:
    write("a/b/x", "x")
    artifact = store.add(root, "a/b/x", cache)
    (root / "a").rename(tmp_path / "away")
    (root / "a").symlink_to(tmp_path / "away")
    with pytest.raises(errors.UnsafePath, match="a, which is a link"):
        place(store, root, artifact, ("copy",), cache, force=True)
    (root / "a").unlink()
    (root / "a").write_text("a file")
    with pytest.raises(errors.UnsafePath):
        place(store, root, artifact, ("copy",), cache, force=True)
    assert (root / "a").read_text() == "a file"


def test_a_link_that_is_put_there_in_between(
    store: ObjectStore,
    root: Path,
    write: Write,
    cache: StatCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("a/b/x", "x")
    artifact = store.add(root, "a/b/x", cache)
    (root / "a" / "b" / "x").unlink()
    real = placing._change_files

    def link_first(*args: object) -> None:
        (root / "a").rename(tmp_path / "away")
        (root / "a").symlink_to(tmp_path / "away")
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(placing, "_change_files", link_first)
    with pytest.raises(errors.UnsafePath):
        place(store, root, artifact, ("copy",), cache)
    assert not (tmp_path / "away" / "b" / "x").exists()


@pytest.mark.parametrize("kind", ["pipe", "folder link", "dangling link"])
def test_what_is_in_the_way_stays(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, second: Artifact, kind: str
) -> None:
    it = root / "d" / "it"
    if kind == "pipe":
        os.mkfifo(it)
    else:
        it.symlink_to(root if kind == "folder link" else "../nothing")
    for force in (False, True):
        with pytest.raises(errors.UnsavedChanges, match="d would be overwritten"):
            place(store, root, first, ("copy",), cache, force=force)
    assert os.path.lexists(it)
    assert {k: v for k, v in content(root / "d").items() if k != "it"} == SECOND


@pytest.mark.skipif(sys.platform != "linux", reason="names may be any bytes")
def test_odd_names(store: ObjectStore, root: Path, write: Write, cache: StatCache, tmp_path: Path) -> None:
    for name in ("line\nbreak", "\udcff\udcfe", "%0A", " ", "-n", "ü/日本", "'\"$(x)`"):
        write(f"d/{name}", name.encode("utf-8", "surrogateescape"))
    artifact = store.add(root, "d", cache)
    other = tmp_path / "other"
    other.mkdir()
    place(store, other, artifact, ("copy",), cache)
    found = scan(other, "d", cache)
    assert found is not None
    assert found.artifact == artifact


def test_what_is_placed_is_not_read_again(
    store: ObjectStore,
    root: Path,
    write: Write,
    cache_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("d/large", os.urandom(2 << 20))
    other = tmp_path / "other"
    other.mkdir()
    with StatCache(cache_file) as cache:
        artifact = store.add(root, "d", cache)
        place(store, other, artifact, ("copy",), cache)
    monkeypatch.setattr("gitexp.objects.scan.read_file", lambda path: pytest.fail(f"{path} is read"))
    with StatCache(cache_file) as cache:
        found = scan(other, "d", cache)
    assert found is not None
    assert found.artifact == artifact


def test_the_last_good_copy_is_not_given_up_for_a_damaged_object(
    store: ObjectStore, root: Path, cache: StatCache, first: Artifact, second: Artifact
) -> None:
    """Same size, other bytes: what is in the store is not what is in the workspace."""
    new = next(file for file in store.manifest(second.hash).files if file.path == "new")
    store.path(new.hash).chmod(0o644)
    store.path(new.hash).write_text("nEw")
    with pytest.raises(errors.UnsavedChanges) as caught:
        place(store, root, first, ("copy",), cache)
    assert caught.value.paths == ("d/new",)
    assert content(root / "d") == SECOND
    place(store, root, first, ("copy",), cache, force=True)
    assert store.verify(new.hash), "stored anew from the workspace"
    place(store, root, second, ("copy",), cache)
    assert content(root / "d") == SECOND


def test_a_workspace_on_another_disk(
    store: ObjectStore, first: Artifact, cache: StatCache, write: Write, root: Path
) -> None:
    """There files are made ready beside their place, and what a kill has left is removed in time."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        other = Path(name)
        if other.stat().st_dev == store.folder.stat().st_dev:
            pytest.skip("there is one disk only")
        for old, age in (
            (".gitexp-00000000000000aa.tmp", 2 * 24 * 3600),
            (".gitexp-00000000000000bb.tmp", 60),
        ):
            (other / old).mkdir()
            os.utime(other / old, (time.time() - age,) * 2)
        for links in (("hardlink",), ("reflink", "copy")):
            place(store, other, first, links, cache)
            assert content(other / "d") == FIRST
            assert sorted(each.name for each in other.iterdir()) == [".gitexp-00000000000000bb.tmp", "d"]
            shutil.rmtree(other / "d")
