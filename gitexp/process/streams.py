"""The output of a command, shown live and copied to the log at the same time.

The command must not notice: where gitexp's own output is a terminal, the command writes to a pseudo-terminal
of the same size and settings, elsewhere to a pipe. If gitexp's stdout and stderr are the same file, through
`2>&1` or on a terminal, the command's are the same too, and its writes keep their order.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import selectors
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress

from gitexp.process.log import LogFile

assert sys.platform != "win32"  # `gitexp.process.threaded` is for Windows

_CHUNK = 64 * 1024
_TICK = 0.1  # seconds between looks at a silent command

# A command's descendants may hold its streams open, and write to them, for ever after it has ended.
# What it wrote itself is all in the stream by then: no more than the largest pipe holds.
_GRACE = 0.2  # seconds of silence
_PATIENCE = 1.0  # seconds of waiting in all
_LARGEST_PIPE = 1024 * 1024  # bytes, /proc/sys/fs/pipe-max-size


class _Stream:
    """One way out of the command: from its `inlet` through our `source` to the `screen`."""

    def __init__(self, screen: int) -> None:
        self.screen: int | None = screen
        self.terminal: int | None = None  # whose size the pseudo-terminal takes
        self.inlet: int
        try:
            settings = termios.tcgetattr(screen)
            self.source, self.inlet = os.openpty()
        except (termios.error, OSError):  # no terminal, or one in a container without /dev/pts
            self.source, self.inlet = os.pipe()
            if sys.platform == "linux":
                with suppress(OSError):  # fewer turns between a chatty command and us
                    fcntl.fcntl(self.source, fcntl.F_SETPIPE_SZ, _LARGEST_PIPE)
            return
        self.terminal = screen
        settings[1] &= ~termios.OPOST  # the real terminal makes CR LF of LF, and should do so once
        termios.tcsetattr(self.inlet, termios.TCSANOW, settings)
        self.resize()

    def resize(self) -> None:
        """Give the pseudo-terminal the size of the terminal."""
        if self.terminal is not None:
            with suppress(OSError, termios.error):
                termios.tcsetwinsize(self.source, termios.tcgetwinsize(self.terminal))

    def read(self) -> bytes:
        """What has arrived; nothing once the command and its descendants have all closed their end."""
        try:
            return os.read(self.source, _CHUNK)
        except OSError as error:
            if error.errno == errno.EIO:  # how Linux says end of file on a pseudo-terminal
                return b""
            raise

    def show(self, data: bytes) -> None:
        """Write all of `data` to the screen, unless the screen is gone."""
        left = memoryview(data)
        while left and self.screen is not None:
            try:
                left = left[os.write(self.screen, left) :]
            except BlockingIOError:  # somebody else made our stdout non-blocking
                _wait_writable(self.screen)
            except OSError:
                self.screen = None


class Streams:
    """The streams of a command, for the file descriptors that show its output."""

    def __init__(self, stdout: int, stderr: int) -> None:
        out = _Stream(stdout)
        err = out if _same_file(stdout, stderr) else _Stream(stderr)
        self.stdout, self.stderr = out.inlet, err.inlet
        self._selector = selectors.DefaultSelector()
        self._streams = {out, err}
        for stream in self._streams:
            self._selector.register(stream.source, selectors.EVENT_READ, stream)

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, *error: object) -> None:
        self.started()
        for stream in list(self._streams):
            self._close(stream)
        self._selector.close()

    def started(self) -> None:
        """Close gitexp's copies of the command's ends: the command's end then ends the streams."""
        for inlet in {self.stdout, self.stderr} - {-1}:
            os.close(inlet)
        self.stdout = self.stderr = -1

    def resize(self) -> None:
        """Pass on the size of the terminal, which has changed."""
        for stream in self._streams:
            stream.resize()

    def copy(self, process: subprocess.Popen[bytes], log: LogFile, tick: Callable[[], None]) -> None:
        """Show and log until `process` has ended and its streams are empty; `tick` runs all the while."""
        while process.poll() is None:
            if self._streams:
                ready = self._ready(_TICK)
                tick()  # before showing, which may take its time
                self._pass_on(ready, log)
            else:
                tick()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_TICK)
        self._drain(log)

    def _drain(self, log: LogFile) -> None:
        budget, patience = _LARGEST_PIPE * len(self._streams), _PATIENCE
        while self._streams and budget > 0 and patience > 0:
            asked = time.monotonic()
            ready = self._ready(_GRACE)
            patience -= time.monotonic() - asked  # the time to show it, on a slow screen, does not count
            if not ready:
                return
            budget -= self._pass_on(ready, log)

    def _ready(self, timeout: float) -> list[_Stream]:
        return [key.data for key, _ in self._selector.select(timeout)]

    def _pass_on(self, ready: list[_Stream], log: LogFile) -> int:
        """Show and log one chunk of each stream; the number of bytes."""
        size = 0
        for stream in ready:
            data = stream.read()
            if not data:
                self._close(stream)
            log.write(data)  # first, for a screen may hold us up for hours
            stream.show(data)
            size += len(data)
        return size

    def _close(self, stream: _Stream) -> None:
        self._selector.unregister(stream.source)
        self._streams.remove(stream)
        os.close(stream.source)


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:  # closed
        return False


def _wait_writable(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()
