"""`make crash`: every campaign; the outcome goes into docs/reliability.md. Ends with 1 if anything was lost.

python -m tests.crash                                     all of it
python -m tests.crash --scenario push                     all system calls of one, which are written down too
python -m tests.crash --only kills --scenario run --points 50
python -m tests.crash --only kills --scenario apply --at "git 9 rename 1"
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gitexp.repo.git.locking import keeper
from tests.crash import disk, limits, report, storms, strace
from tests.crash.campaign import ERRORS, KILLS, QUICK_SIGNS, Laboratory, Progress, Tally, sample
from tests.crash.report import Line, Tried
from tests.crash.scenarios import SCENARIOS
from tests.crash.strace import Fault
from tests.support.environment import bare_python, git_settings, hermetic
from tests.support.workspace import fork_server

# Of what each campaign has to offer; together they take less than three quarters of an hour on two cores.
KILL_POINTS = 60  # of each scenario; where it has more, they are spread over all
ERROR_POINTS = 30
SEQUENCES = 1000  # a second each, with the kills
INPUTS = 10_000
_LEVELS = range(0, 60, 2)  # pages left on the disk
_ON_DISK = ("save", "run", "note", "remove", "apply", "undo of apply", "add", "checkout", "data pull")
_LIMITED = ("run", "add", "data pull", "checkout", "pull", "remote add")

_PARTS = ("kills", "errors", "disks", "limits", "storms", "sequences", "parsers")
_STRIKING = _PARTS[:2]
_STRUCK = ("SIGKILL at a system call", "I/O error or full disk at a system call")


class Campaigns:
    """Where they are made, and what has come of them."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._jobs = options.jobs
        self._scenarios = [s for s in SCENARIOS if options.scenario in (None, s.name)]
        self.lines: list[Line] = []
        self.struck: dict[str, list[Tried]] = {scenario.name: [] for scenario in self._scenarios}
        self.lost: list[str] = []

    def kills(self) -> None:
        self._strike(_STRUCK[0], KILLS, self._options.points or KILL_POINTS)

    def errors(self) -> None:
        self._strike(_STRUCK[1], ERRORS, self._options.points or ERROR_POINTS)

    def _strike(self, title: str, faults: Sequence[Fault], most: int) -> None:
        if why := strace.why_not():
            self._skip(title, why)
            return
        (place := self._folder / title.split()[0].replace("/", "")).mkdir()
        laboratory = Laboratory(place, self._jobs)
        for scenario in self._scenarios:
            of = f"{title}: {scenario.name}"
            possible = laboratory.trials(scenario, faults)
            chosen = [trial for trial in possible if self._options.at in (None, str(trial.point))]
            chosen = list(sample(chosen, most))
            began = time.monotonic()
            tally = laboratory.run(chosen, _progress(of, len(chosen)))
            took = (
                f"in {time.monotonic() - began:.0f} s, the slowest command afterwards {tally.slowest:.1f} s"
            )
            _say(f"{of}: {tally.missed} of {len(chosen)} points were not come to; {took}")
            self._tell(Line(of, tally.done, len(tally.lost), f"of {len(possible)}"), tally.lost)
            self.struck[scenario.name].append(Tried(len(possible), tally.done, len(tally.lost)))

    def disks(self) -> None:
        title = "a disk with a few kB left"
        if why := disk.why_not():
            self._skip(title, why)
            return
        tally = Tally()
        scenarios = [s for s in self._scenarios if s.name in _ON_DISK]
        for number, scenario in enumerate(scenarios):
            (place := self._folder / f"disk-{number}").mkdir()
            disk.fill(place, scenario, _LEVELS, tally, _progress(title, len(scenarios) * len(_LEVELS)))
        self._add(Line(title, tally.done, len(tally.lost), "1 MB; 4 MB for a run"), tally.lost)

    def limits(self) -> None:
        title = "a limit on the size of files"
        if why := limits.why_not():
            self._skip(title, why)
            return
        tally = Tally()
        scenarios = [s for s in self._scenarios if s.name in _LIMITED]
        for number, scenario in enumerate(scenarios):
            (place := self._folder / f"limit-{number}").mkdir()
            limits.lower(
                place, scenario, limits.SIZES, tally, _progress(title, len(scenarios) * len(limits.SIZES))
            )
        self._add(Line(title, tally.done, len(tally.lost), "0 bytes to 64 kB"), tally.lost)

    def storms(self) -> None:
        title = "storms of kills, stops, prunes and wrong clocks"
        if why := storms.why_not():
            self._skip(title, why)
            return
        outcome, count = storms.Outcome(), self._options.points or storms.STORMS
        (place := self._folder / "storms").mkdir()
        library = storms.clock(place)
        for number in range(count):
            with tempfile.TemporaryDirectory(dir=place) as folder:
                storms.storm(Path(folder), number, library, outcome)
            if number % 10 == 9:
                _say(f"{title}: {number + 1} of {count}, {len(outcome.lost)} lost")
        remark = f"{outcome.done:,} commands, and {outcome.killed:,} that were killed"
        if library is None:
            remark += "; no clock was wrong, for want of a compiler"
        self._add(Line(title, count, len(outcome.lost), remark), outcome.lost)

    def sequences(self) -> None:
        title = "sequences of commands against a model"
        each = (self._options.points or SEQUENCES) // self._jobs
        found, lost = self._beside("tests.crash.machine", each, title)
        done = sum(one["sequences"] for one in found)
        self._add(Line(title, done, len(lost), f"{sum(one['steps'] for one in found):,} steps"), lost)

    def parsers(self) -> None:
        title = "inputs of the parsers"
        each = (self._options.points or INPUTS) // self._jobs
        found, lost = self._beside("tests.crash.parsers", each, title)
        lost += [text for one in found for text in one["wrong"]]
        slowest = max((one["slowest"] for one in found), default=0.0)
        remark = f"the slowest took {slowest:.2f} s, none more than 200 MB"
        self._add(Line(title, sum(one["tried"] for one in found), len(lost), remark), lost)

    def _beside(self, module: str, each: int, title: str) -> tuple[list[dict[str, object]], list[str]]:
        """What processes say that each do so many, and what those that failed said."""
        _say(f"{title}: {each} in each of {self._jobs} processes")
        running = []
        for number in range(self._jobs):
            command = [sys.executable, "-m", module, str(each), str(number), str(self._jobs)]
            out = self._folder / f"{module}-{number}"
            with out.open("wb") as file:
                running.append((out, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)))
        found, failed = [], []
        for out, process in running:
            process.wait()
            text = out.read_text(errors="replace")
            if process.returncode == 0:
                found.append(json.loads(text.splitlines()[-1]))
            else:
                failed.append(text[-5000:])
        return found, failed

    def _add(self, line: Line, lost: Sequence[str]) -> None:
        self.lines.append(line)
        self._tell(line, lost)

    def _tell(self, line: Line, lost: Sequence[str]) -> None:
        self.lost += lost
        _say(f"{line.campaign}: {line.points} points, {line.lost} lost; {line.remark}")
        for text in lost:
            _say(f"LOST {text}")

    def _skip(self, title: str, why: str) -> None:
        _say(f"{title}: left out, {why}")


def main() -> int:
    options = _options()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_memory(), prefix="gitexp-crash-") as name:
        folder = Path(name)
        _become_hermetic(folder)
        campaigns = Campaigns(folder, options)
        parts: dict[str, Callable[[], None]] = {
            "kills": campaigns.kills,
            "errors": campaigns.errors,
            "disks": campaigns.disks,
            "limits": campaigns.limits,
            "storms": campaigns.storms,
            "sequences": campaigns.sequences,
            "parsers": campaigns.parsers,
        }
        for part, run in parts.items():
            if options.only == part or (options.only is None and (part in _STRIKING or not options.scenario)):
                run()
        fork_server().close()
    if not (options.points or options.at):  # whole ones only
        _write_down(campaigns, whole=not options.scenario)
    _say(f"{len(campaigns.lost)} lost, in {(time.monotonic() - started) / 60:.1f} minutes")
    return 1 if campaigns.lost else 0


def _write_down(campaigns: Campaigns, *, whole: bool) -> None:
    struck = {name: tried for name, tried in campaigns.struck.items() if len(tried) == len(_STRUCK)}
    if struck:
        report.write_struck(struck, [scenario.name for scenario in SCENARIOS], _STRUCK)
    if whole:
        report.write(campaigns.lines)
    _say(f"written: {report.PAGE}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=_PARTS)
    parser.add_argument("--scenario", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--points", type=int, help="no more than that many, spread over all there are")
    parser.add_argument("--at", help="the one point of that name, as `git 9 rename 1`")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def _become_hermetic(folder: Path) -> None:
    """As tests/conftest.py has it for the tests."""
    (home := folder / "home").mkdir()
    environment = hermetic(os.environ, home, bare_python(folder / "programs"), git_settings(folder))
    os.environ.clear()
    os.environ.update(environment)
    os.environ[keeper.VARIABLE] = QUICK_SIGNS
    time.tzset()


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _progress(title: str, total: int) -> Progress:
    last = time.monotonic()

    def tell(tally: Tally) -> None:
        nonlocal last
        if time.monotonic() - last > 10:
            last = time.monotonic()
            _say(f"{title}: {tally.done} of {total}, {len(tally.lost)} lost")

    return tell


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
