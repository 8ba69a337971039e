"""Commands and overrides without the secrets in them: for the record, which is as public as the code.

`--api-key X` and `API_KEY=X` are stored as `--api-key ***secret***`. Whoever repeats the command gives the
secret anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gitexp.files.command_words.credentials import is_secret, looks_secret
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

MASK = "***secret***"

_NAMELESS = "a word that looks like a key"
_JOINED = regex(r"(?P<spelled>[-+]{0,2}(?P<name>[^\W\d][\w./@:-]*)=)(?P<value>.+)", re.DOTALL)
_OPTION = regex(r"--?(?P<name>[^\W\d][\w.-]*)")
# A word of a line for the shell, as it is written.
_IN_LINE = regex(r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s'\";|&<>()\\])+", re.DOTALL)
_FILLED_IN = regex(r"[$`]")
_MASK = regex(re.escape(MASK))
_PREFIX = regex(r"[-+]{0,2}[\w./@:-]+=")
# Inside a word: "name": "value" of JSON, name: value of YAML and of HTTP headers, name=value.
_INSIDE = regex(
    r"""(?P<spelled>(?<![\w.-])(?P<quote>\\?["']?)(?P<name>[^\W\d][\w.-]*)(?P=quote)\s*[:=]\s*)"""
    r"""(?P<value>\\"(?:(?!\\").)*\\"|"(?:[^"\\]|\\.)*"|'[^']*'"""
    r"""|(?:(?:Bearer|Basic|Token)\s+)?[^\s,;&{}\[\]"'\\]+)""",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = regex(r"[\w-]+:\s*(?:(?:Bearer|Basic|Token)\s+)?\S+", re.IGNORECASE)
# Inside a word with spaces, such as the line behind `sh -c`.
_LINE_INSIDE = regex(
    r"""(?P<spelled>(?<![^\s'"])(?:[\w.-]+:)*(?P<name>--?[^\W\d][\w.-]*(?==|\s)|[A-Z_][A-Z\d_]*(?==))(?:=|\s+))"""
    r"""(?P<value>(?!-)[^\s'";|&<>()]+)"""
)
_BEFORE_MASK = regex(
    r"""(?:(?P<name>[-+]{0,2}[^\W\d][\w./@:-]*)\\?["']?\s*[:=]\s*|(?P<option>--?[^\W\d][\w.-]*)\s+)(?:\\?["'])*\Z"""
)

Command = str | tuple[str, ...]  # a line for the shell, or arguments


class Masked(NamedTuple):
    """A command without secrets.

    Attributes:
        command: the command with `MASK` in place of each secret.
        names: the options and variables with masked values, in the user's spelling.
    """

    command: Command
    names: tuple[str, ...] = ()


def masked_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values with a mask in place of each secret, and the dotted keys of these."""
    keys: list[str] = []
    return _without_secrets(values, keys, ""), keys


def _without_secrets(values: Mapping[str, Any], keys: list[str], above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{above}{name}"
        if isinstance(value, dict):
            found[name] = _without_secrets(value, keys, f"{key}.")
        elif _is_secret_value(name, value):
            keys.append(key)
            found[name] = MASK
        else:
            found[name] = value
    return found


def _is_secret_value(name: str, value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, str) and looks_secret(each) for each in value)
    return isinstance(value, str) and value != MASK and is_secret(name, value)


def masked(command: Command) -> Masked:
    """The command without secrets."""
    names: list[str] = []
    if isinstance(command, str):
        return Masked(_masked_line(command, names), tuple(dict.fromkeys(names)))
    words: list[str] = []
    option = ""
    for word in command:
        words.append(_masked_word(option, word, names))
        match = _OPTION.fullmatch(word)
        option = word if match is not None and not words[-1].endswith(MASK) else ""
    return Masked(tuple(words), tuple(dict.fromkeys(names)))


def masked_override(text: str) -> str:
    """An override `KEY=VALUE` without a secret value."""
    key, equals, value = text.partition("=")
    if not equals:
        return text
    if is_secret(key, value):
        return f"{key}={MASK}"
    return f"{key}={_masked_inside(value, [])}"


def secrets_in(command: Command) -> list[str]:
    """The options and variables of a stored command whose values are masked, in order."""
    names: list[str] = []
    before = ""
    for word in _words(command):
        for mask in _MASK.finditer(word):
            match = _BEFORE_MASK.search(word[: mask.start()])
            if match is not None:
                names.append(match["name"] or match["option"])
            else:
                names.append(before if _OPTION.fullmatch(before) else f"what follows {before}")
        before = word
    return names


def filled(command: Command, secrets: Sequence[str]) -> Command:
    """The command with the secrets in place of the masks, in order."""
    left = iter(secrets)

    def fill(word: str, *, is_raw: bool = False) -> str:
        def secret(_: re.Match[str]) -> str:
            text = next(left)
            if is_raw:
                return re.sub(r'([\\"$`])', r"\\\1", text)
            return text

        return _MASK.sub(secret, word)

    if isinstance(command, str):
        return _IN_LINE.sub(lambda match: _changed(match[0], fill), command)
    return tuple(map(fill, command))


class _WordChange(Protocol):
    def __call__(self, word: str, *, is_raw: bool = False) -> str: ...


def _changed(written: str, change: _WordChange) -> str:
    """The spelling of a changed word in a line for the shell.

    A word with `$`, for the shell to fill in, changes in its spelling.
    """
    if MASK not in written and _FILLED_IN.search(written):
        return change(written, is_raw=True)
    try:
        (word,) = shlex.split(written)
    except ValueError:
        return change(written, is_raw=True)
    changed = change(word)
    if changed == word:
        return written
    match = _PREFIX.match(written)
    if match is None or not changed.startswith(match[0]):
        return shlex.quote(changed)
    return match[0] + shlex.quote(changed.removeprefix(match[0]))


def _words(command: Command) -> Sequence[str]:
    if isinstance(command, str):
        words = []
        for written in _IN_LINE.findall(command):
            try:
                words += shlex.split(written)
            except ValueError:
                words.append(written)
        return words
    return command


def _masked_word(option: str, word: str, names: list[str]) -> str:
    """A word of a command without its secret; `option` is the word before, if an option."""
    match = _JOINED.fullmatch(word)
    is_line = match is not None and word[0] not in "-+" and " " in match["value"]  # API_KEY=X python train.py
    if match is not None and not is_line and _hides(match["name"], match["value"]):
        names.append(match["spelled"].removesuffix("="))
        return match["spelled"] + MASK
    if option and not word.startswith("-") and _hides(option, word):
        names.append(option)
        return MASK
    word = _masked_inside(word, names)
    if looks_secret(word.replace(MASK, "")):
        names.append(_NAMELESS)
        return MASK
    return word


def _masked_inside(word: str, names: list[str]) -> str:
    """A word without the secrets inside it: of JSON, a header, a query, pairs behind commas, or a line.

    In a text with spaces, like the code behind `-c`, a value without quotes may be a name. A value may
    have a name and a value of its own: `env:API_KEY:X`.
    """
    text = _PREFIX.sub("", word, count=1)
    has_spaces = re.search(r"\s", text) is not None
    takes_plain = text[:1] in "{[" or not has_spaces or _HEADER.fullmatch(text) is not None

    for pattern in (_INSIDE, _LINE_INSIDE) if has_spaces else (_INSIDE,):
        parts, done, at = list[str](), 0, 0
        while (match := pattern.search(word, at)) is not None:
            value, at = match["value"], match.end()
            plain = value.strip("\\\"'")
            is_plain = pattern is _INSIDE and value[0] not in "\\\"'"
            if (is_plain and not takes_plain) or MASK in value or not _hides(match["name"], plain):
                if is_plain:
                    at = match.start("value")
                continue
            names.append(match["name"])
            parts += [word[done : match.start()], match["spelled"], value.replace(plain, MASK, 1)]
            done = at
        word = "".join([*parts, word[done:]])
    return word


def _hides(name: str, value: str) -> bool:
    """Whether a value is a secret in plain text, not filled in by the shell."""
    return _FILLED_IN.match(value.lstrip('"')) is None and is_secret(name, value)


def _masked_line(line: str, names: list[str]) -> str:
    option, at, parts = "", 0, list[str]()

    def mask(word: str, *, is_raw: bool = False) -> str:
        return _masked_word(option, word, names)

    for match in _IN_LINE.finditer(line):
        between = line[at : match.start()]
        if between.strip():  # a pipe, say
            option = ""
        word = _changed(match[0], mask)
        parts += (between, word)
        option = match[0] if _OPTION.fullmatch(match[0]) else ""
        at = match.end()
    return "".join(parts) + line[at:]
