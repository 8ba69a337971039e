"""Tells irises apart by a small neural network in plain Python: what loop.py edits, round by round.

Reads iris.csv and prints `val_loss:` and `val_acc:` at the end, measured on flowers it has not learnt from.
"""

import csv
import math
import random
from pathlib import Path

SEED = 1
EPOCHS = 8
HIDDEN = 4
LEARNING_RATE = 0.02
MOMENTUM = 0.5
WEIGHT_DECAY = 0.01


def scaled(column: list[float]) -> list[float]:
    return [x - sum(column) / len(column) for x in column]


def features(flower: list[float]) -> list[float]:
    return [*flower, 1.0]


def activation(x: float) -> tuple[float, float]:
    """The value and the slope there."""
    return (x, 1.0) if x > 0 else (0.0, 0.0)


def learning_rate(epoch: int) -> float:
    return LEARNING_RATE


def read_flowers() -> list[tuple[list[float], int]]:
    """Features and number of the species of every flower, in random order."""
    rows = list(csv.reader(Path("iris.csv").read_text(encoding="utf-8").splitlines()))[1:]
    species = sorted({row[-1] for row in rows})
    columns = [scaled([float(row[i]) for row in rows]) for i in range(4)]
    flowers = [
        (features(list(values)), species.index(row[-1]))
        for values, row in zip(zip(*columns, strict=True), rows, strict=True)
    ]
    random.Random(SEED).shuffle(flowers)
    return flowers


class Network:
    """One hidden layer, softmax on top; learns by stochastic gradient descent, a flower at a time."""

    def __init__(self, inputs: int, outputs: int) -> None:
        draw = random.Random(SEED)
        self.layers = [
            [[draw.gauss(0, 1 / math.sqrt(n)) for _ in range(n)] for _ in range(m)]
            for n, m in ((inputs, HIDDEN), (HIDDEN, outputs))
        ]
        self.steps = [[[0.0] * len(row) for row in layer] for layer in self.layers]

    def hidden(self, values: list[float]) -> list[tuple[float, float]]:
        return [activation(sum(w * x for w, x in zip(row, values, strict=True))) for row in self.layers[0]]

    def probabilities(self, hidden: list[float]) -> list[float]:
        scores = [sum(w * x for w, x in zip(row, hidden, strict=True)) for row in self.layers[1]]
        powers = [math.exp(score - max(scores)) for score in scores]
        return [power / sum(powers) for power in powers]

    def learn(self, values: list[float], species: int, rate: float) -> None:
        hidden = self.hidden(values)
        errors = [p - (k == species) for k, p in enumerate(self.probabilities([h for h, _ in hidden]))]
        below = [
            slope * sum(error * row[i] for error, row in zip(errors, self.layers[1], strict=True))
            for i, (_, slope) in enumerate(hidden)
        ]
        self.step(1, errors, [h for h, _ in hidden], rate)
        self.step(0, below, values, rate)

    def step(self, layer: int, errors: list[float], values: list[float], rate: float) -> None:
        for row, last, error in zip(self.layers[layer], self.steps[layer], errors, strict=True):
            for i, x in enumerate(values):
                last[i] = MOMENTUM * last[i] - rate * (error * x + WEIGHT_DECAY * row[i])
                row[i] += last[i]


def main() -> None:
    flowers = read_flowers()
    held_back, training = flowers[:60], flowers[60:]
    network = Network(len(training[0][0]), 3)
    for epoch in range(EPOCHS):
        for values, species in training:
            network.learn(values, species, learning_rate(epoch))

    predicted = [
        (network.probabilities([h for h, _ in network.hidden(values)]), species)
        for values, species in held_back
    ]
    loss = -sum(math.log(max(p[species], 1e-12)) for p, species in predicted) / len(predicted)
    accuracy = sum(max(p) == p[species] for p, species in predicted) / len(predicted)
    print(f"val_loss: {loss:.4f}")
    print(f"val_acc: {accuracy:.4f}")


if __name__ == "__main__":
    main()
