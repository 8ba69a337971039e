"""Softmax regression: what train.py fits and evaluate.py asks."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

Flower = tuple[list[float], str]  # its measurements and a 1 for the bias, its species


def read_flowers(path: str) -> list[Flower]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return [([*map(float, measured), 1.0], species) for *measured, species in rows]


@dataclass
class Model:
    """One row of weights for each species."""

    species: list[str]
    weights: list[list[float]]

    def probabilities(self, values: list[float]) -> list[float]:
        scores = [sum(w * x for w, x in zip(row, values, strict=True)) for row in self.weights]
        powers = [math.exp(score - max(scores)) for score in scores]
        return [power / sum(powers) for power in powers]

    def loss(self, flowers: list[Flower]) -> float:
        """Mean cross-entropy."""
        of_the_right_one = (self.probabilities(x)[self.species.index(name)] for x, name in flowers)
        return -sum(math.log(max(p, 1e-12)) for p in of_the_right_one) / len(flowers)

    def gradient(self, flowers: list[Flower]) -> list[list[float]]:
        slopes = [[0.0] * len(row) for row in self.weights]
        for values, name in flowers:
            for slope, p, species in zip(slopes, self.probabilities(values), self.species, strict=True):
                for at, x in enumerate(values):
                    slope[at] += (p - (species == name)) * x / len(flowers)
        return slopes

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(vars(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str) -> "Model":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
