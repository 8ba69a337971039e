"""`wandb.Artifact`: files under one name, kept below it among the artifacts of the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gitexp.extras.tracking.run import Run


class WandbArtifact:
    """Files to be logged together, as `run.log_artifact(artifact)`."""

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Any = None,
        **_: Any,
    ) -> None:
        self.name, self.type, self.description, self.metadata = name, type, description, metadata
        self._files: list[tuple[Path, str]] = []

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None, **_: Any) -> None:
        """Add a file. Raises FileNotFoundError."""
        path = Path(local_path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file to add: {path}")
        self._files.append((path, name or path.name))

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None, **_: Any) -> None:
        """Add a folder. Raises FileNotFoundError."""
        path = Path(local_path)
        if not path.is_dir():
            raise FileNotFoundError(f"there is no folder to add: {path}")
        self._files.append((path, name or ""))

    def wait(self, timeout: float | None = None) -> WandbArtifact:
        """The artifact: nothing is sent anywhere, so there is nothing to wait for."""
        return self

    def keep(self, run: Run) -> None:
        """Keep the files."""
        for path, name in self._files:
            run.log_artifact(path, f"{self.name}/{name}" if name else self.name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"an artifact of gitexp.compat.wandb has no {name}: use add_file and add_dir, and "
            "gitexp.experiment(NAME).open(PATH) to read it back"
        )
