"""The experiments that a command of the queue is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.catalog.query import Query, matching
from gitexp.catalog.sources import is_own
from gitexp.cli.kit import options
from gitexp.cli.kit.query_options import PLAIN
from gitexp.model import Experiment, readable
from gitexp.project.project import Project


def chosen(
    project: Project, words: Sequence[str] | None, query: Query, fits: Callable[[Experiment], bool]
) -> list[Experiment]:
    """The experiments with some names, or else the fitting ones of a query; raises UsageError for neither."""
    options.names_or_query(words, query != PLAIN)
    if words:
        return [lookup.require_own(project, name) for name in by_words.expanded(project, words)]
    if query == PLAIN:
        raise errors.UsageError("Nothing says which experiments.", "Name them, or use --filter or -A.")
    return [one for one in readable(matching(project, query)) if is_own(one) and fits(one)]
