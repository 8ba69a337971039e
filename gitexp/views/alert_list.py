"""The alerts of experiments, also of those that go on here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gitexp.catalog import live_values
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.times import Moment


class Alert(NamedTuple):
    """An alert of an experiment.

    Attributes:
        experiment: the name of the experiment.
        time: ISO 8601 in UTC.
        level: info, warning or error.
        title, text: what happened.
        rule: the rule of gitexp.yaml; "" for an alert of the code.
        actions: what was done, each with `do`, `ok` and `told`.
    """

    experiment: str
    time: str
    level: str
    title: str
    text: str
    rule: str = ""
    actions: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The alert for `--json`."""
        return {**self._asdict(), "actions": list(self.actions)}


def alerts(project: Project, experiments: Iterable[Experiment], since: Moment | None = None) -> list[Alert]:
    """The alerts of some experiments since a moment, the newest first."""
    now = datetime.now(UTC)
    found: list[Alert] = []
    live = live_values.alerts(project)
    for one in experiments:
        for said in (*one.record.alerts, *live.get(one.name, ())):
            alert = of(one.name, said)
            if since is None or (since.order(alert.time, now) or 0) >= 0:
                found.append(alert)
    return sorted(found, key=lambda alert: alert.time, reverse=True)


def of(name: str, said: Mapping[str, Any]) -> Alert:
    """The alert of a record. Entries with another type are left out."""
    time, level, title, text, rule = (
        str(said.get(key, "")) for key in ("time", "level", "title", "text", "rule")
    )
    actions = said.get("actions")
    found = list[Mapping[str, Any]]()
    if isinstance(actions, list):
        found = [each for each in actions if isinstance(each, Mapping)]
    return Alert(name, time, level, title, text, rule, tuple(found))
