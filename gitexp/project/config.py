"""`gitexp.yaml`, and the conventions that hold without it.

The project is the folder that the config, or else a dvc.yaml or a params file with a usual name, stands
in: the nearest one from the current folder up to the repository's root. (A metrics file is no sign of
one: it comes and goes with the runs.) Stages, of the config or else of a dvc.yaml in the project, name
params, metrics and plots too. Paths in the config are relative to the project; all paths given out are
relative to the root, with slashes.

Of stages the config takes these names only, and passes over what it does not understand: whoever looks
at experiments must neither pay for a pipeline nor fail at a mistake in it. `read_stages` is for those who
run them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from gitexp import errors, files
from gitexp.files.dvc_yaml import (
    DEFAULT_PARAMS,
    DVC_CACHE,
    DVC_CONFIG,
    DVC_LOCAL_CONFIG,
    DVC_LOCK,
    DVC_YAML,
    DvcFiles,
    files_of_vars,
    is_templated,
    names_of,
)
from gitexp.files.limits import read_if_there, read_limited
from gitexp.files.scalars import is_text
from gitexp.model import Tree, Value
from gitexp.objects.paths import joined_paths, lies_in, lies_in_any
from gitexp.pipeline.paths import inside, without_dot
from gitexp.pipeline.stage import Pipeline, ReadFile
from gitexp.project import patterns, tool_files
from gitexp.project.directions import MAX, MIN
from gitexp.project.patterns import NO_PATTERNS, Patterns
from gitexp.repo.git.snapshot import MAX_UNTRACKED
from gitexp.words import did_you_mean

CONFIG_FILE = "gitexp.yaml"
USUAL_PARAMS = ("params.yaml", "params.yml", "params.json", "params.toml", "dvclive/params.yaml")
USUAL_METRICS = (
    *("metrics.json", "metrics.yaml", "metrics.yml", "metrics.toml", "metrics.csv", "metrics.tsv"),
    "dvclive/metrics.json",
)
USUAL_PLOTS = ("logs.csv", "dvclive/plots")

KEYS: Mapping[str, str] = {
    "command": "The training command: a string for the shell, or a list of arguments.",
    "stages": "The steps of a pipeline, in the vocabulary of dvc.yaml; instead of command.",
    "vars": "Variables for ${…} in stages: maps, and files such as model.json or model.json:size,lr.",
    "params": "Files that hold parameters (YAML, JSON, TOML, or Python constants), or patterns of them.",
    "metrics": "Files or patterns of results (JSON, YAML, TOML, CSV or TSV); min or max: which is best.",
    "metrics_from_output": "Metrics that the command prints: for each name a regular expression.",
    "plots": "Files or folders of curves that the command writes; stored with the experiment.",
    "outs": "Other results, such as models; files over max_untracked go into the object store.",
    "name_template": "Names for experiments, with params filled in, such as lr={train.lr}.",
    "data": "Files and folders of data that no stage makes, as gitexp add lists them.",
    "remotes": "Where data is pushed to and pulled from: a URL by name, or a map with url: and options.",
    "link": "How data comes into the workspace: the first that works of reflink, hardlink, copy.",
    "share": "Paths that Git ignores and that a run with --temp links from the workspace: data, .venv.",
    "max_untracked": "Largest untracked or result file to store in Git, such as 10 MB.",
}
_WITH_PATTERNS = ("params", "metrics", "plots", "outs")
LINKS = ("reflink", "hardlink", "copy")
_A_DIRECTION = "For example: metrics: {loss: min, acc: max}, or with files: [metrics.json, {loss: min}]"
_A_STAGE = "For example: stages: {train: {cmd: python train.py, deps: [train.py], outs: [model.pt]}}"
_COMMAND_AS_STAGE = "Make the command the 'cmd' of a stage."
_A_REMOTE = "For example: remotes: {store: s3://bucket/folder}"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)i?[bB]?")
_Complain = Callable[[str, str, str], errors.ConfigError]  # key, message, hint
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class Config(NamedTuple):
    """The settings of one project; `KEYS` explains the keys of gitexp.yaml. Paths are relative to the root.

    Attributes:
        folder: the project's own folder: "" for the root, or "sub/dir".
        command: a line for the shell, or a list of arguments; None without one.
        pipeline_file: the file of the stages for `run`, read by `read_stages`; None without stages.
        params, metrics: candidates: the existing files count.
        directions: "min" or "max" by the name or pattern of a metric, for `directions.direction`.
        metrics_from_output: a regular expression by the name of the metric.
        remotes: data remotes by name, each with its `url` and options. The first remote is the default.
        link: ways to bring data into the workspace, in order of preference.
        max_untracked: bytes.
        declared: params and metrics files named in gitexp.yaml; the user is warned of missing ones.
        patterns: the patterns among params, metrics, plots and outs. Matching files in the
            workspace stand among the paths, except metrics: those of earlier runs are of no use.
    """

    folder: str = ""
    command: str | tuple[str, ...] | None = None
    pipeline_file: str | None = None
    params: tuple[str, ...] = USUAL_PARAMS
    metrics: tuple[str, ...] = USUAL_METRICS
    directions: Mapping[str, str] = {}
    metrics_from_output: Mapping[str, str] = {}
    plots: tuple[str, ...] = USUAL_PLOTS
    outs: tuple[str, ...] = ()
    name_template: str = ""
    data: tuple[str, ...] = ()
    remotes: Mapping[str, Mapping[str, Any]] = {}
    link: tuple[str, ...] = ("reflink", "copy")
    share: tuple[str, ...] = ()
    max_untracked: int = MAX_UNTRACKED
    declared: frozenset[str] = frozenset()
    patterns: Patterns = NO_PATTERNS

    @property
    def results(self) -> tuple[str, ...]:
        """The paths that belong to an experiment's results, whether Git ignores them or not."""
        return (*self.metrics, *self.plots, *self.outs)


def load(root: Path, here: Path) -> Config:
    """The config that holds in the folder `here` of the repository at `root`.

    Raises ParseError or ConfigError with the file and line.
    """
    folder, prefix = _place(root, here)
    path = folder / CONFIG_FILE
    shown = str(PurePosixPath(prefix, CONFIG_FILE))
    if not path.is_file():
        return conventions(root, here)
    if _leads_out(root, path):
        raise errors.ConfigError(
            "is a link to outside the repository", "Put the file itself into the repository.", file=shown
        )
    try:
        data = read_limited(path)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=shown) from error
    tree = files.parse(shown, data)
    found = _with_matches(_from_tree(tree, data, prefix, shown), root)
    return _with_names(found, tree, data, folder)


def _with_matches(config: Config, root: Path) -> Config:
    """The config with the patterns apart, and with the matching files of the workspace.

    Params written by a tool about an earlier run do not count.
    """
    literal, kept = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for key in _WITH_PATTERNS:
        paths = getattr(config, key)
        kept[key] = tuple(path for path in paths if patterns.is_pattern(path))
        literal[key] = tuple(path for path in paths if path not in kept[key])
    if not any(kept.values()):
        return config
    for key in ("plots", "outs"):
        literal[key] += tuple(patterns.matching(root, kept[key]))
    if kept["params"]:
        logs = tool_files.find(root).logs
        found = patterns.matching(root, kept["params"])
        literal["params"] += tuple(path for path in found if not lies_in_any(path, logs))
    apart = Patterns(kept["metrics"], kept["params"], (*kept["plots"], *kept["outs"]))
    declared = config.declared.intersection((*literal["params"], *literal["metrics"]))
    return config._replace(
        params=literal["params"],
        metrics=literal["metrics"],
        plots=literal["plots"],
        outs=literal["outs"],
        declared=declared,
        patterns=apart,
    )


def _leads_out(root: Path, path: Path) -> bool:
    """Whether a file is a link out of the repository: its content is not the repository's."""
    return path.is_symlink() and not path.resolve().is_relative_to(root.resolve())


def conventions(root: Path, here: Path) -> Config:
    """The config of a project without a gitexp.yaml."""
    folder, prefix = _place(root, here)
    return _with_names(_from_tree({}, b"", prefix, CONFIG_FILE), {}, b"", folder)


def read_stages(root: Path, config: Config, read_file: ReadFile | None = None) -> Pipeline | None:
    """The pipeline of a project; None if it has no stages.

    `read_file` gives the content of a file by its path from the root, for the variables in the stages; by
    default the content in the workspace. Raises ParseError and ConfigError with the file and line.
    """
    name = config.pipeline_file
    if name is None:
        return None
    try:
        data = read_limited(root / name)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=name) from error
    from gitexp.pipeline.read import read  # most projects have no stages

    own = PurePosixPath(name).name == CONFIG_FILE
    pipeline = read(name, data, config.folder, read_file or partial(_read_file, root), only_stages=own)
    for stage in pipeline.stages:
        for out in stage.outs:
            for data_path in config.data:
                if lies_in(data_path, out.path) or lies_in(out.path, data_path):
                    message = (
                        f"'{out.path}' of the stage '{stage.name}' is data too: "
                        f"'{data_path}' stands under data:"
                    )
                    raise errors.ConfigError(message, "Take one of them away.", file=name, line=stage.line)
    return pipeline


def _read_file(root: Path, name: str) -> bytes | None:
    try:
        return read_if_there(root / name)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=name) from error


def _place(root: Path, here: Path) -> tuple[Path, str]:
    """The project's folder, and the prefix of its paths."""
    folder = _project(root, here)
    return folder, without_dot(folder.relative_to(root).as_posix())


def _with_names(config: Config, tree: Tree, data: bytes, folder: Path) -> Config:
    """The config with the files that its stages name, or the stages of the project's dvc.yaml."""
    if not tree.get("stages"):
        if (folder / DVC_YAML).is_file():
            return _with_dvc(config, folder)
        return config
    name = str(PurePosixPath(config.folder, CONFIG_FILE))
    found = names_of(name, tree, _variables(tree, data, folder))
    return _joined(config._replace(pipeline_file=name), found, frozenset())


def _with_dvc(config: Config, folder: Path) -> Config:
    """The config with the files named by the project's dvc.yaml.

    The stages run where the config has no command. A run in an isolated workspace works on DVC's only cache,
    like DVC's own runs.
    """
    name = str(PurePosixPath(config.folder, DVC_YAML))
    with_stages = config
    if config.command is None:
        with_stages = config._replace(pipeline_file=name)
    try:
        data = read_limited(folder / DVC_YAML)
        tree = files.parse(name, data)
        found = names_of(name, tree, _variables(tree, data, folder))
    except (OSError, errors.FileError):  # for whoever reads the stages to complain about
        return with_stages
    if tree.get("stages"):
        config = with_stages
    instead = config.declared
    if config.pipeline_file:
        instead = frozenset()
    config = config._replace(
        outs=joined_paths(config.outs, [str(PurePosixPath(config.folder, DVC_LOCK))]),
        share=joined_paths(config.share, _dvc_shares(config.folder, folder)),
    )
    return _joined(config, found, instead)


def _dvc_shares(prefix: str, folder: Path) -> list[str]:
    """The paths shared with DVC in an isolated workspace: the cache, and settings ignored by Git.

    They belong to the nearest `dvc init`, in the project's folder or above.
    """
    place = PurePosixPath(prefix)
    for above in (place, *place.parents):
        if (folder / DVC_CONFIG).is_file():
            return [str(above / DVC_CACHE), str(above / DVC_LOCAL_CONFIG)]
        folder = folder.parent
    return [str(place / DVC_CACHE)]


def _joined(config: Config, found: DvcFiles, instead: frozenset[str]) -> Config:
    """The config with the files named by stages, except the kinds of files named in `instead`."""

    def joined(names: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        if instead.intersection(names):
            return names
        return joined_paths(names, more)

    return config._replace(
        params=joined(config.params, found.params),
        metrics=joined(config.metrics, found.metrics),
        plots=joined(config.plots, found.plots),
    )


def _variables(tree: Tree, data: bytes, folder: Path) -> Tree:
    """The values for `${…}` in the stages: from params.yaml and the files named by `vars`."""
    found: dict[str, Value] = {}
    if not is_templated(data):
        return found
    for name in (DEFAULT_PARAMS, *files_of_vars(tree)):
        path = inside("", name)
        try:
            if path is not None and (folder / path).is_file():
                found.update(files.parse(path, read_limited(folder / path)))
        except (OSError, errors.FileError):
            continue
    return found


def marked_folder(root: Path, here: Path) -> Path | None:
    """The folder of the project around `here`, by its marking file; None without any marking file."""
    if not here.is_relative_to(root):
        here = root
    upward = []
    for folder in (here, *here.parents):
        if folder.is_relative_to(root):
            upward.append(folder)
    for names in ((CONFIG_FILE,), (*USUAL_PARAMS, DVC_YAML)):
        for folder in upward:
            if any((folder / name).is_file() for name in names):
                return folder
    return None


def _project(root: Path, here: Path) -> Path:
    if (marked := marked_folder(root, here)) is not None:
        return marked
    return here if here.is_relative_to(root) else root


def _from_tree(tree: Mapping[str, Any], data: bytes, prefix: str, shown: str) -> Config:
    values: dict[str, Any] = {}

    def complain(key: str, message: str, hint: str) -> errors.ConfigError:
        return errors.ConfigError(message, hint, file=shown, line=_line_of(data, key))

    for key, value in tree.items():
        if key == "metrics":
            value, values["directions"] = _metrics(value, complain)
        if key not in KEYS:
            raise complain(
                key,
                f"there is no key '{key}'",
                did_you_mean(key, KEYS, f"The keys are: {', '.join(KEYS)}.", most=1),
            )
        if value is None:
            continue
        if key in ("stages", "vars"):
            _check_stages(key, value, tree, complain)
        elif key in _READERS:
            values[key] = _READERS[key](value, complain)
        else:
            values[key] = _paths(key, value, prefix, complain)
    declared = frozenset((*values.get("params", ()), *values.get("metrics", ())))
    for key, usual in (("params", USUAL_PARAMS), ("metrics", USUAL_METRICS), ("plots", USUAL_PLOTS)):
        values.setdefault(key, tuple(str(PurePosixPath(prefix, name)) for name in usual))
    return Config(folder=prefix, declared=declared, **values)


def _command(value: Any, complain: _Complain) -> str | tuple[str, ...]:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value.strip()
    if isinstance(value, list) and value and all(map(_is_word, value)):
        return tuple(map(str, value))
    raise complain("command", "'command' must be a string or a list", "For example: command: python train.py")


def _check_stages(key: str, value: Any, tree: Tree, complain: _Complain) -> None:
    """Check the type of `stages` and `vars`; `read_stages` reads their content."""
    if key == "stages" and not isinstance(value, dict):
        raise complain(key, "'stages' must be a mapping of names to stages", _A_STAGE)
    if key == "stages" and value and tree.get("command") is not None:
        raise complain(key, "there is a 'command' too, and only one of them can be run", _COMMAND_AS_STAGE)
    if key == "vars" and not isinstance(value, list):
        raise complain(key, "'vars' must be a list", "For example: vars: [{size: 3}, model.json]")


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
    if not isinstance(value, dict) or not all(map(is_text, value.values())):
        hint = r"For example: metrics_from_output: {val_bpb: '^val_bpb:\s+(\S+)'}"
        raise complain(key, f"'{key}' must give each name a regular expression", hint)
    try:
        files.check_printed(value)
    except errors.UsageError as error:
        raise complain(key, error.message, error.hint or "") from error
    return value


def _metrics(value: Any, complain: _Complain) -> tuple[list[Any] | None, dict[str, str]]:
    """The files under `metrics:`, None for the usual ones, and the directions of metrics by name."""
    paths, directions = [], dict[str, str]()
    if value is None:
        return None, directions
    for item in files.as_list(value):
        if not isinstance(item, dict):
            paths.append(item)
            continue
        for name, direction in item.items():
            if direction not in (MIN, MAX):
                raise complain(
                    "metrics", f"of the metric '{name}' either {MIN} or {MAX} is best", _A_DIRECTION
                )
            directions[str(name)] = direction
    if directions and not paths:
        return None, directions
    return paths, directions


def _remotes(value: Any, complain: _Complain) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not value:
        raise complain("remotes", "'remotes' must give each name a URL", _A_REMOTE)
    found = {}
    for name, remote in value.items():
        options = remote
        if isinstance(remote, str):
            options = {"url": remote}
        if not isinstance(options, dict) or not is_text(options.get("url")) or not options["url"]:
            raise complain("remotes", f"the remote '{name}' has no url", _A_REMOTE)
        found[str(name)] = options
    return found


def _links(value: Any, complain: _Complain) -> tuple[str, ...]:
    items = files.as_list(value)
    if not items or any(item not in LINKS for item in items):
        raise complain(
            "link", f"'link' must be a list of {', '.join(LINKS)}", "For example: link: [reflink, copy]"
        )
    return tuple(items)


def _paths(key: str, value: Any, prefix: str, complain: _Complain) -> tuple[str, ...]:
    items = files.as_list(value)
    if not all(map(is_text, items)) or "" in items:
        raise complain(key, f"'{key}' must be a list of paths", f"For example: {key}: [some/path]")
    paths = []
    for item in items:
        path = inside(prefix, item)
        if not path:
            raise complain(key, f"'{item}' is not inside the repository", "Give a path below this folder.")
        if key in _WITH_PATTERNS and item.count("*") > patterns.MOST_STARS:
            message = f"'{item}' has more than {patterns.MOST_STARS} stars"
            raise complain(key, message, "Give several patterns.")
        paths.append(path)
    return tuple(dict.fromkeys(paths))


def _line_of(data: bytes, key: str) -> int | None:
    """The number of the line on which a key of the top level stands."""
    pattern = re.compile(rf"""["']?{re.escape(key)}["']?\s*:""")
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if pattern.match(line):
            return number
    return None


_READERS: Mapping[str, Callable[[Any, _Complain], Any]] = {
    "command": _command,
    "max_untracked": _size,
    "name_template": _template,
    "metrics_from_output": _patterns,
    "remotes": _remotes,
    "link": _links,
}
