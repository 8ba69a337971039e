"""The runs of a loop: queued experiments, run by workers or by an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp import plugins
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice


def run_queued(
    project: Project,
    names: Sequence[str],
    jobs: int,
    engine: EngineChoice | None,
    remark: Callable[[str], None],
) -> bool:
    """Run some queued experiments, `jobs` at a time; whether Ctrl-C was pressed.

    `remark` is told what a person should know meanwhile. Raises GitexpError if a worker has failed, unless
    Ctrl-C was pressed.
    """
    make = plugins.load("workforce", "queue")
    with make(project, min(jobs, len(names)), names, choice=engine) as at_work:
        stopped: bool = at_work.wait(lambda: None, remark)
        if not stopped:
            at_work.require_well()
    return stopped
