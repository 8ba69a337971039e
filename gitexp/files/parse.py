"""One door for every format: the ending of a file chooses the module that reads and edits it."""

from __future__ import annotations

from pathlib import PurePosixPath

from gitexp.errors import ParseError
from gitexp.files.keys import Key
from gitexp.files.limits import BOM, check_tree, decode
from gitexp.files.scalars import same
from gitexp.model import Tree, Value

# Modules are imported where a file of their format is met: yaml, ast and tomlkit cost more to import
# than most commands take.


def parse(name: str, data: bytes) -> dict[str, Value]:
    """The tree of a params file: .yaml, .yml, .json, .toml or .py; {} for an empty file.

    The values are str, int, float, bool, None, lists and dicts with str keys. Raises ParseError, with
    line and column where known, for a file that does not parse, is no map, or is over the limits.
    """
    tree = read(name, decode(name, data))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ParseError("the top of this file must be a mapping of names to values", file=name)
    check_tree(name, tree)
    return tree


def read(name: str, text: str) -> Value:
    """The value of a text in the format of the file's ending, of any type; None for no value.

    Raises ParseError. The caller checks the limits on size.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending in (".yaml", ".yml"):
        from gitexp.files import nodes, yaml_text

        root = yaml_text.compose(name, text)
        return None if root is None else nodes.plain(root)
    if ending == ".json":
        from gitexp.files import json_text, nodes

        return nodes.plain(json_text.compose(name, text)) if text.strip() else None
    if ending == ".toml":
        from gitexp.files import toml_text

        return toml_text.read(name, text)
    if ending == ".py":
        from gitexp.files import nodes, py_text

        return nodes.plain(py_text.compose(name, text))
    raise ParseError("only .yaml, .yml, .json, .toml and .py files can be read", file=name)


def edit(name: str, data: bytes, key: Key, value: Value) -> tuple[bytes, Tree]:
    """The file with `value` under `key` (without `key` if MISSING), all else as before, and its new tree.

    Raises ParseError rather than return a file that does not read as exactly this change.
    """
    text, wanted = _edited(name, decode(name, data), key, value)
    new = text.encode("utf-8")
    if data.startswith(BOM):
        new = BOM + new
    try:
        tree = parse(name, new)
    except ParseError:
        tree = None
    if tree is None or not same(tree, wanted):
        raise ParseError("this file could not be edited in place", "change it with an editor", file=name)
    return new, tree


def _edited(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    ending = PurePosixPath(name).suffix.lower()
    if ending in (".yaml", ".yml"):
        from gitexp.files import yaml_edit

        return yaml_edit.edit(name, text, key, value)
    if ending == ".json":
        from gitexp.files import json_text

        if not text.strip():
            text = "{}" + text
        return json_text.edit(name, text, key, value)
    if ending == ".toml":
        from gitexp.files import toml_edit

        return toml_edit.edit(name, text, key, value)
    from gitexp.files import py_text

    return py_text.edit(name, text, key, value)
