"""The command lines that do what a page offers, to be copied into a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def line(*words: str) -> str:
    """A command line of gitexp that works when it is pasted into a POSIX shell."""
    return shlex.join(["gitexp", *words])


def of_experiment(name: str) -> list[dict[str, str]]:
    """What can be done with an experiment, each with its command line."""
    return [
        _told("See the code differences", line("diff", name, "--code")),
        _told("Bring it into the workspace", line("apply", name)),
        _told("Make a branch of it", line("branch", name)),
        _told("Run its code again", line("run", "--from", name)),
        _told("Get its data and outputs", line("data", "pull", name)),
        _told("Get the files that it has logged", line("artifacts", name, "--out", f"{name}-files")),
        _told("Push it, for others", line("push", name)),
    ]


def of_comparison(names: Sequence[str]) -> list[dict[str, str]]:
    """The command lines that compare some points."""
    told = [_told("Compare them", line("compare", *names))]
    if len(names) == 2:
        told.append(_told("With the code", line("diff", *names, "--code")))
    return [*told, _told("Draw their curves", line("plots", *names))]


def _told(what: str, text: str) -> dict[str, str]:
    return {"what": what, "line": text}
