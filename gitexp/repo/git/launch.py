"""The one module that starts Git, and the one user of GitPython.

It exists so that one page can be audited for how Git is started: every call is an argument list
without a shell, with fsmonitor and automatic gc off, with hooks off but for a push, and in an
environment that says what is meant. What the calls are is for `gitexp.repo.git.repository`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from gitexp import errors
from gitexp.repo.git import failures

# GitPython runs `git version` twice when imported, 8 ms of every command, and raises where there is
# no git; we say so ourselves, better. A git that cannot be started is not waited for, and leaves it
# with plain `git`, which is what we start.
_PREPARED = {"GIT_PYTHON_REFRESH": "quiet", "GIT_PYTHON_GIT_EXECUTABLE": os.devnull}
_before = {name: os.environ.get(name) for name in _PREPARED}
os.environ.update(_PREPARED)

from git.cmd import Git as Git  # noqa: E402 - what it does when imported is prepared above; gitexp.repo.git.repository makes them
from git.exc import GitCommandNotFound  # noqa: E402 - the same

for _name, _value in _before.items():
    os.environ.pop(_name)
    if _value is not None:
        os.environ[_name] = _value

Tell = Callable[[str], None]

MINIMUM_GIT = (2, 30)

_CHUNK = 64 * 1024  # bytes
_LINGER = 0.2  # seconds that messages may come after their process has ended
_LINE_END = re.compile(rb"(\r?\n|\r(?=[^\n]))")  # ssh ends lines with both; the first may be all of a chunk

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
# Objects and refs reach the disk before we say that they are there (Git 2.36 and later know these).
DURABLE = ("-c", "core.fsync=committed", "-c", "core.fsyncMethod=batch")

# Inherited, these would lead a Git of somebody else's into this repository, or ours into another one.
PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")

ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a remote's config names commands: only what needs the objects may fetch
    "GIT_NO_REPLACE_OBJECTS": "1",  # what is stored is what ran, whatever refs/replace says
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
) -> tuple[int, bytes, str]:
    """Run `git <args>`, which inherits some descriptors; return exit status (negative for a signal),
    standard output and standard error."""
    command = ["git", *ALWAYS, *NO_HOOKS, *args]
    pipe = subprocess.PIPE if stdin is not None else None
    descriptors = {"pass_fds": inherits} if inherits else {}
    try:
        # Dropped, it kills Git.
        process = git.execute(command, istream=pipe, as_process=True, env=env, **descriptors)
        popen = process.proc
        assert popen is not None  # a fresh AutoInterrupt always holds its process
        out, err = popen.communicate(stdin)
    except (GitCommandNotFound, OSError) as error:
        raise failures.not_started(args, error) from error
    return popen.returncode, out, err.decode("utf-8", "replace")


def start(git: Git, args: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `git <args>`, to be talked to by its standard input and output; raises OSError.

    Nobody reads its standard error: it dies of the first complaint.
    """
    command = ["git", *ALWAYS, *NO_HOOKS, *args]
    try:
        process = git.execute(command, istream=subprocess.PIPE, as_process=True, env=env)
    except GitCommandNotFound as error:
        raise FileNotFoundError(str(error)) from error
    popen, process.proc = process.proc, None  # the caller ends it
    assert popen is not None  # a fresh AutoInterrupt always holds its process
    assert popen.stderr is not None
    popen.stderr.close()
    return popen


def execute_telling(
    git: Git,
    args: Sequence[str],
    env: Mapping[str, str],
    tell: Tell,
    stdin: bytes = b"",
    *,
    hooks: bool = False,
) -> tuple[int, bytes, str]:
    """Run `git <args>` like `execute`, and pass on each line that it writes to standard error at once.

    A progress bar that is drawn over itself gives a line each time; what is returned has it as it stood
    last. With `hooks`, those of the repository run.
    """
    command = ["git", *ALWAYS, *(() if hooks else NO_HOOKS), *args]
    try:
        with tempfile.TemporaryFile() as feed:  # which needs nobody who writes meanwhile, as a pipe does
            feed.write(stdin)
            feed.seek(0)
            process = git.execute(command, istream=feed, as_process=True, env=env)
        popen = process.proc
        assert popen is not None  # a fresh AutoInterrupt always holds its process
        assert popen.stdout is not None
        out: list[bytes] = []
        # Read beside standard error: a pipe that nobody empties would stop Git.
        reader = threading.Thread(target=lambda pipe=popen.stdout: out.append(pipe.read()), daemon=True)
        reader.start()
        err = _tell_lines(_chunks_of(popen), tell)
        status = popen.wait()
        reader.join()
        return status, b"".join(out), err
    except (GitCommandNotFound, OSError) as error:
        raise failures.not_started(args, error) from error


def _chunks_of(popen: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield what a process writes to standard error until it has ended.

    Not until all have closed it: an ssh that it leaves in the background (ControlPersist) may keep it open.
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
    while True:
        try:
            chunk = chunks.get(timeout=_LINGER)
        except queue.Empty:
            if popen.poll() is not None:
                return
            continue
        if not chunk:
            return
        yield chunk


def _tell_lines(chunks: Iterator[bytes], tell: Tell) -> str:
    """Pass on each line, and return those together that were not drawn over."""
    whole, rest = [], b""
    for chunk in chunks:
        *lines, rest = _LINE_END.split(rest + chunk)
        for line, end in zip(lines[::2], lines[1::2], strict=True):
            text = line.decode("utf-8", "replace")
            tell(text)
            whole += [text] if end.endswith(b"\n") else []
    return "\n".join([*whole, rest.decode("utf-8", "replace")])


def require_git(git: Git) -> None:
    """Raise GitMissing or GitTooOld if there is no Git that we can work with."""
    if shutil.which("git") is None:
        raise failures.missing()
    if git.version_info[:2] < MINIMUM_GIT:
        have = ".".join(str(part) for part in git.version_info)
        raise errors.RepositoryError(
            f"Git {have} is too old for gitexp.", "Install Git 2.30 or newer.", code="git-too-old"
        )
