"""Words below the experiment table: about columns without room, and about experiments elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from gitexp.catalog import replicates, rows
from gitexp.catalog.by_words import first_run
from gitexp.catalog.fields import EXPERIMENTS, Row
from gitexp.catalog.query import OutsideQuery, Query
from gitexp.catalog.replicates import Replicates
from gitexp.cli.kit.tables.table_layout import Line, constants, lay_out
from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import cell_width
from gitexp.model import MISSING, Experiment, Stored
from gitexp.project import direction_line
from gitexp.project.project import Project
from gitexp.project.sections.directions import direction
from gitexp.repo import git_remote
from gitexp.repo.experiments import newest_first
from gitexp.views.columns import Choice, Column
from gitexp.views.formats import MEANS, out_of_means
from gitexp.views.table import Table
from gitexp.words import clean, counted, cut

_SUBJECT = 50  # characters of a commit's subject

Again = Callable[..., str]  # the user's own command line, with more options


def remarks(project: Project, table: Table, choice: Choice, query: Query, again: Again) -> Iterator[str]:
    """Words for a person who may look for more experiments than the table has, or for a star."""
    found = [row for row in table.experiments if row.kind in EXPERIMENTS]
    outside = table.outside()
    asked = query.failed is not None or query.filter is not None
    if asked and not found:
        yield "No experiment is like that."
        experiments = [row.experiment for row in table.everywhere() if row.experiment is not None]
        if query.drawn is Replicates.REPEATED and replicates.groups(experiments, query.drawn):
            yield f"Replicates count as one experiment here. Each run: {again('--each')}"
    yield from _keys_elsewhere(table, outside, choice, query, again)
    if not asked and not found:
        yield from _none(project, table, outside)
    yield from _of_replicates(table, query, again)
    yield from _more(outside, query, again)
    if found and table.sort is not None:
        yield from _no_star(project, table, table.sort)


def _none(project: Project, table: Table, outside: OutsideQuery) -> Iterator[str]:
    """Words for a table without experiments."""
    if outside.elsewhere:
        yield _none_here(project, table, outside)
    elif not outside.beside:
        yield _none_yet(project)


def _of_replicates(table: Table, query: Query, again: Again) -> Iterator[str]:
    """Words about the rows of replicates, and about runs and values left out of the means."""
    groups = [row for row in table.experiments if row.members]
    if not groups:
        return
    line = MEANS
    if query.drawn is not Replicates.EVERY:  # else --each would not go together with what was typed
        line += f" Each run: {again('--each')}"
    yield line
    if left_out := out_of_means(groups):
        yield clean(left_out)


def _more(outside: OutsideQuery, query: Query, again: Again) -> Iterator[str]:
    """The numbers of experiments elsewhere, with the command that shows them."""
    if outside.elsewhere:
        yield f"{len(outside.elsewhere):,} more on other baselines: {again('-A')}"
    if outside.beside:
        options = ["--all-projects"]
        if not query.everything:
            options.insert(0, "-A")
        yield f"{len(outside.beside):,} more in other projects: {again(*options)}"


def _no_star(project: Project, table: Table, sort: Column) -> Iterator[str]:
    if sort.kind == "metric" and direction(sort.key, table.directions) is None:
        line = direction_line.place_and_line(project, sort.key)
        yield f"No star: is a low or a high {clean(sort.key)} better? Say so in {clean(line)}"


def _keys_elsewhere(
    table: Table, outside: OutsideQuery, choice: Choice, query: Query, again: Again
) -> Iterator[str]:
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
    elsewhere, everywhere = _rows(outside.elsewhere), table.everywhere()
    for column in without:
        if count := _count(column, elsewhere):
            yield (
                f"No experiment here has {clean(column.key)}; "
                f"{counted(count, 'experiment')} on other baselines: {again('-A')}"
            )
        elif count := _count(column, everywhere):
            yield f"No experiment here has {clean(column.key)}; {counted(count, 'other')} in the repository."


def _rows(experiments: Sequence[Stored]) -> list[Row]:
    return rows.build([rows.of_experiment(one) for one in experiments])


def _count(column: Column, rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        count += column.value(row) is not MISSING
    return count


def _none_here(project: Project, table: Table, outside: OutsideQuery) -> str:
    """The place of HEAD, where no experiment is, and of the newest experiment."""
    head = next((group.head for group in table.groups if group.head is not None), None)
    words = "No experiments on HEAD"
    if head is not None and head.commit is not None:
        words += f", {head.commit[:7]} {_quoted(head.subject)}"
    for newest in newest_first(outside.elsewhere):
        if isinstance(newest, Experiment):
            baseline = newest.record.baseline
            facts = project.repo.commit_facts([baseline]).get(baseline)
            subject = _quoted(facts.subject) if facts else ""
            return f"{words}. The newest, {clean(newest.name)}, is on {baseline[:7]} {subject}".rstrip() + "."
    return words + "."


def _quoted(subject: str) -> str:
    return subject and f'"{clean(cut(subject, _SUBJECT))}"'


def _none_yet(project: Project) -> str:
    """The ways to a first experiment: a colleague's, or one's own."""
    first = f"The first one: {first_run(project)}"
    if git_remote.remotes(project.repo.config):
        return f"No experiments here yet. Those that others have pushed: gitexp pull. {first}"
    return f"No experiments yet. {first}"


def show_command(*options: str) -> str:
    """The command for the table of all experiments, for a table of another command."""
    return " ".join(("gitexp show", *options))


def noted_lines(table: Table, choice: Choice, width: int | None, precision: int, again: Again) -> list[Line]:
    """The table, with what is the same in all rows and a note about columns without room."""
    layout = lay_out(table, choice, width=width, precision=precision)
    lines = list(layout.lines)
    if same := constants(table, choice, width, precision):
        lines.append([(same, "dim")])
    if layout.legend:
        lines.append([(layout.legend, "dim")])
    for line in note(layout.left_out, width, again):
        lines.append([(line, "dim")])
    return lines


def note(left_out: Sequence[str], width: int | None, again: Again) -> list[str]:
    """A note about the columns left out, in lines of at most `width` cells."""
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
