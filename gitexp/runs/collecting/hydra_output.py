"""The configuration that Hydra has composed for a run: the params of a script with `@hydra.main`.

Hydra writes it into the folder of the job, as `.hydra/config.yaml`. Beside it, `.hydra/hydra.yaml` says which
folders the configuration was composed from.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gitexp import errors, files
from gitexp.files.command_words.arguments import SECTION
from gitexp.files.command_words.credentials import is_secret
from gitexp.files.command_words.masked_arguments import MASK
from gitexp.files.command_words.overrides import parse_value
from gitexp.files.keys import get, parse_key, put
from gitexp.model import MISSING, Files, Tree, Value
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in, lies_in_any
from gitexp.project.params import COMMAND
from gitexp.project.project import read_inside
from gitexp.project.tools.tool_files import HYDRA
from gitexp.repo.records import MAX_FILE
from gitexp.words import shorten

_CONFIG = f"{HYDRA}/config.yaml"
_FACTS = "hydra.yaml"


class HydraOutput(NamedTuple):
    """The files of Hydra from a run.

    Attributes:
        files: all files below folders `.hydra`, and the logs beside these folders.
        config: the composed configuration; "" if none exists, or several.
        folder: the folder of the job; its metrics are the run's.
        warning: a sentence about several configurations; "" without.
    """

    files: tuple[str, ...] = ()
    config: str = ""
    folder: str = ""
    warning: str = ""


def among(written: Collection[str]) -> HydraOutput:
    """The files of Hydra among the files written by a run."""
    below = [path for path in written if f"/{HYDRA}/" in f"/{path}"]
    folders = {posixpath.dirname(posixpath.dirname(path)) for path in below}
    logs = []
    for path in written:
        if path.endswith(".log") and posixpath.dirname(path) in folders:
            logs.append(path)
    own = (*below, *logs)
    configs = [path for path in own if f"/{path}".endswith(f"/{_CONFIG}")]
    if len(configs) > 1:
        return HydraOutput(
            own,
            warning=f"the run had {len(configs)} jobs of Hydra, whose configurations are no params of it; "
            "gitexp run -- CMD -m makes each job an experiment",
        )
    if not configs:
        return HydraOutput(own)
    return HydraOutput(own, configs[0], configs[0].removesuffix(_CONFIG).rstrip("/"))


def withheld(found: HydraOutput, command: str) -> HydraOutput:
    """What Hydra has written, without the files if the command has a secret: they have all its words."""
    if MASK not in command or not found.files:
        return found
    folders = sorted({posixpath.dirname(path) for path in found.files})
    told = f"not stored, for it has the secret of the command: {shorten(folders)}"
    return found._replace(files=(), warning="; ".join(filter(None, (found.warning, told))))


def metrics_in(folder: str, names: Collection[str], written: Collection[str]) -> dict[str, str]:
    """The metrics files in the folder of a job, by the usual names of the metrics files.

    Scripts work in that folder with `hydra.job.chdir`, and loggers write there.
    """
    found = {}
    for name in names:
        alike = []
        for path in written:
            if lies_in(path, folder) and posixpath.basename(path) == posixpath.basename(name):
                alike.append(path)
        if len(alike) == 1 and name not in written:
            found[name] = alike[0]
    return found


def joined(root: Path, before: Files, written: Mapping[str, Tree]) -> dict[str, Tree]:
    """The params of the start and the params written by the run, each value once.

    The configuration has the same name for every folder of a job, to be comparable. A configuration too
    large for a record keeps its own name, to be found there. The composed configuration replaces its source
    files, and the words of the command with the same values. A secret masked in the command stays masked.
    """
    params = {**before, **written}
    for name in written:
        if f"/{name}".endswith(f"/{_CONFIG}"):
            config = _masked(params.pop(name), before.get(COMMAND, {}))
            params[_CONFIG if len(json.dumps(config)) <= MAX_FILE else name] = config
            sources = [*_sources(root, posixpath.join(posixpath.dirname(name), _FACTS))]
            for other in before:
                if lies_in_any(other, sources):
                    del params[other]
            if COMMAND in params:
                left = _without(params.pop(COMMAND), config)
                params |= {COMMAND: left} if left else {}
    return params


def _masked(config: Tree, command: Tree) -> Tree:
    """The configuration without its secrets, if the options of the command have one."""
    options = files.flatten(command)
    if not any(MASK in str(value) for value in options.values()):
        return config
    tree: Value = config
    for name, value in files.flatten(config).items():
        if options.get(f"{SECTION}.{name}") == MASK or is_secret(name, str(value)):
            tree = put(tree, parse_key(name), MASK)
    return dict(tree)


def _sources(root: Path, name: str) -> Iterator[str]:
    """The folders in the workspace that a configuration was composed from, by the file of Hydra's facts."""
    try:
        sources = get(
            files.parse(name, read_inside(root, name) or b""), parse_key("hydra.runtime.config_sources")
        )
    except errors.GitexpError:
        return
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict) and source.get("schema") == "file":
            path = os.path.relpath(os.path.realpath(str(source.get("path"))), root.resolve())
            if not path.startswith(os.pardir) and path != os.curdir:
                yield Path(path).as_posix()


def _without(command: Tree, config: Tree) -> Tree:
    """The options of a command whose values the configuration does not have."""
    options = command.get(SECTION)
    left = _unlike(options, config) if isinstance(options, dict) else {}
    return {SECTION: left} if left else {}


def _unlike(options: dict[str, Value], config: Value) -> dict[str, Value]:
    left: dict[str, Value] = {}
    for key, value in options.items():
        same = get(config, (key,)) if isinstance(config, dict) else MISSING
        if isinstance(value, dict):
            if inner := _unlike(value, same):
                left[key] = inner
        elif value != same and _meant(value) != same:
            left[key] = value
    return left


def _meant(value: Value) -> Value:
    """Hydra's reading of an option's value: `[1,2]` means a list."""
    with contextlib.suppress(errors.OverrideError):
        return parse_value(value) if isinstance(value, str) else value
    return value
