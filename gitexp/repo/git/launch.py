"""The one module that starts Git, and the one user of GitPython.

So one page can be audited for how Git starts: each call is a list of arguments without a shell, with
fsmonitor and automatic gc off, with hooks off but for a push, in an environment that names the repository.
The calls themselves stand in `gitexp.repo.git.git_calls`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from gitexp import errors
from gitexp.regex import regex
from gitexp.repo.git import failures


@contextlib.contextmanager
def _only_named_modules(package: str) -> Iterator[None]:
    """Import modules of a package without its `__init__`, as a copy of gitexp's own.

    GitPython's `__init__` imports all of GitPython, 25 ms of every command, runs `git version` twice, and
    raises where there is no Git; that of its gitdb takes 5 ms. A program that imports GitPython too gets
    these packages whole.
    """
    theirs = _taken_out(package)
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)
    sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        _taken_out(package)
        sys.modules.update(theirs)


def _taken_out(package: str) -> dict[str, ModuleType]:
    """The imported modules of a package, taken out of Python's table of modules."""
    names = [name for name in sys.modules if name == package or name.startswith(f"{package}.")]
    return {name: sys.modules.pop(name) for name in names}


with _only_named_modules("gitdb"), _only_named_modules("git"):
    from git.cmd import Git as Git  # gitexp.repo.git.git_calls makes a Git
    from git.exc import GitCommandNotFound
Git.GIT_PYTHON_GIT_EXECUTABLE = Git.git_exec_name  # else GitPython's `__init__` sets it

Tell = Callable[[str], None]

MINIMUM_GIT = (2, 30)

_CHUNK = 64 * 1024  # bytes
_PATIENCE = 3.0  # seconds of a Git at work until its caller looks what it may wait for
_LINGER = 0.2  # seconds that messages may come after their process has ended
_LINE_END = regex(rb"(\r?\n|\r(?=[^\n]))")  # ssh ends lines with both; a chunk may end between them

ALWAYS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "safe.bareRepository=explicit"),  # a folder of a clone may be one, with config of its own
    *("-c", "core.untrackedCache=false"),
    *("-c", "core.splitIndex=false"),  # a private index is written whole, never into .git/sharedindex.*
    *("-c", "core.trustctime=true"),  # an edit that keeps size and mtime is an edit
    *("-c", "core.checkStat=default"),
    *("-c", "core.ignoreStat=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "i18n.commitEncoding=UTF-8"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
    *("-c", "core.filesRefLockTimeout=10000"),  # ms; sixteen writers beside a pack-refs are normal use
    *("-c", "core.packedRefsTimeout=20000"),
)
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
# Objects and refs reach the disk before gitexp says that they are there (known to Git 2.36 and later).
DURABLE = ("-c", "core.fsync=committed", "-c", "core.fsyncMethod=batch")

# Inherited, these lead another program's Git into this repository, or gitexp's Git into another one.
PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")

ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a remote's config names commands: a fetch is for calls that need the objects
    "GIT_NO_REPLACE_OBJECTS": "1",  # the stored code is the code that ran, whatever refs/replace says
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
}


def execute(
    git: Git,
    args: Sequence[str],
    env: Mapping[str, str],
    stdin: bytes | None = None,
    inherits: Sequence[int] = (),
    on_wait: Callable[[], None] | None = None,
) -> tuple[int, bytes, str]:
    """Run `git <args>`.

    Args:
        stdin: the standard input for Git; None: nothing.
        inherits: descriptors to be open in Git too.
        on_wait: called if Git takes seconds; what it raises ends Git.

    Returns:
        The exit status (negative for a signal), the standard output, the standard error.
    """
    options: dict[str, Any] = {"istream": subprocess.PIPE} if stdin is not None else {}
    if inherits:
        options["pass_fds"] = inherits  # which Windows does not know
    try:
        _, popen = _start(git, args, env, **options)
        out, err = _communicate(popen, stdin, on_wait)
    except OSError as error:
        raise failures.not_started(args, error) from error
    return popen.returncode, out, err.decode("utf-8", "replace")


def _communicate(
    popen: subprocess.Popen[bytes], stdin: bytes | None, on_wait: Callable[[], None] | None
) -> tuple[bytes, bytes]:
    """The output and the errors of a process, after its end."""
    if on_wait is None:
        return popen.communicate(stdin)
    try:
        return popen.communicate(stdin, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        try:
            on_wait()
        except BaseException:
            popen.kill()
            popen.communicate()
            raise
        return popen.communicate()


def _start(
    git: Git, args: Sequence[str], env: Mapping[str, str], *, hooks: bool = False, **options: Any
) -> tuple[Git.AutoInterrupt, subprocess.Popen[bytes]]:
    """Start `git <args>`; raises OSError. The process dies with the first of the two values."""
    command = ["git", *ALWAYS, *(() if hooks else NO_HOOKS), *args]
    try:
        process = git.execute(command, as_process=True, env=env, **options)
    except GitCommandNotFound as error:
        # GitPython's error says that there is no Git, whatever was missing; the cause says what.
        raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(str(error)) from None
    popen = process.proc
    assert popen is not None  # a fresh AutoInterrupt always holds its process
    return process, popen


def converse(git: Git, args: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `git <args>`, to be talked to by its standard input and output; raises OSError.

    Nobody reads its standard error: it dies of the first complaint.
    """
    process, popen = _start(git, args, env, istream=subprocess.PIPE)
    process.proc = None  # the caller ends it
    assert popen.stderr is not None
    popen.stderr.close()
    return popen


def stream(git: Git, args: Sequence[str], env: Mapping[str, str]) -> Generator[bytes, None, str]:
    """Yield the output of `git <args>` bit by bit; the generator returns Git's standard error.

    So the caller works while Git does, and a long answer is never in memory whole. Raises the errors of
    `failures.failure` at the end, for any exit status but 0.
    """
    try:
        _, popen = _start(git, args, env)
    except OSError as error:
        raise failures.not_started(args, error) from error
    assert popen.stdout is not None
    assert popen.stderr is not None
    said: list[bytes] = []
    # Read beside standard output: a pipe that nobody empties would stop Git.
    reader = threading.Thread(target=lambda pipe=popen.stderr: said.append(pipe.read()), daemon=True)
    reader.start()
    try:
        while chunk := popen.stdout.read1(_CHUNK):  # type: ignore[attr-defined]  # a pipe is a BufferedReader
            yield chunk
        status = popen.wait()
        reader.join()
        err = b"".join(said).decode("utf-8", "replace")
        if status != 0:
            raise failures.failure(args, status, err)
        return err
    finally:
        popen.kill()  # does nothing to one that has ended
        popen.wait()
        reader.join()
        popen.stdout.close()
        popen.stderr.close()


def execute_telling(
    git: Git,
    args: Sequence[str],
    env: Mapping[str, str],
    tell: Tell,
    stdin: bytes = b"",
    *,
    hooks: bool = False,
) -> tuple[int, bytes, str]:
    """Run `git <args>` like `execute`, and pass each line of its standard error on at once.

    A progress bar drawn over itself gives a line each time; the returned text has its last state. With
    `hooks`, the hooks of the repository run.
    """
    try:
        with tempfile.TemporaryFile() as feed:  # a pipe would need somebody who writes meanwhile
            feed.write(stdin)
            feed.seek(0)
            _, popen = _start(git, args, env, hooks=hooks, istream=feed)
        assert popen.stdout is not None
        out: list[bytes] = []
        # Read beside standard error: a pipe that nobody empties would stop Git.
        reader = threading.Thread(target=lambda pipe=popen.stdout: out.append(pipe.read()), daemon=True)
        reader.start()
        err = _tell_lines(_chunks_of(popen), tell)
        status = popen.wait()
        reader.join()
        return status, b"".join(out), err
    except OSError as error:
        raise failures.not_started(args, error) from error


def _chunks_of(popen: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the standard error of a process until the process has ended.

    An ssh left in the background (ControlPersist) may keep standard error open for longer.
    """
    assert popen.stderr is not None
    chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    fd = popen.stderr.fileno()  # the stream itself could not be closed while a thread waits for it

    def read() -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(fd, _CHUNK):
                chunks.put(chunk)
        chunks.put(b"")

    threading.Thread(target=read, daemon=True).start()
    ended = False
    while True:
        try:
            chunk = chunks.get(timeout=_LINGER)
        except queue.Empty:
            if ended:
                return
            # The process may have written its last lines, and ended, since the wait was over.
            ended = popen.poll() is not None
            continue
        if not chunk:
            return
        yield chunk


def _tell_lines(chunks: Iterator[bytes], tell: Tell) -> str:
    """Pass each line on, and return the lines that were not drawn over."""
    whole, begun = [], [b""]
    for chunk in chunks:
        begun.append(chunk)
        if not (b"\n" in chunk or b"\r" in chunk or begun[-2].endswith(b"\r")):
            continue  # the parts of a long line are joined once
        *lines, rest = _LINE_END.split(b"".join(begun))
        begun = [rest]
        for line, end in zip(lines[::2], lines[1::2], strict=True):
            text = line.decode("utf-8", "replace")
            tell(text)
            if end.endswith(b"\n"):
                whole.append(text)
    return "\n".join([*whole, b"".join(begun).decode("utf-8", "replace")])


def require_git(git: Git) -> None:
    """Raise GitMissing or GitTooOld if no usable Git is installed."""
    if shutil.which("git") is None:
        raise failures.missing()
    if git.version_info[:2] < MINIMUM_GIT:
        have = ".".join(str(part) for part in git.version_info)
        raise errors.RepositoryError(
            f"Git {have} is too old for gitexp.", "Install Git 2.30 or newer.", code="git-too-old"
        )
