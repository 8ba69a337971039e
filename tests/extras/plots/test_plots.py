"""`gitexp plots`: curves, pictures of many experiments, and what is written into files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from gitexp.cli.kit.terminal import render
from gitexp.extras.plots import terminal
from gitexp.extras.plots.curve_charts import curves_chart
from gitexp.extras.plots.curves import DrawnCurve, XAxis, mean_of, on_axis, smoothed, thinned
from gitexp.extras.plots.palette import COLOURS, DASHES, colours, dashes
from gitexp.extras.plots.rendering import Rendering
from tests.support.experiments import copy_of
from tests.support.workspace import Workspace

TRAIN = """
import math, sys
import gitexp
with open("params.yaml") as file:
    lr = float(file.read().split("lr:")[1].split()[0])
for step in range(20):
    gitexp.log({"loss": math.exp(-lr * step), "acc": 1 - math.exp(-lr * step)})
gitexp.log({"test": lr})
"""


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A repository with three runs, which all tests share."""
    repo = copy_of(template, tmp_path_factory.mktemp("plots"))
    repo.write("train.py", TRAIN)
    repo.write("params.yaml", "lr: 0.1\n")
    repo.commit()
    repo.allow("files", "params.yaml")
    for name, lr in (("slow", "0.05"), ("quick", "0.5"), ("middle", "0.2")):
        repo.gitexp("run", "-q", "-n", name, "-S", f"lr={lr}", "--temp", "--", "python", "train.py")
    yield repo
    repo.close()


# -- numbers ------------------------------------------------------------------------------------------


def test_smoothing_is_corrected_at_its_start_and_passes_over_what_is_not_finite() -> None:
    assert smoothed([5, 5, 5, 5], 0.9) == pytest.approx([5, 5, 5, 5])
    # By hand: (0.5·0.5·1 + 0.5·3) / (1 - 0.5²)
    assert smoothed([1, 3], 0.5) == pytest.approx([1, (0.25 + 1.5) / 0.75])
    found = smoothed([1, math.nan, 3], 0.5)
    assert math.isnan(found[1])
    assert found[2] == pytest.approx((0.25 + 1.5) / 0.75)
    assert smoothed([1, 2, 3], 0) == [1, 2, 3]


def test_what_is_thinned_out_keeps_its_ends_and_its_extremes() -> None:
    y = [math.sin(at / 50) for at in range(100_000)]
    y[77_777], y[33_333] = 9.0, -9.0
    found = thinned(DrawnCurve("a", [float(at) for at in range(100_000)], y), most=1000)
    assert len(found.x) <= 1000
    assert (found.x[0], found.x[-1]) == (0, 99_999)
    assert (max(found.y), min(found.y)) == (9.0, -9.0)
    assert found.x == sorted(found.x)


def test_the_mean_of_replicates_has_a_band_where_several_have_a_point() -> None:
    found = mean_of("a", [DrawnCurve("1", [0, 1, 2], [1, 2, 3]), DrawnCurve("2", [0, 1], [3, 2])])
    assert (found.x, found.y) == ([0, 1, 2], [2, 2, 3])
    assert found.low == pytest.approx([2 - math.sqrt(2), 2, 3])
    assert found.high == pytest.approx([2 + math.sqrt(2), 2, 3])


def test_axes() -> None:
    assert on_axis([0, 5], [100.5, 110.0], XAxis.STEP) == [0, 5]
    assert on_axis([0, 5], [100.5, 110.0], XAxis.TIME) == [0, 9.5]
    assert on_axis([0, 5], [100.5, 110.0], XAxis.CLOCK) == [100_500, 110_000]


def test_a_run_keeps_its_colour_whoever_is_beside_it() -> None:
    labels = [f"exp-{number}" for number in range(8)]
    assert set(colours(labels)) == set(COLOURS)
    assert colours([labels[3]]) == [colours(labels)[3]]
    assert colours(["exp-3 12 runs"]) == colours(["exp-3"])
    assert dashes(labels) == [DASHES[0]] * 8
    assert dashes(["exp-0", "exp-8", "exp-0"]) == [DASHES[0], DASHES[1], DASHES[0]]


# What people see who lack one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1, in linear RGB.
SEEN_WITHOUT = {
    "nothing": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "L": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "M": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "S": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
# Oklab, Björn Ottosson 2020.
TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


@pytest.mark.parametrize("cone", SEEN_WITHOUT)
def test_the_colours_are_told_apart_by_the_colour_blind(cone: str) -> None:
    seen = []
    for colour in COLOURS:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        light = [min(max(part, 0.0), 1.0) for part in _times(SEEN_WITHOUT[cone], linear)]
        seen.append(_times(TO_LAB, [math.cbrt(part) for part in _times(TO_CONES, light)]))
    assert min(math.dist(a, b) for a, b in combinations(seen, 2)) > 0.07


# -- files --------------------------------------------------------------------------------------------


def test_curves_are_drawn() -> None:
    curve = DrawnCurve("a", [0.0, 1.0], [1.0, 2.0], low=[0.5, 1.5], high=[1.5, 2.5], pale=[1.0, 2.0])
    made = [
        curves_chart("loss", [curve, DrawnCurve("b", [0.0], [3.0])], XAxis.CLOCK, ("y",)),
    ]
    for chart in made:
        drawn = Rendering.formats[".svg"](chart.spec).decode()
        assert drawn.startswith("<svg")
        assert drawn.count("<path") > 3
    assert Rendering.formats[".png"](made[0].spec).startswith(b"\x89PNG")
    assert Rendering.formats[".pdf"](made[0].spec).startswith(b"%PDF")


def test_a_page_runs_nothing_of_a_name() -> None:
    name = "</script><script>alert(1)</script>"
    page = Rendering.page(name, [curves_chart(name, [DrawnCurve(name, [0.0, 1.0], [1.0, 2.0])])]).decode()
    assert "<script>alert" not in page
    assert "default-src 'none'" in page
    assert page.count("<script nonce") == 2


# -- the command --------------------------------------------------------------------------------------


def test_in_the_terminal(trained: Workspace) -> None:
    text = trained.gitexp("plots").stdout
    assert [line for line in text.splitlines() if line in ("loss", "acc", "Logged once")] == [
        "loss",
        "acc",
        "Logged once",
    ]
    assert "slow 0.38674" in text
    assert "test  slow 0.05  quick 0.5  middle 0.2" in text
    chosen = trained.gitexp("plots", "slow", "quick", "--columns", "l*").stdout
    assert "middle" not in chosen
    assert "acc" not in chosen


@pytest.mark.usefixtures("drawing")
def test_files(trained: Workspace, tmp_path: Path) -> None:
    wanted = ("plots", "--columns", "loss,acc", "-o", str(tmp_path / "c.svg"))
    told = trained.gitexp(*wanted).stdout.split()
    assert told == [str(tmp_path / "c-1.svg"), str(tmp_path / "c-2.svg")]
    for file in told:
        assert Path(file).read_text("utf-8").startswith("<svg")
    progress = ("plots", "--kind", "progress", "--columns", "acc", "-o", str(tmp_path / "p.html"))
    trained.gitexp(*progress)
    assert (tmp_path / "p.html").stat().st_size > 500_000


def test_json_is_the_specification(trained: Workspace) -> None:
    (found,) = trained.json("plots", "--columns", "loss", "--smooth", "0.5")
    points: list[dict[str, Any]] = found["spec"]["data"]["values"]
    assert found["title"] == "loss"
    assert {point["label"] for point in points} == {"slow", "middle", "quick"}
    assert all({"x", "y", "pale"} <= {*point} for point in points)
    (many,) = trained.json("plots", "--kind", "scatter", "--columns", "lr,acc")
    assert len(many["spec"]["data"]["values"]) == 3


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--columns", "los"], "No such experiment has a curve of los"),
        (["--kind", "scatter"], "needs two columns"),
        (["--kind", "pareto", "--columns", "acc"], "needs two or three metrics"),
        (["--kind", "pareto", "--columns", "acc,test"], "whether a low or a high test is better"),
        (["--kind", "scatter", "--columns", "lr,nope"], "No such experiment has nope"),
        (["--kind", "progress", "--columns", "test"], "whether a low or a high test is better"),
        (["-o", "x.gif"], "has no ending of a plot"),
        (["--log", "z"], "is no axis"),
        (["--json", "--open"], "--open"),
    ],
)
def test_wrong_use(trained: Workspace, args: list[str], told: str) -> None:
    done = trained.gitexp("plots", *args, check=False)
    assert done.exit_code in (1, 2)
    assert told in done.stderr + done.stdout


def test_no_curves(repo: Workspace) -> None:
    assert "No plots" in repo.gitexp("plots").stderr
    assert json.loads(repo.gitexp("plots", "--json").stdout) == []


def test_every_colour_of_a_curve_is_one_of_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    drawn = [DrawnCurve(f"exp-{at}", [0.0, 1.0], [float(at), at + 1.0]) for at in range(20)]
    text = "\n".join(render.as_text(terminal.curves({"loss": drawn}, 80)))
    for code in (36, 35, 33, 32, 34, 31, 96, 95):
        assert f"\x1b[{code}m" in text
