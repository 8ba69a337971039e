"""Questions to Hydra, put to it in the Python of the user's project, and its errors as gitexp's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.regex import regex
from gitexp.words import did_you_mean, shorten

_INSIDE = Path(__file__).with_name("inside.py")
_NO_HYDRA = 3  # the exit status of `inside.py`
_OPTIONS = regex(r"Available options in '([^']*)':\s*\n((?:\s+\S+\n?)+)")
_SEE = regex(r"\s*See https?://\S+( for details)?\.?")
_FACTS = regex(r"\s*(?:full_key:|object_type=|reference_type=|Key '[^']*' is not in struct)")
_CONTINUOUS = "does not support sweep type : INTERVAL"
_ADVICE = regex(r"^(?:To append|You may|Did you mean|To override|Use ).*", re.MULTILINE)


def ask(
    pythons: Sequence[Path], folder: Path, question: Mapping[str, Any], environment: Mapping[str, str]
) -> Any:
    """The answer of Hydra in the first Python that has it, from a folder.

    Raises GitexpError for an error of Hydra or of the user's own code, and without any Hydra.
    """
    for python in pythons:
        # The question imports modules of the user: no __pycache__ may appear in the workspace.
        found = _answer(
            python, folder, question, {**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1"}
        )
        if found is None:
            continue
        if "error" in found:
            raise as_ours(found["error"])
        return found
    raise errors.GitexpError(
        f"Hydra is not installed for {shorten(list(map(str, pythons)))}.",
        f"Install it: {pythons[0]} -m pip install hydra-core",
        code="hydra",
    )


def _answer(
    python: Path, folder: Path, question: Mapping[str, Any], environment: Mapping[str, str]
) -> Any | None:
    """The answer in one Python; None if that has no Hydra."""
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        asked = subprocess.run(
            [str(python), str(_INSIDE)],
            cwd=folder,
            env=environment,
            input=json.dumps({**question, "answer": str(answer)}).encode(),
            capture_output=True,
            check=False,
        )
        if asked.returncode == _NO_HYDRA:
            return None
        try:
            return json.loads(answer.read_text("utf-8"))
        except (OSError, ValueError) as error:
            said = asked.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise errors.GitexpError(
                f"Hydra gave no answer in {python}: {said[-1]}",
                "Try the command itself, without gitexp.",
                code="hydra",
            ) from error


def jobs_in(answer: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The overrides of each job in an answer; raises GitexpError for no job at all."""
    found = [tuple(job) for job in answer["jobs"]]
    if found:
        return found
    empty = answer.get("empty")
    if empty is None:
        raise errors.GitexpError("Hydra has no job to run.", "Name the values: lr=0.1,0.2", code="hydra")
    group, groups = empty["group"], sorted(set(empty["groups"]) - {"hydra"})
    if empty["options"]:
        hint = f"{group} has: {shorten(sorted(empty['options']))}."
    else:
        hint = did_you_mean(group, groups, f"The groups are: {shorten(groups)}." if groups else "")
    raise errors.GitexpError(
        f"{empty['override']} has no value, so Hydra has no job to run.", hint or None, code="hydra"
    )


def as_ours(error: Mapping[str, str]) -> errors.GitexpError:
    """An error of Hydra, or of code called by Hydra, in a sentence and a hint."""
    text = error["text"].strip()
    hints = list[str]()
    for folder, names in _OPTIONS.findall(text):
        hints.append(f"{folder} has: {shorten(sorted(names.split()))}.")
    hints += _ADVICE.findall(text)
    said = "; ".join(dict.fromkeys(_sentences(text)))
    hint = " ".join(dict.fromkeys(hints)) or None
    if error["from"] not in ("hydra", "omegaconf", "antlr4"):
        said = ": ".join(filter(None, (error["kind"], said)))
        said = f"The project's own code fails before Hydra can answer: {said}"
        hint = "Try the command itself, without gitexp."
    elif _CONTINUOUS in text:
        said = "interval(…) names no values to run"
        hint = "Name them: -S lr=0.1,0.01; a search takes bounds: -S 'lr=uniform(0,1)'"
    elif error["override"]:
        said = f"Hydra cannot read {error['override']}: {said}"
    else:
        said = f"Hydra: {said}"
    return errors.GitexpError(f"{said}.", hint, code="hydra")


def _sentences(text: str) -> Iterator[str]:
    """What an error says itself: not the lists, the advice, and the facts about the code."""
    for line in _SEE.sub("", text).splitlines():
        if line.startswith(("Available options", "Config search path")):
            return
        if line.strip() and not _ADVICE.match(line) and not _FACTS.match(line):
            yield line.strip().rstrip(".")
