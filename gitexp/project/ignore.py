"""Paths put into the .gitignore beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from gitexp.files.limits import read_if_there
from gitexp.project import whole_file
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.git.repository import Repository
from gitexp.words import shorten

IGNORE_FILE = ".gitignore"

_SPECIAL = regex(r"([\\*?\[])")
_FIELDS = 4  # of an answer of `git check-ignore -v -z`
# check-ignore refuses to run where pathspecs are to be taken literally; a path is literal to it anyhow.
_LITERAL = {"GIT_LITERAL_PATHSPECS": "0"}


def ignore(project: Project, paths: Sequence[str]) -> list[str]:
    """Have Git ignore some paths (relative to the root); the .gitignore files changed.

    Lines are only added, and none for a path that a .gitignore of the repository has ignored so far.
    Raises StorageError.
    """
    known = _ignored_by(project.repo, paths)
    lines: dict[str, list[str]] = {}
    for path in paths:
        if not _is_shared(known.get(path, "")):
            at = PurePosixPath(path)
            lines.setdefault(str(at.with_name(IGNORE_FILE)), []).append(pattern(at.name))
    return [name for name, new in lines.items() if _append(project, name, new)]


def advice(repo: Repository, paths: Sequence[str]) -> list[str]:
    """Advice about stored paths that Git does not ignore: a commit might take them."""
    if not paths:
        return []
    # A path that is not there may become a file or a folder, and a rule may be for folders only.
    # A path behind a link makes Git end with an error.
    folders = [f"{path}/" for path in paths if not (repo.root / path).is_symlink()]
    answer = _check_ignore(repo, "-z", "--stdin", paths=[*paths, *folders])
    found = set(paths).difference(path.rstrip("/") for path in answer)
    if not found:
        return []
    names = shorten(sorted(found, key=paths.index))
    them = "a line in .gitignore keeps it" if len(found) == 1 else "lines in .gitignore keep them"
    return [f"Git does not ignore {names}: {them} out of your commits"]


def pattern(name: str) -> str:
    """The line that ignores the file or folder of this name beside it, and nothing else."""
    escaped = _SPECIAL.sub(r"\\\1", name)
    trailing = len(escaped) - len(escaped.rstrip(" "))
    return "/" + escaped.rstrip(" ") + "\\ " * trailing


def _ignored_by(repo: Repository, paths: Sequence[str]) -> Mapping[str, str]:
    """The file with the rule, for each ignored path, tracked or not."""
    parts = _check_ignore(repo, "--no-index", "-v", "-z", "--stdin", paths=paths)
    found = {}
    for at in range(0, len(parts), _FIELDS):
        source, _, rule, path = parts[at : at + _FIELDS]
        if not rule.startswith("!"):
            found[path] = source
    return found


def _check_ignore(repo: Repository, *options: str, paths: Iterable[str]) -> list[str]:
    """The fields of Git's answer about some paths."""
    text = b"".join(os.fsencode(path) + b"\0" for path in paths)
    _, answer, _ = repo.call("check-ignore", *options, stdin=text, env=_LITERAL)
    return os.fsdecode(answer).split("\0")[:-1]


def ignored(repo: Repository, paths: Iterable[str]) -> list[str]:
    """The paths that Git ignores, of untracked files."""
    return _check_ignore(repo, "-z", "--stdin", paths=paths)


def is_ignored(repo: Repository, path: str, *options: str) -> bool:
    """Whether Git ignores a path; `options` are those of `git check-ignore`."""
    return repo.call("check-ignore", "--quiet", *options, "--", path, env=_LITERAL)[0] == 0


def _is_shared(source: str) -> bool:
    """Whether everybody who clones the repository has the file that a rule stands in."""
    return PurePosixPath(source).name == IGNORE_FILE and not PurePosixPath(source).is_absolute()


def _append(project: Project, name: str, lines: Sequence[str]) -> bool:
    before = read_if_there(project.repo.root / name)
    text = before or b""
    there = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    end = b"\n"
    if b"\r\n" in text:
        end = b"\r\n"
    data = text
    if text and not text.endswith(b"\n"):
        data += end
    start = data
    for line in lines:
        if line.encode() not in there:
            data += line.encode() + end
    if data == start:
        return False
    whole_file.write(project.repo.root, name, data, project.local, original=before)
    return True
