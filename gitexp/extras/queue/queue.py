"""The queue: the experiments with the status `queued`, in the order in which they were queued."""

from __future__ import annotations

import contextlib
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from gitexp import errors
from gitexp.catalog import by_words, projects
from gitexp.catalog.ended import ended_record
from gitexp.extras.queue.workers import MAX_RETRIES
from gitexp.model import Experiment, Status, Stored, readable
from gitexp.process.limits import NO_LIMITS, Limits
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live
from gitexp.repo.git.values import RefChange
from gitexp.repo.watched import Watched
from gitexp.runs.resuming.requeue import can_go_back, is_lost, never_queued, queued_again, requeue
from gitexp.words import shorten

_LOCKS = 64  # for all queued experiments: the files of locks stay


def queued(
    project: Project,
    names: Collection[str] | None = None,
    every: Sequence[Stored] | None = None,
    at: Collection[str] = ("",),
) -> list[Experiment]:
    """The queued experiments of the project, or the ones with some names, the first to run first.

    Experiments waiting at a Git remote are left out, unless `at` has its name: workers take them from there.
    `every`: all experiments, if just read by the caller.
    """
    found = []
    for one in in_order(project, every):
        if one.record.waits_at in at and (names is None or one.name in names):
            found.append(one)
    return found


def in_order(project: Project, every: Sequence[Stored] | None = None) -> list[Experiment]:
    """All queued experiments of the project, the first to run first."""
    found = []
    for one in readable(projects.of_project(project, project.store.all() if every is None else every)):
        if one.record.status is Status.QUEUED:
            found.append(one)
    return sorted(found, key=lambda one: (one.record.order, one.name))


def waits_here(one: Experiment) -> bool:
    """Whether a run waits in the queue of this repository."""
    return one.record.status is Status.QUEUED and not one.record.waits_at


def not_waiting(others: Sequence[Experiment]) -> errors.ExperimentError:
    """The error for experiments outside the queue here."""
    one = others[0]
    hint = f"gitexp remove {one.name} removes it, gitexp stop {one.name} ends it."
    if one.record.waits_at:
        hint = f"Take it back first: gitexp queue pull {one.name}"
    told = shorten(list(map(state, others)))
    return errors.ExperimentError(f"Not in the queue: {told}.", hint, code="not-queued")


def state(one: Experiment) -> str:
    """The words about where an experiment stands."""
    place = f" at {one.record.waits_at}" if one.record.waits_at else ""
    return f"{one.name} is {one.record.status}{place}"


def counts_at_remotes(found: Iterable[Experiment]) -> dict[str, int]:
    """The number of queued experiments at each Git remote, by its name."""
    counts = Counter(one.record.waits_at for one in found if one.record.status is Status.QUEUED)
    return {name: count for name, count in counts.items() if name}


def lock_name(name: str, work: str = "queue") -> str:
    """The name of an experiment's lock for a `work` of a single process of this machine at a time."""
    return f"{work}-{zlib.crc32(name.encode()) % _LOCKS}"


def lost(project: Project, every: Sequence[Stored], max_retries: int = MAX_RETRIES) -> list[Experiment]:
    """The runs of this machine's dead workers, due to go back to the queue."""
    found = []
    for one in readable(projects.of_project(project, every)):
        if not is_lost(one) or one.record.tries >= max_retries:
            continue
        if live.was_lost_here(project.local, one.record.start):
            found.append(one)
    return found


def requeue_lost(
    project: Project, every: Sequence[Stored] | None = None, max_retries: int = MAX_RETRIES
) -> list[Experiment]:
    """Put the runs of dead workers back into the queue, each at most `max_retries` times.

    Only runs lost here: whatever a record says, nothing of another repository runs unasked.
    `every` are all experiments, if somebody has just read them.
    """
    again: list[Experiment] = []
    if project.dry_run:
        return again
    for one in lost(project, project.store.all() if every is None else every, max_retries):
        with contextlib.suppress(errors.BadRecord, errors.LockError):  # doctor names it; others must go on
            requeued = requeue(project, one)
            if requeued is not None:  # else another process was quicker
                again.append(requeued)
                live.forget_lost(project.local, one.record.start)
    return again


def retry(
    project: Project,
    experiments: Sequence[Experiment],
    limits: Limits = NO_LIMITS,
    *,
    resume: bool | None = None,
) -> list[str]:
    """Put ended runs back into the queue, with the code and params of their first try; undo takes it back.

    The record of the try stays below the new one, with its results, log and warnings. `limits` replace the
    runs' own limits. With `resume`, by default the project's `resume:`, the runs go on from their last
    checkpoints; the names of those that do are returned.
    Raises ExperimentError for a live experiment, or an experiment never queued.
    """
    changes, going_on = [], []
    for one in experiments:
        if not can_go_back(one):
            raise never_queued(one)
        record, tree = queued_again(project, one, resume=resume)
        if record.resumed_from:
            going_on.append(one.name)
        record = replace(record, waits_at="")  # of whatever queue it came, it waits here now
        if limits != NO_LIMITS:
            record = replace(record, limits=limits.as_json())
        changes.append(project.store.replacing(one, record, tree))
    _move_together(project, "queue retry", experiments, changes)
    return going_on


def tried_before(project: Project, experiments: Sequence[Experiment]) -> list[str]:
    """The names of the queued experiments with an earlier, ended try."""
    found, left = list[str](), {one.name: one.id for one in experiments}
    while left:
        below = dict[str, str]()
        for commit in project.store.read_commits(left):
            one = commit.experiment
            if not isinstance(one, Experiment):
                continue  # the start of the run: no record stands below its first one
            above = commit.parents[1:] or commit.parents
            if one.record.status.ended:
                found.append(one.name)
            elif above:
                below[one.name] = above[-1]
        left = below
    return found


def limit(project: Project, experiments: Sequence[Experiment], limits: Limits) -> None:
    """Give queued experiments other limits, if any; undo takes the change back."""
    wanted = limits.as_json()
    changes = []
    for one in experiments:
        if wanted and one.record.limits != wanted and waits_here(one):
            changes.append(project.store.on_top(one, replace(one.record, limits=wanted)))
    _move_together(project, "queue limits", (), changes)


def in_wanted_order(words: Sequence[str] | None, found: Sequence[Experiment]) -> list[Experiment]:
    """The queued runs in the order of their names as typed; those of patterns and filters as they wait."""
    if words and not any(map(by_words.is_pattern, words)):
        return [*found]
    return sorted(found, key=lambda one: one.record.order)


def move(project: Project, experiments: Sequence[Experiment], *, last: bool) -> None:
    """Put queued experiments before all others, or behind them, in the given order; undo takes it back."""
    orders = [one.record.order for one in (*queued(project), *experiments)]
    begin = max(orders) + 1 if last else max(min(orders) - len(experiments), 0)
    changes = []
    for at, one in enumerate(experiments):
        changes.append(project.store.on_top(one, replace(one.record, order=begin + at)))
    _move_together(project, "queue move", experiments, changes)


def _move_together(
    project: Project, what: str, experiments: Sequence[Experiment], changes: Sequence[RefChange]
) -> None:
    """Change the records of experiments in the queue, all or none; undo takes the change back."""
    if changes:
        names = ", ".join(one.name for one in experiments[:3])
        Transaction.begin(project, f"{what} {names}".strip()).move(*changes)


class EndedRuns:
    """The runs of the queue ended since the beginning; `tell` hears of each."""

    def __init__(self, project: Project, tell: Callable[[Experiment], None]) -> None:
        self.found = list[Experiment]()
        self._watched = Watched(project.store)
        self._told = {one.id for one in self._now()}
        self._tell = tell

    def look(self) -> None:
        """Find more of them."""
        for one in self._now():
            if one.id not in self._told:
                self._told.add(one.id)
                self.found.append(one)
                self._tell(one)

    def _now(self) -> list[Experiment]:
        return [one for one in readable(self._watched.all()) if can_go_back(one)]


def refuse(project: Project, queued: Experiment, error: errors.GitexpError) -> Experiment | None:
    """End a queued experiment without a start as failed, with the reason; None for a changed experiment."""
    warnings = (*queued.record.warnings, f"not run: {error.message}")
    record = replace(queued.record, warnings=warnings, exit_code=error.exit_code)
    tree = project.repo.resolve(queued.record.commit, "tree")
    if tree is None:
        raise error
    note = conversion_note.write(project.repo, conversion_note.read(project.store, queued))
    record = ended_record(record, Status.FAILED)
    commit = project.repo.write_commit(tree, [record.baseline], f"{queued.name}: not run\n")
    return project.store.swap(queued, replace(record, commit=commit), project.store.record_tree(tree, note))
