"""Look at a project and write down in gitexp.yaml how it is trained."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.files.limits import read_limited
from gitexp.project import whole_file
from gitexp.project.change import editing
from gitexp.project.config import CONFIG_FILE, USUAL_METRICS, USUAL_PARAMS
from gitexp.project.ignore import is_ignored
from gitexp.repo.git.repository import Repository
from gitexp.repo.local import LocalState

_SCRIPTS = (
    *("train.py", "main.py", "run.py", "training.py", "experiment.py"),
    *("src/train.py", "src/main.py", "scripts/train.py", "train.sh", "run.sh"),
)
_NOT_TRAINING = ("setup", "conftest", "params", "config", "conf", "utils", "__init__", "__main__")
_SHARED = ("data", "datasets", ".venv", "venv")  # often ignored by Git, and needed by a run
_MOST = 1 << 20  # bytes of a script to look into


@dataclass(frozen=True, slots=True)
class Found:
    """Findings about a project.

    Attributes:
        file: the written config file.
        stages: the file of a runnable pipeline; None without one.
    """

    file: Path
    command: str | None
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    share: tuple[str, ...]
    stages: str | None = None


def init(here: Path, *, command: str | None = None, force: bool = False) -> Found:
    """Write gitexp.yaml into the folder `here`; the findings about the project.

    Without a `command` the usual scripts are looked for. Raises config-exists for an existing file, unless
    `force`; not-a-repository; StorageError.
    """
    repo = Repository.find(here)
    file = here / CONFIG_FILE
    params = _files_of(here, (*USUAL_PARAMS, "params.py"))
    share = _ignored(repo, here)
    if command is None and _has_stages(here / DVC_YAML):
        found = Found(file, None, params, (), share, stages=DVC_YAML)
    else:
        script = _find_script(here)
        if not command and script is not None:
            command = _command_of(script)
        found = Found(file, command or None, params, _metrics(here, script), share)
    _write(repo, file, _text(found), force=force)
    return found


def _write(repo: Repository, file: Path, text: str, *, force: bool) -> None:
    if not force and os.path.lexists(file):  # also a link to nowhere is in the way
        raise errors.UsageError(
            f"{CONFIG_FILE} is here already.", "Edit it, or write it anew with --force.", code="config-exists"
        )
    local = LocalState(repo)
    local.refuse_links()
    try:
        original = None
        if file.exists():
            original = file.read_bytes()
    except OSError as error:
        raise errors.StorageError(
            f"{CONFIG_FILE} cannot be read: {error.strerror}.", "Move what is there out of the way."
        ) from error
    name = (file.parent.resolve() / file.name).relative_to(repo.root.resolve()).as_posix()
    with editing(repo, local, "init", [name]):
        whole_file.write(file.parent, file.name, text.encode(), local, original=original)


def _has_stages(file: Path) -> bool:
    try:
        return bool(files.parse(DVC_YAML, read_limited(file)).get("stages"))
    except errors.ParseError:
        return True  # and `gitexp run` will say what is wrong with it
    except OSError:
        return False


def _find_script(here: Path) -> str | None:
    """The usual script, or else the only Python file for training."""
    for script in _SCRIPTS:
        if (here / script).is_file():
            return script
    others = [path.name for path in sorted(here.glob("*.py")) if _may_train(path)]
    if len(others) == 1:
        return others[0]
    return None


def _may_train(path: Path) -> bool:
    return path.stem not in _NOT_TRAINING and not path.stem.startswith("test") and path.is_file()


def _command_of(script: str) -> str:
    program = "python"
    if script.endswith(".sh"):
        program = "sh"
    elif shutil.which("python") is None and shutil.which("python3") is not None:
        program = "python3"
    if " " in script:
        script = json.dumps(script)
    return f"{program} {script}"


def _files_of(here: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The names of the files that are here."""
    return tuple(name for name in names if (here / name).is_file())


def _metrics(here: Path, script: str | None) -> tuple[str, ...]:
    """The metrics files here, or named by the script; else the usual file."""
    there = _files_of(here, USUAL_METRICS)
    if there:
        return there
    if script is None:
        return USUAL_METRICS[:1]
    try:
        with (here / script).open("rb") as stream:
            text = stream.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return USUAL_METRICS[:1]
    named = [name for name in USUAL_METRICS if name in text]
    if "dvclive" in text and "dvclive/metrics.json" not in named:
        if "metrics.json" in named:  # the end of dvclive's own name for it
            named.remove("metrics.json")
        named.append("dvclive/metrics.json")
    return tuple(named) or USUAL_METRICS[:1]


def _ignored(repo: Repository, here: Path) -> tuple[str, ...]:
    """The usual data folders that are here and that Git ignores."""
    found = []
    for name in _SHARED:
        if (here / name).is_dir() and is_ignored(repo, str(here / name), "--no-index"):
            found.append(name)
    return tuple(found)


def _text(found: Found) -> str:
    """The text of the config, each list in YAML's flow form."""
    lines = ["# How gitexp runs this project; every key is optional."]
    if found.command:
        lines.append(_command_line(found.command))
    elif found.stages:
        lines.append(f"# stages: as in {found.stages}")
    else:
        lines.append("# command: python train.py")
    for key, names in (("params", found.params), ("metrics", found.metrics), ("share", found.share)):
        if names:
            lines.append(f"{key}: [{', '.join(names)}]")
    return "\n".join(lines) + "\n"


def _command_line(command: str) -> str:
    """The command as YAML: plain if YAML reads the same text, else a JSON string."""
    plain = f"command: {command}"
    try:
        if files.parse(CONFIG_FILE, plain.encode("utf-8", "replace")) == {"command": command}:
            return plain
    except errors.ParseError:
        pass
    return f"command: {json.dumps(command)}"
