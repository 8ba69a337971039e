"""The first step of every command: open the project, and end the runs that died unnoticed."""

from __future__ import annotations

from gitexp import errors
from gitexp.catalog.names import namesakes
from gitexp.cli.kit.terminal import render
from gitexp.process import shared_umask
from gitexp.project.change import complete_pending, unfinished
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.repo.known_records import KnownRecords
from gitexp.repo.live import RunState
from gitexp.repo.operations import Operation
from gitexp.runs.ongoing.recover import finish_dead_runs

_remembered: KnownRecords | None = None  # of a process that runs many commands


def remember_records() -> None:
    """Have all further commands of this process know the records that one of them has read."""
    global _remembered
    _remembered = KnownRecords()


def open_project(
    *,
    needs_config: bool = False,
    reads_all: bool = False,
    only_looks: bool = False,
    quiet: bool = False,
    dry_run: bool = False,
    reveal: bool = False,
) -> Project:
    """The project around the current folder. Operations and runs that gitexp left unfinished are ended.

    A wrong gitexp.yaml is an error if the command `needs_config`, and a warning otherwise: to look at
    experiments, or to take something back, must always be possible. A command with `reads_all` finds runs
    known from their records alone by itself; so records are not read twice. One that `only_looks` may have
    the records of many experiments from the cache. With `quiet` only warnings are said. With `dry_run`
    operations change nothing, and every word and answer says so. With `reveal` experiments are read with the
    metrics of their holdout.
    """
    render.rehearse(dry_run)
    project = Project.open(any_config=not needs_config)._replace(dry_run=dry_run)
    if _remembered is not None:
        project.store.remember(_remembered)
    if only_looks:
        project.store.use_cache()
    shared_umask.follow(project.repo.config.get("core.sharedrepository", ""))
    if project.config_error is not None:
        render.warn(f"{project.config_error.message}; gitexp goes on without {CONFIG_FILE}.")
    for operation in complete_pending(project):
        if not quiet:
            render.say(f"gitexp died in the middle of '{operation.summary}'; it is done now.")
    for operation in unfinished(project):
        render.warn(f"'{operation.summary}' was stopped: some files are as they were before it.")
        render.hint(_way_on(operation))
    for experiment in finish_dead_runs(project, lost=not reads_all, on_failure=_warn_of_unstored):
        state = experiment.record.status
        if not quiet:
            render.say(f"{experiment.name} was running when gitexp died; it is stored now, as {state}.")
    if reveal:
        project.store.reveal()
    return project


def _way_on(operation: Operation) -> str:
    verb = operation.summary.partition(" ")[0]
    other = {"undo": "redo", "redo": "undo"}.get(verb)
    if operation.undoes is not None and other is not None:
        return f"gitexp {verb} goes on with it; gitexp {other} brings back what was before it."
    return "gitexp undo takes it back; gitexp doctor --fix goes on with it."


def _warn_of_unstored(run: RunState, error: Exception) -> None:
    if isinstance(error, errors.WorkspaceBusy):  # somebody else is at it
        return
    from gitexp.runs.end import reason  # with all that stores results

    render.warn(
        f"{run.name or 'a run'} was running when gitexp died, and cannot be stored yet: "
        f"{reason(error).rstrip('.')}."
    )
    render.hint("Its results are kept: put that right, and the next gitexp command stores it.")


def warn_of_namesakes(project: Project, name: str) -> None:
    """Warn of a branch or tag with the name of the experiment. The name alone means the experiment."""
    for ref in namesakes(project.repo, name):
        kind = "branch" if ref.startswith("refs/heads/") else "tag"
        render.warn(f"there is a {kind} called {name} too: {name} is the experiment, {ref} the {kind}.")
