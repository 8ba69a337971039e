"""The jobs of a Hydra application with `--multirun`: Hydra says them, gitexp runs each as an experiment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.extras.integrations.hydra import asking
from gitexp.extras.integrations.hydra.app_words import key_of, overrides_in
from gitexp.files.command_words import arguments
from gitexp.files.command_words.launchers import ASSIGNMENT
from gitexp.process.interpreter import find_interpreter
from gitexp.project.hydra.hydra_app import Application, HydraJobs, without_multirun


def jobs(application: Application, folder: Path) -> HydraJobs:
    """The jobs of an application started in a folder. Raises GitexpError."""
    words, start = application.words, application.start
    python = find_interpreter(words, folder, os.environ)
    if python is None:
        raise errors.GitexpError(
            f"The Python that runs {application.script.name} is not seen in the command.",
            "Name it: gitexp run -- python app.py -m lr=0.1,0.2",
            code="hydra",
        )
    own = [*without_multirun(application.own_words), "--multirun"]
    answer = asking.ask([python], folder, _question(application, own), _environment(words))
    if answer.get("sweeper"):
        raise _refusal(answer["sweeper"], words)
    common = [*words[:start], *without_multirun(application.own_words)]
    if "jobs" not in answer:
        raise errors.GitexpError(
            f"{application.script.name} has ended without asking Hydra for the jobs of -m.",
            f"As one experiment: gitexp run -- sh -c {arguments.join([arguments.join(words)])}",
            code="hydra",
        )
    remarks = []
    if answer["launcher"]:
        remarks.append(f"gitexp runs the jobs, not {answer['launcher']}; -j N runs N at a time.")
    kept, points = apart(common, start, asking.jobs_in(answer))
    return HydraJobs(tuple(kept), points, remarks=remarks)


def _refusal(sweeper: str, words: Sequence[str]) -> errors.UsageError:
    """The error for a sweeper that makes jobs out of the results of jobs before."""
    line = arguments.join([arguments.join(words)])
    return errors.UsageError(
        f"gitexp does not run the jobs of the sweeper {sweeper}: it makes them as results come in.",
        f"Add hydra/sweeper=basic and name the values; all as one experiment: gitexp run -- sh -c {line}",
    )


def _question(application: Application, own: Sequence[str]) -> dict[str, object]:
    before = application.words[: application.start]
    module = "" if before[-1].endswith(".py") else before[-1]
    script = str(application.script)
    import_from = "" if module else str(application.script.parent)
    return {"script": script, "module": module, "import_from": import_from, "words": list(own)}


def _environment(words: Sequence[str]) -> dict[str, str]:
    """The variables that stand before the program of a command."""
    found = {}
    for word in words:
        if (match := ASSIGNMENT.fullmatch(word)) is None:
            break
        found[match["name"].removesuffix("=")] = match["value"]
    return found


def apart(
    words: Sequence[str], start: int, jobs: Sequence[Sequence[str]]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The words that all jobs have as they were typed, and the other words of each job."""
    typed = overrides_in(words, start)
    in_all = set(jobs[0]).intersection(*jobs) if jobs else set[str]()
    as_typed = in_all.intersection(words[at] for at in typed.values())
    kept = []
    for at, word in enumerate(words):
        if at < start or not key_of(word) or word in as_typed:
            kept.append(word)
    points = []
    for job in jobs:
        points.append(tuple(_bare(word) for word in job if word not in as_typed))
    return kept, points


def _bare(word: str) -> str:
    """An override as people write it: Hydra gives `~key=` for `~key`."""
    return word.removesuffix("=") if word.startswith("~") else word
