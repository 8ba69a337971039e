"""The points of a sweep, and its id; no input or output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from gitexp.extras.sweep.spaces.grid import grid
from gitexp.named_tuple import NamedTuple
from gitexp.project.params import CommandLine

_ID_LENGTH = 8  # hex digits


class Sweep(NamedTuple):
    """Many runs of one command.

    Attributes:
        id: the same for the same request, on every clone and day.
        points: the overrides of each run.
        command: the command, or the words for the stages.
    """

    id: str
    points: Sequence[tuple[str, ...]]
    command: CommandLine


def of_overrides(
    texts: Sequence[str],
    command: CommandLine,
    folder: str,
    jobs: Sequence[tuple[str, ...]] = (),
    from_: str = "",
) -> Sweep:
    """The grid of the values of some overrides, for each of some jobs with overrides of their own.

    `folder` is the folder of `command`, and `from_` the experiment whose code runs. Raises OverrideError.
    """
    asked: list[object] = [list(texts), command, folder]
    if jobs:
        asked.append(jobs)
    if from_:
        asked.append({"from": from_})
    digest = hashlib.sha256(json.dumps(asked).encode("utf-8", "surrogateescape")).hexdigest()
    points = []
    for job in jobs or [()]:
        for point in grid(texts):
            points.append((*job, *point))
    return Sweep(f"sweep-{digest[:_ID_LENGTH]}", list(dict.fromkeys(points)), command)
