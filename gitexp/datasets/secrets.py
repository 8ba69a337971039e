"""What looks like a secret among data and outputs: it was asked for and is stored, but not silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from gitexp.project import exclusions
from gitexp.words import shorten


def warnings(root: Path, store: ObjectStore, artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Return what is to be said of stored artifacts in which there are secrets, by their names."""
    verdict = exclusions.rule(root)
    suspicious = (path for artifact in artifacts for path in _suspicious(store, artifact))
    found = [path for path in suspicious if verdict(path) == exclusions.SECRET]
    if not found:
        return ()
    none = f"if it is none: !{found[0].rpartition('/')[2]} in {exclusions.IGNORE_FILE}"
    return (f"stored, and pushed with the data, though it {exclusions.SECRET}: {shorten(found)}; {none}",)


def _suspicious(store: ObjectStore, artifact: Artifact) -> Iterator[str]:
    """Yield the paths that are worth a closer look; the list of a folder without any is not parsed."""
    if exclusions.may_hold_secrets(artifact.path):
        yield artifact.path
    elif artifact.is_folder:
        try:
            text = store.path(artifact.hash).read_text("utf-8", "surrogateescape")
            if exclusions.may_hold_secrets(text):
                files = store.manifest(artifact.hash).files
                yield from (f"{artifact.path}/{f.path}" for f in files if exclusions.may_hold_secrets(f.path))
        except (OSError, errors.DataError):  # whoever reads it next says so
            return
