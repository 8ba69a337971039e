"""A parsed file in which each value has its place in the text, so that a value can be replaced there.

YAML, JSON and Python literals all become `Node`s. An edit is a handful of `Splice`s in the text; all
other text stays as it was, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gitexp.errors import OverrideError
from gitexp.files.keys import Key, format_key, put
from gitexp.model import MISSING, Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_BREAK = regex(r"\r\n|[\r\n]")
_COMMA = regex(r"\s*,")


@dataclass(slots=True, eq=False)
class Node:
    """One value with its place; all positions count characters. From `flow` on, fields are YAML's alone.

    Attributes:
        start: start of the value.
        end: end of the value.
        value: a scalar, a list of nodes or a dict of nodes.
        entry: start of the entry in the parent: the key, the dash, or the value itself.
        key_end: end of the key; 0 without a key.
        style: the quotes of a string, or another form of the value; each format has its own.
        flow: whether a map or list has brackets; true for scalars.
        in_flow: whether the value stands inside brackets.
        props_end: end of an anchor or tag before the value; 0 without.
        tag: explicit tag.
        alias_of: node with the anchor, for an alias.
        merge: value of the merge key (`<<`).
        leaves: number of values, all in all.
        depth: levels of maps and lists.
    """

    start: int
    end: int
    value: Any
    entry: int = 0
    key_end: int = 0
    style: str = ""
    flow: bool = True
    in_flow: bool = False
    props_end: int = 0
    tag: str | None = None
    alias_of: Node | None = None
    merge: Node | None = None
    leaves: int = 1
    depth: int = 0


class Splice(NamedTuple):
    """Put `new` in place of text[start:end]."""

    start: int
    end: int
    new: str


def splice(text: str, splices: Iterable[Splice]) -> str:
    """`text` with all splices made; they must not overlap."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def plain(node: Node) -> Value:
    """The value of a node as plain data: aliases followed, merge keys merged, nothing shared."""
    if node.alias_of is not None:
        return plain(node.alias_of)
    if isinstance(node.value, list):
        return list(map(plain, node.value))
    if isinstance(node.value, dict):
        tree: dict[str, Value] = {}
        for merged in reversed(merged_maps(node)):  # of two merged maps with one key, the first wins
            inherited = plain(merged)
            if isinstance(inherited, dict):
                tree.update(inherited)
        tree.update((key, plain(item)) for key, item in node.value.items())
        return tree
    return node.value


def merged_maps(node: Node) -> list[Node]:
    """The maps in the merge key of a YAML map."""
    if node.merge is None:
        return []
    source = node.merge.alias_of or node.merge
    if isinstance(source.value, list):
        return list(source.value)
    return [source]


class Editor(Protocol):
    """The writer of one format. Each method returns the splices for one change of the text."""

    def replace(self, node: Node, value: Value) -> list[Splice]: ...

    def insert(self, node: Node, part: str | int, value: Value) -> list[Splice]:
        """`node` is a map or list without `part`, or a null, which becomes a map."""
        ...

    def delete(self, node: Node, part: str | int) -> list[Splice]: ...


def edit(editor: Editor, root: Node, key: Key, value: Value) -> tuple[list[Splice], Value]:
    """The splices that put `value` under `key` (or remove `key` if MISSING), and the new tree.

    A change of an anchored value changes its aliases too. A key reached through an alias or a merge key is
    changed there alone, in a copy.
    """
    node = root
    for at, part in enumerate(key):
        rest = key[at + 1 :]
        child, inherited = own_child(node, part), _inherited(node, part)
        is_removed = value is MISSING and not rest
        if is_removed and inherited is not MISSING:
            raise OverrideError(
                f"`{format_key(key)}` comes from a merge key (<<) and cannot be removed here.",
                "Set it to another value, or remove it where it stands.",
            )
        if child is None:
            return _inserted(editor, root, node, part, put(inherited, rest, value))
        if child.alias_of is not None and rest:
            return _replaced(editor, root, child, put(plain(child), rest, value))
        if is_removed:
            return _deleted(editor, root, node, part)
        node = child
    return _replaced(editor, root, node, value)


def own_child(node: Node, part: str | int) -> Node | None:
    """The node under `part` in `node` itself, without merged maps."""
    if isinstance(node.value, dict):
        found: Node | None = node.value.get(part)
        return found
    if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
        item: Node = node.value[part]
        return item
    return None


def _inherited(node: Node, part: str | int) -> Value:
    """The value under `part` in the merged maps, or MISSING."""
    maps = (plain(merged) for merged in merged_maps(node))
    return next((tree[part] for tree in maps if part in tree), MISSING)


def _replaced(editor: Editor, root: Node, node: Node, value: Value) -> tuple[list[Splice], Value]:
    splices = editor.replace(node, value)
    node.value, node.alias_of, node.merge = literal(value).value, None, None
    return splices, plain(root)


def _inserted(
    editor: Editor, root: Node, node: Node, part: str | int, value: Value
) -> tuple[list[Splice], Value]:
    splices = editor.insert(node, part, value)
    if isinstance(node.value, list):
        node.value.append(literal(value))
    else:
        node.value = {**(node.value or {}), part: literal(value)}
    return splices, plain(root)


def _deleted(editor: Editor, root: Node, node: Node, part: str | int) -> tuple[list[Splice], Value]:
    splices = editor.delete(node, part)
    del node.value[part]
    return splices, plain(root)


def literal(value: Value) -> Node:
    """A node for a value without a place yet."""
    if isinstance(value, list):
        return Node(0, 0, list(map(literal, value)))
    if isinstance(value, dict):
        return Node(0, 0, {key: literal(item) for key, item in value.items()})
    return Node(0, 0, value)


def children(node: Node) -> list[Node]:
    """The nodes directly in a map or list, with the merge key's value, in the order of the text."""
    if isinstance(node.value, dict):
        nodes = list(node.value.values())
    else:
        nodes = list(node.value)
    if node.merge is not None:
        nodes.append(node.merge)
        nodes.sort(key=lambda each: each.entry)
    return nodes


def insert_in_brackets(text: str, node: Node, entry: str) -> list[Splice]:
    """Adds `entry` to a bracketed map or list, in the manner of its other entries."""
    items = children(node)
    if not items:
        return [Splice(node.start + 1, node.start + 1, entry)]
    between = ", "
    lead = text[node.start + 1 : items[0].entry]
    if "\n" in lead and not lead.strip():
        between = "," + lead
    if len(items) > 1 and text[items[-2].end : items[-1].entry].strip() == ",":
        between = text[items[-2].end : items[-1].entry]
    return [Splice(items[-1].end, items[-1].end, between + entry)]


def delete_in_brackets(text: str, node: Node, part: str | int) -> list[Splice]:
    """Removes one entry of a bracketed map or list, with the comma beside."""
    items = children(node)
    item = node.value[part]
    at = items.index(item)
    if len(items) == 1:
        return [Splice(node.start + 1, node.end - 1, "")]
    if at + 1 < len(items):
        return [Splice(item.entry, items[at + 1].entry, "")]
    before = items[at - 1].end
    between = text[before : item.entry]
    if "#" not in between:
        return [Splice(before, item.end, "")]
    # A comment on the entry before stays with its comma: formats with comments allow a comma at the end.
    end = item.end
    if comma := _COMMA.match(text, end):
        end = comma.end()
    return [Splice(before + between.rindex("\n"), end, "")]


def line_start(text: str, position: int) -> int:
    """The beginning of the line around `position`."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def line_end(text: str, position: int) -> int:
    """The end of the line around `position`, before its line break."""
    found = _BREAK.search(text, position)
    return found.start() if found else len(text)


def line_break(text: str, position: int) -> str:
    """The line break in use near `position`: at the end of the line, else the first of the text."""
    found = _BREAK.match(text, line_end(text, position)) or _BREAK.search(text)
    return found[0] if found else "\n"


def delete_lines(text: str, start: int, end: int) -> Splice:
    """Removes the lines from `start` to `end`, as a whole."""
    first, last = line_start(text, start), line_end(text, end)
    found = _BREAK.match(text, last)
    if found:
        return Splice(first, found.end(), "")
    before = 2 if text[:first].endswith("\r\n") else min(first, 1)
    return Splice(first - before, last, "")
