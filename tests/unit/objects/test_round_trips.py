"""Whatever happens to a folder: what was stored comes back, and what was not stored is never lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.place import place
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore

Files: TypeAlias = dict[str, tuple[bytes, bool]]  # content, and whether it is executable

parts = st.sampled_from(["a", "b", "c", "ü", "x y", "%41", "line\nbreak"])
names = st.lists(parts, min_size=1, max_size=3).map("/".join)
contents = st.sampled_from([b"", b"1", b"2", b"one\n", b"two\n"])
trees = st.dictionaries(names, st.tuples(contents, st.booleans()), max_size=6).filter(
    lambda files: paths.clash(files) is None
)
steps = st.lists(
    st.tuples(st.sampled_from(["store", "edit", "place", "force"]), trees, st.integers(0, 9)), max_size=8
)


def write(folder: Path, files: Files) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, (data, executable) in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if executable else 0o644)


def read(folder: Path) -> Files:
    return {
        file.relative_to(folder).as_posix(): (file.read_bytes(), os.access(file, os.X_OK))
        for file in folder.rglob("*")
        if file.is_file()
    }


@settings(max_examples=30)
@given(steps, st.sampled_from([("copy",), ("hardlink",)]))
def test_any_history(steps: list[tuple[str, Files, int]], links: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        root, folder, store = top / "w", top / "w" / "d", ObjectStore(top / "objects")
        folder.mkdir(parents=True)
        stored: list[tuple[Artifact, Files]] = []
        for action, files, which in steps:
            with StatCache(top / "stat.sqlite") as cache:
                if action == "edit" or not stored:
                    write(folder, files)
                if action == "store" or not stored:
                    stored.append((store.add(root, "d", cache), read(folder)))
                if action in ("place", "force"):
                    artifact, wanted = stored[which % len(stored)]
                    before = read(folder)
                    try:
                        placed = place(store, root, artifact, links, cache, force=action == "force")
                    except errors.UnsavedChanges:
                        assert action == "place"
                        assert read(folder) == before
                        continue
                    assert read(folder) == wanted
                    held = {store.path(hash_).read_bytes() for hash_, _, _ in store.hashes()}
                    gone = {
                        path for path, (data, _) in before.items() if wanted.get(path, (None,))[0] != data
                    }
                    assert held.issuperset(before[path][0] for path in gone)
                    assert (placed.kept is None) or action == "force"
                    found = scan(root, "d", cache)
                    assert found is not None
                    assert found.artifact == artifact
        assert all(store.verify(hash_) for hash_, _, _ in store.hashes())
