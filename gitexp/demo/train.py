"""Tells irises apart by softmax regression; plain Python, so that it runs anywhere at once.

Reads params.yaml and iris.csv, writes metrics.json (the end) and logs.csv (every epoch).
"""

import csv
import json
import math
import random
from pathlib import Path

Flower = tuple[list[float], int]  # measurements, number of the species
Weights = list[list[float]]  # one row per species, the bias last


def read_params(path: str) -> dict[str, float]:
    """`section.key` -> number, from the little of YAML that params.yaml needs."""
    params = {}
    section = ""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.split("#")[0].partition(":")
        if value.strip():
            params[section + key.strip()] = float(value)
        elif key.strip():
            section = key.strip() + "."
    return params


def read_flowers(path: str) -> list[Flower]:
    """Every flower, each measurement scaled to mean 0 and deviation 1."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    *measurements, names = zip(*rows, strict=True)
    columns = [scaled(list(map(float, column))) for column in measurements]
    species = sorted(set(names))
    flowers = []
    for name, *values in zip(names, *columns, strict=True):
        flowers.append((values, species.index(name)))
    return flowers


def scaled(column: list[float]) -> list[float]:
    mean = sum(column) / len(column)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in column) / len(column))
    return [(value - mean) / deviation for value in column]


def probabilities(weights: Weights, values: list[float]) -> list[float]:
    scores = []
    for row in weights:
        scores.append(sum(w * x for w, x in zip(row, [*values, 1.0], strict=True)))
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def gradient(weights: Weights, flowers: list[Flower], l2: float) -> Weights:
    total = []
    for row in weights:
        total.append([l2 * w for w in row])
    for values, species in flowers:
        for k, p in enumerate(probabilities(weights, values)):
            error = (p - (k == species)) / len(flowers)
            for i, x in enumerate([*values, 1.0]):
                total[k][i] += error * x
    return total


def evaluate(weights: Weights, flowers: list[Flower]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy."""
    loss, right = 0.0, 0
    for values, species in flowers:
        p = probabilities(weights, values)
        loss -= math.log(max(p[species], 1e-12))
        right += p[species] == max(p)
    return loss / len(flowers), right / len(flowers)


def main() -> None:
    params = read_params("params.yaml")
    epochs = int(params["train.epochs"])
    flowers = read_flowers("iris.csv")
    random.Random(int(params["train.seed"])).shuffle(flowers)
    held_back = round(len(flowers) * params["data.test_share"])
    test, training = flowers[:held_back], flowers[held_back:]

    weights = [[0.0] * 5 for _ in range(3)]
    speed = [[0.0] * 5 for _ in range(3)]
    with Path("logs.csv").open("w", encoding="utf-8", newline="\n") as log:
        log.write("epoch,train_loss,loss,acc\n")
        for epoch in range(1, epochs + 1):
            for k, row in enumerate(gradient(weights, training, params["train.l2"])):
                for i, slope in enumerate(row):
                    speed[k][i] = params["train.momentum"] * speed[k][i] - params["train.lr"] * slope
                    weights[k][i] += speed[k][i]
            train_loss, _ = evaluate(weights, training)
            loss, acc = evaluate(weights, test)
            log.write(f"{epoch},{train_loss:.4f},{loss:.4f},{acc:.4f}\n")
            if epoch % max(1, epochs // 6) == 0:
                print(f"epoch {epoch:3}  loss {loss:.4f}  acc {acc:.3f}", flush=True)

    loss, acc = evaluate(weights, test)
    metrics = {"loss": round(loss, 4), "acc": round(acc, 4)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
