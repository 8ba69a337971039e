"""The storage of Aim, read by Aim itself: its format is open to its own library alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aim
from aim.storage.union import RocksUnionContainer
from aimrocks import errors as rocks_errors

from gitexp.named_tuple import NamedTuple

_OTHER = ("texts", "images", "audios", "figures", "distributions")  # sequences that are no numbers

ERRORS: tuple[type[Exception], ...] = (
    rocks_errors.RocksIOError,
    rocks_errors.Corruption,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
)  # of a damaged storage


class AimCurve(NamedTuple):
    """The values of a metric: its name, its context, and a step, value and time (seconds) for each."""

    name: str
    context: Mapping[str, Any]
    rows: Iterator[tuple[Any, Any, Any]]


class AimStorage:
    """The runs of a folder with `.aim`, opened without a write to it."""

    def __init__(self, place: Path) -> None:
        self._repository = aim.Repo.from_path(str(place))
        if hasattr(self._repository, "request_container"):
            self._look_into_all_runs()

    def _look_into_all_runs(self) -> None:
        """Have Aim 3.29 read the runs themselves: its index has a run only after `aim up` was at work."""
        repository = self._repository
        of_run = repository.request_container

        def container(name: str, sub: str | None = None, **how: Any) -> Any:
            if sub is None:
                return RocksUnionContainer(str(Path(repository.path) / name), read_only=True)
            return of_run(name, sub, **how)

        repository.request_container = container

    def facts(self, run_hash: str) -> dict[str, Any]:
        """The facts about a run in plain values. Raises one of `ERRORS`."""
        run = self._run(run_hash)
        return {
            "name": run.name,
            "experiment": run.experiment,
            "description": run.description,
            "tags": list(run.tags),
            "created": run.creation_time,
            "ended": run.end_time,
            "params": run[...],
            "last": run.collect_sequence_info(sequence_types=("metric",)),
            "other": self._other(run),
        }

    def curves(self, run_hash: str) -> Iterator[AimCurve]:
        """Yield the metrics of a run. Raises one of `ERRORS`."""
        for metric in self._run(run_hash).metrics():
            steps, (values, _, times) = metric.data.items_list()
            yield AimCurve(metric.name, metric.context.to_dict(), zip(steps, values, times, strict=False))

    def _run(self, run_hash: str) -> Any:
        return aim.Run(run_hash, repo=self._repository, read_only=True)

    def _other(self, run: Any) -> list[str]:
        """The names of the sequences that are no numbers."""
        names = []
        for sequences in run.collect_sequence_info(sequence_types=_OTHER).values():
            names += [str(each.get("name", "")) for each in sequences]
        return names
