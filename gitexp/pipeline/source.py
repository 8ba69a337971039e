"""A YAML file whose every value knows its line, so that whatever is wrong in it can be pointed at."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from gitexp.errors import ConfigError
from gitexp.files import nodes, yaml_text
from gitexp.files.limits import check_tree, decode
from gitexp.files.nodes import Node
from gitexp.model import Value
from gitexp.words import did_you_mean

_LONGEST = 500  # characters of a message; what it quotes may be of any length


class PipelineFile:
    """One file: its nodes, read with `entries`, `items` and `plain`, and errors that name their lines."""

    def __init__(self, name: str, data: bytes) -> None:
        """Raises ParseError if the file is not YAML within the limits, or no map."""
        text = decode(name, data)
        self.name = name
        self.root = yaml_text.compose(name, text) or Node(0, 0, {})
        self._starts = [0]
        while (at := text.find("\n", self._starts[-1])) >= 0:
            self._starts.append(at + 1)
        if not isinstance(self.root.value, dict):
            raise self.error(self.root, "the top of this file must be a mapping of names to values")
        check_tree(name, nodes.plain(self.root))

    def line(self, node: Node) -> int:
        """Return the line that an entry begins on, from 1."""
        return bisect_right(self._starts, node.entry)

    def error(self, node: Node, message: str, hint: str | None = None) -> ConfigError:
        """Return an error about a value of this file."""
        message = message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
        return ConfigError(message, hint, file=self.name, line=self.line(node))

    def unknown(self, node: Node, key: str, known: list[str], what: str) -> ConfigError:
        """Return the error that says so of a key, and which was meant or which there are."""
        hint = did_you_mean(key, known, f"There are: {', '.join(known)}.", most=1)
        return self.error(node, f"{what} has no field '{key}'", hint)


def content(node: Node) -> Any:
    """Return a scalar, a list of nodes or a dict of nodes, whether it stands there or is an alias."""
    node = node.alias_of or node
    if not isinstance(node.value, dict) or node.merge is None:
        return node.value
    merged: dict[str, Node] = {}
    for part in reversed(nodes.merged_maps(node)):  # where two merged maps have a key, the first one wins
        merged.update(content(part))
    return {**merged, **node.value}


def plain(node: Node) -> Value:
    """Return what a node says as plain data."""
    return nodes.plain(node)
