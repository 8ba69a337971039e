"""Pictures of many experiments, all in one place: rows of the table in, charts out. No input or output."""

from __future__ import annotations

from gitexp.extras.plots.of_many.contour_chart import contour_chart
from gitexp.extras.plots.of_many.histogram_chart import histogram_chart
from gitexp.extras.plots.of_many.importance_chart import importance_chart, importance_of
from gitexp.extras.plots.of_many.parallel_chart import parallel_chart
from gitexp.extras.plots.of_many.pareto_chart import pareto_chart
from gitexp.extras.plots.of_many.plotted_experiments import PlottedExperiment, of_rows
from gitexp.extras.plots.of_many.progress_chart import progress_chart
from gitexp.extras.plots.of_many.scatter_charts import matrix_chart, scatter_chart

__all__ = [
    "PlottedExperiment",
    "contour_chart",
    "histogram_chart",
    "importance_chart",
    "importance_of",
    "matrix_chart",
    "of_rows",
    "parallel_chart",
    "pareto_chart",
    "progress_chart",
    "scatter_chart",
]
