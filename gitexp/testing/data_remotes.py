"""The tests that every data remote must pass."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.objects.remotes.remote import DataRemote

_LARGE = (3 << 20) + 7  # bytes; more than is sent or read at once


class DataRemoteContract:
    """The contract of every `DataRemote`. Fixture: `remote`, an empty one."""

    @pytest.fixture
    def remote(self) -> Any:
        raise NotImplementedError("a fixture `remote` with an empty data remote")

    def can_stop(self, remote: DataRemote) -> bool:
        """Whether an upload can be stopped half way; some protocols have one request for all of it."""
        return True

    def test_what_is_put_can_be_asked_for_listed_got_and_removed(
        self, remote: DataRemote, tmp_path: Path
    ) -> None:
        counted: list[int] = []
        objects = dict([_made(tmp_path, content) for content in (b"", b"small", os.urandom(_LARGE))])
        assert remote.has_many(objects) == {}
        assert list(remote.list()) == []
        began = time.time()
        for hash_, path in objects.items():
            remote.put(hash_, path, counted.append)
        remote.flush()
        sizes = {hash_: path.stat().st_size for hash_, path in objects.items()}
        assert sum(counted) == sum(sizes.values())
        assert remote.has_many([*objects, "ab" + "0" * 62]) == sizes
        listed = {}
        for each in remote.list():
            listed[each.hash] = each.size
            assert abs(each.mtime - began) < 3600
        assert listed == sizes
        for hash_, path in objects.items():
            got = tmp_path / f"got-{hash_}"
            remote.get(hash_, got, _ignore)
            assert got.read_bytes() == path.read_bytes()
            remote.remove(hash_)
            remote.remove(hash_)
        assert remote.has_many(objects) == {}
        with pytest.raises(errors.NotOnRemote):
            remote.get(next(iter(objects)), tmp_path / "nothing", _ignore)

    def test_many_are_asked_for_by_listing_and_few_one_by_one(
        self, remote: DataRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects = dict([_made(tmp_path, str(number).encode()) for number in range(5)])
        folders = {f"{number % 3:02x}{number:062x}.dir": path for number, path in enumerate(objects.values())}
        for hash_, path in {**objects, **folders}.items():
            remote.put(hash_, path, _ignore)
        remote.flush()
        sizes = dict.fromkeys((*objects, *folders), 1)
        absent = [f"{number % 4:02x}{secrets.token_hex(31)}" for number in range(40)]
        asked = _recorded(monkeypatch, remote, "_look_at")
        assert remote.has_many([*sizes, *absent]) == sizes
        assert asked == []
        assert remote.has_many(list(folders)) == dict.fromkeys(folders, 1)
        assert sorted(asked) == sorted(folders)

    def test_a_large_remote_is_not_listed_for_a_few_objects(
        self, remote: DataRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gitexp.objects.remotes.remote._A_PAGE", 1)
        first = "00" + "1" * 62
        _, path = _made(tmp_path, b"x")
        for number in range(3):
            remote.put(f"00{number + 1:062x}", path, _ignore)
        remote.put(first, path, _ignore)
        remote.flush()
        absent = [f"{number:02x}{secrets.token_hex(31)}" for number in range(40)]
        listed = _recorded(monkeypatch, remote, "_entries")
        assert remote.has_many([first, *absent]) == {first: 1}
        assert listed == ["00"]

    def test_an_upload_that_fails_leaves_no_object(self, remote: DataRemote, tmp_path: Path) -> None:
        if not self.can_stop(remote):
            pytest.skip("one request: it cannot be stopped half way")
        hash_, path = _made(tmp_path, os.urandom(3 << 20))
        with pytest.raises(errors.Interrupted):
            remote.put(hash_, path, _stop)
        remote.flush()
        assert remote.has_many([hash_]) == {}
        assert list(remote.list()) == []

    def test_a_download_can_be_ended_while_it_goes_on(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, os.urandom(3 << 20))
        remote.put(hash_, path, _ignore)
        remote.flush()
        with pytest.raises(errors.Interrupted):
            remote.get(hash_, tmp_path / "got", _stop)
        assert remote.has_many([hash_]) == {hash_: 3 << 20}

    def test_what_is_there_is_replaced(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, b"right")
        _, wrong = _made(tmp_path, b"half")
        for source in (wrong, path):
            remote.put(hash_, source, _ignore)
            remote.flush()
        assert remote.has_many([hash_]) == {hash_: 5}

    def test_what_is_damaged_is_not_passed_on(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, b"right")
        path.write_bytes(b"wrong")
        with pytest.raises(errors.DamagedObject):
            remote.send(hash_, path, _ignore)
        assert remote.has_many([hash_]) == {}
        remote.put(hash_, path, _ignore)
        remote.flush()
        with pytest.raises(errors.DamagedObject):
            remote.receive(hash_, tmp_path / "got", _ignore)


def _made(folder: Path, content: bytes) -> tuple[str, Path]:
    """The name that some content has as an object, and a file of it."""
    hash_ = hashlib.sha256(content).hexdigest()
    path = folder / f"made-{hash_}"
    path.write_bytes(content)
    return hash_, path


def _ignore(count: int) -> None:
    pass


def _stop(count: int) -> None:
    raise errors.Interrupted("enough")


def _recorded(monkeypatch: pytest.MonkeyPatch, remote: DataRemote, method: str) -> list[str]:
    """What a method of a remote is asked for from now on."""
    asked: list[str] = []
    original = getattr(remote, method)

    def record(name: str) -> Any:
        asked.append(name)
        return original(name)

    monkeypatch.setattr(remote, method, record)
    return asked
