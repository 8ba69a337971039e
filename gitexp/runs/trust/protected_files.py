"""Protected files at the start and at the end of a run; see `gitexp.project.protected`."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gitexp import errors, nofollow
from gitexp.datasets.workspace import WorkspaceData, workspace_data
from gitexp.model import Artifact, Record
from gitexp.objects.store import ObjectStore
from gitexp.project import protected
from gitexp.project.baseline_config import BaselineConfig
from gitexp.project.project import Project
from gitexp.project.protected import ProtectedPaths
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.objects import new_objects
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import TreeEntry
from gitexp.words import shorten

_LFS = b"version https://git-lfs.github.com/spec/"
_EXECUTABLE = "100755"


def at_start(record: Record, project: Project, tree: str, config: BaselineConfig) -> Record:
    """The record of a coming run, with what its code has made of the protected files of a commit."""
    repo, folder = project.repo, project.config.folder
    listed = protected.of_config(repo, config)
    warnings = [*record.warnings]
    new = [path for path in project.config.protected if path not in listed.paths]
    if config.fault:
        warnings.append(f"nothing is protected by a file that cannot be read: {config.fault}")
    elif new:
        warnings.append(f"protected only from the next commit of gitexp.yaml on: {shorten(new)}")
    if listed.paths:
        found = protected.protection(repo, project.local.objects, folder, config.at, tree)
        assert found is not None
        record = replace(record, protected=found.as_json())
        if unknown := protected.unknown(repo, listed):
            warnings.append(
                f"protected, but neither in Git nor data at the baseline, so nobody can tell if it changes: "
                f"{shorten(unknown)}"
            )
    record = replace(record, warnings=tuple(warnings))
    return replace(record, warnings=protected.with_words(record))


def at_end(project: Project, record: Record, tree: str, workspace: Repository | None) -> Record:
    """The record of an ending run, with the changes in protected files by the run and its results.

    Args:
        tree: the tree of the experiment's commit.
        workspace: the worktree at the end of the run; None if removed.
    """
    try:
        return _compared_at_end(project, record, tree, workspace)
    except (errors.GitexpError, OSError) as error:  # the run is stored, whatever is wrong here
        why = error.message if isinstance(error, errors.GitexpError) else error.strerror or str(error)
        told = f"nobody can tell whether it has changed protected files while it ran: {why}"
        return replace(record, warnings=(*record.warnings, told))


def _compared_at_end(project: Project, record: Record, tree: str, workspace: Repository | None) -> Record:
    repo, folder = project.repo, record.project or ""
    at = str(record.protected["at"])
    more = set(record.touched)
    if workspace is not None:
        more |= changed_on_disk(project, workspace, protected.at_commit(repo, at, folder))
    found = protected.protection(repo, project.local.objects, folder, at, tree, more)
    if found is None:  # the list of a commit does not change
        return record
    record = replace(record, protected=found.as_json())
    return replace(record, warnings=protected.with_words(record))


def changed_on_disk(project: Project, workspace: Repository, listed: ProtectedPaths) -> set[str]:
    """The protected files that a worktree has otherwise than their commit."""
    found = set[str]()
    is_sparse = is_true(workspace.config.get("core.sparsecheckout", ""))
    for path, entry in protected.files_of(project.repo, listed).items():
        if entry.kind == "blob" and not _is_on_disk(workspace, path, entry, is_sparse=is_sparse):
            found.add(path)
    with workspace_data(project, workspace.root) as data:
        for artifact in protected.data_of(project.repo, listed):
            found.update(_changed_data(project, data, listed, artifact))
    return found


def _is_on_disk(workspace: Repository, path: str, entry: TreeEntry, *, is_sparse: bool) -> bool:
    """Whether a file on the disk has the bytes of its commit, or those that Git would write."""
    full = workspace.root / path
    try:
        there = full.lstat()
        if stat.S_ISLNK(there.st_mode):
            content = os.fsencode(full.readlink())
        else:
            content = nofollow.read(workspace.root, path, shared=True)
    except (FileNotFoundError, NotADirectoryError):
        return is_sparse
    except (OSError, nofollow.NotPlain):
        return False
    if (entry.mode == protected.LINK) != stat.S_ISLNK(there.st_mode):
        return False
    is_executable = bool(there.st_mode & stat.S_IXUSR)
    is_same = entry.mode == protected.LINK or is_executable == (entry.mode == _EXECUTABLE)
    if not is_same and workspace.has_modes():
        return False
    for each in (content, content.replace(b"\r\n", b"\n")):
        if new_objects.new_object("blob", each, workspace.object_format).id == entry.id:
            return True
    (blob,) = workspace.read_blobs([entry.id])
    return blob is not None and blob.startswith(_LFS)


def _changed_data(
    project: Project, data: WorkspaceData, listed: ProtectedPaths, artifact: Artifact
) -> list[str]:
    """The protected files in some data that the disk has otherwise; the data where that cannot be told."""
    try:
        now = data.scanned(artifact.path)
        if now is None or not data.differs(now.artifact, artifact):
            return []  # it need not be here
        store = ObjectStore(project.local.objects)
        contents: Mapping[str, Any] = {}
        if now.manifest is not None:
            contents = {file.path: file for file in now.manifest.files}
        return protected.changed_inside(listed, artifact.path, protected.contents(store, artifact), contents)
    except (errors.GitexpError, OSError):
        return [artifact.path]
