"""The door for `gitexp model`: what MLflow has registered gets its tags before the registry is read."""

from __future__ import annotations

from gitexp import plugins
from gitexp.project.project import Project

_REF = "refs/gitexp/mlflow"  # as in shelf.py, which takes longer to import


def settle(project: Project) -> list[str]:
    """Make the tags that are still to be made; why some are not. Nothing is done in a dry run."""
    if project.dry_run or project.repo.resolve(_REF) is None:
        return []
    told: list[str] = plugins.load("models", "mlflow tags")(project)
    return told
