"""The names of logged files."""

from __future__ import annotations

from gitexp.extras.tracking.numbers import whole_step
from gitexp.pipeline import artifact_paths


def artifact_name(folder: str, name: str, suffix: str, step: int | None) -> str:
    """The path of a logged figure, table or the like among the artifacts. Raises TypeError and ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"the name of what is logged is a text, and not {name!r}")
    if step is None:
        return f"{folder}/{name}{suffix}"
    return f"{folder}/{name}/{whole_step(step)}{suffix}"


def check_name(name: str) -> None:
    """Raise ValueError for a path that an artifact cannot have."""
    why = artifact_paths.fault(name)
    if why is not None:
        raise ValueError(f"an artifact cannot be called {name!r}: the name {why}")
