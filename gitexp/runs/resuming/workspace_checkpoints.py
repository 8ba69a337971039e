"""The checkpoints of an experiment, brought into the user's workspace for own code that goes on from it."""

from __future__ import annotations

import os
from pathlib import Path

from gitexp import errors
from gitexp.datasets import bring, wanted
from gitexp.datasets.workspace import workspace_data
from gitexp.model import Artifact
from gitexp.objects.paths import fault, lies_in_any
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.pipeline.lock import Lock
from gitexp.project.project import Project, read_inside
from gitexp.repo.git.checkout import files_of
from gitexp.runs.resuming.resume import Resumed, require_present
from gitexp.words import shorten

_LINK, _EXECUTABLE = "120000", "100755"


def place(project: Project, resumed: Resumed) -> None:
    """Bring the checkpoints that the workspace lacks.

    Raises UnsavedChanges for a file with another content, MissingData for one that is nowhere to be had, and
    the errors of `objects.place.place`. Nothing has changed then.
    """
    root = project.repo.root
    small = _in_git(project, resumed)
    large = _in_store(project, resumed)
    with workspace_data(project, root) as data:
        others = [one.path for one in large if os.path.lexists(root / one.path) and not data.holds(one)]
    for path, (_, content) in small.items():
        if os.path.lexists(root / path) and read_inside(root, path) != content:
            others.append(path)
    if others:
        raise errors.UnsavedChanges(
            f"The workspace has another checkpoint than {resumed.experiment}: {shorten(sorted(others))}.",
            f"Move it away; or beside the workspace: gitexp run --resume {resumed.experiment}",
            paths=sorted(others),
        )
    absent = [one for one in large if not os.path.lexists(root / one.path)]
    require_present(resumed, bring.absent(project, root, absent))
    bring.bring(project, root, absent, editable=[one.path for one in absent])
    for path, file in small.items():
        if not os.path.lexists(root / path):
            _put(project, root, path, *file)


def _in_git(project: Project, resumed: Resumed) -> dict[str, tuple[str, bytes]]:
    """The mode and content of each checkpoint in Git. Raises UnsafePath."""
    wanted_files = {}
    for path, (mode, oid) in files_of(project.repo, resumed.commit).items():
        if not lies_in_any(path, resumed.checkpoints) or mode == _LINK:
            continue
        if (why := fault(path)) is not None:
            raise errors.UnsafePath(f"The path {path!r} {why}.")
        wanted_files[path] = mode, oid
    contents = project.repo.read_blobs([oid for _, oid in wanted_files.values()], most=None)
    found = {}
    for (path, (mode, _)), content in zip(wanted_files.items(), contents, strict=True):
        found[path] = mode, content or b""
    return found


def _in_store(project: Project, resumed: Resumed) -> list[Artifact]:
    """The checkpoints that are too large for Git. Raises LockError."""
    lock = wanted.locks(project, [resumed.commit])[resumed.commit]
    if not isinstance(lock, Lock):
        raise lock
    return [one for path, one in lock.outs.items() if lies_in_any(path, resumed.checkpoints)]


def _put(project: Project, root: Path, path: str, mode: str, content: bytes) -> None:
    with project.local.scratch() as scratch:
        new = scratch / "checkpoint"
        new.write_bytes(content)
        if mode == _EXECUTABLE:
            new.chmod(0o755)
        WorkspaceFiles(root).put(str(new), path)
