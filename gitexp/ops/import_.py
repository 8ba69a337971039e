"""Bring one experiment from another repository, which need not be a remote of this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.data import transfer
from gitexp.data.objects import ObjectStore
from gitexp.data.remotes import open_remote
from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.ops import data, pull, sharing
from gitexp.ops.project import Project
from gitexp.ops.sharing import Contact, Fate, Shared
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.repo import transport_failures
from gitexp.repo.exchange import Remote
from gitexp.repo.git import Repository
from gitexp.repo.local import LocalState
from gitexp.repo.store import PREFIX, check_name


@dataclass(frozen=True, slots=True)
class Imported:
    """The experiment as it is here now, what became of it on the way, and which of its data could not be
    had: paths with the reasons."""

    experiment: Experiment
    shared: Shared
    missing: Mapping[str, errors.GitexpError]


def import_experiment(
    project: Project, where: str, word: str, name: str | None = None, contact: Contact | None = None
) -> Imported:
    """Bring the experiment that a word stands for in the repository at a URL or path, as `name` if given.

    What was imported before is found again, and edits of it are taken over. Raises RemoteFailed, BadTransfer,
    UnknownExperiment, AmbiguousExperiment; BadRecord for one that cannot be taken; InvalidName, NameTaken.
    """
    if name is not None:
        check_name(name)
        project.store.require_free(name)
    contact = contact or Contact()
    remote = Remote(project.repo, _absolute(project, where), contact.tell, prompts=contact.prompts)
    found = sharing.experiments_at(remote)
    (there,) = sharing.chosen(remote, found, [word])
    project.local.prepare()
    for refused in remote.fetch({PREFIX + there: found[there]}).values():
        raise refused
    failpoint("import:fetched")
    shown = transport_failures.without_credentials(where)
    (shared,) = pull.take(
        project, {name or there: found[there]}, f"import {shown} {there}", even_removed=True
    )
    if shared.fate is Fate.REFUSED:
        raise errors.BadRecord(f"{there} cannot be imported: {shared.reason}.", shared.hint or None)
    assert shared.here is not None
    experiment = project.store.require(shared.here)
    return Imported(experiment, shared, _data(project, remote.where, experiment, contact))


def _data(
    project: Project, where: str, experiment: Experiment, contact: Contact
) -> dict[str, errors.GitexpError]:
    """Have an experiment's data here, from the store of a repository on this machine, or from the data
    remote; return the paths of what could not be had, with the reasons."""
    try:
        artifacts = data.artifacts(project, [experiment.record.commit])
    except errors.FileError as error:  # somebody else's lock must not keep the experiment from us
        return {LOCK_FILE: error}
    sizes = {each.hash: None if each.is_folder else each.size for each in artifacts}
    if sizes and (other := _store_of(where)) is not None:
        project.local.prepare()
        store = ObjectStore(project.local.objects)
        with open_remote(where, {"url": str(other)}, project.repo.root) as at:
            transfer.pull(store, at, sizes, on_progress=contact.on_data)
    failed = data.fetch(project, sizes, contact.on_data)
    return {each.path: failed[each.hash] for each in artifacts if each.hash in failed}


def _store_of(where: str) -> Path | None:
    """Return the object store of a repository on this machine, None if it has none."""
    if not Path(where).is_dir():
        return None
    try:
        objects = LocalState(Repository.find(Path(where))).objects
    except errors.GitexpError:  # a bare one, say
        return None
    return objects if objects.is_dir() else None


def _absolute(project: Project, where: str) -> str:
    """Return the path of a folder as Git finds it, which is not started where the user stands."""
    path = project.here / Path(where).expanduser()
    return str(path.resolve()) if path.is_dir() else where
