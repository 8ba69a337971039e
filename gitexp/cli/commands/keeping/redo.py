"""`gitexp redo`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli.kit import options, reversal
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import undo as ops

EPILOG = """Examples:
gitexp redo
gitexp redo --list
gitexp redo 12
"""


Number = Annotated[
    int | None, typer.Argument(metavar="[N]", help="Number of a change; default: the one undone last.")
]


def redo(
    number: Number = None,
    limit: options.Limit = None,
    list_them: Annotated[bool, options.list_them("Show what can be done again.")] = False,
    force: Annotated[bool, options.force("Overwrite files that were changed since.")] = False,
    form: options.AsTable = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Do again what undo took back last; again, what it took back before that.

    Without a number only as long as nothing else has been changed since the undo.
    """
    listing = reversal.ListOptions(limit, form, quiet=quiet, json=json)
    listing.refuse_without_list(list_them, "redo")
    project = open_project(quiet=quiet, dry_run=dry_run)
    if list_them:
        return reversal.show_list(project, ops.redoable(project), "There is nothing to redo.", listing)
    done = ops.redo(project, number, force=force)
    return reversal.tell(done, quiet=quiet, json=json)


register = registration(redo, EPILOG)
