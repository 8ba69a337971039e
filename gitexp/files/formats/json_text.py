"""JSON read into nodes with positions, and edited in place.

The standard library's reader gives no positions, keeps the last of two equal keys, and recurses.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # in the library, not in its stubs

from gitexp.errors import ParseError
from gitexp.files import nodes
from gitexp.files.keys import Key
from gitexp.files.limits import MAX_DEPTH, parse_error
from gitexp.files.nodes import Node, Splice
from gitexp.files.unreadable import Unreadable
from gitexp.model import Scalar, Value
from gitexp.regex import regex

_SPACE = regex(r"[ \t\r\n]*")
_NUMBER = regex(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_WORD = regex("|".join(_WORDS))
_BRACKET = regex(r'["{}\[\]]')
_MOST_OPEN = 10_000  # brackets
_INDENT = regex(r'\n([ \t]+)"')


def compose(name: str, text: str) -> Node:
    """The root node of a JSON text; NaN and Infinity are numbers, as in Python's own writer.

    What is nested too deep is Unreadable. Raises ParseError, with the position, for a fault in the JSON or a
    repeated key.
    """
    return _JsonReader(name, text).read()


class _JsonReader:
    """One pass over the text with a stack of open maps and lists."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._at = 0

    def read(self) -> Node:
        root = self._value(0)
        open_nodes = []
        if isinstance(root.value, dict | list):
            open_nodes.append(root)
        while open_nodes:
            parent = open_nodes[-1]
            if not self._next_entry(parent):
                parent.end = self._at
                open_nodes.pop()
                continue
            child = self._entry(parent, len(open_nodes))
            if isinstance(child.value, dict | list):
                open_nodes.append(child)
        if self._peek():
            raise self._error("there is something after the end of the JSON value")
        return root

    def _peek(self) -> str:
        """The next character after white space, "" at the end."""
        if match := _SPACE.match(self._text, self._at):
            self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _error(self, message: str, at: int | None = None) -> ParseError:
        if at is None:
            at = self._at
        return parse_error(self._name, message, self._text, at)

    def _next_entry(self, parent: Node) -> bool:
        """Whether `parent` has another entry; moves past the comma or the closing bracket."""
        closing = "}" if isinstance(parent.value, dict) else "]"
        found = self._peek()
        if found == closing:
            self._at += 1
            return False
        if parent.value:
            if found != ",":
                raise self._error(f"a comma or `{closing}` is missing here")
            self._at += 1
        return True

    def _entry(self, parent: Node, depth: int) -> Node:
        if isinstance(parent.value, list):
            child = self._value(depth)
            parent.value.append(child)
            return child
        if self._peek() != '"':
            raise self._error("a key in double quotes is missing here")
        start = self._at
        key = self._string()
        key_end = self._at
        if key in parent.value:
            raise self._error(f"the key `{key}` stands here a second time", start)
        if self._peek() != ":":
            raise self._error("a `:` is missing here")
        self._at += 1
        child = self._value(depth)
        child.entry, child.key_end = start, key_end
        parent.value[key] = child
        return child

    def _value(self, depth: int) -> Node:
        first = self._peek()
        start = self._at
        if first and first in "{[":
            if depth >= MAX_DEPTH:
                return Node(start, self._at, self._too_deep(), entry=start)
            self._at += 1
            return Node(start, start, {} if first == "{" else [], entry=start)
        value: Scalar | Unreadable
        if first == '"':
            value = self._string()
        else:
            value = self._bare()
        return Node(start, self._at, value, entry=start)

    def _too_deep(self) -> Unreadable:
        """The stand-in for a map or list inside too many others; moves past its end."""
        why = f"this is nested more than {MAX_DEPTH} levels deep"
        error = self._error(why)
        depth = 0
        while found := _BRACKET.search(self._text, self._at):
            self._at = found.start()
            if found[0] == '"':
                self._string()
                continue
            self._at += 1
            depth += 1 if found[0] in "{[" else -1
            if depth == 0:
                return Unreadable(why, error.line or 0, error.column or 0)
            if depth > _MOST_OPEN:
                break
        raise error

    def _string(self) -> str:
        try:
            text, self._at = scanstring(self._text, self._at + 1, True)
        except json.JSONDecodeError as error:
            raise self._error("this text in quotes is not valid JSON", error.pos) from None
        return str(text)

    def _bare(self) -> Scalar | Unreadable:
        word = _WORD.match(self._text, self._at)
        if word:
            self._at = word.end()
            return _WORDS[word[0]]
        number = _NUMBER.match(self._text, self._at)
        if not number:
            raise self._error("a JSON value is missing here")
        self._at = number.end()
        if number[1] or number[2]:
            return float(number[0])
        try:
            return int(number[0])
        except ValueError:
            error = self._error("", number.start())
            why = "this number has more than 4,000 digits"
            return Unreadable(why, error.line or 0, error.column or 0)


class JsonEditor:
    """Writes values into one JSON text (`nodes.Editor`), with its indentation and escapes."""

    def __init__(self, name: str, text: str) -> None:
        self._text = text
        self.root = compose(name, text)
        self._unit = ""
        if indent := _INDENT.search(text):
            self._unit = indent[1]
        self._colon = ": "
        if self.root.value and '": ' not in text:
            self._colon = ":"
        self._escapes = text.isascii() and "\\u" in text

    def replace(self, node: Node, value: Value) -> list[Splice]:
        """The splices that write `value` where `node` stands."""
        return [Splice(node.start, node.end, self._written(value, self._indent(node.entry)))]

    def insert(self, node: Node, part: str | int, value: Value) -> list[Splice]:
        """The splices that add an entry at the end of a map or list; a null becomes a map."""
        if not isinstance(node.value, dict | list):
            return self.replace(node, {part: value})
        items = nodes.children(node)
        if items:
            indent = self._indent(items[-1].entry)
        else:
            indent = self._indent(node.entry) + self._unit
        entry = self._written(value, indent)
        if isinstance(node.value, dict):
            entry = self._dumps(part) + self._colon + entry
        if items or not self._unit:
            return nodes.insert_in_brackets(self._text, node, entry)
        new_line = nodes.line_break(self._text, node.start)
        new = f"{new_line}{indent}{entry}{new_line}{self._indent(node.entry)}"
        return [Splice(node.start + 1, node.end - 1, new)]

    def delete(self, node: Node, part: str | int) -> list[Splice]:
        """The splices that remove an entry and its comma."""
        return nodes.delete_in_brackets(self._text, node, part)

    def _indent(self, position: int) -> str:
        line = self._text[nodes.line_start(self._text, position) : position]
        return line[: len(line) - len(line.lstrip())]

    def _dumps(self, value: Value) -> str:
        return json.dumps(value, ensure_ascii=self._escapes)

    def _written(self, value: Value, indent: str) -> str:
        """`value` as text: in an indented file maps have a line for each entry, lists stay on one."""
        if isinstance(value, dict) and value and self._unit:
            new_line = nodes.line_break(self._text, 0) + indent
            inner = indent + self._unit
            entries = [
                self._dumps(key) + self._colon + self._written(item, inner) for key, item in value.items()
            ]
            lines = ("," + new_line + self._unit).join(entries)
            return "{" + new_line + self._unit + lines + new_line + "}"
        comma = self._colon.replace(":", ",")
        return json.dumps(value, ensure_ascii=self._escapes, separators=(comma, self._colon))


def read(name: str, text: str) -> Value:
    """The value of a JSON text; None for an empty text. Raises as `compose` does."""
    return nodes.plain(compose(name, text)) if text.strip() else None


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The JSON text with `value` under `key` (without `key` if MISSING), and its new tree."""
    if not text.strip():
        text = "{}" + text
    editor = JsonEditor(name, text)
    splices, tree = nodes.edit(editor, editor.root, key, value)
    return nodes.splice(text, splices), tree
