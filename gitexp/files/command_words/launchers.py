"""Where a command's own words begin: behind interpreters, launchers and their options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePath

from gitexp.regex import regex

ASSIGNMENT = regex(r"(?P<name>[A-Za-z_]\w*=)(?P<value>.*)", re.DOTALL | re.ASCII)
_SCRIPT = regex(r".+\.(?:py|pyw|ipynb|sh|bash|zsh|R|r|jl|lua|pl|rb|js|mjs|ts)")
_PYTHON = regex(r"(?:python|pypy)\d*(?:\.\d+)*t?", re.ASCII | re.IGNORECASE)
_PYTHON_MODULE = regex(r"-[bBdEiIOPqsSuvx]*m(?P<module>.*)")
_PYTHON_VALUES = ("-W", "-X", "--check-hash-based-pycs")
# What starts another program, whose options are the ones that matter.
_LAUNCHERS = frozenset(
    {"bash", "dash", "fish", "ksh", "sh", "zsh", "julia", "lua", "node", "perl", "Rscript", "ruby"}
    | {
        "ipython",
        "uvx",
        "accelerate",
        "composer",
        "coverage",
        "deepspeed",
        "horovodrun",
        "kernprof",
        "papermill",
        "torchrun",
    }
    | {"caffeinate", "chrt", "command", "env", "exec", "ionice", "mpiexec", "mpirun", "nice", "nohup"}
    | {"numactl", "nsys", "setsid", "srun", "stdbuf", "taskset", "time", "timeout", "xvfb-run"}
)
_RUNNERS = frozenset({"conda", "hatch", "mamba", "pdm", "pipenv", "pixi", "poetry", "rye", "uv"})  # `uv run`
_LAUNCHER_MODULES = frozenset(
    {"accelerate.commands.launch", "coverage", "cProfile", "debugpy", "ipdb", "kernprof", "pdb"}
    | {"torch.distributed.launch", "torch.distributed.run"}
)


def own_part(words: Sequence[str]) -> int:
    """The number of the first argument of the training program itself.

    The program's arguments follow the script, the module of `-m`, or the program. The options of an
    interpreter or a launcher (`torchrun`, `uv run`, `nice`) stand before.
    """
    at = len(list(takewhile(ASSIGNMENT.fullmatch, words)))
    while at < len(words):
        name = _program(words[at])
        if _PYTHON.fullmatch(name):
            at, launches = _after_python(words, at + 1)
            if not launches:
                return at
        elif name in _RUNNERS and "run" in words[at:]:
            at = words.index("run", at) + 1
        elif name in _LAUNCHERS:
            at += 1
        else:
            return at + 1
        at = _next_program(words, at)
    return len(words)


def _program(word: str) -> str:
    return PurePath(word).name.removesuffix(".exe")


def _after_python(words: Sequence[str], at: int) -> tuple[int, bool]:
    """Where the arguments of Python's script or module begin, and whether the module is a launcher."""
    while at < len(words) and words[at].startswith("-"):
        if match := _PYTHON_MODULE.fullmatch(words[at]):
            if match["module"]:
                return at + 1, match["module"] in _LAUNCHER_MODULES
            return at + 2, not _LAUNCHER_MODULES.isdisjoint(words[at + 1 : at + 2])
        if words[at] == "-c":
            return at + 2, False
        if words[at] in _PYTHON_VALUES:
            at += 1
        at += 1
    return at + 1, False


def _next_program(words: Sequence[str], at: int) -> int:
    """The number of the word that a launcher starts: a program by its looks, or the first plain word."""
    for number, word in enumerate(words[at:], at):
        name = _program(word)
        if _SCRIPT.fullmatch(name) or _PYTHON.fullmatch(name) or name in _LAUNCHERS | _RUNNERS:
            return number
    for number, word in enumerate(words[at:], at):
        if not word.startswith("-"):
            return number
    return len(words)
