"""The words of `gitexp run`: stages with options around them, or a command with its own options."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from shutil import which
from typing import Any

import typer

from gitexp import errors
from gitexp.cli.kit.help import Command
from gitexp.project.project import Project
from gitexp.words import nearest

_DASHES = "gitexp.dashes"  # in the context: whether the words follow `--`


class RunCommand(Command):
    """The parser of `run`. Words after `--` are a command. Other words are stages, if the project has stages.

    Options after stages belong to gitexp, options after a command to the command.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line, and remember whether `--` came before the words."""
        given = list(args)
        words = self.make_parser(ctx).parse_args(list(args))[0].get("words") or ()
        before = len(given) - len(words) - 1
        dashes = before >= 0 and given[before] == "--"
        ctx.meta[_DASHES] = dashes
        if dashes or not _starts_with_stages(words):
            return super().parse_args(ctx, args)
        if "--" in words:
            raise errors.UsageError(
                "A command follows --, and stages stand before it.", "Give the one or the other."
            )
        ctx.allow_interspersed_args = True
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            _refuse_option(error, words)
            raise


def meant(
    project: Project, words: list[str], context: typer.Context
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The command that the words are, or the names of the stages (none: all stages).

    Both are None for `command:` of the config.
    """
    has_stages = project.config.pipeline_file is not None
    if words and (context.meta.get(_DASHES) or not has_stages):
        return tuple(words), None
    if not has_stages:
        return None, None
    if (late := _first_option(words)) is not None:
        _require_stages(project, words[:late])
        options = shlex.join(words[late:])
        raise errors.UsageError(
            f"{words[late]} stands after the stages.",
            f"Options come first: gitexp run {options} {shlex.join(words[:late])}",
        )
    return None, tuple(words)


@contextlib.contextmanager
def explained(words: Sequence[str]) -> Iterator[None]:
    """Give an UnknownStage error of the block the right hint, if the words are a command."""

    try:
        yield
    except errors.UnknownStage as error:
        guessed = error.hint is not None and error.hint.startswith("Did you mean")
        if not words or guessed or which(words[0]) is None:
            raise
        hint = f"A command follows --: gitexp run -- {shlex.join(words)}"
        raise errors.UnknownStage(error.message, hint) from error


def _first_option(words: Sequence[str]) -> int | None:
    for at, word in enumerate(words):
        if word.startswith("-"):
            return at
    return None


def _starts_with_stages(words: Sequence[str]) -> bool:
    """Whether there are options among the words, and only stages before the first option."""
    late = _first_option(words)
    if not late:
        return False
    try:
        project = Project.open()
        if project.config.pipeline_file is None:
            return False
        _require_stages(project, words[:late])
    except errors.GitexpError:  # the run itself reports this
        return False
    return True


def _require_stages(project: Project, words: Sequence[str]) -> None:
    # A run of a command must not pay for stages.
    from gitexp.cli.commands import run_stages

    run_stages.require(project, words)


def _refuse_option(error: typer.TyperException, words: Sequence[str]) -> None:
    """Raise UsageError for an option unlike any of gitexp's: it may be meant for a program."""
    name = getattr(error, "option_name", None)
    possible = getattr(error, "possibilities", None)
    if possible is None or name is None or nearest(name, possible, most=1):
        return
    raise errors.UsageError(
        f"gitexp run has no option {name}.",
        f"-S changes a param of stages; a program called {words[0]} runs after --: "
        f"gitexp run -- {shlex.join(words)}",
    ) from error
