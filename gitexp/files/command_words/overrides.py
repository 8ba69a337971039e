"""`-S` texts: read by `parse_override`, carried out in the params files by `apply_overrides`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from gitexp.errors import GitexpError, OverrideError, ParseError
from gitexp.files import nodes, notebook
from gitexp.files.fitting import check_addable, check_replaceable, fitted, shell_option
from gitexp.files.keys import Key, flatten, format_key, get, parse_key, resolve
from gitexp.files.kinds import hidden_kinds
from gitexp.files.limits import is_encodable
from gitexp.files.parse import edit, parse_leniently, require_settable
from gitexp.files.plain_values import in_place, typed_scalar
from gitexp.files.scalars import same
from gitexp.model import MISSING, Scalar, Tree, Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import did_you_mean

_EXAMPLE = "Write -S train.lr=0.1, -S +new.key=1, -S ~old.key or -S params.yaml:train.lr=0.1"
_LEFT = regex(r'(?:"(?:[^"\\]|\\.)*"|[^"=])*')
_FILE = regex(r'([^":=]*):')
_TEMPLATE = regex(r"\{\s*[^\s:,{}]+\s*\}|\{[^\s,{}]+\}[^\s:].*")
_OPENS = {"[": "a list", "{": "a map", "'": "text in quotes", '"': "text in quotes"}


class Op(StrEnum):
    """The action of an override on its key."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


class Override(NamedTuple):
    """One `-S` argument.

    Attributes:
        file: params file; None where the argument names no file.
        op: action on the key.
        key: parts of the key.
        value: new value; None with REMOVE.
        text: the argument as given.
    """

    file: str | None
    op: Op
    key: Key
    value: Value
    text: str

    @property
    def typed(self) -> str:
        """The value as given, `1e-3` and not 0.001; "" without a value."""
        return split_override(self.text)[1][1:].strip()


def split_override(text: str) -> tuple[str, str]:
    """The text before the first `=` outside quotes, and the rest with the `=`."""
    match = _LEFT.match(text)
    assert match is not None  # the pattern fits the empty text, too
    return match[0], text[match.end() :]


def parse_override(text: str) -> Override:
    """The override in `[file:]key=value`, `+[file:]key=value` or `~[file:]key`.

    The value reads like one of a YAML file: `1e-3`, `true`, `[1, 2]`, `{x: 1}`, `'text'`; everything else
    means text. Raises OverrideError.
    """
    left, rest = split_override(text)
    file, op, key = _target(left.strip())
    if not is_encodable(text):
        raise OverrideError(f"`{text!a}` is not UTF-8 text.", _EXAMPLE)
    if op is Op.REMOVE:
        if rest:
            raise OverrideError(f"`{text}` removes a key and cannot give it a value.", _EXAMPLE)
        return Override(file, op, parse_key(key), None, text)
    if not rest.startswith("="):
        raise OverrideError(f"`{text}` does not say which key gets which value.", _EXAMPLE)
    if not key:
        raise OverrideError(f"`{text}` has no key before the `=`.", _EXAMPLE)
    return Override(file, op, parse_key(key), parse_value(rest[1:].strip()), text)


def _target(left: str) -> tuple[str | None, Op, str]:
    left, op = _sign(left, Op.SET)
    match = _FILE.match(left)
    if match is None:
        return None, op, left
    key, op = _sign(left[match.end() :], op)
    if not match[1] or not key:
        raise OverrideError(f"`{left}` does not name a file and a key.", _EXAMPLE)
    return match[1], op, key


def _sign(text: str, op: Op) -> tuple[str, Op]:
    if text.startswith("~"):
        return text[1:], Op.REMOVE
    if text.startswith("+"):  # Hydra's `++`, add or set, is what `+` does here
        return text.lstrip("+"), Op.ADD
    return text, op


def parse_value(text: str, scalar: Callable[[str], Scalar] = typed_scalar) -> Value:
    """The value of a text in an override; a word, or a template like `{name}`, stays text.

    `scalar` reads words. Raises OverrideError for an unreadable list, map or text in quotes.
    """
    if not text:
        return ""
    if text[0] not in _OPENS or _TEMPLATE.fullmatch(text):
        return scalar(text)
    from gitexp.files.formats import yaml_text  # 10 ms, and most overrides are plain

    try:
        root = yaml_text.compose("", text, scalar=scalar)
    except ParseError:
        root = None
    if root is None or root.start != 0 or root.end != len(text):
        raise OverrideError(
            f"The value `{text}` begins like {_OPENS[text[0]]} and cannot be read as such.",
            "Close what is open; text that begins so goes in quotes of its own: -S 'key=\"[x\"'",
        )
    return nodes.plain(root)


def apply_overrides(files: Mapping[str, bytes], overrides: Sequence[Override]) -> dict[str, bytes]:
    """The files changed by the overrides, edited in place: all other bytes stay.

    Raises GitexpError for a missing key or file, OverrideError for a key in several files or a value unknown
    to the format, ParseError for a file impossible to parse or to edit in place.
    """
    if overrides and not files:
        raise GitexpError(
            "There is no params file.",
            "Write the parameters into params.yaml, one `name: value` a line; an option of the command is "
            + shell_option(("args", *overrides[0].key), overrides[0].typed, adds=True),
            code="unknown-param",
        )
    params = _OpenFiles(files)
    for override in overrides:
        params.apply(override)
    params.restate()
    changed = {}
    for name, data in params.data.items():
        if data != files[name]:
            changed[name] = data
    return changed


class _OpenFiles:
    """The params files while overrides are applied, each parsed at its first use."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.data = dict(files)
        self._trees: dict[str, Tree] = {}
        self._stated: dict[tuple[str, Key], Value] = {}

    def apply(self, override: Override) -> None:
        name = self._file(override)
        key = resolve(self._tree(name), override.key)
        old = get(self._tree(name), key)
        if override.op is Op.REMOVE:
            value = MISSING
        else:
            value = fitted(old, override.value, parse_value(override.typed, in_place))
            require_settable(name, self.data[name], key)
            check_addable(self._tree(name), key, name)
            check_replaceable(key, old, value)
            self._check_quotes(name, key, override)
        self._state(name, key, value)
        if not same(old, value):
            self.data[name], self._trees[name] = edit(name, self.data[name], key, value)

    def restate(self) -> None:
        """Set the values again that a later override has changed by an alias."""
        for (name, key), value in self._stated.items():
            if not same(get(self._tree(name), key), value):
                self.data[name], self._trees[name] = edit(name, self.data[name], key, value)

    def _state(self, name: str, key: Key, value: Value) -> None:
        """Note a value as the last word on its key, and on the keys above and below.

        What is removed has no value, and the items behind it in a list get other keys.
        """
        above = key
        if value is MISSING and isinstance(key[-1], int):
            above = key[:-1]
        for other_name, other in list(self._stated):
            near = min(len(above), len(other))
            if other_name == name and above[:near] == other[:near]:
                del self._stated[other_name, other]
        if value is not MISSING:
            self._stated[name, key] = value

    def _tree(self, name: str) -> Tree:
        if name not in self._trees:
            self._trees[name] = parse_leniently(name, self.data[name])
        return self._trees[name]

    def _has(self, name: str, key: Key) -> bool:
        tree = self._tree(name)
        return get(tree, resolve(tree, key)) is not MISSING

    def _file(self, override: Override) -> str:
        """The file that the override means. Raises GitexpError for none, OverrideError for several."""
        if override.file is not None:
            return self._named_file(override.file, override)
        having = [name for name in self.data if self._has(name, override.key)]
        if len(having) == 1:
            return having[0]
        key = format_key(override.key)
        for name, data in self.data.items():
            require_settable(name, data, override.key)
        if having:
            names = [notebook.shown(name) for name in having]
            raise OverrideError(
                f"`{key}` stands in {' and in '.join(names)}.",
                f"Say which one is meant: {' or '.join(f'{name}:{key}' for name in names[:5])}",
            )
        if override.op is not Op.ADD:
            raise self._unknown(override, list(self.data))
        return max(self.data, key=lambda name: self._depth_of(name, override.key))

    def _named_file(self, file: str, override: Override) -> str:
        name = file
        if file not in self.data:
            name = file.replace("\\", "/").removeprefix("./")
        if name not in self.data:
            raise GitexpError(
                f"{file} is no params file.", f"These are: {', '.join(self.data)}", code="unknown-param"
            )
        if override.op is not Op.ADD and not self._has(name, override.key):
            raise self._unknown(override, [name])
        return name

    def _check_quotes(self, name: str, key: Key, override: Override) -> None:
        """Raises OverrideError for a date in quotes in place of a date: the new date must be no text."""
        if not isinstance(override.value, str) or override.typed[:1] not in ("'", '"'):
            return
        kind = hidden_kinds(name, self.data[name]).get(key)
        if kind is not None and override.value != get(self._tree(name), key):
            raise OverrideError(
                f"`{format_key(key)}` is a {kind} in {name}, and the new value is text in quotes.",
                f"Leave the quotes out: {shell_option(key, override.value)}",
            )

    def _depth_of(self, name: str, key: Key) -> int:
        """The number of parts of `key`, from its start, in the file `name`."""
        tree = self._tree(name)
        key = resolve(tree, key)
        return next(n for n in range(len(key), -1, -1) if get(tree, key[:n]) is not MISSING)

    def _unknown(self, override: Override, names: Sequence[str]) -> GitexpError:
        key = format_key(override.key)
        known: list[str] = []
        for name in names:
            known += flatten(self._tree(name))
        hint = did_you_mean(key, known)
        if override.op is Op.SET:
            hint += f" Use +{key}=value to add it."
        looked = f"(looked in {', '.join(map(notebook.shown, names))})"
        return GitexpError(
            f"No params file has the key `{key}` {looked}.", hint.strip() or None, code="unknown-param"
        )
