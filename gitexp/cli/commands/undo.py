"""`gitexp undo`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli.kit import options, render, taken
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.history import undo as ops
from gitexp.repo.operations import Operation
from gitexp.times import show_time
from gitexp.words import clean

EPILOG = """Examples:
gitexp undo
gitexp undo    (once more: does it again)
gitexp undo --list
gitexp undo 12
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(undo)


def undo(
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", help="Number of an operation; default: the newest.")
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="Show what can be undone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were changed since.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take back what was done last; once more does it again.

    What can be undone: apply, branch, note, tag, rename, remove, restore, pull, import; the last hundred, for
    thirty days. Files that were changed since and are stored nowhere are not overwritten.
    """

    project = open_project()
    if list_them:
        return _list(ops.undoable(project), json=json)
    done = ops.undo(project, number, force=force)
    for warning in done.taken.warnings if done.taken is not None else ():
        render.warn(warning)
    if json:
        files = {} if done.taken is None else taken.as_json(done.taken)
        return render.as_json({"undone": _as_json(done.operation), **files})
    if not quiet:
        written = "" if done.taken is None else f": {taken.line(done.taken)}"
        again = done.operation.summary.startswith("undo ")
        what = done.operation.summary.removeprefix("undo " if again else "redo ")
        render.say(f"{'Done again' if again else 'Taken back'}: {what}{written}.")
        if done.taken is not None and (follow := taken.data_line(done.taken)):
            render.say(follow)
        render.say(f"To {'take it back' if again else 'do it again'}: gitexp undo", "dim")
    return None


def _list(operations: list[Operation], *, json: bool) -> None:

    if json:
        return render.as_json_list(map(_as_json, operations))
    if not operations:
        return render.say("There is nothing to undo.", "dim")
    width = len(str(operations[0].number))
    return render.answer(
        f"{operation.number:>{width}}  {show_time(operation.created):>6}  {clean(operation.summary)}"
        for operation in operations
    )


def _as_json(operation: Operation) -> dict[str, object]:
    return {"number": operation.number, "summary": operation.summary, "created": operation.created}
