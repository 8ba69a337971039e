"""What is done when a rule holds: a command, a webhook, a word on the desktop."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitexp.extras.alerts import webhook
from gitexp.process.signals import OWN_GROUP
from gitexp.project.sections.actions import COMMAND, DESKTOP, WEBHOOK, Action

_LONGEST = 60.0  # seconds that a command may take
_INTERVAL = 0.2  # seconds between two looks at whether it has
_KEPT = 300  # characters of what a failed command has said

Alert = Mapping[str, Any]


def carry_out(action: Action, alert: Alert, experiment: str, root: Path, is_over: Callable[[], bool]) -> str:
    """Do what an action says, but for `note` and `stop`; why it could not be done, else "".

    A command is ended after a minute, and once `is_over` says so.
    """
    if action.kind == COMMAND:
        return run_command(action.target, _environment(alert, experiment), root, is_over)
    if action.kind == WEBHOOK:
        return send(action, _message(alert, experiment))
    if action.kind == DESKTOP:
        return _show(alert, experiment)
    return ""


def run_command(line: str, variables: Mapping[str, str], root: Path, is_over: Callable[[], bool]) -> str:
    """Run a shell line in the folder of the project, with more variables; why it did not work, else "".

    It is ended after a minute, and once `is_over` says so.
    """
    try:
        process = subprocess.Popen(
            line,
            shell=isinstance(line, str),
            cwd=root,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=OWN_GROUP,
        )
    except OSError as error:
        return error.strerror or str(error)
    began = time.monotonic()
    said = None
    while said is None:
        try:
            said = process.communicate(timeout=_INTERVAL)[1]
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - began
            if passed > _LONGEST or is_over():
                _kill(process)
                process.communicate()
                return f"ended after {passed:.0f} s"
        except BaseException:  # Ctrl-C does not come to its group of processes
            _kill(process)
            raise
    if process.returncode == 0:
        return ""
    text = said.decode("utf-8", "replace").strip()[-_KEPT:]
    return f"exit {process.returncode}" + (f": {text}" if text else "")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def send(action: Action, message: Mapping[str, Any]) -> str:
    """Send a message to a webhook, as JSON; why it was not taken, else ""."""
    url = action.target
    if url.startswith("$"):
        url = os.environ.get(url[1:], "")
    try:
        webhook.post(url, json.dumps(message).encode(), private=action.private)
    except webhook.NotSent as error:
        return str(error)
    return ""


def _environment(alert: Alert, experiment: str) -> dict[str, str]:
    return {
        "GITEXP_ALERT_EXPERIMENT": experiment,
        "GITEXP_ALERT_TITLE": alert["title"],
        "GITEXP_ALERT_TEXT": alert["text"],
        "GITEXP_ALERT_LEVEL": alert["level"],
    }


def _message(alert: Alert, experiment: str) -> dict[str, Any]:
    """The alert for a webhook; `text` and `content` are what chat services show."""
    line = f"{experiment}: {alert['title']}"
    if alert["text"]:
        line += f" ({alert['text']})"
    return {**alert, "experiment": experiment, "message": alert["text"], "text": line, "content": line}


def _show(alert: Alert, experiment: str) -> str:
    """Show the alert on the desktop, where there is one."""
    title, text = f"{experiment}: {alert['title']}", alert["text"]
    if program := shutil.which("notify-send"):
        words = [program, "--app-name=gitexp", "--", title, text]
    elif sys.platform == "darwin" and (program := shutil.which("osascript")):
        script = "on run {a, b}\ndisplay notification b with title a\nend run"
        words = [program, "-e", script, title, text]
    else:
        return "there is no desktop here to show it on: notify-send is missing"
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return done.stderr.decode("utf-8", "replace").strip()[:_KEPT] or f"exit {done.returncode}"
