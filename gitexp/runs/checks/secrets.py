"""The secrets of a command that is repeated: its record has a mask in place of each."""

from __future__ import annotations

import os

from gitexp import errors
from gitexp.files.command_words.masked_arguments import MASK, filled, secrets_in
from gitexp.project.params import CommandLine
from gitexp.runs.request import RunRequest


def with_secrets(command: CommandLine, request: RunRequest) -> CommandLine:
    """The command with the secrets that its record does not have: from the environment, or from the user.

    Raises secret-missing if nobody can be asked.
    """
    if not any(MASK in word for word in _words(command)):
        return command
    secrets = []
    for name in secrets_in(command):
        secret = os.environ.get(name) or _asked(name, request)
        if not secret:
            raise errors.UsageError(
                f"The value of {name} is not stored, because it looks like a secret.",
                _way(name, request),
                code="secret-missing",
            )
        secrets.append(secret)
    return filled(command, secrets)


def _words(command: CommandLine) -> tuple[str, ...]:
    if isinstance(command, str):
        return (command,)
    return command


def _asked(name: str, request: RunRequest) -> str:
    if request.ask_secret is None:
        return ""
    return request.ask_secret(name)


def _way(name: str, request: RunRequest) -> str:
    if name.startswith("-"):
        return f"Give it: gitexp run --from {request.from_} -S args.{name.lstrip('-')}=VALUE"
    if name.isidentifier():
        return f"Set it in the environment: {name}=VALUE gitexp run --from {request.from_}"
    return f"Give the whole command: gitexp run --from {request.from_} -- COMMAND"
