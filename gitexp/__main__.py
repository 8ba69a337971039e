"""`python -m gitexp`."""

import os
import sys

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - pathlib would be looked for there
    # Python looks for modules in the current folder first: a git.py there, of somebody else's, would run.
    # (The `gitexp` command never looks there, nor does `python -P -m gitexp`.)
    del sys.path[0]

from gitexp.cli.main import main

if __name__ == "__main__":
    main()
