"""The files of an experiment for an export: logged by the run, results of the run, data.

Content is read in pieces: from Git, or from the object store. Content missing here is fetched from the data
remote of the project.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.result_files import ResultRules
from gitexp.datasets import run_artifacts, sync
from gitexp.datasets.wanted import lock_at
from gitexp.folders import make_folder
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.objects.store import ObjectStore, damaged
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS
from gitexp.repo.git import trees
from gitexp.repo.git.values import LARGEST, TreeEntry

_PIECE = 1 << 20  # bytes
_FILES = ("100644", "100755")  # the modes of plain files in a tree
_EXECUTABLE = "100755"


class FileOfRun(NamedTuple):
    """A file whose content is here.

    Attributes:
        path: of a logged file the name among the artifacts; else the path from the root of the repository.
        size: bytes.
        blob: id of the content in Git; "" for a file in the object store.
        hash: SHA-256 of the content in the object store; "" for a file in Git.
        executable: the mode of the file.
    """

    path: str
    size: int
    blob: str = ""
    hash: str = ""
    executable: bool = False


class DataSet(NamedTuple):
    """A file or folder of `gitexp add`.

    Attributes:
        path: the path from the root of the repository.
        hash: the hash of the file, or of the folder's manifest.
        is_folder: whether it is a folder.
        files: its files here, with paths relative to the folder; of a file its name.
    """

    path: str
    hash: str
    is_folder: bool
    files: Sequence[FileOfRun]


class FoundFiles(NamedTuple):
    """The files of one kind of an experiment.

    Attributes:
        files: the files whose content is here, by path.
        remarks: a sentence for each file that was left out.
    """

    files: Sequence[FileOfRun]
    remarks: Sequence[str] = ()


class FilesOfRun:
    """Finds the files of one experiment."""

    def __init__(self, project: Project, experiment: Experiment, rules: ResultRules) -> None:
        """`rules` say which files runs write."""
        self._project = project
        self._experiment = experiment
        self._rules = rules
        self._lock = lock_path(project.config.folder)  # gitexp's own notes are no result

    def logged(self) -> FoundFiles:
        """The files logged by the run, such as figures and models."""
        if not sources.is_own(self._experiment) or not self._has_logged():
            return FoundFiles(())
        small, large = [], []
        for each in run_artifacts.of(self._project, self._experiment):
            if each.stored is None:
                small.append(FileOfRun(each.name, each.size, blob=each.blob))
            else:
                large.append(each.stored)
        return self._together(small, large)

    def logged_names(self) -> list[str]:
        """The names of the files and folders logged by the run, whether their content is here or not."""
        if not sources.is_own(self._experiment):
            return []
        return [each.name for each in run_artifacts.of(self._project, self._experiment)]

    def _has_logged(self) -> bool:
        return self._project.repo.ids_of([f"{self._experiment.id}:{ARTIFACTS}"]) != [None]

    def results(self) -> FoundFiles:
        """The results of the run: outputs of stages and large results, and small results in Git."""
        outs = [each for each in self._locked.artifacts if each.path not in self._locked.data]
        in_tree = self._entries(self._result_paths - {self._lock})
        return self._together(in_git(self._project, in_tree), outs)

    def data(self) -> FoundFiles:
        """The data of `gitexp add`, as it was for the run."""
        return self._together([], list(self._locked.data.values()))

    def data_sets(self) -> tuple[list[DataSet], list[str]]:
        """The same data, file by file and folder by folder; and a sentence for each that is not here."""
        found, remarks = list[DataSet](), list[str]()
        for each in self._locked.data.values():
            of_one = self._together([], [each])
            remarks += of_one.remarks
            top = each.path if each.is_folder else posixpath.dirname(each.path)
            files = []
            for file in of_one.files:
                files.append(file._replace(path=posixpath.relpath(file.path, top or ".")))
            found.append(DataSet(each.path, each.hash, each.is_folder, files))
        return found, remarks

    @cached_property
    def _locked(self) -> Lock:
        return lock_at(self._project, lookup.Point(self._experiment, {}, {}))

    def changed_code(self) -> FoundFiles:
        """The files that differ from the baseline and are no results: code, and params files."""
        return FoundFiles(in_git(self._project, self._entries(self.code_paths)), self._without_baseline)

    @cached_property
    def code_paths(self) -> list[str]:
        """The paths that differ from the baseline and are no results, those without a file now too."""
        return [path for path in self._differing if path not in self._result_paths and path != self._lock]

    @cached_property
    def _result_paths(self) -> set[str]:
        return self._rules.among(self._differing, self._experiment.record.metrics)

    @cached_property
    def _differing(self) -> list[str]:
        record = self._experiment.record
        if self._without_baseline:
            return []
        return trees.differing(self._project.repo, record.baseline, record.commit)

    @cached_property
    def _without_baseline(self) -> list[str]:
        """A sentence if a commit is not here: its history was rewritten, or is shallow."""
        record = self._experiment.record
        places = [f"{record.baseline}^{{tree}}", f"{record.commit}^{{tree}}"]
        if None not in self._project.repo.ids_of(places):
            return []
        name = self._experiment.name
        return [f"{name}: its code is left out, because the commit that it was made from is not here"]

    def _entries(self, paths: Collection[str]) -> dict[str, TreeEntry]:
        """The entries of the experiment's commit at some paths; other folders are not read."""
        wanted, folders = set(paths), set[str]()
        for path in paths:
            while "/" in path:
                path = path.rpartition("/")[0]
                folders.add(path)

        def is_wanted(path: str, is_folder: bool) -> bool:
            return path in folders if is_folder else path in wanted

        return trees.leaves(self._project.repo, self._experiment.record.commit, is_wanted)

    def _together(self, files: Iterable[FileOfRun], artifacts: Sequence[Artifact]) -> FoundFiles:
        found, remarks = _in_store(self._project, artifacts)
        known = {each.path for each in found}
        every = [*found, *(each for each in files if each.path not in known)]
        named = [f"{self._experiment.name}: {remark}" for remark in remarks]
        return FoundFiles(sorted(every), named)


def code_at(project: Project, commit: str) -> list[FileOfRun]:
    """The plain files of a commit, without links and submodules, by path."""
    return in_git(project, trees.leaves(project.repo, commit, lambda path, is_folder: True))


def in_git(project: Project, entries: Mapping[str, TreeEntry]) -> list[FileOfRun]:
    """The plain files among entries of a tree; links and submodules have no content."""
    plain = {path: entry for path, entry in entries.items() if entry.mode in _FILES}
    objects = project.repo.find_objects([entry.id for entry in plain.values()])
    found = []
    for (path, entry), blob in zip(plain.items(), objects, strict=True):
        if blob is not None:
            found.append(FileOfRun(path, blob.size, entry.id, executable=entry.mode == _EXECUTABLE))
    return found


def _in_store(project: Project, artifacts: Sequence[Artifact]) -> tuple[list[FileOfRun], list[str]]:
    """The files of artifacts in the object store, fetched if need be; and sentences about missing ones."""
    if not artifacts:
        return [], []
    failed = sync.fetch(project, sync.sizes_of(artifacts))
    store = ObjectStore(project.local.objects)
    found, remarks = list[FileOfRun](), list[str]()
    for each in artifacts:
        if each.hash in failed:
            remarks.append(f"{each.path} is left out: {failed[each.hash].message}")
        elif each.is_folder:
            for file in store.manifest(each.hash).files:
                if not file.link:
                    path = f"{each.path}/{file.path}"
                    found.append(FileOfRun(path, file.size, hash=file.hash, executable=file.executable))
        else:
            found.append(FileOfRun(each.path, each.size, hash=each.hash, executable=each.executable))
    return found, remarks


# -- content ------------------------------------------------------------------------------------------


def is_whole(project: Project, file: FileOfRun) -> bool:
    """Whether the content of a file can be read, and is not damaged."""
    return not file.hash or ObjectStore(project.local.objects).verify(file.hash)


def pieces(project: Project, file: FileOfRun) -> Iterator[bytes]:
    """Yield the content of a file. Raises DamagedObject at the end of damaged content, OSError, GitFailed."""
    if file.hash:
        yield from _object_pieces(ObjectStore(project.local.objects), file.hash)
    elif file.size > LARGEST:
        yield from project.repo.blob_pieces(file.blob)
    else:
        (content,) = project.repo.read_blobs([file.blob])
        if content is None:
            raise errors.MissingData(f"{file.path} is not in the repository.", paths=[file.path])
        yield content


def _object_pieces(store: ObjectStore, hash_: str) -> Iterator[bytes]:
    counted = hashlib.sha256()
    with store.opened(hash_) as fd, os.fdopen(os.dup(fd), "rb") as content:
        while piece := content.read(_PIECE):
            counted.update(piece)
            yield piece
    if counted.hexdigest() != hash_:
        raise damaged(hash_)


def copy(project: Project, file: FileOfRun, target: Path) -> None:
    """Write a new file with the content of a stored one; the folders above are made.

    Raises FileExistsError, OSError, DamagedObject.
    """
    make_folder(target.parent)
    with target.open("xb") as new:
        for piece in pieces(project, file):
            new.write(piece)
    if file.executable:
        target.chmod(target.stat().st_mode | 0o111)
