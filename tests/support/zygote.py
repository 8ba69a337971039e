"""Python scripts of another environment without the start-up: one process has imported, and forks for each.

To import DVC takes longer than most of its commands. A forked process is a process of its own: its folder,
environment and output, and how it ends. The second half of this file is run by that environment's Python,
which has nothing of ours.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_SIZE = 8  # bytes, in which a request says how long it is


class Zygote:
    """A process of the Python `python` that has imported `modules`; it ends with the process that made it.

    Modules that are not there are left out.
    """

    def __init__(self, python: Path, modules: Sequence[str]) -> None:
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [python, "-I", __file__, str(theirs.fileno()), *modules],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def run(
        self, script: Path, args: Sequence[str], cwd: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """How `python script args` ended, with what it printed; one at a time."""
        order = {"args": [str(script), *args], "cwd": str(cwd), "env": dict(env)}
        request = json.dumps(order).encode()
        with (
            Path(os.devnull).open("rb") as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            fds = array.array("i", [file.fileno() for file in (given, out, err)])
            size = len(request).to_bytes(_SIZE, "big")
            self._connection.sendmsg([size], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            self._connection.sendall(request)
            answer = self._connection.recv(_SIZE)
            assert answer, "the process that forks has ended"
            status = int.from_bytes(answer, "big", signed=True)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(
                order["args"], status, out.read().decode(), err.read().decode()
            )

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.wait(30)


# -- run by the other Python --------------------------------------------------------------------------


def _serve(connection: socket.socket) -> None:
    """Forks for each request, and answers when the forked process has ended."""
    while True:
        size, fds, _, _ = socket.recv_fds(connection, _SIZE, 3)
        if not size:
            return
        request = json.loads(_received(connection, int.from_bytes(size, "big")))
        if (child := os.fork()) == 0:
            connection.close()
            _become(request, fds)
        for fd in fds:
            os.close(fd)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(status.to_bytes(_SIZE, "big", signed=True))


def _received(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += connection.recv(size - len(found))
    return found


def _become(request: Mapping[str, Any], fds: Sequence[int]) -> NoReturn:
    """Runs the script as if this process had been started for it."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    sys.argv = list(request["args"])
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except Exception:
        sys.excepthook(*sys.exc_info())
        status = 1
    # As Python ends, but for the taking apart of its modules.
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # what is looked at for garbage, or freed, is copied
    with socket.socket(fileno=int(sys.argv[1])) as given:
        _serve(given)
