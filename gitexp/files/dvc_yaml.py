"""Params, metrics, plots and the command of a dvc.yaml and its dvc.lock. Nothing in them is run.

The vocabulary is DVC 3's: stages (also made by `foreach` and `matrix`) with `wdir`, `params` and
`metrics`, the same two at the top level, and `${…}` for a plain value of params.yaml or `vars:`.
Entries that cannot be resolved, or lead out of the repository, are passed over.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gitexp.errors import OverrideError
from gitexp.files import keys
from gitexp.files.parse import parse
from gitexp.files.scalars import is_nested
from gitexp.model import MISSING, Tree, Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

DVC_YAML, DVC_LOCK, DVC_CACHE, DVC_CONFIG = "dvc.yaml", "dvc.lock", ".dvc/cache", ".dvc/config"
DVC_LOCAL_CONFIG = ".dvc/config.local"
DEFAULT_PARAMS = "params.yaml"  # what a stage's params are keys of, unless it names another file

PLOT_FIELDS = ("template", "x", "y", "x_label", "y_label", "title", "header")

MAX_STAGES = 1000  # of one dvc.yaml, with those that foreach and matrix make
MAX_FILES = 500  # params files of one dvc.yaml, and as many metrics files
_MAX_ENTRIES = 20_000  # of all lists of params and metrics: foreach and matrix multiply them
_MAX_TEXT = 16 * 1024  # characters of a path or a command, also with its variables put in
_MAX_VARIABLES = 20  # in one text

_TEMPLATE = regex(r"(?<!\\)\$\{([^{}]*)\}")
_NO_FILE = regex(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|\Z)|[\0\n]", re.IGNORECASE)
_MD5 = regex(r"[0-9a-f]{32}(\.dir)?")


class DvcFiles(NamedTuple):
    """The files of a dvc.yaml, relative to the root of the repository, in its order.

    Attributes:
        params: params files.
        metrics: metrics files.
        cached: metrics files in DVC's cache and not in Git.
        command: command of the only stage, as a shell line beside the dvc.yaml; None for several stages.
        folders: by stage, the folder to which the paths in dvc.lock are relative.
        plots: files of plots.
        cached_plots: files and folders of plots in DVC's cache and not in Git.
    """

    params: tuple[str, ...]
    metrics: tuple[str, ...]
    cached: tuple[str, ...]
    command: str | None
    folders: Mapping[str, str]
    plots: tuple[str, ...] = ()
    cached_plots: tuple[str, ...] = ()


def is_templated(data: bytes) -> bool:
    """Whether a dvc.yaml needs the values of params.yaml."""
    return b"${" in data


def read_pipeline(name: str, data: bytes, variables: Tree) -> DvcFiles:
    """The files of the dvc.yaml at `name`; `variables` are the values of the params.yaml beside it.

    Raises ParseError.
    """
    return names_of(name, parse(name, data), variables)


def names_of(name: str, tree: Tree, variables: Tree) -> DvcFiles:
    """The files of a dvc.yaml or gitexp.yaml already parsed."""
    folder, variables = posixpath.dirname(name), {**variables, **own_vars(tree)}
    params = _paths(folder, as_items(tree.get("params")), variables)
    params += [inside_root(folder, item) for item in files_of_vars(tree)]
    metrics = _paths(folder, as_items(tree.get("metrics")), variables)
    plots = _paths(folder, _plots(tree.get("plots")), variables)
    cached: list[str | None] = []
    cached_plots: list[str | None] = []
    folders, commands = {}, []
    for stage, body, known in itertools.islice(stages_of(tree, variables), MAX_STAGES):
        below = folder_of(folder, body, known)
        if below is None or len(params) + len(metrics) + len(plots) > _MAX_ENTRIES:
            continue
        folders[stage] = below
        params += _paths(below, _params(body.get("params")), known)
        for item, is_cached in _outs(body.get("metrics")):
            metrics += _paths(below, [item], known)
            if is_cached:
                cached.append(metrics[-1])
        for item, is_cached in _outs(body.get("plots")):
            plots += _paths(below, [item], known)
            if is_cached:
                cached_plots.append(plots[-1])
        commands.append(_command(body, known))
    command = None
    if len(commands) == 1:
        command = commands[0]
    in_cache = _unique(cached), _unique(cached_plots)
    return DvcFiles(
        _unique(params), _unique(metrics), in_cache[0], command, folders, _unique(plots), in_cache[1]
    )


def files_of_vars(tree: Tree) -> list[str]:
    """The files of `vars` at the top of a file, relative to its folder."""
    names = []
    for entry in as_items(tree.get("vars")):
        if isinstance(entry, str):
            names.append(entry.partition(":")[0])
    return names[:MAX_FILES]


def read_lock(data: bytes, pipeline: DvcFiles) -> dict[str, str]:
    """The MD5 of each output in the dvc.lock of a pipeline, by path from the root; a folder's ends in `.dir`.

    Raises ParseError.
    """
    found = {}
    for stage, body in as_map(parse(f"{DVC_LOCK}.yaml", data).get("stages")).items():
        for out in as_items(as_map(body).get("outs")):
            path, md5 = as_map(out).get("path"), as_map(out).get("md5")
            if not isinstance(path, str) or not isinstance(md5, str):
                continue
            inside = inside_root(pipeline.folders.get(stage), path)
            if inside is not None and _MD5.fullmatch(md5):
                found[inside] = md5
    return found


def is_md5(text: str) -> bool:
    """Whether a text is the MD5 of a file or folder, as DVC writes it."""
    return _MD5.fullmatch(text) is not None


# -- stages -------------------------------------------------------------------------------------------


def stages_of(tree: Tree, variables: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """Each stage: name, body, variables."""
    for name, definition in as_map(tree.get("stages")).items():
        for key, body, more in _made(as_map(definition), variables):
            full = f"{name}@{key[:_MAX_TEXT]}" if key else name
            yield full, body, {**variables, **more, **own_vars(body)}


def _made(definition: Tree, variables: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """The stages of one definition: end of the name, body, and variables of its own."""
    if "foreach" in definition:
        items = _value(definition["foreach"], variables)
        for key, item in _items(items):
            yield key, as_map(definition.get("do")), {"key": key, "item": item}
    elif isinstance(definition.get("matrix"), dict):
        axes = {axis: as_items(_value(values, variables)) for axis, values in definition["matrix"].items()}
        for key, item in combined(axes, str):
            yield key, definition, {"item": item}
    else:
        yield "", definition, {}


def _items(items: Value) -> Iterator[tuple[str, Value]]:
    """The items of a `foreach` with the keys in the stages' names."""
    if not isinstance(items, dict):
        yield from keyed(as_items(items), str)
        return
    for key, item in items.items():
        yield str(key), item


def keyed(items: Sequence[Value], text: Callable[[Value], str]) -> Iterator[tuple[str, Value]]:
    """The items of a list below `foreach`, with the keys in the stages' names.

    DVC names the stages by the items, or by their numbers if any item is not plain. `text` gives the text of
    a plain item.
    """
    is_plain = not any(map(is_nested, items))
    for at, item in enumerate(items):
        key = str(at)
        if is_plain:
            key = text(item)
        yield key, item


def combined(
    axes: Mapping[str, Sequence[Value]], text: Callable[[Value], str]
) -> Iterator[tuple[str, dict[str, Value]]]:
    """The combinations of the values of a `matrix`, with the keys in the stages' names.

    `text` gives the text of a plain value.
    """
    for chosen in itertools.product(*map(enumerate, axes.values())):
        item, names = {}, []
        for axis, (at, value) in zip(axes, chosen, strict=True):
            item[axis] = value
            names.append(f"{axis}{at}" if is_nested(value) else text(value))
        yield "-".join(names), item


def folder_of(folder: str, body: Tree, variables: Tree) -> str | None:
    """The folder of a stage; None for an unknown one."""
    if "wdir" not in body:
        return folder
    wdir = filled_text(body["wdir"], variables)
    if wdir is None:
        return None
    return posixpath.join(folder, wdir)


def _params(entries: Value) -> Iterator[str]:
    """The params files of a stage. A text is a key of the default file."""
    for entry in as_items(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield DEFAULT_PARAMS
        yield from as_map(entry)


def _outs(entries: Value) -> Iterator[tuple[str, bool]]:
    """Each output of a list: its path, and whether DVC's cache holds it."""
    for entry in as_items(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield entry, True
        for name, settings in as_map(entry).items():
            yield name, as_map(settings).get("cache") is not False


def _plots(entries: Value) -> Iterator[str]:
    """The files of the plots at the top level: the files of a plot's axes, or else its name."""
    for entry in as_items(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield entry
        for name, settings in as_map(entry).items():
            axes = as_map(settings)
            yield from [*as_map(axes.get("x")), *as_map(axes.get("y"))] or [name]


def _command(body: Tree, variables: Tree) -> str | None:
    commands = body.get("cmd")
    if commands == []:
        return None
    if not isinstance(commands, list):
        commands = [commands]
    lines = []
    if wdir := filled_text(body.get("wdir"), variables):
        lines.append(f"cd {shlex.quote(wdir)}")
    for command in commands:
        line = filled_text(command, variables)
        if line is None:
            return None
        lines.append(line.strip())
    return " && ".join(lines)


# -- values -------------------------------------------------------------------------------------------


def own_vars(tree: Tree) -> dict[str, Value]:
    """The variables that stand in `vars:` itself; the files of `vars:` are not read."""
    found: dict[str, Value] = {}
    for entry in as_items(tree.get("vars")):
        found.update(as_map(entry))
    return found


def filled_text(template: Value, variables: Tree) -> str | None:
    """The text with its variables put in; None if a variable is unknown, or not plain."""
    if not isinstance(template, str) or len(template) > _MAX_TEXT or template.count("${") > _MAX_VARIABLES:
        return None
    parts: list[str] = []
    at = 0
    for match in _TEMPLATE.finditer(template):
        value = _variable(match[1], variables)
        if value is MISSING or value is None or isinstance(value, dict | list):
            return None
        text = str(value)
        if isinstance(value, bool):
            text = text.lower()
        parts += [template[at : match.start()], text]
        at = match.end()
    parts.append(template[at:])
    if sum(map(len, parts)) > _MAX_TEXT:
        return None
    return "".join(parts).replace("\\${", "${")


def _value(template: Value, variables: Tree) -> Value:
    """The value of the variable if a text consists of one; anything else unchanged."""
    if isinstance(template, str) and (match := _TEMPLATE.fullmatch(template)):
        return _variable(match[1], variables)
    return template


def _variable(text: str, variables: Tree) -> Value:
    try:
        return keys.get(variables, keys.resolve(variables, keys.parse_key(text.strip())))
    except OverrideError:
        return MISSING


def inside_root(folder: str | None, name: str | None) -> str | None:
    """The path relative to the root; None for a path out of the repository, or into .git."""
    if name is None or folder is None:
        return None
    path = posixpath.normpath(posixpath.join(folder, name))
    if posixpath.isabs(path) or _NO_FILE.search(path):
        return None
    return path


def _paths(folder: str, names: Iterable[Value], variables: Tree) -> list[str | None]:
    return [inside_root(folder, filled_text(name, variables)) for name in names]


def _unique(names: list[str | None]) -> tuple[str, ...]:
    return tuple(itertools.islice(dict.fromkeys(name for name in names if name is not None), MAX_FILES))


def as_items(value: Value) -> list[Any]:
    return value if isinstance(value, list) else []


def as_map(value: Value) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
