"""Trees of Git, read and changed folder by folder, with no Git process of their own.

An entry in the content of a tree is `<mode> <name>`, a NUL, the bytes of an id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

from gitexp import errors
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import TreeEntry

_TREE = "040000"
_KINDS = {_TREE: "tree", "160000": "commit"}  # types of entries by their mode; others are blobs

Change = tuple[str, str] | None  # mode and blob of a file; None: no such file


@lru_cache
def _entry(id_size: int) -> re.Pattern[bytes]:
    return re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % id_size, re.DOTALL)


def _raw_entries(repo: Repository, content: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Mode, name and id of each entry in the content of a tree, as the tree has them."""
    return _entry(len(repo.zero) // 2).findall(content)


def entries(repo: Repository, tree: str) -> list[TreeEntry]:
    """The entries of a tree, or of a commit's tree, without the entries of inner trees.

    Raises GitFailed for a missing tree.
    """
    return _entries_of(repo, [f"{tree}^{{tree}}"])[0]


def _entries_of(repo: Repository, trees: Sequence[str]) -> list[list[TreeEntry]]:
    """The entries of each tree; raises GitFailed for a missing tree."""
    found = []
    for name, tree in zip(trees, repo.read_objects(trees, most=None), strict=True):
        if tree is None or tree[0] != "tree":
            raise errors.GitFailed(f"Git has no tree {name}.", status=128, stderr="")
        parsed = []
        for octal, entry, oid in _raw_entries(repo, tree[1]):
            mode = octal.decode().zfill(len(_TREE))
            parsed.append(TreeEntry(mode, _KINDS.get(mode, "blob"), oid.hex(), entry))
        found.append(parsed)
    return found


def ids_in_trees(repo: Repository, trees: Sequence[str]) -> list[dict[bytes, str]]:
    """The ids of each tree's entries by name; no entries for a missing object, or for no tree."""
    found = []
    for kind, content in (one or ("", b"") for one in repo.read_objects(trees)):
        of_tree = {}
        if kind == "tree":
            of_tree = {name: oid.hex() for _, name, oid in _raw_entries(repo, content)}
        found.append(of_tree)
    return found


def files_in(repo: Repository, commit: str, below: Iterable[str]) -> list[str]:
    """The files of a commit, or of a tree, at or below some paths, sorted; no submodules.

    Raises GitFailed if a tree is missing.
    """
    files, folders = _tops(repo, commit, below)
    while folders:
        inside: dict[str, str] = {}
        for folder, found in zip(folders, _entries_of(repo, [*folders.values()]), strict=True):
            for entry in found:
                path = f"{folder}/{os.fsdecode(entry.name)}".removeprefix("/")
                if entry.kind == "tree":
                    inside[path] = entry.id
                elif entry.kind == "blob":
                    files.add(path)
        folders = inside
    return sorted(files)


def _tops(repo: Repository, commit: str, below: Iterable[str]) -> tuple[set[str], dict[str, str]]:
    """The files among some paths of a commit, and the id of each folder by path; "" is the root."""
    names = dict[str, str]()
    for path in below:
        top = str(PurePosixPath(path))
        if top == ".":
            names[""] = f"{commit}^{{tree}}"
        else:
            names[top] = f"{commit}:{top}"
    files, folders = set[str](), dict[str, str]()
    for top, one in zip(names, repo.find_objects([*names.values()]), strict=True):
        if one is not None and one.kind == "tree":
            folders[top] = one.id
        elif one is not None and one.kind == "blob":
            files.add(top)
    return files, folders


def leaves(repo: Repository, revision: str, wanted: Callable[[str, bool], bool]) -> dict[str, TreeEntry]:
    """The files, links and submodules of a commit or tree, by path, sorted.

    `wanted` decides by the path, and by whether the path is a folder. Other folders are not read.
    Raises GitFailed if a tree is missing.
    """
    found = dict[str, TreeEntry]()
    folders = {"": revision}
    while folders:
        names = [f"{tree}^{{tree}}" for tree in folders.values()]
        inside = dict[str, str]()
        for folder, below in zip(folders, _entries_of(repo, names), strict=True):
            for entry in below:
                path = f"{folder}/{os.fsdecode(entry.name)}".removeprefix("/")
                is_folder = entry.kind == "tree"
                if not wanted(path, is_folder):
                    continue
                if is_folder:
                    inside[path] = entry.id
                else:
                    found[path] = entry
        folders = inside
    return dict(sorted(found.items()))


def differing(repo: Repository, one: str, other: str) -> list[str]:
    """The files, links and submodules that differ between two commits or trees, with their modes; sorted.

    A path of one side alone is there too. Equal folders are not read. Raises GitFailed if
    a tree is missing.
    """
    found = set[str]()
    pairs: dict[str, tuple[str | None, str | None]] = {"": (one, other)}
    while pairs:
        sides = [_by_path(repo, {path: pair[side] for path, pair in pairs.items()}) for side in (0, 1)]
        pairs = {}
        for path in {**sides[0], **sides[1]}:
            here = [side.get(path) for side in sides]
            if _content(here[0]) == _content(here[1]):
                continue
            below: list[str | None] = [None, None]
            for at, entry in enumerate(here):
                if entry is not None and entry.kind == "tree":
                    below[at] = entry.id
                elif entry is not None:
                    found.add(path)
            if any(below):
                pairs[path] = (below[0], below[1])
    return sorted(found)


def _content(entry: TreeEntry | None) -> tuple[str, str] | None:
    if entry is None:
        return None
    return entry.mode, entry.id


def _by_path(repo: Repository, folders: Mapping[str, str | None]) -> dict[str, TreeEntry]:
    """The entries of some folders by path, from the path and the tree of each; None for no folder."""
    there = {path: tree for path, tree in folders.items() if tree is not None}
    names = [f"{tree}^{{tree}}" for tree in there.values()]
    found = {}
    for folder, below in zip(there, _entries_of(repo, names), strict=True):
        for entry in below:
            found[f"{folder}/{os.fsdecode(entry.name)}".removeprefix("/")] = entry
    return found


def changed(repo: Repository, tree: str | None, changes: Mapping[str, Change]) -> str:
    """The tree `tree`, None for an empty one, with these files, by path, stored.

    Obstacles of a new file go: a file in the place of its folder, a folder in its own place. A folder
    without files goes too. Paths may not be absolute, nor have `.` or `..`. Raises GitFailed if a tree is
    missing.
    """
    with repo.writing_together():
        by_parts = {tuple(os.fsencode(path).split(b"/")): change for path, change in changes.items()}
        return _changed(repo, tree, by_parts) or repo.write_tree(())


def _changed(repo: Repository, tree: str | None, changes: Mapping[tuple[bytes, ...], Change]) -> str | None:
    """The changed tree; None if it has no files. `tree` None: a new one."""
    before = [] if tree is None else entries(repo, tree)
    found = {entry.name: entry for entry in before}
    inside: dict[bytes, dict[tuple[bytes, ...], Change]] = {}
    for (name, *rest), change in changes.items():
        if rest:
            inside.setdefault(name, {})[tuple(rest)] = change
        else:
            _change_file(found, name, change)
    for name, below in inside.items():
        _change_folder(repo, found, name, below)
    if not found:
        return None
    if tree is not None and list(found.values()) == before:
        return tree
    return repo.write_tree(found.values())


def _change_file(found: dict[bytes, TreeEntry], name: bytes, change: Change) -> None:
    """Put a file among the entries of a tree, or remove it from there; a folder of the name stays."""
    if change is not None:
        found[name] = TreeEntry(change[0], "blob", change[1], name)
    elif name in found and found[name].kind != "tree":
        del found[name]


def _change_folder(
    repo: Repository,
    found: dict[bytes, TreeEntry],
    name: bytes,
    below: Mapping[tuple[bytes, ...], Change],
) -> None:
    """Change a folder among the entries of a tree; one without files goes."""
    there = found.get(name)
    before = None
    if there is not None and there.kind == "tree":
        before = there.id
    if before is None and not any(below.values()):
        return  # nothing to remove
    after = _changed(repo, before, below)
    if after is not None:
        found[name] = TreeEntry(_TREE, "tree", after, name)
    else:
        found.pop(name, None)
