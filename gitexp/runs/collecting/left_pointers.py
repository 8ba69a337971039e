"""The `.dvc` files that earlier runs have left in a workspace: results, and no inputs of the next run.

dvclive writes such a file for an artifact, and `dvc add` for data. The two look alike, but the experiments
know: of an artifact's file, one has the present content, and the file was written while that one ran.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project, read
from gitexp.repo import live
from gitexp.repo.git import indexes
from gitexp.repo.git.values import in_commit


class _Interval(NamedTuple):
    """The time of a run, in seconds since the epoch, and the commit of its experiment."""

    began: float
    ended: float
    commit: str


def left_by_runs(code: Project, pointers: Sequence[str]) -> list[str]:
    """The files among `pointers` that a run has written, in so far as Git does not track them."""
    tracked = indexes.files(code.repo, code.repo.index, pointers)
    untracked = [name for name in pointers if name not in tracked]
    if not untracked:
        return []
    runs, found = _intervals(code), []
    for name, of in live.stamp(code.repo.root, untracked).items():
        there = list[str]()
        for run in runs:
            if run.began <= of.modified / 1e9 <= run.ended:
                there += in_commit(run.commit, [name])
        content = read(code.repo.root / name)
        if content is not None and content in code.repo.read_blobs(there):
            found.append(name)
    return found


def _intervals(code: Project) -> list[_Interval]:
    """The times of all ended runs."""
    found = []
    for one in code.store.readable():
        record = one.record
        with contextlib.suppress(ValueError, OverflowError):  # of a run without an end, or written by anybody
            began, ended = map(datetime.fromisoformat, (record.created or "", record.finished or ""))
            found.append(_Interval(began.timestamp(), ended.timestamp(), record.commit))
    return found
