"""Run an experiment again from nothing, compare, and certify what came of it.

Each step can be killed: the run is an experiment that says what it repeats, so the next reproduction finds a
run that has ended and was not compared, and certifies that one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from gitexp import errors
from gitexp.catalog import certificates, lookup
from gitexp.catalog.certificates import Certificate
from gitexp.extras.reproduction import building, fresh_clone, recorded
from gitexp.extras.reproduction.building import BuiltEnvironment
from gitexp.extras.reproduction.comparing import BUILT, HERE, ReproductionComparison, compare, has_results
from gitexp.failpoints import failpoint
from gitexp.history import edit
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.state import StageSelection
from gitexp.process.environment_details import REPEATED
from gitexp.process.interpreter import find_interpreter
from gitexp.project.project import Project
from gitexp.runs import run
from gitexp.runs.checks import work
from gitexp.runs.request import RunRequest
from gitexp.times import now


class ReproductionManner(NamedTuple):
    """The manner of a reproduction.

    Attributes:
        here: whether to use the present interpreter, and build no environment.
        clone: whether to run in a fresh clone, and not in a worktree of this repository.
        stdout, stderr: file descriptors for the output of commands.
        on_start: called with each reproduction at its start.
        tell: called with a sentence before each slow step.
    """

    here: bool = False
    clone: bool = False
    stdout: int = 1
    stderr: int = 2
    on_start: Callable[[Experiment], None] = lambda experiment: None
    tell: Callable[[str], None] = lambda text: None


PLAIN = ReproductionManner()


class Reproduced(NamedTuple):
    """The outcome.

    Attributes:
        comparison: both sides.
        certificate: the new certificate of the experiment.
        is_new: whether this call made the run; False for an earlier run, compared now.
    """

    comparison: ReproductionComparison
    certificate: Certificate
    is_new: bool


def require_reproducible(project: Project, name: str) -> Experiment:
    """The experiment, ready for a reproduction.

    Raises ExperimentError without a good end, a command or results to compare.
    """
    one = lookup.require_own(project, name)
    record = one.record
    if record.status is not Status.DONE:
        hint = "Wait for it."
        if record.status.ended:
            hint = f"gitexp run --from {one.name} runs its code again."
        raise errors.ExperimentError(
            f"{one.name} is {record.status}: only a run with a good end can be reproduced.",
            hint,
            code="not-reproducible",
        )
    if record.command is None:
        raise errors.ExperimentError(
            f"{one.name} was saved, not run: it has no command to run again.",
            f"gitexp run --from {one.name} -- COMMAND",
            code="not-reproducible",
        )
    lookup.require_whole(project, one)
    if not has_results(project, one):
        raise errors.ExperimentError(
            f"{one.name} has no metric, no curve and no result: there is nothing to compare.",
            "Say in gitexp.yaml what the command writes: metrics:, plots:, outs:.",
            code="not-reproducible",
        )
    return one


def reproduce(project: Project, name: str, manner: ReproductionManner = PLAIN) -> Reproduced:
    """The reproduction of an experiment: run again, compared and certified.

    Raises the errors of `require_reproducible` and of `run` from before the start, and ExperimentError for a
    failed reproduction.
    """
    one = require_reproducible(project, name)
    again, is_new = _waiting(project, one), False
    if again is None:
        again, is_new = _run(project, one, manner), True
    else:
        manner.tell(f"{again.name} has run already, and is compared now.")
    failpoint("reproduce:ran")
    comparison = compare(project, one, again)
    certificate = _certify(project, comparison)
    return Reproduced(comparison, certificate, is_new)


def _waiting(project: Project, one: Experiment) -> Experiment | None:
    """An earlier reproduction by the same person, ended well but not compared: gitexp was killed."""
    certified = {each.commit for each in certificates.of(one.record)}
    for other in project.store.readable():
        record = other.record
        if record.reproduces.get("commit") != one.record.commit or record.status is not Status.DONE:
            continue
        if record.commit in certified or record.user != project.repo.user_name():
            continue
        if not recorded.own_code(building.recorded_of(project, other)):  # that was refused
            return other
    return None


def request_of(one: Experiment, manner: ReproductionManner = PLAIN) -> RunRequest:
    """The request that runs an experiment again, all stages included."""
    selection = work.queued_stages(one.record)
    if selection is not None:
        selection = StageSelection(*selection)._replace(force=True)
    return RunRequest(
        from_=one.name,
        note=f"reproduces {one.name}",
        selection=selection,
        parent="",
        stdout=manner.stdout,
        stderr=manner.stderr,
        on_start=manner.on_start,
        reproduces={
            "experiment": one.name,
            "commit": one.record.commit,
            "environment": HERE if manner.here else BUILT,
        },
    )


def _run(project: Project, one: Experiment, manner: ReproductionManner) -> Experiment:
    """The new run of an experiment. Raises ExperimentError for a run without a good end."""
    found = building.recorded_of(project, one)
    wanted = dict(building.wanted_variables(found, REPEATED))
    if manner.here and recorded.own_code(found):
        raise _editable(one)
    built = None
    if not manner.here:
        built = building.environment(project, one, manner.tell)
    if built is None:
        manner = manner._replace(here=True)
    else:
        wanted |= built.variables
        if built.is_new:
            manner.tell(f"It is in {built.folder}.")
    with _variables(wanted):
        if built is not None:
            _require_interpreter(project, one, built)
        request = request_of(one, manner)
        if manner.clone:
            result = fresh_clone.run_there(project, one, request, manner.tell)
        else:
            result = run.run(project, request)
    _require_reproduced(project, one, result)
    return result.experiment


def _require_interpreter(project: Project, one: Experiment, built: BuiltEnvironment) -> None:
    """Raise ExperimentError for a command without stages whose interpreter is not the built one."""
    if one.record.argv is None or work.queued_stages(one.record) is not None:
        return
    interpreter = find_interpreter(one.record.argv, project.repo.root, os.environ)
    building.require_used(built, interpreter, one.record.command or "")


def _require_reproduced(project: Project, one: Experiment, result: run.Result) -> None:
    """Raise ExperimentError for a run with the workspace's own code, or without a good end."""
    again = result.experiment
    if recorded.own_code(building.recorded_of(project, again)):
        raise _editable(one)
    if again.record.status is not Status.DONE:
        told = again.record.reason or f"exit status {result.exit_code}"
        raise errors.ExperimentError(
            f"{one.name} is not reproduced: {again.name} is {again.record.status}, {told}.",
            f"gitexp log {again.name} says how far it came.",
            code="reproduction-failed",
        )


def _editable(one: Experiment) -> errors.ExperimentError:
    return errors.ExperimentError(
        f"The package of the project is an editable install of this workspace: what is imported is not the "
        f"code of {one.name}.",
        f"An environment built anew has the right code: gitexp reproduce {one.name}",
        code="no-environment",
    )


@contextlib.contextmanager
def _variables(wanted: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables of this process and its children for a while; None removes a variable."""
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _certify(project: Project, found: ReproductionComparison) -> Certificate:
    """The new certificate, stored in the record of the experiment."""
    again = found.again.record
    is_built = again.reproduces.get("environment") == BUILT and building.was_used(project, found.again)
    certificate = Certificate(
        grade=str(found.grade),
        by=again.user,
        host=again.host,
        time=now(),
        experiment=again.name,
        commit=again.commit,
        environment=BUILT if is_built else HERE,
    )

    def certified(record: Record) -> Record:
        return replace(record, certificates=tuple(certificates.added(record, certificate)))

    edit.change_all(project, [found.original.name], "reproduce", certified)
    return certificate
