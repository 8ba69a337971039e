"""The values in a YAML file that PyYAML does not read as text, unlike gitexp: dates, numbers of base 60."""

from __future__ import annotations

from gitexp.files.formats.yaml_text import STANDARD, compose_leniently, hidden_kind
from gitexp.files.keys import Key
from gitexp.files.nodes import Node, merged_maps


def kind_of(node: Node) -> str:
    """The same for a node read as text by gitexp; "" for all other nodes."""
    node = node.alias_of or node
    if not isinstance(node.value, str) or node.style or node.tag not in (None, STANDARD + "timestamp"):
        return ""
    return hidden_kind(node.value)


def hidden_kinds(name: str, text: str) -> dict[Key, str]:
    """The values read as text by gitexp but not by PyYAML, with PyYAML's types. Raises ParseError."""
    found: dict[Key, str] = {}
    root = compose_leniently(name, text)
    if root is not None:
        _find_kinds(root, (), found)
    return found


def _find_kinds(node: Node, key: Key, found: dict[Key, str]) -> None:
    node = node.alias_of or node
    found.pop(key, None)  # the value of a merged map does not count
    if kind := kind_of(node):
        found[key] = kind
    if isinstance(node.value, list):
        for at, item in enumerate(node.value):
            _find_kinds(item, (*key, at), found)
    elif isinstance(node.value, dict):
        for merged in reversed(merged_maps(node)):
            _find_kinds(merged, key, found)
        for part, item in node.value.items():
            _find_kinds(item, (*key, part), found)
