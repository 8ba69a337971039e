"""`gitexp stop`."""

from __future__ import annotations

from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.summary import ended_line
from gitexp.cli.kit.terminal import render
from gitexp.runs.ongoing import stop as ops

EPILOG = """Examples:
gitexp stop last
gitexp stop exp-333c9
"""


def stop(
    exp: options.OwnExp,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """End a run that goes on, and store what it has so far.

    What Ctrl-C does in the terminal of the run. The experiment is interrupted, with its output and the
    metrics that it has written.
    """
    project = open_project(dry_run=dry_run)
    experiment = ops.stop(project, exp)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(ended_line(experiment))


register = registration(stop, EPILOG)
