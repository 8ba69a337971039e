"""How help looks: typer's, with examples on lines of their own that can be copied."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose epilog is a list of examples, one a line."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are; typer would fill them into paragraphs."""
        if self.epilog:
            title, *examples = [line for line in self.epilog.splitlines() if line]
            with formatter.section(title.rstrip(":")):
                formatter.write("".join(f"  {line}\n" for line in examples))


class RootGroup(TyperGroup):
    """The root: `gitexp` alone shows the help, and a reader who has gone is told from a lost connection."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the lines of the epilog as they are."""
        formatter.write_paragraph()
        formatter.write("".join(f"{line}\n" for line in (self.epilog or "").splitlines()))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raises ReaderGone where typer would take it for an error of its own."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error


class Subcommands(TyperGroup):
    """A command that is several, such as `gitexp remote add`; alone it says which there are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words of the command line; raises UsageError if there are none."""
        if not args and not ctx.resilient_parsing:
            ctx.fail(f"Say what to do: {', '.join(self.list_commands(ctx))}.")
        return super().parse_args(ctx, args)


def leaves(group: Any, prefix: str = "") -> dict[str, Any]:
    """Return the commands of a group by what is typed, those of its groups as `remote add`."""
    found = {}
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            found.update(leaves(command, f"{prefix}{name} "))
        else:
            found[prefix + name] = command
    return found


class ReaderGone(Exception):
    """Whoever read our output has closed it."""
