"""`gitexp plots`."""

from __future__ import annotations

import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.catalog.query import Query
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.extras.plots import charts_of_many, reading, terminal
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curve_charts import curves_chart
from gitexp.extras.plots.curves import XAxis
from gitexp.project.directions import MIN, direction
from gitexp.project.project import Project

EPILOG = """Examples:
gitexp plots
gitexp plots last @{1} --columns loss,val_loss --smooth 0.9
gitexp plots --filter "acc > 0.9" --log y -o curves.svg
gitexp plots --kind scatter --columns lr,acc --log x -o scatter.png
gitexp plots --kind progress --columns acc --open
"""

_FORMATS = (".svg", ".png", ".pdf", ".html")
_USUAL_LIMIT = 10  # experiments in a chart of curves; more are hard to tell apart


class PlotKind(StrEnum):
    """The kind of a plot."""

    CURVES = "curves"
    SCATTER = "scatter"
    PARALLEL = "parallel"
    PROGRESS = "progress"


Words = Annotated[list[str] | None, options.argument("[EXP]...", "Experiments; patterns too.", "experiments")]
What = Annotated[
    PlotKind,
    typer.Option(
        help="Curves by step; scatter: two columns; parallel: several columns, coloured by the last; "
        "progress: the best so far."
    ),
]
Across = Annotated[
    XAxis, typer.Option("--x", help="What the curves go along: steps, seconds, or the time of day.")
]
Logarithmic = Annotated[
    list[str] | None, options.keys("Axes with a logarithmic scale: x, y or both.", "AXIS,...")
]
Smooth = Annotated[
    float,
    typer.Option(metavar="WEIGHT", help="Smooth the curves; the raw line stays, pale.", min=0, max=0.999),
]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write a file: .svg, .png, .pdf, or .html with all charts."
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Show the charts in the browser.")]


@with_query
def plots(
    words: Words = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    columns: options.Only = None,
    kind: What = PlotKind.CURVES,
    x: Across = XAxis.STEP,
    log: Logarithmic = None,
    smooth: Smooth = 0.0,
    group: options.OfReplicates = "",
    each: options.Each = False,
    output: OutFile = None,
    open_: Open = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Draw the curves of experiments, and pictures of many experiments.

    In the terminal, or as a file. Without EXP: the newest ten experiments of HEAD with curves; replicates are
    drawn as their mean with a band of one standard deviation (--each: each by itself). --columns chooses the
    metrics of curves, and the columns of the other kinds. --json gives Vega-Lite specifications. A file and
    the browser need the extra: pip install 'gitexp[plots]'.
    """
    options.only_one(json=json, output=output is not None, open=open_)
    options.names_or_query(words, query != PLAIN)
    if output is not None and output.suffix.lower() not in _FORMATS:
        raise errors.UsageError(
            f"{output} has no ending of a plot.", f"One of these says what to write: {', '.join(_FORMATS)}"
        )
    drawn = options.replicates(group, each=each)
    query = query._replace(names=tuple(words or ()), limit=limit, replicates=drawn)
    project = open_project(quiet=quiet)
    axes = _axes(options.split(log))
    wanted = options.split(columns)
    if kind is PlotKind.CURVES:
        if limit is None and not words:
            query = query._replace(limit=_USUAL_LIMIT)
        found = reading.curves(project, query, wanted, x, smooth)
        made = [curves_chart(name, of, x, axes) for name, of in found.items()]
        text = terminal.curves(found, render.width(), logarithmic="y" in axes)
    else:
        made = [_of_many(project, query, kind, wanted, axes)]
        text = terminal.of_chart(made[0])
    if json:
        render.as_json([{"title": chart.title, "spec": chart.spec} for chart in made])
    elif not made:
        _say_none(quiet=quiet)
    elif output is not None or open_:
        _write(made, output)
    else:
        render.answer(text)


register = registration(plots, EPILOG)


def _say_none(*, quiet: bool) -> None:
    if not quiet:
        render.say(
            "No curves. A script makes them: gitexp.log({'loss': loss}); so do tables such as logs.csv."
        )


def _axes(words: Sequence[str]) -> tuple[str, ...]:
    for word in words:
        if word not in ("x", "y"):
            raise errors.UsageError(f"--log {word} is no axis.", "The axes are x and y: --log x,y")
    return tuple(words)


def _of_many(
    project: Project, query: Query, kind: PlotKind, wanted: Sequence[str], axes: Sequence[str]
) -> Chart:
    """The chart of a kind that draws each experiment as a dot or a line."""
    dots = reading.dots(project, query)
    _require_columns(kind, wanted)
    reading.require_keys(dots, wanted)
    if kind is PlotKind.SCATTER:
        return charts_of_many.scatter_chart(dots, wanted[0], wanted[1], axes)
    if kind is PlotKind.PARALLEL:
        return charts_of_many.parallel_chart(dots, wanted, wanted[-1])
    lowest = direction(wanted[0], project.config.directions)
    if lowest is None:
        raise errors.UsageError(
            f"Nobody has said whether a low or a high {wanted[0]} is better.",
            f"Say so in gitexp.yaml: metrics: {{{wanted[0]}: min}}",
        )
    return charts_of_many.progress_chart(dots, wanted[0], lowest=lowest == MIN)


def _require_columns(kind: PlotKind, wanted: Sequence[str]) -> None:
    needed: dict[PlotKind, tuple[Callable[[int], bool], str]] = {
        PlotKind.SCATTER: (lambda count: count == 2, "two columns: --columns lr,acc"),
        PlotKind.PARALLEL: (
            lambda count: count >= 2,
            "several columns, the metric last: --columns lr,acc",
        ),
        PlotKind.PROGRESS: (lambda count: count == 1, "one metric: --columns acc"),
    }
    fits, example = needed[kind]
    if not fits(len(wanted)):
        what, _, options_ = example.partition(": ")
        raise errors.UsageError(f"--kind {kind} needs {what}.", f"For example: {options_}")


def _write(made: Sequence[Chart], output: Path | None) -> None:
    """Write the charts into a file, or into a page that the browser shows."""
    rendering = plugins.find_installed("plots", "rendering", "vl_convert")
    if rendering is None:
        raise errors.UsageError(
            "A file or a page needs a package that is not installed: vl-convert-python.",
            "Install it: pip install 'gitexp[plots]'; in the terminal, curves are drawn without it.",
        )
    if output is None:
        with tempfile.NamedTemporaryFile("wb", prefix="gitexp-", suffix=".html", delete=False) as page:
            page.write(rendering.page("gitexp plots", made))
        webbrowser.open(Path(page.name).as_uri())
        return
    suffix = output.suffix.lower()
    if suffix == ".html":
        output.write_bytes(rendering.page("gitexp plots", made))
        render.answer([str(output)])
        return
    written = []
    for number, chart in enumerate(made):
        file = output if len(made) == 1 else output.with_stem(f"{output.stem}-{number + 1}")
        file.write_bytes(rendering.formats[suffix](chart.spec))
        written.append(str(file))
    render.answer(written)
