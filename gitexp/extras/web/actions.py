"""What a page can do: each action is a command line, shown as it is, and run only with `gitexp ui --write`.

An action is done by the very command that the page shows, as a process of its own. So the page can do nothing
that the command line cannot, and it keeps the promises of the command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_GITEXP = (sys.executable, "-P", "-m", "gitexp")
_LONGEST = 10_000  # characters of a field
_MOST_WORDS = 200
_WORD = regex(r"[^\0\ud800-\udfff]*")  # of a command: no half of a character can be in it
_PATIENCE = 120.0  # seconds
_MOST_TOLD = 20_000  # characters of an answer


class FormField(NamedTuple):
    """A field of the form of an action.

    Attributes:
        kind: "text", "area" for several lines, "words" for words with blanks between, "params" for new values
            of the experiment's params.
        option: the option before each word; "" for arguments.
    """

    name: str
    label: str
    kind: str = "text"
    option: str = ""
    is_needed: bool = True


class PageAction(NamedTuple):
    """An action of a page.

    Attributes:
        words: the words of the command, without `gitexp`.
        about: "experiment" for an action with the name of an experiment after the words; else "project".
        fields: the fields of the form, in the order of the command.
        is_confirmed: whether the page asks for a confirmation.
        needs: the states of suitable experiments; () for all.
        option: the option before the name of the experiment; "" for an argument.
    """

    name: str
    title: str
    words: Sequence[str]
    about: str = "experiment"
    fields: Sequence[FormField] = ()
    is_confirmed: bool = False
    needs: Sequence[str] = ()
    option: str = ""


AGAIN = "again"
_ENDED = ("done", "failed", "interrupted")
ACTIONS = (
    PageAction("tag", "Tag", ("tag",), fields=[FormField("tags", "Tags", "words", "--add")]),
    PageAction("untag", "Take tags away", ("tag",), fields=[FormField("tags", "Tags", "words", "--delete")]),
    PageAction(
        "note", "Note", ("note",), fields=[FormField("note", "Note", "area", "--note", is_needed=False)]
    ),
    PageAction("rename", "Rename", ("rename",), fields=[FormField("new", "New name")]),
    PageAction("apply", "Bring into the workspace", ("apply",), is_confirmed=True),
    PageAction(
        "branch", "Make a branch", ("branch",), fields=[FormField("branch", "Branch", is_needed=False)]
    ),
    PageAction(
        "run",
        "Run it with other params",
        ("run", "--queue"),
        fields=[
            FormField("params", "Params", "params", "--set", is_needed=False),
            FormField("more", "Other changes, such as +train.warmup=5", "words", "--set", is_needed=False),
        ],
        needs=_ENDED,
        option="--from",
    ),
    PageAction(AGAIN, "Queue it again", ("queue", "retry"), needs=_ENDED),
    PageAction("stop", "Stop", ("stop",), is_confirmed=True, needs=("running",)),
    PageAction("remove", "Remove", ("remove", "--yes"), is_confirmed=True, needs=(*_ENDED, "queued")),
    PageAction("undo", "Undo the last change", ("undo",), "project", is_confirmed=True),
    PageAction(
        "start",
        "Start workers",
        ("queue", "start", "--detach"),
        "project",
        [FormField("jobs", "Runs at the same time", option="--jobs", is_needed=False)],
    ),
    PageAction("end", "Let the workers end after their present runs", ("queue", "stop"), "project"),
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
        if action.option:
            options.append(f"{action.option}={experiment}")
        else:
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


def _values(field: FormField, given: Any) -> list[str]:
    """The values of a field. Raises UsageError."""
    if field.kind == "params":
        return _changes(field, given or {})
    _require_text(field, given)
    found = list[str]()
    if field.kind == "words":
        found += given.split()
    elif given or field.kind == "area":
        found.append(given)
    _require_few(field, found)
    if field.is_needed and not found:
        raise errors.UsageError(f"{field.label} is needed.", "Type it.")
    return found


def _changes(field: FormField, given: Any) -> list[str]:
    """The texts after `-S` of new values by param. Raises UsageError."""
    if not isinstance(given, dict):
        raise errors.UsageError(f"{field.label} is no map.", "Reload the page.")
    _require_few(field, given)
    found = []
    for key, value in given.items():
        _require_text(field, key)
        _require_text(field, value)
        found.append(f"{key}={value}")
    return found


def _require_text(field: FormField, given: Any) -> None:
    if not isinstance(given, str) or len(given) > _LONGEST or not _WORD.fullmatch(given):
        raise errors.UsageError(f"{field.label} is no text, or too long.", "Type less.")


def _require_few(field: FormField, found: Collection[str]) -> None:
    if len(found) > _MOST_WORDS:
        raise errors.UsageError(f"{field.label}: too many words.", "Type fewer.")


class ActionResult(NamedTuple):
    """The end of an action.

    Attributes:
        status: the exit status of the command; 0 for success.
        told: the output of the command.
    """

    status: int
    told: str


def do(here: Path, command: Sequence[str]) -> ActionResult:
    """Run a command of gitexp in a folder, without a terminal. Raises UsageError after a timeout."""
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
    return ActionResult(done.returncode, done.stdout.decode("utf-8", "replace")[:_MOST_TOLD])
