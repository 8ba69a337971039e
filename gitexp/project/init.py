"""Look at a project and write down in gitexp.yaml how it is trained."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit
from gitexp.model import Value
from gitexp.project import script, whole_file
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


@dataclass(frozen=True, slots=True)
class Found:
    """Findings about a project.

    Attributes:
        file: the written config file.
        stages: the file of a runnable pipeline; None without one.
        printed: regular expressions by name, for metrics printed by the script.
        takes_options: whether the script has options, recorded as params under `args`.
        kept: unchanged keys of the former gitexp.yaml.
    """

    file: Path
    command: str | None
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    share: tuple[str, ...]
    stages: str | None = None
    printed: Mapping[str, str] = field(default_factory=dict)
    takes_options: bool = False
    kept: tuple[str, ...] = ()


Ask = Callable[[str | None], str | None]  # the command, with what was found offered; None: none


def init(here: Path, *, command: str | None = None, force: bool = False, ask: Ask | None = None) -> Found:
    """Write gitexp.yaml into the folder `here`; the findings about the project.

    Without a `command` the usual scripts are looked for, and `ask` may choose another command. With `force`
    an existing file is changed, and keeps all other keys. Raises config-exists for an existing
    file, unless `force`; not-a-repository; StorageError.
    """
    repo = Repository.find(here)
    file = here / CONFIG_FILE
    if not force and os.path.lexists(file):  # also a link to nowhere is in the way
        raise errors.UsageError(
            f"{CONFIG_FILE} is here already.",
            "Edit it, or have its command and files looked for again with --force.",
            code="config-exists",
        )
    found = _look(repo, here, command, ask)
    original = _original(file)
    before = _tree(original)
    if before.get("stages"):  # they take the place of a command, and name their files
        found = replace(found, command=None, stages=CONFIG_FILE, metrics=(), printed={})
    found = replace(found, kept=tuple(key for key in before if key not in _values(found)))
    text = _edited(original or b"", before, found) if before else _text(found).encode()
    _write(repo, file, text, original)
    return found


def _look(repo: Repository, here: Path, command: str | None, ask: Ask | None) -> Found:
    params = _files_of(here, (*USUAL_PARAMS, "params.py"))
    file, share = here / CONFIG_FILE, _ignored(repo, here)
    if command is None and _has_stages(here / DVC_YAML):
        return Found(file, None, params, (), share, stages=DVC_YAML)
    name = _find_script(here)
    if not command and name is not None:
        command = _command_of(here, name)
    if ask is not None:
        command = ask(command)
    looked = script.Script()
    if name is not None:
        looked = script.read(here / name)
        hydra = (PurePosixPath(name).parent / looked.hydra).as_posix()
        if looked.hydra and (here / hydra).is_file() and hydra not in params:
            params = (*params, hydra)
    metrics = _files_of(here, USUAL_METRICS) or looked.metrics
    return Found(
        file,
        command or None,
        params,
        metrics,
        share,
        printed=looked.printed,
        takes_options=looked.takes_options,
    )


def _tree(original: bytes | None) -> Mapping[str, Any]:
    """The present settings; none for an unreadable file, to be written anew."""
    try:
        return files.parse(CONFIG_FILE, original or b"")
    except errors.FileError:
        return {}


def _values(found: Found) -> dict[str, Value]:
    """The settings to write, by key."""
    values: dict[str, Value] = {}
    if found.command:
        values["command"] = found.command
    for key, names in (("params", found.params), ("metrics", found.metrics), ("share", found.share)):
        if names:
            values[key] = list(names)
    if found.printed:
        values["metrics_from_output"] = dict(found.printed)
    return values


def _edited(text: bytes, before: Mapping[str, Any], found: Found) -> bytes:
    """The text of the present file with the findings: lists grow, and the command changes."""
    for key, value in _values(found).items():
        old = before.get(key)
        if isinstance(value, list):
            value = list(dict.fromkeys([*files.as_list(old or []), *value]))
        elif isinstance(value, dict) and isinstance(old, dict):
            value = {**value, **old}
        if value != old:
            text, _ = edit(CONFIG_FILE, text, (key,), value)
    return text


def _original(file: Path) -> bytes | None:
    try:
        if file.exists():
            return file.read_bytes()
    except OSError as error:
        raise errors.StorageError(
            f"{CONFIG_FILE} cannot be read: {error.strerror}.", "Move what is there out of the way."
        ) from error
    return None


def _write(repo: Repository, file: Path, text: bytes, original: bytes | None) -> None:
    local = LocalState(repo)
    local.refuse_links()
    name = (file.parent.resolve() / file.name).relative_to(repo.root.resolve()).as_posix()
    with editing(repo, local, "init", [name]):
        whole_file.write(file.parent, file.name, text, local, original=original)


def _has_stages(file: Path) -> bool:
    try:
        return bool(files.parse(DVC_YAML, read_limited(file)).get("stages"))
    except errors.ParseError:
        return True  # and `gitexp run` will say what is wrong with it
    except OSError:
        return False


def _find_script(here: Path) -> str | None:
    """The usual script, or else the only Python file for training."""
    for name in _SCRIPTS:
        if (here / name).is_file():
            return name
    others = []
    for path in sorted(here.glob("*.py")):
        if _may_train(path):
            others.append(path.name)
    if len(others) == 1:
        return others[0]
    return None


def _may_train(path: Path) -> bool:
    return path.stem not in _NOT_TRAINING and not path.stem.startswith("test") and path.is_file()


def _command_of(here: Path, name: str) -> str:
    """The command for a script, by the tool that has its packages."""
    program = "python"
    if name.endswith(".sh"):
        program = "sh"
    elif shutil.which("python") is None and shutil.which("python3") is not None:
        program = "python3"
    if " " in name:
        name = json.dumps(name)
    if program == "python" and _is_there(here, "uv.lock"):
        return f"uv run {name}"
    if program == "python" and _is_there(here, "poetry.lock"):
        return f"poetry run python {name}"
    return f"{program} {name}"


def _is_there(here: Path, name: str) -> bool:
    return (here / name).is_file()


def _files_of(here: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The names of the files that are here."""
    return tuple(name for name in names if (here / name).is_file())


def _ignored(repo: Repository, here: Path) -> tuple[str, ...]:
    """The usual data folders present here and ignored by Git."""
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
    if found.printed:
        lines.append("metrics_from_output:")
        for name, pattern in found.printed.items():
            lines.append(f"  {name}: '{pattern}'")
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
