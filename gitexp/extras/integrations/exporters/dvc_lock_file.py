"""The dvc.lock of an experiment, from its gitexp.lock: DVC finds outs by it, and knows what is up to date."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitexp import errors, files
from gitexp.datasets.sync import fetch
from gitexp.extras.integrations.importers.from_dvc.dvc_trees import CommitTrees
from gitexp.failpoints import failpoint
from gitexp.files.dvc_yaml import DVC_LOCK, DVC_YAML
from gitexp.files.formats.yaml_write import flow_text, key_text
from gitexp.files.keys import get, parse_key, resolve
from gitexp.folders import make_folder
from gitexp.model import MISSING, Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import md5 as md5s
from gitexp.objects.md5 import BothHashes
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.read import read as read_pipeline
from gitexp.pipeline.stage import Pipeline, Stage
from gitexp.project.project import Project
from gitexp.project.tools import dvc_cache
from gitexp.repo.git.values import TreeEntry

_READ_ONLY = 0o444


class MadeDvcLock(NamedTuple):
    """A dvc.lock.

    Attributes:
        text: the text of the file.
        moved: the files of the experiment that are in DVC's cache now, and not in Git for DVC.
    """

    text: bytes
    moved: tuple[str, ...]


class DvcLockWriter:
    """Writes the dvc.lock of experiments, and puts the content of their outs into DVC's cache.

    Attributes:
        remarks: a sentence for each omission.
    """

    def __init__(self, project: Project, trees: CommitTrees) -> None:
        self._project = project
        self._trees = trees
        self._store = ObjectStore(project.local.objects)
        self._cache = dvc_cache.cache_to_write(project.repo.root, project.config.folder)
        self._known: dict[str, str] = {}
        self._cached: Collection[str] = ()
        self._moved: list[str] = []
        self.remarks: list[str] = []

    def lock_of(self, name: str, commit: str, lock: Lock, cached: Collection[str]) -> MadeDvcLock | None:
        """The dvc.lock of the experiment `name`; None without stages of a dvc.yaml whose content is here.

        `cached` are metrics and plots that DVC has in its cache, and not in Git.
        """
        pipeline = self._pipeline(commit)
        self._cached, self._moved = cached, []
        stages: dict[str, Any] = {}
        for stage in pipeline.stages:
            locked = lock.stages.get(stage.name)
            if locked is None:
                continue
            try:
                stages[stage.name] = self._stage(commit, stage, locked)
            except (errors.DataError, errors.FileError) as error:  # a full disk ends the export
                lacks = f"{name}: its dvc.lock lacks the stage {stage.name}"
                self.remarks.append(f"{lacks}, for content is not here: {error.message}")
        if not stages:
            return None
        text = "\n".join(["schema: '2.0'", "stages:", *_block(stages, "  ")])
        return MadeDvcLock(f"{text}\n".encode(), tuple(self._moved))

    def _pipeline(self, commit: str) -> Pipeline:
        folder = self._project.config.folder
        name = posixpath.join(folder, DVC_YAML)
        data = self._trees.read(commit, name)
        if data is None:
            return Pipeline(name)
        try:
            return read_pipeline(name, data, folder, lambda file: self._trees.read(commit, file))
        except errors.FileError:
            return Pipeline(name)

    def _stage(self, commit: str, stage: Stage, locked: LockedStage) -> dict[str, Any]:
        command: Any = list(locked.commands)
        if len(command) == 1:
            (command,) = command
        found: dict[str, Any] = {"cmd": command}
        if locked.deps:
            found["deps"] = [self._entry(commit, stage, each, is_out=False) for each in locked.deps]
        if stage.params:
            found["params"] = self._params(commit, stage)
        if locked.outs:
            found["outs"] = [self._entry(commit, stage, each, is_out=True) for each in locked.outs]
        return found

    def _params(self, commit: str, stage: Stage) -> dict[str, Any]:
        """The values as DVC writes them: those of the keys that the stage names."""
        found: dict[str, Any] = {}
        for wanted in stage.params:
            tree = files.parse(wanted.file, self._trees.read(commit, wanted.file) or b"")
            values: dict[str, Any] = {}
            for key in wanted.keys or ():
                value = get(tree, resolve(tree, parse_key(key)))
                if value is not MISSING:
                    values[key] = value
            if wanted.keys is None:
                values = dict(tree)
            found.setdefault(_relative(wanted.file, stage), {}).update(values)
        return found

    def _entry(self, commit: str, stage: Stage, artifact: Artifact, *, is_out: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {"path": _relative(artifact.path, stage), "hash": "md5"}
        in_git = self._in_git(commit, artifact)
        if is_out and artifact.path in self._cached and in_git is not None:
            self._moved += self._move(commit, artifact.path)
        if in_git is not None:
            entry |= {"md5": in_git, "size": artifact.size}
        elif artifact.is_folder:
            entry |= {"md5": self._folder(artifact), "size": artifact.size, "nfiles": artifact.files}
        else:
            entry |= {"md5": self._md5(artifact.hash, artifact.size), "size": artifact.size}
        if is_out and artifact.executable:
            entry["isexec"] = True
        return entry

    # -- MD5s -------------------------------------------------------------------------------------

    def _in_git(self, commit: str, artifact: Artifact) -> str | None:
        """The MD5 of a file or folder that the experiment has in Git with the content of an artifact."""
        entry = self._trees.find(commit, artifact.path)
        if entry is None:
            return None
        if entry.kind != "tree":
            known = self._trees.hashes(entry)
            return known.md5 if known is not None and known.hash == artifact.hash else None
        listed = []
        for path, file in self._trees.files(entry):
            known = self._trees.hashes(file)
            if known is None:
                return None
            listed.append((path, known.md5))
        if len(listed) != artifact.files:
            return None
        return md5s.of_folder(listed)

    def _move(self, commit: str, path: str) -> Iterator[str]:
        """Yield the files of an out of DVC's cache that the experiment has in Git, now in the cache too."""
        entry = self._trees.find(commit, path)
        if entry is None:
            return
        if entry.kind != "tree":
            self._put_entry(entry)
            yield path
            return
        listed = []
        for name, file in self._trees.files(entry):
            known = self._trees.hashes(file)
            if known is not None:
                listed.append((name, known.md5))
                self._put_entry(file)
                yield f"{path}/{name}"
        text = md5s.folder_list(listed)
        self._put(md5s.of_bytes(text) + ".dir", text)

    def _put_entry(self, entry: TreeEntry) -> None:
        content, known = self._trees.content(entry), self._trees.hashes(entry)
        if content is not None and known is not None:
            self._put(known.md5, content)

    def _folder(self, artifact: Artifact) -> str:
        """The MD5 of a folder, whose list and files DVC's cache has afterwards."""
        self._bring(artifact.hash)
        manifest = self._store.manifest(artifact.hash)
        entries = []
        for file in manifest.files:
            entries.append((file.path, self._md5(file.hash, file.size)))
        text = md5s.folder_list(entries)
        name = md5s.of_bytes(text) + ".dir"
        self._put(name, text)
        return name

    def _md5(self, hash_: str, size: int) -> str:
        """The MD5 of a file, which DVC's cache has afterwards. Raises MissingData."""
        if hash_ not in self._known:
            self._bring(hash_)
            with self._store.opened(hash_):  # no link stands there
                both: BothHashes = md5s.read_both(self._store.path(hash_))
            if both.read.hash != hash_:
                raise errors.DamagedObject(f"the object {hash_} is damaged", "gitexp fsck", hash=hash_)
            self._put(both.md5, self._store.path(hash_))
            self._known[hash_] = both.md5
        return self._known[hash_]

    def _bring(self, hash_: str) -> None:
        for error in fetch(self._project, [hash_]).values():
            raise errors.MissingData(error.message.rstrip("."), error.hint)

    def _put(self, name: str, content: bytes | Path) -> None:
        """Put a file into DVC's cache unless it is there: whole or not at all, and read-only."""
        target = self._cache / name[:2] / name[2:]
        if os.path.lexists(target) or self._project.dry_run:
            return
        make_folder(target.parent)
        temporary = target.with_name(f"{target.name}.{os.urandom(4).hex()}")
        try:
            with temporary.open("xb") as writing:
                for piece in _pieces(content):
                    writing.write(piece)
                writing.flush()
                os.fsync(writing.fileno())
            temporary.chmod(_READ_ONLY)
            failpoint("export:cached")
            temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _block(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield the lines of a map in YAML, in the layout that DVC gives a dvc.lock."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield f"{indent}{key_text(key)}:"
            yield from _block(item, f"{indent}  ")
        elif isinstance(item, list) and item:
            yield f"{indent}{key_text(key)}:"
            for each in item:
                yield from _item(each, indent)
        else:
            yield f"{indent}{key_text(key)}: {flow_text(item)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    if not isinstance(item, Mapping) or not item:
        yield f"{indent}- {flow_text(item)}"
        return
    first, *others = _block(item, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}"
    yield from others


def _relative(path: str, stage: Stage) -> str:
    """A path as it stands in dvc.lock: from the folder of the stage."""
    return posixpath.relpath(path, stage.wdir or ".")


def lock_name(folder: str) -> str:
    """The path of the dvc.lock of a project."""
    return posixpath.join(folder, DVC_LOCK)


def values_of(trees: Mapping[str, Any]) -> dict[str, Any]:
    """The values of several files in one tree; equal keys stand below the names of their files."""
    found: dict[str, Any] = {}
    for name, tree in trees.items():
        if set(tree) & set(found):
            found[name] = dict(tree)
        else:
            found.update(tree)
    return found
