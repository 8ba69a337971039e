"""The keys of gitexp.yaml, and their values made a `Config`.

Of `stages` and `vars` only the types are checked: `stage_files` reads their content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from gitexp import errors, files, plugins
from gitexp.files.dvc_yaml import PLOT_FIELDS
from gitexp.files.scalars import is_text
from gitexp.log_rules import SUMMARIES
from gitexp.model import Tree
from gitexp.objects.paths import joined_paths
from gitexp.pipeline.paths import inside
from gitexp.project import patterns
from gitexp.project.config import USUAL_METRICS, USUAL_PARAMS, USUAL_PLOTS, Config
from gitexp.project.sections.directions import MAX, MIN
from gitexp.project.sections.intervals import read_interval
from gitexp.project.tools.hydra_config import read_hydra
from gitexp.regex import regex
from gitexp.words import did_you_mean, parse_size

KEYS: Mapping[str, str] = {
    "command": "The training command: a string for the shell, or a list of arguments.",
    "stages": "The steps of a pipeline, in the vocabulary of dvc.yaml; instead of command.",
    "vars": "Variables for ${…} in stages: maps, and files such as model.json or model.json:size,lr.",
    "params": "Files that hold parameters (YAML, JSON, TOML, or Python constants), or patterns of them.",
    "metrics": "Files or patterns of results (JSON, JSONL, YAML, TOML, CSV, TSV); min or max: which is best.",
    "summary": "Which value of a logged metric is for the table: last, best, mean, min or max, by name.",
    "tolerance": "How far a reproduction may be from a metric, by name: 0.01, 1 %, or any.",
    "metrics_from_output": "Metrics that the command prints: for each name a regular expression.",
    "plots": "Files or folders of curves and images that the command writes; stored with the experiment.",
    "outs": "Other results, such as models; files over max_untracked go into the object store.",
    "checkpoints": "Results that an interrupted run goes on from, such as ckpt/; default: the outs.",
    "resume": "true: a run that gitexp begins again by itself goes on from its checkpoints.",
    "name_template": "Names for experiments, with params filled in, such as lr={train.lr}.",
    "seed": "The param that is the seed, for --repeat and groups of replicates, such as train.seed.",
    "sweep": "Sweeps for gitexp sweep: parameters, method, trials, objective; one, or several by name.",
    "engines": "Where --engine has experiments run, by name: kind: slurm, dask or ssh, and its options.",
    "data": "Files and folders of data that no stage makes, as gitexp add lists them.",
    "remotes": "Where data is pushed to and pulled from: a URL by name, or a map with url: and options.",
    "link": "How data comes into the workspace: the first that works of reflink, hardlink, copy.",
    "share": "Paths that Git ignores and that a run with --temp links from the workspace: data, .venv.",
    "hydra": "A configuration of Hydra that is composed into a params file before each run.",
    "max_untracked": "Largest untracked or result file to store in Git, such as 10 MB.",
    "alerts": "Rules looked at while a run goes on, such as loss is nan, and what is done when one holds.",
    "on_promote": "What is done when a version of a model comes into a stage, such as a command.",
    "system_interval": "Time between two looks at CPU, memory and GPUs, such as 10 s; off for none.",
    "mlflow": "true: MLflow, in the commands of runs, logs into this repository.",
    "protected": "Files an experiment must not change, such as evaluate.py; one that does is never best.",
    "holdout": "An evaluation that gitexp runs after a run, by the code of a commit; its metrics are hidden.",
    "sign": "true: sign records with the key that Git is set to use; false: never; default: as Git does.",
}
WITH_PATTERNS = ("params", "metrics", "plots", "outs")
LINKS = ("reflink", "hardlink", "copy")
_A_DIRECTION = "For example: metrics: {loss: min, acc: max}, or with files: [metrics.json, {loss: min}]"
_A_STAGE = "For example: stages: {train: {cmd: python train.py, deps: [train.py], outs: [model.pt]}}"
_COMMAND_AS_STAGE = "Make the command the 'cmd' of a stage."
A_SWEEP = "For example: sweep: {parameters: {lr: [0.1, 0.01]}, method: grid, objective: acc}"
_AN_ENGINE = "For example: engines: {cluster: {kind: slurm, partition: gpu}}"
_A_PLOT = "For example: plots: [{eval/roc.json: {x: fpr, y: tpr}}]"
_A_REMOTE = "For example: remotes: {store: s3://bucket/folder}"
_TOLERANCE = regex(r"any|\d+\.?\d*(?:e[-+]?\d+)?(?: ?%)?", re.IGNORECASE | re.ASCII)
_Complain = Callable[[str, str, str], errors.ConfigError]  # key, message, hint


def from_tree(tree: Mapping[str, Any], data: bytes, prefix: str, shown: str) -> Config:
    """The settings in the tree of a gitexp.yaml.

    `data` is the text of the file, for the lines in errors. `shown` is the path of the file, `prefix` the
    path of its folder. Raises ConfigError.
    """
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
        elif key == "alerts":
            values[key] = plugins.load("section", "alerts")(value, data, shown)
        elif key == "on_promote":
            values[key] = plugins.load("section", "on_promote")(value, complain)
        elif key == "holdout":
            values[key] = plugins.load("section", "holdout")(value, complain)
        elif key == "hydra":
            values[key] = read_hydra(value, prefix, complain)
        elif key in _READERS:
            values[key] = _READERS[key](value, complain)
        elif key == "plots":
            values[key] = _paths(key, _files_of_plots(value, complain), prefix, complain)
        else:
            values[key] = _paths(key, value, prefix, complain)
    declared = frozenset((*values.get("params", ()), *values.get("metrics", ())))
    for key, usual in (("params", USUAL_PARAMS), ("metrics", USUAL_METRICS), ("plots", USUAL_PLOTS)):
        values.setdefault(key, tuple(str(PurePosixPath(prefix, name)) for name in usual))
    if "hydra" in values:
        values["params"] = joined_paths(values["params"], [values["hydra"].params_file])
    return Config(folder=prefix, declared=declared, **values)


def _command(value: Any, complain: _Complain) -> str | tuple[str, ...]:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value.strip()
    if isinstance(value, list) and value and all(map(_is_word, value)):
        return tuple(map(str, value))
    raise complain("command", "'command' must be a string or a list", "For example: command: python train.py")


def _check_stages(key: str, value: Any, tree: Tree, complain: _Complain) -> None:
    """Check the type of `stages` and `vars`; `stage_files` reads their content."""
    if key == "stages" and not isinstance(value, dict):
        raise complain(key, "'stages' must be a mapping of names to stages", _A_STAGE)
    if key == "stages" and value and tree.get("command") is not None:
        raise complain(key, "there is a 'command' too, and only one of them can be run", _COMMAND_AS_STAGE)
    if key == "vars" and not isinstance(value, list):
        raise complain(key, "'vars' must be a list", "For example: vars: [{size: 3}, model.json]")


def _is_word(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and "\0" not in str(value)


def _size(value: Any, complain: _Complain) -> int:
    size = parse_size(str(value))
    if size is None or isinstance(value, bool):
        raise complain("max_untracked", "'max_untracked' must be a size", "For example: max_untracked: 50 MB")
    return size


def _interval(value: Any, complain: _Complain) -> float:
    try:
        return read_interval(value)
    except ValueError as error:
        message = f"'system_interval' {error}"
        raise complain("system_interval", message, "For example: system_interval: 30 s") from error


def _flag(key: str, value: Any, complain: _Complain) -> bool:
    if isinstance(value, bool):
        return value
    raise complain(key, f"'{key}' must be true or false", f"For example: {key}: true")


def _template(value: Any, complain: _Complain) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    hint = 'For example: name_template: "lr={train.lr}"'
    raise complain("name_template", "'name_template' must be a text", hint)


def _seed(value: Any, complain: _Complain) -> str:
    hint = "For example: seed: train.seed, or seed: params.yaml:train.seed"
    if not isinstance(value, str) or not value.strip():
        raise complain("seed", "'seed' must be the key of a param", hint)
    try:
        override = files.parse_override(f"{value.strip()}=")
    except errors.OverrideError as error:
        raise complain("seed", f"'seed' must be the key of a param, and '{value}' is none", hint) from error
    if override.op is not files.Op.SET or override.typed:
        raise complain("seed", f"'seed' must be the key of a param, and '{value}' is none", hint)
    return value.strip()


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


def _summary(value: Any, complain: _Complain) -> dict[str, str]:
    if not isinstance(value, dict) or not all(kind in SUMMARIES for kind in value.values()):
        message = f"'summary' must give each metric one of {', '.join(SUMMARIES)}"
        raise complain("summary", message, "For example: summary: {acc: best, loss: min}")
    return {str(name): kind for name, kind in value.items()}


def _tolerance(value: Any, complain: _Complain) -> dict[str, str]:
    if not isinstance(value, dict) or not all(_TOLERANCE.fullmatch(str(each)) for each in value.values()):
        message = "'tolerance' must give each metric a number, a percentage or any"
        raise complain("tolerance", message, "For example: tolerance: {acc: 0.01, loss: 1 %, seconds: any}")
    return {str(name): str(each) for name, each in value.items()}


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


def _sweep(value: Any, complain: _Complain) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise complain("sweep", "'sweep' must be a mapping", A_SWEEP)
    return value


def _engines(value: Any, complain: _Complain) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise complain("engines", "'engines' must be a mapping of names to engines", _AN_ENGINE)
    return {str(name): engine for name, engine in value.items()}


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
        if key in (*WITH_PATTERNS, "protected") and item.count("*") > patterns.MOST_STARS:
            message = f"'{item}' has more than {patterns.MOST_STARS} stars"
            raise complain(key, message, "Give several patterns.")
        paths.append(path)
    return tuple(dict.fromkeys(paths))


def _files_of_plots(value: Any, complain: _Complain) -> list[Any]:
    """The files under `plots:`: the files of a plot's axes, or else its name."""
    found: list[Any] = []
    for item in files.as_list(value):
        if not isinstance(item, dict):
            found.append(item)
            continue
        for name, said in item.items():
            fields = {} if said is None else said
            _check_plot(name, fields, complain)
            named: list[Any] = []
            for axis in ("y", "x"):
                if isinstance(fields.get(axis), dict):
                    named += fields[axis]
            found += named or [name]
    return found


def _check_plot(name: Any, fields: Any, complain: _Complain) -> None:
    """Raise ConfigError for a plot with anything but the fields of one."""
    if not isinstance(fields, dict):
        raise complain("plots", f"what is said of the plot '{name}' must be a mapping", _A_PLOT)
    for field in fields:
        if field not in PLOT_FIELDS:
            hint = did_you_mean(str(field), PLOT_FIELDS, f"There are: {', '.join(PLOT_FIELDS)}.", most=1)
            raise complain("plots", f"the plot '{name}' has no field '{field}'", hint)


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
    "system_interval": _interval,
    "mlflow": partial(_flag, "mlflow"),
    "resume": partial(_flag, "resume"),
    "sign": partial(_flag, "sign"),
    "name_template": _template,
    "seed": _seed,
    "summary": _summary,
    "tolerance": _tolerance,
    "metrics_from_output": _patterns,
    "remotes": _remotes,
    "link": _links,
    "sweep": _sweep,
    "engines": _engines,
}
