"""`gitexp queue`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.catalog.lineage import rows_of
from gitexp.catalog.query import Query
from gitexp.cli.kit import options
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import Command, ListingGroup
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.summary import ended_line
from gitexp.cli.kit.terminal import render
from gitexp.extras.queue import handover, listing, pool, queue, remarks, workers
from gitexp.extras.queue.choosing import chosen
from gitexp.extras.queue.workers import Orders
from gitexp.history import remove as removal
from gitexp.model import Experiment, Status, readable
from gitexp.process import limits
from gitexp.process.environment import machine
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import BY_ENGINE, EngineChoice, at_a_time
from gitexp.project.sections.engine_choice import chosen as chosen_engine
from gitexp.runs.resuming.requeue import can_go_back
from gitexp.times import show_moment
from gitexp.views import markup
from gitexp.words import counted, shorten

EPILOG_LIST = """Examples:
gitexp queue list
gitexp queue list --json
"""
EPILOG_START = """Examples:
gitexp queue start -j 2
gitexp queue start -j 4 --detach
gitexp queue start --engine slurm -j 50
"""
EPILOG_STOP = """Examples:
gitexp queue stop
gitexp queue stop --kill
"""
EPILOG_REMOVE = """Examples:
gitexp queue remove exp-333c9
gitexp queue remove 'lr-*'
"""
EPILOG_MOVE = """Examples:
gitexp queue move exp-333c9 --first
gitexp queue move 'lr-*' --last
"""
EPILOG_RETRY = """Examples:
gitexp queue retry exp-333c9
gitexp queue retry --filter "reason == 'timeout'" --timeout '4 h'
gitexp queue retry exp-333c9 --go-on    (from its last checkpoint)
"""

NOTHING_WAITS = "Nothing waits here"

Jobs = Annotated[int | None, options.jobs("Run so many at the same time.")]
Detach = Annotated[bool, typer.Option("--detach", help="Leave the workers at work, and come back at once.")]
Kill = Annotated[bool, typer.Option("--kill", help="End the present runs too; they are interrupted.")]
Gpus = Annotated[
    list[str] | None,
    typer.Option(
        "--gpus", metavar="ID,...", help="Deal these GPUs out to the workers, as CUDA_VISIBLE_DEVICES."
    ),
]
MaxRetries = Annotated[
    int,
    typer.Option(
        "--max-retries", metavar="N", min=0, help="How often a run whose worker has died is queued again."
    ),
]
KeepWorktree = Annotated[
    bool, typer.Option("--keep-worktree", help="Leave the workspace of a failed run as it is, and tell it.")
]
GoOn = Annotated[
    bool,
    typer.Option("--go-on", help="Go on from the last checkpoint; default: as resume: in gitexp.yaml says."),
]
Anew = Annotated[bool, typer.Option("--anew", help="Begin from the start, whatever gitexp.yaml says.")]
First = Annotated[bool, typer.Option("--first", help="Before all others.")]
Last = Annotated[bool, typer.Option("--last", help="Behind all others.")]
At = Annotated[str | None, options.git_remote("The queue of a Git remote, and not the one here.")]
Only = Annotated[bool, typer.Option("--only", help="Only the names in the standard input, one a line.")]
For = Annotated[
    int, typer.Option("--for", metavar="PID", help="End when the process with this number has ended.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="queue", cls=ListingGroup, help="Runs that wait, and the workers for them.")
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("start", cls=Command, epilog=EPILOG_START)(start)
    group.command("stop", cls=Command, epilog=EPILOG_STOP)(stop)
    group.command("remove", cls=Command, epilog=EPILOG_REMOVE)(remove)
    group.command("move", cls=Command, epilog=EPILOG_MOVE)(move)
    group.command("retry", cls=Command, epilog=EPILOG_RETRY)(retry)
    group.command("push", cls=Command, epilog=handover.EPILOG_PUSH)(handover.push)
    group.command("pull", cls=Command, epilog=handover.EPILOG_PULL)(handover.pull)
    group.command("work", cls=Command, hidden=True)(work)
    app.add_typer(group)


def list_(
    remote: At = None,
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the queued and the running experiments, and who works on them.

    With --remote, those in the queue of a Git remote.
    """
    options.only_one(json=json, format=form is not None)
    project = open_project()
    if remote is not None:
        return handover.list_at(project, remote, limit, form, quiet=quiet, json=json)
    every = project.store.all()
    running = [one for one in readable(every) if one.record.status is Status.RUNNING]
    found = [*running, *queue.in_order(project, every)]
    jobs = _states_of_jobs(project, found[:limit])
    if json:
        return render.as_json_list(_documents(project, found[:limit], jobs))
    if form is not None:
        return render.answer(markup.of_documents(form, map(listing.document, found[:limit])))
    at_work = workers.at_work(project.local)
    living = {worker.name for worker in at_work}
    render.answer(listing.lines(_cells(one, living, jobs.get(one.name, "")) for one in found[:limit]))
    if quiet:
        return None
    for one in workers.fallen(project.local):
        render.warn(f"Worker {one.name} has ended before its time: {one.words}")
        render.hint(f"All that it has said: {one.log}; gitexp queue start forgets it.")
    _say_waiting([one for one in found if queue.waits_here(one)], len(at_work), jobs)
    if lost := queue.lost(project, every):
        render.hint(f"gitexp queue start runs {counted(len(lost), 'run')} of dead workers again.")
    for name in queue.counts_at_remotes(found):
        render.hint(f"gitexp pull --remote {name} brings what has ended at {name}.")
    return None


def _documents(
    project: Project, found: Sequence[Experiment], jobs: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The JSON of experiments, each with its worker and the state of its job, if any."""
    documents = []
    for row in rows_of(project, found):
        if row.record is None:
            continue
        document = {**row.as_json(), "worker": row.record.worker}
        if row.name in jobs:
            document["job_state"] = jobs[row.name]
        documents.append(document)
    return documents


def _say_waiting(waiting: Sequence[Experiment], at_work: int, jobs: Mapping[str, str]) -> None:
    """Print the numbers of waiting runs and of workers, with a hint for runs that nobody will take."""
    render.say(f"{counted(len(waiting), 'run')} queued, {counted(at_work, 'worker')} here", "dim")
    without_job = [one for one in waiting if one.name not in jobs]
    if without_job and not at_work:
        render.hint("gitexp queue start runs them.")


def _states_of_jobs(project: Project, found: Sequence[Experiment]) -> Mapping[str, str]:
    """What engines say of the jobs of experiments, by name; {} where no engine was ever used."""
    if not project.local.engines.is_dir():
        return {}
    states: Mapping[str, str] = plugins.load("dispatch", "states")(project, found)
    return states


def start(
    jobs: Jobs = None,
    detach: Detach = False,
    gpus: Gpus = None,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
    max_retries: MaxRetries = workers.MAX_RETRIES,
    keep_worktree: KeepWorktree = False,
    remote: At = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run what is queued, each in an isolated workspace, until the queue is empty.

    Ctrl-C lets the present runs finish, and once more ends them. A limit is for each run queued without
    limits. With --remote, the runs come from anybody who has handed them over there (gitexp queue push):
    their commands run here. Several workers share the processors: each gets its number of threads in
    OMP_NUM_THREADS and similar variables, unless the user has set any of them.
    """
    search_for_garbage()  # the runs may take days
    choice = _choice(engine, scheduler, {"remote": remote is not None, "gpus": bool(gpus)})
    own = Orders(max_retries, keep_worktree, limits.parse(timeout, max_memory), remote, options.split(gpus))
    project = open_project(dry_run=dry_run)
    queue.requeue_lost(project, max_retries=max_retries)
    waiting = queue.queued(project, at=pool.places_of(project, choice))
    if remote is not None:
        waiting = [run.experiment for run in handover.runs_at(project, remote, quiet=quiet)]
    begun: Sequence[str] = ()
    if choice is not None:
        begun = plugins.load("dispatch", "begun")(project, choice)
    jobs = min(at_a_time(jobs, choice), len(waiting))
    line = _coming_work(len(waiting), len(begun), jobs, choice)
    if not dry_run:
        workers.forget_fallen(project.local)
    if dry_run or not (waiting or begun):
        if not waiting:
            line = NOTHING_WAITS
            if remote is not None:
                line = f"Nothing waits at {remote}"
        _tell(project, waiting, line, quiet=quiet, json=json)
        if remote is None:
            _tell_of_remotes(project, quiet=quiet, json=json)
        return None
    names = [*(one.name for one in waiting), *begun]
    if detach:
        _detach(project, jobs, names, own, choice)
        line += ", in the background: gitexp queue shows how it goes"
        return _tell(project, waiting, line, quiet=quiet, json=json)
    if not quiet and not json:
        render.say(line, "dim")
    return _work_off(project, jobs, names, own, choice, quiet=quiet, json=json)


def _coming_work(waiting: int, begun: int, jobs: int, choice: EngineChoice | None) -> str:
    """A line with the number of runs, and with their workers or their engine."""
    line = f"{counted(waiting, 'run')} for "
    if choice is None:
        return f"{line}{counted(jobs, 'worker')}{pool.told_of_threads(jobs)}"
    line += choice.name
    if jobs != BY_ENGINE:
        line += f", {jobs:,} at a time"
    if begun:
        line += f"; {begun:,} begun before"
    return line


def _choice(engine: str, scheduler: str, others: Mapping[str, bool]) -> EngineChoice | None:
    """The chosen engine, if any; raises UsageError beside options that are for workers of this machine."""
    choice = chosen_engine(engine, scheduler)
    given = [f"--{name}" for name, is_given in others.items() if is_given]
    if choice is not None and given:
        raise errors.UsageError(
            f"{given[0]} is for workers of this machine, and --engine has others.",
            "Under engines: of gitexp.yaml an engine has options of its own: gitexp engine list",
        )
    return choice


def _detach(
    project: Project, jobs: int, names: Sequence[str], own: Orders, choice: EngineChoice | None
) -> None:
    """Leave the queue to workers, or jobs, that outlive this process."""
    if choice is None:
        return pool.detach(project, jobs, own)
    plugins.load("dispatch", "detach")(project, jobs, names, own, choice)
    return None


def _work_off(
    project: Project,
    jobs: int,
    names: Sequence[str],
    own: Orders,
    choice: EngineChoice | None,
    *,
    quiet: bool,
    json: bool,
) -> None:
    """Run the queue and tell the results; raises typer.Exit after a run without a good end."""
    ended = queue.EndedRuns(project, _tell_ended if not quiet else lambda one: None)
    with pool.workforce(project, jobs, names, own, choice) as at_work:
        stopped = at_work.wait(ended.look, _remark)
        at_work.require_well()
    if json:
        _tell(project, ended.found, "", quiet=quiet, json=json)
    elif not quiet:
        render.warn_all(remarks.of_runs(ended.found))
    if stopped:
        _tell_what_is_left(project, ended.found)
        raise typer.Exit(status_of(128 + signal.SIGINT, signal.SIGINT))
    last = {one.name: one.record.status for one in ended.found}  # of several tries
    if any(status is not Status.DONE for status in last.values()):
        raise typer.Exit(1)


def _tell_ended(one: Experiment) -> None:
    render.say(ended_line(one))


def _tell_what_is_left(project: Project, ended: Sequence[Experiment]) -> None:
    """Say how the work goes on after Ctrl-C."""
    if waiting := len(queue.queued(project)):
        render.hint(f"{counted(waiting, 'run')} left: gitexp queue start goes on.")
    interrupted = [one.name for one in ended if one.record.status is Status.INTERRUPTED]
    if interrupted:
        verb, which = "were", "such a run"
        if len(interrupted) == 1:
            verb, which = "was", "it"
        render.hint(
            f"{counted(len(interrupted), 'run')} {verb} interrupted: "
            f"gitexp queue retry {interrupted[0]} puts {which} back."
        )


def _tell_of_remotes(project: Project, *, quiet: bool, json: bool) -> None:
    """Say how the runs that were handed over from here are run."""
    if quiet or json:
        return
    for name, count in queue.counts_at_remotes(queue.in_order(project)).items():
        render.hint(f"{counted(count, 'run')} from here at {name}: gitexp queue start --remote {name}")


def stop(
    kill: Kill = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Let the workers of this machine end after their present runs.

    With --kill, a command has ten seconds to end; then it is killed.
    """
    project = open_project(dry_run=dry_run)
    found = workers.at_work(project.local)
    line = f"{counted(len(found), 'worker')} asked to stop"
    if kill and not dry_run:
        workers.end_now(project.local, found)
        line = f"{counted(len(found), 'worker')} ended"
    elif not dry_run:
        for worker in found:
            worker.ask_to_stop()
    if json:
        render.as_json_list({"name": worker.name} for worker in found)
    elif not quiet:
        render.say(f"{line}.")


@with_query
def remove(
    exp: options.OwnExps = None,
    query: Query = PLAIN,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take experiments out of the queue, into the trash."""
    project = open_project(dry_run=dry_run)
    found = _of_queue(chosen(project, exp, query, queue.waits_here))
    if not found:
        return _tell(project, found, NOTHING_WAITS, quiet=quiet, json=json)
    tried = queue.tried_before(project, found)
    removal.remove(project, found)
    if not dry_run:
        plugins.load("dispatch", "drop")(project, found)
    done = f"{counted(len(found), 'run')} taken out of the queue"
    if tried:
        done += f", with the results of earlier tries: {shorten(tried)}"
    return _tell(project, found, f"{done}; gitexp undo brings back", quiet=quiet, json=json)


@with_query
def move(
    exp: options.OwnExps = None,
    first: First = False,
    last: Last = False,
    query: Query = PLAIN,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Put queued experiments before all others, or behind them."""
    options.only_one(first=first, last=last)
    if not (first or last):
        raise errors.UsageError("Nothing says where to.", "Give --first or --last.")
    project = open_project(dry_run=dry_run)
    found = _of_queue(chosen(project, exp, query, queue.waits_here))
    if not found:
        return _tell(project, found, NOTHING_WAITS, quiet=quiet, json=json)
    queue.move(project, queue.in_wanted_order(exp, found), last=last)
    where = "to the end of the queue" if last else "to the front of the queue"
    return _tell(project, found, f"{counted(len(found), 'run')} moved {where}", quiet=quiet, json=json)


@with_query
def retry(
    exp: options.OwnExps = None,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
    go_on: GoOn = False,
    anew: Anew = False,
    query: Query = PLAIN,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Put ended runs back into the queue, with the code and params that they had.

    They keep their limits, unless the user gives others. With --go-on, a run begins with the checkpoint that
    its last try has stored, and goes on from there; one without a checkpoint begins from the start.
    """
    options.only_one(**{"go-on": go_on, "anew": anew})
    own = limits.parse(timeout, max_memory)
    project = open_project(dry_run=dry_run)
    found, left = list[Experiment](), 0
    for one in chosen(project, exp, query, _has_gone_wrong):
        if exp or can_go_back(one):
            found.append(one)
        else:
            left += 1
    resume = None  # as gitexp.yaml says
    if go_on or anew:
        resume = go_on
    going_on = queue.retry(project, found, own, resume=resume)
    line = f"{counted(len(found), 'run')} queued again"
    if going_on:
        line += f", from the last checkpoint: {shorten(going_on)}"
    _tell(project, found, line, quiet=quiet, json=json)
    if left:
        verb = "was" if left == 1 else "were"
        render.warn(f"{left:,} left out: {counted(left, 'run')} {verb} not made by a worker.")
        render.hint("gitexp run --from EXP runs the code of such a run again.")


def _of_queue(found: Sequence[Experiment]) -> list[Experiment]:
    """The queued ones; a warning names the others. Raises ExperimentError if only others are given."""
    waiting, others = list[Experiment](), list[Experiment]()
    for one in found:
        if queue.waits_here(one):
            waiting.append(one)
        else:
            others.append(one)
    if others and not waiting:
        raise queue.not_waiting(others)
    if others:
        told = shorten(list(map(queue.state, others)))
        render.warn(f"Left as they are, for they are not in the queue: {told}.")
    return waiting


def _has_gone_wrong(one: Experiment) -> bool:
    """Whether a run had a bad end; runs with a good end go back by name alone."""
    return one.record.status.ended and one.record.status is not Status.DONE


def _tell(project: Project, found: Sequence[Experiment], line: str, *, quiet: bool, json: bool) -> None:
    """Print the experiments for a program, or a line for a person."""
    if json:
        render.as_json_list(row.as_json() for row in rows_of(project, found))
    elif not quiet:
        render.say(f"{line}.")


def _remark(text: str) -> None:
    render.say(text, "dim")


def work(
    only: Only = False,
    for_: For = 0,
    max_retries: MaxRetries = workers.MAX_RETRIES,
    keep_worktree: KeepWorktree = False,
    remote: At = None,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
) -> None:
    """Be a worker: run queued experiments until none is left."""
    names = set(sys.stdin.read().split()) if only else None
    orders = Orders(max_retries, keep_worktree, limits.parse(timeout, max_memory), remote)
    project = open_project()
    with workers.enlisted(project.local) as worker:
        # What runs an experiment takes longer to import than the queue to be listed.
        run_all = plugins.load("worker", "queue")
        run_all(project, worker, orders, names, is_alone=lambda: workers.is_orphan(for_))


def _cells(one: Experiment, living: Collection[str], job: str) -> tuple[str, ...]:
    """The name, the status, the worker or remote, the time, and what tells an experiment apart.

    `living`: the names of the living workers of this machine. `job`: of an engine, with its state.
    """
    record = one.record
    who = job or record.worker
    if record.waits_at:
        who = f"at {record.waits_at}"
    if not job and record.worker and record.host == machine().host and record.worker not in living:
        who = f"{record.worker} (dead)"
    return (one.name, str(record.status), who, show_moment(record.created), listing.difference(record))
