"""The artifacts of runs and of logged models: where they stand, and how they get there.

A run that goes on has them in its folder, one that has ended in the tree of its record, large ones in the
object store. A logged model has its files among those of its run, below `mlflow-models/<id>/`; a model that
no run has logged has them in the tree of the shelf.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.extras.integrations.mlflow import late_additions
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.run_index import IndexedRun
from gitexp.extras.integrations.mlflow.runs import Runs
from gitexp.extras.integrations.mlflow.shelf import FILES, REF
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import fault
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git import trees
from gitexp.runs.logged_values import logged_artifacts
from gitexp.runs.logged_values.logged_artifacts import FOLDER

MODELS = "mlflow-models"  # among the artifacts of a run


class Listed(NamedTuple):
    """A file or folder among artifacts; `size` is None for a folder."""

    path: str
    size: int | None


class Artifacts:
    """The artifacts of a run or a logged model. The caller holds the place.

    Attributes:
        run_id: the run; "" for a model without a run.
        below: the folder among the artifacts of the run, or on the shelf.
    """

    def __init__(self, place: OpenedRepository, kind: str, owner: str) -> None:
        self._place = place
        self._runs = Runs(place)
        self.run_id, self.below = owner, ""
        if kind == "model":
            self.run_id, self.below = run_of_model(place, owner), f"{MODELS}/{owner}"
        if not self.run_id:
            self.below = owner

    def put(self, files: Mapping[str, Path]) -> None:
        """Keep files under their names. Raises ValueError for a wrong name, OSError and GitexpError."""
        inner = {self._inner(name): source for name, source in files.items()}
        if not self.run_id:
            for name, source in inner.items():
                self._place.shelf.put_file(name, source.read_bytes())
            return
        writer = self._runs.writer(self.run_id)
        if writer is not None:
            for name, source in inner.items():
                writer.log.copy_file(source, name)
            if self._runs.is_in_time(self.run_id, writer):
                return
        run = self._runs.require_ended(self.run_id)
        with self._place.project.local.scratch() as scratch:
            top = scratch / FOLDER
            for name, source in inner.items():
                target = top / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            late_additions.add(self._place.project, run.experiment, LateAdditions(artifacts=top))

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all its content."""
        run = self._runs.require(self.run_id)
        if run.folder is not None:
            place = run.folder / FOLDER / self._inner(path)
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
            return
        gone = [name for name in self._stored(run) if _is_at_or_below(name, self._inner(path))]
        if gone:
            late_additions.add(self._place.project, run.experiment, LateAdditions(gone=gone))

    def listed(self, path: str) -> list[Listed]:
        """The files and folders directly in a folder, sorted; [] for a file or an absent path."""
        inside = self._inner(path)
        start = ""
        if inside:
            start = f"{inside}/"
        found: dict[str, int | None] = {}
        for name, size in self._sizes().items():
            if name.startswith(start):
                first, slash, _ = name[len(start) :].partition("/")
                found[first] = size
                if slash:
                    found[first] = None
        if not inside:
            found.pop(MODELS, None)
        listed = []
        for name, known in sorted(found.items()):
            if path:
                name = f"{path}/{name}"
            listed.append(Listed(name, known))
        return listed

    def fetch(self, path: str, target: Path) -> None:
        """Write an artifact to a file. Raises MissingData for absent content, OSError."""
        inside = self._inner(path)
        if not self.run_id:
            self._write_blob(f"{REF}:{FILES}{inside}", path, target)
            return
        run = self._runs.require(self.run_id)
        if run.folder is not None:
            self._copy_live(run.folder, inside, path, target)
            return
        large = self._large(run).get(inside)
        if large is None:
            self._write_blob(f"{run.experiment.id}:{RUN_FOLDER}/{FOLDER}/{inside}", path, target)
            return
        store = ObjectStore(self._place.project.local.objects)
        if not store.has(large.hash):
            raise errors.MissingData(
                f"The data of {path} is not on this machine.",
                f"Fetch it: gitexp data pull {run.experiment.name}",
                paths=[path],
            )
        with store.opened(large.hash) as fd, os.fdopen(os.dup(fd), "rb") as file, target.open("wb") as into:
            shutil.copyfileobj(file, into)

    @staticmethod
    def _copy_live(folder: Path, inside: str, path: str, target: Path) -> None:
        above, _, name = f"{FOLDER}/{inside}".rpartition("/")
        try:
            with nofollow.opened(folder, above) as found:
                fd = found.open(name)
            with os.fdopen(fd, "rb") as file, target.open("wb") as into:
                shutil.copyfileobj(file, into)
        except (FileNotFoundError, nofollow.NotPlain):
            raise _not_there(path) from None

    def _write_blob(self, name: str, path: str, target: Path) -> None:
        (content,) = self._place.project.repo.read_blobs([name], None)
        if content is None:
            raise _not_there(path)
        target.write_bytes(content)

    def _inner(self, path: str) -> str:
        """The path among all files of the run. Raises ValueError for an impossible path."""
        path = path.strip("/")
        inner = f"{self.below}/{path}".strip("/") if path else self.below
        if inner and (why := fault(inner)) is not None:
            raise ValueError(f"an artifact cannot be called {path!r}: the name {why}")
        return inner

    def _sizes(self) -> dict[str, int]:
        """The size of each file, by its name among all of the run's."""
        if not self.run_id:
            return self._blob_sizes(REF, FILES.rstrip("/"), [self.below])
        run = self._runs.require(self.run_id)
        if run.folder is not None:
            top = run.folder / FOLDER
            found = {}
            for path in top.rglob("*"):
                if path.is_file():
                    found[path.relative_to(top).as_posix()] = path.stat().st_size
            return found
        return self._stored(run)

    def _stored(self, run: IndexedRun) -> dict[str, int]:
        sizes = self._blob_sizes(run.experiment.id, f"{RUN_FOLDER}/{FOLDER}", [""])
        if sizes.pop(LOCK_FILE, None) is not None:
            for name, artifact in self._large(run).items():
                sizes[name] = artifact.size
        return sizes

    def _large(self, run: IndexedRun) -> dict[str, Artifact]:
        name = f"{run.experiment.id}:{RUN_FOLDER}/{FOLDER}/{LOCK_FILE}"
        (lock,) = self._place.project.repo.read_blobs([name])
        return {} if lock is None else logged_artifacts.large_in(lock)

    def _blob_sizes(self, commit: str, top: str, below: list[str]) -> dict[str, int]:
        repo = self._place.project.repo
        paths = trees.files_in(repo, commit, [f"{top}/{each}".rstrip("/") for each in below])
        objects = repo.find_objects([f"{commit}:{path}" for path in paths])
        found = {}
        for path, one in zip(paths, objects, strict=True):
            if one is not None:
                found[path.removeprefix(f"{top}/")] = one.size
        return found


def run_of_model(place: OpenedRepository, model_id: str) -> str:
    """The id of the run of a logged model; "" for a model without a run.

    Raises UnknownExperiment for an unknown model.
    """
    if f"models/{model_id}.json" in place.shelf.things("models/"):
        return ""
    for run_id, writer in place.writers.items():
        if model_id in writer.models:
            return run_id
    runs = place.index.all()
    place.index.load(runs)
    for run in runs:
        if model_id in run.facts.models:
            return run.run_id
    raise errors.ExperimentError(
        f"Model '{model_id}' not found.",
        "Its run may not have been pulled: gitexp pull",
        code="unknown-experiment",
    )


def _is_at_or_below(name: str, path: str) -> bool:
    return not path or name == path or name.startswith(f"{path}/")


def _not_there(path: str) -> FileNotFoundError:
    return FileNotFoundError(f"There is no artifact '{path}'.")
