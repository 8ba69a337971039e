"""The files of logged points of many experiments, read ahead: a question to Git for each takes longer than
to read the points."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from gitexp.files.lines.series import SERIES
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.values import LARGEST, GitObject

_MOST_AHEAD = 4 * 1024 * 1024  # bytes
_MOST_FILES = 256


class ReadAhead:
    """Gives the contents of one file of logged points of each experiment.

    Whoever asks for one experiment after the other gets more and more of them read together; whoever asks
    for one alone has no other read.
    """

    def __init__(self, project: Project, experiments: Iterable[Experiment], file: str = SERIES) -> None:
        self._project = project
        self._ids = [one.id for one in experiments if file in one.record.series]
        self._places = {id_: place for place, id_ in enumerate(self._ids)}
        names = [f"{id_}:{RUN_FOLDER}/{file}" for id_ in self._ids]
        self._blobs = project.repo.find_objects(names)
        self._next = -1  # the place behind the last one that was asked for
        self._together = 1
        self._read: dict[int, bytes] = {}
        self._lock = threading.Lock()  # threads of the caller's may share experiments

    def pieces(self, experiment: Experiment) -> Iterable[bytes]:
        """The content of the file of an experiment, in pieces; none of an experiment without it."""
        place = self._places.get(experiment.id)
        if place is None:
            return ()
        blob = self._blobs[place]
        if blob is None or blob.kind != "blob":
            return ()
        if blob.size > LARGEST:
            return self._project.repo.blob_pieces(blob.id)
        with self._lock:
            if place not in self._read:
                self._read_from(place)
            self._next = place + 1
            return [self._read.pop(place)]

    def _read_from(self, place: int) -> None:
        """Read the file at a place, and those behind it if the files before were asked for too."""
        self._together = min(2 * self._together, _MOST_FILES) if place == self._next else 1
        chosen: dict[int, GitObject] = {}
        size = 0
        for at in range(place, min(place + self._together, len(self._ids))):
            blob = self._blobs[at]
            if blob is None or blob.kind != "blob":
                continue
            size += blob.size
            if chosen and size > _MOST_AHEAD:
                break
            chosen[at] = blob
        contents = self._project.repo.read_blobs(_ids(chosen.values()))
        self._read = {at: content or b"" for at, content in zip(chosen, contents, strict=True)}


def _ids(blobs: Iterable[GitObject]) -> Sequence[str]:
    return [blob.id for blob in blobs]
