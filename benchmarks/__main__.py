"""`python -m benchmarks`: measures, prints the table, and writes the results."""

from __future__ import annotations

import argparse
import os
import sys
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import cases, report
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, compare

HERE = Path(__file__).parent
ROOT = HERE.parent / ".bench"
QUICK_RUNS = 2


def main() -> int:
    options = _parse()
    lab = Lab(
        ROOT,
        runs=options.runs or (QUICK_RUNS if options.quick else 5),
        with_dvc=not options.no_dvc,
        quick=options.quick,
        cold_disk=options.cold_disk,
    )
    try:
        return _run(lab, options)
    finally:
        lab.close()


def _run(lab: Lab, options: argparse.Namespace) -> int:
    wanted = [name for name in cases.names(lab) if any(fnmatch(name, each) for each in options.only or ["*"])]
    if not wanted:
        print(f"no such case; there are: {', '.join(cases.names(lab))}", file=sys.stderr)
        return 2
    whole = not (options.only or options.no_dvc or options.quick)
    about = report.machine(with_dvc=lab.with_dvc) | {"load before": report.load()}
    outcomes = [_measure(name, lab) for name in wanted]
    about["load after"] = report.load()
    how = f"{'all cases' if whole else 'in part'}, {lab.runs} runs{', quick' if lab.quick else ''}"
    folder = options.output or (HERE if whole and not options.runs else ROOT / "last")
    print(report.write(folder, outcomes, about, how))
    print(f"written to {os.path.relpath(folder)}", file=sys.stderr)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _measure(name: str, lab: Lab) -> report.Outcome:
    print(f"{name} …", file=sys.stderr, flush=True)
    case = cases.build(name, lab)
    try:
        return report.Outcome(name, case, compare(case.sides, lab.runs))
    except CommandError as failure:
        print(failure, file=sys.stderr)
        told = str(failure).splitlines()[0].replace(f"{ROOT.parent}/", "")
        return report.Outcome(name, case, {}, told)
    finally:
        lab.clear()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases only; * and ? are understood")
    parser.add_argument("--runs", type=int, help="runs of each side (default: 5; quick: 2)")
    parser.add_argument("--no-dvc", action="store_true", help="gitexp and Git alone")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="under three minutes: DVC's slow cases and the largest are left out",
    )
    parser.add_argument(
        "--cold-disk",
        action="store_true",
        help="as root on Linux: also with the system's file cache emptied, which slows the whole machine",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="folder for the results (default: benchmarks/ for a whole run, else .bench/last/)",
    )
    options = parser.parse_args()
    if options.cold_disk and not os.access(cases.DROP_CACHES, os.W_OK):
        parser.error("--cold-disk needs root on Linux")
    return options


if __name__ == "__main__":
    sys.exit(main())
