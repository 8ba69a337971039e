"""The changed files of experiments, in a few words each: `train.py +3 -1`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from gitexp import errors
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.paths import lock_path
from gitexp.project import tool_files
from gitexp.project.project import Project

_MOST_FILES = 3  # files named for one experiment
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class CommitStep(NamedTuple):
    """A commit, and another one made from it."""

    old: str
    new: str


def summaries(project: Project, steps: Sequence[CommitStep]) -> dict[str, str]:
    """The changed files by the new commit of each step, without results; one Git process for all steps.

    A missing commit is no error: the result is empty.
    """
    if not steps:
        return {}
    lines = "".join(f"{new} {old}\n" for old, new in dict.fromkeys(steps)).encode()
    args = ("diff-tree", "--stdin", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv")
    try:
        out = project.repo.run(*args, "--ignore-submodules=dirty", stdin=lines)
    except errors.GitFailed:
        return {}
    changed: dict[str, list[tuple[int, str]]] = {}
    commit = ""
    for part in out.split(b"\0"):
        if _ID.fullmatch(part):
            commit = part.decode()
        elif part:
            added, deleted, path = part.split(b"\t", 2)
            name = os.fsdecode(path)
            if not _is_result(project, name):
                changed.setdefault(commit, []).append(_told(name, added, deleted))
    return {commit: _sentence(files) for commit, files in changed.items()}


def _is_result(project: Project, name: str) -> bool:
    results = (*project.config.results, lock_path(project.config.folder))
    return lies_in_any(name, results) or tool_files.is_by_name(name)


def _told(name: str, added: bytes, deleted: bytes) -> tuple[int, str]:
    """The number of changed lines of a file, and its name with the counts."""
    if added == b"-":
        return 0, f"{name} (binary)"
    text = name
    if int(added):
        text += f" +{int(added)}"
    if int(deleted):
        text += f" -{int(deleted)}"
    return int(added) + int(deleted), text


def _sentence(files: Sequence[tuple[int, str]]) -> str:
    most_first = sorted(files, key=lambda file: -file[0])
    shown = [text for _, text in most_first[:_MOST_FILES]]
    if more := len(files) - len(shown):
        shown.append(f"{more} more")
    return ", ".join(shown)
