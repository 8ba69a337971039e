"""Whether exactly this ran before: the same files, the same command in the same folder.

Each record has the `identity` of its run, so that this is one look at the refs, which a thread takes
while the workspace is stored. In a tree, results do not count: what the last run has left of them lies
about in the workspace, and this one writes them again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from functools import partial

from gitexp import errors
from gitexp.model import Experiment, Status
from gitexp.ops.start import Start
from gitexp.repo import records
from gitexp.repo.git import Repository
from gitexp.repo.store import PREFIX, Store

_IDENTITY = re.compile(rb'"identity":"([0-9a-f]{64})"')
_WORTH_TELLING = (Status.DONE, Status.RUNNING)


def identity(start: Start) -> str:
    """Return what two runs have in common if and only if they start alike; only to be compared.

    That is: the tree, params as changed, without the declared results; the command line and its
    folder; and which metrics are looked for in the output. Not the baseline, nor what Git ignores.
    """
    results = [tuple(path.split("/")) for path in start.results]
    content = _digest(start.workspace, start.tree, results)
    patterns = sorted(start.code.config.metrics_from_output.items())
    return hashlib.sha256(json.dumps([content, start.line, start.folder, patterns]).encode()).hexdigest()


def _digest(repo: Repository, tree: str, left_out: Sequence[tuple[str, ...]]) -> str | None:
    """Return what stands for the content of a tree without some paths; None if nothing else is in it."""
    lines = []
    for entry in repo.read_tree(tree):
        below = [path[1:] for path in left_out if path[0].encode("utf-8", "surrogateescape") == entry.name]
        if () in below:
            continue
        content: str | None = entry.id
        if below and entry.kind == "tree":
            content = _digest(repo, entry.id, below)
        if content is not None:
            lines.append(f"{entry.mode} {content} ".encode() + entry.name)
    return hashlib.sha256(b"\0".join(lines)).hexdigest() if lines else None


class Search:
    """Reads all records, beginning when it is made; ask it when the identity is known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, list[Callable[[], Experiment]]] = {}  # by identity; read when asked for
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until it is at rest."""
        self._thread.join()

    def result(self, identity: str, *, timeout: float | None = None, but: str = "") -> Experiment | None:
        """Return the newest experiment of this identity that is done, or else one that is going on.

        The one called `but` does not count. None if there is neither, or if that is not known within
        `timeout` seconds.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            return None
        found = []
        for read in self._found.get(identity, []):
            with contextlib.suppress(errors.BadRecord):
                found.append(read())
        wanted = [e for e in found if e.record.status in _WORTH_TELLING and e.name != but]
        return max((e for e in wanted if e.record.identity == identity), key=_worth, default=None)

    def _read(self) -> None:
        try:
            self._read_refs()
        except errors.GitexpError:  # one is damaged: slower, but it must not hide the others
            with contextlib.suppress(errors.GitexpError):
                for experiment in self._store.all():
                    self._add(experiment.record.identity, partial(_same, experiment))

    def _read_refs(self) -> None:
        fields = ("refname", "objectname", "contents:body")
        for ref, oid, body in self._store.repo.refs(PREFIX, fields=fields):
            # Cheaper than to read ten thousand records; what merely looks so is sorted out when asked for.
            for match in _IDENTITY.findall(body):
                self._add(match.decode(), partial(_experiment, ref, oid, body))

    def _add(self, identity: str, read: Callable[[], Experiment]) -> None:
        self._found.setdefault(identity, []).append(read)


def _same(experiment: Experiment) -> Experiment:
    return experiment


def _experiment(ref: bytes, oid: bytes, body: bytes) -> Experiment:
    name = ref.decode("utf-8", "replace").removeprefix(PREFIX)
    return Experiment(name, oid.decode(), records.decode(body, name))


def _worth(experiment: Experiment) -> tuple[bool, str]:
    return experiment.record.status is Status.DONE, experiment.record.created
