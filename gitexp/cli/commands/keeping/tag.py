"""`gitexp tag`."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.catalog.lineage import row_of, rows_of
from gitexp.catalog.query import Query, matching
from gitexp.catalog.sources import is_own
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.history import edit
from gitexp.model import Experiment, readable
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.words import clean

EPILOG = """Examples:
gitexp tag exp-333c9 best paper
gitexp tag exp-333c9 exp-55e90 keep
gitexp tag exp-333c9 -d best
gitexp tag exp-333c9
gitexp tag --filter "acc > 0.9" good
"""

_AUTOMATIC = regex(r"exp-[0-9a-f]+")  # the beginning of a name that nobody chose


Words = Annotated[
    list[str] | None,
    options.argument("[EXP|TAG]...", "Experiments, then the tags to give them.", "own_experiments"),
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


@with_query
def tag(
    words: Words = None,
    query: Query = PLAIN,
    add: Add = None,
    delete: Delete = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Give tags to experiments; without any, print those of one.

    Of the words, those that name experiments come first. With --filter, --failed or -A
    these options choose the experiments, and all words are tags. Tags of gitexp's own: Git has others.
    """
    project = open_project(dry_run=dry_run)
    exps, tags = _asked_for(project, query, words or [], has_tags=bool(add or delete))
    tags += add or ()
    are_many = query != PLAIN or any(map(by_words.is_pattern, exps))
    if delete and are_many:
        exps = _with_some(project, exps, delete, every=bool(tags))
    if not (tags or delete):
        if len(exps) != 1:
            raise errors.UsageError("No tag is given.", "Give one: --add TAG")
        experiment = lookup.require(project, exps[0])
        if json:
            return render.as_json(row_of(project, experiment).as_json())
        return render.answer(map(clean, experiment.record.tags))
    tagged = edit.tag_all(project, exps, tags, delete or (), where_present=are_many)
    if json:
        _print_json(project, tagged)
    elif not quiet:
        for experiment in tagged:
            render.say(f"{experiment.name} has {_said(experiment.record.tags)}.")
    return None


register = registration(tag, EPILOG)


def _asked_for(
    project: Project, query: Query, words: Sequence[str], *, has_tags: bool
) -> tuple[list[str], list[str]]:
    """The experiments and the tags; raises UsageError without any experiment, and the errors of `meant`."""
    if query != PLAIN:
        found = [one.name for one in readable(matching(project, query)) if is_own(one)]
        return found, list(words)
    if words:
        return meant(project, words, has_tags=has_tags)
    raise errors.UsageError("Nothing says which experiments to tag.", "Name them, or use --filter.")


def _with_some(project: Project, exps: Sequence[str], delete: Sequence[str], *, every: bool) -> list[str]:
    """The experiments that have one of the tags to take away; with `every`, the others too.

    Raises unknown-tag for a tag that none has.
    """
    found = [lookup.require_own(project, name) for name in by_words.expanded(project, exps)]
    for text in delete:
        if not any(text in one.record.tags for one in found):
            raise errors.UsageError(
                f"None of these experiments has the tag '{text}'.",
                "The tags of all: gitexp show -A --columns tags",
                code="unknown-tag",
            )
    names = []
    for one in found:
        if every or not set(delete).isdisjoint(one.record.tags):
            names.append(one.name)
    return names


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
    rows = [row.as_json() for row in rows_of(project, tagged)]
    if len(rows) == 1:
        return render.as_json(rows[0])
    return render.as_json_list(rows)


def _said(tags: tuple[str, ...]) -> str:
    if not tags:
        return "no tags now"
    if len(tags) == 1:
        return f"the tag {tags[0]}"
    return f"the tags {', '.join(tags)}"
