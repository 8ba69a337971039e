"""The `gitexp` command: the app, and the one place where errors become words and an exit status."""

from __future__ import annotations

import errno
import gc
import math
import os
import re
import signal
import sys
import threading
import time
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from gitexp import errors
from gitexp.cli.kit.help import ReaderGone
from gitexp.cli.registry import Root
from gitexp.version import __version__

app = typer.Typer(
    name="gitexp",
    cls=Root,
    help="Experiment versioning in Git: every run is a ref with its exact code, params, metrics and log.",
    epilog=(
        "Start here:\n  gitexp demo    shows it all in ten seconds\n"
        "  gitexp init    looks at your own project"
    ),
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gitexp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 an expected error, 2 wrong usage, 130 Ctrl-C."""
    _take_interrupts()
    _open_closed_streams()
    try:
        status = _run()
    except ReaderGone:
        # That is the reader's right, and no error; the interpreter must not find out a second time.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        status = 128 + getattr(signal, "SIGPIPE", 13)
    gc.freeze()  # what is left goes with the process; Python would look through it all for garbage
    sys.exit(status)


def _take_interrupts() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, once for several that come together.

    `timeout` sends two of them, and so does whoever is in a hurry: the second one must not cut short
    what is said of the first. A signal that was ignored when gitexp started stays ignored.
    """
    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
    if ignored or threading.current_thread() is not threading.main_thread():
        return
    last = -math.inf

    def interrupt(signum: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before > _TOGETHER:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def _open_closed_streams() -> None:
    """Give a closed stdin, stdout or stderr to the null device (`gitexp run … 2>&-`).

    The next file opened would get its number, and be written to by whoever prints there.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, closefd=False))  # noqa: SIM115 - open for as long as we are


def _run() -> int:
    try:
        status = app(prog_name="gitexp", standalone_mode=False)
        if status == _INTERRUPTED.exit_code:  # what typer makes of Ctrl-C
            return _report_interrupt()
        return status if isinstance(status, int) else 0
    except errors.GitexpError as error:
        return _report(error)
    except typer.TyperException as error:
        return _report(_usage_error(error), understood=False)
    except (KeyboardInterrupt, typer.Abort):
        return _report_interrupt()
    except BrokenPipeError as error:  # while something was being reported
        raise ReaderGone from error
    except OSError as error:
        return _report(_translated(error))
    except MemoryError:
        return _report(errors.StorageError("There is not enough memory.", "Ask for less: -n, --columns."))
    except Exception as error:
        if isinstance(error, ReaderGone):
            raise
        return _report(
            errors.GitexpError(f"Unexpected: {type(error).__name__}: {error}", _DEBUG_HINT, code="internal")
        )


_TOGETHER = 0.5  # seconds
_INTERRUPTED = errors.Interrupted("Interrupted.")
_DEBUG_HINT = "This is a bug in gitexp; GITEXP_DEBUG=1 shows where it happened."


def _translated(error: OSError) -> errors.GitexpError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return errors.DiskFull("The disk is full.", "Free some space and run the command again.")
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes)) else ""
    return errors.StorageError(f"{error.strerror or error}{where}.", "GITEXP_DEBUG=1 shows where.")


_SUGGESTED = re.compile(r"[.]?\s*(?:Did you mean (?P<names>.*)\?|\(Possible options: .*\))$")


def _usage_error(error: typer.TyperException) -> errors.UsageError:
    """Return what typer's parser says as one of ours: a sentence, and what to do about it."""
    message = error.format_message().replace("argument(s)", "argument")
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path if context else 'gitexp'} --help shows what there is."
    if match := _SUGGESTED.search(message):
        message = message[: match.start()]
        possible = getattr(error, "possibilities", None) or (match["names"] or "").replace("'", "").split(
            ", "
        )
        typed = message.rpartition(" ")[2].strip("'.")
        # typer guesses even where nothing is near.
        from gitexp.words import did_you_mean  # `--version` does not pay for it

        hint = did_you_mean(typed, possible, hint, most=1)
    return errors.UsageError(message if message.endswith(".") else f"{message}.", hint)


def _report(error: errors.GitexpError, *, understood: bool = True) -> int:
    """Say what is wrong and return the exit status; `understood` is whether the command line was."""
    from gitexp.cli.kit import render

    try:
        if os.environ.get("GITEXP_DEBUG"):
            import traceback

            for line in traceback.format_exc().splitlines():
                render.say(line)
        # One document is what --json promises: not another one behind the half of a list.
        if _wants_json(understood=understood) and not render.has_answered():
            render.as_json({"error": error.as_json()})
        else:
            render.fail(error)
    except BrokenPipeError as gone:
        raise ReaderGone from gone
    return error.exit_code


def _report_interrupt() -> int:
    """Tell a program of Ctrl-C, if it has no answer yet (a run's is its experiment); a person knows."""
    from gitexp.cli.kit import render

    if _wants_json(understood=True) and not render.has_answered():
        return _report(_INTERRUPTED)
    return _INTERRUPTED.exit_code


def _wants_json(*, understood: bool) -> bool:
    """Return whether --json is among gitexp's own options.

    In a command line that was not understood: anywhere before `--`. Else as the command reads it, for in
    `run train.py --json` it is the script's.
    """
    arguments = sys.argv[1:]
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" not in own or not understood:
        return "--json" in own
    root: Any = typer.main.get_command(app)
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
