"""`gitexp gc`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from gitexp import errors, words
from gitexp.cli.kit import options, render
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.objects.store import StoredObject
from gitexp.upkeep import gc as ops
from gitexp.upkeep.gc import Garbage, Removed, size_of

EPILOG = """Examples:
gitexp gc
gitexp gc --yes
gitexp gc --older-than 1d --yes
gitexp gc --remote team
"""


Remote = Annotated[str | None, options.data_remote("On this data remote, not in the store here.")]
OlderThan = Annotated[
    str, typer.Option("--older-than", metavar="TIME", help="Keep what was stored or used since: 14d, 12h.")
]
History = Annotated[
    bool, typer.Option("--history", help="Keep what earlier commits of branches and tags refer to, too.")
]
Force = Annotated[
    bool, options.force("With --remote: even if a Git remote does not answer or has what is not here.")
]


def gc(
    remote: Remote = None,
    older_than: OlderThan = "14d",
    history: History = False,
    force: Force = False,
    yes: Annotated[bool, options.yes("Delete it; else only say what would be.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Delete data that nothing refers to.

    Data in use: all data in the gitexp.lock of an experiment, also in the trash; of an operation for undo; of
    the last commit of a branch, tag, fetched branch or stash; of a commit in the reflog; of a workspace or a
    run. Without --yes nothing is deleted.

    With --remote all Git remotes are asked first: if one has an experiment, a branch or a tag unknown here,
    nothing is deleted.
    """
    if force and remote is None:
        raise errors.UsageError("--force goes with --remote.", "Here nobody else has a say: leave it out.")
    project = open_project()
    age = ops.parse_age(older_than)
    with contact(quiet=quiet) as on_line:
        garbage = ops.find(project, age, remote=remote, history=history, contact=on_line, force=force)
    removed = None
    if yes:
        removed = ops.collect(project, garbage)
    if json:
        render.as_json(_as_json(garbage, removed, remote))
    elif not quiet:
        _tell(garbage, removed, remote)
    if removed is not None and removed.failed:
        raise typer.Exit(1)


register = registration(gc, EPILOG)


def _tell(garbage: Garbage, removed: Removed | None, remote: str | None) -> None:
    where = ""
    if remote is not None:
        where = f" on {remote}"
    kept = f"{_counted(garbage.used)} in use"
    if garbage.young:
        kept += f", {_counted(garbage.young)} too young to tell"
    if removed is not None:
        render.say(f"Deleted {_counted(removed.objects)}{where}; {kept}.")
        for hash_, why in removed.failed:
            render.warn(f"{hash_[:12]} could not be deleted: {why}")
    elif garbage.unused:
        render.say(f"{_counted(garbage.unused)} that nothing refers to{where}; {kept}.")
        render.hint("Nothing was deleted yet; the same with --yes does it.")
    else:
        render.say(f"Nothing to delete{where}; {kept}.")
    if remote is not None and garbage.unused:
        theirs = "have not pushed to a Git remote yet counts as unused"
        if garbage.alone:
            theirs = "have and this repository does not know of counts as unused"
        render.warn(f"what colleagues {theirs}.")


def _counted(objects: Sequence[StoredObject]) -> str:
    return words.objects(len(objects), size_of(objects))


def _as_json(garbage: Garbage, removed: Removed | None, remote: str | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "remote": remote,
        "unused": _size(garbage.unused),
        "young": _size(garbage.young),
        "used": _size(garbage.used),
        "deleted": None,
        "failed": [],
    }
    if removed is not None:
        document["deleted"] = _size(removed.objects)
        document["failed"] = [{"object": hash_, "reason": why} for hash_, why in removed.failed]
    return document


def _size(objects: Sequence[StoredObject]) -> dict[str, int]:
    return {"objects": len(objects), "size": size_of(objects)}
