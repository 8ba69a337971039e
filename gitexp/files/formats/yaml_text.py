"""YAML read into nodes with positions: the one user of PyYAML.

Only PyYAML's parser is used (in C where available), not its composer and constructor: events come one at
a time, so depth, aliases and duplicate keys are checked before anything is built.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import yaml

from gitexp.errors import ParseError
from gitexp.files.limits import MAX_DEPTH, MAX_LEAVES, parse_error
from gitexp.files.nodes import Node, merged_maps, plain
from gitexp.files.plain_values import yaml_scalar
from gitexp.files.unreadable import Unreadable
from gitexp.model import Scalar, Value
from gitexp.regex import regex

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MOST_LEAVES = 10 * MAX_LEAVES  # that are read; a record has fewer

STANDARD = "tag:yaml.org,2002:"
_PROPS = regex(r"(?:(?:&[^\s,\[\]{}]+|!<[^>\s]*>|![^\s,\[\]{}]*)(?:[ \t]+|(?=[\r\n,\]}])|$))+")
_GAP = regex(r"(?:[ \t\r\n\x85\u2028\u2029]|#[^\r\n\x85\u2028\u2029]*)*")
_LAST_BREAK = regex(r"(?:\r\n|\r|\n)\Z")


def compose(
    name: str,
    text: str,
    max_leaves: int = MAX_LEAVES,
    scalar: Callable[[str], Scalar] = yaml_scalar,
    *,
    is_lenient: bool = False,
) -> Node | None:
    """The root node of a YAML document; None for an empty document.

    `scalar` reads plain scalars. With `is_lenient`, an unreadable value becomes Unreadable. Raises
    ParseError for any text but a single safe YAML document within the limits.
    """
    composer = _Composer(name, text, max_leaves, scalar, is_lenient=is_lenient)
    try:
        for event in yaml.parse(text, Loader=Loader):
            composer.add(event)
    except yaml.YAMLError as error:
        raise _translated(name, text, error) from None
    return composer.root


def compose_leniently(name: str, text: str) -> Node | None:
    """Like `compose`, for a file of values with another reading in the user's program."""
    return compose(name, text, _MOST_LEAVES, is_lenient=True)


def read(name: str, text: str) -> Value:
    """The value of a YAML document; None for no value. Raises as `compose` does, when lenient."""
    root = compose_leniently(name, text)
    return None if root is None else plain(root)


def is_string_to_pyyaml(text: str) -> bool:
    """Whether PyYAML's own safe loader, used by training scripts, reads the plain `text` as a string."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    return not any(regexp.match(text) for _, regexp in resolvers.get(text[:1], []))


def hidden_kind(text: str) -> str:
    """The type of a plain `text` by PyYAML's own safe loader, say a date; "" for text or a broken date."""
    if is_string_to_pyyaml(text):
        return ""
    try:
        value = yaml.load(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError):
        return ""
    if isinstance(value, datetime):
        return "date and time"
    if isinstance(value, date):
        return "date"
    if isinstance(value, int | float):
        return "number of base 60"
    return ""


def skip_gap(text: str, position: int) -> int:
    """The position after white space, line breaks and comments."""
    match = _GAP.match(text, position)
    return match.end() if match else position


# libyaml from 0.2.6 on refuses flow collections 1,000 deep before it gives the first event of them.
_TOO_DEEP = "exceeded maximum nesting depth"
_BACKSLASH = "In double quotes a backslash begins an escape; text with backslashes goes in single quotes."


def _translated(name: str, text: str, error: yaml.YAMLError) -> ParseError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    message = "this is not valid YAML"
    if problem == _TOO_DEEP:
        message = f"this is nested more than {MAX_DEPTH} levels deep"
    elif problem:
        message = f"this is not valid YAML: {problem}"
    if mark is None:
        position = getattr(error, "position", None) or 0
        return parse_error(name, message, text, min(position, len(text)))
    hint = None
    if problem == "found unknown escape character":
        hint = _BACKSLASH
    return ParseError(message, hint, file=name, line=mark.line + 1, column=mark.column + 1)


class _Composer:
    """Builds nodes from events with a stack instead of recursion: nesting stays cheap."""

    def __init__(
        self, name: str, text: str, max_leaves: int, scalar: Callable[[str], Scalar], *, is_lenient: bool
    ) -> None:
        self._is_lenient = is_lenient
        self._not_read: dict[Node, Unreadable] = {}  # open maps and lists with an unknown tag
        self._plain_value = scalar
        self.root: Node | None = None
        self._name = name
        self._text = text
        self._max_leaves = max_leaves
        self._open: list[Node] = []
        self._keys: list[Node | None] = []  # for each open node, the key that waits for its value
        self._anchors: dict[str, Node] = {}

    def add(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self._error("there is more than one YAML document in this file", event)
        if isinstance(event, yaml.ScalarEvent):
            self._attach(self._scalar(event), event)
        elif isinstance(event, yaml.AliasEvent):
            self._attach(self._alias(event), event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._finish(event)

    def _error(self, message: str, event: Any) -> ParseError:
        mark = event.start_mark
        return ParseError(message, file=self._name, line=mark.line + 1, column=mark.column + 1)

    def _unreadable(self, message: str, event: Any) -> Unreadable:
        """The stand-in for an unreadable value; raises ParseError unless lenient."""
        if not self._is_lenient:
            raise self._error(message, event)
        mark = event.start_mark
        return Unreadable(message, mark.line + 1, mark.column + 1)

    def _node(self, event: Any, value: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        node = Node(start, end, value, entry=start, in_flow=bool(self._open) and self._open[-1].flow)
        if event.anchor or getattr(event, "tag", None):
            props = _PROPS.match(self._text, start)
            if props:
                node.props_end = len(props[0].rstrip()) + start
                node.start = skip_gap(self._text, node.props_end)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Node:
        node = self._node(event, None)
        node.style = event.style or ""
        if event.tag == "!" or not any(event.implicit):
            node.tag = event.tag
        node.value = self._resolved(event, node)
        if node.style in ("|", ">"):
            # The event ends after the blank lines behind the text; with `|+` they belong to the text.
            written = self._text[node.start : node.end]
            if "+" in written.partition("\n")[0]:
                written = _LAST_BREAK.sub("", written)
            else:
                written = written.rstrip()
            node.end = node.start + len(written)
        elif node.props_end and not node.style and not event.value:
            node.start = node.end = node.props_end
        return node

    def _resolved(self, event: Any, node: Node) -> Scalar | Unreadable:
        try:
            if node.tag is None and node.style:
                return str(event.value)
            if node.tag is None:
                return self._plain_value(event.value)
            return _tagged(node.tag.removeprefix(STANDARD), event.value)
        except LookupError:
            return self._unreadable(_unknown_tag(event), event)
        except TypeError:
            shown = _shown_tag(event.tag)
            return self._unreadable(f"this value is not what its tag {shown} says", event)
        except ValueError:
            return self._unreadable("this number has more than 4,000 digits", event)

    def _alias(self, event: Any) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise self._error(f"there is no anchor &{event.anchor} before this alias", event)
        if target in self._open:
            raise self._error(f"the anchor &{event.anchor} contains itself", event)
        if len(self._open) + target.depth > MAX_DEPTH:
            raise self._error(f"this is nested more than {MAX_DEPTH} levels deep", event)
        start, end = event.start_mark.index, event.end_mark.index
        node = Node(start, end, target.value, entry=start, alias_of=target, leaves=target.leaves)
        node.depth = target.depth
        node.in_flow = bool(self._open) and self._open[-1].flow
        return node

    def _begin(self, event: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._error(f"this is nested more than {MAX_DEPTH} levels deep", event)
        kind: str
        value: Any
        if isinstance(event, yaml.MappingStartEvent):
            kind, value = "map", {}
        else:
            kind, value = "seq", []
        node = self._node(event, value)
        if event.tag not in (None, "!", STANDARD + kind):
            self._not_read[node] = self._unreadable(_unknown_tag(event), event)
        node.tag = event.tag
        node.flow = bool(event.flow_style)
        node.leaves = 0
        self._open.append(node)
        self._keys.append(None)

    def _finish(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        node.leaves = max(node.leaves, 1)
        node.depth += 1
        if node.flow:
            node.end = event.end_mark.index
        node.value = self._not_read.pop(node, node.value)
        self._attach(node, event)

    def _attach(self, node: Node, event: Any) -> None:
        if not self._open:
            self.root = node
            return
        parent, key = self._open[-1], self._keys[-1]
        if isinstance(parent.value, dict) and key is None:
            self._keys[-1] = self._key(node, event)
            return
        parent.leaves += node.leaves
        if parent.leaves > self._max_leaves:
            raise self._error(f"this file holds more than {self._max_leaves:,} values", event)
        parent.depth = max(parent.depth, node.depth)
        if key is None:
            if not parent.flow:
                node.entry = skip_gap(self._text, parent.end if parent.value else parent.start)
            parent.value.append(node)
        else:
            self._keys[-1] = None
            node.entry, node.key_end = self._entry_start(key.start), key.end
            self._add_entry(parent, key, node, event)
        parent.end = node.end

    def _entry_start(self, key_start: int) -> int:
        """The start of an entry: its key, or the `?` before the key."""
        at = key_start - 1
        while at >= 0 and self._text[at] == " ":
            at -= 1
        if at >= 0 and self._text[at] == "?":
            return at
        return key_start

    def _key(self, node: Node, event: Any) -> Node:
        target = node.alias_of or node
        if isinstance(target.value, dict | list | Unreadable):
            raise self._error("a key must be a single word or text", event)
        if not target.style and target.tag is None:
            node.value = self._text[target.start : target.end]
            if "\n" in node.value or "\r" in node.value:
                node.value = " ".join(node.value.split())
        else:
            node.value = str(target.value)
        node.style = target.style
        return node

    def _add_entry(self, parent: Node, key: Node, node: Node, event: Any) -> None:
        if key.value == "<<" and not key.style:
            if parent.merge is not None:
                raise self._error("there are two merge keys (<<) in one map", event)
            parent.merge = node
            if not all(isinstance((each.alias_of or each).value, dict) for each in merged_maps(parent)):
                raise self._error("a merge key (<<) takes a map or a list of maps", event)
        elif key.value in parent.value:
            message = f"the key `{key.value}` stands here a second time"
            raise parse_error(self._name, message, self._text, key.start)
        else:
            parent.value[key.value] = node


def _unknown_tag(event: Any) -> str:
    return f"the tag {_shown_tag(event.tag)} is not one for parameters"


def _shown_tag(tag: str) -> str:
    if tag.startswith(STANDARD):
        return "!!" + tag.removeprefix(STANDARD)
    return tag


def _tagged(tag: str, text: str) -> Scalar:
    """The value of an explicitly tagged scalar.

    Raises LookupError for a tag of other values, TypeError for text that does not fit the tag.
    """
    if tag in ("!", "str", "timestamp"):
        return text
    if tag not in ("int", "float", "bool", "null"):
        raise LookupError(tag)
    value = yaml_scalar(text)
    if tag == "float" and type(value) is int:
        return float(value)
    if type(value) is not {"int": int, "float": float, "bool": bool, "null": type(None)}[tag]:
        raise TypeError(tag)
    return value
