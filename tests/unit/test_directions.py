"""Which is better of a metric: as the config says, or its name."""

from __future__ import annotations

import pytest

from gitexp.project.sections.directions import direction


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("loss", "min"),
        ("val.loss", "min"),
        ("val_loss", "min"),
        ("test/RMSE", "min"),
        ("valLoss", "min"),
        ("log-loss", "min"),
        ("metrics.json:loss", "min"),
        ("acc", "max"),
        ("val.accuracy", "max"),
        ("eval/f1", "max"),
        ("ROC_AUC", "max"),
        ("epoch", None),
        ("glossary", None),
        ("accuracy_error", None),
        ("score", None),
        ("images_per_second", None),
    ],
)
def test_a_name_says_which_is_better_or_nothing(metric: str, expected: str | None) -> None:
    assert direction(metric, {}) == expected


def test_the_config_comes_before_the_name() -> None:
    configured = {"loss": "max", "eval.*": "min", "eval.acc": "max", "score": "min"}
    assert direction("loss", configured) == "max"
    assert direction("val.loss", configured) == "max"
    assert direction("eval.acc", configured) == "max"
    assert direction("eval.f1", configured) == "min"
    assert direction("deep.er/score", configured) == "min"
