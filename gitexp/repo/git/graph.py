"""Questions about commits: whose children they are, and whether all that belongs to them is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.repo.git.repository import Repository, is_true


def parents_of(repo: Repository, commits: Sequence[str]) -> dict[str, list[str]]:
    """Return the parents of each commit that is there."""
    if not commits:
        return {}
    text = "".join(f"{commit}\n" for commit in commits).encode()
    args = ("--no-walk=unsorted", "--ignore-missing", "--parents", "--stdin")
    lines = repo.run("rev-list", *args, stdin=text).decode().splitlines()
    return {commit: parents for commit, *parents in map(str.split, lines)}


def is_ancestor(repo: Repository, commit: str, of: str) -> bool:
    """Return whether a commit is reached from another one."""
    return repo.call("merge-base", "--is-ancestor", commit, of)[0] == 0


def is_complete(repo: Repository, *revisions: str) -> bool:
    """Return whether every object that is reached from some revisions is there.

    In a partial clone what was left out of it on purpose does not count.
    """
    return repo.call("rev-list", "--objects", "--quiet", *_promised(repo), *revisions, "--")[0] == 0


def _promised(repo: Repository) -> Sequence[str]:
    # The remote is what `git clone --filter` writes; the extension is from before Git 2.22.
    partial = "extensions.partialclone" in repo.config or any(
        key.startswith("remote.") and key.endswith(".promisor") and is_true(value)
        for key, value in repo.config.items()
    )
    return ("--exclude-promisor-objects",) if partial else ()


def is_connected(repo: Repository, commits: Sequence[str]) -> bool:
    """Return whether commits are here with all that is reached from them.

    What refs of ours reach is taken to be complete, as Git takes it when it has fetched.
    """
    text = "".join(f"{commit}\n" for commit in commits).encode()
    args = ("--objects", "--stdin", "--not", "--all", "--quiet", *_promised(repo))
    return repo.call("rev-list", *args, stdin=text)[0] == 0


def lines_to(repo: Repository, tips: Sequence[str], stops: Sequence[str], most: int) -> dict[str, list[str]]:
    """Return the commits that are reached from tips, not from stops, with their parents; `most` at most."""
    text = "".join(f"{tip}\n" for tip in tips) + "".join(f"^{stop}\n" for stop in stops)
    args = ("rev-list", "--parents", f"--max-count={most}", "--stdin")
    lines = repo.run(*args, stdin=text.encode()).decode().splitlines() if tips else []
    return {commit: parents for commit, *parents in map(str.split, lines)}


def reached(parents: Mapping[str, Sequence[str]], tip: str) -> dict[str, None]:
    """Return a commit and all that are reached from it by such parents, the nearest first."""
    found: dict[str, None] = {}
    waiting = [tip]
    while waiting:
        commit = waiting.pop(0)
        if commit not in found:
            found[commit] = None
            waiting += parents.get(commit, ())
    return found
