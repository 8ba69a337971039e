"""`gitexp pull`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.exchange import contact, listed, report, tell_known, tell_taken
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.sharing import pull as ops
from gitexp.sharing.partner import Fate, Shared
from gitexp.sharing.pull import Pulled
from gitexp.sharing.scope import FILTERED, OTHER_BASELINE, OTHER_PROJECT

EPILOG = """Examples:
gitexp pull
gitexp pull exp-333c9 --remote origin
gitexp pull "lr-*"
gitexp pull --filter "acc > 0.9"
gitexp pull --all
gitexp pull --verify
"""


_LEFT = {
    ops.REMOVED_HERE: ("as you have removed them here", " With them: --removed"),
    OTHER_BASELINE: ("on other baselines", " With them: -A"),
    OTHER_PROJECT: ("of other projects", " With them: --all-projects"),
    FILTERED: ("by the filter", ""),
}
Exps = Annotated[
    list[str] | None, typer.Argument(metavar="[EXP]...", help="Names there, unique prefixes or patterns.")
]
Remote = Annotated[str | None, options.git_remote("Git remote; default: the one that git fetch uses.")]
Removed = Annotated[bool, typer.Option("--removed", help="Those too that you have removed here.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Refuse what is not signed by somebody known; see gitexp verify.")
]


def pull(
    exps: Exps = None,
    remote: Remote = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    removed: Removed = False,
    verify: Verify = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Pull experiments from a Git remote.

    Without names: those made from HEAD's commit, with -A of all baselines; --filter and --failed choose among
    them. What is here already is brought up to date, whatever is asked for. Nothing here is
    deleted or overwritten: edits of notes and tags on both sides are united, and an experiment with the name
    of another one here is kept as NAME-2. gitexp undo takes the pull back. MLflow's experiments and
    registered models come along, and are united with those here. The exit code is 1 if an experiment was
    refused.
    """
    project = open_project(dry_run=dry_run)
    with contact(quiet=quiet) as on_line:
        scope = (everything, all_projects, removed, filter_text, failed)
        request = ops.PullRequest(exps or (), remote, *scope, verify=verify)
        pulled = ops.pull(project, request, on_line)
    if json:
        experiments = list(map(Shared.as_json, pulled.experiments))
        beside = list(map(Shared.as_json, pulled.shared_refs))
        render.as_json({"remote": pulled.remote, "experiments": experiments, "shared_refs": beside})
    elif not quiet:
        _tell(pulled)
    report([*pulled.experiments, *pulled.shared_refs], pulled.remote, json=json)


register = registration(pull, EPILOG)


def _tell_left(pulled: Pulled) -> None:
    """Name the experiments left at the remote, and the way to pull them."""
    left: dict[str, list[str]] = defaultdict(list)
    for one in pulled.experiments:
        if one.fate is Fate.LEFT:
            left[one.reason].append(one.there)
    for reason, there in left.items():
        why, flag = _LEFT.get(reason, (reason, ""))
        render.say(f"Left there, {why}: {listed(there)}.{flag}", "dim")


def _tell(pulled: Pulled) -> None:
    tell_taken(pulled.experiments, pulled.remote, "Pulled")
    _tell_of_registries(pulled.shared_refs)
    _tell_left(pulled)
    tell_known(pulled.experiments)
    if not pulled.experiments:
        render.say(f"There are no experiments at {pulled.remote}.", "dim")


def _tell_of_registries(shared_refs: Sequence[Shared]) -> None:
    for one in shared_refs:
        if one.fate in (Fate.NEW, Fate.UPDATED):
            render.say(f"Pulled the registry of {one.there}.")
        elif one.fate is Fate.UNITED:
            render.say(f"United with what was changed here: the registry of {one.there}.")
            if one.reason:
                render.say(f"{one.there}: {one.reason}.")
