"""Files of settings that are links to outside the repository: what stands there is nobody's setting."""

from __future__ import annotations

from pathlib import Path

from gitexp import errors


def require_inside(root: Path, path: Path, shown: str) -> None:
    """Raise ConfigError for a link to a file outside the repository at `root`."""
    if path.is_symlink() and path.exists() and not path.resolve().is_relative_to(root.resolve()):
        raise errors.ConfigError(
            "is a link to outside the repository", "Put the file itself into the repository.", file=shown
        )
