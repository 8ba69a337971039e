"""A YAML file in which every value has its line, so that errors can name the place."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from gitexp.errors import ConfigError
from gitexp.files import nodes
from gitexp.files.formats import yaml_text
from gitexp.files.limits import check_tree, decode
from gitexp.files.nodes import Node
from gitexp.words import cut, did_you_mean

_LONGEST = 500  # characters of a message; what it quotes may be of any length


class PipelineFile:
    """One file of a pipeline: its nodes, and errors with their lines."""

    def __init__(self, name: str, data: bytes) -> None:
        """Raises ParseError for a file that is not YAML within the limits, or no map."""
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
        """The first line of an entry, from 1."""
        return bisect_right(self._starts, node.entry)

    def error(self, node: Node, message: str, hint: str | None = None) -> ConfigError:
        """An error about a value of this file."""
        return ConfigError(cut(message, _LONGEST), hint, file=self.name, line=self.line(node))

    def unknown(self, node: Node, key: str, known: list[str], what: str) -> ConfigError:
        """The error about an unknown key; the hint names the nearest known key, or all."""
        hint = did_you_mean(key, known, f"There are: {', '.join(known)}.", most=1)
        return self.error(node, f"{what} has no field '{key}'", hint)


def content(node: Node) -> Any:
    """The scalar, list of nodes or dict of nodes at a node. Aliases are followed, merge keys merged."""
    node = node.alias_of or node
    if not isinstance(node.value, dict) or node.merge is None:
        return node.value
    merged: dict[str, Node] = {}
    for part in reversed(nodes.merged_maps(node)):  # of two merged maps with one key, the first wins
        merged.update(content(part))
    return {**merged, **node.value}
