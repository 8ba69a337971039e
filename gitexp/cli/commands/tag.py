"""`gitexp tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.catalog import lookup
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import edit
from gitexp.words import clean

EPILOG = """Examples:
gitexp tag exp-333c9 best paper
gitexp tag exp-333c9 -d best
gitexp tag exp-333c9
"""


Tags = Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to give it.")]
Delete = Annotated[
    list[str] | None, typer.Option("--delete", "-d", metavar="TAG", help="A tag to take away. Repeatable.")
]


def tag(
    exp: options.OwnExp,
    tags: Tags = None,
    delete: Delete = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Give tags to an experiment; without any, print those it has.

    Tags of gitexp's own: Git has others.
    """
    project = open_project()
    if tags or delete:
        experiment = edit.tag(project, exp, tags or (), delete or ())
    else:
        experiment = lookup.require(project, exp)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not (tags or delete):
        render.answer(map(clean, experiment.record.tags))
    elif not quiet:
        render.say(f"{experiment.name} has {_said(experiment.record.tags)}.")


register = registration(tag, EPILOG)


def _said(tags: tuple[str, ...]) -> str:
    if not tags:
        return "no tags now"
    if len(tags) == 1:
        return f"the tag {tags[0]}"
    return f"the tags {', '.join(tags)}"
