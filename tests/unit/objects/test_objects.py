"""The store: whole objects or none, each what its name says, and nothing served that is not."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitexp import errors, nofollow
from gitexp.model import Artifact
from gitexp.objects import disk as links
from gitexp.objects import store as objects
from gitexp.objects.hashing import wait_to_settle
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.place import place
from gitexp.objects.progress import Count
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import FRESH, ObjectStore
from tests.unit.objects.conftest import Write, content

LARGE = os.urandom(3 << 20)


def sha(data: str | bytes) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def stored(store: ObjectStore) -> dict[str, bytes]:
    return {hash_: store.path(hash_).read_bytes() for hash_, _, _ in store.hashes()}


def left(store: ObjectStore) -> list[Path]:
    return list((store.folder / "tmp").iterdir())


@pytest.mark.parametrize("data", [b"", b"abc", LARGE], ids=["empty", "small", "large"])
def test_a_file(store: ObjectStore, root: Path, write: Write, cache: StatCache, data: bytes) -> None:
    write("d/x", data)
    assert store.add(root, "d/x", cache) == Artifact("d/x", sha(data), len(data))
    assert stored(store) == {sha(data): data}
    path = store.path(sha(data))
    assert path == store.folder / sha(data)[:2] / sha(data)[2:]
    assert path.stat().st_mode & 0o777 == 0o444
    assert not left(store)
    assert store.verify(sha(data))
    assert store.contents(sha(data)) == [sha(data)]


def test_a_folder(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("d/a", "a")
    write("d/e/b", "b", 0o755)
    write("d/e/a", "a")
    artifact = store.add(root, "d", cache)
    manifest = Manifest.of([File("a", sha("a"), 1), File("e/a", sha("a"), 1), File("e/b", sha("b"), 1, True)])
    assert artifact == Artifact("d", manifest.hash, 3, 3)
    found = scan(root, "d", cache)
    assert found is not None
    assert found.artifact == artifact
    assert stored(store) == {sha("a"): b"a", sha("b"): b"b", manifest.hash: manifest.text}
    assert store.manifest(artifact.hash) == manifest
    assert store.contents(artifact.hash) == [artifact.hash, sha("a"), sha("b")]
    assert store.verify(artifact.hash)
    assert store.missing([sha("a"), sha("c"), sha("c"), artifact.hash]) == [sha("c")]


def test_only_what_is_not_there_is_written(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    for name in "abc":
        os.utime(write(f"d/{name}", name), (1, 1))
    store.add(root, "d", cache)
    before = {hash_: store.path(hash_).stat().st_ino for hash_ in stored(store)}
    write("d/b", "changed")
    store.add(root, "d", cache)
    after = {hash_: store.path(hash_).stat().st_ino for hash_ in stored(store)}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere these are one file")
def test_names_that_differ_in_case_alone_are_refused_in_words(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    write("d/A", "one")
    write("d/a", "two")
    with pytest.raises(
        errors.UnstorableData, match=r"d could not be brought to every system: '[Aa]' and '[Aa]' are the same"
    ) as told:
        store.add(root, "d", cache)
    assert told.value.hint == "Rename what is called so."
    assert stored(store) == {}


def damage(store: ObjectStore, hash_: str) -> None:
    """Changes an object, not its size."""
    path = store.path(hash_)
    path.chmod(0o644)
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    path.chmod(0o444)


@pytest.mark.parametrize("data", [b"abc", LARGE], ids=["small", "large"])
def test_an_object_that_is_damaged_is_stored_again_where_the_file_had_to_be_read(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, data: bytes
) -> None:
    file = write("d/x", data)
    artifact = store.add(root, "d", cache)
    for hash_ in store.contents(artifact.hash):
        damage(store, hash_)
    os.utime(file, (1, 1))
    assert store.add(root, "d", cache) == artifact
    assert all(map(store.verify, store.contents(artifact.hash)))
    assert not left(store)


def test_what_is_to_be_deleted_is_in_the_store_whole(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    for name in ("a", "b"):
        wait_to_settle(write(f"d/{name}", name).stat())
    artifact = store.add(root, "d", cache)
    damage(store, sha("a"))
    asked: list[str] = []
    verify = store.verify
    store.verify = lambda hash_: asked.append(hash_) or verify(hash_)  # type: ignore[func-returns-value, method-assign]
    assert store.add(root, "d", cache) == artifact
    assert asked == [artifact.hash], "files that are known are not read again, and their objects are not"
    assert store.add(root, "d", cache, verified=True) == artifact
    assert all(map(verify, store.contents(artifact.hash)))


def test_an_object_that_was_cut_short_is_stored_again(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    os.utime(write("x", LARGE), (1, 1))
    store.add(root, "x", cache)
    path = store.path(sha(LARGE))
    path.chmod(0o644)
    path.write_bytes(LARGE[:-1])
    assert not store.verify(sha(LARGE))
    store.add(root, "x", cache)
    assert store.verify(sha(LARGE))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".git/config", "d/../../x", "nul", "d/.gitexp/x"])
def test_paths_that_lead_elsewhere(store: ObjectStore, root: Path, cache: StatCache, path: str) -> None:
    with pytest.raises(errors.UnsafePath):
        store.add(root, path, cache)


def test_what_cannot_be_a_folder_everywhere(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    for folder, names in (("case", ("readme", "README")), ("device", ("aux.h", "x"))):
        for name in names:
            write(f"{folder}/{name}", name)
        with pytest.raises(errors.UnstorableData) as raised:
            store.add(root, folder, cache)
        assert names[0] in raised.value.message
    assert not stored(store)


def test_links_are_not_stored_behind(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("x")
    (root / "link").symlink_to(tmp_path / "outside")
    for path, error in (("link", errors.UnstorableData), ("link/x", errors.UnsafePath)):
        with pytest.raises(error):
            store.add(root, path, cache)
    with pytest.raises(errors.UnstorableData, match="is not there"):
        store.add(root, "nothing", cache)
    assert not stored(store)


def test_what_is_here_already_is_fresh_again(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    """gc keeps what is new: whoever relies on an old object without writing it must be seen."""
    write("d/x", "x")
    artifact = store.add(root, "d", cache)
    for hash_ in stored(store):
        os.utime(store.path(hash_), (1, 1))
    store.add(root, "d", cache)
    assert all(time.time() - time_ < FRESH for _, _, time_ in store.hashes())
    assert store.has(artifact.hash)


def test_two_at_once(store: ObjectStore, root: Path, write: Write, cache_file: Path) -> None:
    for n in range(50):
        write(f"d/{n}", str(n % 20) * 1000)

    def add(_: int) -> Artifact:
        with StatCache(cache_file) as cache:
            return store.add(root, "d", cache)

    with ThreadPoolExecutor(4) as pool:
        artifacts = set(pool.map(add, range(8)))
    assert len(artifacts) == 1
    assert all(store.verify(hash_) for hash_ in store.contents(artifacts.pop().hash))
    assert len(stored(store)) == 21
    assert not left(store)


# -- downloads ----------------------------------------------------------------------------------------


def test_adopt(store: ObjectStore, tmp_path: Path) -> None:
    temporary = store.new_temp()
    temporary.write_bytes(LARGE)
    store.adopt(temporary, sha(LARGE))
    assert store.verify(sha(LARGE))
    assert store.path(sha(LARGE)).stat().st_mode & 0o777 == 0o444
    assert not left(store)


def test_what_is_not_what_it_should_be_is_not_adopted(store: ObjectStore) -> None:
    bad = Manifest.of([File("../x", sha("x"), 1)])
    for data, hash_, error in (
        (b"x", sha("y"), errors.DamagedObject),
        (b"x", sha("x") + ".dir", errors.DataError),
        (bad.text, bad.hash, errors.DataError),
    ):
        temporary = store.new_temp()
        temporary.write_bytes(data)
        with pytest.raises(error):
            store.adopt(temporary, hash_)
    assert not stored(store)


# -- damage -------------------------------------------------------------------------------------------


def test_no_damage_is_ever_served(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    """Each object flipped, cut, prolonged or emptied at random places: seen, and nothing wrong comes out."""
    write("d/a", "some text of a file")
    write("d/b/c", LARGE[:5000])
    artifact = store.add(root, "d", cache)
    names = store.contents(artifact.hash)
    rng = random.Random(4)
    for _ in range(1000):
        hash_ = rng.choice(names)
        path = store.path(hash_)
        whole = path.read_bytes()
        damaged = bytearray(whole)
        match rng.randrange(3):
            case 0:
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            case 1:
                del damaged[rng.randrange(len(damaged)) :]
            case 2:
                damaged += rng.randbytes(rng.randrange(1, 9))
        path.unlink()
        path.write_bytes(damaged)
        assert not store.verify(hash_)
        if hash_ == artifact.hash:
            with pytest.raises(errors.DamagedObject, match=hash_):
                store.manifest(hash_)
        path.unlink()
        path.write_bytes(whole)


@pytest.mark.usefixtures("not_root")
@pytest.mark.parametrize("link", ["copy", "hardlink", "reflink"])
@pytest.mark.parametrize("which", ["small", "large", "manifest"])
def test_damage_stops_a_checkout(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, link: str, which: str
) -> None:
    write("d/small", "some text")
    write("d/large", LARGE)
    artifact = store.add(root, "d", cache)
    write("d/small", "another")
    second = store.add(root, "d", cache)
    before = content_of(root)
    hash_ = {"small": sha("some text"), "large": sha(LARGE), "manifest": artifact.hash}[which]
    path = store.path(hash_)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(5)
        file.write(b"#")
    if which == "large":
        (root / "d" / "large").unlink()
        before = content_of(root)
    with pytest.raises(errors.DamagedObject) as caught:
        place(store, root, artifact, (link,), cache)
    assert caught.value.hash == hash_
    assert content_of(root) == before
    assert second != artifact


def content_of(root: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_names_that_are_no_hashes(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("x", "x")
    store.add(root, "x", cache)
    (store.folder / "ab").mkdir()
    (store.folder / "ab" / "README").touch()
    (store.folder / "other").touch()
    assert [hash_ for hash_, _, _ in store.hashes()] == [sha("x")]
    for name in ("", "../../etc/passwd", "A" * 64, sha("x") + ".exe", sha("x") + "\n"):
        with pytest.raises(ValueError, match="no hash"):
            store.has(name)


def test_remove(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("x", "x")
    store.add(root, "x", cache)
    store.remove(sha("x"))
    store.remove(sha("x"))
    assert not store.has(sha("x"))
    assert not store.verify(sha("x"))
    with pytest.raises(errors.MissingData):
        store.manifest(sha("x") + ".dir")


def test_an_empty_store(store: ObjectStore) -> None:
    assert list(store.hashes()) == []
    assert store.missing([sha("x")]) == [sha("x")]


# -- faults -------------------------------------------------------------------------------------------


def test_a_full_disk(root: Path, write: Write, cache: StatCache, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        store = ObjectStore(disk / "objects")
        write("small", "x")
        store.add(root, "small", cache)
        write("large", LARGE)
        for n in range(400):
            write(f"many/{n}", os.urandom(4096))
        for path in ("large", "many"):
            with pytest.raises(errors.DiskFull, match=f"could not store {path}"):
                store.add(root, path, cache)
            assert not left(store), "the room is free again"
            assert all(store.verify(hash_) for hash_ in stored(store))
        assert store.verify(sha("x"))
        workspace = disk / "workspace"
        workspace.mkdir()
        big = ObjectStore(tmp_path / "big")
        artifact = big.add(root, "large", cache)
        with pytest.raises(errors.DiskFull, match="could not write large"):
            place(big, workspace, artifact, ("copy",), cache)
        assert list(workspace.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_an_unreadable_file_is_named(store: ObjectStore, root: Path, write: Write, cache: StatCache) -> None:
    write("d/x", "x")
    write("d/y", "y")
    found = objects.walk(root, "d", cache, strict=True)
    assert found is not None
    (root / "d" / "y").unlink()
    (root / "d" / "y").symlink_to("y")
    in_circles = next(each for each in found.files if each.path == "y")
    with store.intake() as intake, pytest.raises(errors.UnstorableData, match="y cannot be read"):
        store._take_in(intake, in_circles, Count(None, 1, 1))


def test_what_a_kill_has_left_is_removed_in_time(
    store: ObjectStore, root: Path, write: Write, cache: StatCache
) -> None:
    place_ = store.folder / "tmp"
    ages = (("gitexp-old", 48, 47), ("gitexp-new", 1, 1), ("gitexp-busy", 48, 1), ("not-ours", 48, 47))
    for name, age, of_own in ages:
        (place_ / name / "thread").mkdir(parents=True)
        (place_ / name / "thread" / "1").touch()
        os.utime(place_ / name / "thread", (time.time() - of_own * 3600,) * 2)
        os.utime(place_ / name, (time.time() - age * 3600,) * 2)
    young, old, theirs = store.new_temp(), store.new_temp(), place_ / "gitexp-notes"
    for file in (young, old, theirs):
        file.touch()
    for file in (old, theirs):
        os.utime(file, (time.time() - 48 * 3600,) * 2)
    write("x", "x")
    store.add(root, "x", cache)
    stay = ["gitexp-busy", "gitexp-new", "gitexp-notes", "not-ours", young.name]
    assert sorted(path.name for path in left(store)) == sorted(stay)


def test_links_where_there_are_none(tmp_path: Path) -> None:
    """Whether this disk can share content or not: the answer is yes or no, and never an error."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(LARGE)
    with source.open("rb") as reading, target.open("wb") as writing:
        if links.reflink(reading.fileno(), writing.fileno()):
            assert target.read_bytes() == LARGE
        else:
            assert target.read_bytes() == b""
    with nofollow.opened(tmp_path) as folder:
        assert links.hardlink("source", folder, str(tmp_path / "hard"))
        assert (tmp_path / "hard").stat().st_ino == source.stat().st_ino
        with pytest.raises(OSError, match=os.strerror(errno.EEXIST)):
            links.hardlink("source", folder, str(tmp_path / "hard"))


def test_a_folder_comes_back_from_the_store(
    store: ObjectStore, root: Path, write: Write, cache: StatCache, tmp_path: Path
) -> None:
    write("d/a", "a")
    write("d/e/f/b", "b")
    artifact = store.add(root, "d", cache)
    other = tmp_path / "other"
    other.mkdir()
    place(store, other, artifact, ("reflink", "copy"), cache)
    assert content(other) == content(root)
