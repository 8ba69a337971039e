"""A place with runs of MLflow, as an export sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from gitexp.extras.integrations.mlflow.exporting.exported_run import MlflowRun
from gitexp.named_tuple import NamedTuple


class KnownRun(NamedTuple):
    """A run of an earlier export.

    Attributes:
        run_id: the id of the run.
        state: the id of the experiment's record at the time; "" for a run that an export has not finished.
        name: the name of the experiment at the time.
    """

    run_id: str
    state: str
    name: str


class RunsPlace(ABC):
    """Takes runs. A context manager, entered before the first run is put.

    Attributes:
        names_are_paths: whether the names of params, metrics and tags are paths of files there.
    """

    names_are_paths = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def known(self) -> Mapping[str, KnownRun]:
        """The runs of earlier exports, by the id of their experiment."""

    @abstractmethod
    def put(self, run: MlflowRun, earlier: KnownRun | None) -> str:
        """The id of a run, once the run is there whole.

        `earlier` is the run of an older state, or an unfinished one.
        """
