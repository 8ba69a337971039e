"""The files of the workspace whose content is stored in Git, in HEAD or in an experiment."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitexp.catalog import lookup
from gitexp.project.project import Project
from gitexp.repo.git.git_text import in_quoted_lines
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.trees import ids_in_trees

_TOGETHER = 500  # commits whose trees are read by one Git process


def blob_ids(project: Project, paths: Iterable[str]) -> dict[str, str]:
    """The ids of the blobs that files of the workspace would be, as they are."""
    asked = list(paths)
    if not asked:
        return {}
    names = in_quoted_lines(project.repo.root / path for path in asked)
    ids = project.repo.run("hash-object", "--no-filters", "--stdin-paths", stdin=names)
    return dict(zip(asked, ids.decode().split(), strict=True))


def stored_versions(project: Project, here: Mapping[str, Collection[str]]) -> tuple[set[str], set[str]]:
    """The paths of the files that are as in HEAD, and of those that are as in any experiment.

    `here` has the ids of the blobs that each file may be, by path.
    """
    if not here:
        return set(), set()
    wanted = _SoughtFolder.of(here)
    in_head = _found(project.repo, ["HEAD"], wanted, len(here))
    return in_head, _found(project.repo, lookup.commits(project), wanted, len(here))


@dataclass(slots=True)
class _SoughtFolder:
    """The files looked for in one folder, and in the folders below it.

    Attributes:
        files: path and blob ids by name.
        folders: by name.
    """

    files: dict[bytes, tuple[str, Collection[str]]] = field(default_factory=dict)
    folders: dict[bytes, _SoughtFolder] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Mapping[str, Collection[str]]) -> _SoughtFolder:
        """The top folder, with all the files."""
        top = cls()
        for path, ids in wanted.items():
            *parents, name = os.fsencode(path).split(b"/")
            folder = top
            for parent in parents:
                folder = folder.folders.setdefault(parent, cls())
            folder.files[name] = (path, ids)
        return top


def _found(repo: Repository, commits: Sequence[str], top: _SoughtFolder, count: int) -> set[str]:
    """The paths, of so many, whose content is in one of the commits.

    The same folder in many commits is one tree, which is read once. To ask Git for each path in each commit
    would take minutes.
    """
    found: set[str] = set()
    seen: set[tuple[str, int]] = set()
    for at in range(0, len(commits), _TOGETHER):
        level = [(f"{commit}^{{tree}}", top) for commit in commits[at : at + _TOGETHER]]
        while level and len(found) < count:
            fresh = []
            for tree, folder in level:
                if (tree, id(folder)) not in seen:
                    seen.add((tree, id(folder)))
                    fresh.append((tree, folder))
            level = _next_level(repo, fresh, found)
    return found


def _next_level(
    repo: Repository, trees: Sequence[tuple[str, _SoughtFolder]], found: set[str]
) -> list[tuple[str, _SoughtFolder]]:
    """The trees in these trees that may have more of the files; those that are there go to `found`."""
    below = []
    for (_, folder), entries in zip(trees, ids_in_trees(repo, [tree for tree, _ in trees]), strict=True):
        for name in entries.keys() & folder.files.keys():
            path, ids = folder.files[name]
            if entries[name] in ids:
                found.add(path)
        for name in entries.keys() & folder.folders.keys():
            below.append((entries[name], folder.folders[name]))
    return below
