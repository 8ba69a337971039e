"""Paths put into the .gitignore beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp.files.limits import read_limited
from gitexp.project import whole_file
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository
from gitexp.words import shorten

IGNORE_FILE = ".gitignore"

_SPECIAL = re.compile(r"([\\*?\[])")
_FIELDS = 4  # of an answer of `git check-ignore -v -z`


def ignore(project: Project, paths: Sequence[str]) -> list[str]:
    """Have Git ignore some paths (relative to the root), and return the files that were changed for it.

    Lines are only added, and none for what a .gitignore of the repository has ignored so far.
    Raises StorageError.
    """
    root = project.repo.root
    known = _ignored_by(project.repo, paths)
    lines: dict[str, list[str]] = {}
    for path in paths:
        if not _is_shared(known.get(path, "")):
            at = PurePosixPath(path)
            lines.setdefault(str(at.with_name(IGNORE_FILE)), []).append(pattern(at.name))
    return [name for name, new in lines.items() if _append(project, root / name, new)]


def advice(repo: Repository, paths: Sequence[str]) -> list[str]:
    """Return what is to be said of those stored paths that Git does not ignore, and a commit might take."""
    if not paths:
        return []
    # Whether it is a file or will be a folder may not be known yet, and a rule may be for folders only.
    # Of what would be behind a link Git wants to hear nothing, and ends.
    folders = [f"{path}/" for path in paths if not (repo.root / path).is_symlink()]
    asked = b"".join(os.fsencode(name) + b"\0" for name in (*paths, *folders))
    _, answer, _ = repo.call("check-ignore", "-z", "--stdin", stdin=asked, env={"GIT_LITERAL_PATHSPECS": "0"})
    ignored = {os.fsdecode(path).rstrip("/") for path in answer.split(b"\0")}
    if not (found := [path for path in paths if path not in ignored]):
        return []
    return [f"Git does not ignore {shorten(found)}: a line in .gitignore keeps it out of your commits"]


def pattern(name: str) -> str:
    """Return the line that ignores the file or folder of this name beside it, and nothing else."""
    escaped = _SPECIAL.sub(r"\\\1", name)
    trailing = len(escaped) - len(escaped.rstrip(" "))
    return "/" + escaped.rstrip(" ") + "\\ " * trailing


def _ignored_by(repo: Repository, paths: Sequence[str]) -> Mapping[str, str]:
    """Return the file that has each of those paths ignored that are, tracked or not."""
    text = b"".join(os.fsencode(path) + b"\0" for path in paths)
    args = ("check-ignore", "--no-index", "-v", "-z", "--stdin")
    # It takes no pathspecs, and says so where they are to be taken literally.
    _, out, _ = repo.call(*args, stdin=text, env={"GIT_LITERAL_PATHSPECS": "0"})
    parts = [os.fsdecode(part) for part in out.split(b"\0")[:-1]]
    answers = [parts[at : at + _FIELDS] for at in range(0, len(parts), _FIELDS)]
    return {path: source for source, _, rule, path in answers if not rule.startswith("!")}


def _is_shared(source: str) -> bool:
    """Return whether everybody who clones the repository has the file that a rule stands in."""
    return PurePosixPath(source).name == IGNORE_FILE and not PurePosixPath(source).is_absolute()


def _append(project: Project, file: Path, lines: Sequence[str]) -> bool:
    before = read_limited(file) if file.is_file() else None
    text = before or b""
    end = b"\r\n" if b"\r\n" in text else b"\n"
    there = text.splitlines()
    new = [line.encode() for line in lines if line.encode() not in there]
    if not new:
        return False
    gap = end if text and not text.endswith(b"\n") else b""
    data = text + gap + b"".join(line + end for line in new)
    whole_file.write(file, data, project.local, original=before)
    return True
