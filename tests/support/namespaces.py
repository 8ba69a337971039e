"""Several machines with one disk: Linux namespaces with a host name and process numbers of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.workspace import TIMEOUT

_UNSHARE = ("unshare", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child")
_NO_FLOCK = ("strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=flock")


@cache
def why_no_machines() -> str:
    """Why there can be no other machines here, or nothing."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "no unshare"
    tried = subprocess.run([*_unshare(), "hostname", "x"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"no namespaces here: {tried.stderr.decode().strip()}"


@cache
def why_flock_works() -> str:
    """Why flock cannot be made to fail here, or nothing."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "no strace"
    tried = subprocess.run([*without_flock("ENOSYS"), "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"processes cannot be traced: {tried.stderr.decode().strip()}"


def without_flock(error: str) -> list[str]:
    """The beginning of a command in which flock fails with an error, for it and all that it starts."""
    return [*_NO_FLOCK, "-e", f"inject=flock:error={error}"]


def _unshare() -> list[str]:
    return [*_UNSHARE] if os.geteuid() == 0 else [*_UNSHARE, "--user", "--map-root-user"]


class Machine:
    """A machine that runs one command, and is switched off afterwards; if it `stays`, not before."""

    def __init__(
        self, name: str, folder: Path, command: Sequence[str], env: Mapping[str, str], *, stays: bool = False
    ) -> None:
        # The shell is process 1: the others can be killed alone.
        script = f'hostname {name}; "$@"; status=$?; {"sleep 60" if stays else ""}; exit $status'
        script = script.replace("; ;", ";")
        self._process = subprocess.Popen(
            [*_unshare(), "sh", "-c", script, "sh", *command],
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    def switch_off(self) -> None:
        """End all processes of the machine at once."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()

    def wait(self) -> str:
        """What the command has said, once it has ended well."""
        out, _ = self._process.communicate(timeout=TIMEOUT)
        assert self._process.returncode == 0, out.decode()
        return out.decode()

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the command alone."""
        os.kill(self._command(), signum)

    def send_to_all(self, signum: signal.Signals) -> None:
        """Send a signal to all processes of the machine but the first."""
        (first,) = _children(self._process.pid)
        for pid in _below(first):
            os.kill(pid, signum)

    def _command(self) -> int:
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until:
            for shell in _children(self._process.pid):
                for child in _children(shell):
                    return child
            time.sleep(0.01)
        raise AssertionError("the machine runs nothing")


def _below(pid: int) -> list[int]:
    """The processes below one, the nearest first."""
    found = _children(pid)
    for child in found:  # the list grows on the way
        found += _children(child)
    return found


def _children(pid: int) -> list[int]:
    """The children of a process, of all its threads."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        found += list(map(int, file.read_text().split()))
    return found
