"""`python -m tests.again`: the few tests that have just failed, once more, alone.

Tests here kill processes, fill queues and race with Git, several at a time. What fails only for the load of
the others passes alone: it is named, and fails nothing. More than `MOST` are no accident of the load.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

MOST = 3
FAILED = Path(".pytest_cache/v/cache/lastfailed")  # pytest's own list: test -> true


def main() -> int:
    failed = sorted(json.loads(FAILED.read_text("utf-8"))) if FAILED.exists() else []
    if not 0 < len(failed) <= MOST:
        return 1
    print("\nOnce more, alone:", *failed, sep="\n  ", flush=True)
    return pytest.main(failed)


if __name__ == "__main__":
    sys.exit(main())
