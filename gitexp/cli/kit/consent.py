"""The user's word: before something is deleted, and where only the user can tell."""

from __future__ import annotations

import sys
from typing import Any

import typer

from gitexp import errors
from gitexp.cli.kit.help import again
from gitexp.cli.kit.terminal import render


def ask(context: Any, question: str) -> None:
    """Ask on a terminal whether to go on; raises typer.Abort if the answer is no.

    Without a terminal nobody can be asked. Raises UsageError, with the line that needs no answer.
    """
    if not can_ask():
        raise errors.UsageError(
            f"{question.rstrip('.')}, and there is no terminal to ask.",
            f"To do it: {again(context, '--yes')}; to see what it would do: {again(context, '--dry-run')}",
            code="no-terminal",
        )
    render.say(question)
    try:
        go_on = typer.confirm("Go on?", err=True)
    except typer.Abort:  # Ctrl-C, on the line of the question
        render.say("")
        raise
    if not go_on:
        raise typer.Abort


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)


def answer(question: str, default: str) -> str:
    """The answer to a question on a terminal, where `can_ask`."""
    given: str = typer.prompt(question, default=default, err=True)
    return given.strip()
