"""Asks model.json about prepared/test.csv. Writes metrics.json and confusion.csv (who was taken for whom)."""

import json
from collections import Counter
from pathlib import Path

from softmax import Model, read_flowers


def main() -> None:
    model, flowers = Model.read("model.json"), read_flowers("prepared/test.csv")
    guesses: Counter[tuple[str, str]] = Counter()
    for values, species in flowers:
        chances = model.probabilities(values)
        guesses[species, model.species[chances.index(max(chances))]] += 1

    right = sum(guesses[name, name] for name in model.species)
    metrics = {
        "loss": round(model.loss(flowers), 4),
        "acc": round(right / len(flowers), 4),
        "f1": round(sum(f1(guesses, name) for name in model.species) / len(model.species), 4),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    with Path("confusion.csv").open("w", encoding="utf-8", newline="\n") as file:
        file.write("actual,predicted,count\n")
        file.writelines(f"{a},{b},{guesses[a, b]}\n" for a in model.species for b in model.species)
    print(f"{right} of {len(flowers)} flowers recognized")


def f1(guesses: Counter[tuple[str, str]], name: str) -> float:
    taken_for_it = sum(count for (_, guess), count in guesses.items() if guess == name)
    it_was = sum(count for (actual, _), count in guesses.items() if actual == name)
    return 2 * guesses[name, name] / (taken_for_it + it_was) if taken_for_it + it_was else 0.0


if __name__ == "__main__":
    main()
