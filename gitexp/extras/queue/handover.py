"""`gitexp queue push` and `gitexp queue pull`: runs wait at a Git remote, for the workers of any clone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Annotated

from gitexp import errors, plugins
from gitexp.catalog.lineage import rows_of
from gitexp.catalog.query import Query
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.exchange import contact, left_behind
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.queue import listing, queue
from gitexp.extras.queue.choosing import chosen
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.sharing.partner import Contact
from gitexp.times import show_moment
from gitexp.views.markup import TableFormat
from gitexp.words import counted, shorten

if TYPE_CHECKING:  # it takes as long to import as all else here
    from gitexp.extras.queue.exchange import RemoteQueue
    from gitexp.extras.queue.queue_refs import RemoteRun

EPILOG_PUSH = """Examples:
gitexp queue push
gitexp queue push 'lr-*' --remote origin
"""
EPILOG_PULL = """Examples:
gitexp queue pull
gitexp queue pull exp-333c9
gitexp queue pull exp-333c9 --force    (its worker is dead, you know)
"""

Force = Annotated[bool, options.force("Take a run from its worker, too: for a worker that you know is dead.")]
Remote = Annotated[str | None, options.git_remote("Git remote; default: the one that git push uses.")]
Moved = tuple[list[Experiment], list[str]]  # those that moved, and sentences on all others


@with_query
def push(
    exp: options.OwnExps = None,
    query: Query = PLAIN,
    remote: Remote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Let queued runs wait at a Git remote, where the workers of every clone take them.

    Without names: all that wait here. Code and params go along; workers here do not take these runs any more,
    unless with --remote. The exit code is 1 if a run stays here.
    """
    project = open_project(dry_run=dry_run)
    with contact(quiet=quiet) as line:
        there = _queue_of(project, remote, line)
        on_the_way = ("", there.name)
        found = _chosen(project, exp, query, lambda one: _waits_at(one, on_the_way), "it does not wait here")
        moved = (found, list[str]()) if dry_run else there.hand_over(found)
    start = f"gitexp queue start --remote {there.name}"
    hint = f"{start} runs them, on any clone; gitexp pull brings what came of it."
    _tell(project, moved, f"at {there.name}", hint, quiet=quiet, json=json)


@with_query
def pull(
    exp: options.OwnExps = None,
    query: Query = PLAIN,
    force: Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take queued runs back from the Git remote where they wait, to let them wait here.

    Without names: all runs handed over from here. A run taken by a worker meanwhile stays there; then the
    exit code is 1. A run whose worker has given no sign of life for an hour comes back, also one that was
    lost too often to be queued again there. gitexp queue remove then takes it out of the queue.
    """
    if force and not exp:
        raise errors.UsageError(
            "--force takes a run from its worker, so it needs the names of the runs.",
            "gitexp queue list --remote NAME shows which worker was seen when.",
        )
    project = open_project(dry_run=dry_run)
    found = _chosen(project, exp, query, _waits_there, "it does not wait at a remote")
    moved: Moved = ([], [])
    with contact(quiet=quiet) as line:
        for name in dict.fromkeys(one.record.waits_at for one in found):
            some = [one for one in found if one.record.waits_at == name]
            if dry_run:
                moved[0].extend(some)
                continue
            back, left = _queue_of(project, name, line).take_back(some, force=force)
            moved[0].extend(back)
            moved[1].extend(left)
    _tell(project, moved, "here", "gitexp queue start runs them.", quiet=quiet, json=json)


def _waits_there(one: Experiment) -> bool:
    return one.record.status is Status.QUEUED and bool(one.record.waits_at)


def _waits_at(one: Experiment, places: Collection[str]) -> bool:
    return one.record.status is Status.QUEUED and one.record.waits_at in places


def _chosen(
    project: Project,
    words: Sequence[str] | None,
    query: Query,
    fits: Callable[[Experiment], bool],
    otherwise: str,
) -> list[Experiment]:
    """The experiments with some names, all fitting; or the fitting ones of a query; else all fitting ones."""
    if not words and query == PLAIN:
        return [one for one in queue.in_order(project) if fits(one)]
    found = chosen(project, words, query, fits)
    for one in found:
        if not fits(one):
            raise errors.ExperimentError(
                f"{one.name} is {one.record.status}: {otherwise}.",
                "gitexp queue list shows what waits.",
                code="not-queued",
            )
    return found


def _tell(project: Project, moved: Moved, where: str, hint: str, *, quiet: bool, json: bool) -> None:
    """Print the moved and the unmoved runs; ends with exit code 1 for unmoved runs."""
    found, left = moved
    if json:
        render.as_json_list(row.as_json() for row in rows_of(project, found))
    elif not quiet:
        line = f"{counted(len(found), 'run')} now {'waits' if len(found) == 1 else 'wait'} {where}."
        render.say(line)
        if found and not project.dry_run:
            render.hint(hint)
    left_behind(left)


def _queue_of(project: Project, remote: str | None, line: Contact) -> RemoteQueue:
    found: RemoteQueue = plugins.load("queue", "remote")(project, remote, line)
    return found


def runs_at(project: Project, remote: str, *, quiet: bool) -> list[RemoteRun]:
    """The runs in the queue of a Git remote."""
    with contact(quiet=quiet) as line:
        return _queue_of(project, remote, line).runs()


def list_at(
    project: Project, remote: str, limit: int | None, form: TableFormat | None, *, quiet: bool, json: bool
) -> None:
    """Print the runs in the queue of a Git remote."""
    found = runs_at(project, remote, quiet=quiet or json)
    if json or form:
        return answer((listing.document(run.experiment) for run in found[:limit]), form, json=json)
    render.answer(listing.lines(map(_cells, found[:limit])))
    waiting = sum(run.experiment.record.status is Status.QUEUED for run in found)
    if quiet:
        return None
    render.say(f"{counted(waiting, 'run')} queued at {remote}, {len(found) - waiting} running", "dim")
    if waiting:
        render.hint(f"gitexp queue start --remote {remote} runs them.")
    if silent := [run.experiment.name for run in found if run.is_silent]:
        render.warn(f"No sign of life for an hour: {shorten(silent)}.")
        render.hint(
            f"A worker at {remote} queues such a run again, at most --max-retries times; "
            f"whoever has handed it over takes it back: gitexp queue pull {silent[0]}"
        )
    return None


def _cells(run: RemoteRun) -> tuple[str, ...]:
    """The name, the status, the worker, its last sign of life, and what tells the run apart."""
    record, seen = run.experiment.record, ""
    if record.worker:
        seen = f"seen {show_moment(run.seen)}"
    return (run.experiment.name, str(record.status), record.worker, seen, listing.difference(record))
