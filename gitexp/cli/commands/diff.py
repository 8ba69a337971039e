"""`gitexp diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gitexp import errors
from gitexp.cli import complete, options
from gitexp.cli.help import Command

if TYPE_CHECKING:
    from gitexp.ops.project import Project
    from gitexp.ops.show import Query

EPILOG = """Examples:
gitexp diff exp-333c9 exp-55e90
gitexp diff exp-333c9 --code    (against its baseline, with the patch)
gitexp diff                     (HEAD against the workspace)
gitexp diff --best acc          (the best experiment against its baseline)
gitexp diff main --best val_loss --min --filter "'paper' in tags"
"""

_Point = typer.Argument(
    metavar="[A]", help="Experiment, Git revision or 'workspace'.", autocompletion=complete.points
)
_Other = typer.Argument(metavar="[B]", help="The same, to compare with.", autocompletion=complete.points)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(diff)


def diff(
    a: Annotated[str | None, _Point] = None,
    b: Annotated[str | None, _Other] = None,
    best: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Compare the best experiment by this metric.",
            autocompletion=complete.columns,
        ),
    ] = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    filter_text: options.Filter = None,
    everything: options.Everything = False,
    code: Annotated[bool, typer.Option("--code", help="Add the patch of the code.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print Markdown.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if anything differs, as git diff does.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Compare params, metrics, code, data, command and environment.

    One argument: an experiment with its baseline, a revision with the workspace. None: HEAD with the
    workspace. With --best: that experiment with its baseline or with A; --min, --filter and -A say which
    it is, as for gitexp best.
    """
    from gitexp.cli import comparison, render
    from gitexp.cli.session import open_project
    from gitexp.ops import diff as ops
    from gitexp.ops.show import Query

    options.only_one(json=json, md=md)
    low = options.best_is_lowest(lowest, highest)
    project = open_project()
    if best is not None:
        a, b = _with_best(project, best, Query(everything, filter=filter_text), low, a, b)
    elif low is not None or filter_text is not None or everything:
        raise errors.UsageError("--min, --max, --filter and -A go with --best.", "Such as: --best acc")
    old, new = ops.points(project, a, b)
    for complaint in (*old.complaints, *new.complaints):
        render.warn(complaint)
    found = ops.diff(project, old, new)
    paint = render.colors() and not (json or md)
    patch = ops.patch(project, found, color=paint) if code else b""
    if json:
        render.as_json(comparison.as_json(found, patch if code else None))
    elif md:
        render.answer(comparison.markdown(found, patch))
    else:
        render.answer(comparison.lines(found, patch, width=render.width(), colors=paint), page=True)
        if not found:
            render.say(f"Nothing differs between {old.label} and {new.label}.", "dim")
    if exit_code and found:
        raise typer.Exit(1)


def _with_best(
    project: Project, metric: str, query: Query, lowest: bool | None, a: str | None, b: str | None
) -> tuple[str, str | None]:
    """Return the two sides where one is the best experiment: `a`, if it is given, and that."""
    from gitexp.ops.best import best

    if b is not None:
        raise errors.UsageError("--best takes one side of the comparison.", "Give one other at most.")
    name = best(project, metric, query, lowest).name
    return (name, None) if a is None else (a, name)
