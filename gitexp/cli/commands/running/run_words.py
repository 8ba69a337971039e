"""The words of `gitexp run`: stages with options around them, or a command with its own options."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Sequence
from shutil import which
from typing import Any

import typer

from gitexp import errors
from gitexp.cli.kit import replaced
from gitexp.cli.kit.help import Command
from gitexp.files.command_words.launchers import own_part
from gitexp.process.programs import shell_words
from gitexp.project.project import Project
from gitexp.words import nearest

_DASHES = "gitexp.dashes"  # in the context: whether the words follow `--`
_RUN = "gitexp run -- "
_BEFORE = "gitexp.before"  # in the context: what stands before the words


class RunCommand(Command):
    """The parser of `run`. Words after `--` are a command. Other words are stages, if the project has stages.

    Options after stages belong to gitexp, options after a command to the command.
    """

    def parse(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line, and remember whether `--` came before the words."""
        given = list(args)
        words = self.make_parser(ctx).parse_args(list(args))[0].get("words") or ()
        before = len(given) - len(words) - 1
        dashes = before >= 0 and given[before] == "--"
        ctx.meta[_DASHES] = dashes
        ctx.meta[_BEFORE] = given[: before + (not dashes)]
        if dashes or not _starts_with_stages(words):
            return super().parse(ctx, args)
        if "--" in words:
            raise errors.UsageError(
                "A command follows --, and stages stand before it.", "Give the one or the other."
            )
        ctx.allow_interspersed_args = True
        try:
            return super().parse(ctx, args)
        except typer.TyperException as error:
            if not ctx.resilient_parsing:
                replaced.refuse(ctx, getattr(error, "option_name", None), given)
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
        if not context.meta.get(_DASHES):
            _refuse_own_options(words, context)
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
def explained(words: Sequence[str], context: typer.Context) -> Iterator[None]:
    """Give the errors of the block about stages and programs the right hint: one that works when pasted."""
    try:
        yield
    except errors.UnknownStage as error:
        guessed = error.hint is not None and error.hint.startswith("Did you mean")
        line = shell_words(words) if words else None
        if line is None:
            if not words or guessed or which(words[0]) is None:
                raise
            line = shlex.join(words)
        hint = _with_options(f"A command follows --: {_RUN}{line}", context)
        raise errors.UnknownStage(error.message, hint) from error
    except errors.GitexpError as error:
        if error.code == "command-not-found" and error.hint:
            error.hint = _with_options(error.hint, context)
        raise


def _with_options(hint: str, context: typer.Context) -> str:
    """A hint with the options that the user has given, in the command line that it shows."""
    given = context.meta.get(_BEFORE)
    return hint.replace(_RUN, f"gitexp run {shlex.join(given)} -- ") if given else hint


def _refuse_own_options(words: Sequence[str], context: typer.Context) -> None:
    """Raise UsageError for options of `gitexp run` behind a command: whose they are is not clear."""
    options = replaced.spellings(context.command)
    own, others = list[str](context.meta[_BEFORE]), list(words[: own_part(words)])
    given = len(own)
    rest = list(words[len(others) :])
    end = rest.index("--") if "--" in rest else len(rest)
    at = 0
    while at < end:
        length = _length(rest[at], options)
        if length:
            own += rest[at : at + length]
        else:
            others.append(rest[at])
        at += max(length, 1)
    if len(own) == given:
        return
    others += rest[at:]
    first = own[given]
    name = first.partition("=")[0] if first.startswith("--") else first[:2]
    raise errors.UsageError(
        f"{name} stands after the command, and gitexp run has that option too.",
        f"For gitexp: gitexp run {shlex.join(own)} -- {shlex.join(others)}; "
        f"for the command: {_with_options(_RUN + shlex.join(words), context)}",
    )


def _length(word: str, options: dict[str, bool]) -> int:
    """The number of words of an option of gitexp's that begins with a word; 0 for any other word."""
    if word in options:
        return 1 + options[word]
    name, equals, _ = word.partition("=")
    if not equals:
        return int(_is_joined(word, options))
    return int(name in options or (word.startswith("-S") and len(name) > 2))


def _is_joined(word: str, options: dict[str, bool]) -> bool:
    """Whether a word is an option with its number, as -j4, or several flags in one, as -kq."""
    if word[:2] not in options or word.startswith("--"):
        return False
    if options[word[:2]]:
        return word[2:].isdecimal()
    return all(options.get(f"-{letter}") is False for letter in word[1:])


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
    from gitexp.cli.commands.running import run_stages

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
