"""The program of a command, found in the way of the system."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gitexp.errors import GitexpError
from gitexp.regex import regex
from gitexp.words import did_you_mean

_ASSIGNMENT = regex(r"[A-Za-z_][A-Za-z0-9_]*=")
_EXPANDED = frozenset("$`\\|&;<>()*?[]{}~#!\n")  # where a shell does more than take words apart
_PLAIN = regex(r"[\w\s./=:@%,+-]*", re.ASCII)  # nothing here that a shell would expand or act on
# Of those that a shell knows by itself, the ones that a plain line starts with and that are no files too.
_BUILTINS = frozenset(
    {"cd", "command", "eval", "exec", "exit", "export", "read", "set", "source", "time", "trap"}
    | {".", ":", "type", "ulimit", "umask", "unset", "wait"}
)


def find_program(command: Sequence[str] | str, cwd: Path, env: Mapping[str, str]) -> Path | None:
    """The file of the program in `command`, by env's PATH and from `cwd`.

    None for a string, the shell's to understand, unless the first word is surely a program. Raises
    command-not-found for a missing or forbidden program.
    """
    if isinstance(command, str):
        words = next(simple_commands(command), []) if _PLAIN.fullmatch(command) else []
        if sys.platform == "win32" or not words or words[0] in _BUILTINS:
            return None
        program = words[0]
    elif not command or not command[0]:
        raise GitexpError(
            "There is no command to run.",
            "Name it after --, as in: gitexp run -- python train.py",
            code="command-not-found",
        )
    else:
        program = command[0]
    found = locate(program, cwd, env)
    if found is None:
        if not isinstance(command, str):
            _refuse_shell_words(command)
        raise _not_found(program, cwd, env)
    return found


def _refuse_shell_words(command: Sequence[str]) -> None:
    """Raise command-not-found for words only a shell takes apart, and give the right words."""
    words = shell_words(command)
    if words is None:
        return
    message = f"The command is a single word, {command[0]!r}."
    if _ASSIGNMENT.match(command[0]):
        message = f"{command[0].partition('=')[0]}= sets a variable, and is no program."
    raise GitexpError(message, f"Write it as: gitexp run -- {words}", code="command-not-found")


def shell_words(command: Sequence[str]) -> str | None:
    """The right words for a command with the beginning of a shell line; None for other commands.

    `X=1 python t.py` is a line for a shell; so is a whole line in quotes.
    """
    words, first = list(command), command[0]
    if any(map(str.isspace, first)):
        try:
            words[:1] = shlex.split(first)
        except ValueError:  # a quote without its end
            words = []
        if not words or not _EXPANDED.isdisjoint(first):
            return f"sh -c {shlex.quote(' '.join([first, *map(shlex.quote, command[1:])]))}"
    if _ASSIGNMENT.match(words[0]):
        return f"env {shlex.join(words)}"
    return None if words == list(command) else shlex.join(words)


def locate(program: str, cwd: Path, env: Mapping[str, str]) -> Path | None:
    """The absolute path of an executable file: `program` from `cwd` if it has a slash, else by env's PATH."""
    cwd = cwd.absolute()
    if "\0" in program:
        return None
    if _names_folder(program):
        found = shutil.which(str(cwd / program))
    else:
        folders = (str(cwd / folder) for folder in env.get("PATH", os.defpath).split(os.pathsep))
        found = shutil.which(program, path=os.pathsep.join(folders))
    return Path(found) if found else None


def _not_found(program: str, cwd: Path, env: Mapping[str, str]) -> GitexpError:
    """The error for a program that cannot be started; the hint names the likeliest way out."""
    if "\0" not in program and (cwd / program).is_file():
        if program.endswith(".py"):
            return GitexpError(
                f"{program} is not a program.",
                f"Run it with Python: python {program}",
                code="command-not-found",
            )
        if not os.access(cwd / program, os.X_OK):
            return GitexpError(
                f"{program} may not be executed.",
                f"Allow it with: chmod +x {program}",
                code="command-not-found",
            )
        return GitexpError(
            f"{program} is not on the PATH.",
            f"Name it with its folder: ./{program}",
            code="command-not-found",
        )
    if program == "python" and locate("python3", cwd, env):
        return GitexpError(
            "There is no program named python.",
            "Use python3, or activate its environment.",
            code="command-not-found",
        )
    where = f"in {cwd}" if _names_folder(program) else "on the PATH"
    known = [] if _names_folder(program) else _programs(env)
    hint = did_you_mean(
        program, known, "Check the spelling, or activate the environment that has it.", most=1
    )
    return GitexpError(f"There is no program {program!r} {where}.", hint, code="command-not-found")


def _programs(env: Mapping[str, str]) -> list[str]:
    """The names of the files in the folders of the PATH."""
    names: list[str] = []
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        with contextlib.suppress(OSError):
            names += os.listdir(folder or ".")  # noqa: PTH208 - the names alone
    return sorted(set(names))


def _names_folder(program: str) -> bool:
    """Whether the PATH has no say: "./train" does, and Path would drop the dot."""
    return os.path.dirname(program) != ""  # noqa: PTH120


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each simple command in a shell line, without the assignments before it.

    They end where the line does not parse.
    """
    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True  # else "a@b" is three words
    words: list[str] = []
    try:
        for token in lexer:
            if token and set(token) <= set(lexer.punctuation_chars):
                yield without_assignments(words)
                words = []
            else:
                words.append(token)
    except ValueError:  # a quote without its end
        return
    yield without_assignments(words)


def without_assignments(words: Sequence[str]) -> list[str]:
    """The words without the leading NAME=value ones."""
    start = next((i for i, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    return list(words[start:])
