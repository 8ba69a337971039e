"""Whether the Git folder of a workspace is its own, or that of another project.

A `.git` may be a file or a link that names a folder elsewhere; a Git folder may name another one in its file
`commondir`, and another workspace by `core.worktree`. An archive may so have gitexp write its refs, or its
files, into a project of the user's. So the two must know each other.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from gitexp import errors, nofollow

_LONGEST = 1 << 16  # bytes of a path
_SAID_SO = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")


def is_up_to_user() -> bool:
    """Whether the user has named the Git folder or the workspace, in the environment."""
    return any(name in os.environ for name in _SAID_SO)


def points_to(file: Path) -> Path | None:
    """The path in one of Git's files; None for a missing file, and for a link or a pipe in its place."""
    try:
        with nofollow.opened(file.parent) as folder:
            fd = folder.open(file.name, shared=True)
        with os.fdopen(fd, "rb") as stream:
            text = os.fsdecode(stream.readline(_LONGEST))
    except OSError:
        return None
    return Path(os.path.realpath(file.parent / text.removeprefix("gitdir: ").removesuffix("\n")))


def refuse_foreign(start: Path) -> None:
    """Raise UntrustedRepository if the `.git` around `start` names the Git folder of another workspace.

    Called before any Git: Git writes into the folder of a worktree, wherever the `.git` with its name stands.
    """
    for folder in (start, *start.parents):
        dot_git = folder / ".git"
        if not os.path.lexists(dot_git) or _is_any_folder(dot_git):
            continue
        git_dir = _named_by(dot_git)
        if git_dir is None or not _is_mutual(dot_git, git_dir):
            raise errors.RepositoryError(
                f"{dot_git} leads to the Git folder of another workspace.",
                "If you have moved this worktree, tell Git so: git worktree repair",
                code="untrusted-repository",
            )
        return


def _is_any_folder(dot_git: Path) -> bool:
    """Whether a folder is called .git and is none of Git's: Git goes on above it."""
    return dot_git.is_dir() and not dot_git.is_symlink() and not os.path.lexists(dot_git / "HEAD")


def _named_by(dot_git: Path) -> Path | None:
    """The Git folder at or named by a `.git`; None for a `.git` of another kind."""
    return Path(os.path.realpath(dot_git)) if dot_git.is_dir() else points_to(dot_git)


def _is_mutual(dot_git: Path, git_dir: Path) -> bool:
    """Whether a Git folder with a `commondir` is a worktree's, and names the `.git` that leads to it."""
    if not os.path.lexists(git_dir / "commondir"):
        return True
    common, back = points_to(git_dir / "commondir"), points_to(git_dir / "gitdir")
    if common is None or git_dir.parent != common / "worktrees":
        return False
    return back == Path(os.path.realpath(dot_git.parent)) / ".git"


def require_own(root: Path, git_dir: Path, configured: str | None) -> None:
    """Raise UntrustedRepository unless the workspace `root` and the Git folder belong together.

    `configured` is `core.worktree` of its configuration.
    """
    real = Path(os.path.realpath(git_dir))
    if _named_by(root / ".git") == real:
        # A folder called .git belongs to the folder around it, unless it says itself that it does not.
        if real.name != ".git" or real.parent == Path(os.path.realpath(root)):
            return
        if configured is not None and os.path.realpath(real / configured) == os.path.realpath(root):
            return
    say_so = f"export GIT_DIR={shlex.quote(str(git_dir))} GIT_WORK_TREE={shlex.quote(str(root))}"
    raise errors.RepositoryError(
        f"The Git folder {git_dir} and the workspace {root} are not each other's.",
        f"If you mean them both, say so: {say_so}",
        code="untrusted-repository",
    )
