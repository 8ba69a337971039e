"""Python files as parameters: constants at the top and in classes, read and edited, never run."""

from __future__ import annotations

import ast
import json
import keyword
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any

from gitexp.errors import OverrideError, ParseError
from gitexp.files import nodes
from gitexp.files.keys import Key
from gitexp.files.nodes import Node, Splice
from gitexp.files.scalars import is_number
from gitexp.model import MISSING, Value

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_MOST = 1 << 19  # characters; Python's own parser takes more than a second for twice as many


def compose(name: str, text: str) -> Node:
    """The constants of a Python file: assignments of literals. A class with constants makes a map.

    Raises ParseError for a file without valid Python, or over the limit on its size.
    """
    if len(text) > _MOST:
        raise ParseError(f"this Python file is larger than {_MOST >> 10} KiB", file=name)
    return _PythonReader(text, _parsed(name, text)).body


def _parsed(name: str, text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the user's code, "\d" in a string; not for us to report
            return ast.parse(text)
    except SyntaxError as error:
        message = "this is not valid Python"
        raise ParseError(message, file=name, line=error.lineno, column=error.offset) from None
    except (RecursionError, MemoryError):
        raise ParseError("this Python file is nested too deep to read", file=name) from None
    except ValueError:
        raise ParseError("this is not valid Python", file=name) from None


class _PythonReader:
    """The nodes for the constants of one module, with the ends of their statements."""

    def __init__(self, text: str, module: ast.Module) -> None:
        self._lines: list[tuple[int, str]] = [(each.start(), each[0]) for each in _LINE.finditer(text)]
        self.statement_ends: dict[Node, int] = {}
        self.body = Node(0, len(text), {}, style="module")
        self._read_body(self.body, module.body)

    def _position(self, line: int, column: int) -> int:
        start, text = self._lines[line - 1]
        if not text.isascii():  # ast counts bytes
            column = len(text.encode()[:column].decode())
        return start + column

    def _span(self, item: ast.stmt | ast.expr) -> tuple[int, int]:
        end_line, end_column = item.end_lineno or item.lineno, item.end_col_offset or item.col_offset
        return self._position(item.lineno, item.col_offset), self._position(end_line, end_column)

    def _read_body(self, parent: Node, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.ClassDef):
                start, end = self._span(statement)
                entry = self._span(statement.body[0])[0]
                node = Node(start, end, {}, entry=entry, style="class")
                self._read_body(node, statement.body)
                parent.value.pop(statement.name, None)
                if node.value:
                    parent.value[statement.name] = node
            for name, value in _assignments(statement):
                parent.value.pop(name, None)
                constant = self._literal(value)
                if constant is not None:
                    constant.entry, end = self._span(statement)
                    self.statement_ends[constant] = end
                    parent.value[name] = constant

    def _literal(self, item: ast.expr) -> Node | None:
        """The node of a literal; None for an expression that would have to be run."""
        start, end = self._span(item)
        style = ""
        value: Any
        if isinstance(item, ast.Dict):
            value = self._dict(item)
        elif isinstance(item, ast.List | ast.Tuple):
            value = self._items(item)
            style = "(" if isinstance(item, ast.Tuple) else "["
        else:
            value = _scalar(item)
        if value is MISSING:
            return None
        return Node(start, end, value, entry=start, style=style)

    def _items(self, item: ast.List | ast.Tuple) -> Any:
        nodes = list(map(self._literal, item.elts))
        return MISSING if None in nodes else nodes

    def _dict(self, item: ast.Dict) -> Any:
        tree: dict[str, Node] = {}
        for key, value in zip(item.keys, item.values, strict=True):
            node = self._literal(value)
            if node is None or not isinstance(key, ast.Constant):
                return MISSING
            if not isinstance(key.value, str | int | float):
                return MISSING
            node.entry, node.key_end = self._span(key)
            tree[str(key.value)] = node
        return tree


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    elif isinstance(statement, ast.AugAssign):
        targets, value = [statement.target], ast.BinOp(statement.target, statement.op, statement.value)
        ast.copy_location(value, statement)
    else:
        return
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id, value


def _scalar(item: ast.expr) -> Value:
    """The value of a constant, a signed number or `float("inf")`; MISSING for anything else."""
    match item:
        case ast.Constant(None | str() | int() | float() as value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)) if is_number(number):
            return -number
        case ast.UnaryOp(ast.UAdd(), ast.Constant(int() | float() as number)) if is_number(number):
            return number
        case ast.Call(ast.Name("float"), [ast.Constant("inf" | "-inf" | "nan" as word)], []):
            return float(word)
    return MISSING


class PyEditor:
    """Writes values into one Python text (`nodes.Editor`)."""

    def __init__(self, name: str, text: str) -> None:
        self._text = text
        reader = _PythonReader(text, _parsed(name, text))
        self.root = reader.body
        self._ends = reader.statement_ends

    def replace(self, node: Node, value: Value) -> list[Splice]:
        """The splices that write `value` where the literal `node` stands."""
        if node.style == "class":
            raise OverrideError("a Python class cannot be replaced by a value.", "Name one of its constants.")
        quote = '"'
        if isinstance(node.value, str):
            quote = self._text[node.end - 1]
        return [Splice(node.start, node.end, literal_text(value, quote=quote, style=node.style))]

    def insert(self, node: Node, part: str | int, value: Value) -> list[Splice]:
        """The splices that add an assignment to the file or a class, or an entry to a dict or list."""
        if not isinstance(node.value, dict | list):
            return self.replace(node, {part: value})
        if node.style in ("module", "class"):
            return self._insert_assignment(node, str(part), value)
        entry = literal_text(value)
        if isinstance(node.value, dict):
            entry = f"{literal_text(part)}: {entry}"
        return nodes.insert_in_brackets(self._text, node, entry)

    def _insert_assignment(self, node: Node, name: str, value: Value) -> list[Splice]:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise OverrideError(f"`{name}` is not a name that Python can assign to.")
        indent = self._text[nodes.line_start(self._text, node.entry) : node.entry]
        line = f"{indent}{name} = {literal_text(value)}"
        end = nodes.line_end(self._text, node.end)
        new_line = nodes.line_break(self._text, end)
        if end == nodes.line_start(self._text, end):  # the file is empty, or ends in a line break
            return [Splice(end, end, line + new_line)]
        return [Splice(end, end, new_line + line)]

    def delete(self, node: Node, part: str | int) -> list[Splice]:
        """The splices that remove a statement, or an entry of a dict or list."""
        item = node.value[part]
        if node.style == "(":
            rest = [nodes.plain(each) for each in node.value if each is not item]
            return self.replace(node, rest)
        if node.style not in ("module", "class"):
            return nodes.delete_in_brackets(self._text, node, part)
        if item.style == "class":
            raise OverrideError("a Python class cannot be removed.", "Name one of its constants.")
        return [self._delete_statement(item)]

    def _delete_statement(self, item: Node) -> Splice:
        end = self._ends[item]
        before = self._text[nodes.line_start(self._text, item.entry) : item.entry]
        after = self._text[end : nodes.line_end(self._text, end)].lstrip()
        if before.strip() or (after and not after.startswith("#")):
            raise OverrideError(
                "this assignment shares its line with another statement", "put it on a line of its own"
            )
        return nodes.delete_lines(self._text, item.entry, end)


def literal_text(value: Value, *, quote: str = '"', style: str = "") -> str:
    """`value` as a Python literal; `quote` is for a string, style "(" makes a list a tuple."""
    if isinstance(value, dict):
        entries = [f"{literal_text(key)}: {literal_text(item)}" for key, item in value.items()]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        inner = ", ".join(map(literal_text, value))
        if style == "(" and len(value) == 1:
            return f"({inner},)"
        if style == "(":
            return f"({inner})"
        return f"[{inner}]"
    if isinstance(value, str):
        return repr(value) if quote == "'" else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def read(name: str, text: str) -> Value:
    """The constants of a Python file as a tree. Raises as `compose` does."""
    return nodes.plain(compose(name, text))


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The Python text with `value` under `key` (without `key` if MISSING), and its new tree."""
    editor = PyEditor(name, text)
    splices, tree = nodes.edit(editor, editor.root, key, value)
    return nodes.splice(text, splices), tree
