"""The changed files of experiments, as `train.py +3 -1`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from gitexp import errors
from gitexp.catalog.fields import ChangedFile, Row
from gitexp.catalog.projects import files_of_others
from gitexp.catalog.result_files import ResultRules
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex

_ID = regex(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class CommitStep(NamedTuple):
    """A commit, and a later commit made from it."""

    old: str
    new: str


def with_changes(project: Project, found: Sequence[Row]) -> list[Row]:
    """The rows with the changed files of each since its parent or baseline."""
    return told(found, changed_files(project, steps(found)))


def steps(found: Iterable[Row]) -> list[CommitStep]:
    """The step to each row from its parent or baseline."""
    taken = []
    for row in found:
        if row.commit is not None and row.baseline is not None:
            taken.append(CommitStep(row.baseline, row.commit))
    return taken


def told(found: Iterable[Row], changes: Mapping[str, Sequence[ChangedFile]]) -> list[Row]:
    """The rows with these changed files, by the commit of a row."""
    rows = []
    for row in found:
        if files := changes.get(row.commit or ""):
            row = row._replace(changes=files)
        rows.append(row)
    return rows


def changed_files(project: Project, steps: Sequence[CommitStep]) -> dict[str, list[ChangedFile]]:
    """The changed files by the new commit of each step, without results; one Git process for all steps.

    The files with most changed lines come first. A missing commit has no changes.
    """
    if not steps:
        return {}
    lines = ""
    for old, new in dict.fromkeys(steps):
        lines += f"{new} {old}\n"
    args = ("diff-tree", "--stdin", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv")
    try:
        out = project.repo.run(*args, "--ignore-submodules=dirty", stdin=lines.encode())
    except errors.GitFailed:
        return {}
    result_files, found = ResultRules.of(project), {}
    for commit, files in _by_commit(out).items():
        paths = [file.path for file in files]
        results = result_files.among(paths) | files_of_others(project, paths, [project.config.folder])
        if code := [file for file in files if file.path not in results]:
            found[commit] = sorted(code, key=lambda file: -file.lines)
    return found


def _by_commit(out: bytes) -> dict[str, list[ChangedFile]]:
    """The changed files by commit, in the output of `git diff-tree`."""
    changed: dict[str, list[ChangedFile]] = {}
    commit = ""
    for part in out.split(b"\0"):
        if _ID.fullmatch(part):
            commit = part.decode()
        elif part:
            added, deleted, path = part.split(b"\t", 2)
            changed.setdefault(commit, []).append(_changed_file(os.fsdecode(path), added, deleted))
    return changed


def _changed_file(path: str, added: bytes, deleted: bytes) -> ChangedFile:
    if added == b"-":
        return ChangedFile(path, 0, f"{path} (binary)")
    text = path
    if int(added):
        text += f" +{int(added)}"
    if int(deleted):
        text += f" -{int(deleted)}"
    return ChangedFile(path, int(added) + int(deleted), text)
