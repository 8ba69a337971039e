"""`gitexp undo`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gitexp.cli.kit import options, render, taken
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import undo as ops
from gitexp.history.undo import Undone
from gitexp.repo.operations import Operation
from gitexp.times import show_time
from gitexp.words import clean

EPILOG = """Examples:
gitexp undo
gitexp undo    (once more: does it again)
gitexp undo --list
gitexp undo 12
"""


Number = Annotated[
    int | None, typer.Argument(metavar="[N]", help="Number of an operation; default: the newest.")
]


def undo(
    number: Number = None,
    list_them: Annotated[bool, options.list_them("Show what can be undone.")] = False,
    force: Annotated[bool, options.force("Overwrite files that were changed since.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Take back what was done last; once more does it again.

    It takes back: apply, branch, note, tag, rename, remove, restore, pull, import; the last hundred, for
    thirty days. Files changed since and stored nowhere are not overwritten.
    """
    project = open_project()
    if list_them:
        return _list(ops.undoable(project), json=json)
    done = ops.undo(project, number, force=force)
    if done.taken is not None:
        render.warn_all(done.taken.warnings)
    if json:
        render.as_json(_undone(done))
    elif not quiet:
        _tell(done)
    return None


register = registration(undo, EPILOG)


def _undone(done: Undone) -> dict[str, Any]:
    document: dict[str, Any] = {"undone": _operation(done.operation)}
    if done.taken is not None:
        document |= taken.as_json(done.taken)
    return document


def _tell(done: Undone) -> None:
    summary = done.operation.summary
    if summary.startswith("undo "):
        said, reverse = f"Done again: {summary.removeprefix('undo ')}", "take it back"
    else:
        said, reverse = f"Taken back: {summary.removeprefix('redo ')}", "do it again"
    if done.taken is None:
        render.say(f"{said}.")
    else:
        render.say(f"{said}: {taken.line(done.taken)}.")
        if follow := taken.data_line(done.taken):
            render.say(follow)
    render.say(f"To {reverse}: gitexp undo", "dim")


def _list(operations: list[Operation], *, json: bool) -> None:
    if json:
        return render.as_json_list(map(_operation, operations))
    if not operations:
        return render.say("There is nothing to undo.", "dim")
    width = len(str(operations[0].number))
    return render.answer(
        f"{operation.number:>{width}}  {show_time(operation.created):>6}  {clean(operation.summary)}"
        for operation in operations
    )


def _operation(operation: Operation) -> dict[str, object]:
    return {"number": operation.number, "summary": operation.summary, "created": operation.created}
