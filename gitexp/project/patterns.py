"""Patterns of paths in gitexp.yaml, such as `outputs/**/metrics.json`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo.git.disk_files import files_below

MOST_STARS = 6  # in one pattern: with more, a long path takes too many steps

_NOT_SEARCHED = (".git", ".gitexp", ".dvc", ".venv", "venv", "node_modules")
_SIGNS = regex(r"[*?]")


class Patterns(NamedTuple):
    """The patterns of a config, by the use of the files. Matching files written by a run are its own.

    Attributes:
        results: the patterns of plots and outs.
    """

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


NO_PATTERNS = Patterns()


def is_pattern(path: str) -> bool:
    """Whether a path has a star or a question mark in it."""
    return _SIGNS.search(path) is not None


def matching(root: Path, patterns: Iterable[str]) -> list[str]:
    """The files of the workspace with a matching pattern, sorted. Links are not followed."""
    found = set[str]()
    for pattern in patterns:
        expression = compiled(pattern)
        below = files_below(root, _tops(root, pattern))
        found.update(path for path in below if expression.fullmatch(path))
    return sorted(found)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a pattern: `*` and `?` stay in a folder, `**/` means any number of folders."""
    text = ""
    for part in re.split(r"(\*\*/|\*\*$|\*|\?)", pattern):
        match part:
            case "**/":
                text += "(?:[^/]+/)*"
            case "**":
                text += ".+"
            case "*":
                text += "[^/]*"
            case "?":
                text += "[^/]"
            case _:
                text += re.escape(part)
    return re.compile(text, re.DOTALL)


def _tops(root: Path, pattern: str) -> list[str]:
    """The paths at or below which a pattern may match files."""
    fixed = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        fixed.append(part)
    if fixed:
        return ["/".join(fixed)]
    return [entry.name for entry in os.scandir(root) if entry.name not in _NOT_SEARCHED]
