"""Each fault at each point of each scenario, and what must hold after it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gitexp.ops.project import Project
from tests.crash.scenarios import Scenario
from tests.crash.strace import Fault, Point, Strace, Struck
from tests.support.kills import KILLED, assert_sound
from tests.support.workspace import Workspace

KILLS = (Fault(), Fault(too=True))
ERRORS = (Fault("EIO"), Fault("ENOSPC", for_good=True))

# Nothing of these tells of a bug, and nothing of it may reach a person.
_NO_MESSAGE = re.compile(r"Traceback|Unexpected:|Exception ignored|\[Errno")
_WITHOUT_ROOM = ("openat", "write", "pwrite64", "mkdir", "rename", "link", "symlink", "fallocate", "fsync")


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault at one point of one scenario."""

    scenario: Scenario
    point: Point
    fault: Fault

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.point}: {self.fault}"


@dataclass(slots=True)
class Tally:
    """How a campaign went: `lost` has a text for each trial after which something did not hold.

    `missed` counts the trials in which gitexp did not come to the point (a name that is made at random
    may save it a call); `slowest` is the longest that a command took afterwards, in seconds.
    """

    done: int = 0
    missed: int = 0
    slowest: float = 0.0
    lost: list[str] = field(default_factory=list)


class Laboratory:
    """A folder with a repository of each scenario, to be copied for each trial."""

    def __init__(self, folder: Path, scenarios: Sequence[Scenario]) -> None:
        self._folder = folder
        self._strace = Strace(folder / "strace")
        self._made = {s.name: s.make(folder / f"made-{number}") for number, s in enumerate(scenarios)}
        self.scenarios = scenarios

    def trials(self, scenario: Scenario, faults: Sequence[Fault]) -> list[Trial]:
        """Every trial that makes sense, in the order in which gitexp comes to their points."""
        with self.copy(scenario) as repo:
            points = self._strace.record(repo, scenario.args)
        return [
            Trial(scenario, point, fault) for point in points for fault in faults if _sensible(point, fault)
        ]

    def run(self, trial: Trial, tally: Tally) -> None:
        """Run one trial and count it."""
        with self.copy(trial.scenario) as repo:
            struck = self._strace.strike(repo, trial.scenario.args, trial.point, trial.fault)
            if not struck.hit:
                tally.missed += 1
                return
            try:
                _verify(repo, trial, struck, tally)
            except Exception as error:
                told = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else error
                tally.lost.append(f"{trial}\n  {trial.point.line}\n  {struck}\n  {told}")
            tally.done += 1

    def run_all(
        self, trials: Sequence[Trial], jobs: int, progress: Callable[[Tally], None] = lambda tally: None
    ) -> Tally:
        """Run trials side by side; `progress` is called after each."""
        tally = Tally()
        with ThreadPoolExecutor(jobs) as pool:
            for _ in pool.map(lambda trial: self.run(trial, tally), trials):
                progress(tally)
        return tally

    @contextmanager
    def copy(self, scenario: Scenario) -> Iterator[Workspace]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield scenario.copy(self._made[scenario.name], folder / "repo")
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sensible(point: Point, fault: Fault) -> bool:
    if fault.too:
        return point.git > 0  # else there is nobody else
    if fault.error == "ENOSPC":
        return point.call in _WITHOUT_ROOM
    return True


def _verify(repo: Workspace, trial: Trial, struck: Struck, tally: Tally) -> None:
    """Raise AssertionError where a promise is broken."""
    repo.guard.check()
    assert_sound(repo)
    _assert_told(struck)
    if struck.exit_code == 0:  # what it has said is so
        trial.scenario.holds(repo)
    if trial.point.nth % 2:  # the same command must do the tidying up as well as any other
        _gitexp(repo, tally, ("list",))
        repo.guard.check()
        _assert_whole(repo)
    answer = _gitexp(repo, tally, trial.scenario.args, trial.scenario.refused)
    trial.scenario.holds(repo)
    repo.guard.check()
    _assert_whole(repo)
    assert_sound(repo)
    assert not answer or answer in trial.scenario.refused


def _gitexp(repo: Workspace, tally: Tally, args: Sequence[str], refused: Sequence[str] = ()) -> str:
    """Run a command that must work, or be refused for one of some reasons; return the reason."""
    started = time.monotonic()
    done = repo.gitexp(args[0], "--json", *args[1:], check=False)
    tally.slowest = max(tally.slowest, time.monotonic() - started)
    if done.exit_code == 0:
        return ""
    try:
        code = str(json.loads(done.stdout)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        code = "?"
    assert code in refused, (
        f"gitexp {' '.join(args)} afterwards: {done.exit_code}\n{done.stdout}{done.stderr}"
    )
    return code


def _assert_told(struck: Struck) -> None:
    """A process that was not killed itself says in one sentence what went wrong, if it failed."""
    assert struck.exit_code in (0, 1, KILLED), "an exit status that no program expects"
    assert _NO_MESSAGE.search(struck.stderr) is None, "what it said is not for people"
    if struck.exit_code == 1:
        assert len(re.findall(r"^error: \S.*[^\s]$", struck.stderr, re.MULTILINE)) == 1, "no clear message"


def _assert_whole(repo: Workspace) -> None:
    """Every experiment has ended, can be read, and stands on its baseline."""
    project = Project.open(repo.path)
    for experiment in project.store.all():
        assert experiment.error is None, experiment.error
        assert experiment.record.status.ended, f"{experiment.name} is {experiment.record.status}"
        parents = project.repo.run("show", "-s", "--format=%P", experiment.record.commit).decode().split()
        assert parents == [experiment.record.baseline]
    assert not list(project.local.runs.glob("*/state.json")), "a run is still taken to be going on"
