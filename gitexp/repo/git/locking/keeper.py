"""The helper of a process that holds locks which are files: a process of its own, started with the first.

A lock that is a file does not die with its process, so somebody must tell others that the holder lives. A
thread of the holder could not while the holder is stopped, or busy in a library that keeps Python waiting.
So a small program does, `keeper_program`. It ends with its holder, for its standard input is a pipe of the
holder's; until then it writes a sign of life into each lock every ten seconds.

A process that has inherited the pipe's end (`Keeper.alive`) holds the locks too, as with flock.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from gitexp import errors
from gitexp.model import ProcessId
from gitexp.process.liveness import current_process, is_alive, process_of

VARIABLE = "GITEXP_LOCK_INTERVAL"  # seconds between two signs of life
USUAL = 10.0
_LEAST, _MOST = 0.05, 600.0
_FAREWELL = 1.0  # seconds for the program to end
_PAUSE = 0.5  # seconds before a program that dies at its start is started again
_PROGRAM = Path(__file__).with_name("keeper_program.py")


def interval() -> float:
    """Seconds between two signs of life of this process's locks."""
    try:
        return bounded(float(os.environ.get(VARIABLE, USUAL)))
    except ValueError:
        return USUAL


def bounded(every: float) -> float:
    """An interval that can be: a file or a variable may say anything."""
    return USUAL if math.isnan(every) else min(max(every, _LEAST), _MOST)


class Keeper:
    """The keeper of this process's locks.

    Attributes:
        owner: the number of this process, which a fork of it does not have.
        every: seconds between two signs of life.
        me: this process.
        process: the program.
        alive: the end of the pipe to be open in all processes that hold the locks.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.every = interval()
        self.me = current_process()
        self._kept: dict[str, bytes] = {}
        self._ending = False
        self._lock = threading.Lock()
        self.alive = -1
        self.process: ProcessId
        self._start()
        self._watcher = threading.Thread(target=self._watch, name="gitexp-keeper", daemon=True)
        self._watcher.start()
        atexit.register(self.end)

    def keep(self, id_: str, file: Path) -> None:
        """Keep a lock from now on."""
        with self._lock:
            self._kept[id_] = os.fsencode(file.absolute())
            self._tell(_order_to_keep(id_, self._kept[id_]))

    def forget(self, id_: str) -> None:
        """Keep a lock no longer."""
        with self._lock:
            if self._kept.pop(id_, None) is not None:
                self._tell(b"- " + id_.encode() + b"\0")

    def outlive(self, file: Path, pid: int) -> None:
        """Have a lock held until a child process has ended, also if this process dies."""
        with self._lock:
            self._tell(b"c %d %s\0" % (pid, os.fsencode(file.absolute())))

    def _tell(self, order: bytes) -> None:
        with contextlib.suppress(OSError):  # it has died: `_watch` starts another one
            os.write(self.alive, order)

    def _start(self) -> None:
        """Start the program."""
        mine, self.alive = os.pipe()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), f"{self.every}"],
                stdin=mine,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # Ctrl-C and Ctrl-Z are not for it
            )
        except OSError as error:
            os.close(self.alive)
            raise errors.StorageError(
                f"The program that keeps locks cannot be started: {sys.executable}: {error.strerror}.",
                "Locks are files here, because flock cannot be used: see docs/clusters.md.",
            ) from error
        finally:
            os.close(mine)
        self.process = process_of(process.pid)
        process.returncode = 0  # `_watch` waits for it

    def _watch(self) -> None:
        """Start the program again if somebody has killed it."""
        while True:
            begun = time.monotonic()
            _wait_for(self.process)
            if not self._ending and time.monotonic() - begun < _PAUSE:
                time.sleep(_PAUSE)
            with self._lock:
                if self._ending:
                    return
                os.close(self.alive)
                try:
                    self._start()
                except errors.StorageError:
                    self._ending = True
                    return
                for id_, file in self._kept.items():
                    self._tell(_order_to_keep(id_, file))

    def end(self) -> None:
        """Let the program end, if this is still the process that has started it."""
        if self.owner != os.getpid():
            return
        with self._lock:
            if self._ending:
                return
            self._ending = True
            self._tell(b"e\0")  # a process that has inherited the pipe may go on
            os.close(self.alive)
        self._watcher.join(_FAREWELL)  # an ended child that nobody waits for stays there in some containers

    @property
    def has_ended(self) -> bool:
        return self._ending


def _wait_for(process: ProcessId) -> None:
    """Wait for the end of a child, also where somebody else in this process waits for all children."""
    with contextlib.suppress(OSError):
        os.waitpid(process.pid, 0)
    while is_alive(process):
        time.sleep(_PAUSE)


def _order_to_keep(id_: str, file: bytes) -> bytes:
    return b"+ " + id_.encode() + b" " + file + b"\0"


class _Own:
    """The keeper of this process, once there is one."""

    def __init__(self) -> None:
        self.keeper: Keeper | None = None
        self.lock = threading.Lock()


_own = _Own()


def _begin_in_child() -> None:
    """Forget the keeper in a forked child, which has inherited the locks but keeps none of them.

    The end of the pipe stays open: the child holds its parent's locks, as with flock.
    """
    _own.keeper = None
    _own.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def own() -> Keeper:
    """The keeper of this process, started if need be; raises StorageError."""
    with _own.lock:
        if _own.keeper is None or _own.keeper.has_ended:
            _own.keeper = Keeper()
        return _own.keeper


def present() -> Keeper | None:
    """The keeper of this process; None if it has none."""
    return _own.keeper
