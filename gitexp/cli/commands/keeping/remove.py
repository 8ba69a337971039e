"""`gitexp remove`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import consent, exchange, options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
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


Remote = Annotated[str | None, options.git_remote("Remove those named from this Git remote; here they stay.")]


def remove(
    ctx: typer.Context,
    exps: options.OwnExps = None,
    failed: options.Failed = None,
    filter_text: options.Filter = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep those named, remove all others.")] = False,
    remote: Remote = None,
    yes: Annotated[bool, options.yes("Do not ask.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Remove experiments into the trash.

    --failed, --filter and --keep are about the experiments of HEAD, with -A about all. Asks before it
    does so; without a terminal it needs --yes. gitexp restore brings an experiment back, for thirty days;
    gitexp undo all of them. Running ones stay.
    """
    if remote is not None:
        options.alone("--remote", failed, filter_text, everything, keep, all_projects)
        ask = None if yes or dry_run else partial(consent.ask, ctx)
        return _remove_there(remote, exps or (), ask, dry_run=dry_run, quiet=quiet, json=json)
    project = open_project(dry_run=dry_run)
    selection = ops.Selection(exps or (), failed, filter_text, everything, keep, all_projects)
    chosen = ops.select(project, selection)
    names = [experiment.name for experiment in chosen]
    if chosen and not (yes or dry_run):
        consent.ask(ctx, f"This removes {exchange.listed(names)}.")
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
        render.say("To bring back: gitexp undo, or gitexp restore NAME within thirty days", "dim")
        return
    but = ""
    if of_dvc := ops.count_of_dvc(project, selection):
        but = f" but {of_dvc:,} of DVC's, which gitexp only reads"
    render.say(f"No experiment is like that{but}.", "dim")


def _remove_there(
    remote: str,
    words: Sequence[str],
    ask: Callable[[str], None] | None,
    *,
    dry_run: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Remove experiments from a Git remote; `ask` asks before that."""
    if not words:
        raise errors.UsageError(
            "Nothing says which experiments to remove.", f"Name them; see gitexp list --remote {remote}"
        )
    project = open_project(dry_run=dry_run)
    with exchange.contact(quiet=quiet) as on_line:
        selected = elsewhere.select(project, remote, words, on_line)
    names = exchange.listed(list(selected.experiments))
    if ask is not None:
        ask(f"This removes {names} from {remote}, for all who use it.")
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
