"""Bring one experiment from another repository, which need not be a remote of this one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gitexp import errors, files
from gitexp.datasets import remotes as datasets_remotes
from gitexp.datasets import sync, wanted
from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.objects.remotes import transfer, url
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import Kind
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, check_name
from gitexp.repo.git import transport_failures
from gitexp.repo.git.repository import Repository
from gitexp.repo.git_remote import GitRemote
from gitexp.repo.local import LocalState
from gitexp.sharing import partner, pull
from gitexp.sharing.partner import Contact, Fate, Shared


@dataclass(frozen=True, slots=True)
class Imported:
    """The experiment as it is here now, what became of it on the way, and which of its data could not be
    had: paths with the reasons.

    `data_remotes` are the URLs at which its own gitexp.yaml says that the data is. That may come from a
    stranger, so nothing is fetched from there without the user's word.
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
    """Bring the experiment that a word stands for in the repository at a URL or path, as `name` if given.

    Its data comes from the store of a repository on this machine, from `data_from`, the URL of a data remote
    or the name of one of this project's, and from this project's first one, as far as each has it. What was
    imported before is found again, and edits of it are taken over. Raises RemoteFailed, BadTransfer,
    UnknownExperiment, AmbiguousExperiment; BadRecord for one that cannot be taken; InvalidName, NameTaken;
    InvalidRemote, ConfigError, BackendMissing for `data_from`.
    """
    if name is not None:
        check_name(name)
        project.store.require_free(name)
    contact = contact or Contact()
    remote = GitRemote(project.repo, _absolute(project, where), contact.tell, prompts=contact.prompts)
    other = _on_this_machine(remote.where)
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(at) for at in _sources(project, other, data_from)]
        found = partner.experiments_at(remote)
        (there,) = partner.chosen(remote, found, [word])
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
        missing = _data(project, sources, experiment, contact)
    remotes = _data_remotes(project, other, experiment.record.commit) if missing else {}
    return Imported(experiment, shared, missing, remotes)


def _sources(project: Project, other: Repository | None, data_from: str | None) -> Iterator[DataRemote]:
    """Yield what data is asked for first, before the project's own data remote."""
    if other is not None and (objects := LocalState(other).objects).is_dir():
        yield open_remote(str(other.root), {"url": str(objects)}, other.root)
    if data_from is not None:
        named = data_from in project.config.remotes
        is_url = "://" in data_from or (project.here / Path(data_from).expanduser()).is_dir()
        if is_url and not named:
            yield open_remote(data_from, {"url": data_from}, project.here)
        else:
            yield datasets_remotes.remote_of(project, data_from)


def _data(
    project: Project, sources: Iterable[DataRemote], experiment: Experiment, contact: Contact
) -> dict[str, errors.GitexpError]:
    """Have an experiment's data here; return the paths of what could not be had, with the reasons."""
    try:
        artifacts = wanted.artifacts(project, [experiment.record.commit])
    except errors.FileError as error:  # somebody else's lock must not keep the experiment from us
        return {LOCK_FILE: error}
    sizes = {each.hash: None if each.is_folder else each.size for each in artifacts}
    asked: dict[str, errors.GitexpError] = {}
    for at in sources if sizes else ():
        try:
            done = transfer.pull(ObjectStore(project.local.objects), at, sizes, on_progress=contact.on_data)
            asked = dict(done.failed)
        except errors.DataRemoteError as error:
            asked = dict.fromkeys(sizes, error)
    failed = sync.fetch(project, sizes, contact.on_data)
    why = failed if project.config.remotes else {**failed, **asked}
    return {each.path: why[each.hash] for each in artifacts if each.hash in failed}


def _data_remotes(project: Project, other: Repository | None, commit: str) -> dict[str, str]:
    """Return the data remotes that an experiment's gitexp.yaml names and that can be meant here: a folder
    only if the other repository is on this machine."""
    name = PurePosixPath(project.config.folder, CONFIG_FILE)
    (text,) = project.repo.read_blobs([f"{commit}:{name}"])
    try:
        said = files.parse(str(name), text or b"").get("remotes")
    except errors.FileError:
        return {}
    root = (other or project.repo).root / project.config.folder
    found = {}
    for remote, options in said.items() if isinstance(said, dict) else ():
        with contextlib.suppress(errors.InvalidRemote):
            at = url.parse(remote, options if isinstance(options, dict) else {"url": options}, root)
            if at.kind is not Kind.FOLDER:
                found[remote] = at.url
            elif other is not None:
                found[remote] = str(Path(at.path).resolve())
    return found


def _on_this_machine(where: str) -> Repository | None:
    """Return the repository at a path; None for a URL, and for a bare one."""
    if not Path(where).is_dir():
        return None
    try:
        return Repository.find(Path(where))
    except errors.GitexpError:
        return None


def _absolute(project: Project, where: str) -> str:
    """Return the path of a folder as Git finds it, which is not started where the user stands."""
    path = project.here / Path(where).expanduser()
    return str(path.resolve()) if path.is_dir() else where
