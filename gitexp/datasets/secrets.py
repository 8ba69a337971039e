"""Warnings about stored data and outputs that look like secrets: they were asked for, so they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from gitexp.project import exclusions
from gitexp.words import shorten


def warnings(root: Path, store: ObjectStore, artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Sentences about files of stored artifacts whose names look like secrets."""
    verdict = exclusions.rule(root)
    suspicious = (path for artifact in artifacts for path in _suspicious(store, artifact))
    found = [path for path in suspicious if verdict(path) == exclusions.SECRET]
    if not found:
        return ()
    none = f"if it is none: !{found[0].rpartition('/')[2]} in {exclusions.IGNORE_FILE}"
    return (f"stored, and pushed with the data, though it {exclusions.SECRET}: {shorten(found)}; {none}",)


def _suspicious(store: ObjectStore, artifact: Artifact) -> Iterator[str]:
    """The paths worth a closer look. A manifest without such a path is not parsed."""
    if exclusions.may_hold_secrets(artifact.path):
        yield artifact.path
    elif artifact.is_folder:
        try:
            text = store.read(artifact.hash).decode("utf-8", "surrogateescape")
            if exclusions.may_hold_secrets(text):
                for file in store.manifest(artifact.hash).files:
                    if exclusions.may_hold_secrets(file.path):
                        yield f"{artifact.path}/{file.path}"
        except (OSError, errors.DataError):  # the next reader of the folder says so
            return
