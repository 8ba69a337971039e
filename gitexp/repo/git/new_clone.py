"""A new repository that has a remote, and nothing of it yet."""

from __future__ import annotations

from pathlib import Path

from gitexp.repo.git import failures, launch
from gitexp.repo.git.launch import Git


def make_clone(folder: Path, remote: str, url: str, object_format: str) -> None:
    """Make a repository with a remote in a new folder. Raises GitFailed, GitMissing and GitTooOld."""
    folder.mkdir(mode=0o700)
    environment = {**launch.ENVIRONMENT, "GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder)}
    git = Git(folder)
    launch.require_git(git)
    calls = (
        ("init", "--quiet", "--template=", f"--object-format={object_format}"),
        ("config", f"remote.{remote}.url", url),
    )
    for args in calls:
        status, _, err = launch.execute(git, args, environment)
        if status != 0:
            raise failures.failure(args, status, err)
