"""The options of a command as params: `--lr 0.1` is `args.lr`, and `-S args.lr=0.2` changes it there.

No script says what its options are, so they are taken as they look:
`--name value`, `--name=value`, `-n value`, `name=value`, and `--flag` alone, which is true. Negative
numbers are values. An option that is given again, or is followed by several numbers, is a list.
Other words are no params, nor is anything after `--`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePath

from gitexp.errors import GitexpError, OverrideError
from gitexp.files.keys import Key, format_key, get, put
from gitexp.files.overrides import Op, Override
from gitexp.files.scalars import is_text
from gitexp.model import MISSING, Value
from gitexp.words import nearest

SECTION = "args"  # of the keys: `args.lr`

_DEEPEST = 16  # dots in a name that is a path
_MOST = 16 * 1024  # characters; what is longer than that is data, not options

_OPTION = re.compile(r"--?(?P<name>[^\W\d][\w.-]*)(?P<equals>=)?(?P<value>.*)", re.DOTALL)
_PAIR = re.compile(r"\+{0,2}(?P<name>[^\W\d][\w./@-]*)=(?P<value>.*)", re.DOTALL)  # Hydra's, and make's
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*=)(?P<value>.*)", re.DOTALL | re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*|(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?)", re.ASCII)
_LONGEST_NUMBER = 300  # characters; what is longer is a name of digits
_TRUTHS = {"true": True, "True": True, "false": False, "False": False}

_SCRIPT = re.compile(r".+\.(?:py|pyw|ipynb|sh|bash|zsh|R|r|jl|lua|pl|rb|js|mjs|ts)")
_PYTHON = re.compile(r"(?:python|pypy)\d*(?:\.\d+)*t?", re.ASCII | re.IGNORECASE)
_PYTHON_MODULE = re.compile(r"-[bBdEiIOPqsSuvx]*m(?P<module>.*)")
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

_EXPANDED = frozenset("$`\\|&;<>()*?[]{}~#!\n")  # where a shell does more than take words apart


@dataclass(frozen=True, slots=True)
class _Option:
    """One option of a command: the words from `start` to `end`.

    Attributes:
        name: name without dashes.
        spelled: the text before the values: `--lr`, `--lr=` or `lr=`.
        values: the values as text; empty for a flag.
        start: number of the first word.
        end: number of the word after the last.
    """

    name: str
    spelled: str
    values: tuple[str, ...]
    start: int
    end: int


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
    for word in takewhile(_ASSIGNMENT.fullmatch, words):
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
    if not _is_number(text):
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


def _is_number(text: str) -> bool:
    return len(text) < _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None


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
        values = _values(words, at + 1)
        return _Option(match["name"], word, values, at, at + 1 + len(values))
    return _Option(match["name"], word[: match.start("value")], (match["value"],), at, at + 1)


def _values(words: Sequence[str], at: int) -> tuple[str, ...]:
    """The values in the words after an option: one word, or all numbers."""
    following = words[at : at + 1]
    if not following or following[0] == "--" or _OPTION.fullmatch(following[0]):
        return ()
    return tuple(takewhile(_is_number, words[at:])) or tuple(following)


def own_part(words: Sequence[str]) -> int:
    """The number of the first word that is an argument of the training program itself.

    These words follow the script, the module of `-m`, or the program. The options of an interpreter or
    a launcher (`torchrun`, `uv run`, `nice`) stand before.
    """
    at = len(list(takewhile(_ASSIGNMENT.fullmatch, words)))
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
    plain = (number for number, word in enumerate(words[at:], at) if not word.startswith("-"))
    return next(plain, len(words))


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
    is_joined = first.spelled.endswith("=")
    if isinstance(value, bool) and not first.values and not is_joined:
        return [first.spelled] if value else []
    texts = _texts(found, override)
    if is_joined:
        return [first.spelled + text for text in texts]
    if len(found) > 1:
        return [word for text in texts for word in (first.spelled, text)]
    if len(texts) == 1 and _OPTION.fullmatch(texts[0]) and first.spelled.startswith("--"):
        return [f"{first.spelled}={texts[0]}"]  # alone it would look like an option
    return [first.spelled, *texts]


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
