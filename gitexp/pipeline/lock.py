"""`gitexp.lock`: the inputs and outputs of each stage at its last run, added data, and a command's results
too large for Git.

The file stands in the project's folder, and its paths are relative to the folder; in memory all paths are
relative to the root of the repository. The order is fixed and each entry has a line of its own, so that a
merge of two branches touches only lines that both have changed. A seal in each stage betrays a mixture of
two runs. docs/format.md is the contract.

A lock may come from a stranger, and gitexp writes files at its paths: so it is read strictly.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NoReturn, TypeGuard

from gitexp import errors
from gitexp.files.formats.yaml_text import compose
from gitexp.files.formats.yaml_write import flow_text, key_text
from gitexp.files.limits import check_tree, decode
from gitexp.files.nodes import plain
from gitexp.files.scalars import is_text
from gitexp.model import Artifact, Flat, Value, by_path, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects import paths
from gitexp.pipeline.paths import LOCK_FILE as LOCK_FILE
from gitexp.pipeline.paths import without_dot
from gitexp.regex import regex

_FORMAT = 1
_SEAL = 16  # hexadecimal digits
MAX_BYTES = 16 << 20
_MAX_VALUES = 100_000
_MAX_PATH = 4096  # no system takes more
_MAX_KEY = 1000  # characters; YAML takes a longer one only behind a question mark
_CONTROL = regex("[\x00-\x1f\x7f]")
_HASH = regex(r"[0-9a-f]{64}(\.dir)?")
_CONFLICT = regex(rb"^(?:<{7}|={7}|>{7}|\|{7})(?:[ \r\n]|$)", re.MULTILINE)
_HEAD = "# Written by gitexp, to be committed. Where a merge stops here, take either side, then: gitexp run\n"


class LockedStage(NamedTuple):
    """One stage as it ran. All paths are relative to the root.

    Attributes:
        commands: shell lines.
        wdir: folder of the commands; "" for the root.
        deps: inputs.
        params: flat values by file.
        outs: outputs.
    """

    commands: tuple[str, ...]
    wdir: str = ""
    deps: tuple[Artifact, ...] = ()
    params: Mapping[str, Flat] = {}
    outs: tuple[Artifact, ...] = ()


class Lock(NamedTuple):
    """The whole file.

    Attributes:
        stages: stages by name.
        data: added data by path.
        outs: large results of a command by path.
    """

    stages: Mapping[str, LockedStage] = {}
    data: Mapping[str, Artifact] = {}
    outs: Mapping[str, Artifact] = {}

    @property
    def artifacts(self) -> list[Artifact]:
        """All artifacts that a store must have: data and outs, not deps."""
        found = [*self.data.values(), *self.outs.values()]
        for stage in self.stages.values():
            found += stage.outs
        return found

    def with_stage(self, name: str, stage: LockedStage) -> Lock:
        """The lock with this stage, without older entries at the same paths."""
        lock = self._without(stage.outs, but=name)
        return lock._replace(stages={**lock.stages, name: stage})

    def with_data(self, artifacts: Sequence[Artifact]) -> Lock:
        """The lock with this data, without older entries at the same paths."""
        lock = self._without(artifacts)
        return lock._replace(data={**lock.data, **by_path(artifacts)})

    def with_outs(self, artifacts: Sequence[Artifact]) -> Lock:
        """The lock with these large results alone, without older entries at the same paths."""
        lock = self._without(artifacts)
        return lock._replace(outs=by_path(artifacts))

    def _without(self, artifacts: Iterable[Artifact], but: str | None = None) -> Lock:
        """The lock without entries at the paths of these artifacts, except the stage `but`.

        An artifact may have come from another stage, or been data, when the lock was written.
        """
        taken = list(map(paths.folded, paths_of(artifacts)))

        def is_free(artifact: Artifact) -> bool:
            path = paths.folded(artifact.path)
            return not paths.overlaps_any(path, taken)

        def is_kept(name: str) -> bool:
            return name == but or all(map(is_free, self.stages[name].outs))

        stages = {name: self.stages[name] for name in filter(is_kept, self.stages)}
        data, outs = filter(is_free, self.data.values()), filter(is_free, self.outs.values())
        return Lock(stages, by_path(data), by_path(outs))


def read_lock(name: str, data: bytes, prefix: str = "", *, mixed: bool = False) -> Lock:
    """The lock in the text of a gitexp.lock.

    Args:
        name: path of the file, for errors.
        data: content of the file.
        prefix: folder of the project, from the root.
        mixed: keep a stage mixed from two runs by a merge. The stage counts as not run, but a search for
            all named data needs it.

    Raises LockError for text never written by gitexp: paths out of the repository or into Git's folder, bad
    hashes, two artifacts at one place, a merge's conflict.
    """
    return _LockReader(name, prefix, mixed=mixed).lock(data)


def write_lock(lock: Lock, prefix: str = "") -> bytes:
    """The text of a gitexp.lock in the folder `prefix`; equal locks have equal texts."""
    return LockWriter(prefix).text(lock)


class LockWriter:
    """Writes one lock after the other, as a run of stages does: each stage anew only if it has changed.

    Args:
        prefix: folder of the project, from the root.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._texts: dict[str, tuple[LockedStage, str]] = {}  # of each stage, by its name

    def text(self, lock: Lock) -> bytes:
        """The text of a gitexp.lock; equal locks have equal texts."""
        lines = [_HEAD, f"format: {_FORMAT}\n"]
        if lock.data:
            lines += ["data:\n", *_artifacts(lock.data.values(), "  ", self._prefix)]
        if lock.outs:
            lines += ["outs:\n", *_artifacts(lock.outs.values(), "  ", self._prefix)]
        if lock.stages:
            lines.append("stages:\n")
        lines += [self._stage(name, locked) for name, locked in sorted(lock.stages.items())]
        return "".join(lines).encode("utf-8")

    def _stage(self, name: str, locked: LockedStage) -> str:
        known = self._texts.get(name)
        if known is not None and known[0] is locked:  # equal ones may differ: 1 and 1.0
            return known[1]
        text = "".join(_stage(locked, self._prefix))
        text = f"  {key_text(name)}:\n{text}    seal: {_seal(text)}\n"
        self._texts[name] = (locked, text)
        return text


def check_lock(name: str, lock: Lock, prefix: str = "") -> None:
    """Raise LockError for a lock with paths that could not be read again.

    The check costs far less than writing and reading: a pipeline may have a thousand stages.
    """
    _LockReader(name, prefix, mixed=False).check(lock)


def _relative(path: str, prefix: str) -> str:
    return posixpath.relpath(path or ".", prefix or ".")


def _shown(path: str, prefix: str) -> str:
    return key_text(_relative(path, prefix))


def _entry(indent: str, key: str, value: str) -> str:
    if len(key) >= _MAX_KEY:
        key = f"? {key}\n{indent}"
    return f"{indent}{key}: {value}\n"


def _artifacts(found: Iterable[Artifact], indent: str, prefix: str) -> Iterator[str]:
    for artifact in sorted(found, key=lambda each: each.path):
        fields: dict[str, Value] = {"hash": artifact.hash, "size": artifact.size}
        if artifact.files is not None:
            fields["files"] = artifact.files
        if artifact.executable:
            fields["executable"] = True
        yield _entry(indent, _shown(artifact.path, prefix), flow_text(fields))


def _stage(locked: LockedStage, prefix: str) -> Iterator[str]:
    commands: Value = list(locked.commands)
    if len(commands) == 1:
        commands = commands[0]
    yield f"    cmd: {flow_text(commands)}\n"
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


def _seal(lines: str) -> str:
    """A hash over all lines of a stage.

    A merge may take some lines of one run and some of another, and so claim a result never computed. The hash
    does not fit the mixture.
    """
    return sha256(lines.encode()).hexdigest()[:_SEAL]


class _LockReader:
    """Reads one lock; every error names its file."""

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
        added = self._artifacts(tree.get("data"), "data")
        outs = self._artifacts(tree.get("outs"), "outs")
        stages = {}
        for name, value in self._map(tree.get("stages"), "stages").items():
            stage = self._stage(name, value)
            if stage is not None:
                stages[name] = stage
        lock = Lock(stages, by_path(added), by_path(outs))
        self._refuse_clashes(lock)
        return lock

    def check(self, lock: Lock) -> None:
        for artifact in lock.artifacts:
            self._path(_relative(artifact.path, self._prefix), "the lock")
        for stage in lock.stages.values():
            for path in (stage.wdir, *stage.params, *paths_of(stage.deps)):
                self._path(_relative(path, self._prefix), "the lock", only_read=True)
        self._refuse_clashes(lock)

    def _refuse_clashes(self, lock: Lock) -> None:
        found = paths_of(lock.artifacts)
        both = paths.clash(found)
        for path, count in Counter(found).items():
            if count > 1:
                both = path, path
        if both is not None:
            self._fail(f"{both[0]!r} and {both[1]!r} cannot both stand in one folder")

    def _fail(self, message: str, hint: str | None = None, *, line: int | None = None) -> NoReturn:
        raise errors.LockError(message, hint, file=self._name, line=line)

    def _tree(self, data: bytes) -> Mapping[str, Value]:
        try:
            root = compose(self._name, decode(self._name, data, MAX_BYTES), _MAX_VALUES)
            tree = root and plain(root)
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
        """A stage as it ran; None for a mixture of two runs."""
        what = f"the stage {name!r}"
        tree = self._map(value, what)
        self._known(tree, {"cmd", "wdir", "deps", "params", "outs", "seal"}, what)
        commands = tree.get("cmd")
        if isinstance(commands, str):
            commands = [commands]
        if not isinstance(commands, list) or not all(map(is_text, commands)):
            self._fail(f"cmd of {what} must be text or a list of texts")
        wdir = tree.get("wdir", ".")
        if not isinstance(wdir, str):
            self._fail(f"wdir of {what} must be a path")
        params = {}
        for file, flat in self._map(tree.get("params"), f"params of {what}").items():
            path = self._path(file, f"params of {what}", only_read=True)
            params[path] = self._map(flat, f"{file!r} in params of {what}")
        locked = LockedStage(
            commands=tuple(commands),
            wdir=self._path(wdir, f"wdir of {what}", only_read=True),
            deps=self._artifacts(tree.get("deps"), f"deps of {what}", only_read=True),
            params=params,
            outs=self._artifacts(tree.get("outs"), f"outs of {what}"),
        )
        if not self._mixed and tree.get("seal") != _seal("".join(_stage(locked, self._prefix))):
            return None
        return locked

    def _artifacts(self, value: Value, what: str, *, only_read: bool = False) -> tuple[Artifact, ...]:
        entries = self._map(value, what).items()
        return tuple(self._artifact(path, entry, what, only_read) for path, entry in entries)

    def _artifact(self, path: str, value: Value, what: str, only_read: bool) -> Artifact:
        of = f"{path!r} in {what}"
        tree = self._map(value, of)
        self._known(tree, {"hash", "size", "files", "executable"}, of)
        hash_, size, files = tree.get("hash"), tree.get("size"), tree.get("files")
        if not isinstance(hash_, str) or not _HASH.fullmatch(hash_):
            self._fail(f"{of} has no hash that could be one")
        if not _is_count(size) or not (files is None or _is_count(files)):
            self._fail(f"the size of {of} is no number that could be one")
        if (files is not None) != hash_.endswith(".dir"):
            self._fail(f"{of} is a folder by its hash and not by what else is said, or the other way")
        executable = tree.get("executable", False)
        if not isinstance(executable, bool):
            self._fail(f"executable of {of} must be true or false")
        return Artifact(self._path(path, what, only_read=only_read), hash_, size, files, executable)

    def _path(self, path: str, what: str, *, only_read: bool = False) -> str:
        """The path from the root, "" for the root itself; `..` may stand at the start of a path only.

        With `only_read`, the path may be the root, or have a name that some systems do not take.
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
        return without_dot(full)


def _is_count(value: Value) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 63
