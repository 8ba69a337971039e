"""The look of help: typer's, with each example on its own line, ready to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gitexp.cli.kit import replaced

_WORDS = "gitexp.words"  # in the context: the words behind the command


def again(ctx: Any, *more: str) -> str:
    """The command line that the user gave, with more options: a hint keeps the user's own."""
    command = ctx.command_path.split()
    return shlex.join([*command, *more, *ctx.meta.get(_WORDS, ())])


class Command(TyperCommand):
    """A command with examples in its epilog, each on its own line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line, and keep its words for hints; raises UsageError for an old spelling."""
        ctx.meta[_WORDS] = words = list(args)
        try:
            return self.parse(ctx, args)
        except typer.TyperException as error:
            if not ctx.resilient_parsing:
                replaced.refuse(ctx, getattr(error, "option_name", None), words)
            raise

    def parse(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; a command with rules of its own overrides this."""
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write each example on its own line; typer would fill them into paragraphs."""
        if self.epilog:
            title, *examples = filter(None, self.epilog.splitlines())
            with formatter.section(title.rstrip(":")):
                formatter.write("".join(f"  {line}\n" for line in examples))


def registration(
    command: Callable[..., None], epilog: str, name: str | None = None
) -> Callable[[typer.Typer], None]:
    """The function that adds a command to an app, under its own name by default."""

    def register(app: typer.Typer) -> None:
        app.command(name, cls=Command, epilog=epilog)(command)

    return register


class RootGroup(TyperGroup):
    """The root of the commands. A reader that closed our output is told from a lost connection."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the lines of the epilog unchanged."""
        formatter.write_paragraph()
        formatter.write("".join(f"{line}\n" for line in (self.epilog or "").splitlines()))

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises ReaderGone for a broken pipe: typer would call that its own error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error


class Subcommands(TyperGroup):
    """A group of commands, like `gitexp remote add`. Alone, the group names its commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line; raises UsageError if there are none."""
        if not args and not ctx.resilient_parsing:
            ctx.fail(f"Say what to do: {', '.join(self.list_commands(ctx))}.")
        return super().parse_args(ctx, args)


class ListingGroup(Subcommands):
    """A group with a command `list`, also run by the group's name alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        asks_for_list = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if asks_for_list else args)


def leaves(group: Any, prefix: str = "") -> dict[str, Any]:
    """The commands of a group by name; a command of a group inside it has two words: `remote add`."""
    found: dict[str, Any] = {}
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            found.update(leaves(command, f"{prefix}{name} "))
        elif not command.hidden:
            found[prefix + name] = command
    return found


class ReaderGone(Exception):
    """The reader of our output has closed it."""
