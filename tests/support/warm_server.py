"""The process behind `warm_python`: it has imported packages, and forks a process for each script.

It runs on the Python of another environment, so it uses nothing but Python's own library.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn


def serve(listening: socket.socket, tests: int, folder: Path) -> None:
    """Fork for each connection, until the process `tests` has ended; then `folder` goes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no child is waited for
    while Path(f"/proc/{tests}").exists():
        if select.select([listening], [], [], 1.0)[0]:
            connection = listening.accept()[0]
            if os.fork() == 0:
                listening.close()
                _keep(connection)
            connection.close()
    shutil.rmtree(folder, ignore_errors=True)


def _keep(connection: socket.socket) -> NoReturn:
    """Run a script in a process, and tell how it ends. It is killed when the other side hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, fds, _, _ = socket.recv_fds(connection, 8, 2)
    with connection.makefile("rb") as stream:
        request = json.loads(stream.read(int.from_bytes(size, "big")))
    child = os.fork()
    if child == 0:
        connection.close()
        _become(request, fds)
    for fd in fds:
        os.close(fd)
    process = os.pidfd_open(child)
    if process not in select.select([connection, process], [], [])[0]:
        os.killpg(child, signal.SIGTERM)
        if not select.select([process], [], [], 10.0)[0]:
            os.killpg(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        connection.sendall(str(status).encode())
    finally:
        os._exit(0)


def _become(request: dict[str, Any], fds: list[int]) -> NoReturn:
    """Run the words of a command line of Python's, as if this process had been started for them."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.orig_argv = [sys.executable, *request["words"]]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for target, fd in enumerate(fds, 1):
        os.dup2(fd, target)
        os.close(fd)
    status = 0
    try:
        _run(request["words"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(words: list[str]) -> None:
    """Do as Python does with `-c CODE`, `-m MODULE` or a script, and what follows."""
    first, *rest = words
    if first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
        exec(rest[0], {"__name__": "__main__"})
    elif first == "-m":
        sys.argv = rest
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(first).absolute().parent))
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    descriptor, process, place, *modules = sys.argv[1:]
    del sys.path[0]  # the folder of this file
    for module in modules:
        importlib.import_module(module)
    if "coverage" in sys.modules and (measuring := sys.modules["coverage"].Coverage.current()) is not None:
        measuring.save()  # so that a fork leaves this part alone
    gc.freeze()  # what is looked at for garbage, or freed, is copied
    with socket.socket(fileno=int(descriptor)) as opened:
        serve(opened, int(process), Path(place))
