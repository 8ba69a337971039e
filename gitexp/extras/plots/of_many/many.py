"""The pictures of many experiments that a user asks for: which columns, then charts and lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import TypeAlias

from gitexp import errors
from gitexp.catalog.rows import meant
from gitexp.cli.kit.terminal.render import Piece
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_many import charts_of_many, many_text
from gitexp.extras.plots.of_many.importance_chart import Together, importance_data
from gitexp.extras.plots.of_many.parallel_chart import MOST_AXES
from gitexp.extras.plots.of_many.plotted_experiments import Experiments, column_of, differing_params
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import direction
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


class ManyChart(NamedTuple):
    """A chart of many experiments.

    Attributes:
        chart: the chart for files and pages.
        lines: a function from the width of a terminal to its lines.
    """

    chart: Chart
    lines: Callable[[int], Lines]


class ManyOptions(NamedTuple):
    """The options of a chart of many experiments.

    Attributes:
        columns: keys and patterns of columns; () for the default of the kind.
        directions: "min" or "max" by metric, from gitexp.yaml.
        logarithmic: the axes with a logarithmic scale; None: chosen by their values.
        along: the horizontal axis of the progress.
        together: the importance of all params together; None if Optuna is not installed.
    """

    columns: Sequence[str] = ()
    directions: Mapping[str, str] = {}
    logarithmic: Sequence[str] | None = None
    along: XAxis = XAxis.STEP
    together: Together | None = None

    def direction(self, metric: str) -> str:
        """The direction of a metric; raises UsageError for an unknown direction."""
        found = direction(metric, self.directions)
        if found is None:
            raise errors.UsageError(
                f"Nobody has said whether a low or a high {metric} is better.",
                f"Say so in gitexp.yaml: metrics: {{{metric}: min}}",
            )
        return found


def pictures(kind: ManyKind, experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    """The charts of a kind.

    Raises UsageError for unknown or unsuitable columns, and ExperimentError without any experiment.
    """
    if not experiments:
        raise errors.ExperimentError(
            "There is no experiment to draw.", "gitexp show -A shows what there is.", code="none-found"
        )
    options = options._replace(columns=_keys(experiments, options.columns))
    return _MAKERS[kind](experiments, options)


def _scatter(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    keys = options.columns
    if len(keys) < 2:
        raise _needs(ManyKind.SCATTER, "two columns or more", "lr,acc")
    _require_few_texts(experiments, keys)
    if len(keys) > 2:
        return [
            ManyChart(
                charts_of_many.matrix_chart(experiments, keys), partial(many_text.values, experiments, keys)
            )
        ]
    chart = charts_of_many.scatter_chart(experiments, keys[0], keys[1], options.logarithmic)
    return [
        ManyChart(chart, partial(many_text.scatter, experiments, (keys[0], keys[1]), options.logarithmic))
    ]


def _parallel(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    keys = list(options.columns)
    if len(keys) < 2:
        metric = _only_metric(ManyKind.PARALLEL, experiments, options, "lr,acc")
        keys = [key for key in differing_params(experiments) if key != metric]
        if len(keys) >= MOST_AXES:
            keys = _most_important(experiments, metric, MOST_AXES - 1)
        keys.append(metric)
    chart = charts_of_many.parallel_chart(experiments, keys, keys[-1])
    return [ManyChart(chart, partial(many_text.values, experiments, keys))]


def _progress(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    found = []
    for metric in _metrics(ManyKind.PROGRESS, experiments, options):
        better = options.direction(metric)
        chart = charts_of_many.progress_chart(
            experiments, metric, direction=better, axis=options.along, logarithmic=options.logarithmic
        )
        found.append(
            ManyChart(chart, partial(many_text.progress, experiments, metric, better, options.along))
        )
    return found


def _contour(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    keys = list(options.columns)
    if len(keys) < 2:
        metric = _only_metric(ManyKind.CONTOUR, experiments, options, "lr,units,acc")
        keys = [*_most_important(experiments, metric, 2), metric]
        if len(keys) < 3:
            raise errors.UsageError(
                f"Fewer than two params differ among the experiments with a number of {metric}.",
                "gitexp plots --kind scatter draws two columns of any kind.",
            )
    if len(keys) != 3:
        raise _needs(ManyKind.CONTOUR, "two params and a metric", "lr,units,acc")
    of = (keys[0], keys[1])
    _require_few_texts(experiments, of)
    chart = charts_of_many.contour_chart(experiments, of, keys[2], options.logarithmic)
    return [ManyChart(chart, partial(many_text.contour, experiments, of, keys[2], options.logarithmic))]


def _most_important(experiments: Experiments, metric: str, count: int) -> list[str]:
    """The `count` most important params for a metric; fewer if fewer differ."""
    params, results = importance_data(experiments, metric)
    shares = importance.simple(params, results)
    return sorted(params, key=lambda key: -shares.get(key, 0.0))[:count]


def _pareto(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    keys = list(options.columns) or [key for key in _measured(experiments) if key in options.directions]
    if len(keys) not in (2, 3):
        raise _needs(ManyKind.PARETO, "two or three metrics", "acc,latency")
    objectives = {key: options.direction(key) for key in keys}
    chart = charts_of_many.pareto_chart(experiments, objectives, options.logarithmic)
    return [ManyChart(chart, partial(many_text.pareto, experiments, objectives))]


def _histogram(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    found = []
    is_log = None
    if options.logarithmic is not None:
        is_log = "x" in options.logarithmic
    for key in _metrics(ManyKind.HISTOGRAM, experiments, options):
        chart = charts_of_many.histogram_chart(experiments, key, logarithmic=is_log)
        found.append(ManyChart(chart, partial(many_text.histogram, chart)))
    return found


def _importance(experiments: Experiments, options: ManyOptions) -> list[ManyChart]:
    found = []
    for metric in _metrics(ManyKind.IMPORTANCE, experiments, options):
        better = direction(metric, options.directions)
        shares = charts_of_many.importance_of(experiments, metric, better, options.together)
        chart = charts_of_many.importance_chart(shares, metric)
        found.append(ManyChart(chart, partial(many_text.importance, chart)))
    return found


_MAKERS: Mapping[ManyKind, Callable[[Experiments, ManyOptions], list[ManyChart]]] = {
    ManyKind.SCATTER: _scatter,
    ManyKind.PARALLEL: _parallel,
    ManyKind.PROGRESS: _progress,
    ManyKind.CONTOUR: _contour,
    ManyKind.PARETO: _pareto,
    ManyKind.HISTOGRAM: _histogram,
    ManyKind.IMPORTANCE: _importance,
}


# -- columns ------------------------------------------------------------------------------------------


def _keys(experiments: Experiments, wanted: Sequence[str]) -> list[str]:
    """The columns matching keys and patterns; raises UsageError for a pattern without a column."""
    known: dict[str, None] = {}
    for experiment in experiments:
        for key, value in experiment.values.items():
            if value is not None:
                known[key] = None
    found: dict[str, None] = {}
    for pattern in wanted:
        name = meant(pattern, known)
        fitting = [name]
        if name not in known:
            fitting = [key for key in known if fnmatchcase(key, pattern)]
        if not fitting:
            raise errors.UsageError(
                f"No such experiment has {pattern}.",
                did_you_mean(pattern, list(known), "gitexp show has the columns."),
            )
        found.update(dict.fromkeys(fitting))
    return list(found)


def _require_few_texts(experiments: Experiments, keys: Sequence[str]) -> None:
    """Raise UsageError for a column with more texts than an axis can have."""
    for key in keys:
        count = len(column_of(experiments, key).texts)
        if count > _MOST_TEXTS:
            raise errors.UsageError(
                f"{key} has {count:,} different texts, and {_MOST_TEXTS} are the most for an axis.",
                "--filter chooses fewer experiments; gitexp plots --kind histogram draws the frequent texts.",
            )


def _measured(experiments: Experiments) -> list[str]:
    """The metrics with a number of a done experiment, in order of appearance."""
    keys: dict[str, None] = {}
    for experiment in experiments:
        for key in experiment.metrics:
            if experiment.result(key) is not None:
                keys[key] = None
    return list(keys)


def _metrics(kind: ManyKind, experiments: Experiments, options: ManyOptions) -> Sequence[str]:
    return options.columns or [_main_metric(kind, experiments, options, "acc")]


def _only_metric(kind: ManyKind, experiments: Experiments, options: ManyOptions, example: str) -> str:
    """The first wanted column, else the main metric."""
    if options.columns:
        return options.columns[0]
    return _main_metric(kind, experiments, options, example)


def _main_metric(kind: ManyKind, experiments: Experiments, options: ManyOptions, example: str) -> str:
    """The first metric of gitexp.yaml with numbers, else the first metric with a direction."""
    measured = _measured(experiments)
    for metric in (*options.directions, *measured):
        if metric in measured and direction(metric, options.directions) is not None:
            return metric
    message = "No metric is there to draw."
    if measured:
        example = measured[0]
        message = f"Which metric? There are {shorten(measured)}. None of them has a direction."
    raise errors.UsageError(message, f"Name it: gitexp plots --kind {kind} --columns {example}")


def _needs(kind: ManyKind, what: str, example: str) -> errors.UsageError:
    return errors.UsageError(
        f"--kind {kind} needs {what}.", f"For example: gitexp plots --kind {kind} --columns {example}"
    )
