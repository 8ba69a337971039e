"""Colours of runs: told apart by the colour-blind, and the same for a run wherever it is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

# Okabe and Ito, "Color Universal Design" (2008), without black and with a darker yellow.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#a6761d", "#7570b3")


def colours(labels: Sequence[str]) -> list[str]:
    """The colour of each label: chosen by the label alone, and the next free one where two would be alike."""
    chosen: dict[str, str] = {}
    taken: set[int] = set()
    for label in sorted(set(labels)):
        at = hashlib.sha256(label.encode("utf-8", "surrogatepass")).digest()[0] % len(COLOURS)
        if len(taken) < len(COLOURS):
            while at in taken:
                at = (at + 1) % len(COLOURS)
        taken.add(at)
        chosen[label] = COLOURS[at]
    return [chosen[label] for label in labels]
