"""Runs of Aim, from a folder `.aim`, where Aim is installed beside gitexp."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.files.lines.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.model import Status

_FOLDER, _RUNS = ".aim", "meta/chunks"
_OF_MACHINE = "__system__"
_ABOUT = "__system_params"  # packages, commit, and environment variables, which have secrets


class AimRuns(Importer):
    """The reader of Aim's storage."""

    title = "Aim"
    looks_for = "a folder with .aim"

    def finds(self, place: Path) -> bool:
        """Whether the place is such a folder, or `.aim` itself."""
        return (_top(place) / _FOLDER / _RUNS).is_dir()

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs, the oldest first."""
        top = _top(place)
        if not self.finds(top):
            raise errors.UsageError(f"{place} has no runs of Aim's.", f"Give {self.looks_for}.")
        storage_of = plugins.find_installed("storage", "aim", "aim")
        if storage_of is None:
            raise errors.UsageError(
                "Aim's storage can be read by Aim alone, which is not installed here.",
                "Install it beside gitexp: pip install aim",
            )
        kinds = plugins.load("storage", "aim errors")
        try:
            storage = storage_of(top)
        except kinds as error:
            raise errors.UsageError(f"{top} cannot be opened: {error}", "aim runs ls shows why.") from None
        found = []
        for path in sorted((top / _FOLDER / _RUNS).iterdir()):
            try:
                run = _as_run(storage, path.name, kinds)
                found.append((run.created or 0.0, run))
            except kinds as error:
                yield Unread(str(path), f"{type(error).__name__}: {error}")
        for _, run in sorted(found, key=lambda each: each[0]):
            yield run


IMPORTER = AimRuns()


def _top(place: Path) -> Path:
    return place.parent if place.name == _FOLDER else place


def _as_run(storage: Any, run_hash: str, kinds: Any) -> ForeignRun:
    facts = storage.facts(run_hash)
    params = dict(facts["params"])
    about = params.pop(_ABOUT, {})
    commit = _map(_map(_map(about).get("git_info")).get("commit"))
    packages = _map(_map(about).get("packages"))
    remarks = ["Aim notes no failure of a run"]
    if facts["ended"] is None:
        remarks.append("it has no end: it was killed, or goes on")
    if facts["other"]:
        remarks.append(f"not imported, no numbers: {', '.join(sorted(facts['other'])[:20])}")
    last = repr((facts["ended"], facts["last"])).encode("utf-8", "surrogatepass")
    return ForeignRun(
        id=run_hash,
        status=Status.DONE if facts["ended"] is not None else Status.INTERRUPTED,
        state=hashlib.sha256(last).hexdigest()[:16],
        name=str(facts["name"] or run_hash[:8]),
        created=facts["created"],
        finished=facts["ended"],
        params=_plain(params),
        points=partial(_points, storage, run_hash, kinds, of_machine=False),
        system=partial(_points, storage, run_hash, kinds, of_machine=True),
        tags=tuple(map(str, facts["tags"])),
        note=str(facts["description"] or ""),
        group=str(facts["experiment"] or ""),
        commit=str(commit.get("hash") or ""),
        environment="\n".join(f"{name}=={version}" for name, version in packages.items()),
        facts={"aim": {"hash": run_hash}},
        remarks=tuple(remarks),
    )


def _points(storage: Any, run_hash: str, kinds: Any, *, of_machine: bool) -> Iterator[LoggedPoint]:
    """Yield the values of all metrics, a point for each step. Raises ParseError."""
    steps: dict[int, LoggedPoint] = {}
    try:
        for curve in storage.curves(run_hash):
            if curve.name.startswith(_OF_MACHINE) == of_machine:
                _take(_name(curve.name, curve.context), curve.rows, steps)
    except kinds as error:
        raise errors.ParseError(f"its curves cannot be read: {error}.", file=run_hash) from None
    for step in sorted(steps):
        yield steps[step]


def _take(name: str, rows: Iterator[tuple[Any, Any, Any]], steps: dict[int, LoggedPoint]) -> None:
    """Add the values of a metric."""
    for step, value, time in rows:
        if isinstance(step, int | float) and float(step).is_integer() and abs(step) < LONGEST_STEP:
            seconds = float(time) if time is not None and math.isfinite(time) else 0.0
            point = steps.setdefault(int(step), LoggedPoint(int(step), seconds, {}))
            point.values[name] = float(value)


def _name(name: str, context: Mapping[str, Any]) -> str:
    """The name with its context: `train/loss` for {"subset": "train"}, else `k=1/loss`."""
    words = []
    for key in sorted(context):
        words.append(str(context[key]) if key == "subset" else f"{key}={context[key]}")
    return "/".join([*words, name.removeprefix(_OF_MACHINE)])


def _plain(value: Any) -> Any:
    """The value in maps, lists, numbers and texts."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
