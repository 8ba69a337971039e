"""Where the command starts: `gitexp`, and `python -m gitexp`."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # type checkers know the name; importing `typing` takes half of the time until main()
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be looked for there
    # Python looks for modules in the current folder first: somebody else's git.py there would run.
    # (The `gitexp` command never looks there, nor does `python -P -m gitexp`.)
    del sys.path[0]

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit. Ctrl-C during the imports ends the process without a word."""
    _read_names_as_utf8()
    # Neither the imports nor the reading of ten thousand records make garbage in cycles, and looking for
    # such garbage takes a third of the time. Long work turns the collector on again.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was ignored from the start
        signal.signal(signal.SIGINT, _leave)
    from gitexp.cli.main import main as run_command_line

    run_command_line()


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


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    os._exit(_INTERRUPTED)  # the module just being imported might catch an exception


if __name__ == "__main__":
    main()
