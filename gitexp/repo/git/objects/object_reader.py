"""One Git process for many small questions about objects.

The process is `git cat-file --batch-command` (Git 2.36 and later). It sees objects and refs made during its
life. After a failure, for whatever reason, the caller starts another Git, for the answer or a full error
message.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import weakref
from collections.abc import Callable, Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

# The names that Git looks up anew each time; it remembers abbreviations, the index, branches' configuration.
_FRESH = regex(r"(?:[0-9a-f]{40}|[0-9a-f]{64}|[A-Z_]*HEAD|refs/[^\s:^~@{]+)(?:\^\{\w+\}|:[^\n]*)?")
_MOST = 50  # questions at a time: all must fit into a pipe while nobody reads the answers
_LONGEST = 4096  # bytes of them
_UNKNOWN_OPTION = 129  # exit status of a Git that has no --batch-command

Start = Callable[[], "subprocess.Popen[bytes]"]


class Answer(NamedTuple):
    """Git's answer about one object: `<id> <type> <size>` or `<name> missing`, and the object's content."""

    header: bytes
    content: bytes = b""


class ObjectReader:
    """The process lives from the first question to `close`, or to the end of this object or of gitexp.

    A forked gitexp never uses the process of its parent, and starts another.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._owner = 0  # the process that has started the present one
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        # On Windows the process would keep others from removing packs, and the repository's folder.
        self._is_usable = os.name != "nt"

    def ask(self, command: str, names: Sequence[str]) -> list[Answer] | None:
        """The answers to `info` or `contents` for each name; None if the caller must start another Git."""
        questions = b"".join(f"{command} ".encode() + os.fsencode(name) + b"\n" for name in names)
        if not self._is_usable or len(names) > _MOST or len(questions) > _LONGEST:
            return None
        if not all(map(_FRESH.fullmatch, names)):
            return None
        if self._owner != os.getpid():
            self._forget()
        with self._lock:
            try:
                return self._exchange(questions, len(names), with_content=command == "contents")
            except (OSError, EOFError):
                self._end(died=True)
                return None
            except BaseException:  # Ctrl-C in the middle of an answer: the next must not begin with its rest
                self._end()
                raise

    def close(self) -> None:
        """End the process; the next question starts another one."""
        if self._owner == os.getpid():
            with self._lock:
                self._end()

    def _exchange(self, questions: bytes, count: int, *, with_content: bool) -> list[Answer]:
        if self._process is None:
            self._process = self._start()
            weakref.finalize(self, _end, self._process, os.getpid())
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None
        assert answers is not None
        given.write(questions)
        given.flush()
        found = []
        for _ in range(count):
            header = answers.readline()
            if not header.endswith(b"\n"):
                raise EOFError
            header, content = header[:-1], b""
            if with_content and (size := size_of(header)) is not None:
                content = answers.read(size + 1)
                if len(content) != size + 1:
                    raise EOFError
            found.append(Answer(header, content[:-1]))
        return found

    def _end(self, *, died: bool = False) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if died:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._is_usable = process.wait(timeout=1) != _UNKNOWN_OPTION
        _end(process, os.getpid())

    def _forget(self) -> None:
        """Leave the process, and the lock that may be held, to the parent of this fork."""
        if self._process is not None:
            self._process.returncode = 0  # else Python warns that nobody waits for it
        self._process = None
        self._lock = threading.Lock()
        self._owner = os.getpid()


def size_of(header: bytes) -> int | None:
    """The size of an object by the header of the answer, in bytes; None for a missing object."""
    size = header.rpartition(b" ")[2]
    if not size.isdigit() or header.endswith((b" missing", b" ambiguous")):
        return None
    return int(size)


def split(out: bytes, count: int, *, with_content: bool) -> list[Answer]:
    """The answers in the output of `git cat-file --batch` (or `--batch-check`)."""
    found, at = [], 0
    for _ in range(count):
        end = out.index(b"\n", at)
        header, at = out[at:end], end + 1
        size = size_of(header) if with_content else None
        if size is None:
            found.append(Answer(header))
        else:
            found.append(Answer(header, out[at : at + size]))
            at += size + 1
    return found


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End the process, which has nothing to lose; only its `owner`, and no fork, does that."""
    if owner != os.getpid():
        return
    process.kill()  # no effect on a process that has ended
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
