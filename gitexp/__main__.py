"""Where the command starts: `gitexp`, and `python -m gitexp`."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # type checkers know the name; importing `typing` takes half of the time until main()
if TYPE_CHECKING:
    from typing import NoReturn

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be looked for there
    # Python looks for modules in the current folder first: somebody else's git.py there would run.
    # (The `gitexp` command never looks there, nor does `python -P -m gitexp`.)
    del sys.path[0]


def main() -> NoReturn:
    """Run the command line and exit. Ctrl-C during the imports ends the process without a word."""
    _read_names_as_utf8()
    # Neither the imports nor the reading of ten thousand records make garbage in cycles, and looking for
    # such garbage takes a third of the time. Long work turns the collector on again.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was ignored from the start
        # As an exception Ctrl-C could be caught by the module just being imported.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gitexp.cli.main import main as run_command_line

    try:
        run_command_line()
    except SystemExit as end:
        _end_by(getattr(end.code, "signal", None))
        raise


def _end_by(signum: int | None) -> None:
    """End by a signal, so that a shell leaves its loop; return without one, and on Windows."""
    if signum is None or os.name != "posix":
        return
    import contextlib  # two modules of which `--version` has no use
    import resource

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGQUIT is no fault of gitexp's
    signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    os.kill(os.getpid(), signum)


def _read_names_as_utf8() -> None:
    """Start Python anew if it takes the names of files for something else than UTF-8.

    The same file has one name in Git, in gitexp.yaml and in data sets, whatever LC_ALL and PYTHONUTF8 say.
    The command of a run gets the environment as it is.
    """
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    try:
        os.execv(sys.executable, [sys.orig_argv[0], "-X", "utf8", *sys.orig_argv[1:]])
    except OSError:  # then with the names as this Python reads them
        return


if __name__ == "__main__":
    main()
