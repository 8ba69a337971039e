"""`gitexp undo`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli.kit import options, reversal
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import undo as ops

EPILOG = """Examples:
gitexp undo
gitexp undo    (once more: what was done before that)
gitexp undo --list
gitexp undo 12
"""


Number = Annotated[int | None, typer.Argument(metavar="[N]", help="Number of a change; default: the last.")]


def undo(
    number: Number = None,
    limit: options.Limit = None,
    list_them: Annotated[bool, options.list_them("Show what can be undone, and what it changed.")] = False,
    force: Annotated[bool, options.force("Overwrite files that were changed since.")] = False,
    form: options.AsTable = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take back what was changed last; again, what was changed before that.

    It takes back: apply, branch, note, tag, rename, remove, restore, pull, import, add, init, remote, and
    the params that run -S has changed; the last hundred, for thirty days. gitexp redo does it again. Runs
    and save only add experiments: gitexp remove takes those away. Files changed since and stored nowhere are
    not overwritten.
    """
    listing = reversal.ListOptions(limit, form, quiet=quiet, json=json)
    listing.refuse_without_list(list_them, "undo")
    project = open_project(quiet=quiet, dry_run=dry_run)
    if list_them:
        return reversal.show_list(project, ops.undoable(project), "There is nothing to undo.", listing)
    done = ops.undo(project, number, force=force)
    return reversal.tell(done, quiet=quiet, json=json)


register = registration(undo, EPILOG)
