"""Alerts of real runs: rules, what is done, a real https server, stops, and what the record keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitexp.extras.alerts import doing
from gitexp.model import Record
from gitexp.process import guard
from gitexp.project.project import Project
from tests.support.webhooks import Hook, https_hook
from tests.support.workspace import Workspace

DIVERGES = """
import sys, time, gitexp
for step in range(2000):
    gitexp.log({"loss": float("nan") if step > 5 else 1.0})
    if step == 2:
        gitexp.alert("Half way", "as the code says", level="info")
    time.sleep(0.02)
"""


def record(repo: Workspace, name: str = "") -> Record:
    (found,) = [one for one in Project.open(repo.path).store.readable() if not name or one.name == name]
    return found.record


def run(repo: Workspace, *args: str, env: Mapping[str, str | None] | None = None) -> Any:
    command = ["run", *([] if "-n" in args else ["-n", "one"]), *args, "--", sys.executable, "train.py"]
    return repo.gitexp(*command, check=False, env=env)


def test_a_rule_ends_the_run_and_the_record_says_why(repo: Workspace) -> None:
    repo.write("train.py", DIVERGES)
    repo.writes("told")
    repo.write(
        "gitexp.yaml",
        "alerts:\n"
        "  - when: loss is nan\n"
        "    level: error\n"
        "    do: [stop, {command: 'echo \"$GITEXP_ALERT_EXPERIMENT: $GITEXP_ALERT_TEXT\" > told'}]\n"
        "  - lss > 3\n",
    )
    done = run(repo)
    assert done.exit_code != 0
    assert "alert of one: loss is nan at step 6" in done.stderr
    found = record(repo)
    assert (found.status, found.reason) == ("interrupted", "alert")
    of_code, of_rule = found.alerts
    assert (of_code["title"], of_code["text"], of_code["level"]) == ("Half way", "as the code says", "info")
    assert (of_rule["rule"], of_rule["text"], of_rule["level"]) == (
        "loss is nan",
        "loss is nan at step 6",
        "error",
    )
    assert [(each["do"], each["ok"]) for each in of_rule["actions"]] == [("stop", True), ("command", True)]
    assert repo.read("told") == "one: loss is nan at step 6\n"
    assert "ended by gitexp: an alert of gitexp.yaml says stop" in found.warnings
    assert "the alert 'lss > 3' has seen no value: nothing of that name was logged" in found.warnings
    shown = repo.gitexp("show", "one").stdout
    assert "interrupted (alert)" in shown
    assert "loss is nan at step 6 [stop, command]" in shown


def test_they_are_listed_for_programs_and_people(repo: Workspace) -> None:
    repo.write("train.py", "import gitexp\ngitexp.alert('Low', level='error')\ngitexp.log({'loss': 7})\n")
    repo.write("gitexp.yaml", "alerts: [loss > 5]\n")
    assert run(repo).exit_code == 0  # the last look comes after the end of the command
    newest, oldest = repo.json("alerts")
    assert list(newest) == ["experiment", "time", "level", "title", "text", "rule", "actions"]
    assert (newest["text"], oldest["title"]) == ("loss is 7 at step 0", "Low")
    assert repo.json("alerts", "one", "--limit", "1") == [newest]
    assert repo.gitexp("alerts", "--limit", "1", "--format", "csv").stdout.startswith(
        "experiment,time,level,"
    )
    assert len(repo.json("alerts", "--since", "1 hour ago")) == 2
    assert repo.json("alerts", "--since", "2099-01-01") == []
    assert repo.gitexp("alerts", "--since", "soon", check=False).exit_code == 2
    lines = repo.gitexp("alerts").stdout.splitlines()
    assert [line.split()[2:4] for line in lines] == [["one", "warning"], ["one", "error"]]
    assert repo.tty("alerts", cols=60).lines[0].endswith("loss > 5: loss is 7 at s…")


def test_a_run_of_its_own_is_stopped_like_by_ctrl_c(repo: Workspace) -> None:
    repo.write("train.py", DIVERGES)
    repo.write("gitexp.yaml", "alerts:\n- {when: loss is nan, do: stop}\n- no output for 1 s\n")
    done = subprocess.run([sys.executable, "train.py"], cwd=repo.path, capture_output=True, check=False)
    assert b"KeyboardInterrupt" in done.stderr
    assert b"gitexp: alert of " in done.stderr
    found = record(repo)
    assert (found.status, found.reason) == ("interrupted", "alert")
    assert len(found.alerts) == 2
    assert any("only gitexp run sees the output" in text for text in found.warnings)
    assert "ended by gitexp: an alert of gitexp.yaml says stop" in found.warnings


def test_a_worker_goes_on_with_the_next_run(repo: Workspace) -> None:
    repo.write("train.py", DIVERGES)
    repo.write("gitexp.yaml", "alerts: [{when: loss is nan, do: stop}]\n")
    repo.gitexp("run", "-n", "first", "--queue", "--", sys.executable, "train.py")
    repo.gitexp("run", "-n", "second", "--queue", "--", "true")
    repo.gitexp("queue", "start", check=False, process=True)
    assert (record(repo, "first").status, record(repo, "first").reason) == ("interrupted", "alert")
    assert record(repo, "second").status == "done"


def test_a_command_that_ignores_the_stop_is_killed(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE", 1.0)
    repo.write(
        "train.py",
        "import signal, subprocess, sys, time, gitexp\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '300'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "gitexp.log({'loss': 9})\ntime.sleep(120)\n",
    )
    repo.write("gitexp.yaml", "alerts: [{when: loss > 5, do: stop}]\n")
    begun = time.monotonic()
    run(repo)
    assert time.monotonic() - begun < 60
    assert record(repo).reason == "alert"


SLOW = """
import os, sys, time, gitexp
with open("pid", "w") as file:
    file.write(str(os.getpid()))
gitexp.log({"loss": float("nan")})
for number in range(150):
    gitexp.alert(f"number {number}", level="error")
time.sleep(1.5)
gitexp.log({"loss": 9})
time.sleep(60)
"""


def test_a_slow_command_keeps_no_rule_from_being_looked_at(repo: Workspace) -> None:
    repo.write("train.py", SLOW)
    repo.writes("told", "pid", "waited")
    wait = "n=0; while [ $n -lt 300 ] && kill -0 $(cat pid); do sleep 0.1; n=$((n+1)); done; echo $n >waited"
    rules = f"- {{when: loss is nan, do: {{command: '{wait}'}}}}\n- {{when: loss > 5, do: stop}}\n"
    rules += "- {when: alert error, do: {command: echo x >> told}}\n"
    repo.write("gitexp.yaml", f"alerts:\n{rules}")
    run(repo)
    found = record(repo)
    assert (found.status, found.reason) == ("interrupted", "alert")
    assert int(repo.read("waited")) < 300  # the command was still going when the run was stopped
    assert repo.read("told") == "x\n" * 100
    assert "the code has raised 150 alerts: only the first 100 were answered" in found.warnings


def test_actions_end_some_time_after_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doing, "_PATIENCE", 0.1)
    done: list[str] = []

    def slow(is_over: doing.IsOver) -> None:
        while not is_over():
            time.sleep(0.01)
        done.append("ended")

    actions = doing.ActionThread()
    actions.add(slow)
    actions.add(lambda is_over: done.append("second"))
    assert not actions.close()
    assert done == ["ended"]


def test_silence_and_no_improvement(repo: Workspace) -> None:
    repo.write(
        "train.py",
        "import time, gitexp\nprint('begun', flush=True)\n"
        "for acc in (0.1, 0.5, 0.5, 0.4, 0.3):\n    gitexp.log({'acc': acc})\ntime.sleep(2.5)\n",
    )
    repo.write(
        "gitexp.yaml",
        "alerts:\n- no output for 1 s\n- nothing logged for 1 s\n- no improvement of acc for 3\n- acc < 0\n",
    )
    assert run(repo).exit_code == 0
    texts = {alert["rule"]: alert["text"] for alert in record(repo).alerts}
    assert texts.keys() == {"no output for 1 s", "nothing logged for 1 s", "no improvement of acc for 3"}
    assert texts["no improvement of acc for 3"] == "acc was best at step 1, 0.5; not better for 3 values"


def test_about_the_machine(repo: Workspace) -> None:
    repo.write("train.py", "import time\ntime.sleep(1.5)\n")
    repo.write("gitexp.yaml", "system_interval: 0.2\nalerts: [memory over 1 MB, memory over 100 %]\n")
    assert run(repo).exit_code == 0
    (alert,) = record(repo).alerts
    assert alert["rule"] == "memory over 1 MB"
    told = run(repo, "--system-interval", "off", "-n", "two").stderr
    assert "gitexp.yaml:2: the alert 'memory over 1 MB' is about the machine, which system_interval" in told


def test_what_cannot_be_looked_at_is_refused_before_the_run(repo: Workspace) -> None:
    for text, told in (
        ("alerts:\n- loss is nan\n- loss is bad\n", "gitexp.yaml:3: 'loss is bad' is no rule for an alert"),
        (
            "alerts: [no improvement for 3]\n",
            "gitexp.yaml:1: the alert 'no improvement for 3' does not say of",
        ),
        ("alerts: [no improvement of size for 3]\n", "nobody has said which is better, size"),
        (
            "alerts: [{when: loss > 1, do: {webhook: $NO_HOOK}}]\n",
            "takes its webhook from $NO_HOOK, which is not",
        ),
    ):
        repo.write("gitexp.yaml", text)
        done = run(repo)
        assert done.exit_code == 1
        assert told in done.stderr
    assert Project.open(repo.path).store.all() == []


def test_alerts_so_far_of_a_run_that_is_killed(repo: Workspace) -> None:
    repo.write("train.py", DIVERGES)
    repo.write("gitexp.yaml", "alerts: [loss is nan]\n")
    running = repo.start("run", "-n", "one", "--", sys.executable, "train.py")
    for _ in range(300):
        if len(found := repo.json("alerts", "-A")) == 2:
            break
        time.sleep(0.05)
    assert [alert["title"] for alert in found] == ["loss is nan", "Half way"]
    (watched,) = repo.json("watch")
    assert len(watched["alerts"]) == 2
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    for state in (repo.path / ".git/gitexp/runs").glob("*/state.json"):
        child = json.loads(state.read_text())["child"]["pid"]
        os.killpg(child, signal.SIGKILL)
    for _ in range(300):  # until the system has ended them all
        repo.gitexp("list")
        if record(repo).status != "running":
            break
        time.sleep(0.05)
    assert [alert["title"] for alert in record(repo).alerts] == ["Half way", "loss is nan"]


# -- webhooks -----------------------------------------------------------------------------------------


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    with https_hook(tmp_path) as found:
        yield found


def test_a_webhook_is_sent_the_alert(repo: Workspace, hook: Hook) -> None:
    repo.write("train.py", "import gitexp\ngitexp.alert('Low', 'by the code')\ngitexp.log({'loss': 7})\n")
    repo.write(
        "gitexp.yaml",
        "alerts:\n"
        "- {when: loss > 5, do: {webhook: $HOOK, private: true}}\n"
        "- when: alert\n"
        f"  do: [{{webhook: '{hook.url}/moved', private: true}}, {{webhook: '{hook.url}/secret'}}]\n"
        f"- {{when: loss > 6, do: {{webhook: '{hook.url}/broken', private: true}}}}\n",
    )
    assert run(repo, env={"HOOK": f"{hook.url}/taken", "SSL_CERT_FILE": str(hook.certificate)}).exit_code == 0
    (message,) = hook.messages
    assert (message["experiment"], message["title"], message["level"]) == ("one", "loss > 5", "warning")
    assert message["text"] == message["content"] == "one: loss > 5 (loss is 7 at step 0)"
    found = {alert["title"]: alert["actions"] for alert in record(repo).alerts}
    assert found["loss > 5"] == [{"do": "webhook", "ok": True, "told": ""}]
    assert [action["told"] for action in found["Low"]] == [
        "localhost answers with a redirect (302), and none is followed",
        "localhost has a private address; 'private: true' beside the webhook allows it",
    ]
    assert found["loss > 6"][0]["told"] == "localhost answers with 500"
    assert not any("secret" in text for text in record(repo).warnings)


def test_a_webhook_with_a_certificate_of_its_own_is_not_trusted(repo: Workspace, hook: Hook) -> None:
    repo.write("train.py", "import gitexp\ngitexp.log({'loss': 7})\n")
    repo.write(
        "gitexp.yaml", f"alerts: [{{when: loss > 5, do: {{webhook: '{hook.url}/x', private: true}}}}]\n"
    )
    assert run(repo).exit_code == 0
    assert hook.messages == []
    (alert,) = record(repo).alerts
    assert alert["actions"][0]["told"].startswith(
        "localhost cannot be reached: its certificate is not trusted"
    )
