"""Transfers: only what is missing, all of it verified, gone on with after whatever stopped them."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.remotes import transfer
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote, OnBytes
from gitexp.objects.remotes.transfer import Progress, pull, push
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from tests.crash import disk
from tests.outside.test_remotes import place_of
from tests.support import servers
from tests.support.servers import Place

FILES = 30


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_FIRST_WAIT", 0.01)


class Side:
    """One machine: a workspace with a folder and a large file, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ObjectStore(folder / "objects")

    def add(self) -> list[Artifact]:
        dice = random.Random(1)
        (self.folder / "data" / "sub").mkdir(parents=True)
        for number in range(FILES):
            (self.folder / "data" / "sub" / f"{number}.txt").write_bytes(dice.randbytes(number * 50 + 1))
        (self.folder / "large.bin").write_bytes(dice.randbytes(3 << 20))
        with StatCache(self.folder / "stat.sqlite") as cache:
            return [self.store.add(self.folder, name, cache) for name in ("data", "large.bin")]


@pytest.fixture
def here(tmp_path: Path) -> Side:
    return Side(tmp_path / "here")


@pytest.fixture
def clone(tmp_path: Path) -> Side:
    return Side(tmp_path / "clone")


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[FolderRemote]:
    with open_remote("store", {"url": "remote"}, tmp_path) as opened:
        assert isinstance(opened, FolderRemote)
        yield opened


def hashes(artifacts: list[Artifact]) -> list[str]:
    return [artifact.hash for artifact in artifacts]


def sizes(artifacts: list[Artifact]) -> dict[str, int | None]:
    return {each.hash: None if each.is_folder else each.size for each in artifacts}


def assert_whole(side: Side, artifacts: list[Artifact]) -> None:
    for artifact in artifacts:
        for part in side.store.contents(artifact.hash):
            assert side.store.verify(part), part


def stored(folder: Path) -> list[Path]:
    """The objects in a folder, whatever they hold."""
    return sorted(path for path in folder.glob("[0-9a-f][0-9a-f]/*"))


# -- what is transferred ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ssh", "webdav", "s3"])
def test_there_and_back_by_a_real_server(
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    here: Side,
    clone: Side,
) -> None:
    place, artifacts = place_of(kind, request, monkeypatch), here.add()
    with open_remote("store", {"url": f"{place.url}/{tmp_path.name}"}, tmp_path) as at:
        done = push(here.store, at, hashes(artifacts))
        assert (len(done.hashes), done.failed) == (FILES + 2, {})
        assert push(here.store, at, hashes(artifacts)).hashes == ()
        got = pull(clone.store, at, sizes(artifacts))
        assert (sorted(got.hashes), got.bytes, got.failed) == (sorted(done.hashes), done.bytes, {})
    assert_whole(clone, artifacts)


def test_only_what_is_missing_is_sent_and_fetched(here: Side, clone: Side, remote: FolderRemote) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    pull(clone.store, remote, sizes(artifacts))
    gone = here.store.contents(artifacts[0].hash)[3:5]
    for hash_ in gone:
        remote.remove(hash_)
        clone.store.remove(hash_)
    assert sorted(push(here.store, remote, hashes(artifacts)).hashes) == sorted(gone)
    assert sorted(pull(clone.store, remote, sizes(artifacts)).hashes) == sorted(gone)
    assert pull(clone.store, remote, sizes(artifacts)).hashes == ()


def test_a_manifest_goes_after_its_files(
    here: Side, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = here.add()
    folder, put = artifacts[0].hash, remote.put

    def looking(hash_: str, source: Path, on_bytes: OnBytes) -> None:
        if hash_ == folder:
            assert len(remote.has_many(here.store.contents(folder)[1:])) == FILES
        put(hash_, source, on_bytes)

    monkeypatch.setattr(remote, "put", looking)
    assert push(here.store, remote, hashes(artifacts)).failed == {}


def test_a_folder_of_which_a_file_failed_is_not_there(
    here: Side, clone: Side, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = here.add()
    folder, send = artifacts[0].hash, remote.send
    bad = here.store.contents(folder)[7]

    def failing(hash_: str, source: Path, on_bytes: OnBytes) -> None:
        if hash_ == bad:
            raise errors.DataRemoteError("not this one", code="data-remote-refused")
        send(hash_, source, on_bytes)

    monkeypatch.setattr(remote, "send", failing)
    done = push(here.store, remote, hashes(artifacts))
    assert {hash_: error.message for hash_, error in done.failed.items()} == {bad: "not this one"}
    assert len(done.hashes) == FILES
    assert remote.has_many([bad, folder, artifacts[1].hash]).keys() == {artifacts[1].hash}
    monkeypatch.setattr(remote, "send", send)
    assert sorted(push(here.store, remote, hashes(artifacts)).hashes) == sorted([bad, folder])


def test_half_an_object_of_a_server_without_moves_is_sent_again(here: Side, remote: FolderRemote) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    victim = remote._path(artifacts[1].hash)
    victim.chmod(0o644)
    os.truncate(victim, 1000)
    assert push(here.store, remote, hashes(artifacts)).hashes == (artifacts[1].hash,)
    assert victim.stat().st_size == artifacts[1].size


def old(remote: FolderRemote, *, days: float) -> None:
    """Makes all that is on the remote so old."""
    then = time.time() - days * 86400
    for file in stored(remote._root):
        os.utime(file, (then, then))


def test_what_has_been_there_for_days_is_made_fresh(
    here: Side, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gc on the remote may be about to delete what nobody refers to yet."""
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    began = time.time() - 60
    old(remote, days=2)
    assert push(here.store, remote, hashes(artifacts)).hashes == ()
    assert all(file.stat().st_mtime < began for file in stored(remote._root)), "so young it costs nothing"
    old(remote, days=4)
    assert push(here.store, remote, hashes(artifacts[1:])).hashes == ()
    assert [file for file in stored(remote._root) if file.stat().st_mtime > began] == [
        remote._path(artifacts[1].hash)
    ]
    assert push(here.store, remote, hashes(artifacts)).hashes == ()
    assert all(file.stat().st_mtime > began for file in stored(remote._root))


def test_what_cannot_be_made_fresh_is_sent_again(
    here: Side, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    began = time.time() - 60
    old(remote, days=20)
    monkeypatch.setattr(remote, "renew", lambda hash_: DataRemote.renew(remote, hash_))
    monkeypatch.setattr(remote, "send", lambda *_: DataRemote.renew(remote, "send"))
    nothing = push(here.store, remote, hashes(artifacts))
    assert (nothing.hashes, nothing.failed) == ((), {}), "to have it there may be all that is allowed"
    monkeypatch.undo()
    monkeypatch.setattr(remote, "renew", lambda hash_: DataRemote.renew(remote, hash_))
    again = push(here.store, remote, hashes(artifacts))
    assert (len(again.hashes), again.failed) == (FILES + 2, {})
    assert all(file.stat().st_mtime > began for file in stored(remote._root))


def test_what_a_gc_removes_at_this_moment_is_sent_again(
    here: Side, remote: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    old(remote, days=20)
    monkeypatch.setattr(remote, "renew", remote.remove)
    assert len(push(here.store, remote, hashes(artifacts)).hashes) == FILES + 2
    assert len(stored(remote._root)) == FILES + 2
    old(remote, days=20)
    monkeypatch.setattr(remote, "send", lambda *_: DataRemote.renew(remote, "send"))
    assert push(here.store, remote, hashes(artifacts)).failed.keys() == {
        *here.store.contents(artifacts[0].hash)[1:],
        artifacts[1].hash,
    }, "it is neither there any more nor sent again"


def test_what_is_nowhere_has_failed(here: Side, clone: Side, remote: FolderRemote) -> None:
    artifacts = here.add()
    failed = push(clone.store, remote, hashes(artifacts)).failed
    assert failed.keys() == set(hashes(artifacts))
    failed = pull(clone.store, remote, sizes(artifacts)).failed
    assert failed.keys() == set(hashes(artifacts))
    assert all(isinstance(error, errors.NotOnRemote) for error in failed.values())


def test_a_damaged_object_is_not_spread(here: Side, remote: FolderRemote) -> None:
    artifacts = here.add()
    victim = here.store.path(artifacts[1].hash)
    victim.chmod(0o644)
    with victim.open("r+b") as file:
        file.write(b"!")
    done = push(here.store, remote, hashes(artifacts))
    assert isinstance(done.failed[artifacts[1].hash], errors.DamagedObject)
    assert remote.has_many([artifacts[1].hash]) == {}


# -- a hostile or damaged remote ----------------------------------------------------------------------


def test_no_corruption_of_a_remote_gets_in(here: Side, tmp_path: Path, remote: FolderRemote) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    dice = random.Random(7)
    for number in range(10):
        victim = dice.choice(stored(tmp_path / "remote"))
        good = victim.read_bytes()
        victim.chmod(0o644)
        victim.write_bytes(corrupted(good, dice))
        side = Side(tmp_path / f"clone-{number}")
        done = pull(side.store, remote, sizes(artifacts))
        hash_ = victim.parent.name + victim.name
        assert done.failed.keys() == {hash_}
        error = done.failed[hash_]
        assert isinstance(error, errors.DamagedObject)
        assert f"Remove {remote.url}/{victim.parent.name}/{victim.name}; then" in (error.hint or "")
        assert not side.store.has(hash_)
        assert all(side.store.verify(each) for each, _, _ in side.store.hashes())
        victim.write_bytes(good)
        pull(side.store, remote, sizes(artifacts))
        assert_whole(side, artifacts)


def corrupted(content: bytes, dice: random.Random) -> bytes:
    """A byte flipped, the end cut off, something more behind it, or something else altogether."""
    at = dice.randrange(len(content))
    return dice.choice(
        [
            content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :],
            content[:at],
            content + b"x",
            dice.randbytes(len(content)),
        ]
    )


class Scripted(FolderRemote):
    """A remote that does with each download as a test says."""

    def __init__(self, folder: Path, answer: Callable[[Scripted, str, Path, OnBytes], None]) -> None:
        super().__init__("scripted", str(folder), folder)
        self.answer = answer
        self.asked: list[str] = []

    receive = DataRemote.receive  # by `get`, as from a server

    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        self.asked.append(hash_)
        self.answer(self, hash_, target, on_bytes)

    def whole(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        super().get(hash_, target, on_bytes)


def test_a_download_without_end_is_ended(here: Side, clone: Side, tmp_path: Path) -> None:
    [_, large] = here.add()

    def endless(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        with target.open("wb") as file:
            while True:
                file.write(bytes(1 << 16))
                on_bytes(1 << 16)

    at = Scripted(tmp_path / "remote", endless)
    done = pull(clone.store, at, {large.hash: large.size})
    assert isinstance(done.failed[large.hash], errors.DamagedObject)
    assert not any(path.is_file() for path in (clone.folder / "objects").rglob("*"))


def test_a_manifest_that_would_write_elsewhere_is_not_taken(clone: Side, tmp_path: Path) -> None:
    text = b"gitexp-folder 1\n" + b"0" * 64 + b" 1 - ../../x\n"
    hash_ = hashlib.sha256(text).hexdigest() + ".dir"
    target = tmp_path / "remote" / hash_[:2] / hash_[2:]
    target.parent.mkdir(parents=True)
    target.write_bytes(text)
    with open_remote("store", {"url": "remote"}, tmp_path) as at:
        done = pull(clone.store, at, {hash_: None})
    assert isinstance(done.failed[hash_], errors.DataError)
    assert not clone.store.has(hash_)


# -- trying again, and giving up ----------------------------------------------------------------------


def test_what_may_pass_is_tried_again(here: Side, clone: Side, tmp_path: Path, remote: FolderRemote) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))

    def flaky(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        on_bytes(1)
        if at.asked.count(hash_) < transfer.TRIES:
            raise errors.RemoteUnreachable("busy")
        on_bytes(-1)
        at.whole(hash_, target, on_bytes)

    at = Scripted(tmp_path / "remote", flaky)
    seen: list[Progress] = []
    done = pull(clone.store, at, sizes(artifacts), jobs=4, on_progress=seen.append)
    assert done.failed == {}
    assert done.bytes == sum(size for _, size, _ in clone.store.hashes())
    assert (seen[-1].objects, seen[-1].bytes) == (seen[-1].of_objects, seen[-1].of_bytes)
    assert all(at.asked.count(hash_) == transfer.TRIES for hash_ in done.hashes)


def test_what_will_not_pass_is_not_tried_again(here: Side, clone: Side, tmp_path: Path) -> None:
    artifacts = here.add()

    def refusing(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        raise errors.DataRemoteError("no", code="data-remote-refused")

    at = Scripted(tmp_path / "remote", refusing)
    done = pull(clone.store, at, sizes(artifacts))
    assert sorted(at.asked) == sorted(done.failed) == sorted(hashes(artifacts))


def test_a_remote_that_answers_no_more_is_given_up(
    here: Side, clone: Side, tmp_path: Path, remote: FolderRemote
) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))

    def dying(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        if len(set(at.asked)) > 10:
            raise errors.RemoteUnreachable("gone")
        at.whole(hash_, target, on_bytes)

    at = Scripted(tmp_path / "remote", dying)
    done = pull(clone.store, at, sizes(artifacts), jobs=1)
    assert len(done.hashes) == 10
    assert len(set(at.asked)) == 10 + transfer._GIVE_UP
    assert len(done.failed) == FILES + 2 - 10
    at.answer = Scripted.whole
    assert len(pull(clone.store, at, sizes(artifacts)).hashes) == FILES + 2 - 10
    assert_whole(clone, artifacts)


def test_ctrl_c_keeps_what_has_arrived(here: Side, clone: Side, tmp_path: Path, remote: FolderRemote) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))
    enough, threads = threading.Event(), threading.active_count()

    def slow(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        if len(at.asked) > 10:
            enough.set()
            while True:
                on_bytes(0)
                time.sleep(0.001)
        at.whole(hash_, target, on_bytes)

    def interrupt(progress: Progress) -> None:
        if enough.is_set():
            raise KeyboardInterrupt

    at = Scripted(tmp_path / "remote", slow)
    with pytest.raises(KeyboardInterrupt):
        pull(clone.store, at, sizes(artifacts), jobs=2, on_progress=interrupt)
    assert len(list(clone.store.hashes())) >= 10
    assert threading.active_count() == threads
    pull(clone.store, remote, sizes(artifacts))
    assert_whole(clone, artifacts)


def test_a_full_disk_here_stops_it_at_once(
    here: Side, clone: Side, tmp_path: Path, remote: FolderRemote
) -> None:
    artifacts = here.add()
    push(here.store, remote, hashes(artifacts))

    def full(at: Scripted, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        if len(at.asked) > 5:
            with at._translated(here=target):
                raise OSError(errno.ENOSPC, "No space left on device")
        at.whole(hash_, target, on_bytes)

    at = Scripted(tmp_path / "remote", full)
    with pytest.raises(errors.DiskFull):
        pull(clone.store, at, sizes(artifacts), jobs=1)
    assert len(at.asked) == 6
    assert len(list(clone.store.hashes())) == 5


# -- servers that refuse, die and fill up -------------------------------------------------------------


# asyncssh leaves its file open where the connection breaks.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("make", [servers.sshd, servers.nginx], ids=lambda make: make.__name__)
def test_a_server_that_dies_half_way_is_gone_on_with(
    make: Callable[[Path], Place],
    tmp_path: Path,
    here: Side,
    clone: Side,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    artifacts = here.add()
    place = make(tmp_path / "server")
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    try:
        with open_remote("store", {"url": f"{place.url}/x"}, tmp_path) as at:
            dies(place, at, "put", monkeypatch)
            assert push(here.store, at, hashes(artifacts), jobs=2).failed
            with pytest.raises(errors.RemoteUnreachable):
                push(here.store, at, hashes(artifacts))
            place.server.start()
            again = push(here.store, at, hashes(artifacts))
            assert again.failed == {}
            assert 0 < len(again.hashes) < FILES + 2
            assert {each.hash for each in at.list()} == {hash_ for hash_, _, _ in here.store.hashes()}
            dies(place, at, "get", monkeypatch)
            assert pull(clone.store, at, sizes(artifacts), jobs=2).failed
            place.server.start()
            again = pull(clone.store, at, sizes(artifacts))
            assert 0 < len(again.hashes) < FILES + 2
    finally:
        place.server.kill()
        # fsspec leaves the local file of a download open that the server has cut off.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    assert_whole(clone, artifacts)


def dies(place: Place, at: DataRemote, method: str, monkeypatch: pytest.MonkeyPatch, *, nth: int = 8) -> None:
    """Has the server killed in the middle of the nth object that is put there, or got from it."""
    whole, begun = getattr(type(at), method), []
    alive = threading.Lock()

    def call(hash_: str, path: Path, on_bytes: OnBytes) -> None:
        begun.append(hash_)

        def told(count: int) -> None:
            if len(begun) >= nth and alive.acquire(blocking=False):  # once
                place.server.kill()
            on_bytes(count)

        whole(at, hash_, path, told)

    monkeypatch.setattr(at, method, call)


@pytest.mark.parametrize("kind", ["folder", "ssh"])
def test_a_remote_that_is_full_says_so_and_can_be_gone_on_with(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, here: Side
) -> None:
    if why := disk.why_not():
        pytest.skip(why)
    artifacts = here.add()
    with disk.disk(tmp_path / "small", 1 << 20) as small:
        url = str(small)
        if kind == "ssh":
            place = place_of(kind, request, monkeypatch)
            url = place.url.removesuffix(str(place.folder)) + url
        with open_remote("store", {"url": url}, tmp_path) as at:
            # What is sent beside the large one may find the disk full too, until that one is taken away.
            failed = push(here.store, at, hashes(artifacts)).failed
            assert isinstance(failed[artifacts[1].hash], errors.DataRemoteError)
            assert push(here.store, at, [artifacts[0].hash]).failed == {}
            assert at.has_many([artifacts[1].hash]) == {}
            assert not [path for path in small.rglob("*") if path.stat().st_size > 1 << 19]


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
def test_users_of_one_group_share_a_folder(here: Side, tmp_path: Path) -> None:
    """Whatever their umasks: all in the folder has its permissions."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    artifacts = here.add()
    before = os.umask(0o077)
    try:
        with open_remote("shared", {"url": str(shared)}, tmp_path) as at:
            assert push(here.store, at, hashes(artifacts)).failed == {}
    finally:
        os.umask(before)
    modes = {True: set[int](), False: set[int]()}
    for path in shared.rglob("*"):
        modes[path.is_dir()].add(path.stat().st_mode & 0o7777)
    assert modes == {True: {0o2770}, False: {0o440}}


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits")
def test_a_folder_that_may_not_be_written_is_said_to_be_so(here: Side, tmp_path: Path) -> None:
    artifacts = here.add()
    (tmp_path / "remote").write_text("a file, where root may not make a folder either")
    with open_remote("store", {"url": "remote"}, tmp_path) as at:
        failed = push(here.store, at, hashes(artifacts)).failed
    assert all(isinstance(error, errors.DataRemoteError) for error in failed.values())


def test_a_server_that_is_not_there_is_one_error(here: Side, tmp_path: Path) -> None:
    artifacts = here.add()
    for url in ("http://127.0.0.1:{}/x", "ssh://127.0.0.1:{}/x"):
        with (
            open_remote("store", {"url": url.format(servers.free_port())}, tmp_path) as at,
            pytest.raises(errors.RemoteUnreachable) as unreachable,
        ):
            push(here.store, at, hashes(artifacts))
        with at, pytest.raises(errors.RemoteUnreachable):
            pull(here.store, at, {"ab" * 32: 1})
        assert "Try again" in (unreachable.value.hint or "")


def test_what_is_here_is_not_asked_for(here: Side, tmp_path: Path) -> None:
    artifacts = here.add()
    with open_remote("store", {"url": f"http://127.0.0.1:{servers.free_port()}/x"}, tmp_path) as at:
        assert pull(here.store, at, sizes(artifacts)).hashes == ()


def test_two_at_once_to_one_remote(here: Side, clone: Side, remote: FolderRemote, tmp_path: Path) -> None:
    artifacts = here.add()
    with open_remote("other", {"url": "remote"}, tmp_path) as other:
        both = [
            threading.Thread(target=push, args=(here.store, at, hashes(artifacts))) for at in (remote, other)
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert pull(clone.store, remote, sizes(artifacts)).failed == {}
    assert_whole(clone, artifacts)
