"""The command lines that do what a page offers, to be copied into a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gitexp.catalog import sources
from gitexp.model import Experiment

_DIGITS = 16  # of a commit, as in the addresses of pages


def line(*words: str) -> str:
    """A command line of gitexp that works when it is pasted into a POSIX shell."""
    return shlex.join(["gitexp", *words])


def word_of(experiment: Experiment) -> str:
    """What an experiment is called in a command: its name; one of another program's has its commit.

    Names of another program's may stand for several experiments.
    """
    return experiment.name if sources.is_own(experiment) else experiment.id[:_DIGITS]


def of_experiment(experiment: Experiment) -> list[dict[str, str]]:
    """What can be done with an experiment, each with its command line."""
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
            _told("Get the files that it has logged", line("artifacts", word, "--out", f"{word}-files")),
            _told("Push it, for others", line("push", word)),
        ]
    return told


def of_comparison(names: Sequence[str]) -> list[dict[str, str]]:
    """The command lines that compare some points."""
    told = [_told("Compare them", line("compare", *names))]
    if len(names) == 2:
        told.append(_told("With the code", line("diff", *names, "--code")))
    return [*told, _told("Draw their curves", line("plots", *names))]


def _told(what: str, text: str) -> dict[str, str]:
    return {"what": what, "line": text}
