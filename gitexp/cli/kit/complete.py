"""What the shell completes: experiments, branches, stages, columns and parameter keys.

Shells put completions into scripts that they evaluate: typer's zsh script breaks out of its quotes at
a backslash before a quote. Names and keys may come from a repository that somebody else made, so only
what no shell can read as anything but a word is offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gitexp import errors
from gitexp.catalog import lookup, query
from gitexp.catalog.filters import ATTRIBUTES
from gitexp.files import flatten_files
from gitexp.history import restore
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.views import table as show
from gitexp.views.columns import Columns
from gitexp.words import show_value

_WORD = re.compile(r"[\w./:@%+,=-][\w./:@%+,=\[\]-]*")


def experiments(incomplete: str) -> list[str]:
    """Return the names of experiments that begin so, DVC's among them."""

    try:
        return _offered(lookup.names(Project.open(any_config=True)), incomplete)
    except errors.GitexpError:
        return []


def own_experiments(incomplete: str) -> list[str]:
    """Return the names of gitexp's own experiments that begin so: those that can be changed."""

    try:
        return _offered(Project.open(any_config=True).store.names(), incomplete)
    except errors.GitexpError:
        return []


def trashed(incomplete: str) -> list[str]:
    """Return the names in the trash that begin so."""

    try:
        return _offered(
            [one.experiment.name for one in restore.trashed(Project.open(any_config=True))], incomplete
        )
    except errors.GitexpError:
        return []


def remotes(incomplete: str) -> list[str]:
    """Return the names of Git remotes that begin so."""

    try:
        return _offered(git_remote.remotes(Project.open(any_config=True).repo.config), incomplete)
    except errors.GitexpError:
        return []


def data_remotes(incomplete: str) -> list[str]:
    """Return the names of data remotes that begin so."""

    try:
        return _offered(list(Project.open(any_config=True).config.remotes), incomplete)
    except errors.GitexpError:
        return []


def points(incomplete: str) -> list[str]:
    """Return experiments, branches, HEAD and workspace that begin so."""

    try:
        project = Project.open(any_config=True)
        refs = project.repo.refs("refs/heads/", fields=("refname:lstrip=2",))
        branches = [ref.decode("utf-8", "replace") for (ref,) in refs]
        return _offered([*lookup.names(project), "HEAD", "workspace", *branches], incomplete)
    except errors.GitexpError:
        return []


def params(incomplete: str) -> list[str]:
    """Return `key=value` for the params of the workspace that begin so; after `~`, the keys alone."""

    try:
        found, _ = Project.open(any_config=True).files_here()
    except errors.GitexpError:
        return []
    flat = flatten_files(found)
    if incomplete.startswith("~"):
        return _offered([f"~{key}" for key in flat], incomplete)
    return _offered([f"{key}={show_value(value, longest=None)}" for key, value in flat.items()], incomplete)


def stages(incomplete: str) -> list[str]:
    """Return the names of stages that begin so."""

    try:
        pipeline = Project.open(any_config=True).pipeline()
    except errors.GitexpError:
        return []
    return _offered([stage.name for stage in pipeline.stages] if pipeline else [], incomplete)


def columns(incomplete: str) -> list[str]:
    """Return the metrics and params of the last few experiments that go on so, after the last comma."""

    try:
        table = show.table(Project.open(any_config=True), query.Query(everything=True, limit=20))
    except errors.GitexpError:
        return []
    before, comma, _ = incomplete.rpartition(",")
    keys = [column.key for column in show.columns(table, Columns())]
    return _offered([f"{before}{comma}{key}" for key in keys], incomplete)


def filters(incomplete: str) -> list[str]:
    """Return the names that a filter may begin with: of metrics, params and attributes."""

    return [] if "," in incomplete else [*columns(incomplete), *_offered(ATTRIBUTES, incomplete)]


def _offered(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin so, are safe in any shell's script, and each once."""
    return [w for w in dict.fromkeys(words) if w.startswith(incomplete) and _WORD.fullmatch(w.lstrip("~"))]
