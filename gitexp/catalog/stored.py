"""Whether what stands in a file of the workspace is stored in Git: in HEAD, or in an experiment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from gitexp.catalog import lookup
from gitexp.project.project import Project


def blob_ids(project: Project, paths: Iterable[str]) -> dict[str, str]:
    """Return for files of the workspace, as they are, the ids of their blobs; none whose name has lines."""
    asked = [path for path in paths if "\n" not in path]
    names = b"".join(os.fsencode(project.repo.root / path) + b"\n" for path in asked)
    ids = project.repo.run("hash-object", "--no-filters", "--stdin-paths", stdin=names) if asked else b""
    return dict(zip(asked, ids.decode().split(), strict=True))


def stored_versions(project: Project, here: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Return which of some files, by path with the ids of their blobs, are as in HEAD, and which are as in
    some experiment."""
    if not here:
        return set(), set()
    asked = [(commit, path) for commit in ("HEAD", *lookup.commits(project)) for path in here]
    ids = project.repo.ids_of([f"{commit}:{path}" for commit, path in asked])
    same = [pair for pair, oid in zip(asked, ids, strict=True) if oid == here[pair[1]]]
    return (
        {path for commit, path in same if commit == "HEAD"},
        {path for commit, path in same if commit != "HEAD"},
    )
