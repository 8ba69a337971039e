"""`gitexp run` with several values: a grid, or a search if it says so."""

from __future__ import annotations

from gitexp import errors, plugins
from gitexp.cli.kit.many import Many
from gitexp.extras.sweep import commands, named, searching
from gitexp.extras.sweep.searching import Manner
from gitexp.extras.sweep.spaces.space import is_distribution
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest


def launch(project: Project, request: RunRequest, many: Many) -> int:
    """Run many points; the exit status."""
    if many.engine is not None:
        plugins.load("dispatch", "require_usable")(project, many.engine)
    if not _is_search(request, many):
        return commands.launch(project, request, many)
    if many.queue:
        raise errors.UsageError(
            "--queue stores all runs at once, and a search plans each one when another has ended.",
            "Leave --queue out; -j says how many run at a time.",
        )
    if request.from_ or request.with_:
        raise errors.UsageError(
            "A search goes on for long, with the code of the workspace: --from does not go together with it.",
            "List the values: -S train.lr=0.1,0.2; or bring the code into the workspace: gitexp apply EXP",
        )
    if request.points:
        raise errors.UsageError(
            "Hydra says what the jobs of this command are: they are no search.",
            "Leave -m out, or --trials, --method, --objective and the bounds.",
        )
    definition = named.of_request(project, request, many.trials, many.method, many.objectives, many.repeat)
    manner = Manner(
        jobs=many.jobs,
        retry_failed=many.retry_failed,
        accept_changes=False,
        yes=many.yes,
        dry_run=many.dry_run,
        quiet=many.quiet,
        json=many.json,
        engine=many.engine,
    )
    return searching.work_on(project, request._replace(overrides=()), definition, manner)


def _is_search(request: RunRequest, many: Many) -> bool:
    if many.trials is not None or many.objectives or many.method:
        return True
    return any(map(is_distribution, request.overrides))
