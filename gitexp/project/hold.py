"""What holds a workspace: a run, or a command that goes on although its gitexp was killed."""

from __future__ import annotations

from gitexp import errors
from gitexp.model import ProcessId
from gitexp.process.git_processes import is_local
from gitexp.process.liveness import is_alive, is_there, was_here
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.live import RunState


def orphan(run: RunState) -> ProcessId | None:
    """A command of the run that outlives its killed gitexp; None without one."""
    for child in (run.child, *run.others):
        if child is not None and (is_alive(child) or is_there(child)):
            return child
    return None


def has_died(run: RunState) -> bool:
    """Whether the gitexp and the command of a run are dead, or at least the run's own lock can tell.

    A machine may have another name by now; the lock does not mind (`live.claim`). On another machine the
    lock tells if it is a file; a flock there may not be seen from here.
    """
    alive = is_alive(run.process)
    if alive is None:
        was_ours = is_local(run.folder) and was_here(run.process, run.seen_from)
        alive = not (was_ours or run.can_be_told)
    return not alive and orphan(run) is None


def refuse_beside_orphan(project: Project) -> None:
    """Raise WorkspaceBusy while a command writes here whose results would be taken for another's."""
    for run in live.live_runs(project.local):
        if run.git_dir == str(project.repo.git_dir) and (process := orphan(run)) is not None:
            raise errors.WorkspaceBusy(
                f"The command of {run.name} is still running, though gitexp was killed: "
                f"process {process.pid}.",
                "End it, then run again; or run beside it in a workspace of its own: gitexp run --temp",
            )
