"""Fits a softmax regression to prepared/train.csv: writes model.json, and logs.csv with every epoch."""

import argparse
from pathlib import Path

from softmax import Model, read_flowers


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("lr", "momentum", "l2"):
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    options = parser.parse_args()

    flowers = read_flowers("prepared/train.csv")
    species = sorted({name for _, name in flowers})
    model = Model(species, [[0.0] * len(flowers[0][0]) for _ in species])
    speed = [[0.0] * len(row) for row in model.weights]
    with Path("logs.csv").open("w", encoding="utf-8", newline="\n") as log:
        log.write("epoch,train_loss\n")
        for epoch in range(1, options.epochs + 1):
            slopes = model.gradient(flowers)
            for row, fast, slope in zip(model.weights, speed, slopes, strict=True):
                for at, weight in enumerate(row):
                    fast[at] = options.momentum * fast[at] - options.lr * (slope[at] + options.l2 * weight)
                    row[at] += fast[at]
            log.write(f"{epoch},{model.loss(flowers):.4f}\n")
            if epoch % max(1, options.epochs // 4) == 0:
                print(f"epoch {epoch:3}  train_loss {model.loss(flowers):.4f}", flush=True)
    model.write("model.json")


if __name__ == "__main__":
    main()
