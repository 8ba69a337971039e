"""What a job of an engine finds on its machine, for `gitexp engine check`: a line of JSON in its output."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.datasets.remotes import remote_of
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.process.environment import machine
from gitexp.process.gpus import GpuProbe
from gitexp.project import config_loading
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.repo import node_disk
from gitexp.version import __version__

CONFIG = (
    "GITEXP_PROBE_CONFIG"  # variable of a probe: the text of gitexp.yaml, where its machine does not have it
)
_MARK = "gitexp-probe: "
_ANY = hashlib.sha256(b"").hexdigest()  # it need not be there


def variables(config: bytes) -> Mapping[str, str]:
    """The variables of a probe that has to look at the data remotes of a gitexp.yaml."""
    return {CONFIG: base64.b64encode(config).decode()} if config else {}


def line(found: Mapping[str, Any]) -> str:
    """The line of output with the findings of a probe."""
    return _MARK + json.dumps(found)


def read(log: str) -> dict[str, Any] | None:
    """What a probe has found, from its output; None if it has not come so far."""
    for text in log.splitlines():
        if text.startswith(_MARK):
            found: dict[str, Any] = json.loads(text.removeprefix(_MARK))
            return found
    return None


def of_machine() -> dict[str, Any]:
    """The facts about any machine: name, versions and GPUs."""
    gpus = GpuProbe()
    words = ["git", "version"]
    git = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return {
        "host": machine().host,
        "python": platform.python_version(),
        "gitexp": __version__,
        "git": git[2] if len(git) > 2 else "",
        "gpus": list(gpus.result()),
    }


def of_project(project: Project, remote: str, config: str, scratch: Path) -> dict[str, Any]:
    """What of a project can be reached: for each thing, an error as JSON, or null.

    `remote`: the Git remote of a clone; "" for the repository of the user. `config`: of `variables`.
    """
    found = dict[str, Any]()
    if remote:
        found["repository"] = _trouble_at(lambda: RemoteQueue(project, remote).require_writable())
    else:
        found["repository"] = None  # it is open
    with_remotes = project
    if config:
        (scratch / CONFIG_FILE).write_bytes(base64.b64decode(config))
        with_remotes = project._replace(config=config_loading.load(scratch, scratch))
    found["data"] = {}
    for name in with_remotes.config.remotes:
        found["data"][name] = _trouble_at(lambda: _ask(with_remotes, name))  # noqa: B023  # called at once
    return found


def of_place(project: Project, disk: Callable[[], str], environment: str) -> dict[str, Any]:
    """The needs of runs on their machine beside the project: for each, an error as JSON, or null.

    `disk` gives the folder for their work; "" for the repository. `environment`: the program for building
    their environments; "" for none.
    """

    def try_disk() -> None:
        if folder := disk():
            node_disk.clear(node_disk.prepared(folder, project.repo.common_dir))

    found = {"scratch": _trouble_at(try_disk), "environment": None}
    if environment:
        found["environment"] = _trouble_at(plugins.load("program", environment))
    return found


def _ask(project: Project, name: str) -> None:
    with remote_of(project, name) as at:
        at.has_many([_ANY])


def _trouble_at(ask: Callable[[], object]) -> dict[str, Any] | None:
    """The error of a question, as JSON; None after an answer."""
    try:
        ask()
    except errors.GitexpError as error:
        return error.as_json()
    return None
