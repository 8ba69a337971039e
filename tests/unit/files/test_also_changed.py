"""The keys that change because others are set, by aliases and merge keys of YAML."""

from __future__ import annotations

import pytest

from gitexp.files import apply_overrides, parse_override, parse_params
from gitexp.files.also_changed import also_changed

MAPS = "train: &d\n  lr: 0.1\n  momentum: {beta: 0.9}\neval: *d\n"
MERGED = "base: &b {lr: 1}\nbig: {<<: *b, n: 2}\nsmall: {<<: *b, lr: 3}\n"
LISTS = "widths: &w [1, 2]\nboth: [*w, 3]\n"
SCALARS = "a: &x 1\nb: *x\n"


@pytest.mark.parametrize(
    ("text", "overrides", "keys"),
    [
        (MAPS, ["train.lr=0.7"], ["eval.lr"]),
        (MAPS, ["train.momentum={beta: 1}"], ["eval.momentum.beta"]),
        (MAPS, ["~train.lr"], ["eval.lr"]),
        (MAPS, ["+train.new=1"], ["eval.new"]),
        (MAPS, ["eval.lr=0.7"], []),
        (MAPS, ["train.lr=0.7", "eval.lr=0.1"], []),
        (MAPS, ["eval.lr=0.1", "train.lr=0.7"], []),
        (MERGED, ["base.lr=5"], ["big.lr"]),
        (MERGED, ["big.lr=5"], []),
        (LISTS, ["widths[0]=5"], ["both[0][0]"]),
        (LISTS, ["widths.0=5"], ["both[0][0]"]),
        (LISTS, ["both[1]=5"], []),
        (SCALARS, ["a=2"], ["b"]),
    ],
)
def test_other_keys_that_change(text: str, overrides: list[str], keys: list[str]) -> None:
    before, meant = text.encode(), [parse_override(override) for override in overrides]
    after = apply_overrides({"a.yaml": before}, meant)["a.yaml"]
    assert also_changed("a.yaml", before, after, [override.key for override in meant]) == keys


@pytest.mark.parametrize("overrides", [["eval.lr=0.1", "train.lr=0.7"], ["train.lr=0.7", "eval.lr=0.1"]])
def test_each_override_counts_whatever_stands_after_it(overrides: list[str]) -> None:
    after = apply_overrides({"a.yaml": MAPS.encode()}, [*map(parse_override, overrides)])["a.yaml"]
    tree = parse_params("a.yaml", after).tree
    assert (tree["train"]["lr"], tree["eval"]["lr"]) == (0.7, 0.1)
