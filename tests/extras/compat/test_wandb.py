"""A script that was written for wandb runs by its changed import."""

from __future__ import annotations

import csv
import io

import pytest

from gitexp.compat import wandb
from tests.extras.tracking.test_runs import only, script, series
from tests.support.workspace import Workspace

TRAIN = """
import argparse
import os

import numpy as np

import gitexp.compat.wandb as wandb

args = argparse.Namespace(lr=0.1, layers=[1, 2])
run = wandb.init(
    project="digits", name="my run #1", config=args, tags=["base"], notes="a note", group="sweep 1",
    settings=wandb.Settings(silent=True), entity="team",
)
assert wandb.run is run and run.name == run.id == "my-run-1", run.name
config = wandb.config
config.update({"batch": 32}, allow_val_change=True)
config.seed = 7
config["opt"] = {"name": "sgd"}
assert (config.lr, config["batch"], config.get("nothing", 5)) == (0.1, 32, 5)
wandb.define_metric("acc/*", summary="max", step_metric="epoch")
wandb.watch("the model", log="all")
for epoch in range(3):
    wandb.log({"epoch": epoch, "train": {"loss": 1 / (epoch + 1)}}, commit=False)
    wandb.log({"acc/val": [0.5, 0.9, 0.7][epoch], "best_layer": "conv"})
run.log({"late": 1}, step=10)
run.log({"later": 1}, step=10)
run.log({"next": 1})
wandb.log({"images": [wandb.Image(np.zeros((2, 2)), caption="black"), wandb.Image(np.ones((2, 2)))]})
table = wandb.Table(columns=["n", "image"])
table.add_data(1, wandb.Image(np.zeros((2, 2))))
table.add_column("double", [2])
wandb.log({
    "table": table, "weights": np.arange(10.0), "sound": wandb.Audio([0.0, 1.0], sample_rate=8000),
    "page": wandb.Html("<p>"), "histogram": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2])),
    "matrix": wandb.plot.confusion_matrix(y_true=[0, 1], preds=[0, 0], class_names=["cat", "dog"]),
    "lines": wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["a", "b"]), "none": None,
})
open(os.path.join(run.dir, "model.txt"), "w").write("weights")
os.makedirs("made", exist_ok=True)
open("made/late.txt", "w").write("first")
wandb.save("made/*.txt")
open("made/late.txt", "w").write("last")
artifact = wandb.Artifact("data", type="dataset")
artifact.add_file("made/late.txt", "inside.txt")
run.log_artifact(artifact).wait()
wandb.summary["best"] = 0.9
run.summary.update({"other": 1})
wandb.alert("done", "all is well", level=wandb.AlertLevel.INFO)
ENDING
"""


@pytest.mark.parametrize("ending", ["wandb.finish()", ""])
def test_an_ordinary_script(repo: Workspace, ending: str) -> None:
    repo.writes("made/late.txt")
    script(repo, TRAIN.replace("ENDING", ending))
    experiment = only(repo)
    record = experiment.record
    assert (record.name, record.status, record.note) == ("my-run-1", "done", "a note")
    assert record.tags == ("base", "group:sweep 1")
    assert record.params[".gitexp/run/params.json"] == {
        "lr": 0.1,
        "layers": [1, 2],
        "batch": 32,
        "seed": 7,
        "opt": {"name": "sgd"},
    }
    metrics = record.metrics[".gitexp/run/summary.json"]
    assert metrics["acc/val"] == 0.9
    assert metrics["train"] == {"loss": 1 / 3}
    assert (metrics["best_layer"], metrics["best"], metrics["other"]) == ("conv", 0.9, 1)
    steps = {}
    for point in series(repo, experiment):
        for name in point:
            steps.setdefault(name, []).append(point["_step"])
    assert steps["train.loss"] == steps["acc/val"] == [0, 1, 2]
    assert (steps["late"], steps["later"], steps["next"]) == ([10], [10], [10])
    names = [each["name"] for each in repo.json("artifacts", "my-run-1")["artifacts"]]
    assert names == [
        "audio/sound/12.wav",
        "confusion/matrix/12.json",
        "data/inside.txt",
        "figures/images/0/11.png",
        "figures/images/1/11.png",
        "figures/table/image/0/12.png",
        "files/model.txt",
        "late.txt",
        "tables/histogram.histogram/12.csv",
        "tables/lines/12.csv",
        "tables/table/12.csv",
        "tables/weights.histogram/12.csv",
        "texts/images/0.caption/11.txt",
        "texts/model.txt",
        "texts/page/12.html",
    ]
    at = f"{experiment.id}:.gitexp/run/artifacts/"
    assert repo.git("cat-file", "blob", f"{at}late.txt") == "last"
    table = repo.git("cat-file", "blob", f"{at}tables/table/12.csv")
    assert [*csv.reader(io.StringIO(table))] == [["n", "image", "double"], ["1", "table/image/0", "2"]]


def test_runs_one_after_the_other(repo: Workspace) -> None:
    script(
        repo,
        "import gitexp.compat.wandb as wandb\n"
        "assert wandb.run is None\n"
        "one = wandb.init(name='one')\n"
        "assert wandb.init() is one\n"
        "two = wandb.init(name='two', reinit=True)\n"
        "wandb.log({'a': 1})\n"
        "with wandb.init(name='three', reinit='create_new') as three:\n    three.log({'a': 2})\n"
        "wandb.finish()\nwandb.finish()\nwandb.finish()\n"
        "assert wandb.run is None\n"
        "off = wandb.init(mode='disabled', config={'a': 1})\n"
        "wandb.log({'a': 1})\noff.config.b = 2\nopen(off.dir + '/x', 'w').close()\nassert off.disabled\n",
    )
    found = repo.json("list")
    assert {(one["name"], one["status"]) for one in found} == {
        ("one", "done"),
        ("two", "done"),
        ("three", "done"),
    }


def test_what_is_not_there_says_what_to_use() -> None:
    with pytest.raises(wandb.Error, match=r"call wandb.init\(\) before wandb.log"):
        wandb.log({"a": 1})
    with pytest.raises(AttributeError, match="gitexp sweep run"):
        _ = wandb.sweep
    with pytest.raises(AttributeError, match=r"gitexp\.experiments"):
        _ = wandb.Api
    with pytest.raises(AttributeError, match="from-wandb"):
        _ = wandb.nonsense
    with pytest.raises(AttributeError, match="log the figure"):
        _ = wandb.plot.roc_curve
    with pytest.raises(wandb.Error, match="--from"):
        wandb.init(resume="must")
    assert not hasattr(wandb, "__path_of_nothing__")


def test_a_step_that_is_past_is_what_it_says(repo: Workspace) -> None:
    text = "import gitexp.compat.wandb as wandb\nrun = wandb.init()\n"
    text += "for step in (5, 2, None):\n    run.log({'loss': 1}, step=step)\n"
    script(
        repo,
        text + "try:\n    run.log({'loss': 1}, step=7.5)\nexcept TypeError as error:\n    print(error)\n",
    )
    assert [point["_step"] for point in series(repo, only(repo))] == [5, 2, 5]
