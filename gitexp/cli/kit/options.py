"""Options and arguments that several commands have: one flag, one definition.

A type such as `Json` is a whole option. A function such as `force` makes an option whose help differs from
command to command: `Annotated[bool, options.force("Overwrite unsaved changes too.")]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog.replicates import Replicates
from gitexp.views.markup import TableFormat


def _completed_by(name: str) -> Callable[[str], list[str]]:
    """The function of `kit.complete` with this name, loaded when the shell asks for completions."""

    def words(incomplete: str) -> list[str]:
        # Completions need filters, tables and the trash: a command must not pay for these.
        from gitexp.cli.kit import complete

        offered: list[str] = getattr(complete, name)(incomplete)
        return offered

    return words


def argument(metavar: str, help: str, by: str) -> Any:
    """An argument whose value the shell completes by the function `by` of `kit.complete`."""
    return typer.Argument(metavar=metavar, help=help, autocompletion=_completed_by(by))


def option(*flags: str, metavar: str, help: str, by: str) -> Any:
    """An option whose value the shell completes by the function `by` of `kit.complete`."""
    return typer.Option(*flags, metavar=metavar, help=help, autocompletion=_completed_by(by))


def _not_negative(value: int | None) -> int | None:
    if value is not None and value < 0:
        raise typer.BadParameter(f"{value} is less than 0")
    return value


REPLICATES = "replicates"  # of --group


def _only_replicates(value: str) -> str:
    if value not in ("", REPLICATES):
        raise typer.BadParameter(f"'{value}' is not {REPLICATES}")
    return value


_WHICH = "Name, unique prefix, commit id, last or @{1}."

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
Exp = Annotated[str, argument("EXP", _WHICH, "experiments")]
OwnExp = Annotated[str, argument("EXP", _WHICH, "own_experiments")]  # DVC's are only read
OwnExps = Annotated[
    list[str] | None,
    argument("[EXP]...", "Names, unique prefixes, commit ids, patterns, last or @{1}.", "own_experiments"),
]
Everything = Annotated[
    bool, typer.Option("--all", "-A", help="Experiments of all baselines, not of HEAD alone.")
]
AllProjects = Annotated[
    bool,
    typer.Option("--all-projects", help="Experiments of all projects of the repository, not of this one."),
]
Failed = Annotated[
    bool | None, typer.Option("--failed/--no-failed", help="Only failed experiments, or none of them.")
]
Filter = Annotated[
    str | None,
    option(
        "--filter",
        metavar="EXPR",
        help="Only those for which this holds: acc > 0.9 and lr < 0.2",
        by="filters",
    ),
]
Reveal = Annotated[bool, typer.Option("--reveal", help="With the metrics of the holdout, as holdout.NAME.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; change nothing.")]
Lowest = Annotated[bool, typer.Option("--min", help="The lowest number is the best.")]
Highest = Annotated[bool, typer.Option("--max", help="The highest number is the best.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-l", metavar="N", callback=_not_negative, help="At most so many rows."),
]
Note = Annotated[
    str, typer.Option("--note", "-m", metavar="TEXT", help="A note to keep with the experiment.")
]

Timeout = Annotated[
    str, typer.Option("--timeout", metavar="TIME", help="End a run that takes longer, such as 90 s or 2 h.")
]
MaxMemory = Annotated[
    str,
    typer.Option("--max-memory", metavar="SIZE", help="End a run that takes more memory, such as 8 GB."),
]
Every = Annotated[
    float, typer.Option("--every", metavar="SECONDS", min=0.1, help="How often to look while watching.")
]
SystemInterval = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="Time between two looks at CPU, memory and GPUs, such as 1s; off for none."
    ),
]


Mlflow = Annotated[bool, typer.Option("--mlflow", help="MLflow, in the command, logs into this repository.")]


def keys(help: str, metavar: str = "KEY,...") -> Any:
    """An option whose value names metrics and params."""
    return option(metavar=metavar, help=help, by="columns")


Sort = Annotated[
    str | None,
    keys("What to sort by: a metric, a param, or created, duration, name and so on.", "KEY"),
]
Descending = Annotated[bool | None, typer.Option("--desc/--asc", help="From high to low, or low to high.")]
Only = Annotated[list[str] | None, keys("Only these columns, none left out; * matches.")]
Hide = Annotated[list[str] | None, keys("Not these columns; * matches.")]


def stages(metavar: str, help: str) -> Any:
    """Stages of the pipeline, as arguments."""
    return argument(metavar, help, "stages")


def other_name(help: str) -> Any:
    """-n/--name: another name for an experiment that has one."""
    return typer.Option("--name", "-n", metavar="NAME", help=help)


def force(help: str) -> Any:
    """--force: do what gitexp refuses otherwise."""
    return typer.Option("--force", help=help)


def yes(help: str) -> Any:
    """-y/--yes: delete without a question."""
    return typer.Option("--yes", "-y", help=help)


def list_them(help: str) -> Any:
    """--list: show what the command could work on, and do nothing."""
    return typer.Option("--list", help=help)


def jobs(help: str) -> Any:
    """-j/--jobs: how many things are done at the same time."""
    return typer.Option("--jobs", "-j", metavar="N", min=1, help=help)


Engine = Annotated[
    str,
    typer.Option(
        "--engine", metavar="NAME", help="Where to run: a name under engines: of gitexp.yaml, or slurm, say."
    ),
]
Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="Of --engine dask: the scheduler's address.")
]


def format_of(choices: str, help: str) -> Any:
    """--format: the format of the answer, for another program."""
    return typer.Option("--format", metavar=choices, help=help)


def output(help: str, metavar: str = "FILE") -> Any:
    """-o/--output: the file or folder to write."""
    return typer.Option("--output", "-o", metavar=metavar, help=help)


AsTable = Annotated[
    TableFormat | None, format_of("|".join(TableFormat), "Print the table for another program.")
]


Each = Annotated[bool, typer.Option("--each", help="Each experiment by itself, replicates too.")]
OfReplicates = Annotated[
    str,
    typer.Option(
        "--group",
        metavar="replicates",
        callback=_only_replicates,
        help="Take replicates as one, by their mean.",
    ),
]


def replicates(group: str, *, each: bool, otherwise: Replicates = Replicates.REPEATED) -> Replicates:
    """The groups that --group and --each ask for; raises UsageError for both."""
    is_asked = group == REPLICATES
    only_one(**{"each": each, f"group {REPLICATES}": is_asked})
    if is_asked:
        return Replicates.EVERY
    return Replicates.EACH if each else otherwise


def note(help: str) -> Any:
    """-m/--note: the note of an experiment."""
    return typer.Option("--note", "-m", metavar="TEXT", help=help)


def git_remote(help: str) -> Any:
    """--remote: the name of a Git remote."""
    return option("--remote", metavar="REMOTE", help=help, by="remotes")


def data_remote(help: str) -> Any:
    """--data-remote: the name of a data remote."""
    return option("--data-remote", metavar="NAME", help=help, by="data_remotes")


def only_one(**flags: bool) -> None:
    """Raise UsageError if several of the flags are given."""
    given = [f"--{name}" for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise errors.UsageError(f"{' and '.join(given)} do not go together.", "Ask for one of them.")


def one_name(name: str, name_template: str) -> None:
    """Raise UsageError if both a name and a template for names are given."""
    only_one(**{"name": bool(name), "name-template": bool(name_template)})


def names_or_query(names: Sequence[str] | None, is_query: bool) -> None:
    """Raise UsageError for names together with options that choose experiments."""
    if names and is_query:
        raise errors.UsageError(
            "Names do not go together with options that choose experiments.", "Ask for one of them."
        )


def alone(option: str, *others: object) -> None:
    """Raise UsageError if other options choose experiments too."""
    if any(other not in (None, False) for other in others):
        raise errors.UsageError(
            f"{option} goes with none of the other options that choose experiments.", "Leave those out."
        )


def best_is_lowest(lowest: bool, highest: bool) -> bool | None:
    """True for --min, False for --max, None for neither; raises UsageError for both."""
    only_one(min=lowest, max=highest)
    if lowest or highest:
        return lowest
    return None


def best_of(lowest: bool, highest: bool, metrics: object, option: str = "--sort") -> bool | None:
    """The same, for the metric of another option; raises UsageError without that metric too."""
    low = best_is_lowest(lowest, highest)
    if low is not None and not metrics:
        raise errors.UsageError(
            f"--min and --max are about the metric of {option}.", f"Such as: {option} loss --min"
        )
    return low


def is_descending(desc: bool | None, low: bool | None) -> bool:
    """Whether the largest value comes first: by the user's word, or else by --max."""
    if desc is not None:
        return desc
    return low is False


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """The keys and values of a repeatable option KEY=VALUE; raises UsageError for another form."""
    found = dict[str, str]()
    for text in values or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise errors.UsageError(f"{option} {text} is not KEY=VALUE.", f"For example: {option} port=2222")
        found[key] = value
    return found


def split(values: list[str] | None) -> list[str]:
    """The items of a repeatable option whose values may hold several items, separated by commas."""
    items = map(str.strip, ",".join(values or ()).split(","))
    return [item for item in items if item]
