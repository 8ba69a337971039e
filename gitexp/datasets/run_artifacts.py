"""The files that a run has logged, of an experiment: those in Git, and those in the object store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp import errors
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import fault, lies_in
from gitexp.pipeline.lock import LOCK_FILE, read_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS
from gitexp.repo.git.trees import files_in
from gitexp.repo.git.values import in_commit
from gitexp.words import did_you_mean

_LOCK = f"{ARTIFACTS}/{LOCK_FILE}"


class RunArtifact(NamedTuple):
    """A file logged by a run.

    Attributes:
        name: the path among the artifacts of the run.
        size: bytes.
        blob: id of the content in Git; "" for a file in the object store.
        stored: the file in the object store; None for a file in Git.
    """

    name: str
    size: int
    blob: str = ""
    stored: Artifact | None = None

    def as_json(self) -> dict[str, Any]:
        """The object of `gitexp artifacts --json`."""
        return {"name": self.name, "size": self.size, "hash": self.stored.hash if self.stored else None}


def of(project: Project, experiment: Experiment) -> list[RunArtifact]:
    """The artifacts of an experiment by name. Raises LockError and GitFailed."""
    paths = files_in(project.repo, experiment.id, [ARTIFACTS])
    found = []
    objects = project.repo.find_objects(in_commit(experiment.id, paths))
    for path, blob in zip(paths, objects, strict=True):
        name = path.removeprefix(f"{ARTIFACTS}/")
        if blob is not None and path != _LOCK and fault(name) is None:
            found.append(RunArtifact(name, blob.size, blob.id))
    if _LOCK in paths:
        (text,) = project.repo.read_blobs(in_commit(experiment.id, [_LOCK]))
        lock = read_lock(f"{_LOCK} of {experiment.name}", text or b"", ARTIFACTS)
        for stored in lock.outs.values():
            found.append(RunArtifact(stored.path, stored.size, stored=stored))
    return sorted(found)


def chosen(project: Project, experiment: Experiment, names: Sequence[str]) -> list[RunArtifact]:
    """The artifacts with some names, and those in folders with such names; all of them without names.

    Raises UsageError for a name without any.
    """
    every = of(project, experiment)
    if not names:
        return every
    found = dict[str, RunArtifact]()
    for name in names:
        some = {each.name: each for each in every if lies_in(each.name, name.rstrip("/"))}
        if not some:
            known = [each.name for each in every]
            hint = did_you_mean(name, known, f"gitexp artifacts {experiment.name} lists them.")
            raise errors.UsageError(f"{experiment.name} has no artifact '{name}'.", hint)
        found |= some
    return list(found.values())
