"""What belongs to no single run: MLflow's experiments, registered models, models logged outside of runs.

One ref, `refs/gitexp/mlflow`, a commit for each change, and a JSON file for each thing in the commit's tree.
A change is a compare-and-swap of the ref: of two writers the later one looks again, so nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.project.project import Project
from gitexp.repo.git import refs, trees
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict

REF = "refs/gitexp/mlflow"
FILES = "files/"  # artifacts of models that no run has logged; all else is JSON
EXPERIMENTS, MODELS, REGISTERED = "experiments/", "models/", "registered/"
ALIASES_SET = "aliases_set"  # of a registered model: when each alias was set or taken away last, in ms
_ATTEMPTS = 50

Things = dict[str, dict[str, Any]]  # path of a thing -> what is kept of it
# What every version has, also one that another program has written.
_VERSION: Mapping[str, Any] = {
    **dict.fromkeys(("description", "run", "link", "model")),
    "created": 0,
    "updated": 0,
    "stage": "None",
    "source": "",
    "location": "",
}
Changes = Mapping[str, dict[str, Any] | None]  # None: the thing goes


class Shelf:
    """The things kept for MLflow in a repository, by paths like `experiments/0.json`.

    Not for several threads at once: `OpenedRepository` has the lock.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._read_at: str | None = None
        self._things: Things = {}

    def things(self, folder: str = "") -> Things:
        """The things below a folder, by their paths; they are not to be changed."""
        self._read(self._project.repo.resolve(REF))
        return {path: thing for path, thing in self._things.items() if path.startswith(folder)}

    def change(self, make: Callable[[Things], Changes], reason: str) -> None:
        """Write the changes from `make` for the present things; `make` may be called again."""
        repo = self._project.repo
        for _ in range(_ATTEMPTS):
            before = repo.resolve(REF)
            self._read(before)
            blobs: dict[str, tuple[str, str] | None] = {}
            for path, thing in make(dict(self._things)).items():
                blobs[path] = None if thing is None else ("100644", repo.write_blob(text_of(thing)))
            if not blobs or self._moved(before, blobs, reason):
                return
        raise errors.GitFailed("MLflow's things keep changing under us.", "Try it again in a moment.")

    def put_file(self, path: str, content: bytes) -> None:
        """Keep a file below `files/`."""
        blob = self._project.repo.write_blob(content)
        for _ in range(_ATTEMPTS):
            before = self._project.repo.resolve(REF)
            if self._moved(before, {FILES + path: ("100644", blob)}, f"artifact {Path(path).name}"):
                return
        raise errors.GitFailed("MLflow's things keep changing under us.", "Try it again in a moment.")

    def _moved(self, before: str | None, blobs: Mapping[str, trees.Change], reason: str) -> bool:
        """Whether the ref now has a commit with the files; False after a move by another process."""
        repo = self._project.repo
        with repo.writing_together():
            parents, old_tree = [], None
            if before is not None:
                parents, old_tree = [before], repo.resolve(before, "tree")
            tree = trees.changed(repo, old_tree, blobs)
            commit = repo.write_commit(tree, parents, f"mlflow: {reason}\n")
            failpoint("shelf:written")
            try:
                refs.move(repo, [RefChange(REF, before, commit)], f"gitexp: mlflow: {reason}")
            except RefConflict:
                return False
        failpoint("shelf:moved")
        return True

    def _read(self, commit: str | None) -> None:
        """Read the things of a commit, if not read before."""
        if commit == self._read_at:
            return
        self._things = {} if commit is None else read_things(self._project.repo, commit)
        self._read_at = commit


def read_things(repo: Repository, commit: str) -> Things:
    """The things of a commit, without what is none: the commit may come from another clone."""
    things: Things = {}
    folders = [folder.rstrip("/") for folder in (EXPERIMENTS, MODELS, REGISTERED)]
    paths = trees.files_in(repo, commit, folders)
    contents = repo.read_blobs([f"{commit}:{path}" for path in paths])
    for path, content in zip(paths, contents, strict=True):
        thing = _thing(path, content)
        if thing is not None:
            things[path] = thing
    return things


def registered_path(name: str) -> str:
    """The path of a registered model."""
    return f"{REGISTERED}{quote(name, safe='')}.json".replace(f"{REGISTERED}.", f"{REGISTERED}%2E")


def text_of(thing: dict[str, Any]) -> bytes:
    return (json.dumps(thing, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _thing(path: str, content: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if path.startswith(MODELS):
        return found
    if not isinstance(found.get("name"), str):
        return None
    if path.startswith(EXPERIMENTS):
        return {"lifecycle": "active", **found}
    return _registered(found) if path == registered_path(found["name"]) else None


def _registered(found: dict[str, Any]) -> dict[str, Any] | None:
    """A registered model with all that one has; None for what is none."""
    empty: dict[str, Any] = {"created": 0, "updated": 0, "description": None}
    thing = {**empty, "aliases": {}, "tags": {}, "versions": {}, **found}
    if not all(isinstance(thing[name], dict) for name in ("aliases", "tags", "versions")):
        return None
    versions = {}
    for number, version in thing["versions"].items():
        if not number.isdecimal() or not isinstance(version, dict):
            return None
        versions[number] = {**_VERSION, "tags": {}, **version}
    return {**thing, "versions": versions}
