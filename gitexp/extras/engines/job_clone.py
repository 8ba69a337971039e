"""The clone on the machine of a job, and the job there: `<folder>/<hash of the URL>/`, safe to lose.

A new clone is empty: what a run needs is fetched with the run. It is made beside its place and renamed, so
half of one is never taken for a whole one. The jobs of a machine share it; each sees the config of its own
experiment, in a folder of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gitexp import errors, plugins
from gitexp.extras.engines import job_environment
from gitexp.extras.queue import shared
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.extras.queue.workers import Orders, Worker
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.folders import clear_away
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project import config_loading
from gitexp.project.config import CONFIG_FILE, USUAL_PARAMS
from gitexp.project.exclusions import IGNORE_FILE
from gitexp.project.project import Project
from gitexp.repo import tracking, worktrees
from gitexp.repo.experiments import PREFIX, Store
from gitexp.repo.git import refs
from gitexp.repo.git.locking import locks
from gitexp.repo.git.new_clone import make_clone
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.local import LocalState
from gitexp.runs.ongoing.recover import finish_lost_jobs
from gitexp.runs.ongoing.stop import stop

_MOST = 50  # experiments that are left in a clone
_IDLE = 3600.0  # seconds after which the workspace of a run is removed
_USUAL = "gitexp/clones"  # below the folder for caches


class Origin(NamedTuple):
    """The source of a clone.

    Attributes:
        url: the URL of the Git remote for this machine.
        remote: the name of the remote, as in the user's repository.
        object_format: sha1 or sha256.
    """

    url: str
    remote: str
    object_format: str = "sha1"


def clone(origin: Origin, base: str) -> Path:
    """The root of the clone of a remote, made if need be, in the folder `base`; "" for the usual one."""
    folder = _usual_base() if not base else Path(base).expanduser().absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256("\0".join(origin).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    place = folder / name
    if not (place / ".git").exists():
        lock = locks.wait_lock(folder / f"{name}.lock")
        try:
            if not (place / ".git").exists():
                new = folder / f"{name}.new"
                clear_away(new)  # of a process that was killed
                make_clone(new, origin.remote, origin.url, origin.object_format)
                new.rename(place)
        finally:
            lock.release()
    return place


def _usual_base() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        caches = Path.home() / ".cache"
    return caches / _USUAL


def work(project: Project, worker: Worker, orders: Orders, name: str, remote: str) -> None:
    """Run an experiment that waits at the remote of a clone, unless somebody else was quicker; push its end.

    Raises the errors of a worker.
    """

    def is_to_stop() -> bool:
        return worker.is_to_stop

    there = RemoteQueue(project, remote)
    asked = shared.patiently(lambda: there.runs({name, *project.store.names()}), is_to_stop)
    wanted = []
    for run in asked:
        if run.experiment.name == name and run.experiment.record.status is Status.QUEUED:
            wanted.append(run.experiment.record.commit)
            _end_void_try(project, run.experiment)
            job_environment.enter(project, run.experiment, orders.environment)
    with project.local.scratch() as scratch:
        seen = project
        if wanted:
            seen = as_seen_in(project, wanted[0], scratch)
        queue = shared.SharedQueue(seen, remote, orders.max_retries, is_to_stop, project.here, asked)
        run_all = plugins.load("worker", "queue")
        run_all(seen, worker, orders, {name}, is_alone=lambda: False, there=queue)
    _forget_delivered(project, remote)
    for slot in worktrees.idle_slots(project.repo):
        if slot.idle_for > _IDLE:
            with contextlib.suppress(errors.StorageError):
                slot.remove()


def _end_void_try(project: Project, queued: Experiment) -> None:
    """End an earlier try, or its command, that goes on here: the run waits, so the claim is void."""
    here = project.store.get(queued.name)
    if not isinstance(here, Experiment) or here.record.start != queued.record.start:
        return
    if here.record.status is not Status.RUNNING:
        return
    try:
        stop(project, queued.name)
    except errors.ExperimentError as error:
        if error.code != "not-running":
            raise
        finish_lost_jobs(project, [queued.name])  # of another machine with this clone, and given up


def _forget_delivered(project: Project, remote: str) -> None:
    """Take the experiments that the remote has out of a clone with many: each job reads all that are left."""
    here = list(project.repo.refs(PREFIX))
    if len(here) <= _MOST:
        return
    there, changes = tracking.known(project.repo, remote), []
    for oid, ref in here:
        name = os.fsdecode(ref).removeprefix(PREFIX)
        if there.get(name) == oid.decode():
            changes.append(RefChange(PREFIX + name, oid.decode(), None))
    with contextlib.suppress(RefConflict):  # another job does the same
        refs.move(project.repo, changes, "gitexp: delivered", durable=False)


def as_seen_in(project: Project, commit: str, folder: Path) -> Project:
    """The project with the config and the rules about files of a commit, which go into an empty folder."""
    paths = _of_config(project.config.folder)
    contents = project.repo.read_blobs([f"{commit}:{path}" for path in paths])
    for path, content in zip(paths, contents, strict=True):
        if content is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    here = folder.resolve() / project.config.folder
    here.mkdir(parents=True, exist_ok=True)
    repo = project.repo.linked(folder.resolve(), project.repo.git_dir)
    config = config_loading.load(folder.resolve(), here)
    return Project(repo, config, Store(repo), LocalState(repo), here)


def _of_config(folder: str) -> Sequence[str]:
    """The files that define a project, in its folder and in the folders above."""
    paths = []
    for above in (PurePosixPath(folder), *PurePosixPath(folder).parents):
        for name in (CONFIG_FILE, IGNORE_FILE, DVC_YAML, *USUAL_PARAMS):
            paths.append((above / name).as_posix())
    return list(dict.fromkeys(paths))
