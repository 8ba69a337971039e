"""The code of a run that is in no file of the workspace: the cells of a notebook, until the end of the run.

While the run goes on the code stands below `logged/code/` in the folder of the live run, by its path from
the root.
"""

from __future__ import annotations

from pathlib import Path

from gitexp.nofollow import is_plain
from gitexp.objects.paths import fault, lies_in
from gitexp.project.project import Project
from gitexp.repo.git.trees import changed
from gitexp.repo.live import RunState
from gitexp.runs.logged_values import run_blobs

_FOLDER = "code"
_OWN = ".gitexp"  # no code is there


def folder_of(state: RunState) -> Path:
    """The folder for such code."""
    return state.logged / _FOLDER


def in_tree(project: Project, state: RunState, tree: str) -> str:
    """The tree of an experiment with the code typed until its end. Raises OSError."""
    top = folder_of(state)
    if not top.is_dir() or top.is_symlink():
        return tree
    names = []
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top).as_posix()
        if is_plain(path.lstat()) and fault(name) is None and not lies_in(name, _OWN):
            names.append(name)
    blobs = run_blobs.store(project, top, names)
    return changed(project.repo, tree, {name: ("100644", blob) for name, blob in blobs.items()})
