"""Two thousand mutations of stored objects: each is noticed, and none is served."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.place import place
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.upkeep import fsck
from tests.support.stored import overwrite

MUTATIONS = 2000
OBJECTS = 50  # at a time


def _mutate(draw: random.Random, file: Path) -> str:
    """Damages an object in one of many ways, its time stamps kept, and returns which."""
    content, of = file.read_bytes(), file.stat()
    kind = draw.choice(("flip", "flip", "truncate", "extend", "swap", "zero", "remove"))
    if kind == "remove":
        file.unlink()
        return kind
    at = draw.randrange(len(content))
    changed = {
        "flip": content[:at] + bytes((content[at] ^ 1 << draw.randrange(8),)) + content[at + 1 :],
        "truncate": content[:at],
        "extend": content + draw.randbytes(draw.randint(1, 9)),
        "swap": content[at:] + content[:at] if at and content[at:] + content[:at] != content else content[1:],
        "zero": bytes(len(content)),
    }[kind]
    overwrite(file, changed)
    os.utime(file, ns=(of.st_atime_ns, of.st_mtime_ns))
    return kind


def _stored(folder: Path, cache: StatCache) -> Iterator[tuple[Artifact, bytes]]:
    """Files of some sizes in the store of `folder`, with what is in them."""
    draw = random.Random(1)
    for number in range(OBJECTS):
        content = draw.randbytes(draw.choice((1, 20, 300, 5000)))
        path = f"file-{number}"
        (folder / path).write_bytes(content)
        artifact = ObjectStore(folder / "store").add(folder, path, cache)
        (folder / path).unlink()
        yield artifact, content


def test_of_two_thousand_mutations_each_is_noticed_and_none_is_served(tmp_path: Path) -> None:
    draw = random.Random(2)
    folder, store = tmp_path, ObjectStore(tmp_path / "store")
    with StatCache(folder / "stat.sqlite") as cache:
        stored = list(_stored(folder, cache))
        for _ in range(MUTATIONS // OBJECTS):
            removed = set()
            for artifact, _ in stored:
                if _mutate(draw, store.path(artifact.hash)) == "remove":
                    removed.add(artifact.hash)
            there = {hash_: size for hash_, size, _ in store.hashes()}
            assert fsck.damaged_in(store, there) == {a.hash for a, _ in stored} - removed
            for artifact, content in stored:
                with pytest.raises((errors.DamagedObject, errors.MissingData)):
                    place(store, folder, artifact, ("reflink", "copy"), cache)
                assert not (folder / artifact.path).exists()
                overwrite_whole(store.path(artifact.hash), content)
    assert {path.name for path in folder.iterdir()} <= {"store", "stat.sqlite"}


def overwrite_whole(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    file.chmod(0o444)
