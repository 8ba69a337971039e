"""What a page can do: each action is a command line, shown as it is, and run only with `gitexp ui --write`.

An action is done by the very command that the page shows, as a process of its own. So the page can do nothing
that the command line cannot, and it keeps the promises of the command line.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gitexp import errors

_GITEXP = (sys.executable, "-P", "-m", "gitexp")
_LONGEST = 10_000  # characters of a field
_MOST_WORDS = 200
_WORD = re.compile(r"[^\0\ud800-\udfff]*")  # of a command: no half of a character can be in it
_PATIENCE = 120.0  # seconds
_MOST_TOLD = 20_000  # characters of an answer


class Field(NamedTuple):
    """What the user types for an action.

    Attributes:
        kind: "text", "area" for several lines, "words" for words apart by blanks.
        option: the option before each word; "" for words that stand alone.
    """

    name: str
    label: str
    kind: str = "text"
    option: str = ""
    is_needed: bool = True


class Action(NamedTuple):
    """One thing to do.

    Attributes:
        words: the words of the command, without gitexp's own name.
        about: "experiment" for one about an experiment, whose name comes behind the words; else "project".
        fields: what comes behind, in order.
        is_confirmed: whether the page asks once more.
        needs: the states of an experiment that it is for; () for all.
    """

    name: str
    title: str
    words: Sequence[str]
    about: str = "experiment"
    fields: Sequence[Field] = ()
    is_confirmed: bool = False
    needs: Sequence[str] = ()


AGAIN = "again"
_ENDED = ("done", "failed", "interrupted")
ACTIONS = (
    Action("tag", "Tag", ("tag",), fields=[Field("tags", "Tags", "words", "--add")]),
    Action("untag", "Take tags away", ("tag",), fields=[Field("tags", "Tags", "words", "--delete")]),
    Action("note", "Note", ("note",), fields=[Field("note", "Note", "area", "--note", is_needed=False)]),
    Action("rename", "Rename", ("rename",), fields=[Field("new", "New name")]),
    Action("apply", "Bring into the workspace", ("apply",), is_confirmed=True),
    Action("branch", "Make a branch", ("branch",), fields=[Field("branch", "Branch", is_needed=False)]),
    Action(AGAIN, "Queue it again", ("queue", "retry"), needs=_ENDED),
    Action("stop", "Stop", ("stop",), is_confirmed=True, needs=("running",)),
    Action("remove", "Remove", ("remove", "--yes"), is_confirmed=True, needs=(*_ENDED, "queued")),
    Action("undo", "Undo the last change", ("undo",), "project", is_confirmed=True),
    Action(
        "start",
        "Start workers",
        ("queue", "start", "--detach"),
        "project",
        [Field("jobs", "Runs at the same time", option="--jobs", is_needed=False)],
    ),
    Action("end", "Let the workers end after their present runs", ("queue", "stop"), "project"),
)
_BY_NAME = {action.name: action for action in ACTIONS}


def as_json(about: str) -> list[dict[str, Any]]:
    """The actions about an experiment, or about the project, for a page."""
    found = []
    for action in ACTIONS:
        if action.about == about:
            fields = [field._asdict() for field in action.fields]
            found.append({**action._asdict(), "fields": fields, "words": [*action.words]})
    return found


def words(name: str, experiment: str, values: Mapping[str, Any]) -> list[str]:
    """The words of the command of an action. `experiment`: its name. Raises UsageError."""
    action = _BY_NAME.get(name)
    if action is None:
        raise errors.UsageError("There is no such action.", "Reload the page.")
    found = [*action.words]
    options, alone = list[str](), list[str]()
    if action.about == "experiment":
        if not experiment:
            raise errors.UsageError("Nothing says which experiment.", "Reload the page.")
        alone.append(experiment)
    for field in action.fields:
        for value in _values(field, values.get(field.name, "")):
            if field.option:
                options.append(f"{field.option}={value}")
            else:
                alone.append(value)
    if any(word.startswith("-") for word in alone):
        return [*found, *options, "--", *alone]
    return [*found, *alone, *options]


def _values(field: Field, given: Any) -> list[str]:
    """The values of a field. Raises UsageError."""
    if not isinstance(given, str) or len(given) > _LONGEST or not _WORD.fullmatch(given):
        raise errors.UsageError(f"{field.label} is no text, or too long.", "Type less.")
    if field.kind == "words":
        found = given.split()
    else:
        found = [given] if given or field.kind == "area" else []
    if len(found) > _MOST_WORDS:
        raise errors.UsageError(f"{field.label}: too many words.", "Type fewer.")
    if field.is_needed and not found:
        raise errors.UsageError(f"{field.label} is needed.", "Type it.")
    return found


class Outcome(NamedTuple):
    """The end of an action.

    Attributes:
        status: of the command; 0 if it is done.
        told: what the command has said.
    """

    status: int
    told: str


def do(here: Path, command: Sequence[str]) -> Outcome:
    """Run a command of gitexp's in a folder, without a terminal. Raises UsageError if it does not end."""
    environment = {**os.environ, "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            [*_GITEXP, *command],
            cwd=here,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise errors.UsageError(
            f"The command was ended, for it took more than {_PATIENCE:.0f} seconds.",
            "In a terminal it has all the time.",
        ) from error
    return Outcome(done.returncode, done.stdout.decode("utf-8", "replace")[:_MOST_TOLD])
