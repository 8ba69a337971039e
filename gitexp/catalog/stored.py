"""The files of the workspace whose content is stored in Git, in HEAD or in an experiment."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping

from gitexp.catalog import lookup
from gitexp.project.project import Project


def blob_ids(project: Project, paths: Iterable[str]) -> dict[str, str]:
    """The ids of the blobs that files of the workspace would be, as they are; no names with line feeds."""
    asked = [path for path in paths if "\n" not in path]
    if not asked:
        return {}
    names = b"".join(os.fsencode(project.repo.root / path) + b"\n" for path in asked)
    ids = project.repo.run("hash-object", "--no-filters", "--stdin-paths", stdin=names)
    return dict(zip(asked, ids.decode().split(), strict=True))


def stored_versions(project: Project, here: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """The paths of the files that are as in HEAD, and of those that are as in any experiment.

    `here` has the blob id of each file by path.
    """
    in_head: set[str] = set()
    in_experiments: set[str] = set()
    if not here:
        return in_head, in_experiments
    asked = list(itertools.product(["HEAD", *lookup.commits(project)], here))
    ids = project.repo.ids_of([f"{commit}:{path}" for commit, path in asked])
    for (commit, path), oid in zip(asked, ids, strict=True):
        if oid == here[path]:
            found = in_head if commit == "HEAD" else in_experiments
            found.add(path)
    return in_head, in_experiments
