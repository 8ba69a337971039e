"""Files left by the real tools, made once for all tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.peers import SOURCES

Make = Callable[[Path, str], None]


@pytest.fixture(scope="session")
def make() -> Make:
    """Runs a script in a folder, with the packages of the tools; skipped where they are not installed."""
    python = SOURCES.python
    if python is None:
        pytest.skip("wandb and others are not installed here: python -m benchmarks.peers sources does that")

    def run(folder: Path, script: str) -> None:
        (folder / "script.py").write_text(script)
        quiet = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(folder), "SACRED_NO_GIT": "1"}
        done = subprocess.run(
            [python, "script.py"],
            cwd=folder,
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run
