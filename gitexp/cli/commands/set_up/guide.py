"""`gitexp guide`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import typer

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.cli.kit import options
from gitexp.cli.kit.help import leaves, registration
from gitexp.cli.kit.terminal import render
from gitexp.model import Status
from gitexp.version import __version__

_WIDTH = 118

EPILOG = """Examples:
gitexp guide
gitexp guide --json
"""


def guide(context: typer.Context, quiet: options.Quiet = False, json: options.Json = False) -> None:
    """Tell a program how to use gitexp.

    For coding assistants, CI jobs and research loops: rules, commands, shapes of --json, exit codes and
    error codes on one page.
    """
    commands = leaves(context.find_root().command)
    if json:
        render.as_json(as_json(commands))
    else:
        render.answer(text(commands).splitlines())


register = registration(guide, EPILOG)


def text(commands: Mapping[str, Any]) -> str:
    """The guide in words. `commands` has each command of the command line by its name."""
    told = resources.files("gitexp.cli").joinpath("guide.txt").read_text("utf-8")
    parts = {
        "version": __version__,
        "statuses": ", ".join(Status),
        "commands": "\n".join(_command_lines(commands)),
        "experiment": _filled(["An experiment: " + _experiment_fields()[0], *_experiment_fields()[1:]]),
        "errors": "\n".join(_error_lines()),
    }
    for name, part in parts.items():
        told = told.replace(f"[{name}]", part)
    return told


def as_json(commands: Mapping[str, Any]) -> dict[str, Any]:
    """The guide as data, with every option of every command."""
    codes = [
        {"code": code, "exit_code": raised_as.exit_code} for code, (raised_as, _) in errors.CODES.items()
    ]
    return {
        "version": __version__,
        "commands": [_command(name, command) for name, command in commands.items()],
        "experiment": _experiment_fields(),
        "statuses": list(Status),
        "errors": codes,
        "text": text(commands),
    }


def _command_lines(commands: Mapping[str, Any]) -> Iterable[str]:
    usages = {}
    for name, command in commands.items():
        usages[name] = " ".join([name, *map(_argument, _params(command, "argument"))])
    width = max(map(len, usages.values()))
    for name, command in commands.items():
        yield f"{usages[name]:<{width}}  {_first_sentence(command)}"


def _command(name: str, command: Any) -> dict[str, Any]:
    arguments = [{"name": _argument(param), "help": param.help} for param in _params(command, "argument")]
    options = [
        {"names": [*param.opts, *param.secondary_opts], "value": _value(param), "help": param.help}
        for param in _params(command, "option")
    ]
    return {"name": name, "does": _first_sentence(command), "arguments": arguments, "options": options}


def _params(command: Any, kind: str) -> list[Any]:
    return [param for param in command.params if param.param_type_name == kind]


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return str(name) if param.required or name.startswith("[") else f"[{name}]"


def _value(option: Any) -> str | None:
    """The name of an option's value; None for a flag."""
    return None if option.is_flag else str(option.metavar or option.name.upper())


def _first_sentence(command: Any) -> str:
    return " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())


def _experiment_fields() -> list[str]:
    return list(Row("experiment", "", None).as_json())


def _error_lines() -> Iterable[str]:
    by_status: dict[int, list[str]] = {}
    for code, (raised_as, _) in sorted(errors.CODES.items()):
        by_status.setdefault(raised_as.exit_code, []).append(code)
    for status, codes in sorted(by_status.items()):
        yield _filled([f"exit {status}: {codes[0]}", *codes[1:]])


def _filled(words: Iterable[str]) -> str:
    return textwrap.fill(", ".join(words), _WIDTH, break_on_hyphens=False)
