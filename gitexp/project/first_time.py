"""What a person is told once in each clone: which untracked files an experiment has."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gitexp import errors
from gitexp.objects.paths import lies_in_any
from gitexp.project.project import Project
from gitexp.repo.git.checkout import tree_changes

_FOLDER = "said"


def new_files(project: Project, occasion: str, before: str, after: str) -> Sequence[str]:
    """The files of a tree or commit missing in another, without results; none after the first time.

    `occasion`: "run" or "push"; each has a first time.
    """
    with contextlib.suppress(OSError, errors.GitexpError):
        if _is_said(project, occasion):
            return ()
        if project.repo.resolve(before, "tree") == project.repo.resolve(after, "tree"):
            return ()
        added = []
        for change in tree_changes(project.repo, before, after):
            if change.old is None and not lies_in_any(change.path, project.config.results):
                added.append(change.path)
        if added and not project.dry_run:
            _say(project, occasion)
        return added
    return ()


def _is_said(project: Project, occasion: str) -> bool:
    return (project.local.root / _FOLDER / f"untracked-{occasion}").exists()


def _say(project: Project, occasion: str) -> None:
    with project.local.opened(project.local.root / _FOLDER, make=True) as folder:
        folder.create(f"untracked-{occasion}")
