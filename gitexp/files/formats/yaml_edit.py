"""YAML edited in place: block maps and lists line by line, bracketed ones like JSON."""

from __future__ import annotations

import re

from gitexp.files import nodes
from gitexp.files.formats.yaml_kinds import kind_of
from gitexp.files.formats.yaml_text import compose_leniently, skip_gap
from gitexp.files.formats.yaml_write import flow_text, key_text
from gitexp.files.keys import Key
from gitexp.files.nodes import Node, Splice
from gitexp.model import Value
from gitexp.regex import regex

_ANCHOR = regex(r"&[^\s,\[\]{}]+")
_COLON = regex(r"\s*:")
_INDENT = regex(r"^( +)[^\s#-]", re.MULTILINE)


class YamlEditor:
    """Writes values into one YAML text (`nodes.Editor`)."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self.root = compose_leniently(name, text) or Node(len(text), len(text), None, flow=False)

    def replace(self, node: Node, value: Value) -> list[Splice]:
        """The splices that write `value` where `node` stands; its anchor stays."""
        new = flow_text(value, flow=node.in_flow, style=node.style, kinds=_kinds_in(node))
        if node.alias_of is not None:
            return [Splice(node.start, node.end, new)]
        if node.tag is not None:
            return self._replace_tagged(node, new)
        head = node.props_end or self._head(node)
        if node.flow or nodes.line_start(self._text, node.start) <= head:
            return [self._in_line(node, new)]
        return self._replace_lines(node, head, new)

    def _replace_tagged(self, node: Node, new: str) -> list[Splice]:
        """A tag states the type of the old value, so the tag goes; an anchor before or after stays."""
        start = skip_gap(self._text, self._head(node))
        if anchor := _ANCHOR.search(self._text, start, node.props_end):
            new = f"{anchor[0]} {new}"
        return [Splice(start, node.end, new)]

    def _in_line(self, node: Node, new: str) -> Splice:
        """`new` in place of a value; after `key:` or in `{key}`, without a value yet, apart from the key."""
        if node.start < node.end:
            return Splice(node.start, node.end, new)
        if node.key_end and ":" not in self._text[node.key_end : node.start]:
            return Splice(node.start, node.start, ": " + new)
        after = self._text[node.start : nodes.line_end(self._text, node.start)]
        if after.isspace():
            return Splice(node.start + 1, node.start + 1, new)
        if not self._text[node.start - 1].isspace():
            new = " " + new
        return Splice(node.start, node.start, new)

    def _head(self, node: Node) -> int:
        """Where a value may begin on the line of its key or dash."""
        if node.key_end:
            if colon := _COLON.match(self._text, node.key_end):
                return colon.end()
            return node.key_end
        if not node.in_flow and node.entry < node.start and self._text[node.entry] == "-":
            return node.entry + 1
        return node.entry

    def _replace_lines(self, node: Node, head: int, new: str) -> list[Splice]:
        """The block lines go, and `new` stands beside the key; comments between the two stay."""
        lines = nodes.delete_lines(self._text, node.start, node.end)
        return [Splice(head, head, " " + new), lines]

    def insert(self, node: Node, part: str | int, value: Value) -> list[Splice]:
        """The splices that add an entry at the end of a map or list; a null becomes a map."""
        if not isinstance(node.value, dict | list):
            return self._insert_in_null(node, str(part), value)
        if node.flow:
            entry = flow_text(value, flow=True, kinds=_kinds_beside(node))
            if (key := self._key(node, part, flow=True)) is not None:
                entry = f"{key}: {entry}"
            return nodes.insert_in_brackets(self._text, node, entry)
        first = nodes.children(node)[0]
        indent = first.entry - nodes.line_start(self._text, first.entry)
        key = self._key(node, part)
        if key is None:
            lines = [f"{' ' * indent}- {flow_text(value, kinds=_kinds_beside(node))}"]
        else:
            lines = self._block_lines(key, value, indent)
        return [self._line_after(node.end, lines)]

    def _insert_in_null(self, node: Node, part: str, value: Value) -> list[Splice]:
        if node.start < node.end or node.in_flow or node.props_end:
            return self.replace(node, {part: value})
        if node is self.root:
            return [self._line_after(node.end, self._block_lines(key_text(part), value, 0))]
        key = node.entry
        indent = key - nodes.line_start(self._text, key) + self._indent_unit()
        return [self._line_after(node.end, self._block_lines(key_text(part), value, indent))]

    def _key(self, node: Node, part: str | int, *, flow: bool = False) -> str | None:
        """The text of a new key in `node`, a bare number beside bare numbers; None in a list."""
        if isinstance(part, int):
            return None
        if part.isdecimal() and part.isascii():
            for text, item in node.value.items():
                if text.isdecimal() and self._text.startswith(text, item.entry):
                    return part
        return key_text(part, flow=flow)

    def _block_lines(self, key: str, value: Value, indent: int) -> list[str]:
        """The lines of an entry: a map has indented lines of its own, any other value one line."""
        margin = " " * indent
        if not isinstance(value, dict) or not value:
            return [f"{margin}{key}: {flow_text(value)}"]
        lines = [f"{margin}{key}:"]
        for name, item in value.items():
            lines += self._block_lines(key_text(name), item, indent + self._indent_unit())
        return lines

    def _indent_unit(self) -> int:
        if match := _INDENT.search(self._text):
            return len(match[1])
        return 2

    def _line_after(self, position: int, lines: list[str]) -> Splice:
        """New lines after the line around `position`, with the line breaks in use there."""
        end = nodes.line_end(self._text, position)
        new_line = nodes.line_break(self._text, position)
        new = new_line.join(lines)
        if end == len(self._text) and nodes.line_start(self._text, end) == end:
            # An empty last line: the file is empty, or ends in a line break.
            return Splice(end, end, new + new_line)
        return Splice(end, end, new_line + new)

    def delete(self, node: Node, part: str | int) -> list[Splice]:
        """The splices that remove an entry; a map or list without entries becomes {} or []."""
        items = nodes.children(node)
        if len(items) == 1:
            return self._empty(node)
        if node.flow:
            return nodes.delete_in_brackets(self._text, node, part)
        item = node.value[part]
        begins_line = not self._text[nodes.line_start(self._text, item.entry) : item.entry].strip()
        if begins_line:
            return [nodes.delete_lines(self._text, item.entry, item.end)]
        after = items[items.index(item) + 1 :]  # the entry is the first of a map that begins beside a dash
        return [Splice(item.entry, after[0].entry if after else item.end, "")]

    def _empty(self, node: Node) -> list[Splice]:
        new = "{}" if isinstance(node.value, dict) else "[]"
        head = node.props_end or self._head(node)
        if node is self.root or node.flow or nodes.line_start(self._text, node.start) <= head:
            return [Splice(node.start, node.end, new)]
        return self._replace_lines(node, head, new)


def _kinds_in(node: Node) -> set[str]:
    """PyYAML's types of the values in `node` that gitexp reads as text."""
    node = node.alias_of or node
    if not isinstance(node.value, dict | list):
        return {kind_of(node)} - {""}
    kinds = set[str]()
    for child in nodes.children(node):
        kinds |= _kinds_in(child)
    return kinds


def _kinds_beside(node: Node) -> set[str]:
    """The same for the items that a new item of a list will stand beside; none in a map."""
    return _kinds_in(node) if isinstance(node.value, list) else set()


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The YAML text with `value` under `key` (without `key` if MISSING), and its new tree."""
    editor = YamlEditor(name, text)
    splices, tree = nodes.edit(editor, editor.root, key, value)
    return nodes.splice(text, splices), tree
