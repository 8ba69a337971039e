"""Where the command starts: `gitexp`, and `python -m gitexp`."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = (
    False  # as type checkers know it; `typing` would take half of the time until Ctrl-C is seen to
)
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be looked for there
    # Python looks for modules in the current folder first: a git.py there, of somebody else's, would run.
    # (The `gitexp` command never looks there, nor does `python -P -m gitexp`.)
    del sys.path[0]

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit; a Ctrl-C while it is still being loaded ends it without a word."""
    # Loading makes no garbage in cycles, nor does reading ten thousand records; to look for it takes a third
    # of the time. What goes on for longer turns it on again.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was ignored from the start
        signal.signal(signal.SIGINT, _leave)
    from gitexp.cli.main import main as run_command_line

    run_command_line()


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    os._exit(_INTERRUPTED)  # an exception might be caught by whatever is just being imported


if __name__ == "__main__":
    main()
