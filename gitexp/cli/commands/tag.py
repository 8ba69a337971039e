"""`gitexp tag`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.history import edit
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.words import clean

EPILOG = """Examples:
gitexp tag exp-333c9 best paper
gitexp tag exp-333c9 exp-55e90 keep
gitexp tag exp-333c9 -d best
gitexp tag exp-333c9
"""

_AUTOMATIC = re.compile(r"exp-[0-9a-f]+")  # the beginning of a name that nobody chose


Words = Annotated[
    list[str] | None,
    options.argument("[EXP|TAG]...", "More experiments, then the tags to give them.", "own_experiments"),
]
Add = Annotated[
    list[str] | None,
    typer.Option(
        "--add", metavar="TAG", help="A tag to give, even if an experiment has this name. Repeatable."
    ),
]
Delete = Annotated[
    list[str] | None, typer.Option("--delete", "-d", metavar="TAG", help="A tag to take away. Repeatable.")
]


def tag(
    exp: options.OwnExp,
    words: Words = None,
    add: Add = None,
    delete: Delete = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Give tags to experiments; without any, print those of one.

    Of the words, those that name experiments come first. Tags of gitexp's own: Git has others.
    """
    project = open_project()
    exps, tags = meant(project, [exp, *(words or ())], has_tags=bool(add or delete))
    tags += add or ()
    if not (tags or delete):
        experiment = lookup.require(project, exp)
        if json:
            return render.as_json(row_of(project, experiment).as_json())
        return render.answer(map(clean, experiment.record.tags))
    tagged = edit.tag_all(project, exps, tags, delete or ())
    if json:
        _print_json(project, tagged)
    elif not quiet:
        for experiment in tagged:
            render.say(f"{experiment.name} has {_said(experiment.record.tags)}.")
    return None


register = registration(tag, EPILOG)


def meant(project: Project, words: Sequence[str], *, has_tags: bool) -> tuple[list[str], list[str]]:
    """The experiments and the tags among the words; raises UsageError where nobody can tell them apart."""
    names = set(lookup.names(project))
    count = 1
    while count < len(words) and _names_experiment(words[count], names):
        count += 1
    exps, tags = list(words[:count]), list(words[count:])
    for word in tags:
        if word in names:
            raise errors.UsageError(
                f"'{word}' is an experiment, and stands behind the tag '{tags[0]}'.",
                f"Name the experiments first; or, for a tag of that name: --add {shlex.quote(word)}",
            )
    if count > 1 and not tags and not has_tags:
        as_tag = f"for a tag of that name: --add {shlex.quote(exps[-1])}"
        raise errors.UsageError(
            f"{' and '.join(exps)} are experiments, and no tag is given.",
            f"Give one: gitexp tag {shlex.join(exps)} TAG; {as_tag}",
        )
    return exps, tags


def _names_experiment(word: str, names: Collection[str]) -> bool:
    if word in names:
        return True
    return _AUTOMATIC.fullmatch(word) is not None and any(name.startswith(word) for name in names)


def _print_json(project: Project, tagged: Sequence[Experiment]) -> None:
    """Print one object for one experiment, as ever, or a list of objects."""
    rows = [row_of(project, experiment).as_json() for experiment in tagged]
    if len(rows) == 1:
        return render.as_json(rows[0])
    return render.as_json_list(rows)


def _said(tags: tuple[str, ...]) -> str:
    if not tags:
        return "no tags now"
    if len(tags) == 1:
        return f"the tag {tags[0]}"
    return f"the tags {', '.join(tags)}"
