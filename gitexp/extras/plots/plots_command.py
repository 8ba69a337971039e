"""`gitexp plots`."""

from __future__ import annotations

import json as json_text
import tempfile
import webbrowser
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.catalog.query import Query
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.plots import reading
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_files.plots_of_files import with_contents
from gitexp.extras.plots.of_many.many import ManyKind, ManyOptions, pictures
from gitexp.extras.plots.plots_of_runs import Drawing, Drawn, plots_of
from gitexp.project.project import Project
from gitexp.words import clean

EPILOG = """Examples:
gitexp plots
gitexp plots last @{1} --columns loss,val_loss --smooth 0.9
gitexp plots --filter "acc > 0.9" --log y -o curves.svg
gitexp plots workspace HEAD last --kind files --open
gitexp plots --plot 'eval/*' -o eval.html
gitexp plots --kind scatter --columns lr,acc --log x -o scatter.png
gitexp plots --kind parallel --open
gitexp plots --kind contour --columns lr,units,acc
"""

_FORMATS = (".svg", ".png", ".pdf", ".html", ".json")
_NO_AXIS = "none"  # of --log
_USUAL_LIMIT = 10  # experiments in a chart of curves; more are hard to tell apart


class PlotKind(StrEnum):
    """The kind of a plot: curves, or one of `ManyKind`."""

    CURVES = "curves"
    FILES = "files"
    SCATTER = "scatter"
    PARALLEL = "parallel"
    PROGRESS = "progress"
    CONTOUR = "contour"
    PARETO = "pareto"
    HISTOGRAM = "histogram"
    IMPORTANCE = "importance"


Words = Annotated[
    list[str] | None,
    options.argument("[POINT]...", "Experiments, commits, the workspace; patterns too.", "points"),
]
What = Annotated[
    PlotKind | None,
    typer.Option(
        metavar="KIND",
        help="curves by step; files: what plots: names, as dvc plots does; scatter: columns against each "
        "other; parallel: several side by side; progress: the best so far; contour: two params and a metric; "
        "pareto: two or three metrics; histogram; importance of params.",
    ),
]
Plots = Annotated[
    list[str] | None,
    options.keys("Only these plots of files, by their ids or paths; patterns too.", "NAME,..."),
]
OnlyNames = Annotated[bool, typer.Option("--list", help="List the plots that there are.")]
Across = Annotated[
    XAxis, typer.Option("--x", help="What the curves go along: steps, seconds, or the time of day.")
]
Logarithmic = Annotated[
    list[str] | None, options.keys("Axes with a logarithmic scale: x, y or both; none for none.", "AXIS,...")
]
Smooth = Annotated[
    float,
    typer.Option(metavar="WEIGHT", help="Smooth the curves; the raw line stays, pale.", min=0, max=0.999),
]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a file: .svg, .png, .pdf, .json, or .html with all charts and images.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Show the charts in the browser.")]


@with_query
def plots(
    words: Words = None,
    query: Query = PLAIN,
    limit: options.Limit = None,
    columns: options.Only = None,
    kind: What = None,
    plot: Plots = None,
    names: OnlyNames = False,
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
    """Draw the curves of experiments, plots of their files, and pictures of many.

    In the terminal, or as a file. Without names: the newest ten experiments of HEAD, or the workspace where
    there are none; replicates are drawn as their mean with a band of one standard deviation (--each: each by
    itself). Plots of files are those under plots: in gitexp.yaml and dvc.yaml, of each experiment's own tree,
    with DVC's fields and templates. --columns chooses the metrics of curves, and the columns of the other
    kinds; without it, those that differ or have a direction. --json gives Vega-Lite specifications. A file
    and the browser need the extra: pip install 'gitexp[plots]'.
    """
    options.only_one(json=json, output=output is not None, open=open_)
    options.names_or_query(words, query != PLAIN)
    if output is not None and output.suffix.lower() not in _FORMATS:
        raise errors.UsageError(
            f"{output} has no ending of a plot.", f"One of these says what to write: {', '.join(_FORMATS)}"
        )
    drawn = options.replicates(group, each=each)
    query = query._replace(limit=limit, replicates=drawn)
    if limit is None and not words and kind in (None, PlotKind.CURVES, PlotKind.FILES):
        query = query._replace(limit=_USUAL_LIMIT)
    project = open_project(quiet=quiet)
    wanted, axes = options.split(columns), _axes(options.split(log))
    if kind in (None, PlotKind.CURVES, PlotKind.FILES):
        drawing = Drawing(
            wanted, options.split(plot), x, _forced(axes) or (), smooth, *_kinds(kind, wanted, plot)
        )
        found = plots_of(project, query, words or (), drawing)
    else:
        query = query._replace(names=tuple(words or ()))
        found = _of_many(project, query, kind, ManyOptions(wanted, along=x, logarithmic=_forced(axes)))
    render.warn_all(found.files.complaints)
    if names:
        _list_names(found, as_json=json)
    elif json:
        render.as_json(found.as_json())
    elif not found:
        _say_none(quiet=quiet)
    elif output is not None or open_:
        _write(found, output)
    else:
        render.answer(found.lines())


register = registration(plots, EPILOG)


def _say_none(*, quiet: bool) -> None:
    if not quiet:
        render.say(
            "No plots. A script makes curves: gitexp.log({'loss': loss}); so do tables such as logs.csv, and "
            "files under plots: in gitexp.yaml or dvc.yaml."
        )


def _kinds(kind: PlotKind | None, metrics: Sequence[str], plots: Sequence[str] | None) -> tuple[bool, bool]:
    """Whether to draw curves, and whether to draw plots of files: by the kind, or by the other options."""
    if kind is None:
        return not plots or bool(metrics), not metrics or bool(plots)
    return kind is PlotKind.CURVES, kind is PlotKind.FILES


def _list_names(found: Drawn, *, as_json: bool) -> None:
    names = found.names()
    if as_json:
        render.as_json(names)
        return
    lines = []
    for one in names:
        experiments = ", ".join(one["experiments"])
        lines.append(clean(f"{one['name']}  {one['kind']}  {experiments}"))
    render.answer(lines)


def _axes(words: Sequence[str]) -> tuple[str, ...]:
    for word in words:
        if word not in ("x", "y", _NO_AXIS):
            raise errors.UsageError(f"--log {word} is no axis.", "The axes are x and y: --log x,y; or none.")
    return tuple(words)


def _forced(axes: Sequence[str]) -> Sequence[str] | None:
    """The axes of --log; None without the option: the values decide."""
    if _NO_AXIS in axes:
        return ()
    return axes or None


def _of_many(project: Project, query: Query, kind: PlotKind, wanted: ManyOptions) -> Drawn:
    """The charts of many experiments of a kind."""
    wanted = wanted._replace(directions=project.config.directions)
    if kind is PlotKind.IMPORTANCE:
        wanted = wanted._replace(together=plugins.find_installed("importance", "optuna", "optuna"))
    found = pictures(ManyKind(kind), reading.experiments(project, query), wanted)
    return Drawn([picture.chart for picture in found], pictures=found)


def _write(found: Drawn, output: Path | None) -> None:
    """Write the plots into a file, or into a page for the browser."""
    if output is not None and output.suffix.lower() == ".json":
        output.write_text(json_text.dumps(found.as_json(), indent=2) + "\n", "utf-8")
        render.answer([str(output)])
        return
    rendering = plugins.find_installed("plots", "rendering", "vl_convert")
    if rendering is None:
        raise errors.UsageError(
            "A file or a page needs a package that is not installed: vl-convert-python.",
            "Install it: pip install 'gitexp[plots]'; in the terminal, curves are drawn without it.",
        )
    if output is None or output.suffix.lower() == ".html":
        page = rendering.page(
            "gitexp plots", found.every_chart, with_contents(found.files), found.files.tables
        )
        if output is not None:
            output.write_bytes(page)
            render.answer([str(output)])
            return
        with tempfile.NamedTemporaryFile("wb", prefix="gitexp-", suffix=".html", delete=False) as file:
            file.write(page)
        webbrowser.open(Path(file.name).as_uri())
        return
    _write_charts(found, output, rendering.file_of)


def _write_charts(found: Drawn, output: Path, drawn: Callable[[Chart, str], bytes]) -> None:
    """Write a file for each chart; images are left out."""
    written, made = [], found.every_chart
    for number, chart in enumerate(made):
        file = output if len(made) == 1 else output.with_stem(f"{output.stem}-{number + 1}")
        try:
            content = drawn(chart, output.suffix.lower())
        except ValueError as error:
            render.warn(f"not drawn: {clean(chart.title)}: {clean(str(error).splitlines()[0])}")
            continue
        file.write_bytes(content)
        written.append(str(file))
    render.answer(written)
    if found.files.images:
        count = len(found.files.images)
        images = "1 image is" if count == 1 else f"{count} images are"
        render.say(f"{images} left out: -o {output.with_suffix('.html')} has them, side by side.")
