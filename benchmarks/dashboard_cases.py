"""What is measured of the dashboard: its start, its table, its cost while it waits, and its export."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.case import FLOOR, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side, nothing

SMALL, LARGE = 1_000, 10_000
CURVES, STEPS = 100, 10_000
BROWSER = shutil.which("chromium")  # as the probe asks for it

_PROBE = Path(__file__).with_name("dashboard_probe.py")


def _start(lab: Lab) -> Case:
    """What a person waits for who types `gitexp ui`."""
    side = _probe(lab, "first", lab.experiments(SMALL), rows=SMALL)
    sides = {GITEXP: side, FLOOR: side_of(lab, [lab.python, "-c", "import jinja2, starlette, uvicorn"])}
    work = f"`gitexp ui`, from the start to the first page, {SMALL:,} experiments"
    return Case(work, sides, floor="import of the server", goal=0.6)


def _request(lab: Lab, *, size: Callable[[], int], goal: float, memory_goal: float | None = None) -> Case:
    side = _probe(lab, "request", lab.experiments(size()), rows=size(), runs=3)
    work = f"dashboard: a request of the table of {size():,}"
    return Case(work, {GITEXP: side}, goal=goal, memory_goal=memory_goal)


def _news(lab: Lab) -> Case:
    """A ref is deleted and comes back, in a copy."""
    kept = lab.experiments(SMALL)
    folder = Path(tempfile.mkdtemp(prefix="news-", dir=lab.scratch)) / "project"

    def fresh() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder, symlinks=True)

    side = _probe(lab, "news", folder, before=fresh, runs=3)
    return Case(f"dashboard: a new experiment beside {SMALL:,} is seen", {GITEXP: side}, goal=1.0)


def _tick(lab: Lab) -> Case:
    side = _probe(lab, "tick", lab.experiments(LARGE), runs=2)
    work = f"dashboard: a tick with nothing new, {LARGE:,} experiments, processor"
    return Case(work, {GITEXP: side}, goal=0.005)


def _idle(lab: Lab) -> Case:
    """2 % of a core."""
    side = _probe(lab, "idle", lab.experiments(LARGE), runs=2)
    work = f"dashboard: a second of 100 idle browsers, {LARGE:,} experiments, processor"
    return Case(work, {GITEXP: side}, goal=0.02)


def _drawn(lab: Lab, *, again: bool) -> Case:
    """A hundred curves in Chromium, by its own clock; each experiment has two."""
    folder = lab.experiments(CURVES // 2, points=STEPS)
    side = _probe(lab, "drawn-again" if again else "drawn", folder, runs=3)
    how = "again" if again else "for the first time"
    return Case(f"dashboard: {CURVES} curves of {STEPS:,} steps drawn {how}", {GITEXP: side}, goal=1.5)


def _export(lab: Lab) -> Case:
    folder = lab.experiments(SMALL)
    site = lab.scratch / "site"

    def is_whole(_output: bytes) -> None:
        found = len(list((site / "experiments").glob("*.html")))
        if found != SMALL:
            raise CommandError(f"{found} pages of experiments were written, not {SMALL}")

    side = Side(
        lambda: [*lab.gitexp, "ui", "--export", str(site), "--quiet"],
        folder,
        lab.env,
        before=partial(shutil.rmtree, site, ignore_errors=True),
        check=is_whole,
        runs=3,
        warmups=0,
    )
    return Case(f"dashboard: export of {SMALL:,} experiments as a folder", {GITEXP: side}, goal=5.0)


def _probe(
    lab: Lab,
    what: str,
    folder: Path,
    *,
    rows: int = 0,
    runs: int = 5,
    before: Callable[[], None] = nothing,
) -> Side:
    """The side of one measure of the probe, whose page has so many rows at least."""

    def check(output: bytes) -> None:
        if rows and int(output.split()[1]) < rows:
            raise CommandError(f"the page does not have {rows} experiments: {output!r}")

    return Side(
        lambda: [lab.python, str(_PROBE), *lab.gitexp, what],
        folder,
        lab.env,
        before=before,
        check=check,
        runs=runs,
        warmups=0 if runs < 5 else 1,
        told=lambda output: float(output.split()[0]),
    )


CASES: dict[str, Callable[[Lab], Case]] = {
    "dashboard-start": _start,
    "dashboard-table-1000": partial(_request, size=lambda: SMALL, goal=0.15),
    "dashboard-table-10000": partial(_request, size=lambda: LARGE, goal=0.5, memory_goal=250),
    "dashboard-news": _news,
    "dashboard-export-1000": _export,
}
WAITING: dict[str, Callable[[Lab], Case]] = {"dashboard-tick": _tick, "dashboard-idle": _idle}
DRAWN: dict[str, Callable[[Lab], Case]] = {
    "dashboard-curves": partial(_drawn, again=False),
    "dashboard-curves-again": partial(_drawn, again=True),
}
