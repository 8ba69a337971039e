"""The pictures of many experiments that a user asks for: which columns, then charts and lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple, TypeAlias

from gitexp import errors
from gitexp.cli.kit.render import Piece
from gitexp.extras.plots import charts_of_many, many_text
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.dots import Dot, column_of, differing_params
from gitexp.extras.plots.importance_chart import Together, known
from gitexp.extras.plots.parallel_chart import MOST_AXES
from gitexp.project.directions import direction
from gitexp.views import importance
from gitexp.words import did_you_mean, shorten

_MOST_TEXTS = 200  # of an axis

Lines: TypeAlias = Iterator[Sequence[Piece]]


class ManyKind(StrEnum):
    """The kind of a picture of many experiments."""

    SCATTER = "scatter"
    PARALLEL = "parallel"
    PROGRESS = "progress"
    CONTOUR = "contour"
    PARETO = "pareto"
    HISTOGRAM = "histogram"
    IMPORTANCE = "importance"


class Picture(NamedTuple):
    """A picture, for files and pages and for the terminal.

    Attributes:
        lines: gives the lines for a terminal of some width.
    """

    chart: Chart
    lines: Callable[[int], Lines]


class Asked(NamedTuple):
    """What a user asks for.

    Attributes:
        columns: keys and patterns of columns; () for what fits the kind.
        directions: "min" or "max" by metric, as gitexp.yaml says.
        logarithmic: the axes with a logarithmic scale; None: as it fits their values.
        along: what the progress goes along.
        together: looks at the importance of all params together, if that is installed.
    """

    columns: Sequence[str] = ()
    directions: Mapping[str, str] = {}
    logarithmic: Sequence[str] | None = None
    along: XAxis = XAxis.STEP
    together: Together | None = None

    def direction(self, metric: str) -> str:
        """The direction of a metric; raises UsageError if nobody has said it."""
        found = direction(metric, self.directions)
        if found is None:
            raise errors.UsageError(
                f"Nobody has said whether a low or a high {metric} is better.",
                f"Say so in gitexp.yaml: metrics: {{{metric}: min}}",
            )
        return found


def pictures(kind: ManyKind, dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    """The pictures of a kind; raises UsageError for columns that do not fit it, or that nobody has.

    Without any experiment it raises ExperimentError.
    """
    if not dots:
        raise errors.ExperimentError(
            "There is no experiment to draw.", "gitexp show -A shows what there is.", code="none-found"
        )
    asked = asked._replace(columns=_keys(dots, asked.columns))
    return _MAKERS[kind](dots, asked)


def _scatter(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    keys = asked.columns
    if len(keys) < 2:
        raise _needs(ManyKind.SCATTER, "two columns or more", "lr,acc")
    _require_few_texts(dots, keys)
    if len(keys) > 2:
        return [Picture(charts_of_many.matrix_chart(dots, keys), partial(many_text.values, dots, keys))]
    chart = charts_of_many.scatter_chart(dots, keys[0], keys[1], asked.logarithmic)
    return [Picture(chart, partial(many_text.scatter, dots, (keys[0], keys[1]), asked.logarithmic))]


def _parallel(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    keys = list(asked.columns)
    if len(keys) < 2:
        metric = keys[0] if keys else _main_metric(ManyKind.PARALLEL, dots, asked, "lr,acc")
        keys = [key for key in differing_params(dots) if key != metric]
        if len(keys) >= MOST_AXES:
            keys = _most_important(dots, metric, MOST_AXES - 1)
        keys.append(metric)
    chart = charts_of_many.parallel_chart(dots, keys, keys[-1])
    return [Picture(chart, partial(many_text.values, dots, keys))]


def _progress(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    found = []
    for metric in _metrics(ManyKind.PROGRESS, dots, asked):
        better = asked.direction(metric)
        chart = charts_of_many.progress_chart(
            dots, metric, direction=better, axis=asked.along, logarithmic=asked.logarithmic
        )
        found.append(Picture(chart, partial(many_text.progress, dots, metric, better, asked.along)))
    return found


def _contour(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    keys = list(asked.columns)
    if len(keys) < 2:
        metric = keys[0] if keys else _main_metric(ManyKind.CONTOUR, dots, asked, "lr,units,acc")
        keys = [*_most_important(dots, metric, 2), metric]
        if len(keys) < 3:
            raise errors.UsageError(
                f"Fewer than two params differ among the experiments with a number of {metric}.",
                "gitexp plots --kind scatter draws two columns of any kind.",
            )
    if len(keys) != 3:
        raise _needs(ManyKind.CONTOUR, "two params and a metric", "lr,units,acc")
    of = (keys[0], keys[1])
    _require_few_texts(dots, of)
    chart = charts_of_many.contour_chart(dots, of, keys[2], asked.logarithmic)
    return [Picture(chart, partial(many_text.contour, dots, of, keys[2], asked.logarithmic))]


def _most_important(dots: Sequence[Dot], metric: str, count: int) -> list[str]:
    """The params with the largest shares in a metric; fewer if fewer differ."""
    params, results = known(dots, metric)
    shares = importance.simple(params, results)
    return sorted(params, key=lambda key: -shares.get(key, 0.0))[:count]


def _pareto(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    keys = list(asked.columns) or [key for key in _measured(dots) if key in asked.directions]
    if len(keys) not in (2, 3):
        raise _needs(ManyKind.PARETO, "two or three metrics", "acc,latency")
    objectives = {key: asked.direction(key) for key in keys}
    chart = charts_of_many.pareto_chart(dots, objectives, asked.logarithmic)
    return [Picture(chart, partial(many_text.pareto, dots, objectives))]


def _histogram(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    found = []
    is_log = None if asked.logarithmic is None else "x" in asked.logarithmic
    for key in _metrics(ManyKind.HISTOGRAM, dots, asked):
        chart = charts_of_many.histogram_chart(dots, key, logarithmic=is_log)
        found.append(Picture(chart, partial(many_text.histogram, chart)))
    return found


def _importance(dots: Sequence[Dot], asked: Asked) -> list[Picture]:
    found = []
    for metric in _metrics(ManyKind.IMPORTANCE, dots, asked):
        better = direction(metric, asked.directions)
        shares = charts_of_many.importance_of(dots, metric, better, asked.together)
        chart = charts_of_many.importance_chart(shares, metric)
        found.append(Picture(chart, partial(many_text.importance, chart)))
    return found


_MAKERS: Mapping[ManyKind, Callable[[Sequence[Dot], Asked], list[Picture]]] = {
    ManyKind.SCATTER: _scatter,
    ManyKind.PARALLEL: _parallel,
    ManyKind.PROGRESS: _progress,
    ManyKind.CONTOUR: _contour,
    ManyKind.PARETO: _pareto,
    ManyKind.HISTOGRAM: _histogram,
    ManyKind.IMPORTANCE: _importance,
}


# -- columns ------------------------------------------------------------------------------------------


def _keys(dots: Sequence[Dot], wanted: Sequence[str]) -> list[str]:
    """The columns that keys and patterns mean; raises UsageError for one that no experiment has."""
    known: dict[str, None] = {}
    for dot in dots:
        known.update(dict.fromkeys(key for key, value in dot.values.items() if value is not None))
    found: dict[str, None] = {}
    for pattern in wanted:
        fitting = [pattern] if pattern in known else [key for key in known if fnmatchcase(key, pattern)]
        if not fitting:
            raise errors.UsageError(
                f"No such experiment has {pattern}.",
                did_you_mean(pattern, list(known), "gitexp show has the columns."),
            )
        found.update(dict.fromkeys(fitting))
    return list(found)


def _require_few_texts(dots: Sequence[Dot], keys: Sequence[str]) -> None:
    """Raise UsageError for a column with more texts than an axis can have."""
    for key in keys:
        count = len(column_of(dots, key).texts)
        if count > _MOST_TEXTS:
            raise errors.UsageError(
                f"{key} has {count:,} different texts, and {_MOST_TEXTS} are the most for an axis.",
                "--filter chooses fewer experiments; gitexp plots --kind histogram draws the frequent texts.",
            )


def _measured(dots: Sequence[Dot]) -> list[str]:
    """The metrics with a number that counts, in order of appearance."""
    keys: dict[str, None] = {}
    for dot in dots:
        keys.update(dict.fromkeys(key for key in dot.metrics if dot.result(key) is not None))
    return list(keys)


def _metrics(kind: ManyKind, dots: Sequence[Dot], asked: Asked) -> Sequence[str]:
    return asked.columns or [_main_metric(kind, dots, asked, "acc")]


def _main_metric(kind: ManyKind, dots: Sequence[Dot], asked: Asked, example: str) -> str:
    """The first metric of gitexp.yaml that the experiments have, else the first one with a direction."""
    measured = _measured(dots)
    for metric in (*asked.directions, *measured):
        if metric in measured and direction(metric, asked.directions) is not None:
            return metric
    words = f" There are {shorten(measured)}." if measured else ""
    raise errors.UsageError(
        f"Which metric?{words} None of them has a direction." if measured else "No metric is there to draw.",
        f"Name it: gitexp plots --kind {kind} --columns {measured[0] if measured else example}",
    )


def _needs(kind: ManyKind, what: str, example: str) -> errors.UsageError:
    return errors.UsageError(
        f"--kind {kind} needs {what}.", f"For example: gitexp plots --kind {kind} --columns {example}"
    )
