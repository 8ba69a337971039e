"""What the words of `gitexp run` are: stages with options around them, or a command with its own options."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from shutil import which
from typing import Any

import typer

from gitexp import errors
from gitexp.cli.kit.help import Command
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.state import StageSelection
from gitexp.project.project import Project
from gitexp.words import nearest

_DASHES = "gitexp.dashes"  # in the context: whether the words follow `--`


class RunCommand(Command):
    """`run`, whose words are a command after `--`, and stages without where the project has some.

    Options after stages are gitexp's, options after a command are the command's.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as ever, and remember whether `--` came before the words."""
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
) -> tuple[tuple[str, ...] | None, StageSelection | None]:
    """Return the command that the words are, or the stages; None and None for `command:` of the config."""
    if words and (context.meta.get(_DASHES) or project.config.pipeline_file is None):
        return tuple(words), None
    if project.config.pipeline_file is None:
        return None, None

    if (late := _first_option(words)) is not None:
        _require_stages(project, words[:late])
        options = shlex.join(words[late:])
        raise errors.UsageError(
            f"{words[late]} stands after the stages.",
            f"Options come first: gitexp run {options} {shlex.join(words[:late])}",
        )
    return None, StageSelection(tuple(words))


@contextlib.contextmanager
def explained(words: Sequence[str]) -> Iterator[None]:
    """Raise UnknownStage of the block with the right hint where the words are a command."""

    try:
        yield
    except errors.UnknownStage as error:
        guessed = error.hint is not None and error.hint.startswith("Did you mean")
        if not words or guessed or which(words[0]) is None:
            raise
        hint = f"A command follows --: gitexp run -- {shlex.join(words)}"
        raise errors.UnknownStage(error.message, hint) from error


def _first_option(words: Sequence[str]) -> int | None:
    return next((at for at, word in enumerate(words) if word.startswith("-")), None)


def _starts_with_stages(words: Sequence[str]) -> bool:
    """Return whether there are options among the words, and the words before are stages."""
    late = _first_option(words)
    if not late:
        return False

    try:
        project = Project.open()
        if project.config.pipeline_file is None:
            return False
        _require_stages(project, words[:late])
    except errors.GitexpError:  # whoever runs them says so
        return False
    return True


def _require_stages(project: Project, words: Sequence[str]) -> None:
    """Raise UnknownStage for a word that is none, ConfigError or ParseError for stages that are wrong."""

    pipeline = project.pipeline()
    assert pipeline is not None  # the config has stages, or nobody would ask
    Graph(pipeline).select(words)


def _refuse_option(error: typer.TyperException, words: Sequence[str]) -> None:
    """Raise UsageError for an option that gitexp does not have, and a program may."""
    name = getattr(error, "option_name", None)
    possible = getattr(error, "possibilities", None)
    if possible is None or name is None or nearest(name, possible, most=1):
        return
    raise errors.UsageError(
        f"gitexp run has no option {name}.",
        f"-S changes a param of stages; a program called {words[0]} runs after --: "
        f"gitexp run -- {shlex.join(words)}",
    ) from error
