"""The files that the pages of an export need, read for many experiments together.

A question to Git for each file takes longer than to make the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitexp.datasets import lock_file
from gitexp.extras.web.documents import Documents
from gitexp.model import Experiment
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS, RUN_FOLDER
from gitexp.repo.git.values import in_commit

_TOGETHER = 500  # experiments
_OF_RUN = (f"{RUN_FOLDER}/environment.txt", f"{RUN_FOLDER}/output.log", ARTIFACTS, f"{ARTIFACTS}/{LOCK_FILE}")


def read_ahead(documents: Documents, keys: Sequence[str]) -> Iterator[str]:
    """Yield the keys of pages; until the next one is asked for, the files of its experiment are in memory."""
    state = documents.state()
    for start in range(0, len(keys), _TOGETHER):
        some = keys[start : start + _TOGETHER]
        names = list[str]()
        for key in some:
            row = state.rows.get(key)
            if row is not None and isinstance(row.experiment, Experiment):
                names += _names(state.project, row.experiment)
        with state.project.repo.reading_ahead(names):
            yield from some


def _names(project: Project, one: Experiment) -> list[str]:
    """The files of an experiment that its page and its script ask for."""
    record = one.record
    lock = lock_file.path_of(project.config)
    series = [f"{RUN_FOLDER}/{file}" for file in record.series]
    return [
        *in_commit(one.id, [lock, *_OF_RUN, *series]),
        *in_commit(record.commit, [lock, f"{ARTIFACTS}/{LOCK_FILE}", *record.tables]),
    ]
