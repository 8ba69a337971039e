"""`gitexp.yaml`, and the conventions that hold without it.

The project is the folder that the config, or else a params file with a usual name, stands in: the
nearest one from the current folder up to the repository's root. (A metrics file is no sign of one: it
comes and goes with the runs.) A dvc.yaml in the project names params and metrics files too, where the
config names none. Paths in the config are relative to the project; all paths given out are
relative to the root, with slashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from gitexp import errors, files
from gitexp.files.dvc_yaml import (
    DEFAULT_PARAMS,
    DVC_CACHE,
    DVC_LOCK,
    DVC_YAML,
    is_templated,
    read_pipeline,
)
from gitexp.files.limits import read_limited
from gitexp.repo.snapshot import MAX_UNTRACKED

CONFIG_FILE = "gitexp.yaml"
USUAL_PARAMS = ("params.yaml", "params.yml", "params.json", "params.toml", "dvclive/params.yaml")
USUAL_METRICS = (
    *("metrics.json", "metrics.yaml", "metrics.yml", "metrics.toml", "metrics.csv", "metrics.tsv"),
    "dvclive/metrics.json",
)
USUAL_PLOTS = ("logs.csv", "dvclive/plots")

KEYS: Mapping[str, str] = {
    "command": "The training command: a string for the shell, or a list of arguments.",
    "params": "Files that hold parameters (YAML, JSON, TOML, or Python constants).",
    "metrics": "Files that the command writes its results to (JSON, YAML, TOML, CSV or TSV).",
    "metrics_from_output": "Metrics that the command prints: for each name a regular expression.",
    "plots": "Files or folders of curves that the command writes; stored with the experiment.",
    "outs": "Other results, such as models; files up to max_untracked are stored with the experiment.",
    "name_template": "Names for experiments, with params filled in, such as lr={train.lr}.",
    "data": "Files and folders of data that no stage makes, as gitexp add lists them.",
    "remotes": "Where data is pushed to and pulled from: a URL by name, or a map with url: and options.",
    "link": "How data comes into the workspace: the first that works of reflink, hardlink, copy.",
    "share": "Paths that Git ignores and that a run with --temp links from the workspace: data, .venv.",
    "max_untracked": "Largest untracked or result file to store, such as 10 MB.",
}
LINKS = ("reflink", "hardlink", "copy")
_A_REMOTE = "For example: remotes: {store: s3://bucket/folder}"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)i?[bB]?")
_Complain = Callable[[str, str, str], errors.ConfigError]  # key, message, hint
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


@dataclass(frozen=True, slots=True)
class Config:
    """What holds for one project. `folder` is the project relative to the root: "" or "sub/dir".

    `params` and `metrics` are candidates: those that exist count. `declared` says whether the
    config names them, so that a missing one is worth a word. `remotes` are by name, each with its `url`
    and what else is said of it; the first is the one that is meant where none is named.
    """

    folder: str = ""
    command: str | tuple[str, ...] | None = None
    params: tuple[str, ...] = USUAL_PARAMS
    metrics: tuple[str, ...] = USUAL_METRICS
    metrics_from_output: Mapping[str, str] = field(default_factory=dict)
    plots: tuple[str, ...] = USUAL_PLOTS
    outs: tuple[str, ...] = ()
    name_template: str = ""
    data: tuple[str, ...] = ()
    remotes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    link: tuple[str, ...] = ("reflink", "copy")
    share: tuple[str, ...] = ()
    max_untracked: int = MAX_UNTRACKED
    declared: frozenset[str] = frozenset()

    @property
    def results(self) -> tuple[str, ...]:
        """The paths that belong to an experiment's results, whether Git ignores them or not."""
        return (*self.metrics, *self.plots, *self.outs)


def load(root: Path, here: Path) -> Config:
    """Return the config that holds in the folder `here` of the repository at `root`.

    Raises ParseError or ConfigError with the file and line.
    """
    folder, prefix = _place(root, here)
    path = folder / CONFIG_FILE
    shown = str(PurePosixPath(prefix, CONFIG_FILE))
    try:
        data = read_limited(path) if path.is_file() else b""
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=shown) from error
    return _with_pipeline(_from_tree(files.parse(shown, data), data, prefix, shown), folder)


def conventions(root: Path, here: Path) -> Config:
    """Return what would hold there if the config said nothing."""
    folder, prefix = _place(root, here)
    return _with_pipeline(_from_tree({}, b"", prefix, CONFIG_FILE), folder)


def _place(root: Path, here: Path) -> tuple[Path, str]:
    """Return the project's folder, and what its paths begin with."""
    folder = _project(root, here)
    prefix = folder.relative_to(root).as_posix()
    return folder, "" if prefix == "." else prefix


def _with_pipeline(config: Config, folder: Path) -> Config:
    """Return the config with what the project's dvc.yaml says, where the config says nothing.

    A run in a folder of its own works on DVC's one cache, as DVC's own do.
    """
    if not (folder / DVC_YAML).is_file():
        return config
    try:
        data, params = read_limited(folder / DVC_YAML), folder / DEFAULT_PARAMS
        known = is_templated(data) and params.is_file()
        variables = files.parse(DEFAULT_PARAMS, read_limited(params)) if known else {}
        found = read_pipeline(str(PurePosixPath(config.folder, DVC_YAML)), data, variables)
    except (OSError, errors.FileError):  # DVC's to complain about
        return config
    return replace(
        config,
        params=_usual(config.params, found.params, config.declared),
        metrics=_usual(config.metrics, found.metrics, config.declared),
        outs=config.outs or (str(PurePosixPath(config.folder, DVC_LOCK)),),
        share=config.share or (str(PurePosixPath(config.folder, DVC_CACHE)),),
    )


def _usual(names: tuple[str, ...], more: tuple[str, ...], declared: frozenset[str]) -> tuple[str, ...]:
    """Return names and more; where the user has declared names, these alone."""
    return names if declared.intersection(names) else tuple(dict.fromkeys((*names, *more)))


def _project(root: Path, here: Path) -> Path:
    here = here if here.is_relative_to(root) else root
    upward = [folder for folder in (here, *here.parents) if folder.is_relative_to(root)]
    for names in ((CONFIG_FILE,), USUAL_PARAMS):
        for folder in upward:
            if any((folder / name).is_file() for name in names):
                return folder
    return here


def _from_tree(tree: Mapping[str, Any], data: bytes, prefix: str, shown: str) -> Config:
    values: dict[str, Any] = {}

    def complain(key: str, message: str, hint: str) -> errors.ConfigError:
        return errors.ConfigError(message, hint, file=shown, line=_line_of(data, key))

    for key, value in tree.items():
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            raise complain(
                key,
                f"there is no key '{key}'",
                f"Did you mean '{near[0]}'?" if near else f"The keys are: {', '.join(KEYS)}.",
            )
        if value is None:
            continue
        if key == "command":
            values[key] = _command(value, complain)
        elif key == "max_untracked":
            values[key] = _size(value, complain)
        elif key == "name_template":
            values[key] = _template(value, complain)
        elif key == "metrics_from_output":
            values[key] = _patterns(value, complain)
        elif key == "remotes":
            values[key] = _remotes(value, complain)
        elif key == "link":
            values[key] = _links(value, complain)
        else:
            values[key] = _paths(key, value, prefix, complain)
    declared = frozenset(path for key in ("params", "metrics") for path in values.get(key, ()))
    for key, usual in (("params", USUAL_PARAMS), ("metrics", USUAL_METRICS), ("plots", USUAL_PLOTS)):
        values.setdefault(key, tuple(_below(prefix, name) for name in usual))
    return Config(folder=prefix, declared=declared, **values)


def _command(value: Any, complain: _Complain) -> str | tuple[str, ...]:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value.strip()
    if isinstance(value, list) and value and all(map(_is_word, value)):
        return tuple(str(word) for word in value)
    raise complain("command", "'command' must be a string or a list", "For example: command: python train.py")


def _is_word(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and "\0" not in str(value)


def _size(value: Any, complain: _Complain) -> int:
    match = _SIZE.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        raise complain("max_untracked", "'max_untracked' must be a size", "For example: max_untracked: 50 MB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _template(value: Any, complain: _Complain) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    hint = 'For example: name_template: "lr={train.lr}"'
    raise complain("name_template", "'name_template' must be a text", hint)


def _patterns(value: Any, complain: _Complain) -> dict[str, str]:
    key = "metrics_from_output"
    if not isinstance(value, dict) or not all(isinstance(pattern, str) for pattern in value.values()):
        hint = r"For example: metrics_from_output: {val_bpb: '^val_bpb:\s+(\S+)'}"
        raise complain(key, f"'{key}' must give each name a regular expression", hint)
    try:
        files.check_printed(value)
    except errors.UsageError as error:
        raise complain(key, error.message, error.hint or "") from error
    return value


def _remotes(value: Any, complain: _Complain) -> dict[str, dict[str, Any]]:
    found = {}
    for name, remote in value.items() if isinstance(value, dict) else ():
        options = {"url": remote} if isinstance(remote, str) else remote
        if not isinstance(options, dict) or not isinstance(options.get("url"), str) or not options["url"]:
            raise complain("remotes", f"the remote '{name}' has no url", _A_REMOTE)
        found[str(name)] = options
    if not found:
        raise complain("remotes", "'remotes' must give each name a URL", _A_REMOTE)
    return found


def _links(value: Any, complain: _Complain) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or any(item not in LINKS for item in items):
        raise complain(
            "link", f"'link' must be a list of {', '.join(LINKS)}", "For example: link: [reflink, copy]"
        )
    return tuple(items)


def _paths(key: str, value: Any, prefix: str, complain: _Complain) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise complain(key, f"'{key}' must be a list of paths", f"For example: {key}: [some/path]")
    paths = []
    for item in items:
        path = _below(prefix, item)
        if path is None:
            raise complain(key, f"'{item}' is not inside the repository", "Give a path below this folder.")
        paths.append(path)
    return tuple(dict.fromkeys(paths))


def _below(prefix: str, path: str) -> str | None:
    """Return the path relative to the root, or None if it leaves the repository or enters .git."""
    parts: list[str] = []
    for part in PurePosixPath(prefix, path.replace("\\", "/")).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    if (
        not parts
        or "\0" in path
        or parts[0] == "/"
        or ":" in parts[0]
        or parts[0].lower() in (".git", ".gitexp")
    ):
        return None
    return "/".join(parts)


def _line_of(data: bytes, key: str) -> int | None:
    """Return the line on which a key of the top level stands."""
    pattern = re.compile(rf"""["']?{re.escape(key)}["']?\s*:""")
    text = data.decode("utf-8", "replace")
    return next((n for n, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)
