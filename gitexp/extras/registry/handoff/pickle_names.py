"""The classes and functions that a pickle names, read from its opcodes. Nothing is imported or run."""

from __future__ import annotations

import io
import pickletools
import re
import struct
from typing import Any

from gitexp.regex import regex

_STRINGS = frozenset(
    ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING")
)
_KEEPS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_RECALLS = frozenset(("GET", "BINGET", "LONG_BINGET"))
_MOST = 2000  # names
# Two short texts, one after the other, and the opcode that takes both for a module and a name in it.
_BY_STACK = regex(rb"\x8c(.)([A-Za-z_][\w.]*)\x94\x8c(.)([A-Za-z_][\w.]*)\x94\x93", re.DOTALL)


def names_in(content: bytes) -> list[str]:
    """The names such as `sklearn.svm.SVC` in the beginning of a pickle, in order; [] for another file.

    joblib puts the bytes of arrays between opcodes. Behind such a place, names are looked for by their form.
    """
    reader = _Reader()
    at = 0
    try:
        for opcode, argument, place in pickletools.genops(io.BytesIO(content)):
            at = place or 0
            reader.take(opcode.name, argument)
            if len(reader.names) >= _MOST:
                break
    except (ValueError, struct.error, OverflowError, EOFError):
        pass
    found = list(reader.names)
    if found:
        for match in _BY_STACK.finditer(content, at):
            module, name = match[2], match[4]
            if match[1][0] == len(module) and match[3][0] == len(name):
                found.append(f"{module.decode('ascii', 'replace')}.{name.decode('ascii', 'replace')}")
    return list(dict.fromkeys(found))[:_MOST]


class _Reader:
    """The part of an unpickler that knows texts alone."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._texts: list[str] = []
        self._kept: dict[int, str | None] = {}
        self._top: str | None = None

    def take(self, opcode: str, argument: Any) -> None:
        """Take in the next opcode."""
        if opcode == "MEMOIZE":
            self._kept[len(self._kept)] = self._top
        elif opcode in _KEEPS:
            self._kept[argument] = self._top
        elif opcode in _STRINGS:
            self._push(str(argument))
        elif opcode in _RECALLS:
            self._push(self._kept.get(argument))
        else:
            self._top = None
            if opcode in ("GLOBAL", "INST"):
                self.names.append(str(argument).replace(" ", "."))
            elif opcode == "STACK_GLOBAL" and len(self._texts) > 1:
                self.names.append(".".join(self._texts[-2:]))

    def _push(self, text: str | None) -> None:
        self._top = text
        if text is not None:
            self._texts = [*self._texts[-1:], text]
