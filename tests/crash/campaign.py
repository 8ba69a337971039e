"""Each fault at each point of each scenario, and what must hold after it."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.crash.promises import Before, Outcome
from tests.crash.scenario import Scenario
from tests.crash.strace import Fault, Point, Strace, Struck
from tests.support.guard import fingerprint
from tests.support.kills import KILLED, assert_sound
from tests.support.workspace import Result, Workspace

# A lock that is a file, and whose writer was killed before he wrote who he is, counts as dead after 12 signs
# of life that never came. With the usual ten seconds, no command would wait so long here.
QUICK_SIGNS = "0.5"
KILLS = (Fault(), Fault(too=True))
ERRORS = (Fault("EIO"), Fault("ENOSPC"), Fault("ENOSPC", for_good=True))

# Nothing of these tells of a bug, and nothing of it may reach a person.
_NO_MESSAGE = re.compile(r"Traceback|Unexpected:|Exception ignored|\[Errno")
_OF_THE_SCRIPT = 'train.py", line'  # in a traceback
# What a Git that was killed leaves is not always to be seen before the next command has looked.
_NEXT_REMOVES = tuple(
    f"git: {name} (appeared)" for name in ("packed-refs.lock", "packed-refs.new", "HEAD.lock")
)
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


Progress = Callable[[Tally], None]


class Bench:
    """A place where one trial after the other is made: always the same folder, for paths are stored too."""

    def __init__(self, place: Path, store: Path) -> None:
        self._place = place / "repo"
        self._store = store
        self._made: dict[str, Path] = {}
        self._outcomes: dict[str, Outcome] = {}

    @contextmanager
    def repo(self, scenario: Scenario) -> Iterator[Workspace]:
        """Give a fresh repository of a scenario, guarded against all but the announced changes."""
        place, made = self._place, self._made.get(scenario.name)
        if made is None:
            made = self._made[scenario.name] = self._store / f"made-{len(self._made)}"
            scenario.make(place)
            shutil.move(place, made)
        shutil.copytree(made, place, symlinks=True)
        try:
            repo = Workspace(place)
            for kind, pattern in scenario.may_change:
                repo.allow(kind, pattern)
            yield repo
        finally:
            shutil.rmtree(place)

    def undisturbed(self, scenario: Scenario) -> Outcome:
        """Return what a scenario comes to where there is no fault."""
        if scenario.name not in self._outcomes:
            with self.repo(scenario) as repo:
                repo.gitexp(*scenario.args)
                self.note(scenario, repo)
        return self._outcomes[scenario.name]

    def note(self, scenario: Scenario, repo: Workspace) -> None:
        """Note what a scenario came to in a repository where there was no fault."""
        self._outcomes[scenario.name] = Outcome.of(repo)
        scenario.holds(repo)


class Laboratory:
    """Where trials are made, `jobs` at once; `folder` is empty at first, and stays."""

    def __init__(self, folder: Path, jobs: int = 1) -> None:
        self._strace = Strace(folder / "strace")
        self._jobs = jobs
        self._benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(jobs):
            place = folder / f"bench-{number}"
            place.mkdir()
            self._benches.put(Bench(place, place))

    def trials(self, scenario: Scenario, faults: Sequence[Fault]) -> list[Trial]:
        """Every trial that makes sense, in the order in which gitexp comes to their points."""
        with self._bench() as bench, bench.repo(scenario) as repo:
            points = self._strace.record(repo, scenario.args)
            bench.note(scenario, repo)
        found = []
        for point in points:
            # A Git that answers questions may have the number instead. It passes over an error of its pipe,
            # which no disk can bring about, and whoever has asked waits for ever.
            may_answer = scenario.side_by_side and point.git > 0 and point.call == "write"
            for fault in faults:
                if _sensible(point, fault) and not (may_answer and fault.error):
                    found.append(Trial(scenario, point, fault))
        return found

    def run(self, trials: Sequence[Trial], progress: Progress = lambda tally: None) -> Tally:
        """Make trials; `progress` is called after each."""
        tally = Tally()
        with ThreadPoolExecutor(self._jobs) as pool:
            for _ in pool.map(lambda trial: self._run(trial, tally), trials):
                progress(tally)
        return tally

    def _run(self, trial: Trial, tally: Tally) -> None:
        with self._bench() as bench:
            wanted = bench.undisturbed(trial.scenario)
            with bench.repo(trial.scenario) as repo:
                self._try(trial, repo, wanted, tally)

    def _try(self, trial: Trial, repo: Workspace, wanted: Outcome, tally: Tally) -> None:
        before = Before.of(repo)
        struck = self._strace.strike(repo, trial.scenario.args, trial.point, trial.fault)
        if not struck.hit:
            tally.missed += 1
            return
        of, first = f"{trial}\n  {trial.point.line}", trial.point.nth % 2 == 1
        count(repo, of, (before, wanted), trial.scenario, struck, tally, look_first=first)

    @contextmanager
    def _bench(self) -> Iterator[Bench]:
        bench = self._benches.get()
        try:
            yield bench
        finally:
            self._benches.put(bench)


def sample(trials: Sequence[Trial], most: int) -> Sequence[Trial]:
    """Return no more than so many, spread over all; the same ones each time."""
    if len(trials) <= most:
        return trials
    return [trials[at * len(trials) // most] for at in range(most)]


def _sensible(point: Point, fault: Fault) -> bool:
    if fault.too:
        return point.git > 0  # else there is nobody else
    if fault.error == "ENOSPC":
        # To read a file and to say what is wrong can be done on a full disk.
        once = point.call == "openat" or (point.call == "write" and not point.git)
        return point.call in _WITHOUT_ROOM and fault.for_good != once
    return True


def count(
    repo: Workspace,
    of: str,
    promised: tuple[Before, Outcome],
    scenario: Scenario,
    struck: Struck,
    tally: Tally,
    *,
    look_first: bool,
) -> None:
    """Look whether all that is promised holds, and count what was lost; `of` is what to call the trial."""
    try:
        _verify(repo, *promised, scenario, struck, tally, look_first=look_first)
    except Exception as error:
        told = error if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        tally.lost.append(f"{of}\n  {struck}\n  {told}")
    tally.done += 1


def _verify(
    repo: Workspace,
    before: Before,
    wanted: Outcome,
    scenario: Scenario,
    struck: Struck,
    tally: Tally,
    *,
    look_first: bool,
) -> None:
    """Raise AssertionError where a promise is broken; `wanted` is what it comes to undisturbed.

    With `look_first`, another command comes before the same one again: either must be able to tidy up.
    """
    changes = [change for change in repo.guard.changes() if not change.startswith(_NEXT_REMOVES)]
    assert not changes, f"gitexp changed what is the user's: {changes}"
    if not scenario.ill:
        assert_sound(repo)
    before.check(repo, scenario)
    wanted.check_steps(repo, before, scenario)
    _assert_told(struck, scenario)
    if struck.exit_code == 0 and scenario.at_once:  # what it has said is so
        scenario.holds(repo)
    if look_first:
        _gitexp(repo, tally, ("list",))
        repo.guard.check()
        if not scenario.ill:
            _assert_whole(repo)
        if scenario.undone:
            _gitexp(repo, tally, ("undo",), ("nothing-to-undo",))
            assert fingerprint(repo.path) == before.user, "gitexp undo has not brought back all of the user's"
    scenario.meanwhile(repo)
    again = _gitexp(repo, tally, scenario.args, scenario.refused)
    if scenario.same and again.exit_code == 0:
        wanted.check(repo)
    before.check(repo, scenario)
    scenario.holds(repo)
    repo.guard.check()
    _assert_whole(repo)
    assert_sound(repo)


def _gitexp(repo: Workspace, tally: Tally, args: Sequence[str], refused: Sequence[str] = ()) -> Result:
    """Run a command that must work, or be refused for one of some reasons."""
    started = time.monotonic()
    words = 2 if args[0] in ("data", "remote", "queue", "engine", "model") else 1  # `data push`
    is_for_nobody = tuple(args[:2]) in (("queue", "work"), ("engine", "job"))
    as_json = [] if is_for_nobody else ["--json"]
    done = repo.gitexp(*args[:words], *as_json, *args[words:], check=False)
    tally.slowest = max(tally.slowest, time.monotonic() - started)
    if done.exit_code == 0:
        return done
    try:
        code = str(json.loads(done.stdout)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        code = "?"
    assert code in refused, (
        f"gitexp {' '.join(args)} afterwards: {done.exit_code}\n{done.stdout}{done.stderr}"
    )
    return done


def _assert_told(struck: Struck, scenario: Scenario) -> None:
    """A process that was not killed itself says in one sentence what went wrong, if it failed."""
    assert struck.exit_code in (0, 1, KILLED), "an exit status that no program expects"
    said = struck.stderr + struck.stdout
    if _OF_THE_SCRIPT in said:
        return  # the script has found the disk full itself, and its exit status is passed on
    assert _NO_MESSAGE.search(said) is None, "what it said is not for people"
    if struck.exit_code == 1 and not (scenario.reports and (struck.stdout or struck.stderr)):
        assert len(re.findall(r"^error: \S.*[^\s]$", struck.stderr, re.MULTILINE)) == 1, "no clear message"


def _assert_whole(repo: Workspace) -> None:
    """Every experiment is queued or has ended, can be read, and stands on its baseline."""
    project = Project.open(repo.path)
    made = set()
    for experiment in project.store.all():
        assert isinstance(experiment, Experiment), experiment
        assert experiment.record.status is not Status.RUNNING, f"{experiment.name} is still running"
        made.add((experiment.record.commit, experiment.record.baseline))
    for commit, baseline in made:
        assert project.repo.run("show", "-s", "--format=%P", commit).decode().split() == [baseline]
    assert not list(project.local.runs.glob("*/state.json")), "a run is still taken to be going on"
