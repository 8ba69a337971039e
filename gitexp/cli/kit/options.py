"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import complete


def _not_negative(value: int | None) -> int | None:
    if value is not None and value < 0:
        raise typer.BadParameter(f"{value} is less than 0")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing that is not a warning or an error.")]
Name = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="Name of the experiment; default: exp- and an id.")
]
NameTemplate = Annotated[
    str,
    typer.Option(
        "--name-template",
        metavar="TEXT",
        help="Name it by params: lr={train.lr} gives lr-0.1, then lr-0.1-2 and so on.",
    ),
]
Note = Annotated[
    str, typer.Option("--note", "-m", metavar="TEXT", help="A note to keep with the experiment.")
]
Exp = Annotated[
    str,
    typer.Argument(
        metavar="EXP", help="Name, unique prefix or commit id.", autocompletion=complete.experiments
    ),
]
OwnExp = Annotated[  # DVC's are only read
    str,
    typer.Argument(
        metavar="EXP", help="Name, unique prefix or commit id.", autocompletion=complete.own_experiments
    ),
]
OwnExps = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[EXP]...",
        help="Names, unique prefixes or commit ids.",
        autocompletion=complete.own_experiments,
    ),
]
Everything = Annotated[
    bool, typer.Option("--all", "-A", help="Experiments of all baselines, not of HEAD alone.")
]
Failed = Annotated[
    bool | None, typer.Option("--failed/--no-failed", help="Only failed experiments, or none of them.")
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="EXPR",
        help="Only those for which this holds: acc > 0.9 and lr < 0.2",
        autocompletion=complete.filters,
    ),
]
Lowest = Annotated[bool, typer.Option("--min", help="The lowest number is the best.")]
Highest = Annotated[bool, typer.Option("--max", help="The highest number is the best.")]
Number = Annotated[
    int | None,
    typer.Option("-n", metavar="N", callback=_not_negative, help="At most so many experiments."),
]


def only_one(**flags: bool) -> None:
    """Raise UsageError if more than one of these formats is asked for."""
    if sum(flags.values()) > 1:
        names = " and ".join(f"--{name}" for name, wanted in flags.items() if wanted)
        raise errors.UsageError(f"{names} do not go together.", "Ask for one of them.")


def alone(option: str, *others: object) -> None:
    """Raise UsageError if an option that is something of its own is given with others of the command."""
    if any(other not in (None, False) for other in others):
        raise errors.UsageError(
            f"{option} goes with none of the other options that choose experiments.", "Leave those out."
        )


def best_is_lowest(lowest: bool, highest: bool) -> bool | None:
    """Return what --min and --max say, None if they say nothing; raises UsageError for both."""
    only_one(min=lowest, max=highest)
    return lowest if lowest or highest else None


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """Return what a repeatable option of the form KEY=VALUE says; raises UsageError for another form."""
    found = dict[str, str]()
    for text in values or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise errors.UsageError(f"{option} {text} is not KEY=VALUE.", f"For example: {option} port=2222")
        found[key] = value
    return found


def split(values: list[str] | None) -> list[str]:
    """Return the items of a repeatable option whose values may hold several, with commas."""
    return [item.strip() for value in values or () for item in value.split(",") if item.strip()]
