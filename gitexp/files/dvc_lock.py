"""What DVC has written down of stages and data: `dvc.lock`, and files that end in `.dvc`.

The hashes are MD5s. DVC 2 wrote an MD5 over text with plain line ends ("legacy"); DVC 3 says `hash: md5`.
The files may come from a stranger: an entry with a path out of the repository is an error.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from gitexp import errors
from gitexp.files.dvc_yaml import DVC_LOCK, as_items, as_map, inside_root, is_md5
from gitexp.files.keys import flatten
from gitexp.files.parse import parse
from gitexp.model import Flat, Value
from gitexp.named_tuple import NamedTuple

_SCHEMAS = ("2.0", "2")
_MD5_KINDS = ("md5", "md5-dos2unix")


class DvcEntry(NamedTuple):
    """A file or folder named by DVC.

    Attributes:
        path: path from the root of the repository.
        md5: the MD5 of a file, or of the list of a folder's files with `.dir` behind; "" without one.
        size: bytes of all files; None if unknown.
        executable: whether a file is executable.
        legacy: whether the MD5 of a text counts plain line ends, as DVC 2 did.
    """

    path: str
    md5: str
    size: int | None = None
    executable: bool = False
    legacy: bool = False

    @property
    def is_folder(self) -> bool:
        return self.md5.endswith(".dir")


class DvcStage(NamedTuple):
    """A stage in a dvc.lock. The paths are as in the file: relative to the folder of the stage.

    Attributes:
        commands: shell lines.
        deps, outs: entries by path.
        params: values by file.
    """

    commands: tuple[str, ...]
    deps: tuple[Mapping[str, Any], ...]
    params: Mapping[str, Mapping[str, Value]]
    outs: tuple[Mapping[str, Any], ...]

    def read(self, wdir: str) -> tuple[dict[str, DvcEntry], dict[str, DvcEntry]]:
        """The deps and the outs by path from the root, of a stage in the folder `wdir`. Raises ParseError."""
        return _by_path(wdir, self.deps), _by_path(wdir, self.outs)

    def values(self, wdir: str) -> dict[str, Flat]:
        """The flat values of the params by file, from the root. Raises ParseError."""
        found: dict[str, Flat] = {}
        for name, values in self.params.items():
            path = inside_root(wdir, name)
            if path is None:
                _fail(DVC_LOCK, f"the params file {name!r} is outside of the repository")
            flat: dict[str, Value] = {}
            for key, value in values.items():
                if isinstance(value, dict) and value:
                    flat.update({f"{key}.{below}": item for below, item in flatten(value).items()})
                else:
                    flat[key] = value
            found[path] = flat
        return found


@lru_cache(maxsize=256)  # the locks of many experiments are asked for twice each
def read_stages(name: str, data: bytes) -> Mapping[str, DvcStage]:
    """The stages of the dvc.lock `name`. Raises ParseError, also for a dvc.lock of an unknown version."""
    tree = parse(f"{name}.yaml", data)
    if not tree:
        return {}
    schema = tree.get("schema")
    stages = tree.get("stages")
    if schema is None and "stages" not in tree:  # DVC 1 had no other keys than stages
        stages = tree
    elif str(schema) not in _SCHEMAS:
        _fail(name, f"its schema is {schema!r}, and gitexp knows {_SCHEMAS[0]}")
    if stages is not None and not isinstance(stages, dict):
        _fail(name, "`stages` is no map")
    return {stage: _stage(name, stage, as_map(body)) for stage, body in as_map(stages).items()}


def read_pointer(name: str, data: bytes) -> tuple[DvcEntry, ...]:
    """The data named by the file `name`, which ends in `.dvc`. Raises ParseError."""
    tree = parse(f"{name}.yaml", data)
    folder, wdir = posixpath.dirname(name), tree.get("wdir", ".")
    if not isinstance(wdir, str):
        _fail(name, "`wdir` is no path")
    place = posixpath.join(folder, wdir)
    return tuple(_entry(name, place, as_map(out)) for out in as_items(tree.get("outs")))


def _stage(name: str, stage: str, body: Mapping[str, Any]) -> DvcStage:
    commands = body.get("cmd")
    if isinstance(commands, str):
        commands = [commands]
    if not isinstance(commands, list) or not all(isinstance(line, str) for line in commands):
        _fail(name, f"the stage {stage!r} has no command")
    params = {}
    for file, values in as_map(body.get("params")).items():
        params[file] = as_map(values)
    return DvcStage(tuple(commands), _entries(body, "deps"), params, _entries(body, "outs"))


def _entries(body: Mapping[str, Any], kind: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(map(as_map, as_items(body.get(kind))))


def _by_path(wdir: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, DvcEntry]:
    found = (_entry(DVC_LOCK, wdir, entry) for entry in entries)
    return {entry.path: entry for entry in found}


def _entry(name: str, folder: str | None, entry: Mapping[str, Any]) -> DvcEntry:
    """An entry; its MD5 is "" for another kind of hash, or for one that cannot be one."""
    path = entry.get("path")
    inside = None
    if isinstance(path, str) and path:
        inside = inside_root(folder, path)
    if inside is None:
        _fail(name, f"the path {path!r} is outside of the repository")
    md5, kind, size = entry.get("md5"), entry.get("hash"), entry.get("size")
    if not isinstance(md5, str) or not is_md5(md5) or (kind is not None and kind not in _MD5_KINDS):
        md5 = ""
    if type(size) is not int or size < 0:
        size = None
    return DvcEntry(inside, md5, size, entry.get("isexec") is True, legacy=kind != "md5")


def _fail(name: str, why: str) -> NoReturn:
    raise errors.ParseError(why, file=name)
