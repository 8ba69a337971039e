"""`gitexp remove`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import exchange, options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import remove as ops
from gitexp.project.project import Project
from gitexp.sharing import elsewhere
from gitexp.sharing.partner import Fate

EPILOG = """Examples:
gitexp remove exp-333c9 exp-55e90
gitexp remove --failed
gitexp remove -A --filter "acc < 0.5" -y
gitexp remove --keep exp-333c9 exp-55e90
gitexp remove --remote origin exp-333c9
"""


Remote = Annotated[
    str | None, options.git_remote("--remote", "Remove those named from this Git remote; here they stay.")
]


def remove(
    exps: options.OwnExps = None,
    failed: Annotated[bool, typer.Option("--failed", help="Those that failed.")] = False,
    filter_text: options.Filter = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep those named, remove all others.")] = False,
    remote: Remote = None,
    yes: Annotated[bool, options.yes("Do not ask.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Remove experiments into the trash.

    --failed, --filter and --keep are about the experiments of HEAD, with -A about all. Asks before it
    does so where a terminal is. gitexp restore brings an experiment back, for thirty days; gitexp undo
    all of them. Running ones stay.
    """
    if remote is not None:
        options.alone("--remote", failed, filter_text, everything, keep, all_projects)
        return _remove_there(remote, exps or (), yes=yes, quiet=quiet, json=json)
    project = open_project()
    selection = ops.Selection(exps or (), failed, filter_text, everything, keep, all_projects)
    chosen = ops.select(project, selection)
    names = [experiment.name for experiment in chosen]
    if chosen and not yes:
        _ask(f"This removes {exchange.listed(names)}.")
    ops.remove(project, chosen)
    if json:
        render.as_json({"removed": names})
    elif not quiet:
        _tell(project, selection, names)
    return None


register = registration(remove, EPILOG)


def _tell(project: Project, selection: ops.Selection, removed: Sequence[str]) -> None:
    if removed:
        render.say(f"Removed {exchange.listed(removed)}.")
        render.say("To bring back: gitexp undo, or gitexp restore <name> within thirty days", "dim")
        return
    but = ""
    if of_dvc := ops.count_of_dvc(project, selection):
        but = f" but {of_dvc:,} of DVC's, which gitexp only reads"
    render.say(f"No experiment is like that{but}.", "dim")


def _remove_there(remote: str, words: Sequence[str], *, yes: bool, quiet: bool, json: bool) -> None:
    """Remove experiments from a Git remote."""
    if not words:
        raise errors.UsageError(
            "Nothing says which experiments to remove.", f"Name them; see gitexp list --remote {remote}"
        )
    project = open_project()
    with exchange.contact(quiet=quiet) as on_line:
        selected = elsewhere.select(project, remote, words, on_line)
    names = exchange.listed(list(selected.experiments))
    if not yes:
        _ask(f"This removes {names} from {remote}, for all who use it.")
    done = elsewhere.remove(project, selected)
    gone, refused = [], []
    for one in done:
        if one.fate is Fate.REMOVED:
            gone.append(one.there)
        elif one.fate is Fate.REFUSED:
            refused.append(one.there)
    if json:
        render.as_json({"removed": gone, "refused": refused})
    elif gone and not quiet:
        render.say(f"Removed {exchange.listed(gone)} from {remote}.")
        render.say("What is here stays; what was there alone: gitexp restore, within thirty days", "dim")
    exchange.report(done, remote, json=json)


def _ask(question: str) -> None:
    """Ask on a terminal whether to go on. Raises typer.Abort if the answer is no."""
    if not (render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)):
        return
    render.say(question)
    try:
        go_on = typer.confirm("Go on?", err=True)
    except typer.Abort:  # Ctrl-C, on the line of the question
        render.say("")
        raise
    if not go_on:
        raise typer.Abort
