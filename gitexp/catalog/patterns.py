"""Regular expressions that cannot hang: whether one matches somewhere in a text.

Python's `re` tries one way after the other, and `(a|a)*b` has it try for years. Here a pattern becomes
an automaton whose states are followed all at once (K. Thompson, 1968; R. Cox, "Regular Expression
Matching Can Be Simple And Fast"), sets of them kept as they are met: each character is looked at once.

The syntax is that of `re`, less what no automaton can do or a filter does not need: no back references,
look-around, `\\b`, named groups or flags.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from gitexp import errors

_LONGEST_PATTERN = 500  # characters
_LONGEST_TEXT = 4000  # characters that are searched
_MOST_STATES = 1000
_DEEPEST = 50
_MOST_KEPT = 5000  # steps from one set of states to the next

_ATOM = re.compile(r"\\[dDwWsSnrtfv]|\\[^0-9A-Za-z]|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[]", re.DOTALL)
_REPEAT = re.compile(r"[*+?]|\{(?:\d{1,4}(?:,\d{0,4})?|,\d{1,4})\}")

_Step = Callable[[str], object]


@dataclass(slots=True)
class _State:
    """One state: a character goes on to `next` where `step` allows it, without one to each of `free`.

    `anchor` is "^" or "$" for a state that is passed only there.
    """

    step: _Step | None = None
    next: int = 0
    free: list[int] = field(default_factory=list)
    anchor: str = ""


class Pattern:
    """One expression, ready to search with; raises UsageError if it is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._states, self._start, self._end = _Compiler(text).compile()
        self._kept: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._first = self._reached([self._start], at_start=True)
        self._again = self._reached([self._start])

    def search(self, text: str) -> bool:
        """Return whether the pattern matches anywhere in the first 4,000 characters of a text."""
        now = self._first
        for char in text[:_LONGEST_TEXT]:
            if self._end in now:
                return True
            key = (now, char)
            if (then := self._kept.get(key)) is None:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = then = self._after(now, char)
            now = then
        at_start = not text
        return self._end in now or self._end in self._reached(now, at_start=at_start, at_end=True)

    def _after(self, now: frozenset[int], char: str) -> frozenset[int]:
        found = (self._states[at] for at in now)
        return self._again | self._reached([s.next for s in found if s.step is not None and s.step(char)])

    def _reached(
        self, first: list[int] | frozenset[int], *, at_start: bool = False, at_end: bool = False
    ) -> frozenset[int]:
        """Return the states that are reached from some without a character."""
        reached: set[int] = set()
        waiting = list(first)
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            state = self._states[at]
            if not state.anchor or (at_start if state.anchor == "^" else at_end):
                waiting += state.free
        return frozenset(reached)


class _Compiler:
    """Reads a pattern from left to right; each method returns the first and the last state of a part."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.states: list[_State] = []

    def compile(self) -> tuple[list[_State], int, int]:
        if len(self.text) > _LONGEST_PATTERN:
            raise self.wrong(f"is longer than {_LONGEST_PATTERN} characters")
        start, end = self.alternatives(0)
        if self.at < len(self.text):
            raise self.wrong("has a ) too many")
        return self.states, start, end

    def alternatives(self, depth: int) -> tuple[int, int]:
        if depth > _DEEPEST:
            raise self.wrong("has groups too deep within each other")
        start, end = self.new(), self.new()
        while True:
            first, last = self.sequence(depth)
            self.link(start, first)
            self.link(last, end)
            if not self.takes("|"):
                return start, end

    def sequence(self, depth: int) -> tuple[int, int]:
        start = end = self.new()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            first, last = self.repeated(depth)
            self.link(end, first)
            end = last
        return start, end

    def repeated(self, depth: int) -> tuple[int, int]:
        begin = self.at
        part = self.atom(depth)
        repeat = _REPEAT.match(self.text, self.at)
        if repeat is None:
            return part
        if self.text[begin] in "^$":
            raise self.wrong(f"repeats {self.text[begin]}")
        self.at = repeat.end()
        self.takes("?")  # the shortest match or the longest: whether there is one is the same
        if _REPEAT.match(self.text, self.at) or self.text.startswith("+", self.at):
            raise self.wrong("repeats a repetition")
        least, most = _bounds(repeat[0])
        if most is not None and most < least:
            raise self.wrong(f"has {repeat[0]}, the wrong way round")
        after = self.at
        start = end = self.new()
        for number in range(max(least, most or 0, 1)):
            # Each further copy is read from the same text again.
            if number:
                self.at = begin
                part = self.atom(depth)
            first, last = self.new(), self.new()
            self.link(first, part[0])
            self.link(part[1], last)
            if number >= least:
                self.link(first, last)
            self.link(end, first)
            end = last
        if most is None:
            self.link(part[1], part[0])
        self.at = after
        if most == 0:
            return (empty := self.new()), empty
        return start, end

    def atom(self, depth: int) -> tuple[int, int]:
        if self.takes("("):
            if self.text.startswith("?", self.at) and not self.text.startswith("?:", self.at):
                raise self.wrong("has (?…), which filters do not know")
            self.takes("?:")
            part = self.alternatives(depth + 1)
            if not self.takes(")"):
                raise self.wrong("lacks a )")
            return part
        if _REPEAT.match(self.text, self.at):
            raise self.wrong(f"has nothing to repeat before {self.text[self.at]}")
        if self.text[self.at] in "^$":
            start, end = self.new(anchor=self.text[self.at]), self.new()
            self.at += 1
            self.link(start, end)
            return start, end
        return self.character()

    def character(self) -> tuple[int, int]:
        found = _ATOM.match(self.text, self.at)
        if found is None:
            rest = self.text[self.at : self.at + 2]
            raise self.wrong(
                "lacks a ]" if rest.startswith("[") else f"has {rest}, which filters do not know"
            )
        self.at = found.end()
        start, end = self.new(), self.new()
        self.states[start].step = _step(found[0], self)
        self.states[start].next = end
        return start, end

    def takes(self, text: str) -> bool:
        taken = self.text.startswith(text, self.at)
        self.at += len(text) if taken else 0
        return taken

    def new(self, anchor: str = "") -> int:
        if len(self.states) >= _MOST_STATES:
            raise self.wrong("is too large")
        self.states.append(_State(anchor=anchor))
        return len(self.states) - 1

    def link(self, start: int, end: int) -> None:
        self.states[start].free.append(end)

    def wrong(self, what: str) -> errors.UsageError:
        shown = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return errors.UsageError(
            f"The regular expression '{shown}' {what}.",
            "Filters know . [a-z] \\d \\w \\s ^ $ | ( ) * + ? {2,3}; after a \\ each of these is itself.",
            code="invalid-filter",
        )


def _bounds(repeat: str) -> tuple[int, int | None]:
    """Return how often at least and at most; None is without end."""
    if repeat in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat]
    least, comma, most = repeat[1:-1].partition(",")
    return int(least or 0), int(most) if most else None if comma else int(least)


def _step(atom: str, compiler: _Compiler) -> _Step:
    """Return what says whether a character is what an atom of the pattern stands for."""
    if len(atom) == 1 and atom != ".":
        return atom.__eq__
    try:
        # One character's worth is no way to hang; so the classes are exactly those of `re`.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of [[ and such, which mean themselves
            return re.compile(atom).fullmatch
    except re.error as error:
        raise compiler.wrong(f"has {atom}: {error.msg}") from error
