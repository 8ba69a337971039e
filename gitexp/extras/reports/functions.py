"""What a template can use: values of experiments, and functions that put pieces into the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.extras.plots import reading
from gitexp.extras.plots.charts import Chart
from gitexp.extras.plots.curve_charts import curves_chart
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_many import many
from gitexp.extras.plots.of_many.importance_chart import importance_chart, importance_of
from gitexp.extras.plots.of_many.many import ManyKind, ManyOptions
from gitexp.extras.reports import verdicts
from gitexp.extras.reports.content import Content, ReportedExperiment, first_member, reported
from gitexp.extras.reports.curve_lines import curve_lines
from gitexp.extras.reports.document import (
    FoldedPiece,
    LinesPiece,
    Piece,
    PlotPiece,
    TablePiece,
)
from gitexp.extras.reports.markdown import as_markdown, place
from gitexp.extras.reports.sandbox import as_is
from gitexp.model import MISSING, Change
from gitexp.project.sections.directions import direction
from gitexp.views.best import best_of
from gitexp.views.diff import Diff, has_noise
from gitexp.views.markup import BestText, is_at_right
from gitexp.views.uncertainty import LEGEND, MARK
from gitexp.words import PRECISION, clean, counted, show_value

_MOST_CURVES = 10  # experiments in a plot
_MOST_PLOTS = 20  # metrics


class Functions:
    """The values and functions for one template, and the pieces of its document."""

    def __init__(
        self,
        content: Content,
        given: Mapping[str, Any],
        escape: Callable[[str], str] = as_markdown,
        *,
        draws: bool = True,
    ) -> None:
        self._content = content
        self._given = given
        self._escape = escape
        self._draws = draws  # whether the format has pictures
        self.pieces: list[Piece] = []

    def values(self) -> dict[str, Any]:
        """All values and functions of a template, by name."""
        content = self._content
        return {
            **self._given,
            "experiments": [reported(row) for row in content.rows],
            "experiment": self.experiment,
            "exp": _reported(content.main()),
            "best": _reported(content.best),
            "metric": content.metric,
            "best_value": content.best_text(),
            "count": counted(len(content.rows), "experiment"),
            "table": self.table,
            "facts": self.facts,
            "values": self.all_values,
            "plot": self.plot,
            "plots": self.plots,
            "importance": self.importance,
            "diff": self.diff,
            "code": self.code,
            "sure": self.sure,
            "judge": self.judge,
            "why": self.why,
            "reproduce": self.reproduce,
            "text": self.text,
            "folded": self.folded,
        }

    def shown(self, value: Any) -> str:
        """The Markdown of a value, with escapes."""
        if value is None or value is MISSING:
            return ""
        return self._escape(show_value(value, PRECISION, longest=None))

    def experiment(self, name: str) -> ReportedExperiment:
        """An experiment of the report, by its name."""
        return reported(self._content.row(str(name)))

    # -- pieces -----------------------------------------------------------------------------------

    def table(self, columns: Any = (), limit: int | None = None) -> Markup:
        """The table of the experiments; `columns` has the names of columns, like --columns."""
        return self._put(self._content.results(_words(columns), limit))

    def facts(self, of: Any = None) -> Markup:
        """The facts about an experiment, by default about the best."""
        return self._of(of, self._content.facts)

    def all_values(self, of: Any = None, kind: str = "params") -> Markup:
        """All params of an experiment, or its metrics."""
        return self._of(of, lambda row: self._content.values(row, kind))

    def plot(
        self,
        columns: Any = (),
        kind: str = "curves",
        x: str = "step",
        smooth: float = 0.0,
        log: Any = (),
        limit: int = _MOST_CURVES,
    ) -> Markup:
        """The plots of `gitexp plots`: curves for each metric, or the charts of another kind."""
        wanted, axes = _words(columns), _words(log)
        made = Markup("")
        if kind != "curves":
            for chart in self._of_many(kind, wanted, axes):
                made += self._put(PlotPiece(chart))
            return made
        try:
            axis = XAxis(x)
        except ValueError:
            raise _no_such("x", x, [each.value for each in XAxis]) from None
        for _, piece in self._curves(wanted, axis, float(smooth), axes, limit):
            made += piece
        return made

    def plots(self, columns: Any = (), limit: int = _MOST_CURVES) -> list[tuple[str, Markup]]:
        """The curves of each metric: its name, and its plot."""
        return self._curves(_words(columns), XAxis.STEP, 0.0, (), limit)

    def _curves(
        self, wanted: Sequence[str], axis: XAxis, smooth: float, axes: Sequence[str], limit: int
    ) -> list[tuple[str, Markup]]:
        query = self._content.query._replace(limit=limit, sort=None)
        found = reading.curves(self._content.project, query, wanted, axis, smooth)
        made = []
        for name, curves in list(found.items())[:_MOST_PLOTS]:
            if any(len(curve.x) > 1 for curve in curves):  # a single number stands in the table
                piece = PlotPiece(curves_chart(name, curves, axis, axes), curve_lines(curves))
                made.append((name, self._put(piece)))
        return made

    def _of_many(self, kind: str, wanted: Sequence[str], axes: Sequence[str]) -> list[Chart]:
        try:
            chosen = ManyKind(kind)
        except ValueError:
            raise _no_such("kind", kind, ["curves", *(each.value for each in ManyKind)]) from None
        experiments = reading.experiments(self._content.project, self._content.query)
        if not experiments:
            return []
        options = ManyOptions(wanted, self._content.table.directions, axes or None)
        return [found.chart for found in many.pictures(chosen, experiments, options)]

    def diff(self, a: Any = None, b: Any = None, code: bool = True) -> Markup:
        """The differences between two experiments: tables of params and metrics, and the patch of the code.

        With one name: the differences from the baseline. Without names: of the best from its baseline.
        """
        old, new = None, _name(a)
        if b is not None:
            old, new = new, _name(b)
        if not new:
            main = self._content.main()
            if main is None:
                return Markup("")
            new = first_member(main)
        found = self._content.changes(old, new)
        made = Markup("")
        for title, changes in (("Params", found.params), ("Metrics", found.told_metrics)):
            if changes:
                made += self._put(_of_changes(title, changes, found))
        if code:
            patch = self._content.patch(found)
            if patch is not None:
                made += self._put(patch)
        return made

    def code(self, of: Any = None, lines: int = 400) -> Markup:
        """The first `lines` lines of the patch of an experiment's code from its baseline."""

        def patch(row: Row) -> Piece | None:
            return self._content.patch(self._content.changes(None, first_member(row)), lines)

        return self._of(of, patch)

    def sure(self) -> Markup:
        """Whether the best experiment surely is the best; nothing without replicates."""
        content = self._content
        piece = verdicts.of_best(content.table, content.metric, content.best)
        return Markup("") if piece is None else self._put(piece)

    def judge(self, *names: Any, metric: Any = ()) -> Markup:
        """The verdicts on some experiments, each beside the first."""
        wanted = [_name(one) for one in names]
        return self._put(verdicts.of_some(self._content.project, wanted, _words(metric)))

    def why(self, a: Any, b: Any, metric: str = "") -> Markup:
        """Which change makes the difference, from the runs of `gitexp why`; nothing if there are none."""
        made = Markup("")
        for piece in verdicts.of_difference(self._content.project, _name(a), _name(b), metric):
            made += self._put(piece)
        return made

    def importance(self, metric: str = "") -> Markup:
        """The importance of the params for a metric; nothing with too few experiments."""
        metric = metric or self._content.metric
        if not metric:
            return Markup("")
        experiments = reading.experiments(self._content.project, self._content.query)
        directions = self._content.table.directions
        found = importance_of(experiments, metric, direction(metric, directions))
        if not found.shares:
            return Markup("")
        if self._draws:
            return self._put(PlotPiece(importance_chart(found, metric)))
        lines = [[clean(key), f"{share:.0%}"] for key, share in found.shares.items()]
        return self._put(TablePiece(["Param", "Share"], lines, [False, True], f"{found.remark}."))

    def reproduce(self, of: Any = None) -> Markup:
        """The commands to bring an experiment back and to run it again."""
        return self._of(of, self._content.reproduction)

    def text(self, text: Any) -> Markup:
        """A text with its line breaks, for example a note."""
        lines = [clean(line) for line in str(text or "").splitlines() if line.strip()]
        if not lines:
            return Markup("")
        return self._put(LinesPiece(lines))

    def folded(self, title: str, inside: Any) -> Markup:
        """Pieces below a title, folded in formats with folding."""
        made = Markup("")
        for number in sorted(_numbers(str(inside))):
            made += self._put(FoldedPiece(clean(str(title)), self.pieces[number]))
        return made

    def _of(self, of: Any, make: Callable[[Row], Piece | None]) -> Markup:
        if of is None:
            row = self._content.main()
        else:
            row = self._content.row(_name(of))
        if row is None:
            return Markup("")
        piece = make(row)
        if piece is None:
            return Markup("")
        return self._put(piece)

    def _put(self, piece: Piece) -> Markup:
        self.pieces.append(piece)
        return as_is(place(len(self.pieces) - 1))


def _reported(row: Row | None) -> ReportedExperiment | None:
    if row is None:
        return None
    return reported(row)


def _numbers(text: str) -> list[int]:
    return [int(part.partition("\ue001")[0]) for part in text.split("\ue000")[1:]]


def _of_changes(title: str, changes: Sequence[Change], found: Diff) -> TablePiece:
    heads, lines = [title, clean(found.old.label), clean(found.new.label)], list[list[str]]()
    for change in changes:
        sides = (change.old, change.new)
        best: Any = MISSING
        precision: int | None = None
        if title == "Metrics":
            best, precision = best_of(change.key, sides, found.directions), PRECISION
        distance = found.distances.get(change.key) if title == "Metrics" else None
        is_inside = distance is not None and distance.is_inside
        line = [clean(change.key)]
        for side in sides:
            text = show_value(side, precision)
            if best is not MISSING and side == best and not is_inside:
                text = BestText(text)
            line.append(text)
        if is_inside:
            line[-1] += MARK
        lines.append(line)
    legend = LEGEND if title == "Metrics" and has_noise(found) else ""
    return TablePiece(heads, lines, is_at_right(heads, lines), legend)


def _name(of: Any) -> str:
    if of is None:
        return ""
    return str(getattr(of, "name", of))


def _words(given: Any) -> tuple[str, ...]:
    """The words of an argument: a list, or a text with commas."""
    if isinstance(given, str):
        given = given.split(",")
    words = [str(one).strip() for one in given]
    return tuple(filter(None, words))


def _no_such(what: str, given: str, known: Sequence[str]) -> errors.UsageError:
    return errors.UsageError(f"plot() has no {what}='{given}'.", f"There are: {', '.join(known)}")
