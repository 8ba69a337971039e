"""`gitexp export`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates
from gitexp.cli.kit import options, out_file
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import json_output, render
from gitexp.views import exported as ops
from gitexp.views.columns import Columns
from gitexp.views.exported import ExportedFile, ExportedTable
from gitexp.words import clean, counted

EPILOG = """Examples:
gitexp export -A -o experiments.csv
gitexp export --filter "acc > 0.9" --sort acc --desc -o best.xlsx
gitexp export -A --columns 'acc,train.*' -o experiments.parquet
gitexp export 'lr-*' --format jsonl
gitexp export -A --as ro-crate -o paper.zip
gitexp export -A --as bundle -o paper.gitexp
"""


class ExportFormat(StrEnum):
    """The formats of exported experiments; a file has the same word as its ending."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    EXCEL = "xlsx"


_ENDINGS = [f".{form}" for form in ExportFormat]
_FILES = f"{', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}"

_TEXTS = (ExportFormat.CSV, ExportFormat.JSONL)  # for a terminal or a pipe, too
# The formats that need a package -> the package and the extra that brings it.
_PACKAGES = {ExportFormat.PARQUET: ("polars", "parquet"), ExportFormat.EXCEL: ("xlsxwriter", "excel")}

Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...", "These alone: names, unique prefixes, commit ids, patterns, last or @{1}.", "experiments"
    ),
]
Output = Annotated[str | None, options.output(f"Write a file: {_FILES}; with --as the place.")]
Tool = Annotated[
    str | None,
    options.option(
        "--as",
        metavar="TOOL",
        help=f"Whole runs instead of a table: {', '.join(plugins.names('exporter'))}.",
        by="exporters",
    ),
]
Form = Annotated[
    ExportFormat | None,
    options.format_of("|".join(ExportFormat), "The format, whatever the ending of the file."),
]


@with_query
def export(
    ctx: typer.Context,
    words: Words = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    sort: options.Sort = None,
    desc: options.Descending = None,
    group: options.OfReplicates = "",
    each: options.Each = False,
    columns: options.Only = None,
    hide: options.Hide = None,
    output: Output = None,
    form: Form = None,
    tool: Tool = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write experiments for other programs: a table, or whole runs for another tool.

    A row an experiment, replicates too (--group replicates: their means, with sd and n). All metrics, params
    and facts with their types: numbers in full, times in UTC. What a format cannot hold as it is (NaN and
    whole numbers beyond 2^53 in Excel, several types in a column of Parquet) becomes text, and a warning says
    so. Without -o: CSV or JSON lines to stdout. Parquet and Excel need pip install 'gitexp[parquet,excel]'.

    --as TOOL writes the runs with curves, logs and files. Twice adds nothing, and a foreign file is never
    overwritten.
    """
    query = query._replace(names=tuple(words or ()), sort=sort, descending=bool(desc), limit=limit)
    if tool is not None:
        of_table = {"--format": form, "--columns": columns, "--hide": hide, "--group": group, "--each": each}
        _require_no_table(tool, of_table)
        export_to: Callable[..., None] = plugins.load("export", "runs")
        project = open_project(reads_all=True, only_looks=True, quiet=quiet, dry_run=dry_run)
        return export_to(project, tool, query, output, quiet=quiet, json=json)
    file = None if output is None else Path(output)
    form = _format(file, form)
    options.only_one(json=json and file is None, format=form is not None and file is None)
    _require_package(ctx, form, file)
    drawn = options.replicates(group, each=each, otherwise=Replicates.EACH)
    project = open_project(reads_all=True, only_looks=True, quiet=quiet, dry_run=dry_run)
    wanted = Columns(tuple(options.split(columns)), tuple(options.split(hide)))
    found = ops.exported(project, query._replace(replicates=drawn), wanted)
    render.warn_all(found.complaints)
    if file is None:
        return _print(found, form, json=json)
    written = _written(found, form or ExportFormat.CSV, file.name)
    render.warn_all(written.remarks)
    if not project.dry_run:
        out_file.write(project, file, written.data)
    if json:
        return render.as_json(_as_json(found, written, file, form))
    if not quiet:
        said = f"{counted(found.rows, 'experiment')} with {counted(len(found.columns), 'column')}"
        render.say(f"{said} written to {file}")
    return None


register = registration(export, EPILOG)


def _require_no_table(tool: str, given: Mapping[str, object]) -> None:
    """Raise UsageError for an option about tables beside --as."""
    for option, value in given.items():
        if value:
            raise errors.UsageError(
                f"{option} is about a table, and --as {tool} writes runs.",
                f"Leave {option} out, or --as for a table.",
            )


def _format(output: Path | None, form: ExportFormat | None) -> ExportFormat | None:
    """The format of the answer; None for none asked for. Raises UsageError for an unknown ending."""
    if form is not None or output is None:
        return form
    try:
        return ExportFormat(output.suffix.lower().removeprefix("."))
    except ValueError:
        raise errors.UsageError(
            f"{output} has no ending of a format.",
            f"One of these: {', '.join(_ENDINGS)}; or --format with any name.",
        ) from None


def _require_package(ctx: typer.Context, form: ExportFormat | None, output: Path | None) -> None:
    """Raise UsageError for a format without its package, and for one that is no text without a file."""
    if output is None and form is not None and form not in _TEXTS:
        raise errors.UsageError(
            f"{form} is no text for a terminal or a pipe.", again(ctx, "-o", f"experiments.{form}")
        )
    if form not in _PACKAGES:
        return
    package, extra = _PACKAGES[form]
    if plugins.find_installed("table format", form, package) is None:
        raise errors.UsageError(
            f"A file of {form} needs a package that is not installed: {package}.",
            f"pip install 'gitexp[{extra}]'",
        )


def _print(found: ExportedTable, form: ExportFormat | None, *, json: bool) -> None:
    if json:
        render.as_json_list(ops.documents(found))
    else:
        written = _written(found, form or ExportFormat.CSV, "")
        render.warn_all(written.remarks)
        render.write(written.data.decode())


def _written(found: ExportedTable, form: ExportFormat, file: str) -> ExportedFile:
    if form is ExportFormat.CSV:
        return ops.as_csv(found)
    if form is ExportFormat.JSONL:
        lines = [json_output.line(document) + "\n" for document in ops.documents(found)]
        return ExportedFile("".join(lines).encode())
    written: ExportedFile = plugins.load("table format", form)(found, clean(file))
    return written


def _as_json(
    found: ExportedTable, written: ExportedFile, output: Path, form: ExportFormat | None
) -> dict[str, Any]:
    return {
        "file": str(output),
        "format": form,
        "rows": found.rows,
        "columns": [{"name": column.title, "kind": column.kind} for column in found.columns],
        "remarks": [*found.complaints, *written.remarks],
    }
