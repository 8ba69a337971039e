"""A project whose dvc.yaml has plots of every kind: the script writes them, with no package."""

from __future__ import annotations

_TRAIN = """
import csv, json, math, os, random, struct, zlib

values = dict(line.split(":") for line in open("params.yaml") if ":" in line)
lr, rng = float(values["lr"]), random.Random(7)
for folder in ("eval/images/sample", "dvclive/plots/metrics/train", "dvclive/plots/sklearn"):
    os.makedirs(folder, exist_ok=True)

def table(path, titles, rows, delimiter=","):
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\\n").writerows([titles, *rows])

table("eval/curves.csv", ["epoch", "train_loss", "val_loss", "acc"],
      [[e, math.exp(-lr * e), math.exp(-lr * e / 2), 1 - math.exp(-lr * e)] for e in range(12)])
places = [step / 20 for step in range(21)]
json.dump({"train": {"roc": [{"fpr": x, "tpr": x ** lr, "threshold": 1 - x} for x in places]}},
          open("eval/roc.json", "w"))
json.dump({"prc": [{"precision": 1 - lr * x, "recall": x} for x in places]}, open("eval/prc.json", "w"))
names = ["cat", "dog", "owl"]
pairs = []
for _ in range(60):
    actual = rng.choice(names)
    pairs.append([actual, actual if rng.random() > lr else rng.choice(names)])
json.dump([dict(zip(("actual", "predicted"), pair)) for pair in pairs], open("eval/cm.json", "w"))
table("eval/classes.csv", ["actual", "predicted"], pairs)
table("eval/importance.csv", ["name", "importance"], [[n, rng.random()] for n in ("age", "fare", "class")])
table("eval/points.tsv", ["u", "v.w", "group"],
      [[rng.random(), lr * u, "ab"[u % 2]] for u in range(30)], "\\t")
table("dvclive/plots/metrics/train/loss.tsv", ["step", "loss"],
      [[s, math.exp(-lr * s)] for s in range(9)], "\\t")
json.dump({"calibration": [{"prob_true": x ** 2, "prob_pred": x} for x in places]},
          open("dvclive/plots/sklearn/calibration.json", "w"))

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def image(path, shade):
    rows = b"".join(b"\\0" + bytes([x * 8, int(shade) % 256, y * 8][c] for x in range(32) for c in range(3))
                    for y in range(32))
    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
                   + chunk(b"IEND", b""))

image("eval/images/map.png", 250 * lr)
for step in range(3):
    image(f"eval/images/sample/{step}.png", 60 * step + 100 * lr)
json.dump({"auc": 1 - lr}, open("metrics.json", "w"))
"""

_MINE = """
{"$schema": "https://vega.github.io/schema/vega-lite/v5.json",
 "title": "<DVC_METRIC_TITLE>", "data": {"values": "<DVC_METRIC_DATA>"},
 "transform": [{"calculate": "datum['<DVC_METRIC_X>'] * 2", "as": "twice"}],
 "mark": {"type": "area", "opacity": 0.4}, "width": "<DVC_METRIC_PLOT_WIDTH>", "height": 200,
 "encoding": {"x": {"field": "twice", "type": "quantitative"},
              "y": {"field": "<DVC_METRIC_Y>", "type": "quantitative", "title": "<DVC_METRIC_Y_LABEL>"},
              "color": "<DVC_METRIC_COLOR>", "tooltip": "<DVC_METRIC_TOOLTIP>"}}
"""

_DVC = """
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    metrics: [metrics.json: {cache: false}]
    plots:
    - eval/cm.json: {template: confusion, x: actual, y: predicted, title: Confusion}
    - eval/prc.json: {x: recall, y: precision, cache: false}
    - eval/classes.csv: {template: confusion_normalized, x: actual, y: predicted, cache: false}
    - eval/images
    - eval/importance.csv: {template: bar_horizontal_sorted, x: importance, y: name, cache: false}
    outs:
    - eval/curves.csv: {cache: false}
    - eval/roc.json: {cache: false}
    - eval/points.tsv
    - dvclive: {cache: false}
plots:
- ROC:
    x: {eval/roc.json: fpr}
    y: {eval/roc.json: tpr}
    title: Receiver operating characteristic
- losses:
    template: simple
    x: epoch
    y: {eval/curves.csv: [train_loss, val_loss]}
    y_label: loss
- two-files:
    template: smooth
    x: {eval/curves.csv: epoch, eval/roc.json: fpr}
    y: {eval/curves.csv: val_loss, eval/roc.json: tpr}
- eval/curves.csv: {x: epoch, y: acc, template: mine, title: Mine}
- eval/points.tsv: {x: u, y: v.w, template: scatter}
- jitter: {template: scatter_jitter, x: actual, y: {eval/classes.csv: predicted}}
- dvclive/plots/metrics: {x: step}
- dvclive/plots/sklearn/calibration.json: {x: prob_pred, y: prob_true}
"""

FILES = {
    "params.yaml": "lr: 0.3\n",
    "train.py": _TRAIN,
    "dvc.yaml": _DVC,
    ".dvc/plots/mine.json": _MINE,
}
WRITTEN = (
    "eval/*",
    "eval/*/*",
    "eval/*/*/*",
    "dvclive/*",
    "dvclive/*/*/*",
    "dvclive/*/*/*/*",
    "metrics.json",
)

# The number of points that each plot has for one experiment.
POINTS = {
    "ROC": 21,
    "losses": 24,
    "two-files": 33,
    "eval/curves.csv": 12,
    "eval/points.tsv": 30,
    "jitter": 60,
    "dvclive/plots/metrics/train/loss.tsv": 9,
    "dvclive/plots/sklearn/calibration.json": 21,
    "eval/cm.json": 9,
    "eval/prc.json": 21,
    "eval/classes.csv": 9,
    "eval/importance.csv": 3,
}
