"""Splits data/iris.csv into prepared/train.csv and prepared/test.csv, each measurement scaled.

The scale is that of the flowers to learn from: nothing of the others may leak into the training.
"""

import argparse
import csv
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

Row = list[str]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--test_share", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()

    with Path("data/iris.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    random.Random(options.seed).shuffle(rows)
    held_back = round(len(rows) * options.test_share)
    test, train = rows[:held_back], rows[held_back:]

    columns = [[float(row[at]) for row in train] for at in range(len(header) - 1)]
    scales = [(statistics.fmean(column), statistics.pstdev(column)) for column in columns]
    Path("prepared").mkdir(exist_ok=True)
    for name, part in (("train", train), ("test", test)):
        write(Path("prepared", f"{name}.csv"), header, [scaled(row, scales) for row in part])
        print(f"{len(part)} flowers in prepared/{name}.csv")


def scaled(row: Row, scales: Sequence[tuple[float, float]]) -> Row:
    *measured, species = row
    values = [(float(x) - mean) / deviation for x, (mean, deviation) in zip(measured, scales, strict=True)]
    return [*(f"{value:.6f}" for value in values), species]


def write(path: Path, header: Row, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main()
