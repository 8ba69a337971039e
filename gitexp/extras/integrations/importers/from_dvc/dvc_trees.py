"""Files in commits of one repository: each tree and each file is read once, however many commits have it."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterator
from functools import lru_cache

from gitexp.named_tuple import NamedTuple
from gitexp.objects.md5 import md5s_of
from gitexp.repo.git import trees
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import TreeEntry

_FILES = ("100644", "100755")
_POINTER = b".dvc"
_REMEMBERED = 512  # files in memory: most experiments share theirs
_DEEPEST = 64  # folders


class BlobHashes(NamedTuple):
    """A file of Git's by its hashes.

    Attributes:
        hash: SHA-256 in hexadecimal.
        size: bytes.
        md5, legacy: MD5 in hexadecimal, as DVC 3 and as DVC 2 have it.
    """

    hash: str
    size: int
    md5: str
    legacy: str


class CommitTrees:
    """The trees and files of a repository's commits."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._entries: dict[str, dict[bytes, TreeEntry]] = {}
        self._pointers: dict[str, tuple[str, ...]] = {}
        self._hashes: dict[str, BlobHashes | None] = {}
        self._roots: dict[str, str] = {}
        self._content = lru_cache(maxsize=_REMEMBERED)(self._read)

    def root(self, commit: str) -> str:
        """The id of a commit's tree."""
        if commit not in self._roots:
            self._roots[commit] = self._repo.resolve(commit, "tree") or ""
        return self._roots[commit]

    def find(self, commit: str, path: str) -> TreeEntry | None:
        """The entry at a path; None without one."""
        tree = self.root(commit)
        folder, _, name = path.rpartition("/")
        for part in filter(None, folder.split("/")):
            below = self._below(tree).get(os.fsencode(part))
            if below is None or below.kind != "tree":
                return None
            tree = below.id
        return self._below(tree).get(os.fsencode(name))

    def read(self, commit: str, path: str) -> bytes | None:
        """The content of a file; None without a plain file, or for a very large one."""
        entry = self.find(commit, path)
        return None if entry is None else self.content(entry)

    def content(self, entry: TreeEntry) -> bytes | None:
        """The content of an entry; None unless it is a plain file, and not very large."""
        if entry.mode not in _FILES:
            return None
        return self._content(entry.id)

    def _read(self, blob: str) -> bytes | None:
        (content,) = self._repo.read_blobs([blob])
        return content

    def hashes(self, entry: TreeEntry) -> BlobHashes | None:
        """The hashes of a file; None for a very large one, and for links and submodules."""
        if entry.id not in self._hashes:
            content = self.content(entry)
            self._hashes[entry.id] = None
            if content is not None:
                md5, legacy = md5s_of(content)
                sha256 = hashlib.sha256(content).hexdigest()
                self._hashes[entry.id] = BlobHashes(sha256, len(content), md5, legacy)
        return self._hashes[entry.id]

    def files(self, entry: TreeEntry) -> Iterator[tuple[str, TreeEntry]]:
        """Yield each file of a folder, with its path in the folder."""
        for name, below in self._below(entry.id).items():
            path = os.fsdecode(name)
            if below.kind != "tree":
                yield path, below
                continue
            for inner, file in self.files(below):
                yield f"{path}/{inner}", file

    def pointers(self, commit: str) -> tuple[str, ...]:
        """The paths of the files that end in `.dvc`."""
        return self._pointers_below(self.root(commit), 0)

    def _pointers_below(self, tree: str, depth: int) -> tuple[str, ...]:
        if tree not in self._pointers:
            found = list[str]()
            for name, entry in self._below(tree).items():
                path = os.fsdecode(name)
                if entry.kind == "tree" and depth < _DEEPEST:
                    below = self._pointers_below(entry.id, depth + 1)
                    found += [posixpath.join(path, each) for each in below]
                elif entry.mode in _FILES and name.endswith(_POINTER) and name != _POINTER:
                    found.append(path)
            self._pointers[tree] = tuple(found)
        return self._pointers[tree]

    def _below(self, tree: str) -> dict[bytes, TreeEntry]:
        if tree not in self._entries:
            self._entries[tree] = {entry.name: entry for entry in trees.entries(self._repo, tree)}
        return self._entries[tree]
