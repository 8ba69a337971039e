"""Real gitexp processes without the start-up: a server that has imported gitexp forks one a command.

Python's start and gitexp's imports are nine tenths of what a command costs in a test, a thousand times
over. A forked process is a process of its own in all that tests look at: its number, its folder and
environment, its signals, its death by SIGKILL, its exit status.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from coverage import Coverage

from gitexp.objects import stat_cache
from tests.support.inprocess import import_all, keep_commands, make_commands, open_streams

AVAILABLE = sys.platform == "linux"
_IMPORTS = 170.0  # seconds

# What Python or GitPython read once, at their start, a forked process has from the server.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "PATH", "GIT_PYTHON")


def can_fork(changes: Mapping[str, str | None] | None) -> bool:
    """Whether a command with these changes to the environment behaves the same when it is forked."""
    return AVAILABLE and not any(key.startswith(_READ_AT_START) for key in changes or {})


class Forked:
    """A command that the server has forked."""

    def __init__(self, connection: socket.socket, args: Sequence[str]) -> None:
        self._connection = connection
        self._args = args

    def wait(self, timeout: float) -> int:
        """Exit status, negative for a signal."""
        with self._connection as connection:
            connection.settimeout(timeout)
            with connection.makefile("rb") as stream:
                answer = stream.read()
        return int(_required(answer, self._args))


class Background:
    """A command that goes on beside the test: what tests use of `subprocess.Popen`.

    Attributes:
        args: the words after `gitexp`.
        pid: its number, and that of its process group.
        stdin: its input; None if it is empty.
        stdout: its output; None if nobody asked for that.
        stderr: its remarks; None if nobody asked for them.
        returncode: how it has ended, as far as somebody has looked.
    """

    def __init__(
        self,
        connection: socket.socket,
        args: Sequence[str],
        stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
        stdin: IO[bytes] | None = None,
    ) -> None:
        self.args = args
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._connection = connection
        self._stream = connection.makefile("rb")
        self.pid = int(_required(self._stream.readline(), args))

    def poll(self) -> int | None:
        """Exit status, negative for a signal; None while it goes on."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, negative for a signal. Raises TimeoutExpired."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """What it has written that nobody has read, once it has ended. Raises TimeoutExpired."""
        read = dict[int, bytes]()
        threads = []
        for number, stream in enumerate((self.stdout, self.stderr)):
            read[number] = b""
            if stream is not None:
                reading = threading.Thread(target=_read_all, args=(stream, read, number), daemon=True)
                reading.start()
                threads.append(reading)
        self.wait(timeout)
        for reading in threads:
            reading.join()
        self._close_pipes()
        return read[0], read[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_pipes()
        self.wait()

    def _close_pipes(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def _ended(self, timeout: float | None) -> int | None:
        """Exit status, once it has ended; None if that is not so in time."""
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            with self._connection, self._stream:
                self.returncode = int(_required(self._stream.read(), self.args))
        return self.returncode


def _required(answer: bytes, args: Sequence[str]) -> bytes:
    """What the server has answered. Raises RuntimeError if it has not."""
    if not answer:
        raise RuntimeError(f"no answer from the fork server for gitexp {' '.join(args)}")
    return answer


def _read_all(stream: IO[bytes], read: dict[int, bytes], number: int) -> None:
    read[number] = stream.read()


class ForkServer:
    """One server; `run` may be called from several threads at once. `env` is the server's own."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gitexp-fork-")
        self._address = str(Path(self._folder.name) / "socket")
        self._ready, ready = os.pipe()  # closed by the server when it has imported gitexp
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen(64)
            fds = [listening.fileno(), ready]
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", __name__, *map(str, fds)], pass_fds=fds, env=env
            )
        os.close(ready)

    def run(
        self,
        args: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        stdin: bytes,
        timeout: float,
        tracer: Sequence[str] = (),
    ) -> tuple[int, bytes, bytes]:
        """Exit status (negative for a signal), stdout and stderr of `gitexp <args>`.

        `tracer` is the beginning of an strace command; with one, whatever gitexp has started has ended
        too when this returns.
        """
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin)
            given.seek(0)
            fds = [file.fileno() for file in (given, out, err)]
            status = self.start(args, cwd, env, fds, tracer=tracer).wait(timeout)
            out.seek(0)
            err.seek(0)
            return status, out.read(), err.read()

    def start(
        self,
        args: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        fds: Sequence[int],
        *,
        tracer: Sequence[str] = (),
        terminal: bool = False,
    ) -> Forked:
        """`gitexp <args>`, on `fds` for stdin, stdout and stderr: its own terminal, with `terminal`."""
        order = {"args": args, "cwd": str(cwd), "env": dict(env), "tracer": tracer, "terminal": terminal}
        return Forked(self._ordered(order, fds), args)

    def start_background(self, args: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Background:
        """`gitexp <args>` as the leader of a process group, with pipes for its output."""
        order = {"args": args, "cwd": str(cwd), "env": dict(env), "tracer": (), "background": True}
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        ends = [os.open(os.devnull, os.O_RDONLY), out_end, err_end]
        try:
            connection = self._ordered(order, ends)
        finally:
            for fd in ends:
                os.close(fd)
        return Background(connection, args, os.fdopen(out, "rb"), os.fdopen(err, "rb"))

    def start_worker(
        self, args: Sequence[str], cwd: Path, env: Mapping[str, str], stderr: IO[bytes]
    ) -> Background:
        """`gitexp <args> --for <this server>` as the leader of a process group, with a pipe for its input."""
        args = [*args, "--for", str(self._process.pid)]
        order = {"args": args, "cwd": str(cwd), "env": dict(env), "tracer": (), "background": True}
        in_end, given = os.pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            connection = self._ordered(order, [in_end, nowhere, stderr.fileno()])
        finally:
            for fd in (in_end, nowhere):
                os.close(fd)
        return Background(connection, args, stdin=os.fdopen(given, "wb"))

    def _ordered(self, order: dict[str, Any], fds: Sequence[int]) -> socket.socket:
        """The connection on which the server answers an order."""
        order["every_process"] = str(stat_cache._PROC) == "/proc"
        request = json.dumps(order).encode()
        # The imports are no part of the time that a command may take.
        assert select.select([self._ready], [], [], _IMPORTS)[0], "the fork server does not come"
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        size = len(request).to_bytes(8, "big")
        connection.sendmsg([size], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        connection.sendall(request)
        return connection

    def close(self) -> None:
        """End the server, and wait for it: it may have coverage to write down."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        os.close(self._ready)
        self._folder.cleanup()


class _Server:
    """Forks a command for each request, and tells its client how it ended."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._clients: dict[int, socket.socket] = {}  # by the number of the process that was forked for them
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Goes on until the tests have ended."""
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that the end of a process wakes `select`
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        tests = os.getppid()
        while True:
            ready = select.select([self._listening, self._woken], [], [], 5.0)[0]
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap()
            if self._listening in ready:
                with contextlib.suppress(BlockingIOError):
                    self._begin(self._listening.accept()[0])
            if not ready and os.getppid() != tests:
                return

    def _begin(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        size, fds, _, _ = socket.recv_fds(connection, 8, 3)
        with connection.makefile("rb") as stream:
            request = json.loads(stream.read(int.from_bytes(size, "big")))
        if (child := os.fork()) == 0:
            self._forget(connection)
            if request.get("background"):
                os.setsid()
                connection.sendall(f"{os.getpid()}\n".encode())
            if request["tracer"]:
                _keep(connection, request, fds)
            connection.close()
            _become(request, fds)
        for fd in fds:
            os.close(fd)
        if request["tracer"]:
            connection.close()  # the forked process answers
        else:
            self._clients[child] = connection

    def _forget(self, connection: socket.socket) -> None:
        """Leaves to the server, in a process that it has forked, what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for each in (self._listening, *self._clients.values()):
            each.close()
        os.close(self._woken)
        os.close(self._wakes)

    def _reap(self) -> None:
        """Answers the clients whose processes have ended; the time of these counts as the tests'."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                connection = self._clients.pop(ended[0], None)
                if connection is not None:
                    with connection, contextlib.suppress(OSError):
                        connection.sendall(str(os.waitstatus_to_exitcode(ended[1])).encode())

    def _leave(self, *_: object) -> NoReturn:
        self._reap()
        sys.exit(0)


def _keep(connection: socket.socket, request: Mapping[str, Any], fds: Sequence[int]) -> NoReturn:
    """Has the command traced, in a process that waits for all that it starts, and ends as it has ended."""
    _libc().prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become our children
    if (child := os.fork()) == 0:
        connection.close()
        _libc().prctl(0x59616D61, -1, 0, 0, 0)  # PR_SET_PTRACER: by anybody, where Yama forbids that
        os.kill(os.getpid(), signal.SIGSTOP)
        _become(request, fds)
    for fd in fds:
        os.close(fd)
    _trace(child, request["tracer"])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    connection.sendall(str(status).encode())
    os._exit(0)


def _trace(child: int, tracer: Sequence[str]) -> None:
    """Have a process that has stopped itself go on under a tracer."""
    os.waitpid(child, os.WUNTRACED)
    strace = os.posix_spawnp(tracer[0], [*tracer, "-p", str(child)], os.environ)
    status = Path(f"/proc/{child}/status")
    while "TracerPid:\t0\n" in status.read_text():
        if os.waitpid(strace, os.WNOHANG) != (0, 0):
            os.kill(child, signal.SIGKILL)
            return
        time.sleep(0.001)
    os.kill(child, signal.SIGCONT)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _become(request: Mapping[str, Any], fds: Sequence[int]) -> NoReturn:
    """Run the command line as if this process had been started for it."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    if not request["every_process"]:
        stat_cache._PROC = Path("/proc/self/task")  # as in the process of the tests: see tests/conftest.py
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    if request.get("terminal"):
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # which makes it the controlling one
    if "COVERAGE_PROCESS_START" not in os.environ and (measuring := Coverage.current()) is not None:
        measuring.stop()
    open_streams()
    sys.argv = ["gitexp", *request["args"]]
    if request.get("background"):
        from gitexp.__main__ import main  # which ends by the signal that has ended the command
    else:
        from gitexp.cli.main import main

    try:
        main()
    except SystemExit as end:
        # As Python ends, but for the taking apart of its modules: three quarters of what a command costs.
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(int(end.code or 0))


if __name__ == "__main__":
    import_all()
    keep_commands()
    make_commands()
    if (measuring := Coverage.current()) is not None:
        measuring.save()  # so that a fork leaves its own part alone
    gc.freeze()  # what is looked at for garbage, or freed, is copied
    gc.disable()
    os.close(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        listening.setblocking(False)
        _Server(listening).serve()
