"""What a project takes over from DVC at `gitexp init`: stages that need no run, and the data of `.dvc` files.

Content is not copied as long as DVC's cache has it. DVC's own files stay as they are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.datasets import add, dvc_named, lock_file
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.failpoints import failpoint
from gitexp.files import parse
from gitexp.files.dvc_lock import DvcEntry
from gitexp.files.dvc_yaml import DVC_YAML, as_map
from gitexp.files.limits import read_if_there
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import md5, paths
from gitexp.objects.hashing import in_parallel
from gitexp.objects.md5 import BothHashes
from gitexp.objects.scan import ScannedFile, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import LOCK_FILE, Lock, LockedStage
from gitexp.pipeline.stage import Pipeline
from gitexp.project import init as project_init
from gitexp.project.config import CONFIG_FILE
from gitexp.project.ignore import IGNORE_FILE
from gitexp.project.init import After, Ask, Found
from gitexp.project.project import Project, read
from gitexp.project.tools import dvc_cache
from gitexp.repo.git import indexes
from gitexp.stages import dvc_runs
from gitexp.stages.dvc_content import WorkspaceContent
from gitexp.stages.dvc_runs import DvcRuns
from gitexp.stages.stage_data import StageData

_DATA_SET = "dataset"  # the type of an artifact that is no result


class Adopted(NamedTuple):
    """The result of an adoption.

    Attributes:
        data: the paths of data from `.dvc` files.
        stages: the names of stages whose run in dvc.lock is in gitexp.lock now.
        warnings: a sentence for each omission.
    """

    data: Sequence[str] = ()
    stages: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.data or self.stages or self.warnings)


def init(
    here: Path, *, command: str | None, force: bool, ask: Ask | None, dry_run: bool
) -> tuple[Found, Adopted]:
    """Write gitexp.yaml into the folder `here`, and take over what DVC has; the findings of both.

    One `gitexp undo` takes both back. Raises like `gitexp.project.init.init` and `adopt`.
    """
    adopted = list[Adopted]()

    def run() -> None:
        adopted.append(adopt(Project.open(here)._replace(dry_run=dry_run)))

    project = Project.open(here, any_config=True)
    folder = here.resolve().relative_to(project.repo.root.resolve()).as_posix().removeprefix(".")
    after = None
    if dvc_cache.has_dvc(project.repo.root, folder):
        after = After(_files_of(folder), run)
    found = project_init.init(here, command=command, force=force, ask=ask, dry_run=dry_run, after=after)
    if dry_run and after is not None:
        run()
    return found, next(iter(adopted), Adopted())


def _files_of(folder: str) -> list[str]:
    """The paths of the files that `adopt` may write, from the root."""
    names = [posixpath.join(folder, name) for name in (CONFIG_FILE, LOCK_FILE, IGNORE_FILE)]
    return [*names, IGNORE_FILE]


def adopt(project: Project) -> Adopted:
    """Take over stages and data, into gitexp.lock and gitexp.yaml.

    Entries of an existing gitexp.lock stay. Raises ParseError, ConfigError and LockError; DiskFull or
    StorageError.
    """
    objects = DvcObjects(project, keeps=not project.dry_run)
    if not objects.is_used:
        return Adopted()
    with StatCache(project.local.stat_cache) as cache:
        adoption = _Adoption(project, objects, cache)
        data, stages = adoption.data(), adoption.stages()
    if not project.dry_run and (data or stages):
        project.local.prepare()
        failpoint("adopt:read")
        add.write_down(project, data)

        def new(lock: Lock) -> Lock:
            for name, stage in stages.items():
                if name not in lock.stages:
                    lock = lock.with_stage(name, stage)
            return lock

        lock_file.change(project.repo.root, project.config, project.local, new)
        failpoint("adopt:written")
    said = dict.fromkeys([*adoption.complaints, *objects.complaints])
    return Adopted([each.path for each in data], list(stages), tuple(said))


class _Adoption:
    """An adoption in progress. `complaints` are sentences about what is left out."""

    def __init__(self, project: Project, objects: DvcObjects, cache: StatCache) -> None:
        self._project = project
        self._root = project.repo.root
        self._objects = objects
        self._cache = cache
        root = self._root
        self._standing = StageData(root, cache, lambda name: read(root / name), project.repo.has_modes)
        self._pipeline = project.pipeline() or Pipeline("")
        self.complaints: list[str] = []

    def stages(self) -> dict[str, LockedStage]:
        """The runs of stages in dvc.lock, also of stages that have changed since."""
        runs = dvc_runs.beside(self._root, self._project.config.folder, self._standing, self._objects)
        if runs is None:
            return {}
        paths_read = list[str]()
        for stage in self._pipeline.stages:
            paths_read += [*stage.out_paths, *stage.deps]
        self._read_once(paths_read)
        found = {}
        for stage in self._pipeline.stages:
            run = self._run_of(runs, stage.name)
            if run is not None:
                found[stage.name] = run
        self.complaints += runs.complaints
        return found

    def _run_of(self, runs: DvcRuns, name: str) -> LockedStage | None:
        stage = next(each for each in self._pipeline.stages if each.name == name)
        try:
            return runs.run_of(stage)
        except errors.DataError as error:
            self.complaints.append(f"{name}: not taken over: {error.message}")
            return None

    def data(self) -> list[Artifact]:
        """The data of `.dvc` files that is here, in the workspace or in DVC's cache."""
        pointed = dvc_named.pointed(self._project)
        self.complaints += pointed.complaints
        entries = self._fit(pointed.entries)
        self._read_once(entry.path for entry in entries)
        content = WorkspaceContent(self._root, self._standing, self._objects)
        found = list[Artifact]()
        for entry in entries:
            try:
                artifact = content.content_of(entry)
            except errors.DataError as error:
                self.complaints.append(f"{entry.path}: not taken over: {error.message}")
                continue
            if artifact is None:
                self.complaints.append(
                    f"{entry.path}: not here as its .dvc file says, nor in DVC's cache: "
                    "bring it (dvc pull), then: gitexp init --force"
                )
            else:
                found.append(artifact)
        return found

    def _fit(self, pointed: Mapping[str, Sequence[DvcEntry]]) -> list[DvcEntry]:
        """The entries that can be data of the project."""
        made = [*self._made(), *self._project.config.data]
        tracked = list(
            indexes.files(
                self._project.repo,
                self._project.repo.index,
                [entry.path for entries in pointed.values() for entry in entries],
            )
        )
        found = dict[str, DvcEntry]()
        for name, entries in pointed.items():
            for entry in entries:
                why = paths.fault(entry.path)
                if not entry.md5:
                    why = "has no MD5: DVC itself fetches it from where it is"
                elif paths.overlaps_any(entry.path, [*made, *found]):
                    continue  # a stage makes it, or it is data already
                elif paths.is_any_in(tracked, entry.path):
                    why = "is in Git too"
                if why is not None:
                    self.complaints.append(f"{name} is not taken over: {entry.path} {why}")
                else:
                    found[entry.path] = entry
        return list(found.values())

    def _made(self) -> list[str]:
        """The paths that runs write: outs of stages, and models that dvc.yaml calls artifacts.

        A logger writes a `.dvc` file for such a model, anew in each run.
        """
        found, read = list[str](), list[str]()
        for stage in self._pipeline.stages:
            found += stage.out_paths
            read += stage.deps
        folder = self._project.config.folder
        try:
            text = read_if_there(self._root / folder / DVC_YAML) or b""
            artifacts = as_map(parse(DVC_YAML, text).get("artifacts"))
        except (OSError, errors.FileError):
            return found
        for artifact in map(as_map, artifacts.values()):
            path = artifact.get("path")
            if isinstance(path, str) and artifact.get("type") != _DATA_SET:
                path = posixpath.normpath(posixpath.join(folder, path))
                if not paths.overlaps_any(path, read):
                    found.append(path)
        return found

    def _read_once(self, names: Iterable[str]) -> None:
        """Read the unknown files at some paths for both hashes at once, not for one after the other."""
        unknown = dict[str, ScannedFile]()
        for path in dict.fromkeys(names):
            try:
                walked = walk(self._root, path, self._cache, strict=False, left_out={})
            except (OSError, errors.GitexpError):
                continue  # told of by whoever reads it next
            for found in walked.files if walked is not None else ():
                if found.target is None and (found.hash is None or not self._objects.md5s(found.hash)):
                    unknown[found.full] = found
        files = list(unknown)
        size = sum(found.stat.st_size for found in unknown.values())
        for full, both in zip(files, in_parallel(_both, files, size), strict=True):
            if both is not None:
                self._cache.put(full, both.read)
                self._objects.note([both])


def _both(full: str) -> BothHashes | None:
    try:
        return md5.read_both(Path(full))
    except (OSError, errors.UnstorableData):
        return None
