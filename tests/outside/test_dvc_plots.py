"""The points of plots are those of `dvc plots`, of a commit and of an experiment of DVC's."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.dvc import DvcRepository, skip_without_dvc
from tests.support.plots_project import FILES, POINTS
from tests.support.workspace import Workspace

# The columns of x and y of each plot, as DVC's data has them.
AXES = {
    "ROC": ("fpr", "tpr"),
    "losses": ("epoch", "dvc_inferred_y_value"),
    "two-files": ("dvc_inferred_x_value", "dvc_inferred_y_value"),
    "eval/curves.csv": ("epoch", "acc"),
    "eval/points.tsv": ("u", "v.w"),
    "jitter": ("actual", "predicted"),
    "dvclive/plots/metrics/train/loss.tsv": ("step", "loss"),
    "dvclive/plots/sklearn/calibration.json": ("prob_pred", "prob_true"),
    "eval/cm.json": ("actual", "predicted"),
    "eval/prc.json": ("recall", "precision"),
    "eval/classes.csv": ("actual", "predicted"),
    "eval/importance.csv": ("importance", "name"),
}


def _value(cell: Any) -> Any:
    try:
        return round(float(cell), 9)
    except ValueError:
        return cell


def _of_dvc(plot: dict[str, Any], axes: tuple[str, str]) -> Counter[Any]:
    content = plot["content"] if isinstance(plot["content"], dict) else json.loads(plot["content"])
    rows = content["data"]["values"]
    return Counter((row["rev"], _value(row[axes[0]]), _value(row[axes[1]])) for row in rows)


def _of_ours(spec: dict[str, Any], axes: tuple[str, str]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in spec["data"]["values"]:
        label = row.get("label", row.get("rev")).split("  ")[0]
        x, y = row.get("x", row.get(axes[0])), row.get("y", row.get(axes[1]))
        if "raw" in row:  # smoothed
            y = row["raw"]
        found[label, _value(x), _value(y)] += row.get("count", 1)
    return +found


def test_the_points_are_those_of_dvc(tmp_path: Path) -> None:
    skip_without_dvc()
    made = DvcRepository(tmp_path)
    made.path.mkdir()
    made.home.mkdir()
    made.git("init", "--quiet", "-b", "main")
    made.dvc("init", "--quiet")
    for name, text in FILES.items():
        (made.path / name).parent.mkdir(parents=True, exist_ok=True)
        (made.path / name).write_text(text)
    made.commit("a pipeline")
    made.dvc("repro", "--quiet")
    made.commit("its results")
    made.dvc("exp", "run", "--quiet", "-n", "warm", "-S", "lr=0.6")
    made.git("checkout", "--quiet", "--force", "HEAD")
    theirs = json.loads(made.dvc("plots", "diff", "HEAD", "warm", "--json"))["data"]
    repo = Workspace(made.path)
    ours = {each["name"]: each for each in repo.json("plots", "HEAD", "warm", "--kind", "files")}
    assert POINTS.keys() == AXES.keys()
    for name, axes in AXES.items():
        assert _of_ours(ours[name]["spec"], axes) == _of_dvc(theirs[name][0], axes), name
    images = {name for name, plots in theirs.items() if plots[0]["type"] == "image"}
    files = {one["file"] for each in ours.values() for one in each.get("images", ())}
    assert images == files
