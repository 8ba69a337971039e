"""A fault before any one system call that writes, in gitexp itself or in any Git that it starts.

A first run under strace lists the calls (`Strace.record`); each is a `Point`, at which another run of
the same command in a copy of the same repository can be struck (`Strace.strike`). gitexp is a fork that
strace attaches to; Git is reached by a script that comes first on the PATH, which counts gitexp's calls
of Git and starts strace for the one that is meant.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.forkserver import AVAILABLE, ForkServer
from tests.support.workspace import TIMEOUT, Workspace

# `?`: not every machine has it.
CALLS = (
    *("?open", "openat", "?creat", "write", "pwrite64", "writev", "sendfile", "?copy_file_range"),
    *("?rename", "?renameat", "renameat2", "?unlink", "unlinkat", "?link", "linkat", "?symlink", "symlinkat"),
    *("?mkdir", "mkdirat", "?rmdir", "?chmod", "fchmod", "fchmodat", "truncate", "ftruncate", "fallocate"),
    *("fsync", "fdatasync", "?sync_file_range", "utimensat"),
)
_OPENS = ("open", "openat", "creat")
_BY_DESCRIPTOR = ("write", "pwrite64", "writev", "sendfile", "copy_file_range", "fchmod", "ftruncate")
_BY_DESCRIPTOR += ("fallocate", "fsync", "fdatasync", "sync_file_range")

_CALL = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_DESCRIPTOR = re.compile(r"\d+<(?P<path>/[^>]*)>")
_QUOTED = re.compile(r'"(?P<path>(?:[^"\\]|\\.)*)"')

_HIT = re.compile(r"\(INJECTED\)|killed by SIGKILL")
# Each thread has a count of its own: where one was to fail, another of gitexp's may have had a message.
_MUTE = re.compile(r"write\([12], .* = -1 .*\(INJECTED\)")

_SHIM = """\
#!/bin/sh
[ -n "$CRASH_FOLDER" ] || exec {git} "$@"
read -r n <"$CRASH_FOLDER/calls"
n=$((n + 1))
echo $n >"$CRASH_FOLDER/calls"
case $CRASH_AT in
  all) exec strace -f -qq -y -o "$CRASH_FOLDER/$n.trace" -e "trace={calls}" {git} "$@" ;;
  $n) ;;
  *) exec {git} "$@" ;;
esac
[ -n "$CRASH_TOO" ] || exec strace -f -qq -o "$CRASH_FOLDER/struck" -e "$CRASH_FAULT" {git} "$@"
strace -f -qq -o "$CRASH_FOLDER/struck" -e "$CRASH_FAULT" {git} "$@"
kill -9 $PPID
"""


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` `call` of a process: of gitexp itself (`git` is 0), or of its `git`th call of Git.

    `line` is what strace said of it.
    """

    git: int
    call: str
    nth: int
    line: str

    def __str__(self) -> str:
        who = f"git {self.git}" if self.git else "gitexp"
        return f"{who} {self.call} {self.nth}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a point: SIGKILL instead of the call, or an error of that name (`ENOSPC`).

    `too`: gitexp is killed with its Git. `for_good`: every later call of the kind fails as well.
    """

    error: str = ""
    too: bool = False
    for_good: bool = False

    def __str__(self) -> str:
        words = [self.error or "SIGKILL", "from then on" * self.for_good, "and gitexp too" * self.too]
        return " ".join(filter(None, words))

    def injected(self, point: Point) -> str:
        what = f"error={self.error}" if self.error else "signal=SIGKILL"
        return f"inject={point.call}:{what}:when={point.nth}{'+' * self.for_good}"


@dataclass(frozen=True, slots=True)
class Struck:
    """How gitexp ended; `hit` says whether it came to the point at all."""

    exit_code: int
    stdout: str
    stderr: str
    hit: bool


@cache
def why_not() -> str:
    """Why there can be no such campaign on this machine, or nothing."""
    if not AVAILABLE:
        return "strace is a tool of Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"processes may not be traced here: {tried.stderr.decode()}"


@cache
def _server() -> ForkServer:
    """One that measures no coverage: what is written for it would be struck too, and complain."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    server = ForkServer(env)
    atexit.register(server.close)
    return server


class Strace:
    """gitexp under strace; `folder` is a place for the script and the traces."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = folder / "programs"
        self._programs.mkdir(parents=True)
        shim = self._programs / "git"
        shim.write_text(_SHIM.format(git=shutil.which("git"), calls=",".join(CALLS)))
        shim.chmod(0o755)

    def record(self, repo: Workspace, args: Sequence[str]) -> list[Point]:
        """Every call that writes into the repository while gitexp works there, in order of process."""
        with self._scratch() as folder:
            tracer = ["-y", "-o", f"{folder}/0.trace", "-e", f"trace={','.join(CALLS)}"]
            done = self._run(repo, args, folder, {"CRASH_AT": "all"}, tracer)
            assert done.exit_code == 0, done
            traces = sorted(folder.glob("*.trace"), key=lambda path: int(path.stem))
            points = [point for path in traces for point in _points(path, repo.path)]
        return list({(p.git, p.call, p.nth): p for p in points}.values())

    def strike(self, repo: Workspace, args: Sequence[str], point: Point, fault: Fault) -> Struck:
        """Run the command with a fault at a point; all processes have ended when this returns."""
        with self._scratch() as folder:
            injected = fault.injected(point)
            env = {"CRASH_AT": str(point.git), "CRASH_FAULT": injected, "CRASH_TOO": "yes" * fault.too}
            if point.git:  # gitexp itself is traced to no end but that its orphans are waited for
                tracer = ["-o", os.devnull, "-e", "trace=none"]
            else:
                tracer = ["-o", f"{folder}/struck", "-e", injected]
            return self._run(repo, args, folder, env, tracer)

    def _run(
        self, repo: Workspace, args: Sequence[str], folder: Path, env: dict[str, str], tracer: Sequence[str]
    ) -> Struck:
        (folder / "calls").write_text("0\n")
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "CRASH_FOLDER": str(folder), **env}
        # Threads are followed, programs that are started are not.
        command = ["strace", "-f", "-b", "execve", "-qq", *tracer]
        status, out, err = _server().run(args, repo.path, environment, b"", TIMEOUT, command)
        struck = folder / "struck"
        told = struck.read_text() if struck.exists() else ""
        mute = env["CRASH_AT"] == "0" and _MUTE.search(told) is not None
        hit = _HIT.search(told) is not None and not mute
        return Struck(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), hit)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield Path(folder)


def _points(trace: Path, repo: Path) -> Iterator[Point]:
    counts: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text(errors="replace").splitlines():
        if match := _CALL.match(line):
            thread, call, rest = match["thread"], match["call"], match["rest"]
            counts[thread, call] += 1
            if " = -1 " not in rest and _writes(call, rest, str(repo)):
                shown = line.partition(" ")[2].strip().replace(str(repo), ".")
                yield Point(int(trace.stem), call, counts[thread, call], shown)


def _writes(call: str, rest: str, repo: str) -> bool:
    if call in _BY_DESCRIPTOR:
        match = _DESCRIPTOR.match(rest)
        return match is not None and match["path"].startswith(repo + "/")
    match = _QUOTED.search(rest)
    if match is None or (match["path"].startswith("/") and not match["path"].startswith(repo + "/")):
        return False
    return call not in _OPENS or re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest) is not None
