"""Processes under conditions that a plain subprocess does not give: a terminal, no privileges."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyte
import pytest

from tests.support.forkserver import Forked

if sys.platform != "win32":
    import termios

_CTRL_C = "\x03"
_PATIENCE = 5.0  # seconds

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

# Opening the slave side makes it the controlling terminal of a session leader, so that keys such as
# Ctrl-C become signals. Done in the new process because `preexec_fn` is unsafe beside threads.
_ON_THIS_TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execvp(sys.argv[1], sys.argv[1:])"

# Root passes every permission check by way of two capabilities. Dropped from the bounding set, they
# are gone after exec, while all paths (a home of mode 0700, say) stay as reachable as their owner
# finds them, which another user id would not allow. 24 is PR_CAPBSET_DROP, 1 and 2 are
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: linux/prctl.h, linux/capability.h.
_WITHOUT_PRIVILEGES = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):
    if libc.prctl(24, capability, 0, 0, 0):
        sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
_UNPRIVILEGED = (sys.executable, "-S", "-c", _WITHOUT_PRIVILEGES)


class Terminal(NamedTuple):
    """What a person saw: all bytes that were written, and the screen they end in, without the blank rest."""

    exit_code: int
    raw: bytes
    lines: list[str]


def run_with_pty(
    argv: Sequence[str],
    cols: int = 80,
    rows: int = 24,
    keys: Sequence[tuple[str, str]] = (),
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> Terminal:
    """Runs `argv` in a terminal of that size; its exit code is negative where a signal ended it.

    `keys` are pairs (text to wait for, keys to send then), in order; each waits for output that came
    after the keys before it. `("", "q")` sends at once. A Ctrl-C that nothing comes of is pressed
    again, as a person would: one that arrives between Python's last look at its signals and the
    read() of `input()` is only seen at the next key.
    """
    with _pty(cols, rows) as (master, slave):
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", _ON_THIS_TERMINAL, *argv],
            cwd=cwd,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        try:
            raw = _converse(master, list(keys), timeout)
            exit_code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
    return _seen(exit_code, raw, cols, rows)


def fork_with_pty(
    fork: Callable[[int], Forked], cols: int, rows: int, keys: Sequence[tuple[str, str]], timeout: float
) -> Terminal:
    """As `run_with_pty`, for a process that `fork` begins on the terminal that it is given."""
    with _pty(cols, rows) as (master, slave):
        process = fork(slave)
        os.close(slave)
        raw = _converse(master, list(keys), timeout)
        exit_code = process.wait(timeout)
    return _seen(exit_code, raw, cols, rows)


@contextmanager
def _pty(cols: int, rows: int) -> Iterator[tuple[int, int]]:
    """A new terminal; whatever still runs on it afterwards is hung up."""
    if sys.platform == "win32":
        pytest.skip("no pseudo-terminals on Windows")
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (rows, cols))
    try:
        yield master, slave
    finally:
        os.close(master)


def _seen(exit_code: int, raw: bytes, cols: int, rows: int) -> Terminal:
    screen = pyte.Screen(cols, rows)
    pyte.ByteStream(screen).feed(raw)
    return Terminal(exit_code, raw, "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n"))


def _converse(master: int, keys: list[tuple[str, str]], timeout: float) -> bytes:
    raw = bytearray()
    seen = 0  # how much of it was there when keys were last sent
    sent = ""
    end = time.monotonic() + timeout
    while True:
        while keys and keys[0][0].encode() in _ESCAPES.sub(b"", raw[seen:]):
            sent = keys.pop(0)[1]
            os.write(master, sent.encode())
            seen = len(raw)
        left = max(0.0, end - time.monotonic())
        if not select.select([master], [], [], min(left, _PATIENCE) if sent == _CTRL_C else left)[0]:
            if sent == _CTRL_C and left > _PATIENCE:
                os.write(master, sent.encode())
                continue
            waiting = f", waiting for {keys[0][0]!r}" if keys else ""
            pytest.fail(f"still running after {timeout:g} s{waiting}:\n{raw.decode(errors='replace')}")
        try:
            chunk = os.read(master, 65536)
        except OSError:  # Linux says EIO where the other side is closed, macOS gives an empty read
            chunk = b""
        if not chunk:
            break
        raw += chunk
    assert not keys, f"never saw {keys[0][0]!r} in:\n{raw.decode(errors='replace')}"
    return bytes(raw)


def unprivileged(argv: Sequence[str]) -> list[str]:
    """`argv` such that file permissions count for it also where the tests run as root."""
    if sys.platform == "win32":
        pytest.skip("no permission bits on Windows")
    if os.geteuid() != 0:
        return list(argv)
    if sys.platform != "linux":
        pytest.skip("root cannot be held to permissions here")
    if not _can_drop_privileges():
        pytest.skip("root may not give up its capabilities here")
    return [*_UNPRIVILEGED, *argv]


@cache
def _can_drop_privileges() -> bool:
    return subprocess.run([*_UNPRIVILEGED, "true"], check=False, capture_output=True).returncode == 0


def until(is_so: Callable[[], object], patience: float = 60.0) -> None:
    """Waits until something is so, and looks more seldom where a look is dear."""
    deadline = time.monotonic() + patience
    while True:
        begun = time.monotonic()
        if is_so():
            return
        now = time.monotonic()
        assert now < deadline, "not in time"
        time.sleep(min(max(0.01, 4 * (now - begun)), 0.2))
