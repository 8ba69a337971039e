"""What a params or metrics file gives a record, within the limits: one bad value does not cost the others."""

from __future__ import annotations

from gitexp.files.keys import Key, format_key, get, put
from gitexp.files.limits import MAX_DEPTH, MAX_INT_BITS, MAX_LEAVES, is_encodable
from gitexp.files.unreadable import Unreadable
from gitexp.model import MISSING, Tree, Value
from gitexp.named_tuple import NamedTuple
from gitexp.words import counted, shorten


class Parsed(NamedTuple):
    """The values of a file.

    Attributes:
        tree: the values that can be recorded.
        complaints: a sentence about each other value.
    """

    tree: Tree
    complaints: tuple[str, ...] = ()


def within_limits(name: str, tree: Tree) -> Parsed:
    """The tree without what a record cannot hold, and without the largest values of too many."""
    complaints = list[str]()
    recordable = _recordable(name, (), tree, complaints)
    assert isinstance(recordable, dict)
    while (count := _leaves(recordable)) > MAX_LEAVES:
        recordable = _with_less(name, recordable, count, complaints)
    return Parsed(recordable, tuple(complaints))


def _recordable(name: str, key: Key, value: Value, complaints: list[str]) -> Value:
    """The value without maps, lists and scalars unfit for a record.

    A list stays whole or goes: the other items would move to wrong places.
    """
    if isinstance(value, dict):
        kept = {}
        for part, child in value.items():
            why = _why_not(part, child, len(key) + 1)
            shown = format_key((*key, part)).encode("utf-8", "replace").decode()
            if isinstance(child, Unreadable):
                complaints.append(f"{name}:{child.line}: `{shown}` is left out: {child.why}")
            elif why is None:
                kept[part] = _recordable(name, (*key, part), child, complaints)
            else:
                complaints.append(f"{name}: `{shown}` is left out: it {why}")
        return kept
    return value


def _why_not(part: str, value: Value, depth: int) -> str | None:
    """The reason to leave out an entry of a map; a map is judged by its own entries."""
    if not is_encodable(part):
        return "has half of a surrogate pair, which is not a character"
    waiting = [(value, depth)]
    while waiting:
        each, depth = waiting.pop()
        if isinstance(each, (dict, list)):
            if each and depth >= MAX_DEPTH:
                return f"is nested more than {MAX_DEPTH} levels deep"
            if isinstance(each, list):
                waiting.extend((item, depth + 1) for item in each)
            elif each is not value:
                waiting.extend((item, depth + 1) for item in each.values())
        elif (why := _why_no_scalar(each)) is not None:
            return why
    return None


def _why_no_scalar(value: Value) -> str | None:
    """The reason why a record cannot have a single value."""
    if isinstance(value, Unreadable):
        return f"has a value that cannot be read in line {value.line}: {value.why}"
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        return "is a number of more than 4,000 digits"
    if isinstance(value, str) and not is_encodable(value):
        return "has half of a surrogate pair, which is not a character"
    return None


def _leaves(value: Value) -> int:
    """The number of scalars in a value, with 1 for an empty map or list."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict) and each:
            waiting.extend(each.values())
        elif isinstance(each, list) and each:
            waiting.extend(each)
        else:
            count += 1
    return count


def _with_less(name: str, tree: Tree, count: int, complaints: list[str]) -> Tree:
    """The tree without its dominant value, like a confusion matrix; else without its largest entries."""
    key = _dominant(tree, count)
    if key:
        complaints.append(
            f"{name}: `{format_key(key)}` is left out: with its {counted(_leaves(get(tree, key)), 'value')} "
            f"the file has more than {MAX_LEAVES:,}"
        )
        return dict(put(tree, key, MISSING))
    kept, left_out, room = set[str](), list[str](), MAX_LEAVES
    for part in sorted(tree, key=lambda part: _leaves(tree[part])):  # of equal ones the first stay
        room -= _leaves(tree[part])
        if room >= 0:
            kept.add(part)
        else:
            left_out.append(part)
    complaints.append(f"{name}: the file has more than {MAX_LEAVES:,} values, left out: {shorten(left_out)}")
    return {part: value for part, value in tree.items() if part in kept}


def _dominant(tree: Tree, count: int) -> Key:
    """The key of the deepest value with more than half of all values; () for none."""
    key: Key = ()
    at: Value = tree
    while isinstance(at, dict):
        large = [part for part in at if _leaves(at[part]) * 2 > count]
        if not large:
            break
        key, at = (*key, large[0]), at[large[0]]
    return key
