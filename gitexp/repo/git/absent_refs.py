"""Refs that are not there, known without a Git process.

Every table asks for the refs of DVC, say, and most repositories have none. The start of a Git takes longer
than a look at the files. Whatever is not plain is left to Git: reftables, unreadable files, wildcards.
"""

from __future__ import annotations

from pathlib import Path

from gitexp.regex import regex

_PLAIN = regex(r"refs(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/?")
_OF_ONE_WORKTREE = ("refs/bisect", "refs/worktree", "refs/rewritten")
_LARGEST = 4 * 1024 * 1024  # bytes of packed-refs; to read more takes as long as Git


def is_absent(common_dir: Path, pattern: str) -> bool:
    """Whether for sure no ref matches a pattern of `git for-each-ref`; False also where that is not plain."""
    if not _PLAIN.fullmatch(pattern) or pattern.startswith(_OF_ONE_WORKTREE):
        return False
    if not (common_dir / "refs" / "heads").is_dir():  # a file, with reftables
        return False
    # In this order: Git writes a ref into packed-refs before it removes the ref's own file.
    try:
        (common_dir / pattern).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return _is_not_packed(common_dir / "packed-refs", pattern)
    except OSError:
        return False
    return False


def _is_not_packed(file: Path, pattern: str) -> bool:
    """Whether packed-refs has no name that begins with a pattern; False where that is not plain."""
    try:
        with file.open("rb") as packed:
            content = packed.read(_LARGEST + 1)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return len(content) <= _LARGEST and f" {pattern}".encode() not in content
