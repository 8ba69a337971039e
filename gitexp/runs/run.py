"""Run a command or stages as an experiment: checked and stored, then begun, executed and ended.

The order is what makes the promises hold. All that can be refused is refused before anything is
written; the ref is there before the command starts; the params files are written after that, so a
refusal never leaves them changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gitexp import errors
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.runs.begin import LiveRun, begin
from gitexp.runs.checks import earlier
from gitexp.runs.end import end
from gitexp.runs.execute import execute
from gitexp.runs.executor import Ended, executor
from gitexp.runs.prepare import prepare
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest

_PATIENCE = 0.05  # seconds to wait before the start for whether this ran before


class Result(NamedTuple):
    """The outcome of a run.

    Attributes:
        experiment: the ended experiment.
        exit_code: the exit status to pass on.
        signal: the signal that ended the command, or interrupted the run.
        warnings: new sentences since the start, without those about stages.
        hint: advice if the run failed.
        again: False if an earlier experiment was the same and nothing was run.
        failure: the reason why a stage failed although its command did not.
    """

    experiment: Experiment
    exit_code: int
    warnings: Sequence[str] = ()
    hint: str | None = None
    again: bool = True
    failure: errors.DataError | None = None
    signal: int | None = None


def run(project: Project, request: RunRequest) -> Result:
    """Run a command and store it as an experiment, whatever becomes of it.

    Raises before the command has started, with nothing written, for everything known by then:
    no-commits, unmerged-paths, SnapshotRefused, ParseError, unknown-param, OverrideError, InvalidName,
    NameTaken, no-command, command-not-found, WorkspaceBusy, ReadOnlyRepository, UsageError, StorageError;
    with `request.from_` the errors of `lookup.find`, and still-running; with `request.once` still-running.
    Raises not-stored afterwards if the results cannot be stored; the next gitexp command tries again.
    """
    chosen = executor(request.executor)
    project.local.prepare()
    with contextlib.ExitStack() as held:
        # With --once the search begins when nobody else runs the same; else it goes on beside the checks.
        search = None if request.once else _search(project, held)
        ready = prepare(project, request, held)
        with _alone(project, ready.identity) if request.once else contextlib.nullcontext():
            search = search or _search(project, held)
            same = search.result(ready, timeout=None if request.once else _PATIENCE)
            if same is not None:
                request.on_same(same)
                if request.once:
                    return _given_back(same)
            live = begin(project, request, ready, held)
        ended = execute(live, chosen)
        stored = end(live, ended)
        if same is None and (same := search.result(ready, but=stored.name)) is not None:
            request.on_same(same)
        return _result(live, ended, stored)


def rehearse(project: Project, request: RunRequest) -> tuple[Ready, Experiment | None]:
    """A checked run, not begun, and the earlier, equal experiment, if any.

    Raises the errors of `run` from before the start of the command.
    """
    project.local.prepare()
    with contextlib.ExitStack() as held:
        search = _search(project, held)
        ready = prepare(project, request, held)
        return ready, search.result(ready)


def _search(project: Project, held: contextlib.ExitStack) -> earlier.Search:
    return held.enter_context(contextlib.closing(earlier.Search(project.store)))


def _alone(project: Project, identity: str) -> contextlib.AbstractContextManager[None]:
    """Keep others of an identity waiting: of several with `--once` at the same time, only the first runs."""
    return project.local.lock(f"once-{identity[:2]}")  # so few files, for they stay


def _given_back(same: Experiment) -> Result:
    """An earlier experiment as the result of a run."""
    if same.record.status.ended:
        return Result(same, exit_code=0, again=False)
    raise errors.ExperimentError(
        f"{same.name} is running exactly this.",
        "Wait for it to end; without --once it is run beside it.",
        code="still-running",
    )


def _result(live: LiveRun, ended: Ended, stored: Experiment) -> Result:
    told = {*live.experiment.record.warnings, *(stage.line for stage in ended.stages)}
    warnings = [text for text in stored.record.warnings if text not in told]
    exit_code, signum = ended.exit_code, ended.killed_by
    if ended.reason:
        exit_code, signum = ended.exit_code or 1, None  # no signal from elsewhere, and no good end
    elif ended.interrupted and ended.signal is not None:
        exit_code, signum = 128 + ended.signal, ended.signal
    hint = None
    if live.is_isolated and stored.record.status is Status.FAILED:
        hint = "Files that Git ignores are not in an isolated run: list those it needs under share:."
    elif stored.record.checkpoints and stored.record.status is not Status.DONE:
        hint = f"gitexp run --resume {stored.name} goes on from its last checkpoint."
    return Result(stored, exit_code, warnings, hint, failure=_failure(ended), signal=signum)


def _failure(ended: Ended) -> errors.DataError | None:
    """Why the first stage failed whose command did not fail."""
    for stage in ended.stages:
        if stage.state == "failed" and stage.exit_code is None:
            return errors.DataError(f"{stage.line}.", stage.hint or None, code="stage-failed")
    return None
