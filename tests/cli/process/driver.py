"""A stand-in for the command line: runs one command with `execute` and says how that ended.

    python -m tests.cli.process.driver FOLDER PROGRAM [ARGUMENT…]

The log and the outcome (JSON) are written to FOLDER, where the command runs too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from gitexp.process.execute import Outcome, execute
from gitexp.process.log import LogFile


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    before = {each: signal.getsignal(each) for each in signal.valid_signals() if each < signal.SIGRTMIN}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    with LogFile.create(folder / "log") as log:
        outcome = execute(command, cwd=folder, env=os.environ, log=log)
    after = {each: signal.getsignal(each) for each in before}
    restored = before == after and mask == signal.pthread_sigmask(signal.SIG_BLOCK, [])
    answer = {**outcome._asdict(), "restored": restored}
    (folder / "outcome").write_text(json.dumps(answer))


def outcome_in(folder: Path) -> Outcome:
    """What the driver found; fails if the signal handlers or the mask were not as before."""
    answer = json.loads((folder / "outcome").read_text())
    assert answer.pop("restored")
    return Outcome(**answer)


if __name__ == "__main__":
    main()
