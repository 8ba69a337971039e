"""What a dvc.yaml and its dvc.lock say of params, metrics, plots and the command. Nothing in them is run.

The vocabulary is DVC 3's: stages (also made by `foreach` and `matrix`) with `wdir`, `params` and
`metrics`, the same two at the top level, and `${…}` where a plain value of params.yaml or `vars:`
stands for it. What cannot be resolved, or leads out of the repository, is passed over.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitexp.errors import OverrideError
from gitexp.files import keys
from gitexp.files.parse import parse
from gitexp.model import MISSING, Tree, Value

DVC_YAML, DVC_LOCK, DVC_CACHE, DVC_CONFIG = "dvc.yaml", "dvc.lock", ".dvc/cache", ".dvc/config"
DEFAULT_PARAMS = "params.yaml"  # what a stage's params are keys of, unless it names another file

MAX_STAGES = 1000  # of one dvc.yaml, with those that foreach and matrix make
MAX_FILES = 500  # params files of one dvc.yaml, and as many metrics files
_MAX_ENTRIES = 20_000  # of all lists of params and metrics: foreach and matrix multiply them
_MAX_TEXT = 16 * 1024  # characters of a path or a command, also with its variables put in
_MAX_VARIABLES = 20  # in one text

_TEMPLATE = re.compile(r"(?<!\\)\$\{([^{}]*)\}")
_NO_FILE = re.compile(r"(?:^|/)(?:\.{0,2}|\.git)(?:/|\Z)|[\0\n]", re.IGNORECASE)
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class DvcFiles:
    """The files that a dvc.yaml names, relative to the root of the repository, in its order.

    `cached` are the metrics that DVC keeps in its cache, and Git does not have. `command` is that of the
    only stage, as a shell would run it beside the dvc.yaml; None for several. `folders` tells for each
    stage what the paths in dvc.lock are relative to.
    """

    params: tuple[str, ...]
    metrics: tuple[str, ...]
    cached: tuple[str, ...]
    command: str | None
    folders: Mapping[str, str]
    plots: tuple[str, ...] = ()


def is_templated(data: bytes) -> bool:
    """Return whether a dvc.yaml needs the values of params.yaml."""
    return b"${" in data


def read_pipeline(name: str, data: bytes, variables: Tree) -> DvcFiles:
    """Return what the dvc.yaml at `name` says, with `variables` as the params.yaml beside it.

    Raises ParseError.
    """
    return names_of(name, parse(name, data), variables)


def names_of(name: str, tree: Tree, variables: Tree) -> DvcFiles:
    """Return the same of a file that is parsed already, a dvc.yaml or a gitexp.yaml."""
    folder, variables = posixpath.dirname(name), {**variables, **_vars(tree)}
    params = [_inside(folder, _text(item, variables)) for item in _list(tree.get("params"))]
    params += [_inside(folder, item) for item in files_of_vars(tree)]
    metrics = [_inside(folder, _text(item, variables)) for item in _list(tree.get("metrics"))]
    plots = [_inside(folder, _text(item, variables)) for item in _plots(tree.get("plots"))]
    cached: list[str | None] = []
    folders, commands = {}, []
    for stage, body, known in itertools.islice(_stages(tree, variables), MAX_STAGES):
        below = _folder(folder, body, known)
        if below is None or len(params) + len(metrics) + len(plots) > _MAX_ENTRIES:
            continue
        folders[stage] = below
        params += [_inside(below, _text(item, known)) for item in _params(body.get("params"))]
        for item, is_cached in _outs(body.get("metrics")):
            metrics.append(_inside(below, _text(item, known)))
            cached += metrics[-1:] if is_cached else []
        plots += [_inside(below, _text(item, known)) for item, _ in _outs(body.get("plots"))]
        commands.append(_command(body, known))
    command = commands[0] if len(commands) == 1 else None
    return DvcFiles(_unique(params), _unique(metrics), _unique(cached), command, folders, _unique(plots))


def files_of_vars(tree: Tree) -> list[str]:
    """Return the files that `vars` at the top of a file names, relative to its folder."""
    names = [entry.partition(":")[0] for entry in _list(tree.get("vars")) if isinstance(entry, str)]
    return names[:MAX_FILES]


def read_lock(data: bytes, pipeline: DvcFiles) -> dict[str, str]:
    """Return the MD5 of each output that the dvc.lock of a pipeline knows, by its path from the root.

    Raises ParseError.
    """
    found = {}
    for stage, body in _map(parse(f"{DVC_LOCK}.yaml", data).get("stages")).items():
        folder = pipeline.folders.get(stage)
        for out in _list(_map(body).get("outs")) if folder is not None else ():
            path, md5 = _map(out).get("path"), _map(out).get("md5")
            inside = _inside(folder, path) if isinstance(path, str) else None
            if inside is not None and isinstance(md5, str) and _MD5.fullmatch(md5):
                found[inside] = md5
    return found


# -- stages -------------------------------------------------------------------------------------------


def _stages(tree: Tree, variables: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """Yield for each stage its name, what it says, and the variables that hold in it."""
    for name, definition in _map(tree.get("stages")).items():
        for key, body, more in _made(_map(definition), variables):
            known = {**variables, **more}
            yield f"{name}@{key[:_MAX_TEXT]}" if key else name, body, {**known, **_vars(body)}


def _made(definition: Tree, variables: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """Yield the stages that one definition makes: what its name ends in, its body, and its own variables."""
    if "foreach" in definition:
        body, items = _map(definition.get("do")), _value(definition["foreach"], variables)
        if isinstance(items, dict):
            pairs = [(str(key), item) for key, item in items.items()]
        else:
            # DVC names the stages by the items of a list, or by their numbers if one is not plain.
            plain = not any(isinstance(item, dict | list) for item in _list(items))
            pairs = [(str(item) if plain else str(at), item) for at, item in enumerate(_list(items))]
        for key, item in pairs:
            yield key, body, {"key": key, "item": item}
    elif isinstance(definition.get("matrix"), dict):
        axes = {axis: _list(_value(values, variables)) for axis, values in definition["matrix"].items()}
        named = [
            [
                (f"{axis}{at}" if isinstance(value, dict | list) else str(value), value)
                for at, value in enumerate(values)
            ]
            for axis, values in axes.items()
        ]
        for chosen in itertools.product(*named):
            item = dict(zip(axes, (value for _, value in chosen), strict=True))
            yield "-".join(name for name, _ in chosen), definition, {"item": item}
    else:
        yield "", definition, {}


def _folder(folder: str, body: Tree, variables: Tree) -> str | None:
    """Return the folder that a stage works in; None if that is not known."""
    if "wdir" not in body:
        return folder
    wdir = _text(body["wdir"], variables)
    return None if wdir is None else posixpath.join(folder, wdir)


def _params(entries: Value) -> Iterator[str]:
    """Yield the files that a stage's params stand in: a text is a key of the default one."""
    for entry in _list(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield DEFAULT_PARAMS
        yield from _map(entry)


def _outs(entries: Value) -> Iterator[tuple[str, bool]]:
    """Yield the path of each output of a list, and whether DVC's cache holds it."""
    for entry in _list(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield entry, True
        for name, settings in _map(entry).items():
            yield name, _map(settings).get("cache") is not False


def _plots(entries: Value) -> Iterator[str]:
    """Yield the files of the plots at the top level: those of the axes, or else each plot's own name."""
    for entry in _list(entries)[:MAX_FILES]:
        if isinstance(entry, str):
            yield entry
        for name, settings in _map(entry).items():
            axes = [axis for key in ("x", "y") for axis in _map(_map(settings).get(key))]
            yield from axes or [name]


def _command(body: Tree, variables: Tree) -> str | None:
    command = body.get("cmd")
    lines = [_text(line, variables) for line in (command if isinstance(command, list) else [command])]
    known = [line.strip() for line in lines if line is not None]
    if not lines or len(known) < len(lines):
        return None
    wdir = _text(body["wdir"], variables) if "wdir" in body else None
    return " && ".join([f"cd {shlex.quote(wdir)}", *known] if wdir else known)


# -- values -------------------------------------------------------------------------------------------


def _vars(tree: Tree) -> dict[str, Value]:
    """Return what `vars:` sets in place; files that it names are not read."""
    found: dict[str, Value] = {}
    for entry in _list(tree.get("vars")):
        found.update(_map(entry))
    return found


def _text(template: Value, variables: Tree) -> str | None:
    """Return a text with its variables put in; None if one is not known, or not plain."""
    if not isinstance(template, str) or len(template) > _MAX_TEXT or template.count("${") > _MAX_VARIABLES:
        return None
    parts: list[str] = []
    at = 0
    for match in _TEMPLATE.finditer(template):
        value = _variable(match[1], variables)
        if value is MISSING or value is None or isinstance(value, dict | list):
            return None
        parts += [template[at : match.start()], str(value).lower() if isinstance(value, bool) else str(value)]
        at = match.end()
    parts.append(template[at:])
    if sum(map(len, parts)) > _MAX_TEXT:
        return None
    return "".join(parts).replace("\\${", "${")


def _value(template: Value, variables: Tree) -> Value:
    """Return what a text that is one variable stands for, anything else as it is."""
    match = _TEMPLATE.fullmatch(template) if isinstance(template, str) else None
    return template if match is None else _variable(match[1], variables)


def _variable(text: str, variables: Tree) -> Value:
    try:
        return keys.get(variables, keys.resolve(variables, keys.parse_key(text.strip())))
    except OverrideError:
        return MISSING


def _inside(folder: str | None, name: str | None) -> str | None:
    """Return a path relative to the root; None if it leads out of the repository, or into .git."""
    if name is None or folder is None:
        return None
    path = posixpath.normpath(posixpath.join(folder, name))
    return None if posixpath.isabs(path) or _NO_FILE.search(path) else path


def _unique(names: list[str | None]) -> tuple[str, ...]:
    return tuple(itertools.islice(dict.fromkeys(name for name in names if name is not None), MAX_FILES))


def _list(value: Value) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: Value) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
