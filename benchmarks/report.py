"""The results as two files: `RESULTS.md` for people, `results.json` for programs.

Both say on what kind of machine they were measured, and neither says which one: no host names, no paths.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.cases import BARE, DVC, FLOOR, GITEXP, Case
from benchmarks.measure import Sample
from benchmarks.peers import DVC_VERSION
from gitexp.version import __version__

RESULTS_MD, RESULTS_JSON = "RESULTS.md", "results.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case: the samples of its sides as measured, or the error that ended it."""

    name: str
    case: Case
    samples: Mapping[str, Sample]
    error: str | None = None

    def net(self, side: str) -> Sample | None:
        """A side's sample less the cost of the bare command, if there is one."""
        if (sample := self.samples.get(side)) is None:
            return None
        bare = self.samples.get(BARE)
        return sample if bare is None or side in (BARE, FLOOR) else sample.less(bare.median)

    @property
    def met(self) -> bool | None:
        """Whether every goal of the case is met by the median; None without a goal."""
        ours = self.net(GITEXP)
        if self.error is not None or ours is None:
            return False
        if self.case.goal is None and self.case.memory_goal is None:
            return None
        return (self.case.goal is None or ours.median <= self.case.goal) and (
            self.case.memory_goal is None or ours.memory <= self.case.memory_goal
        )


def machine(*, with_dvc: bool) -> dict[str, str]:
    """The kind of machine, and the versions of all that takes part."""
    git = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout
    described = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": _system(),
        "Python": platform.python_version(),
        "Git": git.split()[2],
        "gitexp": __version__,
    }
    return described | ({"DVC": DVC_VERSION} if with_dvc else {})


def load() -> str:
    """How many processes were at work in the last minute; measuring alone makes about one."""
    return f"{os.getloadavg()[0]:.1f}"


def write(folder: Path, outcomes: list[Outcome], about: Mapping[str, str], how: str) -> str:
    """Writes both files into `folder` and returns the text of the one for people."""
    text = _markdown(outcomes, about, how)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS_MD).write_text(text)
    data = {"machine": dict(about), "how": how, "cases": [_json(outcome) for outcome in outcomes]}
    (folder / RESULTS_JSON).write_text(json.dumps(data, indent=1) + "\n")
    return text


def _json(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "work": outcome.case.work,
        "goal_seconds": outcome.case.goal,
        "goal_mib": outcome.case.memory_goal,
        "met": outcome.met,
        "error": outcome.error,
        "sides": {side: asdict(sample) for side, sample in outcome.samples.items()},
    }


def _markdown(outcomes: list[Outcome], about: Mapping[str, str], how: str) -> str:
    day = datetime.now(UTC).date().isoformat()
    head = [
        "# How quick it is",
        "",
        f"Measured on {day} ({how}): " + ", ".join(f"{key} {value}" for key, value in about.items()) + ".",
        "",
        "Seconds of whole processes: median (least-most) x runs. `README.md` says what is measured.",
        "",
        "| work | gitexp | DVC | DVC / gitexp | Git's own floor | goal | met? |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows = [_row(outcome) for outcome in outcomes]
    memory = [
        "",
        "Peak memory of the largest process, MiB:",
        "",
        "| work | gitexp | DVC | goal |",
        "| --- | --- | --- | --- |",
        *(_memory_row(outcome) for outcome in outcomes if outcome.error is None),
    ]
    failures = [f"- {outcome.case.work}: `{outcome.error}`" for outcome in outcomes if outcome.error]
    notes = ["", "Not measured, because a command failed:", "", *failures] if failures else []
    return "\n".join([*head, *rows, *memory, *notes]) + "\n"


def _row(outcome: Outcome) -> str:
    ours, theirs, floor = (outcome.net(side) for side in (GITEXP, DVC, FLOOR))
    ratio = f"{theirs.median / ours.median:.1f}" if ours and theirs and ours.median > 0 else "-"
    floor_text = f"{_seconds(floor.median)} ({outcome.case.floor})" if floor else "-"
    goal = _goal(outcome.case.goal)
    met = {True: "yes", False: "**NOT MET**", None: "-"}[outcome.met]
    cells = [outcome.case.work, _sample(ours), _sample(theirs), ratio, floor_text, goal, met]
    return f"| {' | '.join(cells)} |"


def _goal(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"≤ {seconds:.2f}" if seconds >= 0.01 else f"≤ {seconds:.3f}"


def _memory_row(outcome: Outcome) -> str:
    ours, theirs = outcome.samples.get(GITEXP), outcome.samples.get(DVC)
    goal = f"≤ {outcome.case.memory_goal:.0f}" if outcome.case.memory_goal is not None else "-"
    cells = [outcome.case.work, *(f"{each.memory:.0f}" if each else "-" for each in (ours, theirs)), goal]
    return f"| {' | '.join(cells)} |"


def _sample(sample: Sample | None) -> str:
    if sample is None:
        return "-"
    if len(sample.seconds) == 1:
        return f"{_seconds(sample.median)} x 1"
    least, most = _seconds(min(sample.seconds)), _seconds(max(sample.seconds))
    return f"{_seconds(sample.median)} ({least}-{most}) x {len(sample.seconds)}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"
    return f"{name} (Linux {'.'.join(platform.release().split('.')[:2])})"
