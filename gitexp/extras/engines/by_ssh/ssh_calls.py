"""Calls of the system's `ssh`: begun at once, and asked for later, so that no host keeps another waiting."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from gitexp.extras.engines.by_ssh.ssh_scripts import HostAnswer, parsed
from gitexp.named_tuple import NamedTuple

_CONNECT = 10  # seconds to reach a host
_PATIENCE = 40.0  # seconds for a whole call
_PROGRAM = "GITEXP_SSH_COMMAND"  # a variable of the user: the program, and options before all others
_SOCKET = 100  # bytes that the path of a socket may have, and ssh adds some
_FAILED = 255  # the status of ssh itself
_OPTIONS = (
    *("-o", "BatchMode=yes"),
    *("-o", f"ConnectTimeout={_CONNECT}"),
    *("-o", "ServerAliveInterval=5"),
    *("-o", "ServerAliveCountMax=3"),
    *("-o", "ForwardX11=no"),
    *("-o", "ClearAllForwardings=yes"),
    "-T",
)


class SshCall(NamedTuple):
    """A script on its way to a host.

    Attributes:
        process: ssh.
        out, err: what ssh has said.
        begun: when, by the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]
    begun: float

    @property
    def age(self) -> float:
        """The seconds since it was begun."""
        return time.monotonic() - self.begun

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is given up."""
        return self.process.poll() is not None or self.age > _PATIENCE

    def raw(self) -> bytes:
        """What the script has said, as it is."""
        self.out.seek(0)
        return self.out.read()

    def answer(self) -> HostAnswer:
        """The answer, of a script that has been cut off too."""
        return parsed(self.raw())

    def complaint(self) -> str:
        """Why ssh has failed; "" if the script has run to its end."""
        status = self.process.poll()
        if status == 0:
            return ""
        if status is None:
            return f"no answer in {_PATIENCE:.0f} seconds"
        self.err.seek(0)
        lines = self.err.read().decode("utf-8", "replace").strip().splitlines()
        said = lines[-1].strip() if lines else ""
        if status == _FAILED:
            return said or "ssh has failed"
        return said or f"sh has ended with status {status}"

    def close(self) -> None:
        """Let go of it; ssh ends."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.err.close()


class Ssh:
    """Begins calls; all calls to a host share one connection, which lasts for a minute."""

    def __init__(self) -> None:
        words = os.environ.get(_PROGRAM, "")
        self._words = tuple(shlex.split(words)) if words else ("ssh",)
        self._folder: Path | None = None
        self._reached: set[str] = set()

    def begin(self, host: str, script: bytes) -> SshCall:
        """Send a script to `sh` on a host. Raises OSError if there is no ssh."""
        self._reached.add(host)
        with tempfile.TemporaryFile() as sent:
            sent.write(script)
            sent.seek(0)
            out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # `SshCall.close`
            process = subprocess.Popen(
                [*self._words, *_OPTIONS, *self._shared(), "--", host, "sh"],
                stdin=sent,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C is not for it
            )
        return SshCall(process, out, err, time.monotonic())

    def hang_up(self, host: str) -> None:
        """Have the next call to a host make a new connection: the present one may be dead."""
        if host not in self._reached:
            return
        self._reached.discard(host)
        words = [*self._words, *self._shared(), "-O", "exit", "--", host]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)

    def close(self) -> None:
        """End all connections; jobs on the hosts go on."""
        for host in list(self._reached):
            self.hang_up(host)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _shared(self) -> tuple[str, ...]:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="gitexp-ssh-"))  # closed to others
        path = self._folder / "%C"
        if len(os.fsencode(self._folder)) + 41 > _SOCKET:
            return ()
        return ("-o", "ControlMaster=auto", "-o", f"ControlPath={path}", "-o", "ControlPersist=60")
