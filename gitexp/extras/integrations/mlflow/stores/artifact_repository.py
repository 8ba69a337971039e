"""The artifacts of a run or a logged model, as MLflow's clients and its server ask for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from gitexp import errors
from gitexp.extras.integrations.mlflow import place
from gitexp.extras.integrations.mlflow.artifacts import Artifacts
from gitexp.extras.integrations.mlflow.stores.answers import answered, translated


class GitArtifactRepository(ArtifactRepository):
    """Artifacts below an URI like `gitexp:///repo/.gitexp/run/<id>/artifacts`."""

    def __init__(self, artifact_uri: str, *args: Any, **options: Any) -> None:
        super().__init__(artifact_uri, *args, **options)
        try:
            found = place.artifacts_at(artifact_uri)
        except (errors.GitexpError, OSError) as error:
            raise translated(error) from error
        self.place, self._kind, self._owner, self._below = found

    @answered
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Keep a file, in a folder of the artifacts."""
        source = Path(local_file)
        self._artifacts().put({self._path(artifact_path, source.name): source})

    @answered
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep all files below a folder."""
        top = Path(local_dir)
        found = {}
        for folder, _, names in os.walk(top):
            for name in names:
                source = Path(folder, name)
                found[self._path(artifact_path, source.relative_to(top).as_posix())] = source
        if found:
            self._artifacts().put(found)

    @answered
    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """The files and folders directly in a folder."""
        prefix = f"{self._below}/" if self._below else ""
        found = []
        for path_, size in self._artifacts().listed(self._path(path)):
            found.append(FileInfo(path_.removeprefix(prefix), size is None, size))
        return found

    @answered
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        """Write an artifact to a file."""
        self._artifacts().fetch(self._path(remote_file_path), Path(local_path))

    @answered
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Remove a file, or a folder with all its content."""
        self._artifacts().remove(self._path(artifact_path))

    def _artifacts(self) -> Artifacts:
        return Artifacts(self.place, self._kind, self._owner)

    def _path(self, *parts: str | None) -> str:
        """A path among all of the run's or the model's artifacts."""
        named = [part.strip("/") for part in (self._below, *parts) if part]
        return "/".join(part for part in named if part and part != ".")
