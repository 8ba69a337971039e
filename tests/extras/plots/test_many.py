"""Pictures of many experiments: what is drawn of which columns, in the terminal, as files and on a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gitexp.cli.kit.terminal.render import as_text
from gitexp.errors import ExperimentError, UsageError
from gitexp.extras.plots.charts import is_vega
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_many.contour_chart import contour_chart, interpolated, measurements
from gitexp.extras.plots.of_many.histogram_chart import bars
from gitexp.extras.plots.of_many.importance_chart import importance_of
from gitexp.extras.plots.of_many.many import ManyKind, ManyOptions, pictures
from gitexp.extras.plots.of_many.pareto_chart import front_of
from gitexp.extras.plots.of_many.plotted_experiments import (
    PlottedExperiment,
    axes_of,
    column_of,
    differing_params,
    spans_decades,
)
from gitexp.extras.plots.of_many.progress_chart import progress
from gitexp.extras.plots.rendering import Rendering
from gitexp.model import Differing, Mean
from tests.support.workspace import Workspace

DIRECTIONS = {"acc": "max", "loss": "min"}


def run(label: str, state: str = "done", time: float | None = None, **values: Any) -> PlottedExperiment:
    metrics = tuple(key for key in values if key in ("acc", "loss", "latency"))
    return PlottedExperiment(
        label, values, tuple(key for key in values if key not in metrics), state, time, metrics
    )


@pytest.fixture(scope="module")
def trials() -> list[PlottedExperiment]:
    found = []
    for at in range(24):
        lr, opt = 10 ** (-4 + at % 8 / 2), ("sgd", "adam", "lion")[at % 3]
        acc: Any = 0.9 - 0.05 * abs(at % 8 - 4) - at / 1000
        if at == 5:
            acc = Mean(acc, 0.01, 3, 3)
        params = {
            "lr": lr,
            "opt": opt,
            "seed": Differing([1, 2]),
            "amp": at % 2 == 0,
            "mom": at * 7 % 24 / 24,
        }
        found.append(run(f"exp-{at}", time=1e9 + at, **params, acc=acc, loss=1 - acc, latency=float(at)))
    broken = {"lr": 0.1, "opt": "sgd", "amp": None, "mom": 0.5}
    found.append(run("failed", "failed", 2e9, **broken))
    found.append(run("nan", time=2e9, **broken, acc=math.nan, loss=math.inf, latency=10**400))
    return found


# -- columns ------------------------------------------------------------------------------------------


def test_a_column_is_one_of_numbers_or_of_texts(trials: Sequence[PlottedExperiment]) -> None:
    lr, opt, amp = (column_of(trials, key) for key in ("lr", "opt", "amp"))
    assert (lr.numbers, lr.logarithmic, lr.low) == (True, True, 1e-4)
    assert opt.texts == ("adam", "lion", "sgd")
    assert amp.texts == ("false", "true")
    acc = column_of(trials, "acc")  # NaN and numbers that no float holds are no values
    assert (acc.numbers, [acc.value(one) for one in trials[-2:]]) == (True, [None, None])
    mixed = [run("a", lr="auto"), run("b", lr=10), run("c", lr=2)]
    assert column_of(mixed, "lr").texts == ("2", "10", "auto")
    assert column_of(trials, "seed").value(trials[0]) is None
    assert column_of([], "lr").value(trials[0]) == trials[0].values["lr"]


def test_a_logarithmic_scale_comes_by_itself_where_most_numbers_are_low() -> None:
    assert spans_decades([1e-5, 1e-4, 1e-3, 1e-2])
    assert not spans_decades([1, 300, 500, 700, 1000])
    assert not spans_decades([0, 1e-4, 1])
    assert not spans_decades([0.1, 0.2, 0.4])
    assert not column_of([run(str(at), lr=10.0**at) for at in range(5)], "lr", logarithmic=False).logarithmic


def test_replicates_do_not_differ_by_their_seeds(trials: Sequence[PlottedExperiment]) -> None:
    assert differing_params(trials) == ["lr", "opt", "amp", "mom"]


# -- numbers ------------------------------------------------------------------------------------------


def test_the_best_so_far_counts_done_runs_in_the_order_of_their_ends() -> None:
    experiments = [
        run("late", time=9, acc=0.9),
        run("first", time=1, acc=0.5),
        run("failed", "failed", 2, acc=1.0),
        run("worse", time=3, acc=0.4),
        run("mean", "running", 4, acc=Mean(0.6, None, 1, 2)),
    ]
    found = progress(experiments, "acc", "max")
    assert [(one.experiment.label, one.best, one.better) for one in found] == [
        ("first", 0.5, True),
        ("failed", 0.5, False),
        ("worse", 0.5, False),
        ("mean", 0.6, True),
        ("late", 0.9, True),
    ]
    assert [one.x for one in progress(experiments, "acc", "max", XAxis.CLOCK)] == [1e3, 2e3, 3e3, 4e3, 9e3]


def test_the_front_has_whom_nobody_beats_in_everything() -> None:
    experiments = [
        run("a", acc=3, loss=3),
        run("b", acc=2, loss=1),
        run("c", acc=1, loss=2),
        run("d", acc=9),
    ]
    found = front_of(experiments, DIRECTIONS)
    assert [found.experiments[at].label for at in found.front] == ["a", "b"]


def test_the_bars_hold_every_number_once(trials: Sequence[PlottedExperiment]) -> None:
    for key, count in (("acc", 24), ("lr", 26), ("opt", 26), ("amp", 24)):
        assert sum(len(bar.labels) for bar in bars(trials, column_of(trials, key))) == count
    (only,) = bars([run("a", lr=2), run("b", lr=2)], column_of([run("a", lr=2)], "lr"))
    assert (only.text, only.labels) == ("2", ["a", "b"])


def test_between_experiments_the_field_has_their_values_and_far_away_none() -> None:
    experiments = [
        run("a", x=0.0, y=0.0, acc=1.0),
        run("b", x=0.1, y=0.0, acc=2.0),
        run("c", x=1.0, y=1.0, acc=9.0),
    ]
    x, y = axes_of(experiments, ("x", "y"), ())
    cells = interpolated(measurements(experiments, x, y, "acc"), x, y)
    assert cells[0, 0] == pytest.approx(1, abs=0.1)
    assert cells[31, 31] == pytest.approx(9, abs=0.1)
    assert all(1 <= value <= 9 for value in cells.values())
    assert (0, 31) not in cells


def test_few_values_make_a_grid_of_means() -> None:
    experiments = [run(str(at), lr=(1, 2)[at % 2], opt="ab"[at // 2 % 2], acc=float(at)) for at in range(8)]
    chart = contour_chart(experiments, ("lr", "opt"), "acc")
    cells = chart.spec["layer"][0]["data"]["values"]
    assert {(cell["column"], cell["row"]): cell["value"] for cell in cells} == {
        ("1", "a"): 2,
        ("2", "a"): 3,
        ("1", "b"): 4,
        ("2", "b"): 5,
    }


def test_importance_is_said_from_eight_experiments_on(trials: Sequence[PlottedExperiment]) -> None:
    found = importance_of(trials, "acc")
    assert next(iter(found.shares)) == "lr"
    assert found.remark == "each param alone; 24 experiments"
    assert importance_of(trials[:7], "acc").shares == {}
    calls = []

    def together(params: Any, results: Any, direction: str) -> dict[str, float]:
        calls.append((sorted(params), len(results), direction))
        return {"opt": 1.0}

    assert importance_of(trials, "acc", "max", together).shares == {"opt": 1.0}
    assert calls == [(["amp", "lr", "mom", "opt"], 24, "max")]


# -- pictures -----------------------------------------------------------------------------------------

COLUMNS = {
    "scatter": ("lr,acc", "opt,acc", "opt,amp", "lr,opt,mom,acc"),
    "parallel": ("lr,opt,amp,acc", "opt", ""),
    "progress": ("acc", "loss,acc", ""),
    "contour": ("lr,mom,acc", "lr,opt,acc", "mom,acc,loss", "acc", ""),
    "pareto": ("acc,loss", "acc,loss,latency", ""),
    "histogram": ("acc", "lr,opt,amp,mom", ""),
    "importance": ("acc", "acc,loss", ""),
}


@pytest.mark.parametrize("kind", ManyKind)
def test_every_picture_is_drawn(trials: Sequence[PlottedExperiment], kind: ManyKind) -> None:
    directions = {**DIRECTIONS, "latency": "min"}
    for text in COLUMNS[kind]:
        columns = tuple(filter(None, text.split(",")))
        few = (trials[:1], trials[:2]) if len(columns) == 3 or kind is not ManyKind.CONTOUR else ()
        for experiments in (trials, *few):
            for picture in pictures(kind, experiments, ManyOptions(columns, directions)):
                assert Rendering.formats[".svg"](picture.chart.spec).startswith(b"<svg")
                assert as_text(picture.lines(80))
    for logarithmic in ((), ("x",), ("x", "y")):
        columns = tuple(COLUMNS[kind][0].split(","))
        for picture in pictures(kind, trials, ManyOptions(columns, directions, logarithmic)):
            assert Rendering.formats[".svg"](picture.chart.spec).startswith(b"<svg")


def test_no_text_of_the_repository_is_an_expression() -> None:
    hostile = "'+alert(1)+'"
    experiments = [run(f"{hostile}{at}", **{hostile: f"{hostile}{at}", "acc": float(at)}) for at in range(9)]
    for kind, columns in ((ManyKind.PARALLEL, (hostile, "acc")), (ManyKind.SCATTER, (hostile, "acc"))):
        (picture,) = pictures(kind, experiments, ManyOptions(columns, DIRECTIONS))
        assert not any(hostile in text for text in _expressions(picture.chart.spec))
    assert is_vega(pictures(ManyKind.PARALLEL, experiments, ManyOptions((hostile, "acc")))[0].chart.spec)


def _expressions(spec: Any) -> list[str]:
    """The texts of a specification that Vega computes."""
    found = []
    if isinstance(spec, dict):
        for key, value in spec.items():
            if key in ("expr", "update", "signal", "test", "events") and isinstance(value, str):
                found.append(value)
            elif key != "values":
                found += _expressions(value)
    elif isinstance(spec, list):
        for value in spec:
            found += _expressions(value)
    return found


def test_wrong_columns(trials: Sequence[PlottedExperiment]) -> None:
    for kind, columns, told in (
        (ManyKind.SCATTER, ("acc",), "two columns or more"),
        (ManyKind.SCATTER, ("acc", "lrr"), "No such experiment has lrr"),
        (ManyKind.CONTOUR, ("acc", "lr"), "two params and a metric"),
        (ManyKind.PARETO, ("acc", "latency"), "whether a low or a high latency is better"),
    ):
        with pytest.raises(UsageError, match=told):
            pictures(kind, trials, ManyOptions(columns, DIRECTIONS))
    many = [run("a", name=str(at), acc=1.0) for at in range(999)]
    with pytest.raises(UsageError, match="name has 999 different texts"):
        pictures(ManyKind.SCATTER, many, ManyOptions(("name", "acc")))
    assert bars(many, column_of(many, "name"))[-1].text == "970 others"
    with pytest.raises(ExperimentError, match="no experiment"):
        pictures(ManyKind.PARETO, [], ManyOptions())
    with pytest.raises(UsageError, match="No metric is there"):
        pictures(ManyKind.PROGRESS, [run("a", lr=1)], ManyOptions())
    keys = pictures(ManyKind.HISTOGRAM, trials, ManyOptions(("l*",), DIRECTIONS))
    assert [picture.chart.title for picture in keys] == [
        "experiments by lr",
        "experiments by loss",
        "experiments by latency",
    ]


# -- the command --------------------------------------------------------------------------------------


TRAIN = """
import gitexp
with open("params.yaml") as file:
    lr, seed, wide = (float(line.split(":")[1]) for line in file)
gitexp.log({"acc": 1 - lr + seed / 100, "loss": lr})
"""


@pytest.mark.usefixtures("drawing")
def test_the_command(repo: Workspace, tmp_path: Path) -> None:
    repo.write("train.py", TRAIN)
    repo.write("params.yaml", "lr: 0.1\nseed: 1\nwide: 1\n")
    repo.write("gitexp.yaml", "params: [params.yaml]\nseed: seed\nmetrics: {acc: max, loss: min}\n")
    repo.commit()
    for name, lr in (("low", "0.1"), ("high", "0.4")):
        repo.gitexp(
            "run",
            "-q",
            "-n",
            name,
            "-S",
            f"lr={lr}",
            "-S",
            f"wide={lr}0",
            "--repeat",
            "2",
            "--",
            "python",
            "train.py",
        )
    table = repo.gitexp("show").stdout
    (found,) = repo.json("plots", "--kind", "scatter", "--columns", "lr,acc")
    (curves,) = repo.json("plots", "--columns", "acc")
    for chart in (found, curves):  # a group is called as in the table
        labels = {value["label"] for value in chart["spec"]["data"]["values"]}
        assert labels == {"low 2 runs", "high 2 runs"}
    assert "[low] 2 runs" in table
    assert all("low" in value for value in found["spec"]["data"]["values"])
    for kind in ManyKind:
        columns = () if kind is not ManyKind.SCATTER else ("--columns", "lr,acc,loss")
        assert repo.gitexp("plots", "--kind", kind, *columns).stdout
    assert "on the front" in repo.gitexp("plots", "--kind", "pareto").stdout
    file = tmp_path / "p.png"
    repo.gitexp("plots", "--kind", "parallel", "-o", str(file))
    assert file.read_bytes().startswith(b"\x89PNG")
