"""The one place where an exception becomes words, JSON and an exit status."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

import typer

from gitexp import errors
from gitexp.cli.kit.help import ReaderGone
from gitexp.cli.kit.replaced import OldSpelling
from gitexp.cli.kit.terminal import render
from gitexp.nofollow import NotPlain
from gitexp.regex import regex
from gitexp.repo.git.failures import way_to_start
from gitexp.words import did_you_mean

_DEBUG_HINT = "This is a bug in gitexp; GITEXP_DEBUG=1 shows where it happened."
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_SUGGESTED = regex(r"[.]?\s*(?:Did you mean (?P<names>.*)\?|\(Possible options: .*\))$")


def report(error: BaseException, root: Any) -> int:
    """The exit status of a failed command. The person or program is told the reason.

    `root` is the group of all commands. Raises ReaderGone if the reader has closed the output.
    """
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        interrupted = errors.Interrupted("Interrupted.")
        # A person knows of Ctrl-C. A program needs an answer, if it has none (of a run: the experiment).
        if _wants_json(root, understood=True) and not render.has_answered():
            return _tell(interrupted, json=True)
        return interrupted.exit_code
    understood = not isinstance(error, (typer.TyperException, OldSpelling))
    return _tell(in_our_words(error), json=_wants_json(root, understood=understood))


def _tell(error: errors.GitexpError, *, json: bool) -> int:
    try:
        if os.environ.get("GITEXP_DEBUG"):
            for line in traceback.format_exc().splitlines():
                render.say(line)
        # --json promises one document: not another one behind the half of a list.
        if json and not render.has_answered():
            render.as_json({"error": error.as_json()})
        else:
            render.fail(error)
    except BrokenPipeError as gone:
        raise ReaderGone from gone
    return error.exit_code


def in_our_words(error: BaseException) -> errors.GitexpError:
    """Any error as an error of gitexp."""
    if isinstance(error, errors.GitexpError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage_error(error)
    if isinstance(error, OSError):
        return _storage_error(error)
    if isinstance(error, MemoryError):
        return errors.StorageError("There is not enough memory.", "Ask for less: --limit, --columns.")
    return errors.GitexpError(f"Unexpected: {type(error).__name__}: {error}", _DEBUG_HINT, code="internal")


def _storage_error(error: OSError) -> errors.GitexpError:
    if error.errno in _FULL:
        return errors.DiskFull("The disk is full.", "Free some space and run the command again.")
    if error.errno == errno.ENOENT and error.filename is None and _is_homeless():
        return errors.StorageError("The current folder has been deleted.", "Go to one that is there: cd ~")
    where = ""
    if isinstance(error.filename, (str, bytes)):
        where = f" ({os.fsdecode(error.filename)})"
    if isinstance(error, NotPlain):
        hint = f"Remove it: rm {shlex.quote(os.fsdecode(error.filename))}"
        return errors.RepositoryError(f"{error.strerror}{where}.", hint, code="untrusted-repository")
    return errors.StorageError(f"{error.strerror or error}{where}.", way_to_start(error))


def _is_homeless() -> bool:
    """Whether the current folder is gone."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _usage_error(error: typer.TyperException) -> errors.UsageError:
    """The complaint of typer's parser in gitexp's form: a sentence, and a hint."""
    message = error.format_message().replace("argument(s)", "argument")
    path = "gitexp"
    if (context := getattr(error, "ctx", None)) is not None:
        path = context.command_path
    hint = f"{path} --help shows what there is."
    if match := _SUGGESTED.search(message):
        message = message[: match.start()]
        possible = getattr(error, "possibilities", None)
        if not possible:
            possible = (match["names"] or "").replace("'", "").split(", ")
        typed = message.rpartition(" ")[2].strip("'.")
        # typer guesses even where nothing is near.
        hint = did_you_mean(typed, possible, hint, most=1)
    return errors.UsageError(f"{message.removesuffix('.')}.", hint)


def _wants_json(root: Any, *, understood: bool) -> bool:
    """Whether --json is among gitexp's own options.

    If typer did not understand the command line: anywhere before `--`. Otherwise the command decides:
    in `run train.py --json` the option belongs to the script.
    """
    arguments = sys.argv[1:]
    own = arguments
    if "--" in arguments:
        own = arguments[: arguments.index("--")]
    if "--json" not in own or not understood:
        return "--json" in own
    try:
        command, at = root, 0
        while hasattr(command, "commands"):  # `remote add` is two words
            command, at = command.get_command(None, own[at]), at + 1
        if command is None:
            return True
        context = command.make_context(own[0], arguments[at:], resilient_parsing=True)
    except (IndexError, typer.TyperException):
        return True
    return bool(context.params.get("json"))
