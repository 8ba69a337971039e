"""Draws one specification: JSON on stdin, the file on stdout.

`python -m gitexp.extras.plots.draw_apart .svg`
"""

from __future__ import annotations

import json
import sys

from gitexp.extras.plots.rendering import FORMATS


def main() -> None:
    """Draw the specification of stdin. Ends with 1, and one line on stderr, if it cannot be drawn."""
    spec = json.loads(sys.stdin.buffer.read())
    try:
        drawn = FORMATS[sys.argv[1]](spec)
    except ValueError as error:
        sys.exit(str(error).partition("\n")[0])
    sys.stdout.buffer.write(drawn)


if __name__ == "__main__":
    main()
