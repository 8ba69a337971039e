"""A sweep that goes on: its code and its trials so far, its run, and what has come of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from gitexp import errors, plugins
from gitexp.extras.sweep import changes, driver, pruning, summary
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.crew import crew_of
from gitexp.extras.sweep.definition import SweepDefinition, id_of
from gitexp.extras.sweep.driver import Sweeper, SweepListener, SweepOutcome
from gitexp.extras.sweep.importance import simple
from gitexp.extras.sweep.spaces.space import samples
from gitexp.extras.sweep.standing import standing
from gitexp.extras.sweep.summary import SweepSummary
from gitexp.extras.sweep.trials import KnownPoint, Trial
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import Limits
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice
from gitexp.runs.planning.frozen import FrozenCode, as_it_is, freeze
from gitexp.runs.planning.plan import PlannedPoint
from gitexp.runs.request import RunRequest
from gitexp.views.importance import LEAST, Importance, ordered

_MOST_FILES = 20  # named as changed
_CODE_LENGTH = 12  # hex digits
_LEARNING = 8  # trials at a time of a search that learns, by an engine that takes any number


class CodeOfNow(NamedTuple):
    """The code of the next trials.

    Attributes:
        id: the id of the code; for unchanged code the id in the last trial.
        changes: a sentence for each difference since the last trial, in the code or in the sweep.
    """

    id: str
    changes: Sequence[str]


class SweepSession(NamedTuple):
    """A sweep about to go on, while no other process of this machine works on it.

    Attributes:
        project: the project of its experiments.
        definition: the sweep.
        frozen: the code of the next trials.
        before: the trials so far.
        code: the code of the next trials, beside that of the last one.
        stop_file: ends the sweep after its present trials, by its presence.
    """

    project: Project
    definition: SweepDefinition
    frozen: FrozenCode
    before: Sequence[Trial]
    code: CodeOfNow
    stop_file: Path

    @property
    def left(self) -> int:
        """The number of trials that are still to be planned."""
        return self.definition.total - len(reading.counting(self.definition, self.before))

    def has_changed(self, *, retry_failed: bool) -> bool:
        """Whether there is a next trial, and it would be of another code or sweep than the last one."""
        is_over = self.left <= 0 and not retry_failed and self.definition.repeat is None
        return bool(self.code.changes) and not is_over

    def sweeper(self) -> Sweeper:
        """What plans the next trials."""
        return Sweeper(self.project, self.definition, self.frozen, self.code.id)

    def run(
        self,
        sweeper: Sweeper,
        jobs: int,
        listener: SweepListener,
        pressed: Sequence[float],
        engine: EngineChoice | None = None,
    ) -> SweepOutcome:
        """Run the remaining trials; `pressed` has the times of Ctrl-C. Raises the errors of `driver.run`."""
        otherwise = _LEARNING if self.definition.method.learns else max(self.left, 1)
        with crew_of(self.project, jobs, engine, otherwise) as crew:
            return driver.run(crew, sweeper, listener, self.stop_file, pressed)


class LeftToRun(NamedTuple):
    """What a sweep would run, for a rehearsal.

    Attributes:
        definition: the sweep, with its id.
        before: the trials so far.
    """

    definition: SweepDefinition
    before: Sequence[Trial]


def rehearsed(project: Project, request: RunRequest, definition: SweepDefinition) -> LeftToRun:
    """What a sweep would run, checked with its first point; raises the errors of `opened`."""
    _require_packages(definition)
    with contextlib.ExitStack() as held:
        _, definition = _code_for(project, request, definition, held)
    return LeftToRun(definition, of_now(project, definition))


@contextlib.contextmanager
def opened(project: Project, request: RunRequest, definition: SweepDefinition) -> Iterator[SweepSession]:
    """Give a sweep, ready to go on, with all checked that can be checked before.

    A search without an id gets one from its request and its code: other code makes another search.
    Raises the errors of `gitexp.runs.run.run` from before the start of the command; sweep-busy, no-search.
    """
    _require_packages(definition)
    with contextlib.ExitStack() as held:
        frozen, definition = _code_for(project, request, definition, held)
        for point in samples(definition.space):
            frozen.checked([PlannedPoint(definition.space.overrides(point))])
        stop_file = held.enter_context(driver.alone(project, definition.id))
        before = of_now(project, definition)
        code = _code_of(frozen, definition, before)
        yield SweepSession(project, definition, frozen, before, code, stop_file)


def require_unchanged(session: SweepSession, *, retry_failed: bool) -> None:
    """Raise UsageError, with the differences, if the sweep or its code has changed since its last trial."""
    if session.has_changed(retry_failed=retry_failed):
        raise errors.UsageError(
            changes.told(session.definition, session.code.changes, len(session.before)),
            changes.hint(session.definition),
            code="sweep-changed",
        )


def _require_packages(definition: SweepDefinition) -> None:
    """Raise GitexpError if a package for the method or the pruner is not installed."""
    pruning.require(definition)
    if definition.method.learns:
        plugins.load("search", "optuna")(definition).require_packages()


def of_now(project: Project, definition: SweepDefinition) -> list[Trial]:
    """The trials of a sweep in their present state."""
    return reading.of_sweep(definition, driver.experiments(project), driver.removed(project))


def counted(project: Project, definition: SweepDefinition) -> list[Trial]:
    """The trials of a sweep, and the runs by hand that stand for points of its grid."""
    found = driver.experiments(project)
    own = reading.of_sweep(definition, found, driver.removed(project))
    return [*own, *standing(project, definition, own, found)]


def _code_for(
    project: Project, request: RunRequest, definition: SweepDefinition, held: contextlib.ExitStack
) -> tuple[FrozenCode, SweepDefinition]:
    """The code of the trials, and the sweep with its id; a dry run makes no workspace for the code."""
    if definition.limits != Limits():
        request = request._replace(limits=definition.limits)
    first = PlannedPoint(definition.space.overrides(tuple(axis.at(0) for axis in definition.space.axes)))
    frozen = as_it_is(project, request, first) if project.dry_run else freeze(project, request, first, held)
    if not definition.id:
        (lowest,) = frozen.checked([first])
        definition = _with_id(definition, lowest.ready.identity)
    return frozen, definition


def _with_id(definition: SweepDefinition, code: str) -> SweepDefinition:
    """A search of the command line with its id: its own for each request and each code."""
    parts = (definition.space.typed, str(definition.method), dict(definition.objectives), code)
    found = id_of(*parts)
    return definition._replace(id=found, seed=f"{found} {definition.seed}")


def _code_of(frozen: FrozenCode, definition: SweepDefinition, before: Sequence[Trial]) -> CodeOfNow:
    """The code of the next trials, beside that of the last one."""
    new = frozen.code.taken.tree[:_CODE_LENGTH]
    if not before:
        return CodeOfNow(new, [])
    last = before[-1].last
    said = changes.of_definition(definition, last.record)
    files = _changed_files(frozen, last)
    if files is None:
        return CodeOfNow(before[-1].code, said)
    return CodeOfNow(new, [*said, changes.of_code(files)])


def _changed_files(frozen: FrozenCode, last: Experiment) -> list[str] | None:
    """The files with which the last trial would run otherwise today; None if it would run the same."""
    try:
        (today,) = frozen.checked([PlannedPoint(last.record.overrides)])
    except errors.GitexpError:  # a param is gone, say
        return []
    if today.ready.identity == last.record.identity:
        return None
    repo = frozen.code.project.repo
    args = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options")
    try:
        out = repo.run(*args, f"{last.record.start}^{{tree}}", today.ready.tree)
    except errors.GitFailed:
        return []
    return [name.decode("utf-8", "replace") for name in out.split(b"\0")[:_MOST_FILES] if name]


def summary_of(
    project: Project, definition: SweepDefinition, *, with_importance: bool = True
) -> SweepSummary:
    """What has come of a sweep so far."""
    found = counted(project, definition)
    importance = Importance({})
    if with_importance and definition.objectives and len(definition.space.axes) > 1:
        importance = _importance_of(definition, reading.as_known(found, definition.objectives))
    return summary.of_trials(definition, found, importance)


def ranked(project: Project, definition: SweepDefinition) -> SweepSummary:
    """What has come of a sweep, with its best trial; raises UsageError or ExperimentError without any."""
    if not definition.objectives:
        raise errors.UsageError(
            f"The sweep {definition.id} has no objective, so no trial is the best.",
            "gitexp best METRIC compares all experiments; objective: in gitexp.yaml says it for the sweep.",
        )
    found = summary_of(project, definition, with_importance=False)
    if not found.front:
        raise errors.ExperimentError(
            f"No trial of {definition.id} is done and has a number for {', '.join(definition.objectives)}.",
            f"gitexp sweep show {definition.id} shows what there is.",
            code="none-found",
        )
    return found


def _importance_of(definition: SweepDefinition, known: Sequence[KnownPoint]) -> Importance:
    """The importance of the params: Optuna's, or without Optuna a simple one."""
    done = [one for one in known if one.results is not None and definition.space.has(one.point)]
    if len(done) < LEAST:
        return Importance({}, f"it needs {LEAST} done trials, there are {len(done)}")
    axes, remark = definition.space.axes, ""
    try:
        shares = plugins.load("search", "optuna")(definition).importance(done)
    except errors.UsageError:  # Optuna is not installed
        shares, remark = simple(axes, done), "each param alone; together: pip install 'gitexp[sweep]'"
    if not shares:
        return Importance({}, "no param makes a difference")
    return Importance(ordered({axis.key: shares[axis.key] for axis in axes if axis.key in shares}), remark)


def unfinished(definition: SweepDefinition, trials: Sequence[Trial]) -> int:
    """The number of trials that have not ended, or not begun."""
    ended = 0
    for trial in reading.counting(definition, trials):
        if all(run.record.status.ended for run in trial.runs):
            ended += 1
    return max(definition.total - ended, 0)
