"""`gitexp restore`."""

from __future__ import annotations

from typing import Annotated, Any

from gitexp import errors
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.terminal import render
from gitexp.history import restore as history_restore
from gitexp.repo.trash import Trashed
from gitexp.times import show_time, stamp
from gitexp.views.markup import TableFormat
from gitexp.words import clean

EPILOG = """Examples:
gitexp restore --list
gitexp restore exp-333c9
"""


InTrash = Annotated[
    str | None,
    options.argument("[EXP]", "Name or its beginning.", "trashed"),
]


def restore(
    exp: InTrash = None,
    name: Annotated[str | None, options.other_name("Another name for it.")] = None,
    limit: options.Limit = None,
    list_them: Annotated[bool, options.list_them("Show what is in the trash.")] = False,
    form: options.AsTable = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring a removed experiment back from the trash.

    Of several with the same name, the last one removed.
    """
    if not list_them and (limit is not None or form):
        raise errors.UsageError("--limit and --format go with --list.", "See: gitexp restore --list")
    project = open_project(quiet=quiet, dry_run=dry_run)
    if list_them:
        return _list(history_restore.trashed(project)[:limit], form, quiet=quiet, json=json)
    if exp is None:
        raise errors.UsageError("Nothing says which experiment to restore.", "See: gitexp restore --list")
    removed = history_restore.in_trash(project, exp)
    experiment = history_restore.restore(project, removed.experiment.name, name)
    warn_of_namesakes(project, experiment.name)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(_restored(removed, experiment.name))
    return None


register = registration(restore, EPILOG)


def _restored(removed: Trashed, name: str) -> str:
    """The experiment that is back: of several with one name, the commit and the time say which."""
    line = f"{removed.experiment.name} is back"
    if name != removed.experiment.name:
        line += f" as {name}"
    return clean(f"{line}: commit {removed.commit[:7]}, removed {show_time(removed.removed.isoformat())}.")


def _list(found: list[Trashed], form: TableFormat | None, *, quiet: bool, json: bool) -> None:
    if json or form:
        return answer(map(_as_json, found), form, json=json)
    if not found and not quiet:
        render.say("The trash is empty.", "dim")
    return render.answer(map(_line, found))


def _line(one: Trashed) -> str:
    return f"{show_time(one.removed.isoformat()):>10}  {one.commit[:7]}  {clean(one.experiment.name)}"


def _as_json(one: Trashed) -> dict[str, Any]:
    return {
        "name": one.experiment.name,
        "commit": one.commit,
        "record": one.experiment.id,
        "removed": stamp(one.removed),
    }
