"""`gitexp push`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.exchange import contact, counted, listed, report
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.datasets.sync import TransferReport
from gitexp.sharing import push as ops
from gitexp.sharing.partner import Fate
from gitexp.sharing.push import Pushed
from gitexp.words import human_size

EPILOG = """Examples:
gitexp push
gitexp push exp-333c9 exp-55e90 --to origin
gitexp push --all --filter "acc > 0.9"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(push)


def push(
    exps: options.OwnExps = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="REMOTE",
            help="Git remote; default: the one that git push uses.",
            autocompletion=options.completed_by("remotes"),
        ),
    ] = None,
    everything: options.Everything = False,
    filter_text: options.Filter = None,
    data: Annotated[
        bool | None,
        typer.Option("--data/--no-data", help="Data and results too; default: where a data remote is set."),
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Push experiments to a Git remote, for others to pull.

    Without names: those of HEAD's commit that are done, with -A those of all baselines. Data and results
    go first, to the data remote, of experiments that are there already too: where they cannot, no
    experiment does. Nothing there is overwritten:
    another experiment of the same name is refused, and the others go. The exit code is 1 if one was.
    """

    project = open_project()
    request = ops.PushRequest(exps or (), to, everything, filter_text, data)
    with contact(quiet=quiet) as on_line:
        pushed = ops.push(project, request, on_line)
    if json:
        sent = pushed.data
        render.as_json(
            {
                "remote": pushed.remote,
                "data": sent and {"remote": sent.remote, "objects": sent.objects, "bytes": sent.bytes},
                "experiments": [one.as_json() for one in pushed.experiments],
            }
        )
    else:
        _tell(pushed, quiet=quiet)
        if not pushed.experiments and not quiet:
            chosen = everything or filter_text is not None
            none = "No experiment of HEAD is done. Those of all baselines: gitexp push -A"
            render.say("No experiment is like that." if chosen else none, "dim")
    report(pushed.experiments, pushed.remote, json=json)


def _tell(pushed: Pushed, *, quiet: bool) -> None:

    refused = any(one.fate is Fate.REFUSED for one in pushed.experiments)
    for line in pushed.messages if refused or not quiet else ():
        render.say(f"{pushed.remote}: {line}", "dim")
    bare = [one for one in pushed.experiments if one.fate is Fate.UP_TO_DATE and one.reason]
    if bare:
        render.warn(f"{listed([one.there for one in bare])}: at {pushed.remote}, but {bare[0].reason}.")
        render.hint(bare[0].hint)
    if quiet:
        return
    if pushed.data is not None and pushed.data.objects:
        render.say(f"Pushed {_amount(pushed.data)} to {pushed.data.remote}.")
    for fate, said in ((Fate.NEW, "Pushed"), (Fate.UPDATED, "Pushed what is new of")):
        if names := [one.there for one in pushed.experiments if one.fate is fate]:
            render.say(f"{said} {listed(names)} to {pushed.remote}.")
    if same := [one.there for one in pushed.experiments if one.fate is Fate.UP_TO_DATE and not one.reason]:
        render.say(f"Up to date at {pushed.remote}: {counted(same)}.", "dim")


def _amount(report: TransferReport) -> str:

    objects = "1 object" if report.objects == 1 else f"{report.objects:,} objects"
    return f"{objects} of data, {human_size(report.bytes)},"
