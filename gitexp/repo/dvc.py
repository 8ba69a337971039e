"""Where DVC keeps experiments: `refs/exps/<2>/<38>/<name>` -> a commit made on the baseline of that id.

They are only read. What else stands below refs/exps (exec, stash, celery, …) is DVC's own business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.repo.git import Repository

PREFIX = "refs/exps/"

_REF = re.compile(rb"refs/exps/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})/([^/]+)")
_MADE = re.compile(rb"^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)
_NO_NOTE = "dvc: commit experiment "  # what DVC writes where the user gave no message
_MOST_FOLDERS = 100


@dataclass(frozen=True, slots=True)
class DvcRef:
    """One experiment's name, commit and baseline, as its ref has them: nothing was read yet."""

    name: str
    commit: str
    baseline: str


@dataclass(frozen=True, slots=True)
class DvcCommit:
    """When an experiment was made, in seconds since the epoch, and the user's message ("": none)."""

    made: int
    note: str


def refs(repo: Repository) -> list[DvcRef]:
    """Return the experiments of DVC's, in order of baseline and name; what else is there is skipped."""
    found = repo.refs(PREFIX, fields=("refname", "objectname"))
    matches = [(_REF.fullmatch(ref), oid.decode()) for ref, oid in found]
    return [
        DvcRef(match[3].decode("utf-8", "replace"), oid, (match[1] + match[2]).decode())
        for match, oid in matches
        if match is not None
    ]


def folders(repo: Repository) -> Sequence[str]:
    """Return the folders to look for a dvc.yaml in: the root, and where the index has one."""
    # One look at the index; to list the files of every experiment would take seconds.
    args = ("ls-files", "-z", "--", ":(top,glob)**/dvc.yaml")
    names = repo.run(*args, env={"GIT_LITERAL_PATHSPECS": "0"}).decode("utf-8", "surrogateescape")
    below = (name.rpartition("/")[0] for name in names.split("\0") if name)
    return list(dict.fromkeys(["", *below]))[:_MOST_FOLDERS]


def read_commit(data: bytes) -> DvcCommit:
    """Return what a commit object says; a date that cannot be read is 0."""
    head, _, message = data.partition(b"\n\n")
    made = _MADE.search(head)
    text = message.decode("utf-8", "replace").strip()
    return DvcCommit(int(made[1]) if made else 0, "" if text.startswith(_NO_NOTE) else text)
