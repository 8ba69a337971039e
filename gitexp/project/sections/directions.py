"""Which is better of a metric, a high or a low number: as gitexp.yaml says, or as its name says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from gitexp.regex import regex

MIN, MAX = "min", "max"

_SEPARATORS = regex(r"[^a-z0-9]+")
_CAPITAL = regex(r"(?<=[a-z0-9])(?=[A-Z])")
# Words in the names of metrics. A word that stands for both kinds of metrics (score, ratio) is in neither.
_LOW = frozenset(
    [
        "loss",
        "losses",
        "error",
        "errors",
        "err",
        "cost",
        "mse",
        "rmse",
        "mae",
        "mape",
        "smape",
        "rmsle",
        "nll",
        "ppl",
        "perplexity",
        "wer",
        "cer",
        "fid",
        "brier",
        "regret",
        "bpb",
        "bpc",
        "crossentropy",
        "logloss",
    ]
)
_HIGH = frozenset(
    [
        "acc",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auc",
        "auroc",
        "auprc",
        "roc",
        "iou",
        "miou",
        "bleu",
        "rouge",
        "r2",
        "psnr",
        "ssim",
        "ndcg",
        "mrr",
        "dice",
        "reward",
    ]
)


def direction(metric: str, configured: Mapping[str, str]) -> str | None:
    """`MIN` or `MAX` for a metric; None if nobody has said. The config counts before the name."""
    return of_config(metric, configured) or _by_name(metric)


def of_config(metric: str, configured: Mapping[str, str]) -> str | None:
    """What a map of the config says of a metric, by its name or a pattern; None for nothing.

    A whole name counts before a pattern, and a pattern before the last part of a name: `loss: min` holds for
    `val.loss` too.
    """
    if metric in configured:
        return configured[metric]
    for pattern, found in configured.items():
        if fnmatchcase(metric, pattern):
            return found
    return configured.get(re.split(r"[.:/]", metric)[-1])


def _by_name(metric: str) -> str | None:
    words = set(_SEPARATORS.split(_CAPITAL.sub(" ", metric).lower()))
    low, high = bool(words & _LOW), bool(words & _HIGH)
    if low == high:  # neither, or both, as in accuracy_error
        return None
    return MIN if low else MAX
