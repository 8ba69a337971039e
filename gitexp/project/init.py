"""Look at a project and write down in gitexp.yaml how it is trained."""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit
from gitexp.model import Value
from gitexp.named_tuple import NamedTuple
from gitexp.project import links, script, whole_file
from gitexp.project.change import editing
from gitexp.project.config import CONFIG_FILE, USUAL_METRICS, USUAL_PARAMS
from gitexp.project.ignore import is_ignored
from gitexp.project.patterns import is_pattern
from gitexp.repo.git.repository import Repository
from gitexp.repo.local import LocalState

_SCRIPTS = (
    *("train.py", "main.py", "run.py", "training.py", "experiment.py"),
    *("src/train.py", "src/main.py", "scripts/train.py", "train.sh", "run.sh"),
)
_NOT_TRAINING = ("setup", "conftest", "params", "config", "conf", "utils", "__init__", "__main__")
_RUNNERS = {
    "uv.lock": "uv run",
    "poetry.lock": "poetry run",
    "pdm.lock": "pdm run",
    "pixi.lock": "pixi run",
    "Pipfile.lock": "pipenv run",
}
_SHARED = ("data", "datasets", ".venv", "venv")  # often ignored by Git, and needed by a run


@dataclass(frozen=True, slots=True)
class Found:
    """Findings about a project.

    Attributes:
        file: the written config file.
        stages: the file of a runnable pipeline; None without one.
        printed: regular expressions by name, for metrics printed by the script.
        takes_options: whether the script has options, recorded as params under `args`.
        tools: the programs for experiments that the script uses, for people.
        first_run: the command line for the first run.
        with_value: the same with a param or an option that was found; "" without any.
        by_hydra: whether the script has its params from Hydra.
        kept: unchanged keys of the former gitexp.yaml.
        other_scripts: training scripts beside the one of the command.
        other_command: the command for the first of these; "" without any.
        option: an option of the script with its default, as `--lr 0.1`; "" for none with a number.
    """

    file: Path
    command: str | None
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    share: tuple[str, ...]
    stages: str | None = None
    printed: Mapping[str, str] = field(default_factory=dict)
    takes_options: bool = False
    tools: tuple[str, ...] = ()
    first_run: str = "gitexp run"
    with_value: str = ""
    by_hydra: bool = False
    kept: tuple[str, ...] = ()
    other_scripts: tuple[str, ...] = ()
    other_command: str = ""
    option: str = ""


class After(NamedTuple):
    """Work after the file is written.

    Attributes:
        paths: the files that the work may change, from the root of the repository.
        run: does the work.
    """

    paths: Sequence[str]
    run: Callable[[], object]


Ask = Callable[[str | None, Sequence[str]], str | None]  # the command, of what was found and other scripts


def init(
    here: Path,
    *,
    command: str | None = None,
    force: bool = False,
    ask: Ask | None = None,
    dry_run: bool = False,
    after: After | None = None,
) -> Found:
    """Write gitexp.yaml into the folder `here`; the findings about the project.

    Without a `command` the usual scripts are looked for, and `ask` may choose another command. With
    `dry_run` nothing is written. `after` is called once the file is there, and `gitexp undo` takes back
    its changes together with the file. With `force` an existing file is changed, and keeps all other keys.
    Raises config-exists for an existing file, unless `force`; not-a-repository; StorageError.
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
    links.require_inside(repo.root, file, CONFIG_FILE)
    original = _original(file)
    before = _tree(original)
    if before.get("stages"):  # they take the place of a command, and name their files
        found = replace(
            found, command=None, stages=CONFIG_FILE, metrics=(), printed={}, with_value="", other_scripts=()
        )
    found = replace(found, kept=tuple(key for key in before if key not in _values(found)))
    text = _edited(original or b"", before, found) if before else _text(found).encode()
    if not dry_run:
        _write(repo, file, text, original, after)
    return found


def _look(repo: Repository, here: Path, command: str | None, ask: Ask | None) -> Found:
    params = _files_of(here, (*USUAL_PARAMS, "params.py"))
    file, share = here / CONFIG_FILE, _ignored(repo, here)
    if command is None and _has_stages(here / DVC_YAML):
        return Found(file, None, params, (), share, stages=DVC_YAML)
    name, others = _find_scripts(here)
    if not command and name is not None:
        command = _command_of(repo, here, name)
    if ask is not None:
        command = ask(command, others)
    if (named := _script_of(here, command)) is not None and named != name:
        others = [other for other in (name, *others) if other is not None and other != named]
        name = named
    looked = script.Script()
    if name is not None:
        looked = script.read(here / name)
        params = (*params, *looked.param_patterns)
    metrics = _files_of(here, USUAL_METRICS) or looked.metrics
    return Found(
        file,
        command or None,
        params,
        metrics,
        share,
        printed=looked.printed,
        takes_options=looked.takes_options,
        tools=looked.tools,
        first_run="gitexp run" if command else "gitexp run -- COMMAND",
        by_hydra=bool(looked.hydra),
        with_value=_with_value(here, command, (*params, *_of_hydra(name, looked)), looked.option),
        other_scripts=tuple(others),
        other_command=_command_of(repo, here, others[0]) if others else "",
        option=looked.option,
    )


def _of_hydra(name: str | None, looked: script.Script) -> list[str]:
    """The config of Hydra that the script `name` reads: `-S` changes its values among the words."""
    if name is None or not looked.hydra:
        return []
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), looked.hydra))]


def _with_value(here: Path, command: str | None, params: Iterable[str], option: str) -> str:
    """A run with the first number among the params, or else with an option; "" without both."""
    if not command:
        return ""
    for name in params:
        with contextlib.suppress(OSError, errors.FileError):
            values = files.flatten(files.parse_params(name, read_limited(here / name)).tree)
            for key, value in sorted(values.items(), key=_is_seed):
                if files.is_number(value) and files.is_finite(value):
                    return shlex.join(["gitexp", "run", "-S", f"{key}={_another(value)}"])
    if option:
        word, _, default = option.partition(" ")
        return f"gitexp run -- {command} {word} {_another(files.measured(default))}"
    return ""


def _is_seed(item: tuple[str, Value]) -> bool:
    """Whether a param is called like a seed: another one says more about training."""
    return any(word in item[0].lower() for word in ("seed", "random_state"))


def _another(value: Value) -> Value:
    """Another number of the same type: twice as much."""
    assert files.is_number(value)
    return value * 2 or 1


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
            return read_limited(file)
    except OSError as error:
        raise errors.StorageError(
            f"{CONFIG_FILE} cannot be read: {error.strerror}.", "Move what is there out of the way."
        ) from error
    return None


def _write(repo: Repository, file: Path, text: bytes, original: bytes | None, after: After | None) -> None:
    local = LocalState(repo)
    local.refuse_links()
    name = (file.parent.resolve() / file.name).relative_to(repo.root.resolve()).as_posix()
    written = [name, *(after.paths if after is not None else ())]
    with editing(repo, local, "init", list(dict.fromkeys(written))):
        whole_file.write(file.parent, file.name, text, local, original=original)
        if after is not None:
            after.run()


def _has_stages(file: Path) -> bool:
    try:
        return bool(files.parse(DVC_YAML, read_limited(file)).get("stages"))
    except errors.ParseError:
        return True  # and `gitexp run` will say what is wrong with it
    except OSError:
        return False


def _find_scripts(here: Path) -> tuple[str | None, list[str]]:
    """The usual script, or else the only Python file for training; and the other scripts that may train."""
    usual = [name for name in _SCRIPTS if (here / name).is_file()]
    found, likely = [], []
    for path in sorted(here.glob("*.py")):
        if _may_train(path):
            found.append(path.name)
            if "train" in path.stem:
                likely.append(path.name)
    if usual:
        first, *others = dict.fromkeys([*usual, *likely])
        return first, others
    if len(found) == 1:
        return found[0], []
    return None, found


def _script_of(here: Path, command: str | None) -> str | None:
    """The script that a command names; None for none."""
    try:
        words = shlex.split(command or "")
    except ValueError:  # a quote without its end
        return None
    for word in words:
        if word.endswith((".py", ".sh")) and (here / word).is_file():
            return word
    return None


def _may_train(path: Path) -> bool:
    return path.stem not in _NOT_TRAINING and not path.stem.startswith("test") and path.is_file()


def _command_of(repo: Repository, here: Path, name: str) -> str:
    """The command for a script, by the tool with its packages."""
    program = "python"
    if name.endswith(".sh"):
        program = "sh"
    elif shutil.which("python") is None and shutil.which("python3") is not None:
        program = "python3"
    if " " in name:
        name = json.dumps(name)
    if program == "sh":
        return f"{program} {name}"
    folders = _upward(repo, here)
    for lock, runner in _RUNNERS.items():
        for folder in folders:
            if (folder / lock).is_file():
                return f"{runner} python {name}"
    return f"{program} {name}"


def _upward(repo: Repository, here: Path) -> list[Path]:
    """The folder and those above it, up to the root of the repository."""
    here, root = here.resolve(), repo.root.resolve()
    return [folder for folder in (here, *here.parents) if folder.is_relative_to(root)]


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
            lines.append(f"{key}: [{', '.join(map(_item, names))}]")
    if found.printed:
        lines.append("metrics_from_output:")
        for name, pattern in found.printed.items():
            lines.append(f"  {name}: '{pattern}'")
    return "\n".join(lines) + "\n"


def _item(name: str) -> str:
    """A path in a list of YAML; a pattern stands in quotes."""
    return f"'{name}'" if is_pattern(name) else name


def _command_line(command: str) -> str:
    """The command as YAML: plain if YAML reads the same text, else a JSON string."""
    plain = f"command: {command}"
    try:
        if files.parse(CONFIG_FILE, plain.encode("utf-8", "replace")) == {"command": command}:
            return plain
    except errors.ParseError:
        pass
    return f"command: {json.dumps(command)}"
