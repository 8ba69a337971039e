"""`gitexp branch`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import options, taken
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.history import branch as ops
from gitexp.project.project import Project
from gitexp.words import shorten

EPILOG = """Examples:
gitexp branch exp-333c9
gitexp branch exp-333c9 higher-lr
gitexp branch exp-333c9 higher-lr --switch
"""


Name = Annotated[
    str | None, typer.Argument(metavar="[BRANCH]", help="Name of the branch; default: the experiment's.")
]


Switch = Annotated[bool, typer.Option("--switch", help="Go over to the branch.")]


def branch(
    exp: options.Exp,
    name: Name = None,
    switch: Switch = False,
    force: Annotated[bool, options.force("With --switch: overwrite unsaved files too.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Make a Git branch of an experiment.

    The branch has its exact code, params and results in one commit. The workspace does not move. With
    --switch it goes over to the branch, past the files that the run left here, which git switch refuses; what
    is stored nowhere is not overwritten.
    """
    project = open_project(dry_run=dry_run)
    if switch:
        return _switch(project, exp, name, force=force, quiet=quiet, json=json)
    if force:
        raise errors.UsageError("--force goes with --switch.", "Without it, no file is touched.")
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
        if made.is_here and not made.clean:
            go = f"gitexp branch {shlex.quote(experiment.name)} {where} --switch"
            render.say(f"To go there, past what its run has left here: {go}", "dim")
        if not made.clean:
            beside = project.typed(f"../{made.branch.replace('/', '-')}")
            render.say(f"To look at it beside your unsaved work: git worktree add {beside} {where}", "dim")
    return None


def _switch(project: Project, exp: str, name: str | None, *, force: bool, quiet: bool, json: bool) -> None:
    """Make the branch and go there."""
    done = ops.branch_and_switch(project, exp, name, force=force)
    made = done.promotion
    render.warn_all(done.taken.warnings)
    if json:
        experiment = made.experiment
        document = {"branch": made.branch, "experiment": experiment.name}
        render.as_json({**document, "commit": experiment.record.commit, **taken.as_json(done.taken)})
    elif not quiet:
        render.say(f"On the branch {made.branch} now, at {made.experiment.name}: {taken.line(done.taken)}.")
        if follow := taken.data_line(done.taken):
            render.say(follow)
        render.say("To go back: git switch -", "dim")
        if files := ops.only_there(project, made):
            keep = f"git restore --source {shlex.quote(made.branch)} PATH"
            render.say(f"That takes away what only {made.branch} has: {shorten(files)}.", "dim")
            render.say(f"To have a file there too: {keep}", "dim")


register = registration(branch, EPILOG)
