"""What is measured of plots, reports, and the formats of `export`: commands that write one file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.case import FLOOR, GITEXP, Case, side_of
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side

COUNT = 1_000
CURVES, POINTS, PLOTS = 10, 1_000, 10


def _template() -> str:
    lines = ["# Plots"]
    for smooth in range(PLOTS // 2):
        for metric in ("loss", "accuracy"):
            lines.append(f"{{{{ plot('{metric}', smooth={smooth / 10}) }}}}")
    return "\n\n".join(lines)


def _csv(lab: Lab) -> Case:
    side = _exported(lab, "experiments.csv", b"exp-", least=COUNT)
    return Case(f"`export` of {COUNT:,} experiments as CSV", {GITEXP: side}, goal=1.0)


def _parquet(lab: Lab) -> Case:
    sides = {
        GITEXP: _exported(lab, "experiments.parquet", b"PAR1", least=2),
        FLOOR: side_of(lab, [lab.python, "-c", "import polars"]),
    }
    return Case(f"`export` of {COUNT:,} experiments as Parquet", sides, floor="import polars", goal=1.5)


def _exported(lab: Lab, name: str, mark: bytes, *, least: int) -> Side:
    target = lab.scratch / name
    argv = [*lab.gitexp, "export", "-A", "--quiet", "-o", str(target)]
    return _writing(lab, argv, lab.experiments(COUNT), target, mark, least=least)


def _plot(lab: Lab) -> Case:
    target = lab.scratch / "curves.svg"
    argv = [*lab.gitexp, "plots", "--quiet", "--columns", "loss", "--limit", str(CURVES), "-o", str(target)]
    sides = {
        GITEXP: _writing(lab, argv, _with_curves(lab), target, b"<svg"),
        FLOOR: side_of(lab, [lab.python, "-c", "import vl_convert"]),
    }
    work = f"`plots -o curves.svg`, {CURVES} curves of {POINTS:,} steps"
    return Case(work, sides, floor="import vl_convert", goal=2.0)


def _report(lab: Lab) -> Case:
    target, template = lab.scratch / "report.html", lab.scratch / "plots.md.j2"
    template.write_text(_template())
    argv = [*lab.gitexp, "report", "-A", "--quiet", "--template", str(template), "-o", str(target)]
    side = _writing(lab, argv, _with_curves(lab), target, b"data:image/svg+xml", least=PLOTS)
    side = replace(side, runs=3)
    return Case(f"`report` with {PLOTS} plots of {CURVES} curves, HTML", {GITEXP: side}, goal=5.0)


def _with_curves(lab: Lab) -> Path:
    return lab.experiments(CURVES * 2, points=POINTS)


def _writing(lab: Lab, argv: list[str], folder: Path, target: Path, mark: bytes, *, least: int = 1) -> Side:
    """The side of a command that writes a file with a mark in it, so many times at least."""

    def check(_output: bytes) -> None:
        found = len(re.findall(re.escape(mark), target.read_bytes()))
        if found < least:
            raise CommandError(f"{mark!r} is {found} times in {target.name}, not {least}")

    before = partial(target.unlink, missing_ok=True)
    return Side(lambda: argv, folder, lab.env, before=before, check=check)


CASES: dict[str, Callable[[Lab], Case]] = {
    "export-csv": _csv,
    "export-parquet": _parquet,
    "plots-svg": _plot,
    "report-plots": _report,
}
