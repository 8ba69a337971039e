"""`gitexp push`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.exchange import contact, listed, one_or_many, report
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.summary import told_of_untracked
from gitexp.cli.kit.terminal import render
from gitexp.sharing import push as ops
from gitexp.sharing.partner import Fate, Shared
from gitexp.sharing.push import Pushed, PushRequest
from gitexp.words import counted, human_size

EPILOG = """Examples:
gitexp push
gitexp push exp-333c9 exp-55e90 --remote origin
gitexp push --all --filter "acc > 0.9"
"""


Remote = Annotated[str | None, options.git_remote("Git remote; default: the one that git push uses.")]
WithData = Annotated[
    bool | None,
    typer.Option("--data/--no-data", help="Data and results too; default: where a data remote is set."),
]


def push(
    ctx: typer.Context,
    exps: options.OwnExps = None,
    remote: Remote = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    data: WithData = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Push experiments to a Git remote, for others to pull.

    Without names: the done experiments of HEAD's commit, with -A of all baselines; failed ones are pushed by
    name, by --failed or by a filter on their status, unfinished ones not at all. Data and results go first,
    to the data remote, also of experiments already pushed; if they cannot go, no experiment does. MLflow's
    experiments and registered models go along. Nothing at the remote is overwritten: an experiment with the
    name of another one is refused, and the others go. The exit code is 1 if an experiment was refused.
    """
    project = open_project(dry_run=dry_run)
    request = PushRequest(exps or (), remote, everything, filter_text, data, all_projects, failed)
    with contact(quiet=quiet) as on_line:
        pushed = ops.push(project, request, on_line)
    if json:
        render.as_json(_as_json(pushed))
    else:
        _tell(pushed, request, partial(again, ctx), quiet=quiet)
    report([*pushed.experiments, *pushed.shared_refs], pushed.remote, json=json)


register = registration(push, EPILOG)


def _as_json(pushed: Pushed) -> dict[str, Any]:
    data = None
    if pushed.data is not None:
        data = {
            "remote": pushed.data.remote,
            "objects": pushed.data.objects,
            "bytes": pushed.data.bytes,
        }
    experiments = list(map(Shared.as_json, pushed.experiments))
    return {
        "remote": pushed.remote,
        "data": data,
        "experiments": experiments,
        "left_out": pushed.left_out._asdict(),
        "without_data": pushed.without_data,
        "shared_refs": list(map(Shared.as_json, pushed.shared_refs)),
    }


def _tell(pushed: Pushed, request: PushRequest, more: Callable[..., str], *, quiet: bool) -> None:
    names: dict[Fate, list[str]] = defaultdict(list)
    bare = []  # up to date, but without their data
    for one in pushed.experiments:
        if one.fate is Fate.UP_TO_DATE and one.reason:
            bare.append(one)
        else:
            names[one.fate].append(one.there)
    if names[Fate.REFUSED] or not quiet:
        for line in pushed.messages:
            render.say(f"{pushed.remote}: {line}", "dim")
    if bare:
        render.warn(f"{listed([one.there for one in bare])}: at {pushed.remote}, but {bare[0].reason}.")
        render.hint(bare[0].hint)
    if not quiet:
        _tell_names(pushed, names)
        if not pushed.experiments:
            render.say(_none(request, more), "dim")
        for one in pushed.shared_refs:
            if one.fate in (Fate.NEW, Fate.UPDATED):
                render.say(f"Pushed the registry of {one.there} to {pushed.remote}.")
        _tell_left_out(pushed, request, more)


def _tell_left_out(pushed: Pushed, request: PushRequest, more: Callable[..., str]) -> None:
    """Say what stays here, with the way to send it."""
    out = pushed.left_out
    parts = []
    if out.failed:
        parts.append(f"{out.failed:,} that failed or were interrupted (to push them, name them)")
    if out.going_on:
        parts.append(f"{out.going_on:,} that have not ended")
    if out.elsewhere:
        parts.append(f"{out.elsewhere:,} on other baselines ({more('-A')})")
    if out.beside:
        options = ["--all-projects"] if request.everything else ["-A", "--all-projects"]
        parts.append(f"{out.beside:,} of other projects ({more(*options)})")
    if parts:
        render.say(f"Left out: {', '.join(parts)}.", "dim")
    if pushed.without_data:
        render.say("Their data and large results stay on this machine: there is no data remote.", "dim")
        render.hint("gitexp remote add NAME URL, then gitexp push sends them too.")
    if pushed.untracked:
        render.say(told_of_untracked(pushed.untracked, "pushed with the experiments"), "dim")


def _tell_names(pushed: Pushed, names: Mapping[Fate, Sequence[str]]) -> None:
    if pushed.data is not None and pushed.data.objects:
        data = f"{counted(pushed.data.objects, 'object')} of data, {human_size(pushed.data.bytes)},"
        render.say(f"Pushed {data} to {pushed.data.remote}.")
    if new := names[Fate.NEW]:
        render.say(f"Pushed {listed(new)} to {pushed.remote}.")
    if updated := names[Fate.UPDATED]:
        render.say(f"Pushed what is new of {listed(updated)} to {pushed.remote}.")
    if same := names[Fate.UP_TO_DATE]:
        render.say(f"Up to date at {pushed.remote}: {one_or_many(same)}.", "dim")


def _none(request: PushRequest, more: Callable[..., str]) -> str:
    if request.everything or request.filter is not None or request.failed is not None:
        return "No experiment is like that."
    return f"No experiment of HEAD is done. Those of all baselines: {more('-A')}"
