"""The options of a command as params: `--lr 0.1` is `args.lr`, and `-S args.lr=0.2` changes it there.

No script says what its options are, so they are taken as they look:
`--name value`, `--name=value`, `-n value`, `name=value`, and `--flag` alone, which is true. Negative
numbers are values. An option that is given again, or is followed by several numbers, is a list.
Several words behind an option, texts among them, may be its values or not: they are recorded as a list,
and the option is not changed. Other words are no params, nor is anything after `--`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import takewhile

from gitexp.errors import GitexpError, OverrideError
from gitexp.files.command_words.launchers import ASSIGNMENT, own_part
from gitexp.files.command_words.overrides import Op, Override
from gitexp.files.keys import Key, format_key, get, put
from gitexp.files.plain_values import spells_number, stated
from gitexp.files.scalars import is_text
from gitexp.model import MISSING, Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import nearest

SECTION = "args"  # of the keys: `args.lr`

_DEEPEST = 16  # dots in a name that is a path
_MOST = 16 * 1024  # characters; what is longer than that is data, not options

_OPTION = regex(r"--?(?P<name>[^\W\d][\w.-]*)(?P<equals>=)?(?P<value>.*)", re.DOTALL)
_PAIR = regex(r"\+{0,2}(?P<name>[^\W\d][\w./@-]*)=(?P<value>.*)", re.DOTALL)  # Hydra's, and make's
_TRUTHS = {"true": True, "True": True, "false": False, "False": False}

_EXPANDED = frozenset("$`\\|&;<>()*?[]{}~#!\n")  # where a shell does more than take words apart


class _Option(NamedTuple):
    """One option of a command: the words from `start` to `end`.

    Attributes:
        name: name without dashes.
        spelled: the text before the values: `--lr`, `--lr=` or `lr=`.
        values: the values as text; empty for a flag.
        start: number of the first word.
        end: number of the word after the last.
        is_certain: whether the words are surely the option's, and no others are.
    """

    name: str
    spelled: str
    values: tuple[str, ...]
    start: int
    end: int
    is_certain: bool = True


# -- a command as words -----------------------------------------------------------------------------


def split(command: str | Sequence[str]) -> list[str] | None:
    """The words of a command; None for a shell line with more than words."""
    if not isinstance(command, str):
        return list(command)
    quoted = re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", command)
    if not _EXPANDED.isdisjoint(quoted):
        return None
    try:
        return shlex.split(command)
    except ValueError:  # a quote without its end
        return None


def join(words: Sequence[str]) -> str:
    """The shell line of these words; `split` is the inverse."""
    quoted = []
    for word in takewhile(ASSIGNMENT.fullmatch, words):
        name, _, value = word.partition("=")
        quoted.append(f"{name}={shlex.quote(value)}")
    return " ".join([*quoted, *map(shlex.quote, words[len(quoted) :])])


# -- reading ------------------------------------------------------------------------------------------


def parse(words: Sequence[str]) -> dict[str, Value]:
    """The options of a command as a tree, `{"args": {"lr": 0.1}}`; {} without options.

    Numbers, `true` and `false` have their values; all else stays text. A name with dots gives a path in the
    tree.
    """
    if sum(map(len, words)) > _MOST:
        return {}
    found: dict[str, list[Value]] = {}
    for option in _options(words):
        values = list(map(_value, option.values)) or [True]
        found.setdefault(option.name, []).extend(values)
    tree: dict[str, Value] = {}
    for name, values in found.items():
        _put(tree, name, values[0] if len(values) == 1 else values)
    return {SECTION: tree} if tree else {}


def _put(tree: dict[str, Value], name: str, value: Value) -> None:
    """Set the value at a path of keys, or at a single key where no path is possible: `model=a model.lr=1`."""
    key: Key = tuple(name.split("."))
    depth = next((n for n in range(len(key), 0, -1) if get(tree, key[:n]) is not MISSING), 0)
    leads_through_value = depth > 0 and not isinstance(get(tree, key[:depth]), dict)
    if not all(key) or depth == len(key) or len(key) > _DEEPEST or leads_through_value:
        key = (name,)
    tree.update(put(tree, key, value))


def _value(text: str) -> Value:
    if text in _TRUTHS:
        return _TRUTHS[text]
    return stated(text)


def _options(words: Sequence[str]) -> Iterator[_Option]:
    at = own_part(words)
    while at < len(words) and words[at] != "--":
        option = _option(words, at)
        if option is None:
            at += 1
        else:
            yield option
            at = option.end


def _option(words: Sequence[str], at: int) -> _Option | None:
    """The option that begins at a word, if any."""
    word = words[at]
    match = _OPTION.fullmatch(word) or _PAIR.fullmatch(word)
    if match is None or "\0" in word:
        return None
    if word.startswith("-") and not match["equals"]:
        if match["value"]:  # --a$b
            return None
        values, is_certain = _values(words, at + 1)
        return _Option(match["name"], word, values, at, at + 1 + len(values), is_certain)
    return _Option(match["name"], word[: match.start("value")], (match["value"],), at, at + 1)


def _values(words: Sequence[str], at: int) -> tuple[tuple[str, ...], bool]:
    """The values in the words after an option, and whether they are surely all of its values.

    All numbers, or a single text, are its values. Of several words it may be all or only the first.
    """
    following = tuple(takewhile(_is_plain, words[at:]))
    numbers = tuple(takewhile(spells_number, following))
    if numbers or len(following) < 2:
        return numbers or following, True
    if all(map(_PAIR.fullmatch, following)):  # after a flag of Hydra's, or `--set a=1 b=2`
        return (), False
    while _PAIR.fullmatch(following[-1]):
        following = following[:-1]
    return following, len(following) == 1


def _is_plain(word: str) -> bool:
    """Whether a word neither is an option nor ends the options."""
    return word != "--" and _OPTION.fullmatch(word) is None


# -- changing -----------------------------------------------------------------------------------------


def has(words: Sequence[str], override: Override) -> bool:
    """Whether the command has the option that an override's key names."""
    return any(option.name == _name(override) for option in _options(words))


def apply(words: Sequence[str], overrides: Sequence[Override]) -> list[str]:
    """The words of the command after `-S args.lr=0.2` and more; options keep their form.

    A flag is set by true and removed by false; `+args.x=1` adds an option, `~args.x` removes one.
    Raises GitexpError for an option unknown to the command, OverrideError for a value impossible on a command
    line.
    """
    changed = list(words)
    for override in overrides:
        changed = _applied(changed, override)
    return changed


def _applied(words: list[str], override: Override) -> list[str]:
    name = _name(override)
    options = list(_options(words))
    found = [option for option in options if option.name == name]
    if not found and override.op is not Op.ADD:
        raise _unknown(override, [option.name for option in options])
    if not found:
        found = [_added(words, options, override)]
    for option in found:
        if not option.is_certain:
            raise _uncertain(option, words)
    new: list[str] = []
    if override.op is not Op.REMOVE:
        new = _spelled(found, override)
    for option in reversed(found[1:]):
        del words[option.start : option.end]
    words[found[0].start : found[0].end] = new
    return words


def _added(words: Sequence[str], options: Sequence[_Option], override: Override) -> _Option:
    """The place and form of a new option: behind the others, in the form of the last one."""
    name = _name(override)
    if options and not options[-1].spelled.startswith("-"):
        spelled = f"{name}="
    elif len(name) > 1:
        spelled = f"--{name}"
    else:
        spelled = f"-{name}"
    at = own_part(words)
    end = len(words)
    if "--" in words[at:]:
        end = words.index("--", at)
    values: tuple[str, ...] = ("",)
    if isinstance(override.value, bool):
        values = ()
    return _Option(name, spelled, values, end, end)


def _texts(found: Sequence[_Option], override: Override) -> list[str]:
    """The texts of an option's new value. A list stays a single text in place of a single word."""
    value, first = override.value, found[0]
    is_one_word = first.spelled.endswith("=") or any(text.startswith("[") for text in first.values)
    if isinstance(value, list) and (len(found) > 1 or not is_one_word):
        return list(map(str, value))
    if isinstance(value, str):
        return [value]
    return [override.typed]


def _spelled(found: Sequence[_Option], override: Override) -> list[str]:
    """The words for an option's new value, in the form of the old ones."""
    first, value = found[0], override.value
    if isinstance(value, dict):
        raise OverrideError(f"`{override.text}` gives an option a map.", "An option takes a value or a list.")
    if isinstance(value, bool) and not first.spelled.endswith("="):
        if not first.values:
            return [first.spelled] if value else []
        _require_truths(first, override)
    return _with_texts(found, _texts(found, override))


def _require_truths(option: _Option, override: Override) -> None:
    """Raise OverrideError for a truth value in place of other values, which may be none of the option's."""
    if _TRUTHS.keys() >= set(option.values):
        return
    name = format_key(override.key)
    raise OverrideError(
        f"`{override.text}` makes a flag of an option that is followed by {shlex.join(option.values)}.",
        f"~{name} removes the option with its value; a word that is no value of it stands before it.",
    )


def _with_texts(found: Sequence[_Option], texts: Sequence[str]) -> list[str]:
    """The words for an option with these texts as its values, in the form of the old ones."""
    first = found[0]
    if first.spelled.endswith("="):
        return [first.spelled + text for text in texts]
    if len(found) > 1:
        return [word for text in texts for word in (first.spelled, text)]
    if len(texts) == 1 and _OPTION.fullmatch(texts[0]) and first.spelled.startswith("--"):
        return [f"{first.spelled}={texts[0]}"]  # alone it would look like an option
    return [first.spelled, *texts]


def _uncertain(option: _Option, words: Sequence[str]) -> OverrideError:
    """The error for an option whose values may be all of the words behind it, or some."""
    after = words[option.start + 1 :]
    shown = shlex.join(takewhile(_is_plain, after))
    hint = "Change it in the command itself, after --."
    if option.values:
        hint += (
            f" If only {after[0]} is its value, write {option.spelled}={after[0]}, or put the others first."
        )
    return OverrideError(
        f"Which of the words after {option.spelled} are its values is not known: {shown}", hint
    )


def _name(override: Override) -> str:
    parts = override.key[1:]
    if not all(map(is_text, parts)):
        raise OverrideError(
            f"`{override.text}` names one item of an option's list.",
            f"Give the whole list: {format_key(override.key[:2])}=[…]",
        )
    return ".".join(map(str, parts))


def _unknown(override: Override, names: Sequence[str]) -> GitexpError:
    name = _name(override)
    hints = []
    if near := [f"{SECTION}.{each}" for each in nearest(name, names)]:
        hints.append(f"Did you mean {' or '.join(near)}?")
    if override.op is Op.SET:
        hints.append(f"Use +{format_key(override.key)}=value to add it.")
    had = ", ".join(f"{SECTION}.{each}" for each in dict.fromkeys(names)) or "none"
    return GitexpError(
        f"The command has no option `{name or SECTION}` (it has: {had}).",
        " ".join(hints) or None,
        code="unknown-param",
    )
