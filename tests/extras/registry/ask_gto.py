"""Run by the Python of GTO itself: runs command lines of GTO, and prints what each prints as JSON."""

from __future__ import annotations

import json
import sys
import time


def answers(lines: list[list[str]]) -> list[str]:
    """What GTO prints for each command line; all must end well. `sleep` alone waits for the next second."""
    from click.testing import CliRunner
    from gto.cli import app

    found = []
    for line in lines:
        if line == ["sleep"]:
            time.sleep(1.05 - time.time() % 1)
            found.append("")
            continue
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, (line, done.output, done.exception)
        found.append(done.stdout)
    return found


if __name__ == "__main__":
    told = answers(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps(told))
