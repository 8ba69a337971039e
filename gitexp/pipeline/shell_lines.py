"""Whether a shell can run the lines of a text one by one: each line of a stage's `cmd` has its own shell.

This is no shell. It knows enough of the grammar to see where a line goes on in the next one, or sets
something that would be gone there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gitexp.regex import regex
from gitexp.words import cut

IN_ONE_SHELL = "An item of a list has one shell: write `- |` below `cmd:`, and indent the lines below that."
_SHOWN = 60  # characters of a command in a message

_TOKEN = regex(
    r"""(?P<blank>[ \t]+)
    | (?P<comment>(?<![^\s;&|(])\#.*)
    | (?P<heredoc><<-?[ \t]*['"\\]?[A-Za-z_])
    | (?P<operator>&&|\|\||;;|\|&|&>>?|<<<|>>|>&|<&|\$\(\(|\$\(|[;&|()<>])
    | (?P<word>(?:\\.|\$'(?:[^'\\]|\\.)*'|'[^']*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`
        |\$\{[^}]*\}|\$(?![({])|[^\s\\'"`;&|()<>$])+)""",
    re.VERBOSE | re.DOTALL,
)
_OPEN = {
    "\\": "ends with a backslash",
    "'": "has a quote that is not closed",
    '"': "has a quote that is not closed",
    "`": "has a backquote that is not closed",
    "$": "has a `${` that is not closed",
}

_CLOSED_BY = {"for": "done", "while": "done", "until": "done", "select": "done", "if": "fi", "case": "esac"}
_CLOSED_BY |= {"{": "}", "(": ")", "$(": ")", "$((": "))"}
_BRACKETS = {"(", ")", "$("}
_MIDDLE = {"do", "then", "else", "elif"}
_BEFORE_COMMANDS = _MIDDLE | {"if", "while", "until", "{", "!", "time"}
_SEPARATORS = {"&&", "||", "|", "|&", ";", ";;", "&", "(", ")", "$("}
_GOES_ON = {"&&", "||", "|", "|&"}

_ASSIGNMENT = regex(r"[A-Za-z_]\w*(?:\[[^]]*\])?\+?=.*", re.ASCII | re.DOTALL)
_FUNCTION = regex(r"function\b|[\w-]+[ \t]*\(\)")
_SETS = {"cd", "pushd", "popd", "export", "unset", "source", ".", "eval", "alias", "set", "shopt", "umask"}
_SETS |= {"ulimit", "trap", "declare", "typeset", "local", "readonly", "setenv", "setopt", "wait"}
_SETS |= {"read", "mapfile", "readarray", "getopts", "let", "shift", "enable", "hash"}
_SETS_BY_TWO = {("conda", "activate"), ("mamba", "activate"), ("micromamba", "activate"), ("module", "load")}
_SETS_BY_TWO |= {("pyenv", "shell"), ("nvm", "use")}
_WITHOUT_EFFECT = {("set", "-e"), ("set", "-o", "errexit")}  # the first line that fails ends the stage anyway


def fault_of(commands: Sequence[str]) -> str | None:
    """The fault in commands run by a shell each, in a clause; None without a fault.

    A command of several lines is a script for a single shell. A single command is left to the shell.
    """
    if len(commands) < 2:
        return None
    for at, command in enumerate(commands):
        if "\n" in command.strip():
            continue
        scan, is_last = _Scan(command), at + 1 == len(commands)
        why = scan.fault
        if why is None and not is_last:
            why = _lost(scan, command)
        if why is not None:
            return f"each line has a shell of its own, and `{cut(command.strip(), _SHOWN)}` {why}"
    return None


def _lost(scan: _Scan, command: str) -> str | None:
    """Why a command fails to affect the next commands; None for commands without such a purpose."""
    words = tuple(scan.last)
    if scan.is_in_background:
        return "is not waited for"
    if _FUNCTION.match(command) and scan.ends_with == "}":
        return "defines a function that is gone in the next line"
    if not words or words in _WITHOUT_EFFECT:
        return None
    if words[0] in ("exit", "logout") and words[1:] in ((), ("0",)):
        return "ends its own shell alone: the next line runs all the same"
    if words[0] == "exec" and all(map(str.isdecimal, words[1:])):  # with nothing but redirections
        return "sets something that is gone in the next line"
    if words[0] in _SETS or words[:2] in _SETS_BY_TWO or all(map(_ASSIGNMENT.fullmatch, words)):
        return "sets something that is gone in the next line"
    return None


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    """The kind and text of each token; the kind "open" for the rest of an unclosed line."""
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            yield "open", line[at]
            return
        if match.lastgroup not in ("blank", "comment"):
            yield str(match.lastgroup), match[0]
        at = match.end()


class _Scan:
    """One pass over a line.

    Attributes:
        fault: why the line does not stand alone; None if complete.
        last: the words of the last command; empty after a compound command.
        is_in_background: whether the line ends with `&`.
        ends_with: the last token.
    """

    def __init__(self, line: str) -> None:
        self.fault: str | None = None
        self.last: Sequence[str] = []
        self.is_in_background = False
        self._closers: list[str] = []
        self._words: list[str] = []
        self._outer: list[list[str]] = []  # for each open bracket the words before it
        self._is_command = True  # whether the next word is the name of a command
        self._is_redirected = False  # whether the next word is the name of a file
        self.ends_with = ""
        for kind, text in _tokens(line):
            if self.fault is not None:
                return
            self._take(kind, text)
            self.ends_with = text
        self._end()

    def _take(self, kind: str, text: str) -> None:
        if kind == "open":
            self.fault = _OPEN.get(text, "cannot be read")
        elif kind == "heredoc":
            self.fault = "begins a text that goes on below (<<)"
        elif kind == "operator":
            self._operator(text)
        elif self._is_redirected:
            self._is_redirected = False
        elif self._is_command and not _ASSIGNMENT.fullmatch(text):
            self._command_word(text)
        else:
            self._words.append(text)
            if text == "{" and self._words[0] == "function":
                self._closers.append("}")

    def _operator(self, text: str) -> None:
        if text in _GOES_ON and not self.ends_with:
            self.fault = f"begins with `{text}`"
        elif text in _CLOSED_BY:
            self._closers.append(_CLOSED_BY[text])
            self._outer.append([] if text == "(" else self._words)
            self._words = []
        elif text == ")":
            self._close_bracket()
        self._is_redirected = text[0] in "<>" or text[:2] == "&>"
        if text in _SEPARATORS:
            self._is_command = True
            if text not in _BRACKETS:
                self.last, self._words = self._words, []

    def _close_bracket(self) -> None:
        if self._closers[-1:] == ["))"]:
            self._closers[-1] = ")"
        elif self._closers[-1:] == [")"]:
            self._closers.pop()
            self._words = self._outer.pop() or ["()"]
        elif "esac" not in self._closers:  # there `a)` is a pattern
            self.fault = "closes a bracket that it does not open"

    def _command_word(self, text: str) -> None:
        self._is_command = text in _BEFORE_COMMANDS
        self._words.append(text)
        if text in _CLOSED_BY:
            self._closers.append(_CLOSED_BY[text])
        elif self._closers[-1:] == [text]:
            self._closers.pop()
        elif text in _CLOSED_BY.values() or (text in _MIDDLE and not self._closers):
            self.fault = f"has a `{text}` without its beginning"

    def _end(self) -> None:
        if self.fault is not None:
            return
        if self._closers:
            self.fault = f"is not closed: `{self._closers[-1]}` is missing"
        elif self.ends_with in _GOES_ON:
            self.fault = f"ends with `{self.ends_with}`"
        self.is_in_background = self.ends_with == "&"
        if self._words:
            self.last = self._words
