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


class Group(TyperGroup):
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


class ReaderGone(Exception):
    """Whoever read our output has closed it."""
