"""Bring an experiment from any other repository, by URL or path."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gitexp import errors, files
from gitexp.catalog import lookup
from gitexp.datasets import remotes as datasets_remotes
from gitexp.datasets import sync, wanted
from gitexp.failpoints import failpoint
from gitexp.masks import without_credentials
from gitexp.model import Experiment
from gitexp.objects.remotes import transfer, url
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import Kind
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import check_name
from gitexp.repo.git.repository import Repository
from gitexp.repo.git_remote import GitRemote
from gitexp.repo.local import LocalState
from gitexp.sharing import partner, pull
from gitexp.sharing.partner import Contact, Fate, Shared


@dataclass(frozen=True, slots=True)
class Imported:
    """An experiment that was brought from another repository.

    Attributes:
        experiment: the experiment in this repository.
        shared: its fate on the way.
        missing: paths of missing artifacts, with the reasons.
        data_remotes: names and URLs of data remotes in the experiment's own gitexp.yaml. A stranger may have
            written the file, so nothing is fetched from them without the user's word.
    """

    experiment: Experiment
    shared: Shared
    missing: Mapping[str, errors.GitexpError]
    data_remotes: Mapping[str, str] = field(default_factory=dict)


def import_experiment(
    project: Project,
    where: str,
    word: str,
    name: str | None = None,
    contact: Contact | None = None,
    *,
    data_from: str | None = None,
) -> Imported:
    """The experiment with this name (or beginning of a name, or pattern) in the repository at a URL or path.

    `name` is the name here. An experiment imported before is found again, and takes over edits. Artifacts
    come from the store of a repository on this machine; from `data_from`, the URL of a data remote or the
    name of one of this project's; and from this project's first data remote.

    Raises RemoteFailed, BadTransfer, UnknownExperiment, AmbiguousExperiment; BadRecord for an unsound
    experiment; InvalidName, NameTaken; InvalidRemote, ConfigError, BackendMissing for `data_from`.
    """
    if name is not None:
        check_name(name)
        project.store.require_free(name)
    contact = contact or Contact()
    remote = GitRemote(project.repo, _absolute(project, where), contact.tell, prompts=contact.prompts)
    other = _on_this_machine(remote.where)
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(at) for at in _sources(project, other, data_from)]
        shared, oid = _take(project, remote, where, word, name)
        assert shared.here is not None
        if project.dry_run:
            return _as_it_would_be(project, shared, oid)
        experiment = project.store.require(shared.here)
        missing = _bring_data(project, sources, experiment, contact)
    remotes = {}
    if missing:
        remotes = _data_remotes(project, other, experiment.record.commit)
    return Imported(experiment, shared, missing, remotes)


def _take(project: Project, remote: GitRemote, where: str, word: str, name: str | None) -> tuple[Shared, str]:
    """The fate of the experiment that a word stands for, fetched and taken over; and its record there."""
    found = partner.experiments_at(remote)
    there, *others = partner.chosen(remote, found, [word])
    if others:
        raise lookup.ambiguous(
            word, [there, *others], f"experiments at {remote.where}", "Import them one by one."
        )
    project.local.prepare()
    fetched, refused = partner.fetch(remote, {there: found[there]})
    if not fetched:
        raise refused[there]
    failpoint("import:fetched")
    shown = without_credentials(where)
    (shared,) = pull.take(
        project, {name or there: found[there]}, f"import {shown} {there}", even_removed=True
    )
    if shared.fate is Fate.REFUSED:
        raise errors.BadRecord(f"{there} cannot be imported: {shared.reason}.", shared.hint or None)
    return shared, found[there]


def _as_it_would_be(project: Project, shared: Shared, oid: str) -> Imported:
    """The outcome of a dry run; what of the data could be had is not asked."""
    (stored,) = project.store.read_commits({shared.here or shared.there: oid})
    experiment = stored.experiment
    assert isinstance(experiment, Experiment)  # a damaged one has been refused
    return Imported(experiment, shared, {})


def _sources(project: Project, other: Repository | None, data_from: str | None) -> Iterator[DataRemote]:
    """The places to ask for artifacts before the project's own data remote."""
    if other is not None and (objects := LocalState(other).objects).is_dir():
        yield open_remote(str(other.root), {"url": str(objects)}, other.root)
    if data_from is not None:
        named = data_from in project.config.remotes
        is_url = "://" in data_from or (project.here / Path(data_from).expanduser()).is_dir()
        if is_url and not named:
            yield open_remote(data_from, {"url": data_from}, project.here)
        else:
            yield datasets_remotes.remote_of(project, data_from)


def _bring_data(
    project: Project, sources: Iterable[DataRemote], experiment: Experiment, contact: Contact
) -> dict[str, errors.GitexpError]:
    """Bring an experiment's artifacts; return the paths of missing ones, with the reasons."""
    try:
        artifacts = wanted.artifacts(project, [experiment.id])
    except errors.FileError as error:  # a bad lock of somebody else's must not keep the experiment from us
        return {LOCK_FILE: error}
    if not artifacts:
        return {}
    sizes = sync.sizes_of(artifacts)
    asked: dict[str, errors.GitexpError] = {}
    store = ObjectStore(project.local.objects)
    for at in sources:
        try:
            asked = dict(transfer.pull(store, at, sizes, on_progress=contact.on_data).failed)
        except errors.DataRemoteError as error:
            asked = dict.fromkeys(sizes, error)
    failed = sync.fetch(project, sizes, contact.on_data)
    why = failed
    if not project.config.remotes:  # then the sources tell more
        why = {**failed, **asked}
    return {each.path: why[each.hash] for each in artifacts if each.hash in failed}


def _data_remotes(project: Project, other: Repository | None, commit: str) -> dict[str, str]:
    """The data remotes in an experiment's gitexp.yaml, with their URLs.

    A folder means something only if the other repository is on this machine.
    """
    name = PurePosixPath(project.config.folder, CONFIG_FILE)
    (text,) = project.repo.read_blobs([f"{commit}:{name}"])
    try:
        said = files.parse(str(name), text or b"").get("remotes")
    except errors.FileError:
        return {}
    if not isinstance(said, dict):
        return {}
    root = (other or project.repo).root / project.config.folder
    found = {}
    for remote, options in said.items():
        if not isinstance(options, dict):
            options = {"url": options}
        with contextlib.suppress(errors.InvalidRemote):
            at = url.parse(remote, options, root)
            if at.kind is not Kind.FOLDER:
                found[remote] = at.url
            elif other is not None:
                found[remote] = str(Path(at.path).resolve())
    return found


def _on_this_machine(where: str) -> Repository | None:
    """The repository at a path; None for a URL, and for a bare repository."""
    if not Path(where).is_dir():
        return None
    try:
        return Repository.find(Path(where))
    except errors.GitexpError:
        return None


def _absolute(project: Project, where: str) -> str:
    """The absolute path of a folder: Git is not started in the user's folder. A URL stays."""
    path = project.here / Path(where).expanduser()
    if path.is_dir():
        return str(path.resolve())
    return where
