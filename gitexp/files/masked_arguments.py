"""Commands and overrides without the secrets in them: for the record, which is as public as the code.

`--api-key X` and `API_KEY=X` are stored as `--api-key ***secret***`. Whoever repeats the command gives the
secret anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitexp.files.credentials import is_secret, looks_secret

MASK = "***secret***"

_NAMELESS = "a word that looks like a key"
_QUOTED_MASK = re.compile(r"(['\"]?)" + re.escape(MASK) + r"\1")
_JOINED = re.compile(r"(?P<spelled>[-+]{0,2}(?P<name>[^\W\d][\w./@-]*)=)(?P<value>.+)", re.DOTALL)
_OPTION = re.compile(r"--?(?P<name>[^\W\d][\w.-]*)")
_PIECE = r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|[^\s'\";|&<>()])+"
# In a line for the shell: NAME=value, --name=value and --name value.
_IN_LINE = re.compile(rf"(?P<spelled>(?<![\w/.-])(?P<name>[-+]{{0,2}}[^\W\d][\w.-]*)=)(?P<value>{_PIECE})")
_PAIR_IN_LINE = re.compile(rf"(?P<spelled>(?<!\S)(?P<name>--?[^\W\d][\w.-]*)\s+)(?P<value>(?!-){_PIECE})")
_WORD_IN_LINE = re.compile(_PIECE)

Command = str | tuple[str, ...]  # a line for the shell, or arguments


class Masked(NamedTuple):
    """A command without secrets.

    Attributes:
        command: the command with `MASK` in place of each secret.
        names: the options and variables with masked values, in the user's spelling.
    """

    command: Command
    names: tuple[str, ...] = ()


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
    if not equals or not is_secret(key, value):
        return text
    return f"{key}={MASK}"


def secrets_in(command: Command) -> list[str]:
    """The options and variables of a stored command whose values are masked, in order."""
    names: list[str] = []
    before = ""
    for word in _words(command):
        if MASK in word:
            name = word.partition("=")[0] if "=" in word else before
            names.append(name if _OPTION.fullmatch(name) or "=" in word else f"what follows {name}")
        before = word
    return names


def filled(command: Command, secrets: Sequence[str]) -> Command:
    """The command with the secrets in place of the masks, in order."""
    left = iter(secrets)
    if isinstance(command, str):
        return _QUOTED_MASK.sub(lambda _: shlex.quote(next(left)), command)
    return tuple(re.sub(re.escape(MASK), lambda _: next(left), word) for word in command)


def _words(command: Command) -> Sequence[str]:
    if isinstance(command, str):
        return _WORD_IN_LINE.findall(command)
    return command


def _masked_word(option: str, word: str, names: list[str]) -> str:
    """A word of a command without its secret; `option` is the word before, if an option."""
    match = _JOINED.fullmatch(word)
    if match is not None and is_secret(match["name"], match["value"]):
        names.append(match["spelled"].removesuffix("="))
        return match["spelled"] + MASK
    if option and not word.startswith("-") and is_secret(option, word):
        names.append(option)
        return MASK
    if looks_secret(word):
        names.append(_NAMELESS)
        return MASK
    return word


def _masked_line(line: str, names: list[str]) -> str:
    line = _IN_LINE.sub(_replacer(names), line)
    line = _PAIR_IN_LINE.sub(_replacer(names), line)

    def of_word(match: re.Match[str]) -> str:
        if not looks_secret(match[0].strip("'\"")):
            return match[0]
        names.append(_NAMELESS)
        return f"'{MASK}'"

    return _WORD_IN_LINE.sub(of_word, line)


def _replacer(names: list[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        value = match["value"]
        plain = value.strip("'\"")
        is_filled_in = plain.startswith(("$", "`"))  # by the shell
        if MASK in value or is_filled_in or not is_secret(match["name"], plain):
            return match[0]
        names.append(match["name"])
        return f"{match['spelled']}'{MASK}'"

    return replace
