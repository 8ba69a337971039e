"""Questions about commits: their parents, and whether all their objects are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git.repository import Repository


def parents_of(repo: Repository, commits: Sequence[str]) -> dict[str, list[str]]:
    """The parents of each commit that the repository has."""
    if not commits:
        return {}
    args = ("--no-walk=unsorted", "--ignore-missing", "--parents", "--stdin")
    return _parents(repo.run("rev-list", *args, stdin=in_lines(commits)))


def _parents(out: bytes) -> dict[str, list[str]]:
    """The parents of each commit in the output of `git rev-list --parents`."""
    return {commit: parents for commit, *parents in map(str.split, out.decode().splitlines())}


def is_ancestor(repo: Repository, commit: str, of: str) -> bool:
    """Whether `commit` can be reached from the commit `of`."""
    return repo.call("merge-base", "--is-ancestor", commit, of)[0] == 0


def merge_base(repo: Repository, one: str, other: str) -> str | None:
    """The best common ancestor of two commits; None without any."""
    status, out, _ = repo.call("merge-base", one, other)
    return out.decode().strip() if status == 0 else None


def is_complete(repo: Repository, *revisions: str) -> bool:
    """Whether every object reached from some revisions exists here.

    Objects left out of a partial clone on purpose do not count.
    """
    return repo.call("rev-list", "--objects", "--quiet", *repo.promised(), *revisions, "--")[0] == 0


def is_connected(repo: Repository, commits: Sequence[str]) -> bool:
    """Whether commits are here with every object reached from them.

    The objects of this repository's refs count as complete, the same as after a `git fetch`.
    """
    args = ("--objects", "--stdin", "--not", "--all", "--quiet", *repo.promised())
    return repo.call("rev-list", *args, stdin=in_lines(commits))[0] == 0


def lines_to(repo: Repository, tips: Sequence[str], stops: Sequence[str], most: int) -> dict[str, list[str]]:
    """The commits reached from tips and not from stops, with their parents; `most` at most."""
    if not tips:
        return {}
    text = in_lines([*tips, *(f"^{stop}" for stop in stops)])
    return _parents(repo.run("rev-list", "--parents", f"--max-count={most}", "--stdin", stdin=text))


def reached(parents: Mapping[str, Sequence[str]], tip: str) -> dict[str, None]:
    """A commit and all commits reached from it by `parents`, the nearest first."""
    found: dict[str, None] = {}
    waiting = [tip]
    while waiting:
        commit = waiting.pop(0)
        if commit not in found:
            found[commit] = None
            waiting += parents.get(commit, ())
    return found
