"""Files and folders as artifacts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gitexp.extras.tracking.artifact_names import check_name
from gitexp.extras.tracking.run_log import RunLog
from gitexp.folders import walk_folder


def log_artifact(log: RunLog, path: str | os.PathLike[str], name: str | None = None) -> None:
    """Log a file or a folder, see `Run.log_artifact`."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"log_artifact takes the path of a file or a folder, and not a {type(path).__name__}")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the name of an artifact is a text, and not {name!r}")
    source = Path(path)
    target = source.resolve().name if name is None else name.rstrip("/")
    if source.is_dir():
        _copy_folder(log, source, target)
    else:
        log.copy_file(source, target)


def _copy_folder(log: RunLog, top: Path, name: str) -> None:
    """Copy the files of a folder. Of links those are followed that lead to a file of the same folder.

    All names are known, and can be, before the first file is copied: an error leaves no half of a folder
    behind, and what is copied is not met again.
    """
    real = top.resolve()
    if log.folder.resolve().is_relative_to(real):
        raise ValueError(
            f"the folder {top} has gitexp's own files in it; log the files and folders in it that are wanted"
        )
    found: list[tuple[Path, str]] = []
    for folder in walk_folder(real, lambda error: log.warn(f"not logged: {error}")):
        for file in sorted(folder.files):
            source = Path(folder.path, file)
            target = f"{name}/{source.relative_to(real).as_posix()}"
            if not source.is_file() or not source.resolve().is_relative_to(real):
                log.warn(f"not logged, no plain file, or a link that leads out of its folder: {target}")
            else:
                check_name(target)
                found.append((source, target))
    for source, target in found:
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            log.copy_file(source, target)
