"""The content of what a run has logged: read, and copied out of Git and of the object store."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.datasets.sync import fetch
from gitexp.folders import make_folder
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.words import shorten

_ANOTHER = "Say another one: --output artifacts"


def require_here(project: Project, artifacts: Sequence[RunArtifact]) -> None:
    """Fetch what the object store lacks from the data remote. Raises MissingData."""
    names = {each.stored.hash: each.name for each in artifacts if each.stored is not None}
    sizes = {}
    for each in artifacts:
        if each.stored is not None:
            sizes[each.stored.hash] = each.stored.size
    failed = fetch(project, sizes)
    for reason in failed.values():
        gone = [names[hash_] for hash_ in failed]
        message = f"{shorten(gone)} cannot be brought here: {reason.message}"
        raise errors.MissingData(message, reason.hint, paths=gone)


def read(project: Project, artifact: RunArtifact) -> bytes:
    """The content of an artifact that is here. Raises MissingData and GitFailed."""
    if artifact.stored is None:
        (content,) = project.repo.read_blobs([artifact.blob])
        if content is None:
            raise errors.MissingData(f"{artifact.name} is not in the repository.", paths=[artifact.name])
        return content
    try:
        return ObjectStore(project.local.objects).read(artifact.stored.hash)
    except OSError as error:
        raise errors.MissingData(f"{artifact.name} is not in the store.", paths=[artifact.name]) from error


def write_to(
    project: Project, folder: Path, artifacts: Sequence[RunArtifact], *, force: bool = False
) -> list[Path]:
    """Copy artifacts into a folder, under their names; the written files.

    Raises UsageError, with nothing written, if a file is in the way, unless `force`, or if the folder is a
    file, or of Git's; MissingData; OSError.
    """
    if ".git" in folder.resolve().parts:
        raise errors.UsageError(f"{folder} is in a folder of Git's own.", _ANOTHER)
    if folder.exists() and not folder.is_dir():
        raise errors.UsageError(f"{folder} is a file, and no folder.", _ANOTHER)
    require_here(project, artifacts)
    targets = [folder / each.name for each in artifacts]
    if not force and (there := [str(target) for target in targets if os.path.lexists(target)]):
        raise errors.UsageError(
            f"Nothing is written, for there is already {shorten(there)}.", "Say --force to replace it."
        )
    if not project.dry_run:
        for artifact, target in zip(artifacts, targets, strict=True):
            make_folder(target.parent)
            _write(project, artifact, target)
    return targets


def _write(project: Project, artifact: RunArtifact, target: Path) -> None:
    """Write a file whole or not at all."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            if artifact.stored is None:
                file.write(read(project, artifact))
            else:
                with (
                    ObjectStore(project.local.objects).opened(artifact.stored.hash) as fd,
                    open(fd, "rb", closefd=False) as content,
                ):
                    shutil.copyfileobj(content, file)
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
