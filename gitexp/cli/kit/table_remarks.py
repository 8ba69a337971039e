"""Words below the experiment table: about columns without room, and about experiments elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.cli.kit.cells import elide
from gitexp.cli.kit.render import cell_width
from gitexp.model import MISSING
from gitexp.project.directions import direction
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.views.columns import Choice, Column
from gitexp.views.table import Table
from gitexp.words import clean, counted, cut

_SUBJECT = 50  # characters of a commit's subject

Again = Callable[..., str]  # the user's own command line, with more options


def remarks(project: Project, table: Table, choice: Choice, query: Query, again: Again) -> Iterator[str]:
    """Words for a person who may look for more experiments than the table has, or for a star."""
    found = [row for row in table.experiments if row.kind == "experiment"]
    asked = query.failed is not None or query.limit is not None or query.filter is not None
    if asked and not found:
        yield "No experiment is like that."
    yield from _keys_elsewhere(table, choice, query, again)
    if not asked and not found:
        yield from _none(project, table, query)
    yield from _more(table, query, again)
    if found and table.sort is not None:
        yield from _no_star(table, table.sort)


def _none(project: Project, table: Table, query: Query) -> Iterator[str]:
    """Words for a table without experiments."""
    if not query.everything and table.elsewhere:
        yield _none_here(project, table)
    elif not table.beside:
        yield _none_yet(project)


def _more(table: Table, query: Query, again: Again) -> Iterator[str]:
    """The numbers of experiments elsewhere, with the command that shows them."""
    if not query.everything and table.elsewhere:
        yield f"{table.elsewhere:,} more on other baselines: {again('-A')}"
    if table.beside:
        options = ["--all-projects"]
        if not query.everything:
            options.insert(0, "-A")
        yield f"{table.beside:,} more in other projects: {again(*options)}"


def _no_star(table: Table, sort: Column) -> Iterator[str]:
    if sort.kind == "metric" and direction(sort.key, table.directions) is None:
        key = clean(sort.key)
        yield f"No star: is a low or a high {key} better? Say so in gitexp.yaml: metrics: {{{key}: min}}"


def _keys_elsewhere(table: Table, choice: Choice, query: Query, again: Again) -> Iterator[str]:
    """Words about columns asked for of which only experiments elsewhere have values."""
    asked = list(choice.columns) if choice.asked else []
    if table.sort is not None and table.sort not in asked:
        asked.append(table.sort)
    without = []
    for column in asked:
        if column.kind != "about" and _count(column, table.rows) == 0:
            without.append(column)
    if not without:
        return
    everywhere = table.everywhere()
    for column in without:
        count = _count(column, everywhere)
        if count and query.everything:
            yield f"No experiment here has {clean(column.key)}; {counted(count, 'other')} in the repository."
        elif count:
            yield (
                f"No experiment here has {clean(column.key)}; "
                f"{counted(count, 'experiment')} on other baselines: {again('-A')}"
            )


def _count(column: Column, rows: Iterable[Row]) -> int:
    return sum(column.value(row) is not MISSING for row in rows)


def _none_here(project: Project, table: Table) -> str:
    """The place of HEAD, where no experiment is, and of the newest experiment."""
    head = next((group.head for group in table.groups if group.head is not None), None)
    words = "No experiments on HEAD"
    if head is not None and head.commit is not None:
        words += f", {head.commit[:7]} {_quoted(head.subject)}"
    rows = [row for row in table.everywhere() if row.baseline is not None]
    if not rows:
        return words + "."
    newest = max(rows, key=lambda row: row.created or "")
    assert newest.baseline is not None
    facts = project.repo.commit_facts([newest.baseline]).get(newest.baseline)
    subject = _quoted(facts.subject) if facts else ""
    return f"{words}. The newest, {clean(newest.name)}, is on {newest.baseline[:7]} {subject}".rstrip() + "."


def _quoted(subject: str) -> str:
    return subject and f'"{clean(cut(subject, _SUBJECT))}"'


def _none_yet(project: Project) -> str:
    """The ways to a first experiment: a colleague's, or one's own."""
    config = project.config
    first = "The first one: gitexp run"
    if config.command is None and config.pipeline_file is None:
        first += " -- python train.py"
    if git_remote.remotes(project.repo.config):
        return f"No experiments here yet. Those that others have pushed: gitexp pull. {first}"
    return f"No experiments yet. {first}"


def note(left_out: Sequence[str], width: int | None, again: Again) -> list[str]:
    """A note about the columns that did not fit, in lines that fit."""
    if not left_out or width is None:
        return []
    said = f"{counted(len(left_out), 'column')} left out: "
    ways = (f"Pick with --columns or --hide; all of them: {again()} | less -S", "Pick with --columns.")
    return [
        elide(said + _first_that_fits(_shorter(left_out, width), width - cell_width(said)), width),
        elide(_first_that_fits(ways, width), width),
    ]


def _first_that_fits(texts: Iterable[str], width: int) -> str:
    """The first text of at most `width` cells; the last text if none is so short."""
    text = ""
    for text in texts:
        if cell_width(text) <= width:
            break
    return text


def _shorter(names: Sequence[str], width: int) -> Iterator[str]:
    """All names, then fewer and fewer of them with the number of the others; at last the first name alone.

    Names are for copying: none is cut.
    """
    yield ", ".join(names)
    for count in range(min(len(names), width) - 1, 0, -1):
        yield f"{', '.join(names[:count])} and {len(names) - count} more"
    yield names[0]
