"""The pictures of several runs, put beside each other: those with one name, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp.extras.web.contents.previews import IMAGES
from gitexp.regex import regex

_NUMBER = regex(r"\d{1,15}")
_MOST_SERIES = 50
_MOST_STEPS = 1_000


def in_steps(by_run: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The pictures by name, with a path for each run and step.

    The step: the last number in the name of a file. `samples/step_200.png` has the name `samples/step_#.png`
    and the step 200. A picture without a number has the step 0.
    """
    found: dict[str, dict[str, dict[int, str]]] = {}
    for run, paths in by_run.items():
        for path in paths:
            if PurePosixPath(path).suffix.lower() in IMAGES:
                name, step = _step_of(path)
                found.setdefault(name, {}).setdefault(run, {})[step] = path
    told = []
    for name, runs in list(found.items())[:_MOST_SERIES]:
        steps = set[int]()
        for of_run in runs.values():
            steps.update(of_run)
        told.append({"name": name, "steps": sorted(steps)[:_MOST_STEPS], "runs": runs})
    return told


def _step_of(path: str) -> tuple[str, int]:
    folder, _, file = path.rpartition("/")
    numbers = list(_NUMBER.finditer(file))
    if not numbers:
        return path, 0
    last = numbers[-1]
    name = f"{file[: last.start()]}#{file[last.end() :]}"
    if folder:
        name = f"{folder}/{name}"
    return name, int(last[0])
