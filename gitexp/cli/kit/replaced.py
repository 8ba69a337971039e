"""Old spellings of options, each with the new one.

An old spelling is a usage error. The error names the new spelling, and its hint is the user's own line
in the new spelling.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors

_DATA_REMOTE = {"--remote": "--data-remote"}
_TABLE = {"--csv": "--format csv", "--md": "--format md"}

# The command -> its old spellings, each with the new one.
REPLACED: dict[str, dict[str, str]] = {
    "run": {"-f": "--force"},
    "show": {"-n": "--limit", **_TABLE},
    "list": {"-n": "--limit"},
    "diff": {"--md": _TABLE["--md"]},
    "compare": {"--md": _TABLE["--md"]},
    "judge": {"--md": _TABLE["--md"]},
    "why": {"--md": _TABLE["--md"]},
    "dag": {"--mermaid": "--format mermaid", "--dot": "--format dot"},
    "artifacts": {"--out": "--output"},
    "note": {"--message": "--note"},
    "push": {"--to": "--remote"},
    "pull": {"--from": "--remote"},
    "data push": _DATA_REMOTE,
    "data pull": _DATA_REMOTE,
    "data status": _DATA_REMOTE,
    "gc": _DATA_REMOTE,
}


class OldSpelling(errors.UsageError):
    """The error of an old spelling: the command line is not understood."""


def refuse(ctx: Any, option: str | None, words: Sequence[str]) -> None:
    """Raise OldSpelling if `option` is an old spelling; `words` are the words behind the command."""
    path = ctx.command_path
    old = REPLACED.get(path.partition(" ")[2], {})
    if option not in old:
        return
    line = shlex.join([*path.split(), *_rewritten(ctx, words, old)])
    raise OldSpelling(f"{path} has no {option}: it is {old[option]} now.", f"The same now: {line}")


def _rewritten(ctx: Any, words: Sequence[str], old: Mapping[str, str]) -> list[str]:
    """The words in the new spelling. The words of a command that `run` starts stay."""
    takes_value = spellings(ctx.command)
    written: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--" or not (word.startswith("-") or ctx.allow_interspersed_args):
            return [*written, word, *rest]
        name, attached = _split(word, takes_value, old)
        new = old.get(name, name).split()
        value_follows = takes_value.get(new[0], False) and len(new) == 1
        if attached and not value_follows and not word.startswith("--"):  # several flags in one word: -kf
            rest.insert(0, f"-{attached}")
            attached = ""
        if attached and name not in old:
            written.append(word)
            continue
        written += new
        if attached:
            written.append(attached)
        elif value_follows and rest:
            written.append(rest.pop(0))
    return written


def _split(word: str, takes_value: Mapping[str, bool], old: Mapping[str, str]) -> tuple[str, str]:
    """The option of a word, and what is attached to the option: the 5 of `-n5` and of `--limit=5`."""
    if word.startswith("--"):
        name, _, attached = word.partition("=")
        return name, attached
    if word[:2] in takes_value or word[:2] in old:
        return word[:2], word[2:]
    return word, ""


def spellings(command: Any) -> dict[str, bool]:
    """Each spelling of a command's options, with whether a value follows."""
    found: dict[str, bool] = {}
    for param in command.params:
        for spelled in (*param.opts, *param.secondary_opts):
            if spelled.startswith("-"):
                found[spelled] = not getattr(param, "is_flag", False)
    return found
