"""Colours and strokes of runs: told apart by the colour-blind, and the same wherever a run is drawn."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from gitexp.regex import regex

# The first six: Okabe and Ito, "Color Universal Design" (2008), without black and yellow. All eight are seen
# on white and on dark paper, and differ by at least 0.07 (Oklab) for people with each kind of
# colour-blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#914c3d", "#8d1afb")
DASHES: Sequence[Sequence[int]] = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))  # drawn and left out, in pixels
# Numbers from low to high: viridis without its ends, which dark or white paper does not show.
SHADES: Mapping[str, object] = {"scheme": "viridis", "extent": [0.15, 0.95]}  # as the range of a Vega scale
SCHEME: Mapping[str, object] = {"scheme": {"name": "viridis", "extent": [0.15, 0.95]}}  # of Vega-Lite's
FAINT = "#888888"  # what stands back, on white and on dark paper

_COUNT = regex(r" \d+ runs$")  # of a group of replicates, which has the colour of its name
_NUMBER = regex(r"(.*?)(\d{0,9})$", re.DOTALL)


def colours(labels: Sequence[str]) -> list[str]:
    """The colour of each label, chosen by the label alone: other runs do not matter.

    Labels with consecutive numbers at the end, like the trials of a sweep, have neighbouring colours.
    """
    return [COLOURS[_place(label)] for label in labels]


def dashes(labels: Sequence[str]) -> list[Sequence[int]]:
    """The stroke of each label. Runs of the same colour have different strokes."""
    met: dict[int, list[str]] = {}
    found = []
    for label in labels:
        of_colour = met.setdefault(_place(label), [])
        if label not in of_colour:
            of_colour.append(label)
        found.append(DASHES[of_colour.index(label) % len(DASHES)])
    return found


def _place(label: str) -> int:
    """The place of a label's colour in the palette."""
    match = _NUMBER.match(_COUNT.sub("", label))
    assert match is not None  # every text fits
    start = hashlib.sha256(match[1].encode("utf-8", "surrogatepass")).digest()[0]
    return (start + int(match[2] or 0)) % len(COLOURS)
