"""What can be said against the rules before a run: it is said before the run."""

from __future__ import annotations

import importlib.util

from gitexp.project.config import Config
from gitexp.project.sections.alert_rules import SYSTEM, AlertRule, StuckRule, ValueRule
from gitexp.project.sections.directions import direction


def check(config: Config, interval: float) -> None:
    """Raise ConfigError for a rule that cannot be looked at, or done, here.

    `interval`: seconds between two looks at the machine, 0 for none.
    """
    for rule in config.alerts:
        condition = rule.condition
        if isinstance(condition, ValueRule) and condition.metric.startswith(SYSTEM):
            _require_system(rule, interval)
        if isinstance(condition, StuckRule):
            metric_of(rule, condition, config)
        for action in rule.actions:
            if action.unset:
                raise rule.refusal(
                    f"takes its webhook from ${action.unset}, which is not set.",
                    f"export {action.unset}=https://…",
                )


def _require_system(rule: AlertRule, interval: float) -> None:
    if importlib.util.find_spec("psutil") is None:
        raise rule.refusal(
            "is about the machine, which nobody looks at here.", "pip install 'gitexp[system]'"
        )
    if not interval:
        raise rule.refusal(
            "is about the machine, which system_interval says not to look at.", "system_interval: 10 s"
        )


def metric_of(rule: AlertRule, condition: StuckRule, config: Config) -> tuple[str, str]:
    """The metric of a rule about improvement, and its direction. Raises ConfigError without either."""
    metric = condition.metric
    if not metric:
        if len(config.directions) != 1:
            raise rule.refusal(
                "does not say of which metric.", "For example: no improvement of val_loss for 10"
            )
        (metric,) = config.directions
    found = direction(metric, config.directions)
    if found is None:
        raise rule.refusal(
            f"is about a metric of which nobody has said which is better, {metric}.",
            f"For example: metrics: {{{metric}: min}}",
        )
    return metric, found
