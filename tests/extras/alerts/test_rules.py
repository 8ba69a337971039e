"""The rules for alerts: as gitexp.yaml has them, and whether they hold."""

from __future__ import annotations

import math

import pytest

from gitexp.errors import ConfigError
from gitexp.extras.alerts.judges import SilenceJudge, StuckJudge, ValueJudge
from gitexp.extras.alerts.webhook import _is_public
from gitexp.files.lines.alert_lines import merged
from gitexp.files.lines.series import LoggedPoint
from gitexp.project.sections.actions import Action
from gitexp.project.sections.alert_rules import (
    Condition,
    RaisedRule,
    SilenceRule,
    StuckRule,
    ValueRule,
    read,
)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("loss is nan", ValueRule("loss", "nan")),
        ("'my loss' is not finite", ValueRule("my loss", "not finite")),
        ("val_loss > 5 after 3", ValueRule("val_loss", ">", 5, 3)),
        ("train/acc<=.5", ValueRule("train/acc", "<=", 0.5)),
        ("lr == 1e-5", ValueRule("lr", "==", 1e-5)),
        ("no improvement for 10", StuckRule("", 10)),
        ("no improvement of val_loss for 10 epochs", StuckRule("val_loss", 10)),
        ("no improvement in val_loss for 30 min", StuckRule("val_loss", seconds=1800)),
        ("no output for 10 min", SilenceRule("output", 600)),
        ("nothing logged for 1 h", SilenceRule("logged", 3600)),
        ("memory over 90 %", ValueRule("system.machine.memory", ">", 90)),
        ("memory over 8 GB", ValueRule("system.memory", ">", 8 * 1024**3)),
        ("gpu memory over 95%", ValueRule("system.gpu.*.memory_percent", ">", 95)),
        ("system.gpu.0.use < 5 after 30", ValueRule("system.gpu.0.use", "<", 5, 30)),
        ("alert", RaisedRule("info")),
        ("alert error", RaisedRule("error")),
    ],
)
def test_rules(text: str, condition: Condition) -> None:
    (rule,) = read([text], b"", "gitexp.yaml")
    if isinstance(condition, ValueRule) and math.isnan(condition.number):
        assert isinstance(rule.condition, ValueRule)
        assert rule.condition[:2] == condition[:2]
    else:
        assert rule.condition == condition
    assert (rule.actions, rule.level, rule.title) == ((Action("note"),), "warning", text)


CONFIG = b"""\
command: python train.py
alerts:
  - loss is nan
  - when: val_loss > 5
    do: [stop, {command: ./tell.sh}, {webhook: $HOOK, private: true}]
    level: error
    title: Too high
"""


def test_what_is_done() -> None:
    rules = read(
        [
            "loss is nan",
            {
                "when": "val_loss > 5",
                "do": ["stop", {"command": "./tell.sh"}, {"webhook": "$HOOK", "private": True}],
                "level": "error",
                "title": "Too high",
            },
        ],
        CONFIG,
        "gitexp.yaml",
    )
    assert [rule.line for rule in rules] == [3, 4]
    assert rules[1].actions == (
        Action("stop"),
        Action("command", "./tell.sh"),
        Action("webhook", "$HOOK", True),
    )
    assert (rules[1].level, rules[1].title) == ("error", "Too high")


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("loss is bad", "'loss is bad' is no rule"),
        ("no improvement of loss for 0", "is no rule"),
        ("disk over 5 GB", "is no rule"),
        ({"do": "stop"}, "an alert is a rule, or a map with 'when'"),
        ({"when": "loss is nan", "then": "stop"}, "no key 'then'"),
        ({"when": "loss is nan", "do": "explode"}, "'explode' is nothing that an alert can do"),
        ({"when": "loss is nan", "do": {"webhook": "http://example.org"}}, "no https:// address"),
        ({"when": "loss is nan", "do": {"webhook": "https://u:p@example.org"}}, "no https:// address"),
        ({"when": "loss is nan", "do": {"command": " "}}, "note, stop, desktop, a map"),
        ({"when": "loss is nan", "level": "fatal"}, "cannot be 'fatal'"),
        ({"when": "alert", "do": "stop"}, "cannot stop the run"),
        (3, "an alert is a rule"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_line(item: object, told: str) -> None:
    with pytest.raises(ConfigError, match="alert") as caught:
        read([item], b"command: x\nalerts: [...]\n", "gitexp.yaml")
    assert told in caught.value.message
    assert caught.value.as_json()["line"] == 2


def points(name: str, *values: float) -> list[LoggedPoint]:
    return [LoggedPoint(step, 0.0, {name: value}) for step, value in enumerate(values)]


def test_values() -> None:
    judge = ValueJudge(ValueRule("loss", ">", 5, 2))
    assert judge.take(points("loss", 9, 9)) == ""
    assert judge.take(points("other", 9)) == ""
    assert judge.take([LoggedPoint(7, 0.0, {"loss": 6.0})]) == "loss is 6 at step 7"
    assert ValueJudge(ValueRule("loss", "nan")).take(points("loss", 1, math.nan)) == "loss is nan at step 1"
    assert ValueJudge(ValueRule("loss", ">", 5)).take(points("loss", math.nan)) == ""
    of_gpu = ValueJudge(ValueRule("system.gpu.*.memory_percent", ">", 90))
    assert of_gpu.take(points("gpu.3.memory_percent", 95)) == "gpu.3.memory_percent is 95"


def test_no_improvement() -> None:
    judge = StuckJudge(StuckRule("loss", 3), "loss", "min", 0)
    assert judge.take(points("loss", math.nan, 5, 4, 4, math.nan), 1) == ""
    assert (
        judge.take([LoggedPoint(9, 0.0, {"loss": 6})], 2)
        == "loss was best at step 2, 4; not better for 3 values"
    )
    slow = StuckJudge(StuckRule("acc", seconds=60), "acc", "max", 0)
    assert slow.take([], 100) == ""  # there is no value yet
    assert slow.take(points("acc", 0.5), 100) == ""
    assert slow.take(points("acc", 0.4), 170).endswith("not better for 1 min 10 s")


def test_silence() -> None:
    judge = SilenceJudge(SilenceRule("output", 10), 0)
    assert judge.take(5, 9) == ""
    assert judge.take(5, 15) == ""
    assert judge.take(6, 20) == ""
    assert judge.take(6, 31) == "no output for 11 s"


def test_what_files_say_of_alerts() -> None:
    whole = {"id": "a", "time": "2", "level": "error", "title": "t", "text": "x"}
    done = b'{"id":"a","actions":[{"do":"command","ok":false,"told":"exit 1"},3]}\n'
    early = b'{"id":"b","time":"1","level":"info","title":"e","text":"","rule":"r"}\n'
    found = merged([done, early, b'{"id":"c","time":"0"}\n', b"[]\n", b'{"id":"d'], [whole, 3, {"id": 4}])
    assert [alert["title"] for alert in found] == ["e", "t"]
    assert found[1]["actions"] == [{"do": "command", "ok": False, "told": "exit 1"}]
    assert "id" not in found[0]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("64:ff9b::5db8:d822", True),  # the first one, translated
        *((address, False) for address in ("64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1", "fec0::1")),
        *(
            (address, False)
            for address in ("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0")
        ),
        *((address, False) for address in ("::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1")),
    ],
)
def test_addresses_of_webhooks(address: str, public: bool) -> None:
    assert _is_public(address) == public
