"""Earlier runs of stages: found by their key in the locks of all experiments.

Every experiment carries its gitexp.lock, also an experiment pulled from a colleague. So Git has all of the
knowledge. An index (`gitexp.stages.lock_index`) spares reading a lock twice: a blob never changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock, LockedStage, read_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, RUN_FOLDER, STAGE_LOGS
from gitexp.stages.lock_index import LockIndex, index_file

_MOST = 50  # experiments that have run the same stage and are worth a look
_LOGS_OF = f"{PREFIX}%s:{RUN_FOLDER}/{STAGE_LOGS}"  # the folder of an experiment's logs, as Git names it
_BATCH = 100  # locks between two writes of the index: reading 1,000 of 50 stages takes a minute


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A stage in an experiment's lock: run there, or restored from another experiment.

    Attributes:
        experiment: the experiment's name; "" for the workspace, "dvc.lock" for a run of DVC's.
        stage: the stage's entry in the lock.
        log: the output of the stage's commands; None unless they ran in this experiment.
    """

    experiment: str
    stage: LockedStage
    log: bytes | None


class _IndexEntry(NamedTuple):
    """A place where the index has a key: the experiment, the blob of its lock, the name of the stage."""

    experiment: str
    blob: str
    stage: str


_LONGEST_NAME = 200  # bytes


def log_name(stage: str) -> str:
    """The name of the file with a stage's output; that of a long stage ends in a hash, for no name is longer
    than 255 bytes."""
    name = quote(stage, safe="@=+,")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(os.fsencode(stage)).hexdigest()[:16]}"
    return name + ".log"


class StageCache:
    """The stages of a repository's experiments, as they are at the first question."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._parsed: dict[str, Lock] = {}

    def find(self, name: str, key: str) -> Iterator[EarlierRun]:
        """The runs of a stage that had this key: first runs with a log, then the newest."""
        found = []
        for experiment, blob in self._locks.items():
            for stage in self._index.stages_with(key, blob):
                found.append(_IndexEntry(experiment, blob, stage))
        found.sort(key=lambda each: each.stage != name)
        return self._read(found[:_MOST], key)

    def knows(self, hash_: str) -> bool:
        """Whether an experiment has this artifact: data, or the out of a run."""
        return any(self._index.has_artifact(hash_, blob) for blob in self._locks.values())

    def _read(self, found: Sequence[_IndexEntry], key: str) -> Iterator[EarlierRun]:
        logs = [f"{_LOGS_OF % each.experiment}/{log_name(each.stage)}" for each in found]
        blobs = list({each.blob for each in found if each.blob not in self._parsed})
        read = self._project.repo.read_blobs([*logs, *blobs])
        contents = dict(zip(blobs, read[len(logs) :], strict=True))
        with_log = sorted(zip(found, read, strict=False), key=lambda run: run[1] is None)
        for each, log in with_log:
            # A lock is parsed only when it is asked for: the first run found is mostly the one restored.
            if each.blob not in self._parsed:
                self._parsed[each.blob] = self._parse(contents[each.blob])
            stage = self._parsed[each.blob].stages.get(each.stage)
            if stage is not None and stage_key(stage) == key:
                yield EarlierRun(each.experiment, stage, log)

    @cached_property
    def _index(self) -> LockIndex:
        return LockIndex(index_file(self._project.local.root, self._project.config.folder))

    @cached_property
    def _locks(self) -> dict[str, str]:
        """The blobs of the locks of all experiments, the newest experiment first; all are in the index."""
        experiments = _records(self._project)
        self._learn([record for record in experiments if not self._index.has_record(record)])
        locks = {}
        for record, name in experiments.items():
            if (blob := self._index.blob_of(record)) is not None:
                locks[name] = blob
        return locks

    def _learn(self, records: Sequence[str]) -> None:
        """Read the locks of records that the index does not know yet."""
        if not records:
            return
        path = lock_file.path_of(self._project.config)
        blobs = self._project.repo.ids_of([f"{record}:{path}" for record in records])
        new = sorted({blob for blob in blobs if blob is not None and not self._index.has_lock(blob)})
        for at in range(0, len(new), _BATCH):
            some = new[at : at + _BATCH]
            contents = self._project.repo.read_blobs(some)
            self._index.add({}, dict(zip(some, map(self._parse, contents), strict=True)))
        self._index.add(dict(zip(records, blobs, strict=True)), {})

    def _parse(self, data: bytes | None) -> Lock:
        """A lock; empty for a damaged lock, or for the invention of a stranger."""
        try:
            return read_lock("", data or b"", self._project.config.folder)
        except errors.LockError:
            return Lock()


def _records(project: Project) -> dict[str, str]:
    """The names of the experiments by the ids of their records, the newest first."""
    fields = ("refname", "objectname", "creatordate:unix")
    try:
        refs = list(project.repo.refs(PREFIX, fields=fields))
    except errors.GitFailed:  # one of them is damaged: its commit cannot be asked for its date
        refs = [(*ref, b"0") for ref in project.repo.refs(PREFIX, fields=fields[:2])]
    refs.sort(key=lambda ref: int(ref[2] or b"0"), reverse=True)
    return {oid.decode(): ref.decode("utf-8", "replace").removeprefix(PREFIX) for ref, oid, _ in refs}
