"""`gitexp apply`."""

from __future__ import annotations

from typing import Annotated, Any

from gitexp.cli.kit import options, taken
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.history import apply as ops
from gitexp.history.apply import Applied

EPILOG = """Examples:
gitexp apply exp-333c9
gitexp apply exp-333c9 && gitexp undo
"""


Force = Annotated[bool, options.force("Overwrite unsaved changes too; undo brings them back.")]


def apply(
    exp: options.Exp,
    force: Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring an experiment into the workspace.

    Takes its changes against its baseline, file by file; your own changes in other files stay, and so do
    files of other projects in the repository. Refuses to overwrite content stored neither in HEAD nor in an
    experiment. HEAD and the index do not change. gitexp undo takes it back.
    """
    done = ops.apply(open_project(dry_run=dry_run), exp, force=force)
    render.warn_all(done.taken.warnings)
    if json:
        render.as_json(_as_json(done))
    elif not quiet:
        _tell(done)


register = registration(apply, EPILOG)


def _as_json(done: Applied) -> dict[str, Any]:
    return {
        "experiment": done.experiment.name,
        "commit": done.experiment.record.commit,
        **taken.as_json(done.taken),
        "kept": list(done.kept),
    }


def _tell(done: Applied) -> None:
    name = done.experiment.name
    if done.taken.operation is None:
        render.say(f"All that {name} changed is in the workspace already.")
    else:
        render.say(f"{name} is in the workspace: {taken.line(done.taken)}.")
        if follow := taken.data_line(done.taken):
            render.say(follow)
        render.say("To take it back: gitexp undo", "dim")
    if done.kept:
        render.say(taken.kept_line(name, done.kept), "dim")
