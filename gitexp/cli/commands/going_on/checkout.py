"""`gitexp checkout`."""

from __future__ import annotations

from typing import Annotated, Any

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.meter import Meter
from gitexp.datasets import checkout as ops
from gitexp.datasets.checkout import CheckedOut
from gitexp.model import Artifact, paths_of
from gitexp.objects.manifest import is_hash
from gitexp.objects.place import Placed
from gitexp.project.project import Project

EPILOG = """Examples:
gitexp checkout
gitexp checkout exp-333c9
gitexp checkout exp-333c9 models/best.pt
gitexp checkout data/raw
"""


Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP|REV|HASH] [PATH...]",
        "Whose gitexp.lock counts, default the workspace's; and which of its data and outputs.",
        "experiments",
    ),
]
Force = Annotated[
    bool, options.force("Overwrite what is stored nowhere too; it is put into the store before.")
]


def checkout(
    words: Words = None,
    force: Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring data and outputs to what gitexp.lock says.

    After git switch or git pull, the data then fits the code again. With an experiment or revision, its data
    and outputs come into the workspace, and gitexp.lock stays: gitexp checkout alone goes back. Missing
    content is fetched from the data remote. Files with content stored nowhere are never overwritten, unless
    you say --force. Files outside of data and outputs are not touched. With the hash of a file or folder in
    the store, its content comes to the path: a run names the hash when it replaces files of yours.
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    with Meter("Checking out", quiet=quiet) as meter:
        done = ops.checkout(project, words or [], force=force, on_progress=meter)
    render.warn_all(done.warnings)
    if json:
        render.as_json(_as_json(done))
    elif not quiet:
        _tell(project, done)


register = registration(checkout, EPILOG)


def _as_json(done: CheckedOut) -> dict[str, Any]:
    return {
        "source": done.source,
        "changed": [_changed(artifact, placed) for artifact, placed in done.placed],
        "kept": list(paths_of(done.same)),
    }


def _changed(artifact: Artifact, placed: Placed) -> dict[str, Any]:
    return {
        "path": artifact.path,
        "written": list(placed.written),
        "removed": list(placed.removed),
        "stored": placed.kept and placed.kept.hash,
    }


def _tell(project: Project, done: CheckedOut) -> None:
    for artifact, placed in done.placed:
        line = f"{artifact.path}: {len(placed.written):,} written"
        if placed.removed:
            line += f", {len(placed.removed):,} removed"
        render.say(line)
        if placed.kept is not None:
            render.say(f"Before: gitexp checkout {placed.kept.hash} {project.typed(artifact.path)}", "dim")
    if done.placed:
        return
    whose = "gitexp.lock"
    if done.source is not None:
        whose = f"gitexp.lock of {done.source}"
        if is_hash(done.source):
            whose = "the store"
    if done.same:
        render.say(f"All is as {whose} says.")
    else:
        render.say(f"{whose} names no data.")
