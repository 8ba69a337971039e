"""One flag means one thing: the matrix of all flags, read from the commands themselves."""

from __future__ import annotations

import shlex
from collections import defaultdict
from typing import Any

import pytest
import typer

from gitexp import errors
from gitexp.cli.kit.replaced import REPLACED
from tests.outside.test_docs import generate

COMMANDS: dict[str, Any] = generate.commands()
ROOT = COMMANDS.pop("")

# The flags whose help says what they do on each command. The meaning is the same on all of them.
MEANINGS = {
    "--name": "the experiment is called so",
    "--force": "do what gitexp refuses otherwise",
    "--yes": "no question is asked",
    "--list": "show what the command could work on, and do nothing",
    "--jobs": "so many at the same time",
    "--minutes": "a limit in minutes, of each run of a loop, or of all",
    "--note": "the note of the experiment",
    "--from": "the code that is run; of a loop, at first",
    "--metric": "a metric by its name; of run and metrics, with the pattern that finds it",
    "--remote": "a Git remote",
    "--data-remote": "a data remote",
    "--format": "the answer for another program",
    "--group": "the experiments that stand together",
    "--output": "the file or folder to write",
    "--as": "the tool that the files are for",
    "--quiet": "nothing but warnings and errors; of run, one line",
}


def options() -> dict[str, dict[str, Any]]:
    """The options by their long name, then by command."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, command in COMMANDS.items():
        for param in command.params:
            if param.param_type_name == "option":
                long = next(spelled for spelled in param.opts if spelled.startswith("--"))
                found[long][name] = param
    return found


OPTIONS = options()


def having(flag: str) -> set[str]:
    return set(OPTIONS[flag])


def test_one_short_letter_is_one_flag() -> None:
    """`-n` is `--name` wherever it is, and `--name` is `-n`."""
    letters: dict[str, set[str]] = defaultdict(set)
    for long, by_command in OPTIONS.items():
        spellings = {frozenset((*param.opts, *param.secondary_opts)) for param in by_command.values()}
        assert len(spellings) == 1, long
        for spelled in next(iter(spellings)):
            if not spelled.startswith("--"):
                letters[spelled].add(long)
    assert letters.pop("-n") == {"--name", "--rounds"}  # a loop names its experiments itself, and counts them
    assert [letter for letter, flags in letters.items() if len(flags) > 1] == []


def test_one_flag_is_one_thing() -> None:
    """The same words of help, the same kind of value; other words only where they say the same thing."""
    for long, by_command in OPTIONS.items():
        assert len({(param.is_flag, param.multiple) for param in by_command.values()}) == 1, long
        if long not in MEANINGS:
            assert len({param.help for param in by_command.values()}) == 1, long


def test_every_exception_is_needed() -> None:
    for long in MEANINGS:
        assert len({param.help for param in OPTIONS[long].values()}) > 1, long


# -- the families ---------------------------------------------------------------------------------------

# A command that is not in a family, and the reason.
NOT_JSON = {
    "demo": "it types other commands, and shows their answers",
    "mcp": "it speaks another protocol",
    "mlflow ui": "it serves until Ctrl-C",
    "ui": "it serves until Ctrl-C",
}
NOT_QUIET = {"mcp": "it says nothing", "mlflow ui": "its one line says where the UI is"}
NOT_DRY = {
    "demo": "it makes a new folder of its own, and nothing else",
    "mcp": "it serves until its client ends it",
}
READING = {
    *("watch", "alerts", "status", "show", "list", "best", "diff", "compare", "plots", "dag", "log", "guide"),
    "report",
    *("remote list", "data status", "queue list", "engine list", "sweep list", "sweep show", "sweep best"),
    *("mlflow ui", "ui", "engine check", "verify", "loop report"),
    *("model list", "model show", "model history", "model diff"),
}
TABLES = {
    *("show", "list", "compare", "diff", "status", "data status", "remote list"),
    *("model list", "model history"),
    *("alerts", "artifacts", "queue list", "sweep list", "verify", "loop report"),
    *("restore", "undo", "redo"),  # with --list
    "export",
    "report",
    "reproduce",
    "dag",  # a graph for other programs, and no table
    *("judge", "why"),
}
NOT_LISTINGS = {
    "dag": "the drawing of a graph",
    "diff": "two sides of one difference",
    "judge": "verdicts on what is named",
    "why": "the units of one difference",
    "reproduce": "what was run just now",
    "status": "all that a run would do",
}
LISTINGS = {*TABLES, "plots"} - set(NOT_LISTINGS)
DELETING = {"remove", "gc"}
# `remote remove` takes a line out of gitexp.yaml: nothing is deleted, and undo brings it back.

# Commands with several experiments as arguments, or with candidates to choose from.
CHOOSING = {
    *(
        "watch",
        "alerts",
        "show",
        "list",
        "best",
        "diff",
        "compare",
        "plots",
        "export",
        "report",
        "report",
        "metrics",
        "push",
        "pull",
        "remove",
        "reproduce",
        "tag",
        "verify",
    ),
    *("data push", "data pull", "data status", "queue remove", "queue retry"),
    *("queue move", "queue push", "queue pull"),
}
ORDERED = {"show", "list", "compare", "export", "report"}
BETTER = {
    "show",
    "best",
    "diff",
    "compare",
    "judge",
    "why",
    "report",
    "run",
    "loop run",
}  # of run: the objective


def assert_family(flag: str, members: set[str]) -> None:
    assert having(flag) == members, flag


def test_every_command_answers_programs_and_can_be_quiet() -> None:
    assert_family("--json", set(COMMANDS) - set(NOT_JSON))
    assert_family("--quiet", set(COMMANDS) - set(NOT_QUIET))


def test_what_changes_or_sends_can_be_tried() -> None:
    assert_family("--dry-run", set(COMMANDS) - READING - set(NOT_DRY))


def test_what_deletes_asks() -> None:
    assert_family(
        "--yes", {*DELETING, "init", "run", "sweep run"}
    )  # init asks for the command, the others before many


def test_tables_and_listings() -> None:
    assert_family("--format", TABLES)
    assert_family("--limit", LISTINGS)
    for flag in ("--sort", "--desc", "--hide"):
        assert_family(flag, ORDERED)
    assert_family("--columns", {*ORDERED, "plots"})  # of curves, the metrics
    for flag in ("--min", "--max"):
        assert_family(flag, BETTER)


def test_every_command_with_several_experiments_chooses_alike() -> None:
    several = {name for name, command in COMMANDS.items() if any(map(takes_experiments, command.params))}
    several -= {"checkout"}  # one experiment, then paths
    assert several <= CHOOSING
    for flag in ("--all", "--all-projects", "--failed"):
        assert_family(flag, CHOOSING)
    assert_family("--filter", {*CHOOSING, "import"})  # of another tool's runs, which are experiments then


def takes_experiments(param: Any) -> bool:
    return param.param_type_name == "argument" and param.nargs == -1 and "EXP" in str(param.metavar)


def test_the_names_and_places_of_things() -> None:
    assert_family("--name", {"run", "save", "import", "restore"})
    of_models = {f"model {verb}" for verb in ("register", "promote", "demote", "deprecate")}
    assert_family("--note", {"run", "save", "note", *of_models})
    assert_family("--push", of_models)
    of_queue = {"queue list", "queue start", "queue push"}
    assert_family("--remote", {"push", "pull", "list", "remove", *of_queue, *of_models})
    assert_family("--data-remote", {"data push", "data pull", "data status", "gc", "fsck"})
    assert_family("--output", {"artifacts", "export", "plots", "report", "model export"})
    assert_family("--from", {"run", "loop run"})
    assert_family("--follow", {"log"})


# -- old spellings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "old"), [(name, old) for name, spellings in REPLACED.items() for old in spellings]
)
def test_an_old_spelling_shows_the_line_in_the_new_one(command: str, old: str) -> None:
    new = REPLACED[command][old]
    assert old not in {spelled for param in COMMANDS[command].params for spelled in param.opts}
    root = typer.Context(ROOT, info_name="gitexp")
    parsed = COMMANDS[command]
    value = [] if parsed_flag(parsed, new) else ["3"]
    words = [old, *value, *["x"] * sum(param.required for param in parsed.params)]
    name = command.rpartition(" ")[2]
    with pytest.raises(errors.UsageError) as refused:
        parsed.make_context(command, list(words), parent=root)
    assert refused.value.message == f"gitexp {command} has no {old}: it is {new} now."
    hint = shlex.split((refused.value.hint or "").partition(": ")[2])
    assert hint == ["gitexp", *command.split(), *new.split(), *value, *words[1 + len(value) :]]
    parsed.make_context(name, hint[1 + len(command.split()) :], parent=root)


def parsed_flag(command: Any, new: str) -> bool:
    """Whether nothing follows a new spelling."""
    if " " in new:
        return True
    return next(bool(param.is_flag) for param in command.params if new in param.opts)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("show -n5 --sort acc", "show --limit 5 --sort acc"),
        ("show -A --md -n 5 --csv", "show -A --format md --limit 5 --format csv"),
        ("pull --from=origin x", "pull --remote origin x"),
        ("note x --message -n", "note x --note -n"),
        ("list --filter -n -n 3", "list --filter -n --limit 3"),
        ("run -kf train", "run -k --force train"),
        ("run -S a=1 -f -- t.py -f --to x", "run -S a=1 --force -- t.py -f --to x"),
        ("run -f python t.py -f", "run --force python t.py -f"),
        ("data push --remote store -j4 a b", "data push --data-remote store -j4 a b"),
    ],
)
def test_the_hint_changes_nothing_else(typed: str, hint: str) -> None:
    command, words = typed.split()[0], typed.split()[1:]
    if command == "data":
        command = f"data {words.pop(0)}"
    root = typer.Context(ROOT, info_name="gitexp")
    with pytest.raises(errors.UsageError) as refused:
        COMMANDS[command].make_context(command, words, parent=root)
    assert refused.value.hint == f"The same now: gitexp {hint}"
