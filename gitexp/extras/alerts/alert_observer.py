"""The observer of a run that looks whether the rules for alerts hold."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gitexp.extras.alerts import actions, check
from gitexp.extras.alerts.doing import ActionThread, IsOver
from gitexp.extras.alerts.judges import SilenceJudge, StuckJudge, ValueJudge
from gitexp.files.lines import alert_lines
from gitexp.files.lines.alert_lines import LEVELS
from gitexp.files.lines.series import FACTS, SYSTEM, WRITERS, LoggedPoint
from gitexp.files.lines.series_tail import LineTail, points_of
from gitexp.nofollow import Folder
from gitexp.project.sections.actions import NOTE, STOP, Action
from gitexp.project.sections.alert_rules import (
    AlertRule,
    RaisedRule,
    SilenceRule,
    StuckRule,
)
from gitexp.repo.live import LOGGED
from gitexp.runs.lookout import Sight

_EVERY = 1.0  # seconds between two looks
_MOST_ANSWERED = 100  # alerts of the code that rules do something for
_MOST_AT_ONCE = 64 * 1024 * 1024  # bytes of new lines
STOPPED = "alert"  # the reason in the record

_Judge = Callable[["_Look"], str]


class _Look:
    """What has been added since the last look."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.points: list[LoggedPoint] = []
        self.of_machine: list[LoggedPoint] = []
        self.raised: list[dict[str, Any]] = []
        self.output: object = None
        self.logged: object = None


class AlertObserver:
    """Looks once a second whether a rule holds; each holds once in a run."""

    def __init__(self, sight: Sight) -> None:
        self.first = self.every = _EVERY
        self.warnings: list[str] = []
        self.reason = ""
        self.may_stop = any(_stops(rule) for rule in sight.config.alerts)
        self._sight = sight
        self._tails: dict[str, LineTail] = {}
        self._judges: list[tuple[AlertRule, _Judge]] = []
        self._of_values: list[tuple[AlertRule, ValueJudge | StuckJudge]] = []
        self._is_over = False
        self._raised = 0  # alerts of the code
        self._doing = ActionThread()
        now = time.monotonic()
        for rule in sight.config.alerts:
            if not isinstance(rule.condition, RaisedRule):
                judge = self._judge(rule, now)
                if judge is not None:
                    self._judges.append((rule, judge))

    def _judge(self, rule: AlertRule, now: float) -> _Judge | None:
        condition = rule.condition
        if isinstance(condition, SilenceRule):
            if condition.what == "output" and self._sight.is_own:
                self.warnings.append(
                    f"the alert '{rule.text}' was not looked at: only gitexp run sees the output of a run"
                )
                return None
            return partial(_silence, SilenceJudge(condition, now), condition.what)
        if isinstance(condition, StuckRule):
            metric, direction = check.metric_of(rule, condition, self._sight.config)
            stuck = StuckJudge(condition, metric, direction, now)
            self._of_values.append((rule, stuck))
            return lambda look: stuck.take(look.points, look.now)
        assert not isinstance(condition, RaisedRule)  # those are asked of each alert of the code
        value = ValueJudge(condition)
        self._of_values.append((rule, value))
        return lambda look: value.take(look.of_machine if value.is_of_machine else look.points)

    # -- looking ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Look whether a rule holds, and do what it says."""
        found = self._read()
        for alert in found.raised:
            self._answer(alert)
        for rule, judge in list(self._judges):
            if text := judge(found):
                self._judges.remove((rule, judge))
                self._raise(rule, text)

    def end(self) -> None:
        """Look at the values of the last moment. Rules about silence are over: the run has ended."""
        self._is_over = True
        self._judges = [each for each in self._judges if not isinstance(each[0].condition, SilenceRule)]
        self.look()
        for rule, judge in self._of_values:
            is_of_machine = isinstance(judge, ValueJudge) and judge.is_of_machine
            if not judge.seen and (not is_of_machine or SYSTEM in self._tails):
                self.warnings.append(
                    f"the alert '{rule.text}' has seen no value: nothing of that name was logged"
                )
        if self._raised > _MOST_ANSWERED:
            self.warnings.append(
                f"the code has raised {self._raised:,} alerts: only the first {_MOST_ANSWERED} were answered"
            )
        if not self._doing.close():
            self.warnings.append("not all that alerts do was done before the run was stored")
        if any(tail.is_sampled for tail in self._tails.values()):
            self.warnings.append(
                "more was logged at a time than the alerts could look at: they have not seen all"
            )

    def _read(self) -> _Look:
        found = _Look(time.monotonic())
        with contextlib.suppress(OSError):
            found.output = self._sight.state.log.stat().st_size
        sizes = {}
        with contextlib.suppress(OSError), self._sight.state.opened() as run, run.folder(LOGGED) as folder:
            for name in folder.names():
                if WRITERS.fullmatch(name):
                    found.points += points_of(self._lines(folder, name))
                elif name == SYSTEM:
                    found.of_machine += points_of(self._lines(folder, name))
                elif FACTS.fullmatch(name):
                    for line in self._lines(folder, name):
                        found.raised += [one for one in alert_lines.of_facts(line) if isinstance(one, dict)]
                else:
                    continue
                if name != SYSTEM:
                    sizes[name] = folder.stat(name).st_size
        found.logged = sizes
        return found

    def _lines(self, folder: Folder, name: str) -> list[bytes]:
        tail = self._tails.setdefault(name, LineTail(_MOST_AT_ONCE))
        fd = folder.open(name)
        try:
            return tail.read(fd)
        finally:
            os.close(fd)

    # -- doing ------------------------------------------------------------------------------------

    def _raise(self, rule: AlertRule, text: str) -> None:
        alert = alert_lines.new(rule.level, rule.title, text, rule.text)
        self._write(alert)
        self._tell(alert)
        self._act(rule, alert)

    def _answer(self, alert: dict[str, Any]) -> None:
        """Do what the rules say for an alert of the code; only for the first ones of very many."""
        if not all(isinstance(alert.get(key), str) for key in ("id", "time", "level", "title", "text")):
            return
        self._raised += 1
        if self._raised > _MOST_ANSWERED:
            return
        self._tell(alert)
        for rule in self._sight.config.alerts:
            condition = rule.condition
            if isinstance(condition, RaisedRule) and _rank(alert["level"]) >= _rank(condition.level):
                self._act(rule, alert)

    def _act(self, rule: AlertRule, alert: dict[str, Any]) -> None:
        """Do what a rule says, the stop at once, and write down what came of it."""
        if _stops(rule) and not self._is_over:
            self._stop()
            self._write({"id": alert["id"], "actions": [{"do": STOP, "ok": True, "told": ""}]})
        for action in rule.actions:
            if action.kind not in (NOTE, STOP):
                self._doing.add(partial(self._carry_out, action, alert))

    def _carry_out(self, action: Action, alert: dict[str, Any], is_over: IsOver) -> None:
        """Do an action and write down what came of it."""
        why = actions.carry_out(action, alert, self._sight.name, self._sight.root, is_over)
        if why:
            self.warnings.append(f"the alert '{alert['title']}': {action.kind} did not work: {why}")
        with contextlib.suppress(OSError):  # the run has been stored meanwhile
            self._write({"id": alert["id"], "actions": [{"do": action.kind, "ok": not why, "told": why}]})

    def _stop(self) -> None:
        self.reason = STOPPED
        if not self._sight.is_own:
            return  # the guard over the command asks for the reason
        if sys.platform == "win32":
            signal.raise_signal(signal.SIGINT)
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _write(self, said: dict[str, Any]) -> None:
        line = json.dumps(said, separators=(",", ":")) + "\n"
        with self._sight.state.opened() as run, run.folder(LOGGED, make=True) as folder:
            folder.append(alert_lines.ALERTS, line.encode())

    def _tell(self, alert: dict[str, Any]) -> None:
        words = alert_lines.sentence(alert["title"], alert["text"])
        with contextlib.suppress(Exception):  # a screen that is gone
            self._sight.tell(f"alert of {self._sight.name}: {words}")


def _silence(judge: SilenceJudge, what: str, look: _Look) -> str:
    return judge.take(look.output if what == "output" else look.logged, look.now)


def _stops(rule: AlertRule) -> bool:
    return any(action.kind == STOP for action in rule.actions)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0
