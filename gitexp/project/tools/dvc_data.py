"""Data under DVC in an isolated workspace: brought there from DVC's cache, and no copy of it left behind.

`dvc repro` refuses to begin without the data that `.dvc` files name, and Git does not have it.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import posixpath
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors, files
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_CONFIG, DVC_LOCAL_CONFIG, DVC_YAML
from gitexp.files.limits import read_if_there
from gitexp.folders import make_folder
from gitexp.named_tuple import NamedTuple
from gitexp.objects import disk
from gitexp.objects.paths import foreign_parent
from gitexp.objects.workspace_files import WorkspaceFiles, beside
from gitexp.pipeline.paths import inside
from gitexp.project.tools import dvc_cache, tool_files

_BY_GITEXP = "# Written by gitexp for one run: places that are relative in the user's own config.\n"


class _DvcOutput(NamedTuple):
    """An output known to DVC: its path, its MD5, and the folder of the naming file."""

    path: str
    md5: str
    folder: str


def bring(user: Path, root: Path) -> list[str]:
    """Bring the missing data of `.dvc` files to an isolated workspace; a warning for data found nowhere.

    The content comes from the cache of the workspace at `user`, or else from the file of the same name.
    """
    if not _has_dvc(user):
        return []
    _anchor(user, root)
    absent = list[str]()
    for out in _pointed(root, tool_files.find(root).pointers):
        if os.path.lexists(root / out.path):
            continue
        try:
            wanted = dvc_cache.files_of(user, out.folder, out.md5)
        except errors.MissingData:
            absent.append(out.path)
            continue
        for inner, md5 in wanted.items():
            path = posixpath.join(out.path, inner) if inner else out.path
            source = dvc_cache.locate(user, out.folder, md5) or _plain(user / path)
            if source is None or not _copy(source, root, path):
                absent.append(path)
    return [f"not there at the start, not in DVC's cache: {path}" for path in absent]


def drop(user: Path, root: Path) -> None:
    """Remove the files of an isolated workspace of which DVC's cache, or the user's workspace, has a copy."""
    if not _has_dvc(user):
        return
    _drop_anchors(user, root)
    found, workspace = tool_files.find(root), WorkspaceFiles(root)
    for out in (*_pointed(root, found.pointers), *_locked(root, found.dvc_locks)):
        with contextlib.suppress(errors.MissingData):
            for inner, md5 in dvc_cache.files_of(user, out.folder, out.md5).items():
                path = posixpath.join(out.path, inner) if inner else out.path
                source = dvc_cache.locate(user, out.folder, md5) or _plain(user / path)
                if source is not None and _is_copy(source, root, path):
                    with contextlib.suppress(OSError, errors.UnsafePath):
                        workspace.remove(path, top=out.path)


def _anchor(user: Path, root: Path) -> None:
    """Give an isolated workspace the absolute places of DVC's caches and remotes."""
    for config in _local_configs(user, root):
        name = config.relative_to(root)
        text = dvc_cache.anchored(user / name.parent.parent, config.parent / "config")
        if text is None or foreign_parent(os.path.realpath(root), name.as_posix()) is not None:
            continue
        with contextlib.suppress(OSError):
            if config.is_symlink():
                config.unlink()  # a link to the user's own
            with config.open("x") as file:
                file.write(_BY_GITEXP + text)


def _drop_anchors(user: Path, root: Path) -> None:
    for config in _local_configs(user, root):
        with contextlib.suppress(OSError, ValueError):
            if not config.is_symlink() and config.read_text().startswith(_BY_GITEXP):
                config.unlink()


def _local_configs(user: Path, root: Path) -> list[Path]:
    """The path of config.local of each DVC project in an isolated workspace."""
    folders = [name for name in ("", *_folders(user)) if (user / name / DVC_CONFIG).is_file()]
    return [root / name / DVC_LOCAL_CONFIG for name in folders]


def _has_dvc(user: Path) -> bool:
    return any((user / name / DVC_CONFIG).is_file() for name in ("", *_folders(user)))


def _folders(user: Path) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(user) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _pointed(root: Path, pointers: Sequence[str]) -> Iterator[_DvcOutput]:
    """The outputs that `.dvc` files name."""
    for name in pointers:
        with contextlib.suppress(OSError, errors.FileError):
            tree = files.parse(f"{name}.yaml", read_if_there(root / name) or b"")
            folder = posixpath.dirname(name)
            wdir = tree.get("wdir", ".")
            for out in _list(tree.get("outs")):
                if isinstance(out, dict) and isinstance(out.get("path"), str):
                    path = inside(folder, posixpath.join(str(wdir), out["path"]))
                    if path and isinstance(out.get("md5"), str) and dvc_yaml.is_md5(out["md5"]):
                        yield _DvcOutput(path, out["md5"], folder)


def _locked(root: Path, locks: Sequence[str]) -> Iterator[_DvcOutput]:
    """The outputs that files dvc.lock name."""
    for name in locks:
        folder = posixpath.dirname(name)
        pipeline_file, params = (posixpath.join(folder, each) for each in (DVC_YAML, DEFAULT_PARAMS))
        with contextlib.suppress(OSError, errors.FileError):
            variables = files.parse(params, read_if_there(root / params) or b"")
            text = read_if_there(root / pipeline_file) or b""
            pipeline = dvc_yaml.read_pipeline(pipeline_file, text, variables)
            for path, md5 in dvc_yaml.read_lock(read_if_there(root / name) or b"", pipeline).items():
                yield _DvcOutput(path, md5, folder)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(path: Path) -> Path | None:
    if path.is_file() and not path.is_symlink():
        return path
    return None


def _copy(source: Path, root: Path, path: str) -> bool:
    """Whether a file was copied to a path of the workspace; a clone that shares its bytes if the disk can."""
    if foreign_parent(os.path.realpath(root), path) is not None:
        return False
    target = root / path
    with contextlib.suppress(OSError):
        make_folder(target.parent)
        temporary = Path(beside(target))
        with source.open("rb") as old, temporary.open("xb") as new:
            if not disk.reflink(old.fileno(), new.fileno()):
                shutil.copyfileobj(old, new, 1 << 20)
        temporary.replace(target)
        return True
    return False


def _is_copy(source: Path, root: Path, path: str) -> bool:
    """Whether a file of the workspace has the content of `source`, or links to `source`."""
    with contextlib.suppress(OSError):
        return (root / path).is_file() and filecmp.cmp(source, root / path, shallow=False)
    return False
