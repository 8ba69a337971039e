"""The `gitexp` command: the app, its streams and signals, and its exit status."""

from __future__ import annotations

import gc
import math
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Annotated, NoReturn

import typer

from gitexp.cli.kit.ending import ExitStatus
from gitexp.cli.kit.help import ReaderGone
from gitexp.cli.registry import Root
from gitexp.version import __version__

_TOGETHER = 0.5  # seconds
_INTERRUPTED = 130

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
    """Run the command line and exit: 0 done, 1 an expected error, 2 wrong usage, 130 Ctrl-C.

    Ctrl-C, and a signal that has ended the command of a run, are an ExitStatus with a signal.
    """
    _take_interrupts()
    _open_closed_streams()
    try:
        status = _run()
    except ReaderGone:
        # The reader may stop at any time: no error. The interpreter must not find out a second time.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        status = 128 + getattr(signal, "SIGPIPE", 13)
    gc.freeze()  # the process ends: Python need not look through all objects for garbage
    sys.exit(status)


def _take_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, once for several signals within half a second.

    `timeout` sends two signals, and people in a hurry do the same: the second must not cut short the words
    about the first. A signal ignored at the start of gitexp stays ignored.
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
    """Open the null device in place of a closed stdin, stdout or stderr (`gitexp run … 2>&-`).

    Otherwise the next file opened would get the number of the stream, and words would be printed into it.
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
    except ReaderGone:
        raise
    except BrokenPipeError as error:
        raise ReaderGone from error
    except (Exception, KeyboardInterrupt) as error:
        return _report(error)
    if status == _INTERRUPTED and not isinstance(status, ExitStatus):  # typer's answer to Ctrl-C
        return _report(KeyboardInterrupt())
    return status if isinstance(status, int) else 0


def _report(error: BaseException) -> int:
    # Messages need the model and dates: --version and --help must not pay for these.
    from gitexp.cli.kit import failures

    status = failures.report(error, typer.main.get_command(app))
    is_refusal = isinstance(error, typer.Abort) and not isinstance(error.__cause__, KeyboardInterrupt)
    if status == _INTERRUPTED and not is_refusal:
        return ExitStatus(status, signal.SIGINT)
    return status
