"""`gitexp.lock`: what each stage read and wrote when it last ran, the data that no stage makes, and the
results of a command that are too large for Git.

The file stands in the project's folder and names paths relative to it; in memory all are relative to the
root of the repository. It is written in one order and one line for each thing, so that a merge of two
branches touches only the lines that both have changed; each stage has a seal besides, by which a mixture of
two runs is known. docs/format.md is its contract.

A lock may come from a stranger: what it names is brought into workspaces, so it is read strictly.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NoReturn, TypeGuard

from gitexp import errors
from gitexp.files.limits import check_tree, decode
from gitexp.files.nodes import plain
from gitexp.files.yaml_text import compose
from gitexp.files.yaml_write import flow_text, key_text
from gitexp.model import Artifact, Flat, Value
from gitexp.objects import paths
from gitexp.pipeline.paths import LOCK_FILE as LOCK_FILE

_FORMAT = 1
_SEAL = 16  # hexadecimal digits
_MAX_BYTES = 16 << 20
_MAX_VALUES = 100_000
_MAX_PATH = 4096  # no system takes more
_MAX_KEY = 1000  # characters; YAML takes a longer one only behind a question mark
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_HASH = re.compile(r"[0-9a-f]{64}(\.dir)?")
_CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7}|\|{7})(?:[ \r\n]|$)", re.MULTILINE)
_HEAD = "# Written by gitexp, to be committed. Where a merge stops here, take either side, then: gitexp run\n"


@dataclass(frozen=True, slots=True)
class LockedStage:
    """One stage as it ran: `params` are flat values by file. All paths are relative to the root."""

    commands: tuple[str, ...]
    wdir: str = ""
    deps: tuple[Artifact, ...] = ()
    params: Mapping[str, Flat] = field(default_factory=dict)
    outs: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: stages by name, added data and large results (`outs`) by path."""

    stages: Mapping[str, LockedStage] = field(default_factory=dict)
    data: Mapping[str, Artifact] = field(default_factory=dict)
    outs: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def artifacts(self) -> list[Artifact]:
        """All that must be in a store for this lock to be whole: data and outs, not deps."""
        of_stages = [out for stage in self.stages.values() for out in stage.outs]
        return [*self.data.values(), *self.outs.values(), *of_stages]

    def with_stage(self, name: str, stage: LockedStage) -> Lock:
        """Return the lock with this stage; what it says of others at the same places is of earlier times."""
        lock = self._without(stage.outs, but=name)
        return replace(lock, stages={**lock.stages, name: stage})

    def with_data(self, artifacts: Sequence[Artifact]) -> Lock:
        """Return the lock with this data, in place of what stood there."""
        lock = self._without(artifacts)
        return replace(lock, data={**lock.data, **{artifact.path: artifact for artifact in artifacts}})

    def with_outs(self, artifacts: Sequence[Artifact]) -> Lock:
        """Return the lock with these as all the large results, in place of what stood there."""
        lock = self._without(artifacts)
        return replace(lock, outs={artifact.path: artifact for artifact in artifacts})

    def _without(self, artifacts: Iterable[Artifact], but: str | None = None) -> Lock:
        """Return the lock without what stands where these do, the stage `but` apart: an artifact may have
        come from another stage, or been data, when the lock was written."""
        taken = [paths.folded(artifact.path) for artifact in artifacts]

        def is_free(artifact: Artifact) -> bool:
            path = paths.folded(artifact.path)
            return not any(paths.overlap(path, other) for other in taken)

        return Lock(
            {n: each for n, each in self.stages.items() if n == but or all(map(is_free, each.outs))},
            {path: each for path, each in self.data.items() if is_free(each)},
            {path: each for path, each in self.outs.items() if is_free(each)},
        )


def read_lock(name: str, data: bytes, prefix: str = "", *, mixed: bool = False) -> Lock:
    """Return what a gitexp.lock says; `prefix` is the project's folder relative to the root.

    A stage that a merge has made of two runs counts as not run, but with `mixed`: who asks for all that is
    named wants it, too. Raises LockError, naming the file `name`, for whatever gitexp would not have written:
    paths that lead out of the repository or into Git's folder, bad hashes, two artifacts at one place, a
    merge's conflict.
    """
    return _LockReader(name, prefix, mixed=mixed).lock(data)


def write_lock(lock: Lock, prefix: str = "") -> bytes:
    """Return the lock as the text of a gitexp.lock in the folder `prefix`: the same for equal locks."""
    lines = [_HEAD, f"format: {_FORMAT}\n"]
    if lock.data:
        lines += ["data:\n", *_artifacts(lock.data.values(), "  ", prefix)]
    if lock.outs:
        lines += ["outs:\n", *_artifacts(lock.outs.values(), "  ", prefix)]
    if lock.stages:
        lines.append("stages:\n")
    for name, locked in sorted(lock.stages.items()):
        lines += [f"  {key_text(name)}:\n", *_stage(locked, prefix), f"    seal: {_seal(locked, prefix)}\n"]
    return "".join(lines).encode("utf-8")


def check_lock(name: str, lock: Lock, prefix: str = "") -> None:
    """Raise LockError for a lock that could not be read again, because of the paths that it names.

    It costs far less than to write and read it: a pipeline may have a thousand stages.
    """
    _LockReader(name, prefix, mixed=False).check(lock)


def _relative(path: str, prefix: str) -> str:
    return posixpath.relpath(path or ".", prefix or ".")


def _shown(path: str, prefix: str) -> str:
    return key_text(_relative(path, prefix))


def _entry(indent: str, key: str, value: str) -> str:
    marked = key if len(key) < _MAX_KEY else f"? {key}\n{indent}"
    return f"{indent}{marked}: {value}\n"


def _artifacts(found: Iterable[Artifact], indent: str, prefix: str) -> Iterator[str]:
    for artifact in sorted(found, key=lambda each: each.path):
        what: dict[str, Value] = {"hash": artifact.hash, "size": artifact.size}
        if artifact.files is not None:
            what["files"] = artifact.files
        if artifact.executable:
            what["executable"] = True
        yield _entry(indent, _shown(artifact.path, prefix), flow_text(what))


def _stage(locked: LockedStage, prefix: str) -> Iterator[str]:
    one = len(locked.commands) == 1
    yield f"    cmd: {flow_text(locked.commands[0] if one else list(locked.commands))}\n"
    if locked.wdir != prefix:
        yield f"    wdir: {_shown(locked.wdir, prefix)}\n"
    if locked.deps:
        yield from ("    deps:\n", *_artifacts(locked.deps, "      ", prefix))
    if locked.params:
        yield "    params:\n"
    for file, values in sorted(locked.params.items()):
        yield f"      {_shown(file, prefix)}:{'' if values else ' {}'}\n"
        for key, value in sorted(values.items()):
            yield _entry("        ", key_text(key), flow_text(value))
    if locked.outs:
        yield from ("    outs:\n", *_artifacts(locked.outs, "      ", prefix))


def _seal(locked: LockedStage, prefix: str) -> str:
    """Return what tells a run from a mixture of two: a merge may well take some lines of one and some of
    the other, and would claim a result that nobody has computed."""
    return sha256("".join(_stage(locked, prefix)).encode()).hexdigest()[:_SEAL]


class _LockReader:
    """Reads one lock; every complaint names its file."""

    def __init__(self, name: str, prefix: str, *, mixed: bool) -> None:
        self._name = name
        self._prefix = prefix
        self._mixed = mixed

    def lock(self, data: bytes) -> Lock:
        if (conflict := _CONFLICT.search(data)) is not None:
            self._fail(
                "a merge has left its conflict here",
                f"Take either side (git checkout --ours {LOCK_FILE}), then: gitexp run",
                line=data.count(b"\n", 0, conflict.start()) + 1,
            )
        tree = self._tree(data)
        if tree.get("format", _FORMAT) != _FORMAT:
            self._fail("it was written by a later gitexp", "Update gitexp.")
        self._known(tree, {"format", "data", "outs", "stages"}, "the file")
        added, outs = (
            {artifact.path: artifact for artifact in self._artifacts(tree.get(key), key)}
            for key in ("data", "outs")
        )
        found = {
            name: self._stage(name, stage) for name, stage in self._map(tree.get("stages"), "stages").items()
        }
        stages = {name: stage for name, stage in found.items() if stage is not None}
        lock = Lock(stages, added, outs)
        self._refuse_clashes([artifact.path for artifact in lock.artifacts])
        return lock

    def check(self, lock: Lock) -> None:
        for artifact in lock.artifacts:
            self._path(_relative(artifact.path, self._prefix), "the lock")
        for stage in lock.stages.values():
            for path in (stage.wdir, *stage.params, *(dep.path for dep in stage.deps)):
                self._path(_relative(path, self._prefix), "the lock", only_read=True)
        self._refuse_clashes([artifact.path for artifact in lock.artifacts])

    def _refuse_clashes(self, found: Sequence[str]) -> None:
        twice = next((path for path, count in Counter(found).items() if count > 1), None)
        both = (twice, twice) if twice is not None else paths.clash(found)
        if both is not None:
            self._fail(f"{both[0]!r} and {both[1]!r} cannot both stand in one folder")

    def _fail(self, message: str, hint: str | None = None, *, line: int | None = None) -> NoReturn:
        raise errors.LockError(message, hint, file=self._name, line=line)

    def _tree(self, data: bytes) -> Mapping[str, Value]:
        try:
            root = compose(self._name, decode(self._name, data, _MAX_BYTES), _MAX_VALUES)
            tree = None if root is None else plain(root)
            check_tree(self._name, tree, _MAX_VALUES)
        except errors.ParseError as error:
            raise errors.LockError(error.message) from None
        return self._map(tree, "the file")

    def _map(self, value: Value, what: str) -> Mapping[str, Value]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._fail(f"{what} must be a map")
        return value

    def _known(self, tree: Mapping[str, Value], keys: set[str], what: str) -> None:
        if unknown := sorted(set(tree) - keys):
            self._fail(f"{what} has {unknown[0]!r}, which gitexp does not know")

    def _stage(self, name: str, value: Value) -> LockedStage | None:
        """Return a stage as it ran; None for one that is a mixture of two runs."""
        what = f"the stage {name!r}"
        tree = self._map(value, what)
        self._known(tree, {"cmd", "wdir", "deps", "params", "outs", "seal"}, what)
        commands = tree.get("cmd")
        commands = [commands] if isinstance(commands, str) else commands
        if not isinstance(commands, list) or not all(isinstance(one, str) for one in commands):
            self._fail(f"cmd of {what} must be text or a list of texts")
        wdir = tree.get("wdir", ".")
        if not isinstance(wdir, str):
            self._fail(f"wdir of {what} must be a path")
        params = self._map(tree.get("params"), f"params of {what}")
        locked = LockedStage(
            commands=tuple(commands),
            wdir=self._path(wdir, f"wdir of {what}", only_read=True),
            deps=self._artifacts(tree.get("deps"), f"deps of {what}", only_read=True),
            params={
                self._path(file, f"params of {what}", only_read=True): self._map(
                    flat, f"{file!r} in params of {what}"
                )
                for file, flat in params.items()
            },
            outs=self._artifacts(tree.get("outs"), f"outs of {what}"),
        )
        return locked if self._mixed or tree.get("seal") == _seal(locked, self._prefix) else None

    def _artifacts(self, value: Value, what: str, *, only_read: bool = False) -> tuple[Artifact, ...]:
        found = [self._artifact(path, each, what, only_read) for path, each in self._map(value, what).items()]
        return tuple(found)

    def _artifact(self, path: str, value: Value, what: str, only_read: bool) -> Artifact:
        of = f"{path!r} in {what}"
        tree = self._map(value, of)
        self._known(tree, {"hash", "size", "files", "executable"}, of)
        hash_, size, files = tree.get("hash"), tree.get("size"), tree.get("files")
        match = _HASH.fullmatch(hash_) if isinstance(hash_, str) else None
        if match is None:
            self._fail(f"{of} has no hash that could be one")
        if not _is_count(size) or not (files is None or _is_count(files)):
            self._fail(f"the size of {of} is no number that could be one")
        if (files is not None) != (match[1] is not None):
            self._fail(f"{of} is a folder by its hash and not by what else is said, or the other way")
        executable = tree.get("executable", False)
        if not isinstance(executable, bool):
            self._fail(f"executable of {of} must be true or false")
        return Artifact(self._path(path, what, only_read=only_read), match[0], size, files, executable)

    def _path(self, path: str, what: str, *, only_read: bool = False) -> str:
        """Return a path of the file relative to the root, "" for that; only at its start may it go up.

        What is `only_read` may be the root, or have a name that not every system takes.
        """
        full = posixpath.normpath(posixpath.join(self._prefix, path))
        why = None
        if path.startswith("/") or full == ".." or full.startswith("../"):
            why = "leads out of the repository"
        elif posixpath.relpath(full, self._prefix or ".") != path:
            why = "is not written in the shortest way"
        elif _CONTROL.search(path) or len(path) > _MAX_PATH:
            why = "has a control character in it, or is too long"
        elif not only_read:
            why = paths.fault(full)
        if why is not None:
            self._fail(f"the path {path!r} in {what} {why}")
        return "" if full == "." else full


def _is_count(value: Value) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 63
