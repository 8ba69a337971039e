"""Where the command starts: `gitexp`, and `python -m gitexp`."""
# ruff: noqa: PTH100, PTH118, PTH120 - pathlib would be looked for before it is said where

# `from __future__ import …` would look for a module, too: see `_searched`.
import os
import sys


def _searched(path: list[str]) -> list[str]:
    """The folders where gitexp looks for modules: first the installation, never the user's repository.

    With PYTHONPATH=. a file git.py of the repository would run in place of GitPython. The folders of
    PYTHONPATH come last: they may belong to the installation. Folders in the repository are left out,
    and so are the current folder and the script's folder. A user's command gets the unchanged environment.
    """
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    here = _absolute("")
    repository = _around(here)
    of_user = {_absolute(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    script = os.path.dirname(os.path.realpath(sys.argv[0]))
    first, last = [], []
    for entry in path:
        where = _absolute(entry)
        if where in ("", here, script):
            continue
        if where not in of_user:
            first.append(entry)
        elif where == own or not _lies_in(where, repository):
            last.append(entry)
    return first + last


def _lies_in(path: str, folder: str) -> bool:
    return folder != "" and (path + os.sep).startswith(folder + os.sep)


def _absolute(path: str) -> str:
    """The absolute path; "" in a deleted current folder."""
    try:
        return os.path.abspath(path)
    except OSError:
        return ""


def _around(folder: str) -> str:
    """The folder of the repository around a folder; the folder itself outside of repositories."""
    at = folder
    while at and not os.path.lexists(os.path.join(at, ".git")):
        above = os.path.dirname(at)
        if above == at:
            return folder
        at = above
    return at


sys.path[:] = _searched(sys.path)

import contextlib  # noqa: E402 - from here on modules are looked for where they belong
import gc  # noqa: E402
import signal  # noqa: E402

if os.name == "posix":
    import resource

TYPE_CHECKING = False  # type checkers know the name; importing `typing` takes half of the time until main()
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command line and exit. Ctrl-C during the imports ends the process without a word."""
    _read_names_as_utf8()
    # Neither the imports nor the reading of ten thousand records make garbage in cycles, and looking for
    # such garbage takes a third of the time. Long work turns the collector on again.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was ignored from the start
        # As an exception Ctrl-C could be caught by the module just being imported.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gitexp.cli.main import main as run_command_line  # not before Ctrl-C is dealt with

    try:
        run_command_line()
    except SystemExit as end:
        _end_by(getattr(end.code, "signal", None))
        raise


def _end_by(signum: int | None) -> None:
    """End by the signal, so a shell leaves its loop; return without a signal, and on Windows."""
    if signum is None or os.name != "posix":
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGQUIT is no fault of gitexp's
    signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    os.kill(os.getpid(), signum)


def _read_names_as_utf8() -> None:
    """Start Python anew unless file names are UTF-8 for this Python.

    The same file has one name in Git, in gitexp.yaml and in data sets, whatever LC_ALL and PYTHONUTF8 say.
    The command of a run gets the unchanged environment.
    """
    if os.name != "posix" or sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    try:
        os.execv(sys.executable, [sys.orig_argv[0], "-X", "utf8", *sys.orig_argv[1:]])
    except OSError:  # then with the names as this Python reads them
        return


if __name__ == "__main__":
    main()
