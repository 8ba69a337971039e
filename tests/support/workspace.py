"""A user at work in a repository: files, Git and the real `gitexp` command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.support.forkserver import Background, Forked, ForkServer, can_fork
from tests.support.guard import Guard, Kind
from tests.support.inprocess import can_run_here, run_here
from tests.support.processes import Terminal, fork_with_pty, run_with_pty, unprivileged

TIMEOUT = 60.0  # seconds; no command in the suite has honest work for as long

# Warnings are errors inside gitexp too, not only in the test process.
GITEXP = (sys.executable, "-W", "error", "-m", "gitexp")


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; bytes that are not UTF-8 stand as surrogates, line ends as written."""

    exit_code: int
    stdout: str
    stderr: str


_starting = threading.Lock()


def fork_server() -> ForkServer:
    """The one of this test process; the session closes it."""
    with _starting:
        return _fork_server()


@cache
def _fork_server() -> ForkServer:
    return ForkServer()


def end_fork_server() -> None:
    if _fork_server.cache_info().currsize:
        fork_server().close()


class Workspace:
    """A folder with a Git repository; `write` and `git` are the user's doing, all else is gitexp's."""

    own_process = False  # whether each command has one, whatever it is

    def __init__(self, path: Path) -> None:
        self.path = path
        self.guard = Guard(path)
        self._at_work = False  # whether all that happens is the user's doing
        self._started: list[Background | subprocess.Popen[bytes]] = []

    def git(self, *args: str, input: str | bytes | None = None, check: bool = True) -> str:
        """What Git says on stdout, less one closing newline; its changes count as the user's."""
        with self.by_user():
            return _run(["git", *args], self.path, check=check, input=input).stdout.removesuffix("\n")

    def write(self, name: str, content: str | bytes, mode: int | None = None) -> Path:
        """Writes a file as the user would, with the folders above it; text as UTF-8, line ends as given."""
        with self.by_user():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_encoded(content))
            if mode is not None:
                file.chmod(mode)
            return file

    def read(self, name: str) -> str:
        return _decoded((self.path / name).read_bytes())

    def commit(self, message: str = "change") -> str:
        """Commits all there is, as the user; returns the commit's id."""
        with self.by_user():
            for command in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", message]):
                _run(["git", *command], self.path, check=True)
        return self._head()

    def _head(self) -> str:
        """The id of the commit at HEAD; read without Git where that is plain."""
        try:
            where = (self.path / ".git" / "HEAD").read_text("utf-8").removeprefix("ref: ").strip()
            found = (self.path / ".git" / where).read_text("utf-8").strip()
        except OSError:
            found = ""
        return found if re.fullmatch("[0-9a-f]{40,64}", found) else self.git("rev-parse", "HEAD")

    @contextmanager
    def by_user(self) -> Iterator[None]:
        """What happens inside is the user's doing; what happened before must already have been in order."""
        if self._at_work:
            yield
            return
        self.guard.check()
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False
        self.guard.retake()

    def allow(self, kind: Kind, *patterns: str) -> None:
        """Expects gitexp to change these: `files`, `refs`, `reflogs` or `git` (HEAD, index, config, …)."""
        self.guard.allow(kind, *patterns)

    def writes(self, *names: str) -> None:
        """Expects the user's training script to write these files."""
        self.guard.allow("files", *names)

    def gitexp(
        self,
        *args: str,
        check: bool = True,
        env: Mapping[str, str | None] | None = None,
        input: str | bytes | None = None,
        cwd: str = ".",
        unreadable: bool = False,
        process: bool = False,
    ) -> Result:
        """Runs the command line, stdin empty unless given; in a process of its own with `process`.

        `env` is laid over the environment, None removing a variable; `cwd` is below the workspace;
        with `unreadable`, file permissions count even where the tests run as root.
        """
        if not unreadable and can_fork(env):
            alone = process or self.own_process or "GITEXP_FAILPOINT" in (env or {}) or not can_run_here()
            run = partial(fork_server().run, timeout=TIMEOUT) if alone else run_here
            done = run(args, self.path / cwd, _environment(env), _encoded(input or b""))
            return _checked(["gitexp", *args], Result(done[0], *map(_decoded, done[1:])), check=check)
        command = unprivileged([*GITEXP, *args]) if unreadable else [*GITEXP, *args]
        return _run(command, self.path / cwd, check=check, input=input, env=env)

    def json(self, *args: str, **options: Any) -> Any:
        """What `gitexp … --json` answers; the options are those of `gitexp`."""
        before, dashes, command = _split(args)
        return json.loads(self.gitexp(*before, "--json", *dashes, *command, **options).stdout)

    def wait_for(self, name: str) -> None:
        """Waits until a file is there."""
        end = time.monotonic() + TIMEOUT
        while not (self.path / name).exists():
            assert time.monotonic() < end, f"{name} does not come"
            time.sleep(0.02)

    def start(
        self, *args: str, env: Mapping[str, str | None] | None = None
    ) -> Background | subprocess.Popen[bytes]:
        """Starts the command line without waiting, as leader of a process group, with pipes for output."""
        if can_fork(env):
            forked = fork_server().start_background(args, self.path, _environment(env))
            self._started.append(forked)
            return forked
        process = subprocess.Popen(
            [*GITEXP, *args],
            cwd=self.path,
            env=_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """Ends what `start` started and is still there, then looks whether all of the user's is as it was."""
        for process in self._started:
            with process:  # closes the pipes and waits
                _kill(process)
        self.guard.check()

    def tty(
        self,
        *args: str,
        cols: int = 80,
        rows: int = 24,
        keys: Sequence[tuple[str, str]] = (),
        env: Mapping[str, str | None] | None = None,
    ) -> Terminal:
        """Runs the command line in a terminal; see `run_with_pty`."""
        if can_fork(env):

            def fork(terminal: int) -> Forked:
                fds = [terminal] * 3
                return fork_server().start(args, self.path, _environment(env), fds, terminal=True)

            return fork_with_pty(fork, cols, rows, keys, TIMEOUT)
        return run_with_pty(
            [*GITEXP, *args], cols, rows, keys, cwd=self.path, env=_environment(env), timeout=TIMEOUT
        )


def _run(
    command: Sequence[str],
    cwd: Path,
    *,
    check: bool,
    input: str | bytes | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Result:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=_environment(env),
        input=_encoded(input or b""),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return _checked(
        command, Result(done.returncode, _decoded(done.stdout), _decoded(done.stderr)), check=check
    )


def _checked(command: Sequence[str], result: Result, *, check: bool) -> Result:
    if check:
        assert result.exit_code == 0, (
            f"{' '.join(command)} ended with {result.exit_code}\n{result.stdout}{result.stderr}"
        )
    return result


def _kill(process: Background | subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:  # reaped by the test: the number may be another's by now
        return
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _environment(changes: Mapping[str, str | None] | None) -> dict[str, str]:
    merged = {**os.environ, **(changes or {})}
    return {key: value for key, value in merged.items() if value is not None}


def _split(args: Sequence[str]) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    # An option after `--` would belong to the training command.
    if "--" not in args:
        return args, (), ()
    at = args.index("--")
    return args[:at], args[at : at + 1], args[at + 1 :]


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
