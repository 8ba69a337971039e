"""A `git fast-import` stream: the quickest way to write a hundred thousand commits that real Git made.

Knows Git's stream format (git-fast-import(1)) and nothing of experiments.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

IDENTITY = b"Ada Bench <ada@bench.invalid>"


class FastImport:
    """Writes blobs, commits and refs into `repository`; leaving the `with` block ends and checks the stream.

    `loose` writes every object as a file of its own, as day-to-day work leaves them; otherwise all go
    into one pack, as after `git gc`.
    """

    def __init__(self, repository: Path, env: Mapping[str, str], *, loose: bool = False) -> None:
        limit = "1000000000" if loose else "1"
        self._process = subprocess.Popen(
            ["git", "-c", f"fastimport.unpackLimit={limit}", "fast-import", "--quiet", "--done"],
            cwd=repository,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=1 << 16,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self._marks = 0
        self._blobs: dict[bytes, int] = {}

    def blob(self, data: bytes, *, shared: bool = False) -> int:
        """The mark of a blob; `shared` remembers the content, so that it is sent once."""
        if shared and data in self._blobs:
            return self._blobs[data]
        mark = self._next()
        self._to.write(b"blob\nmark :%d\ndata %d\n%b\n" % (mark, len(data), data))
        if shared:
            self._blobs[data] = mark
        return mark

    def commit(
        self, ref: str, message: bytes, files: Mapping[str, int], *, when: int, parent: int | None = None
    ) -> int:
        """The mark of a commit that `ref` then points at: the parent's tree with `files` (path -> blob)."""
        mark = self._next()
        stamp = b"%b %d +0000" % (IDENTITY, when)
        self._to.write(b"commit %b\nmark :%d\nauthor %b\ncommitter %b\n" % (ref.encode(), mark, stamp, stamp))
        self._to.write(b"data %d\n%b\n" % (len(message), message))
        if parent is not None:
            self._to.write(b"from :%d\n" % parent)
        self._to.writelines(b"M 100644 :%d %b\n" % (blob, path.encode()) for path, blob in files.items())
        self._to.write(b"\n")
        return mark

    def id_of(self, mark: int) -> str:
        """The object id behind a mark; a round trip to Git."""
        self._to.write(b"get-mark :%d\n" % mark)
        self._to.flush()
        return self._from.readline().decode().strip()

    def reset(self, ref: str, mark: int) -> None:
        """Points `ref` at the commit behind `mark`."""
        self._to.write(b"reset %b\nfrom :%d\n\n" % (ref.encode(), mark))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        else:
            self._to.write(b"done\n")
        self._to.close()
        self._from.close()
        status = self._process.wait()
        if kind is None and status != 0:
            raise RuntimeError(f"git fast-import failed with status {status}")

    def _next(self) -> int:
        self._marks += 1
        return self._marks
