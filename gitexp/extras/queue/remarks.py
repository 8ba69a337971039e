"""The warnings of many runs, each said once for all runs that have it; no input or output."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.model import Experiment
from gitexp.regex import regex

_MOST = 5  # different warnings
_LEFT = regex(r"(\.git/gitexp/left)/[^:]+:")  # each run has a folder of its own


def of_runs(experiments: Iterable[Experiment]) -> list[str]:
    """A sentence for each different warning, with the name of the run, or the number of runs."""
    runs_of: dict[str, list[tuple[str, str]]] = {}
    for one in experiments:
        for text in one.record.warnings:
            runs_of.setdefault(_LEFT.sub(r"\1:", text), []).append((one.name, text))
    found = []
    for text, runs in list(runs_of.items())[:_MOST]:
        if len(runs) == 1:
            ((name, own),) = runs
            found.append(f"{name}: {own}")
        else:
            found.append(f"{len(runs):,} runs: {text}")
    if len(runs_of) > _MOST:
        found.append(f"and {len(runs_of) - _MOST:,} other warnings: gitexp show EXP has those of a run")
    return found
