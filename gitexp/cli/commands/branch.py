"""`gitexp branch`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import branch as ops

EPILOG = """Examples:
gitexp branch exp-333c9
gitexp branch exp-333c9 higher-lr
"""


Name = Annotated[
    str | None, typer.Argument(metavar="[BRANCH]", help="Name of the branch; default: the experiment's.")
]


def branch(
    exp: options.Exp,
    name: Name = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Make a Git branch of an experiment.

    The branch has its exact code, params and results in one commit. The workspace does not move.
    """
    project = open_project()
    made = ops.branch(project, exp, name)
    experiment = made.experiment
    if json:
        render.as_json(
            {"branch": made.branch, "experiment": experiment.name, "commit": experiment.record.commit}
        )
    elif not quiet:
        render.say(f"Branch {made.branch} is at {experiment.name}, {experiment.record.commit[:7]}.")
        where = shlex.quote(made.branch)
        if made.clean:
            render.say(f"To go there: git switch {where}", "dim")
        else:
            beside = project.typed(f"../{made.branch.replace('/', '-')}")
            render.say(f"To look at it beside your unsaved work: git worktree add {beside} {where}", "dim")


register = registration(branch, EPILOG)
