"""Data that no stage makes, put under version control: stored, listed in gitexp.yaml, ignored by Git."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.datasets import lock_file, secrets
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit, parse
from gitexp.model import Artifact, paths_of
from gitexp.objects.paths import fault, is_any_in, lies_in, overlap
from gitexp.objects.progress import OnProgress
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.pipeline.paths import inside
from gitexp.process.interrupts import held_back
from gitexp.project import whole_file
from gitexp.project.change import editing
from gitexp.project.config import CONFIG_FILE
from gitexp.project.ignore import IGNORE_FILE, ignore
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.git import indexes
from gitexp.words import shorten

_HEAD = b"# How gitexp runs this project; every key is optional.\n"
_CONTROL = regex("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Added:
    """Added data. Paths are relative to the root.

    Attributes:
        artifacts: all added data.
        changed: paths of data with new content in the lock.
        files: changed files: .gitignore, gitexp.lock, gitexp.yaml.
        warnings: sentences about files that look like secrets.
    """

    artifacts: Sequence[Artifact]
    changed: Sequence[str]
    files: Sequence[str]
    warnings: Sequence[str] = ()


def add(project: Project, names: Sequence[str], *, on_progress: OnProgress | None = None) -> Added:
    """Store files and folders, list them in gitexp.yaml and gitexp.lock, and have Git ignore them.

    `names` are relative to the user's folder. Listed data is stored anew. All names are checked before
    anything is written. Raises UsageError, UnsafePath, TrackedOut or DataError for names unfit for data;
    UnstorableData; DiskFull or StorageError; LockError.
    """
    project = project.at_home()
    paths = list(dict.fromkeys(_path(project, name) for name in names))
    _refuse(project, paths)
    before = lock_file.read(project.repo.root, project.config).data
    project.local.prepare()
    if project.dry_run:
        return _planned(project, paths, before)
    with StatCache(project.local.stat_cache) as cache:
        store = ObjectStore(project.local.objects)
        artifacts = [store.add(project.repo.root, path, cache, on_progress) for path in paths]
    failpoint("add:stored")
    # One at a time: a file that is compared and then replaced could lose what another one has just listed.
    with project.local.lock("add"), held_back():
        written = [IGNORE_FILE, posixpath.join(project.config.folder, IGNORE_FILE)]
        written += [lock_file.path_of(project.config), project.config_file]
        with editing(project.repo, project.local, f"add {shorten(paths)}", written):
            files = write_down(project, artifacts)
    changed = [artifact for artifact in artifacts if before.get(artifact.path) != artifact]
    warnings = secrets.warnings(project.repo.root, store, changed)
    return Added(artifacts, paths_of(changed), files, warnings)


def _planned(project: Project, paths: Sequence[str], before: Mapping[str, Artifact]) -> Added:
    """The outcome of a dry run: the content is read, and not stored."""
    artifacts = []
    with StatCache(project.local.stat_cache) as cache:
        for path in paths:
            found = scan(project.repo.root, path, cache)
            if found is not None:
                artifacts.append(found.artifact)
    changed = [artifact for artifact in artifacts if before.get(artifact.path) != artifact]
    return Added(artifacts, paths_of(changed), ())


# -- what may be added --------------------------------------------------------------------------------


def _path(project: Project, name: str) -> str:
    """A name as a path relative to the root. Links are not followed. Raises UsageError or UnsafePath."""
    root = project.repo.root.resolve()
    full = Path(os.path.normpath(project.here / name))
    if not name or not full.is_relative_to(root):
        raise errors.UsageError(f"'{name}' is not inside the repository.", "Copy or move it here first.")
    path = full.relative_to(root).as_posix()
    if path == ".":
        raise errors.UsageError("The whole repository cannot be data.", "Name the files or folders in it.")
    why = fault(path)
    # The config reads a path in its own way: the path must come back as it is.
    read_back = inside(project.config.folder, _shown(project, path))
    if why is None and (_CONTROL.search(path) or read_back != path):
        why = "cannot be written into gitexp.yaml"
    if why is not None:
        raise errors.UnsafePath(f"The path {path!a} {why}.", "Call it something else.")
    if not os.path.lexists(full):
        raise errors.UsageError(f"There is no file or folder '{name}'.", "Is the name right?")
    return path


def _shown(project: Project, path: str) -> str:
    """A path relative to the project's folder, as in the files of the project."""
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
        tops = [path for path in paths if is_any_in(tracked, path)]
        raise errors.DataError(
            f"Git tracks {shorten(tracked)}: what is data is not in Git too.",
            f"Take it out of Git, and leave it on disk: git rm -r --cached -- {project.typed(*tops)}",
            code="tracked-out",
        )


def _refuse_overlaps(project: Project, path: str, together: Sequence[str]) -> None:
    for other in together:
        if other != path and lies_in(path, other):
            raise errors.DataError(f"{path} lies in {other}.", f"Add {other} alone, or what is in it.")
    for other in project.config.data:
        if other == path:
            continue
        if lies_in(path, other):
            raise errors.DataError(
                f"{path} lies in {other}, which is data already.",
                f"To store it as it is now: gitexp add {project.typed(other)}",
            )
        if lies_in(other, path):
            raise errors.DataError(
                f"{other}, in {path}, is data already.",
                f"Take it out of data: in {CONFIG_FILE} first, or add the other folders one by one.",
            )


def _refuse_outs(project: Project, paths: Sequence[str]) -> None:
    pipeline = project.pipeline()
    for stage in pipeline.stages if pipeline is not None else ():
        for out in stage.outs:
            if (path := _overlapping(paths, out.path)) is not None:
                raise errors.DataError(
                    f"{path} is made by the stage {stage.name} ({out.path} is an out of it).",
                    "gitexp run stores it; data is what no stage makes.",
                )
    for result in project.config.outs:
        if (path := _overlapping(paths, result)) is not None:
            raise errors.DataError(
                f"{path} is a result of the command ({result} stands under outs:).",
                "gitexp run stores it; data is what no run makes.",
            )


def _overlapping(paths: Sequence[str], other: str) -> str | None:
    return next((path for path in paths if overlap(path, other)), None)


# -- written down -------------------------------------------------------------------------------------


def write_down(project: Project, artifacts: Sequence[Artifact]) -> list[str]:
    """Put artifacts under data, in .gitignore, gitexp.lock and gitexp.yaml; the paths of the changed files.

    The order matters: after a kill, the same command completes the rest, and all listed data is in the lock.
    """
    root, config = project.repo.root, project.config
    changed = ignore(project, paths_of(artifacts))
    failpoint("add:ignored")
    before = lock_file.read(root, config)
    if lock_file.change(root, config, project.local, lambda lock: lock.with_data(artifacts)) != before:
        changed.append(lock_file.path_of(config))
    failpoint("add:locked")
    if _list_in_config(project, [each.path for each in artifacts if each.path not in config.data]):
        changed.append(posixpath.join(config.folder, CONFIG_FILE))
    return changed


def _list_in_config(project: Project, paths: Sequence[str]) -> bool:
    """Add paths to `data:` of gitexp.yaml, and leave the rest alone. Whether the file was changed."""
    if not paths:
        return False
    file = project.folder / CONFIG_FILE
    before, text = None, _HEAD
    if file.is_file():
        before = text = read_limited(file)
    listed = parse(CONFIG_FILE, text).get("data")
    new = [_shown(project, path) for path in paths]
    if isinstance(listed, list) and listed:
        for at, item in enumerate(new, len(listed)):
            text, _ = edit(CONFIG_FILE, text, ("data", at), item)
    else:
        if isinstance(listed, str):
            new.insert(0, listed)
        text, _ = edit(CONFIG_FILE, text, ("data",), new)
    whole_file.write(project.repo.root, project.config_file, text, project.local, original=before)
    return True
