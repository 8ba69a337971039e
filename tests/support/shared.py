"""What takes long to make, made once for all of pytest's processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.repo.git.locking.locks import try_lock

_PATIENCE = 170.0  # seconds


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, made by whichever process comes first."""
    base = factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    done = folder / name
    end = time.monotonic() + _PATIENCE
    while (lock := try_lock(folder / f"{name}.lock")) is None:
        assert time.monotonic() < end, f"another process has been making {name} for too long"
        time.sleep(0.1)
    try:
        if not done.exists():
            unfinished = folder / f"{name}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(done)
    finally:
        lock.release()
    return done
