"""The gitexp.lock of a commit of DVC's: the data and outs that its `dvc.lock` and `.dvc` files name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.extras.integrations.importers.from_dvc.dvc_trees import CommitTrees
from gitexp.files.dvc_lock import DvcEntry, read_pointer, read_stages
from gitexp.files.dvc_yaml import DVC_LOCK, DVC_YAML, is_templated
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import md5, paths
from gitexp.objects.manifest import File, Manifest
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.read import read as read_pipeline
from gitexp.pipeline.stage import Pipeline
from gitexp.repo.git.values import TreeEntry
from gitexp.stages.dvc_runs import DvcRuns

_EXECUTABLE = "100755"


class MadeLock(NamedTuple):
    """A lock, and a sentence for each omission."""

    lock: Lock
    remarks: tuple[str, ...]


class DvcLocks:
    """Makes the locks of commits; content comes from Git and from DVC's caches."""

    def __init__(self, trees: CommitTrees, objects: DvcObjects, folder: str) -> None:
        self._trees = trees
        self._objects = objects
        self._folder = folder
        self._pipelines: dict[str, Pipeline] = {}

    def of(self, commit: str) -> MadeLock:
        """The lock of a commit."""
        content = _CommitContent(self._trees, self._objects, commit)
        remarks = list[str]()
        lock = Lock().with_data(list(self._data(commit, content, remarks)))
        pipeline = self._pipeline(commit, remarks)
        name = posixpath.join(self._folder, DVC_LOCK)
        runs = DvcRuns(name, lambda: self._trees.read(commit, name), content)
        for stage in pipeline.stages:
            run = runs.run_of(stage)
            if run is not None:
                lock = lock.with_stage(stage.name, run)
        return MadeLock(lock, tuple(dict.fromkeys([*remarks, *runs.complaints])))

    def absent(self, commit: str) -> int:
        """The number of data and outs of a commit that are not here."""
        named = [entry for entry in self._named(commit) if entry.md5]
        return sum(not (self._trees.find(commit, each.path) or self._objects.is_here(each)) for each in named)

    def _named(self, commit: str) -> Iterator[DvcEntry]:
        for name in self._trees.pointers(commit):
            try:
                yield from read_pointer(name, self._trees.read(commit, name) or b"")
            except errors.FileError:
                continue
        name = posixpath.join(self._folder, DVC_LOCK)
        try:
            stages = read_stages(name, self._trees.read(commit, name) or b"")
            for stage in stages.values():
                yield from stage.read(self._folder)[1].values()
        except errors.FileError:
            return

    def _data(self, commit: str, content: _CommitContent, remarks: list[str]) -> Iterator[Artifact]:
        taken = list[str]()
        for name in self._trees.pointers(commit):
            try:
                entries = read_pointer(name, self._trees.read(commit, name) or b"")
            except errors.FileError as error:
                remarks.append(f"not used: {error.message}")
                continue
            for entry in entries:
                if paths.fault(entry.path) is not None or paths.overlaps_any(entry.path, taken):
                    remarks.append(f"{name} is not taken over: {entry.path} cannot be data beside the others")
                elif (found := content.content_of(entry)) is None:
                    remarks.append(f"data that is not here, nor in DVC's cache: {entry.path}")
                else:
                    taken.append(entry.path)
                    yield found

    def _pipeline(self, commit: str, remarks: list[str]) -> Pipeline:
        name = posixpath.join(self._folder, DVC_YAML)
        entry = self._trees.find(commit, name)
        if entry is None or (data := self._trees.content(entry)) is None:
            return Pipeline(name)
        if entry.id not in self._pipelines:
            try:
                pipeline = read_pipeline(
                    name, data, self._folder, lambda file: self._trees.read(commit, file)
                )
            except errors.FileError as error:
                remarks.append(f"its stages are not taken over: {error.message}")
                return Pipeline(name)
            if is_templated(data):  # its variables are in other files
                return pipeline
            self._pipelines[entry.id] = pipeline
        return self._pipelines[entry.id]


class _CommitContent:
    """What the entries of DVC's files mean in a commit: its own files, and behind them DVC's caches."""

    def __init__(self, trees: CommitTrees, objects: DvcObjects, commit: str) -> None:
        self._trees = trees
        self._objects = objects
        self._commit = commit

    def content_of(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an out or of data; None without the content."""
        found = self._in_git(entry)
        if found is None:
            return self._objects.artifact(entry)
        self._keep(found)
        return found

    def dep(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an input; None without the content."""
        return self._in_git(entry) or self._objects.artifact(entry)

    def _keep(self, artifact: Artifact) -> None:
        """Store an out that is in Git: it is small, and DVC's cache need not have it."""
        entry = self._trees.find(self._commit, artifact.path)
        assert entry is not None  # it was found there
        files = [("", entry)]
        if entry.kind == "tree":
            files = list(self._trees.files(entry))
            listed = [self._file(path, file) for path, file in files]
            self._objects.keep_list(Manifest.of(each for each in listed if each is not None))
        for _, file in files:
            content = self._trees.content(file)
            if content is not None:
                self._objects.keep_content(content)

    def _file(self, path: str, entry: TreeEntry) -> File | None:
        known = self._trees.hashes(entry)
        if known is None:
            return None
        return File(path, known.hash, known.size, entry.mode == _EXECUTABLE)

    def _in_git(self, entry: DvcEntry) -> Artifact | None:
        """The artifact in the commit if it has the MD5 of an entry."""
        found = self._trees.find(self._commit, entry.path)
        if found is None or not entry.md5:
            return None
        if found.kind != "tree":
            known = self._trees.hashes(found)
            if known is None or entry.md5 not in (known.md5, known.legacy):
                return None
            return Artifact(entry.path, known.hash, known.size, executable=found.mode == _EXECUTABLE)
        files, listed = list[File](), list[tuple[str, str]]()
        for path, each in self._trees.files(found):
            known, file = self._trees.hashes(each), self._file(path, each)
            if known is None or file is None:
                return None
            listed.append((path, known.legacy if entry.legacy else known.md5))
            files.append(file)
        if md5.of_folder(listed) != entry.md5:
            return None
        manifest = Manifest.of(files)
        return Artifact(entry.path, manifest.hash, manifest.size, len(files))
