"""The middle of a run: an executor does the work, and whatever happens the experiment is ended."""

from __future__ import annotations

import contextlib

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.runs import end
from gitexp.runs.begin import LiveRun
from gitexp.runs.executor import Ended, Executor


def execute(live: LiveRun, executor: Executor) -> Ended:
    """How the work of a run ended.

    If the work cannot be done to its end, the experiment is ended here and the reason is raised.
    """
    try:
        with live.let_through():
            live.request.on_start(live.experiment)
            ended = executor.execute(live)
    except BaseException as error:
        with contextlib.suppress(errors.GitexpError, OSError):  # the next command tries again
            end.give_up(live, error)
        raise
    failpoint("run:ended")
    return ended
