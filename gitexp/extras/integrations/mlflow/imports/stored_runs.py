"""The values of a reader of MLflow's own stores: runs, and their curves."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from gitexp.extras.integrations.importers.foreign import Download, Unread, no_downloads
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.extras.integrations.mlflow.shelf import Things
from gitexp.files.lines.series import LoggedPoint

StoredExperiments: TypeAlias = Mapping[str, dict[str, Any]]  # by id, in the form of the shelf
MODEL_STATUSES = {1: "PENDING", 2: "READY", 3: "FAILED"}


class StoredCurves(ABC):
    """The curves of a run; values of one step and one time are one point.

    Attributes:
        last: the last value of each metric by MLflow's rule, once the points were read.
    """

    def __init__(self) -> None:
        self.last: dict[str, LastValue] = {}

    @abstractmethod
    def points(self) -> Iterator[LoggedPoint]:
        """Yield the points in the order of time, each with the values of its moment."""

    @abstractmethod
    def extent(self) -> str:
        """A text that changes with each new value."""


class NoCurves(StoredCurves):
    """The curves of a run without metrics."""

    def points(self) -> Iterator[LoggedPoint]:
        """Yield nothing."""
        return iter(())

    def extent(self) -> str:
        """The text of no values."""
        return "0"


@dataclass
class RunAtMlflow:
    """A run of MLflow's; times in ms since 1970.

    Attributes:
        has_name: whether a person has given the name; else the id stands for a name.
        artifacts: its files, and those of its models, by their names among the artifacts of an experiment.
        downloads: gives further files.
        remarks: a sentence for each omission.
    """

    run_id: str
    experiment_id: str
    name: str
    has_name: bool
    status: str
    user: str
    start: int
    end: int | None
    is_deleted: bool
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    curves: StoredCurves = field(default_factory=NoCurves)
    artifacts: dict[str, Path] = field(default_factory=dict)
    downloads: Callable[[], Mapping[str, Download]] = no_downloads
    datasets: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


class RunSource(ABC):
    """A store of MLflow's."""

    @abstractmethod
    def experiments(self) -> StoredExperiments:
        """The experiments."""

    @abstractmethod
    def runs(self) -> Iterator[RunAtMlflow | Unread]:
        """Yield the runs, the oldest first, and the unreadable places."""

    @abstractmethod
    def registered(self, artifacts: str, told: list[str]) -> Things:
        """The registered models by their paths on the shelf; adds a sentence for each omission to `told`.

        `artifacts`: the pattern of addresses of artifacts in this repository.
        """


def experiment_id_here(there: str, name: str) -> str:
    """The id in this repository for an experiment of a database or server.

    Such ids count from 1 in each database, so the id here is made of the name. "0" is the default experiment.
    """
    if there == "0":
        return there
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return str(int.from_bytes(digest[:8], "big"))[:18]
