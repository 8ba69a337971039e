"""`gitexp gc`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from gitexp import errors, words
from gitexp.cli.kit import consent, options
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.objects.store import StoredObject
from gitexp.upkeep import gc as ops
from gitexp.upkeep.gc import Garbage, Removed, size_of

EPILOG = """Examples:
gitexp gc --dry-run
gitexp gc --yes
gitexp gc --older-than 1d --yes
gitexp gc --data-remote team --dry-run
"""


DataRemote = Annotated[str | None, options.data_remote("On this data remote, not in the store here.")]
OlderThan = Annotated[
    str, typer.Option("--older-than", metavar="TIME", help="Keep what was stored or used since: 14d, 12h.")
]
History = Annotated[
    bool, typer.Option("--history", help="Keep what earlier commits of branches and tags refer to, too.")
]
Force = Annotated[
    bool, options.force("With --data-remote: even if a Git remote does not answer or has what is not here.")
]


def gc(
    ctx: typer.Context,
    data_remote: DataRemote = None,
    older_than: OlderThan = "14d",
    history: History = False,
    force: Force = False,
    yes: Annotated[bool, options.yes("Do not ask.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Delete data that nothing refers to.

    Data in use: all data in the gitexp.lock of an experiment, also in the trash; of an operation for undo; of
    the last commit of a branch, tag, fetched branch or stash; of a commit in the reflog; of a workspace or a
    run. Asks before it deletes; without a terminal it needs --yes.

    With --data-remote all Git remotes are asked first: if one has an experiment, a branch or a tag unknown
    here, nothing is deleted.
    """
    if force and data_remote is None:
        raise errors.UsageError(
            "--force goes with --data-remote.", "Nobody else has a say here: leave it out."
        )
    project = open_project(dry_run=dry_run)
    age = ops.parse_age(older_than)
    with contact(quiet=quiet) as on_line:
        garbage = ops.find(project, age, remote=data_remote, history=history, contact=on_line, force=force)
    if data_remote is not None and garbage.unused and not (quiet or json):
        _warn_of_others(garbage)
    if garbage.unused and not (yes or dry_run):
        consent.ask(
            ctx, f"This deletes {_counted(garbage.unused)} that nothing refers to{_where(data_remote)}."
        )
    removed = None
    if not dry_run:
        removed = ops.collect(project, garbage)
    if json:
        render.as_json(_as_json(garbage, removed, data_remote))
    elif not quiet:
        _tell(garbage, removed, data_remote)
    if removed is not None and removed.failed:
        raise typer.Exit(1)


register = registration(gc, EPILOG)


def _tell(garbage: Garbage, removed: Removed | None, remote: str | None) -> None:
    where = _where(remote)
    kept = f"{_counted(garbage.used)} in use"
    if garbage.young:
        kept += f", {_counted(garbage.young)} too young to tell"
    if removed is not None and garbage.unused:
        render.say(f"Deleted {_counted(removed.objects)}{where}; {kept}.")
        for hash_, why in removed.failed:
            render.warn(f"{hash_[:12]} could not be deleted: {why}")
    elif garbage.unused:
        render.say(f"{_counted(garbage.unused)} that nothing refers to{where}; {kept}.")
    else:
        render.say(f"Nothing to delete{where}; {kept}.")


def _warn_of_others(garbage: Garbage) -> None:
    theirs = "have not pushed to a Git remote yet counts as unused"
    if garbage.alone:
        theirs = "have and this repository does not know of counts as unused"
    render.warn(f"what colleagues {theirs}.")


def _where(remote: str | None) -> str:
    return "" if remote is None else f" on {remote}"


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
