"""The command lines that do what a page offers, to be copied into a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gitexp.catalog import sources
from gitexp.model import Experiment

_DIGITS = 16  # of a commit, as in the addresses of pages


def line(*words: str) -> str:
    """A command line of gitexp, quoted for a POSIX shell."""
    return shlex.join(["gitexp", *words])


def word_of(experiment: Experiment) -> str:
    """The word for an experiment in a command: the name; the commit for an experiment of another program.

    Several experiments of another program may have the same name.
    """
    if sources.is_own(experiment):
        return experiment.name
    return experiment.id[:_DIGITS]


def of_experiment(experiment: Experiment) -> list[dict[str, str]]:
    """The possible actions on an experiment, each with a command line."""
    word = word_of(experiment)
    told = [
        _told("See the code differences", line("diff", word, "--code")),
        _told("Bring it into the workspace", line("apply", word)),
        _told("Make a branch of it", line("branch", word)),
        _told("Run its code again", line("run", "--from", word)),
    ]
    if sources.is_own(experiment):
        told += [
            _told("Get its data and outputs", line("data", "pull", word)),
            _told("Get the files that it has logged", line("artifacts", word, "--output", f"{word}-files")),
            _told("Push it, for others", line("push", word)),
        ]
    return told


def of_comparison(names: Sequence[str]) -> list[dict[str, str]]:
    """The command lines to compare some points."""
    told = [_told("Compare them", line("compare", *names))]
    if len(names) == 2:
        told.append(_told("With the code", line("diff", *names, "--code")))
    return [*told, _told("Draw their curves", line("plots", *names))]


def _told(what: str, text: str) -> dict[str, str]:
    return {"what": what, "line": text}
