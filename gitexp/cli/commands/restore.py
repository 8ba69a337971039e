"""`gitexp restore`."""

from __future__ import annotations

from typing import Annotated, Any

from gitexp import errors
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.history import restore as history_restore
from gitexp.repo.trash import Trashed
from gitexp.times import show_time, stamp
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
    list_them: Annotated[bool, options.list_them("Show what is in the trash.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring a removed experiment back from the trash.

    Of several with the same name, the last one removed.
    """
    project = open_project()
    if list_them:
        return _list(history_restore.trashed(project), json=json)
    if exp is None:
        raise errors.UsageError("Nothing says which experiment to restore.", "See: gitexp restore --list")
    experiment = history_restore.restore(project, exp, name)
    warn_of_namesakes(project, experiment.name)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(f"{experiment.name} is back.")
    return None


register = registration(restore, EPILOG)


def _list(found: list[Trashed], *, json: bool) -> None:
    if json:
        return render.as_json_list(map(_as_json, found))
    if not found:
        return render.say("The trash is empty.", "dim")
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
