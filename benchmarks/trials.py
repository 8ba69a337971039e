"""The made-up research that every measured tool stores: the same names, parameters and metrics for each."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BASELINES = 5
START = 1_767_225_600  # 2026-01-01T00:00:00Z
STEP = 90  # seconds from one experiment to the next

TRAIN = '''\
"""Stands for a training: reads one parameter, writes three metrics, and is done."""

import json

with open("params.yaml") as file:
    lr = next(float(line.split(":")[1]) for line in file if line.startswith("  lr:"))
with open("metrics.json", "w") as file:
    json.dump({"accuracy": 1 - lr, "loss": lr, "val": {"f1": 1 - 2 * lr}}, file, indent=2)
'''

ENVIRONMENT = "".join(
    f"package-{number:02}=={number % 5}.{number % 11}.{number % 7}\n" for number in range(40)
)


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment's values; `baseline` counts from 0 to HEAD's, the newest; `created` is Unix time."""

    name: str
    baseline: int
    created: int
    duration: float
    params: dict[str, Any]
    metrics: dict[str, Any]
    log: str


def trials(count: int) -> Iterator[Trial]:
    """The first `count` trials, always the same ones; nine in ten stand on HEAD's baseline."""
    taken: set[str] = set()
    for number in range(count):
        chance = random.Random(number)
        digits = hashlib.sha256(b"trial %d" % number).hexdigest()
        length = next(n for n in range(5, 64) if digits[:n] not in taken)
        taken.add(digits[:length])
        lr = round(10 ** (-4 + 3 * chance.random()), 6)
        loss = 0.05 + chance.random()
        yield Trial(
            name=f"exp-{digits[:length]}",
            baseline=number % (BASELINES - 1) if number % 10 == 9 else BASELINES - 1,
            created=START + (BASELINES + number) * STEP,
            duration=round(20 + 60 * chance.random(), 3),
            params=params(
                lr, seed=number, width=32 << int(chance.random() * 4), dropout=int(chance.random() * 5) / 10
            ),
            metrics={
                "accuracy": round(1 / (1 + loss), 6),
                "loss": round(loss, 6),
                "val": {"f1": round(0.97 / (1 + loss), 6)},
            },
            log="".join(
                f"epoch {epoch:>2}/20  loss {loss * 20 / epoch:.6f}  lr {lr:.6f}  {chance.random():.2f} s\n"
                for epoch in range(1, 21)
            ),
        )


def params(lr: float, *, seed: int = 0, width: int = 64, dropout: float = 0.1) -> dict[str, Any]:
    """Ten parameters in three groups, the size that published training scripts have."""
    return {
        "data": {"split": 0.2, "augment": True},
        "model": {"name": "resnet", "layers": 4, "width": width, "dropout": dropout},
        "train": {"lr": lr, "batch_size": 128, "epochs": 20},
        "seed": seed,
    }


def params_yaml(values: dict[str, Any]) -> str:
    """`values` as people write YAML; one level of groups is all there is."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {name}: {json.dumps(item)}" for name, item in value.items()]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def metrics_json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2) + "\n"


def series(trial: Trial, points: int) -> bytes:
    """What a training of so many steps has logged, as gitexp's log writes it."""
    chance = random.Random(trial.name)
    lines = []
    for step in range(points):
        loss = trial.metrics["loss"] * (1 + 10 / (1 + step)) + 0.01 * chance.random()
        time = trial.created + step / 10
        lines.append(f'{{"_step":{step},"_time":{time:.3f},"loss":{loss!r},"accuracy":{1 / (1 + loss)!r}}}\n')
    return "".join(lines).encode()
