"""`gitexp run`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gitexp import errors, plugins
from gitexp.catalog import rows
from gitexp.catalog.lineage import row_of
from gitexp.cli.commands.running.run_words import RunCommand, explained, meant
from gitexp.cli.kit import options
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.many import Many
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.summary import ended_line, same_line, told_of_untracked
from gitexp.cli.kit.terminal import render
from gitexp.files.command_words.choices import has_several
from gitexp.model import Experiment
from gitexp.process.limits import Limits
from gitexp.process.limits import parse as parse_limits
from gitexp.project.hydra import hydra_params
from gitexp.project.hydra.hydra_app import HydraJobs
from gitexp.project.project import Project
from gitexp.project.sections import intervals
from gitexp.project.sections.engine_choice import at_a_time
from gitexp.project.sections.engine_choice import chosen as chosen_engine
from gitexp.project.tools import notebook_command
from gitexp.runs import run as ops
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest
from gitexp.runs.run import Result

if TYPE_CHECKING:
    from gitexp.process.guard import Guard

EPILOG = r"""Examples:
gitexp run -- python train.py
gitexp run -S train.lr=0.2 -S model.layers=[64,32] -n wide -- python train.py
gitexp run -S +train.warmup=5 -S '~train.decay' -m "as in the paper"
gitexp run --temp -S train.lr=0.3    (in a workspace of its own)
gitexp run -S args.lr=0.2 -- python train.py --lr 0.1
gitexp run --metric 'val_bpb=^val_bpb:\s+(\S+)' -- python train.py
gitexp run -S train.lr=0.2 --name-template "lr={train.lr}"    (called lr-0.2)
gitexp run --once -S train.lr=0.2    (unless exactly that has been done)
gitexp run -S 'train.lr=log_uniform(1e-5,1e-1)' --trials 20 -j 2    (a search)
gitexp run --from exp-55e90 -S train.lr=0.3    (that code again)
gitexp run --from exp-55e90 --with train.py    (with that file as it is here)
gitexp run --from exp-55e90 --queue -S train.lr=0.3,0.4    (both later)
gitexp run --from HEAD -- python train.py
gitexp run --resume exp-55e90    (on from its last checkpoint)
gitexp run --resume exp-55e90 -S train.epochs=200    (there is more to do)
gitexp run --repeat 5 -S train.lr=0.1,0.2 -j 2    (each with five seeds)
gitexp run --dry-run -S train.lr=0.2    (what would run, and why)
gitexp run -S train.lr=0.1,0.2 --engine slurm    (as jobs of Slurm)
gitexp run train --force -j 4    (a stage, and what it stands on)
gitexp run prepare --downstream    (a stage, and what stands on it)
"""


Words = Annotated[
    list[str] | None,
    options.stages(
        "[STAGE...|[--] CMD...]",
        "Stages to run, or a command; default: all stages, or command: in gitexp.yaml.",
    ),
]
SetParams = Annotated[
    list[str] | None,
    options.option(
        *("--set", "-S"),
        metavar="[FILE:]KEY=VALUE",
        help="Change a param: key=value, +key=value to add one, ~key to remove one. Repeatable.",
        by="params",
    ),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME=PATTERN",
        help="Take a metric from the output: the last match of a regular expression. Repeatable.",
    ),
]
Once = Annotated[
    bool,
    typer.Option("--once", help="If exactly this has been done before, give that result; run nothing."),
]
Temp = Annotated[
    bool, typer.Option("--temp", help="Run in an isolated worktree; the workspace stays as it is.")
]
From = Annotated[
    str,
    options.option(
        "--from",
        metavar="EXP|REV",
        help="Run the code of an experiment or commit, in an isolated worktree; its command by default.",
        by="points",
    ),
]
Resume = Annotated[
    str,
    options.option(
        "--resume",
        metavar="EXP",
        help="Go on from the checkpoint of an experiment, with its code and curves, in an isolated worktree.",
        by="own_experiments",
    ),
]
WithFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="FILE[=SOURCE]",
        help="Lay a file over the code of --from or --resume: the workspace's, or SOURCE. Repeatable.",
    ),
]
Force = Annotated[bool, options.force("Run the stages though they are up to date.")]
Single = Annotated[
    bool, typer.Option("--single", "-s", help="Run the named stages alone, not what they stand on.")
]
Downstream = Annotated[
    bool, typer.Option("--downstream", help="Run the named stages and what stands on them.")
]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", "-k", help="After a failure, run what does not stand on it.")
]
Jobs = Annotated[int | None, options.jobs("Run so many stages, or experiments of a grid, at the same time.")]
Queue = Annotated[bool, typer.Option("--queue", help="Only store the run; gitexp queue start runs it.")]
Repeat = Annotated[
    int | None,
    typer.Option("--repeat", metavar="N", min=1, help="Run each point N times, each time with another seed."),
]
RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Run again the points that failed, were interrupted or removed."),
]
Trials = Annotated[
    int | None,
    typer.Option(
        "--trials", metavar="N", min=1, help="Of a search: so many trials in all; values may be uniform(0,1)."
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="Of a search: random, sobol, tpe, gp, cmaes, nsga2 or grid; default: random.",
    ),
]
Objective = Annotated[
    list[str] | None,
    options.option(
        "--objective",
        metavar="METRIC",
        help="Of a search: the metric to make better. Repeatable.",
        by="metrics",
    ),
]
Yes = Annotated[bool, options.yes("Do not ask before more than a hundred runs.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but warnings, and the name and result in one line.")
]
NoOutput = Annotated[
    bool, typer.Option("--no-output", help="Do not show what the command prints; it is stored all the same.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=RunCommand, epilog=EPILOG, context_settings={"allow_interspersed_args": False})(run)


def run(
    ctx: typer.Context,
    words: Words = None,
    set_params: SetParams = None,
    name: options.Name = "",
    name_template: options.NameTemplate = "",
    note: options.Note = "",
    metric: Metric = None,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
    system_interval: options.SystemInterval = "",
    mlflow: options.Mlflow = False,
    once: Once = False,
    temp: Temp = False,
    from_: From = "",
    resume: Resume = "",
    with_files: WithFiles = None,
    force: Force = False,
    single: Single = False,
    downstream: Downstream = False,
    keep_going: KeepGoing = False,
    jobs: Jobs = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    queue: Queue = False,
    repeat: Repeat = None,
    retry_failed: RetryFailed = False,
    trials: Trials = None,
    method: Method = "",
    objective: Objective = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    yes: Yes = False,
    dry_run: options.DryRun = False,
    quiet: Quiet = False,
    no_output: NoOutput = False,
    json: options.Json = False,
) -> None:
    """Run a command, or stages, and store that as an experiment.

    The experiment has the exact code, params, metrics, log and environment. The workspace is stored before
    the command starts, with uncommitted changes and new files; at the end the results are added. The exit
    status of the command is passed on. Ctrl-C stores the experiment as interrupted. -S edits the params
    files for good; with --temp, --from or --resume the workspace is not touched. The command's own options
    are params under args: --lr 0.1 means args.lr.

    Where gitexp.yaml (or dvc.yaml) has stages, each outdated stage runs, in order, or is restored from an
    experiment with the same run; with names, only the named stages and the stages above them. Options may
    stand after stages. Words after -- are a command, even if a stage has the same name. Without --, an
    option of gitexp's behind a command is an error: it could be meant for either.
    """
    options.one_name(name, name_template)
    options.only_one(single=single, downstream=downstream)
    options.only_one(**{"from": bool(from_), "resume": bool(resume)})
    search_for_garbage()  # the command may take days
    limits = parse_limits(timeout, max_memory)
    project = open_project(needs_config=True, dry_run=dry_run)
    screen = _Screen(project, once=once, quiet=quiet, json=json)
    shown, errors_shown = ctx.with_resource(_descriptors(no_output=no_output, json=json))
    request = RunRequest(
        overrides=tuple(set_params or ()),
        name=name,
        name_template=name_template,
        note=note,
        temp=temp,
        from_=from_,
        resume=resume,
        with_=tuple(with_files or ()),
        metrics=tuple(metric or ()),
        once=once,
        limits=limits,
        system_interval=intervals.parse(system_interval),
        mlflow=mlflow,
        guard=_guard(limits),
        stdout=shown,
        stderr=errors_shown,
        ask_secret=_ask_secret,
        on_start=screen.started,
        on_same=screen.same,
        on_new_files=screen.new_files,
        on_alert=screen.alert,
    )
    flags = {"force": force, "single": single, "downstream": downstream, "keep_going": keep_going}
    low = options.best_of(lowest, highest, objective, "--objective")
    searched: dict[str, object] = {"trials": trials, "method": method, "objective": objective}
    words = words or []
    with explained(words, ctx):
        command, stages = meant(project, words, ctx)
        command, more = _without_overrides(command)
        request = request._replace(command=command, overrides=(*request.overrides, *more))
        has_values = has_several(request.overrides)
        _require_values(has_values, searched)
        jobs_of_hydra = _jobs_of_hydra(project, request, stages, search=any(searched.values()))
        if jobs_of_hydra is not None:
            request = _as_jobs(request, jobs_of_hydra)
        several = has_values or repeat is not None or jobs_of_hydra is not None
        choice = chosen_engine(engine, scheduler)
        if queue or several or choice is not None:
            _refuse_many({"system_interval": system_interval, "mlflow": mlflow})
            _refuse_many({"resume": resume, "once": once, "keep_going": keep_going})
            many = Many(
                *(at_a_time(jobs, choice), repeat, queue, several, retry_failed, yes, dry_run, quiet, json),
                *(trials, method, tuple(objective or ()), choice),
            )
            if stages is not None:
                request = _of_stages(request, stages, flags, 1, quiet=True)
            raise typer.Exit(_run_many(_with_directions(project, many.objectives, low), request, many))
        request = _for_one_run(request, stages, flags, jobs or 1, quiet=quiet)
        if dry_run:
            return _rehearse(project, request, quiet=quiet, json=json)
        result = ops.run(project, request)
    screen.ended(result)
    if json:
        render.as_json(row_of(project, result.experiment).as_json())
    raise typer.Exit(status_of(result.exit_code, result.signal))


def _without_overrides(words: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, list[str]]:
    """The command, and the overrides typed behind a notebook; other commands have none."""
    if words is not None and notebook_command.is_notebook(words):
        return notebook_command.typed(words)
    return words, []


def _jobs_of_hydra(
    project: Project, request: RunRequest, stages: Sequence[str] | None, *, search: bool
) -> HydraJobs | None:
    """The jobs of a command of Hydra's; None for any other command, and for that of an experiment."""
    if request.from_ and request.command is None:
        return None
    found = hydra_params.jobs(project, request.command, stages, request.overrides, search=search)
    if found is not None and request.from_:
        raise errors.UsageError(
            "Hydra says what the jobs of this command are, and only for the code of the workspace.",
            "Leave --from out, or -m, and give the values to -S.",
        )
    return found


def _as_jobs(request: RunRequest, jobs: HydraJobs) -> RunRequest:
    """The request for the jobs of a command of Hydra's; remarks about them are printed."""
    render.warn_all(jobs.remarks)
    return request._replace(command=jobs.command, overrides=jobs.overrides, points=jobs.points)


def _for_one_run(
    request: RunRequest, stages: Sequence[str] | None, flags: dict[str, bool], jobs: int, *, quiet: bool
) -> RunRequest:
    """The request for a single run, of stages or of a command. Raises UsageError for flags about stages."""
    if stages is not None:
        return _of_stages(request, stages, flags, jobs, quiet=quiet)
    _refuse_flags({**flags, "jobs": jobs != 1})
    return request


def _of_stages(
    request: RunRequest, stages: Sequence[str], flags: dict[str, bool], jobs: int, *, quiet: bool
) -> RunRequest:
    """The request for a run of stages, `jobs` at a time, with lines on the screen about each."""
    from gitexp.cli.commands.running import run_stages

    selection = run_stages.selection(stages, flags, jobs)
    return request._replace(selection=selection, listener=run_stages.listener(quiet=quiet))


def _with_directions(project: Project, metrics: Sequence[str], low: bool | None) -> Project:
    """The project with what --min or --max says of the metrics of a search."""
    if low is not None:
        for metric in metrics:
            project = project.with_direction(metric, lowest=low)
    return project


def _run_many(project: Project, request: RunRequest, many: Many) -> int:
    """Run or queue several points; returns the exit status."""
    status: int = plugins.load("launcher", "sweep")(project, request, many)
    project.repo.rest()
    return status


def _rehearse(project: Project, request: RunRequest, *, quiet: bool, json: bool) -> None:
    """Say what a run would do; of stages each with its fate, unless `--once` gives an experiment back."""
    selection = request.selection
    if selection is not None:
        elsewhere = {"from": request.from_, "resume": request.resume, "with": request.with_}
        _refuse_elsewhere({**elsewhere, "temp": request.temp})
    if selection is None or request.once:
        ready, same = ops.rehearse(project, request)
        if selection is None or same is not None:
            return _tell_rehearsed(request, ready, same, quiet=quiet, json=json)
    from gitexp.cli.commands.running import run_stages

    return run_stages.dry_run(project, selection, request.overrides, json=json)


def _tell_rehearsed(
    request: RunRequest, ready: Ready, same: Experiment | None, *, quiet: bool, json: bool
) -> None:
    """Say the command, the changed params, and the earlier experiment with the same start, if any."""
    command, params = ready.stored_command.text, ready.params.files
    if json:
        document = {"command": command, "baseline": ready.baseline, "params": rows.flat([params])[0]}
        if ready.resumed is not None:
            document["resumed_from"] = ready.resumed.experiment
        return render.as_json({**document, "same": same and same.name, "warnings": list(ready.warnings)})
    render.warn_all(ready.warnings)
    given_back = same is not None and request.once
    if not quiet and not given_back:
        line = f"Run {command}"
        if request.overrides:
            line += f", with {', '.join(request.overrides)}"
        if ready.resumed is not None:
            line += f", on from the checkpoint of {ready.resumed.experiment}"
        render.say(line)
    if same is not None and not quiet:
        render.say(same_line(same, runs=not request.once))
    return None


def _guard(limits: Limits) -> Callable[[Limits, str], Guard] | None:
    """What makes the guard over a run with limits."""
    if limits == Limits():
        return None
    from gitexp.process.guard import Guard  # a run without limits does not pay for it

    return Guard


def _ask_secret(name: str) -> str:
    """The value of an option that the record does not have, typed by the user; "" without a terminal."""
    if not (render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)):
        return ""
    answer: str = typer.prompt(f"Value of {name}, which is not stored", hide_input=True, err=True)
    return answer


class _Screen:
    """The words about a run for a person. A failure of words is no reason not to run."""

    def __init__(self, project: Project, *, once: bool, quiet: bool, json: bool) -> None:
        self._project = project
        self._once = once
        self._quiet = quiet
        self._tells_end = not (quiet and json)  # the answer in JSON has the name and the result

    def started(self, experiment: Experiment) -> None:
        with contextlib.suppress(OSError, errors.GitexpError):
            render.warn_all(experiment.record.warnings)
            warn_of_namesakes(self._project, experiment.name)
            if not self._quiet:
                render.say(f"{experiment.name} started", "dim")

    def new_files(self, files: Sequence[str]) -> None:
        if not self._quiet:
            with contextlib.suppress(OSError):
                render.say(told_of_untracked(files, "part of the experiment"), "dim")

    def same(self, experiment: Experiment) -> None:
        if (self._once and self._tells_end) or not self._quiet:
            with contextlib.suppress(OSError):
                render.say(same_line(experiment, runs=not self._once))

    def alert(self, text: str) -> None:
        with contextlib.suppress(OSError):
            render.warn(text)

    def ended(self, result: Result) -> None:
        with contextlib.suppress(OSError):
            render.warn_all(result.warnings)
            if self._tells_end and result.again:
                render.say(ended_line(result.experiment))
            if result.failure is not None:
                render.fail(result.failure)
            elif result.hint:
                render.hint(result.hint)


@contextlib.contextmanager
def _descriptors(*, no_output: bool, json: bool) -> Iterator[tuple[int, int]]:
    """Give the file descriptors that show the output and the errors of the command."""
    if no_output:
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere.fileno(), nowhere.fileno()
    elif json:
        yield 2, 2
    else:
        yield 1, 2


def _refuse_flags(given: dict[str, bool]) -> None:
    """Raise UsageError for a flag about stages where a command is to run."""
    for flag, is_given in given.items():
        if is_given:
            raise errors.UsageError(
                f"--{flag.replace('_', '-')} is for stages, and a command is to run.",
                "Stages stand under stages: in gitexp.yaml, and are named without -- before them.",
            )


def _refuse_many(asked: dict[str, object]) -> None:
    """Raise UsageError for a flag that does not go together with several values or --queue."""
    if names := _given(asked):
        raise errors.UsageError(
            f"{' and '.join(names)} does not go together with several values, --repeat or --queue.",
            "Each of such runs has an isolated workspace, and none runs twice.",
        )


def _given(asked: dict[str, object]) -> list[str]:
    """The options among `asked` that the user has given."""
    return [f"--{name.replace('_', '-')}" for name, value in asked.items() if value]


def _require_values(several: bool, asked: dict[str, object]) -> None:
    """Raise UsageError for an option of a search where no param has several values."""
    for name, value in asked.items():
        if value and not several:
            raise errors.UsageError(
                f"--{name} is for a search, and no -S has several values or bounds.",
                "Give some: -S 'train.lr=log_uniform(1e-5,1e-1)'; or -S model.units=16,32",
            )


def _refuse_elsewhere(asked: dict[str, object]) -> None:
    """Raise UsageError for a flag that runs stages elsewhere: they are judged where the workspace is."""
    if names := _given(asked):
        raise errors.UsageError(
            f"Of stages, --dry-run judges the workspace: it does not go together with {' and '.join(names)}.",
            "Without --dry-run, what any experiment has computed is restored, and the rest runs.",
        )
