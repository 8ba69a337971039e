"""Python files as parameters: constants at the top and in classes, read and edited, never run."""

from __future__ import annotations

import ast
import json
import keyword
import math
import warnings
from collections.abc import Iterator
from typing import Any

from gitexp.errors import OverrideError, ParseError
from gitexp.files import nodes
from gitexp.files.formats.py_values import bound_names, value_of
from gitexp.files.keys import Key, format_key
from gitexp.files.limits import MAX_LEAVES
from gitexp.files.nodes import Node, Splice, literal
from gitexp.model import MISSING, Value
from gitexp.regex import regex

_LINE = regex(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_EXPRESSION = "expression"  # style of a list that is not written item by item: [64] * 3
_MOST = 1 << 19  # characters; Python's own parser takes more than a second for twice as many


def compose(name: str, text: str) -> Node:
    """The constants of a Python file: assignments of literals. A class with constants makes a map.

    Raises ParseError for a file without valid Python, or over the limit on its size.
    """
    if len(text) > _MOST:
        raise ParseError(f"this Python file is larger than {_MOST >> 10} KiB", file=name)
    return _PythonReader(name, text, _parsed(name, text)).body


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
    """The nodes for the constants of one module, with the ends of their statements.

    Attributes:
        body: the constants.
        statement_ends: where the assignment of a constant ends.
        computed: lines of the names with a value known only by a run of the file.
        together: lines of the names that get their value beside other names, as in `A = B = 2`.
    """

    def __init__(self, name: str, text: str, module: ast.Module) -> None:
        self._name = name
        self._leaves = 0  # of lists that are expressions
        self._lines: list[tuple[int, str]] = [(each.start(), each[0]) for each in _LINE.finditer(text)]
        self.statement_ends: dict[Node, int] = {}
        self.computed: dict[Key, int] = {}
        self.together: dict[Key, int] = {}
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

    def _read_body(self, parent: Node, statements: list[ast.stmt], path: Key = ()) -> None:
        for statement in statements:
            constants: dict[str, Node] = {}
            if isinstance(statement, ast.ClassDef):
                node = self._class(statement, (*path, statement.name))
                if node.value:
                    constants[statement.name] = node
            for name, value in _assignments(statement):
                constant = self._literal(value)
                if constant is not None:
                    self._place(constant, statement, value)
                    constants[name] = constant
                    self.together.pop((*path, name), None)
                    if isinstance(statement, ast.Assign) and len(statement.targets) > 1:
                        self.together[*path, name] = statement.lineno
            for name, line in bound_names(statement).items():
                parent.value.pop(name, None)
                self.computed[(*path, name)] = line
            for name, constant in constants.items():
                self.computed.pop((*path, name), None)
                parent.value[name] = constant

    def _class(self, statement: ast.ClassDef, path: Key) -> Node:
        start, end = self._span(statement)
        entry = self._span(statement.body[0])[0]
        node = Node(start, end, {}, entry=entry, style="class")
        self._read_body(node, statement.body, path)
        return node

    def _place(self, constant: Node, statement: ast.stmt, value: ast.expr) -> None:
        """Note the statement of a constant; one of several constants in a statement stands for itself."""
        constant.entry, end = self._span(statement)
        if isinstance(statement, ast.Assign) and statement.value is not value:
            constant.entry = constant.start
        self.statement_ends[constant] = end

    def _literal(self, item: ast.expr) -> Node | None:
        """The node of a literal, or of an expression of literals; None for what would have to be run."""
        start, end = self._span(item)
        style = ""
        value: Any
        if isinstance(item, ast.Dict):
            value = self._dict(item)
        elif isinstance(item, ast.List | ast.Tuple):
            value = self._items(item)
            style = "(" if isinstance(item, ast.Tuple) else "["
        else:
            value = value_of(item)
        if value is MISSING:
            return None
        if isinstance(value, list) and not isinstance(item, ast.List | ast.Tuple):
            self._leaves += len(value)
            if self._leaves > MAX_LEAVES:
                raise ParseError(f"this file holds more than {MAX_LEAVES:,} values", file=self._name)
            value, style = literal(value).value, _EXPRESSION
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
    """The names that a statement assigns to, each with the expression of its value."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _paired(target, statement.value)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield from _paired(statement.target, statement.value)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The same for a single target: a name, or `a, b` with the same number of values."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        starred = any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts))
        if not starred and len(target.elts) == len(value.elts):
            for one, its_value in zip(target.elts, value.elts, strict=True):
                yield from _paired(one, its_value)


class PyEditor:
    """Writes values into one Python text (`nodes.Editor`)."""

    def __init__(self, name: str, text: str) -> None:
        self._text = text
        module = _parsed(name, text)
        reader = _PythonReader(name, text, module)
        self._name = name
        self._module = module
        self.root = reader.body
        self._ends = reader.statement_ends
        self._together = reader.together

    def require_alone(self, key: Key) -> None:
        """Raises OverrideError for a key whose name gets its value beside other names."""
        for depth in range(1, len(key) + 1):
            if (line := self._together.get(key[:depth])) is not None:
                raise OverrideError(
                    f"`{format_key(key)}` cannot be set by itself: line {line} of {self._name} "
                    "gives several names one value.",
                    "Give each name a line of its own, as in A = 2.",
                )

    def replace(self, node: Node, value: Value) -> list[Splice]:
        """The splices that write `value` where the literal `node` stands."""
        if node.style == "class":
            raise OverrideError("a Python class cannot be replaced by a value.", "Name one of its constants.")
        if not node.end:
            raise OverrideError("one item of an expression cannot be set.", "Set the whole list.")
        quote = '"'
        if isinstance(node.value, str) and self._text[node.end - 1] == "'":
            quote = "'"
        return [Splice(node.start, node.end, literal_text(value, quote=quote, style=node.style))]

    def insert(self, node: Node, part: str | int, value: Value) -> list[Splice]:
        """The splices that add an assignment to the file or a class, or an entry to a dict or list."""
        if not isinstance(node.value, dict | list):
            return self.replace(node, {part: value})
        if node.style in ("module", "class"):
            return self._insert_assignment(node, str(part), value)
        if node.style == _EXPRESSION:
            return self.replace(node, [*map(nodes.plain, node.value), value])
        entry = literal_text(value)
        if isinstance(node.value, dict):
            entry = f"{literal_text(part)}: {entry}"
        return nodes.insert_in_brackets(self._text, node, entry)

    def _insert_assignment(self, node: Node, name: str, value: Value) -> list[Splice]:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise OverrideError(f"`{name}` is not a name that Python can assign to.")
        if node is self.root:
            self._require_unused(name)
        indent = self._text[nodes.line_start(self._text, node.entry) : node.entry]
        line = f"{indent}{name} = {literal_text(value)}"
        end = nodes.line_end(self._text, node.end)
        new_line = nodes.line_break(self._text, end)
        if end == nodes.line_start(self._text, end):  # the file is empty, or ends in a line break
            return [Splice(end, end, line + new_line)]
        return [Splice(end, end, new_line + line)]

    def _require_unused(self, name: str) -> None:
        """Raises OverrideError for a name used above the end of the file, the place of the new line."""
        for each in ast.walk(self._module):
            if isinstance(each, ast.Name) and each.id == name:
                raise OverrideError(
                    f"`{name}` is used in line {each.lineno} of {self._name}, above any line that is added.",
                    f"Write `{name} = …` above that line.",
                )

    def delete(self, node: Node, part: str | int) -> list[Splice]:
        """The splices that remove a statement, or an entry of a dict or list."""
        item = node.value[part]
        if node.style in ("(", _EXPRESSION):
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
    """The Python literal of `value`; `quote`: for a string; style "(" makes a list a tuple."""
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
    """The tree of the constants of a Python file. Raises like `compose`."""
    return nodes.plain(compose(name, text))


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The Python text with `value` under `key` (without `key` if MISSING), and its new tree."""
    editor = PyEditor(name, text)
    editor.require_alone(key)
    splices, tree = nodes.edit(editor, editor.root, key, value)
    return nodes.splice(text, splices), tree


def computed_line(name: str, text: str, key: Key) -> int | None:
    """The line where a key, or a part above the key, has a value known only by a run of the file."""
    computed = _PythonReader(name, text, _parsed(name, text)).computed
    for depth in range(1, len(key) + 1):
        if (line := computed.get(key[:depth])) is not None:
            return line
    return None
