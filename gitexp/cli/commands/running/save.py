"""`gitexp save`."""

from __future__ import annotations

from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.summary import ended_line
from gitexp.cli.kit.terminal import render
from gitexp.runs import save as ops

EPILOG = """Examples:
gitexp save
gitexp save -n before-cleanup -m "best so far, by hand"
gitexp save --name-template "by-hand-{train.lr}"
"""


def save(
    name: options.Name = "",
    name_template: options.NameTemplate = "",
    note: options.Note = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Store the workspace as it stands, without running.

    Params, metrics and other declared results are stored as a run would store them.
    """
    options.one_name(name, name_template)
    project = open_project(needs_config=True, dry_run=dry_run)
    experiment = ops.save(project, name, note, name_template=name_template)
    render.warn_all(experiment.record.warnings)
    warn_of_namesakes(project, experiment.name)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(ended_line(experiment))


register = registration(save, EPILOG)
