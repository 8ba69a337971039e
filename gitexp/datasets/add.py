"""Data that no stage makes, put under version control: stored, listed, and ignored by Git."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.datasets import lock_file, secrets
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit, parse
from gitexp.model import Artifact
from gitexp.objects.paths import fault, lies_in, overlap
from gitexp.objects.progress import OnProgress
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.pipeline.paths import inside
from gitexp.process.interrupts import held_back
from gitexp.project import whole_file
from gitexp.project.config import CONFIG_FILE
from gitexp.project.ignore import ignore
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.words import shorten

_HEAD = b"# How gitexp runs this project; every key is optional.\n"
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Added:
    """What is versioned now. `changed` are those whose content the lock did not have, `files` what was
    written for that: all relative to the root. `warnings` tell of secrets among it."""

    artifacts: Sequence[Artifact]
    changed: Sequence[str]
    files: Sequence[str]
    warnings: Sequence[str] = ()


def add(project: Project, names: Sequence[str], *, on_progress: OnProgress | None = None) -> Added:
    """Store files and folders, and list them in gitexp.yaml and gitexp.lock; Git is told to ignore them.

    `names` are relative to where the user stands. What is listed already is stored as it is now. All are
    looked at before anything is written. Raises UsageError, UnsafePath, TrackedOut or DataError for what
    cannot be data here; UnstorableData; DiskFull or StorageError; LockError.
    """
    project = project.at_home()
    paths = list(dict.fromkeys(_path(project, name) for name in names))
    _refuse(project, paths)
    before = lock_file.read(project.repo.root, project.config).data
    project.local.prepare()
    with StatCache(project.local.stat_cache) as cache:
        store = ObjectStore(project.local.objects)
        artifacts = [store.add(project.repo.root, path, cache, on_progress) for path in paths]
    failpoint("add:stored")
    with held_back():
        files = _write_down(project, artifacts)
    changed = [artifact.path for artifact in artifacts if before.get(artifact.path) != artifact]
    new = [artifact for artifact in artifacts if artifact.path in changed]
    return Added(artifacts, changed, files, secrets.warnings(project.repo.root, store, new))


# -- what may be added --------------------------------------------------------------------------------


def _path(project: Project, name: str) -> str:
    """Return a name relative to the root, links in it not followed; raises UsageError or UnsafePath."""
    root = project.repo.root.resolve()
    full = Path(os.path.normpath(project.here / name))
    if not name or not full.is_relative_to(root):
        raise errors.UsageError(f"'{name}' is not inside the repository.", "Copy or move it here first.")
    path = full.relative_to(root).as_posix()
    if path == ".":
        raise errors.UsageError("The whole repository cannot be data.", "Name the files or folders in it.")
    why = fault(path)
    if why is None and (_CONTROL.search(path) or _as_config_has_it(project, path) != path):
        why = "cannot be written into gitexp.yaml"
    if why is not None:
        raise errors.UnsafePath(f"The path {path!a} {why}.", "Call it something else.")
    if not os.path.lexists(full):
        raise errors.UsageError(f"There is no file or folder '{name}'.", "Is the name right?")
    return path


def _as_config_has_it(project: Project, path: str) -> str | None:
    return inside(project.config.folder, _shown(project, path))


def _shown(project: Project, path: str) -> str:
    """Return a path as the files of the project have it: relative to its folder."""
    return posixpath.relpath(path, project.config.folder or ".")


def _refuse(project: Project, paths: Sequence[str]) -> None:
    for path in paths:
        _refuse_overlaps(project, path, paths)
        for name in (CONFIG_FILE, LOCK_FILE):
            if lies_in(posixpath.join(project.config.folder, name), path):
                raise errors.DataError(
                    f"{path} cannot be data: {name} is in it.", "Name the files or folders in it."
                )
    _refuse_outs(project, paths)
    if tracked := list(indexes.files(project.repo, project.repo.index, paths)):
        tops = project.typed(*(path for path in paths if any(lies_in(each, path) for each in tracked)))
        raise errors.DataError(
            f"Git tracks {shorten(tracked)}: what is data is not in Git too.",
            f"Take it out of Git, and leave it on disk: git rm -r --cached -- {tops}",
            code="tracked-out",
        )


def _refuse_overlaps(project: Project, path: str, together: Sequence[str]) -> None:
    for other in together:
        if other != path and lies_in(path, other):
            raise errors.DataError(f"{path} lies in {other}.", f"Add {other} alone, or what is in it.")
    for other in project.config.data:
        if other != path and lies_in(path, other):
            raise errors.DataError(
                f"{path} lies in {other}, which is data already.",
                f"To store it as it is now: gitexp add {project.typed(other)}",
            )
        if other != path and lies_in(other, path):
            raise errors.DataError(
                f"{other}, in {path}, is data already.",
                f"Take it out of data: in {CONFIG_FILE} first, or add the other folders one by one.",
            )


def _refuse_outs(project: Project, paths: Sequence[str]) -> None:
    pipeline = project.pipeline()
    for stage in pipeline.stages if pipeline is not None else ():
        for out in stage.outs:
            if path := next((p for p in paths if lies_in(p, out.path) or lies_in(out.path, p)), None):
                raise errors.DataError(
                    f"{path} is made by the stage {stage.name} ({out.path} is an out of it).",
                    "gitexp run stores it; data is what no stage makes.",
                )
    for result in project.config.outs:
        if path := next((p for p in paths if overlap(p, result)), None):
            raise errors.DataError(
                f"{path} is a result of the command ({result} stands under outs:).",
                "gitexp run stores it; data is what no run makes.",
            )


# -- written down -------------------------------------------------------------------------------------


def _write_down(project: Project, artifacts: Sequence[Artifact]) -> list[str]:
    """Write .gitignore, gitexp.lock and gitexp.yaml; return those that were changed.

    In this order: whatever a kill leaves out, the same command again completes, and nothing that is
    listed is unknown.
    """
    root, config = project.repo.root, project.config
    changed = ignore(project, [artifact.path for artifact in artifacts])
    failpoint("add:ignored")
    before = lock_file.read(root, config)
    if lock_file.change(root, config, project.local, lambda lock: lock.with_data(artifacts)) != before:
        changed.append(lock_file.path_of(config))
    failpoint("add:locked")
    if _list_in_config(project, [each.path for each in artifacts if each.path not in config.data]):
        changed.append(posixpath.join(config.folder, CONFIG_FILE))
    return changed


def _list_in_config(project: Project, paths: Sequence[str]) -> bool:
    """Add paths to `data:` of gitexp.yaml, made if it is not there; all else in it stays."""
    if not paths:
        return False
    file = project.folder / CONFIG_FILE
    before = read_limited(file) if file.is_file() else None
    text = _HEAD if before is None else before
    listed = parse(CONFIG_FILE, text).get("data")
    new = [_shown(project, path) for path in paths]
    if isinstance(listed, list) and listed:
        for at, item in enumerate(new, len(listed)):
            text, _ = edit(CONFIG_FILE, text, ("data", at), item)
    else:
        known = [listed] if isinstance(listed, str) else []
        text, _ = edit(CONFIG_FILE, text, ("data",), [*known, *new])
    whole_file.write(file, text, project.local, original=before)
    return True
