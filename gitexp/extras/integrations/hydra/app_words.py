"""The words of a Hydra application: `-S lr=0.2` replaces or adds the override `lr=…` among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gitexp.regex import regex

_WORD = regex(r"(?P<sign>\+{1,2}|~|)(?P<key>[^\W\d][\w./@:$-]*)(?P<value>=.*)?", re.DOTALL)


def key_of(word: str) -> str:
    """The key of an override, without its sign; "" for a word that is no override."""
    match = _WORD.fullmatch(word)
    if match is None or (match["value"] is None and match["sign"] != "~"):
        return ""
    return match["key"]


def overrides_in(words: Sequence[str], start: int) -> Mapping[str, int]:
    """The number of the last word for each key, among the words from `start` on."""
    found = {}
    for at in range(start, len(words)):
        if key := key_of(words[at]):
            found[key] = at
    return found


def with_overrides(before: Sequence[str], start: int, texts: Sequence[str]) -> list[str]:
    """The words of an application with some overrides, each in place of the one with the same key.

    The words from `start` on are for the application. A text without a sign keeps the sign of the word that
    it replaces. A new one stands behind the last override, or else at the end.
    """
    words = list(before)
    for text in texts:
        text = _plain(text)
        there = overrides_in(words, start)
        at = there.get(key_of(text))
        if at is None:
            words.insert(max(there.values()) + 1 if there else len(words), text)
        else:
            sign = words[at][: len(words[at]) - len(words[at].lstrip("+"))]
            words[at] = text if text.startswith(("+", "~")) else sign + text
    return words


def _plain(text: str) -> str:
    """An override without blanks around its equals sign, which Hydra does not allow."""
    left, equals, value = text.partition("=")
    return f"{left.strip()}{equals}{value.strip()}"
