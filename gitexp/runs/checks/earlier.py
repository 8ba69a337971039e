"""Whether exactly this ran before: the same files, the same command in the same folder.

Each record has the `identity` of its run. So the answer takes one look at the refs, by a thread, while
the workspace is stored: 70 ms for a thousand experiments, half a second for ten thousand. The results in a
tree do not count: those of the last run lie about in the workspace, and the next run writes them again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

from gitexp import errors
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.paths import lock_path
from gitexp.project.hydra import hydra_params
from gitexp.project.params import COMMAND, changed_command
from gitexp.project.project import inside
from gitexp.regex import regex
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX, Store
from gitexp.repo.git import trees
from gitexp.repo.git.objects.new_objects import new_object
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import TreeEntry
from gitexp.runs.checks import inputs
from gitexp.runs.checks.seeds import Seed, neutral, seed_of, without_seed
from gitexp.runs.ready import PlainCommand, Ready

_IDENTITY = regex(rb'"identity":"([0-9a-f]{64})"')
_CREATED = regex(rb'"created":"([^"]{1,40})"')
_DONE = b'"status":"done"'
# A key of the top level, with the indented, empty and commented lines below it.
_SWEEPS = regex(rb"^sweep[ \t]*:.*(?:\n(?:[ \t#-].*|\r?(?=\n|\Z)))*\n?", re.MULTILINE)
_WORTH_TELLING = (Status.DONE, Status.RUNNING)


class _TreeSource(NamedTuple):
    """The trees of a repository, each read once: every reading costs a process of Git.

    Attributes:
        entries: gives the entries of a tree by its id.
        object_format: the hash of the repository, like sha1.
    """

    entries: Callable[[str], list[TreeEntry]]
    object_format: str

    @classmethod
    def of(cls, repo: Repository) -> _TreeSource:
        """The trees of a repository."""
        return cls(cache(partial(trees.entries, repo)), repo.object_format)


class _StandIn(NamedTuple):
    """A file of a tree with another content: the parts of its path, and the id of this content."""

    path: tuple[str, ...]
    id: str


def with_identity(ready: Ready) -> Ready:
    """The run with its identity, and with that of its group.

    The identity of a run is a hash, equal for two runs if and only if they start alike. The hash covers the
    start tree without the declared results, the bytes of files that a filter keeps out of it, the params
    with their overrides, the command line and its folder, the patterns of printed metrics, and the inputs of
    stages. It does not cover the baseline, nor files ignored by Git, nor the sweeps in gitexp.yaml. The
    group's is the same hash but for the value of the seed.
    """
    stand_ins = _stand_ins(ready)
    source = _TreeSource.of(ready.workspace)
    identity = _identity(ready, None, source, stand_ins)
    group = identity
    if (seed := seed_of(ready.params.files, ready.code.config)) is not None:
        with contextlib.suppress(errors.GitexpError):  # a seed that cannot be told from the rest of its file
            group = _identity(ready, seed, source, stand_ins)
    return ready._replace(identity=identity, group=group)


def started_alike(ready: Ready, one: Experiment) -> bool:
    """Whether an experiment is the same run, by its files in Git and its command, not by `identity` alone.

    Records may come from anybody. A queued run has a start snapshot with the same files. Other runs
    have only the commit with the results: there, files added by the run or params that it has written
    do not count.
    """
    record, stored = one.record, ready.stored_command
    if (record.identity, record.command, record.folder) != (ready.identity, stored.text, ready.folder):
        return False
    start = record.start or ("" if record.status.ended else record.commit)
    tree = ready.workspace.resolve(start or record.commit, "tree")
    if tree is None or tree == ready.tree:
        return tree is not None
    written = list[str]()
    if not start:
        written = [path for path in record.written_params if path in ready.params.files]
        written += _added(ready.workspace, ready.tree, tree)
    there = ready._replace(tree=tree)
    source = _TreeSource.of(ready.workspace)
    return _identity(there, None, source, _stand_ins(there), written) == ready.identity


def _added(repo: Repository, before: str, after: str) -> list[str]:
    """The files of a tree that another tree lacks."""
    args = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", "--end-of-options")
    out = repo.run(*args, before, after)
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def _stand_ins(ready: Ready) -> list[_StandIn]:
    """The files of a run that count with another content."""
    return list(filter(None, (_config_without_sweeps(ready), _composed_without_comments(ready))))


def _identity(
    ready: Ready,
    seed: Seed | None,
    source: _TreeSource,
    stand_ins: Sequence[_StandIn],
    without: Sequence[str] = (),
) -> str:
    """The hash over what a run starts from, but for the value of a seed, and but for some files."""
    config, work = ready.code.config, ready.work
    scope = ready.scope
    left_out = [*scope.results, *scope.aside, *scope.watched, lock_path(config.folder), *without]
    command, params = ready.stored_command.text, tuple[str, ...]()
    if seed is not None and seed.file == COMMAND:
        command = _with_neutral_seed(ready, seed).stored_command.text
    elif seed is not None:
        path = inside(ready.workspace.root, seed.file) or seed.file
        left_out.append(path)
        known = None if ready.params.warnings else ready.params.files[seed.file]  # else some may be left out
        params = (path, without_seed(seed, ready.params.contents[seed.file], known))
    content = _digest(source, ready.tree, [tuple(path.split("/")) for path in left_out], stand_ins)
    patterns = sorted(config.metrics_from_output.items())
    alike: list[object] = [content, command, ready.folder, patterns]
    if not isinstance(work, PlainCommand):
        alike.append([each for each in work.inputs if each[0] not in params])
    elif locked := inputs.locked(ready.code, ready.workspace.root, ready.lock or None):
        alike.append(hashlib.sha256(locked).hexdigest())
    if params:
        alike.append(params)
    if ready.beside_tree:
        alike.append(ready.beside_tree)
    return hashlib.sha256(json.dumps(alike).encode()).hexdigest()


def _with_neutral_seed(ready: Ready, seed: Seed) -> Ready:
    """The run of a command with a seed that stands for every seed."""
    if not isinstance(ready.work, PlainCommand):
        return ready
    return ready._replace(work=PlainCommand(changed_command(ready.work.line, [neutral(seed)])))


def _config_without_sweeps(ready: Ready) -> _StandIn | None:
    """gitexp.yaml without its section of sweeps: more trials of a sweep do not make its runs others.

    None if it has no such section, or not in a block of its own.
    """
    if not ready.code.config.sweep:
        return None
    path = ready.code.config_file
    (content,) = ready.workspace.read_blobs([f"{ready.tree}:{path}"])
    if content is None or _SWEEPS.search(content) is None:
        return None
    rest = _SWEEPS.sub(b"", content).rstrip() + b"\n"
    return _StandIn(tuple(path.split("/")), new_object("blob", rest, ready.workspace.object_format).id)


def _composed_without_comments(ready: Ready) -> _StandIn | None:
    """The params file composed by Hydra without gitexp's comments, which say how it was composed.

    None without such a file.
    """
    settings = ready.code.config.hydra
    if settings is None or settings.params_file not in ready.params.contents:
        return None
    (data,) = ready.workspace.read_blobs([f"{ready.tree}:{settings.params_file}"])
    body = hydra_params.without_comments(data) if data is not None else None
    if body is None:
        return None
    path = tuple(settings.params_file.split("/"))
    return _StandIn(path, new_object("blob", body, ready.workspace.object_format).id)


def _digest(
    source: _TreeSource, tree: str, left_out: Sequence[tuple[str, ...]], stand_ins: Sequence[_StandIn]
) -> str:
    """A hash of the content of a tree without some paths, and with another content of some files."""
    lines = []
    for mode, content, name in _remaining(source, tree, left_out, stand_ins):
        lines.append(f"{mode} {content} ".encode() + name)
    return hashlib.sha256(b"\0".join(lines)).hexdigest()


def _remaining(
    source: _TreeSource, tree: str, left_out: Sequence[tuple[str, ...]], stand_ins: Sequence[_StandIn]
) -> Iterator[tuple[str, str, bytes]]:
    """Mode, id and name of each entry of a tree without some paths, and without folders left empty."""
    for entry in source.entries(tree):
        below = []
        for path in left_out:
            if path[0].encode("utf-8", "surrogateescape") == entry.name:
                below.append(path[1:])
        if () in below:
            continue
        content = entry.id
        inside_it = []
        for one in stand_ins:
            if one.path[0].encode("utf-8", "surrogateescape") == entry.name:
                inside_it.append(one._replace(path=one.path[1:]))
        if inside_it and not inside_it[0].path:
            content = inside_it[0].id
        elif (below or inside_it) and entry.kind == "tree":
            # The id that Git gives it: a folder is the same whether or not it has had results in it.
            raw = b""
            for mode, oid, name in _remaining(source, entry.id, below, inside_it):
                raw += mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(oid)
            if not raw:
                continue
            content = new_object("tree", raw, source.object_format).id
        yield entry.mode, content, entry.name


class _Candidate(NamedTuple):
    """An experiment that seems to be the same, not yet decoded."""

    is_done: bool
    created: str
    read: Callable[[], Experiment]


class Search:
    """A reader of all records, at work from the start; ask for a result once the identity is known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, list[_Candidate]] = {}  # by identity
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until the search has ended."""
        self._thread.join()

    def result(self, ready: Ready, *, timeout: float | None = None, but: str = "") -> Experiment | None:
        """The newest done experiment that is the same run, or else a running one.

        The experiment called `but` does not count. None without either, or if the records are not read within
        `timeout` seconds.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            return None
        candidates = self._found.get(ready.identity, [])
        for candidate in sorted(candidates, key=lambda c: (c.is_done, c.created), reverse=True):
            with contextlib.suppress(errors.BadRecord):
                found = candidate.read()
                is_candidate = found.record.status in _WORTH_TELLING and found.name != but
                if is_candidate and started_alike(ready, found):
                    return found
        return None

    def _read(self) -> None:
        try:
            self._read_refs()
        except errors.GitexpError:  # one is damaged: slower, but it must not hide the others
            with contextlib.suppress(errors.GitexpError):
                for found in self._store.readable():
                    record = found.record
                    is_done = record.status is Status.DONE
                    self._add(record.identity, _Candidate(is_done, record.created, partial(_same, found)))

    def _read_refs(self) -> None:
        fields = ("refname", "objectname", "contents:body")
        for ref, oid, body in self._store.repo.refs(PREFIX, fields=fields):
            # Cheaper than to read ten thousand records; what merely looks so is sorted out when asked for.
            for match in _IDENTITY.findall(body):
                created = _CREATED.search(body)
                when = created[1].decode("utf-8", "replace") if created else ""
                candidate = _Candidate(_DONE in body, when, partial(_experiment, ref, oid, body))
                self._add(match.decode(), candidate)

    def _add(self, identity: str, candidate: _Candidate) -> None:
        self._found.setdefault(identity, []).append(candidate)


def _same(experiment: Experiment) -> Experiment:
    return experiment


def _experiment(ref: bytes, oid: bytes, body: bytes) -> Experiment:
    name = ref.decode("utf-8", "replace").removeprefix(PREFIX)
    return Experiment(name, oid.decode(), records.decode(body, name))
