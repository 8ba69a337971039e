"""The files at an address of artifacts in MLflow's database, as far as they lie beside the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from gitexp.extras.integrations.importers import folder_files
from gitexp.named_tuple import NamedTuple

_ROOTS = ("", "mlruns", "mlartifacts", "artifacts")  # usual folders beside a database
_LOCAL = ("", "file", "mlflow-artifacts")
_DEPTH = 3  # parts of an address that MLflow adds itself: experiment, run, `artifacts`


class ArtifactFiles(NamedTuple):
    """The files of a run or model by name, and a sentence for each omission."""

    files: dict[str, Path]
    remarks: Sequence[str] = ()


def files_at(address: str, top: Path, depth: int = _DEPTH) -> ArtifactFiles:
    """The files at an address.

    A hostile database could name any folder of the machine. So only a folder below `top`, the folder of the
    database, counts: the named one, or one with the same last `depth` parts after a move of the whole.
    Raises OSError for a folder that cannot be listed.
    """
    parts = urlsplit(address)
    if parts.scheme not in _LOCAL:
        return ArtifactFiles({}, [f"its artifacts, if any, did not come along: they are in {address}"])
    path = PurePosixPath(unquote(parts.path))
    folder = _found(path, top, depth)
    if folder is not None:
        remarks: list[str] = []
        return ArtifactFiles(folder_files.plain_files(folder, remarks), remarks)
    outside = Path(path)
    if path.is_absolute() and outside.is_dir() and any(outside.iterdir()):
        remark = f"its artifacts did not come along: {path} is outside the database's folder"
        return ArtifactFiles({}, [remark])
    return ArtifactFiles({})


def _found(path: PurePosixPath, top: Path, depth: int) -> Path | None:
    tail = PurePosixPath(*path.parts[-depth:])
    for folder in (top / path, *(top / root / tail for root in _ROOTS)):
        if folder.is_dir() and folder.resolve().is_relative_to(top.resolve()):
            return folder
    return None
