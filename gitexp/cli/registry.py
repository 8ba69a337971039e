"""The commands of `gitexp`, each loaded on demand: to load all takes longer than to run one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gitexp import plugins
from gitexp.cli.kit.help import RootGroup

COMMANDS = plugins.names("command")


class Root(RootGroup):
    """The group of all commands. Help and completion list them from the table, without loading any."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": dict.fromkeys(COMMANDS)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of gitexp or another package with a name, if any."""
        if self.commands.get(cmd_name) is None:
            register = plugins.find("command", cmd_name)
            if register is not None:
                self.commands[cmd_name] = _command(cmd_name, register)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with its first line, in groups by what people do."""
        width = max(map(len, COMMANDS))
        grouped = dict(plugins.TASKS)
        named = {name for names in grouped.values() for name in names}
        grouped["More"] = tuple(name for name in plugins.COMMANDS if name not in named)
        for task, names in grouped.items():
            rows = [(name.ljust(width), plugins.COMMANDS[name]) for name in names if name in plugins.COMMANDS]
            if rows:
                with formatter.section(task):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands and root options that begin with `incomplete`."""
        listing = self._listing()
        return listing.shell_complete(typer.Context(listing), incomplete)

    def _listing(self) -> TyperGroup:
        """The same group with the help of the commands alone."""
        commands: dict[str, Any] = {
            name: TyperCommand(name, help=line) for name, line in plugins.COMMANDS.items()
        }
        return TyperGroup(name=self.name, params=self.params, commands=commands)


def _command(name: str, register: Callable[[typer.Typer], None]) -> Any:
    # A group of one: typer makes nothing else of a command that is itself a group, such as `remote`.
    group = typer.Typer(callback=lambda: None, add_completion=False, rich_markup_mode=None)
    register(group)
    return typer.main.get_group(group).commands.get(name)
