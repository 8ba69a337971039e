"""Jobs that get their runs over the queue of a Git remote, into a clone on their own machine."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from gitexp import errors
from gitexp.extras.engines import probe, restart
from gitexp.extras.engines.engine import EngineSettings, Job
from gitexp.extras.engines.reach import words_of_place
from gitexp.extras.queue import queue
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.extras.queue.queue_refs import RemoteRun
from gitexp.extras.queue.workers import Orders
from gitexp.model import Experiment, Status, readable
from gitexp.project.project import Project
from gitexp.repo.watched import Watched
from gitexp.sharing import partner, pull
from gitexp.sharing.partner import Fate

PYTHON = "python3"  # on the machines of the jobs, if the settings do not say it
_WEB = ("http", "https", "ftp", "ftps")
_EVERY = 2.0  # seconds between two questions to the remote
_SLOWEST = 60.0  # the same while it is away


class RemoteReach:
    """The way over a Git remote: runs are handed over, and their ends are pulled. Raises NoRemote."""

    def __init__(self, project: Project, settings: EngineSettings, orders: Orders) -> None:
        self._project = project
        self._settings = settings
        self._orders = orders
        self._there = RemoteQueue(project, settings.remote)
        self._url = without_secrets(settings.url) or address_of(project, settings.remote)
        self._watched = Watched(project.store)
        self._runs: dict[str, RemoteRun] = {}  # in the queue there, when it was asked last
        self._due = 0.0
        self._pause = _EVERY

    def prepare(self, names: Sequence[str]) -> None:
        """Let queued experiments wait at the remote: their data is sent, and then all with one push.

        Raises GitexpError.
        """
        found = self._here(names)
        for one in found.values():
            if one.record.waits_at not in ("", self._there.name):
                raise queue.not_waiting([one])
        try:
            _, left = self._there.hand_over([*found.values()])
        except errors.SharingError as error:
            raise _as_away(error) from error
        self._due = 0.0
        if left:
            raise errors.SharingError(
                f"Not handed over: {' '.join(left)}", "gitexp queue list shows what waits."
            )

    def job(self, name: str) -> Job:
        return Job(name, self._command("job", name, *self._orders.words(), *words_of_place(self._settings)))

    def probe(self) -> Job:
        config = self._project.repo.root / self._project.config_file
        text = config.read_bytes() if config.is_file() else b""
        words = self._command("probe", *words_of_place(self._settings))
        return Job("check", words, variables=probe.variables(text))

    def _command(self, *words: str) -> list[str]:
        python = self._settings.python or PYTHON
        return [python, "-P", "-m", "gitexp", "engine", *words, *self._of_clone()]

    def _of_clone(self) -> list[str]:
        """The words of a job for the source and the place of its clone."""
        words = ["--clone", self._url, "--remote", self._there.name]
        if self._project.config.folder:
            words += ["--project", self._project.config.folder]
        if self._settings.clones:
            words += ["--folder", self._settings.clones]
        if self._project.repo.object_format != "sha1":
            words += ["--object-format", self._project.repo.object_format]
        return words

    def look(self, names: Collection[str], *, fresh: bool = False) -> Mapping[str, Experiment]:
        found = self._here(names)
        handed = [one for one in found.values() if self._is_there(one)]
        if handed and self._has_changes(handed, fresh=fresh):
            found = self._here(names)
        for name, one in found.items():
            run = self._runs.get(name)
            if self._is_there(one) and run is not None and run.experiment.record.start == one.record.start:
                found[name] = run.experiment
        return found

    def _has_changes(self, handed: Sequence[Experiment], *, fresh: bool) -> bool:
        """Whether the Git remote, if asked now, has changed the runs here. Raises EngineAway if `fresh`."""
        if not fresh and time.monotonic() < self._due:
            return False
        try:
            return self._ask(handed)
        except errors.EngineAway:
            if fresh:
                raise
            return False

    def put_back(self, lost: Sequence[Experiment], made_room: Collection[str] = ()) -> None:
        """Let runs of dead jobs wait again; a run lost too often ends here as interrupted."""
        here = self._here([one.name for one in lost])
        self._due = 0.0
        try:
            for one in lost:
                if one.record.status is Status.INTERRUPTED:
                    counts = one.name not in made_room
                    restart.put_back_preempted(self._project, one, self._orders.max_retries, counts=counts)
                elif one.name in here and self._is_there(here[one.name]):
                    self._put_back_lost(one, here[one.name])
        except errors.SharingError as error:
            if error.code != "remote-failed":
                raise  # else the dispatcher tries again

    def _put_back_lost(self, one: Experiment, here: Experiment) -> None:
        (run,) = self._there.runs({one.name}) or (None,)
        if run is None or run.has_ended or run.experiment.record.status is not Status.RUNNING:
            return
        if run.experiment.record.job == one.record.job:  # else another worker has it
            self._give_up_try(run, here)

    def _give_up_try(self, run: RemoteRun, here: Experiment) -> None:
        self._due = 0.0
        if run.experiment.record.tries < self._orders.max_retries:
            self._there.requeue(run, run.experiment)
        else:
            self._there.give_up(run, here, _told_of_loss(run.experiment))

    def _here(self, names: Collection[str]) -> dict[str, Experiment]:
        """The experiments with some names, as this repository has them."""
        found = {}
        for one in readable(self._watched.all()):
            if one.name in names:
                found[one.name] = one
        return found

    def _is_there(self, one: Experiment) -> bool:
        """Whether a run waits, or goes on, at the remote."""
        return one.record.status is Status.QUEUED and one.record.waits_at == self._there.name

    def _ask(self, handed: Sequence[Experiment]) -> bool:
        """Ask the remote about runs handed over, and take over the ends; whether there were any.

        Raises EngineAway.
        """
        try:
            runs, ends = self._there.news(handed)
            silent = self._give_up_silent(runs, handed)
        except errors.SharingError as error:
            self._pause = min(self._pause * 2, _SLOWEST)
            self._due = time.monotonic() + self._pause
            raise _as_away(error) from error
        self._pause = _EVERY
        self._due = 0.0 if silent else time.monotonic() + self._pause
        for one in handed:
            self._runs.pop(one.name, None)
        self._runs.update((run.experiment.name, run) for run in runs)
        for each in pull.follow(self._project, ends) if ends else ():
            if each.fate in (Fate.REFUSED, Fate.LEFT):
                raise errors.SharingError(
                    f"What came of {each.there} cannot be taken over: {each.reason}.", each.hint or None
                )
        return bool(ends) or silent

    def _give_up_silent(self, runs: Sequence[RemoteRun], handed: Sequence[Experiment]) -> bool:
        """Let runs without a sign of life for too long wait again; whether there were any.

        Their machines do not answer, or are gone: no engine can tell.
        """
        here = {one.name: one for one in handed}
        silent = [run for run in runs if run.is_silent and not run.has_ended]
        for run in silent:
            self._give_up_try(run, here[run.experiment.name])
        return bool(silent)


def _as_away(error: errors.SharingError) -> errors.GitexpError:
    """The error as EngineAway, if the remote may answer later."""
    if error.code == "remote-failed":
        return errors.EngineAway(error.message, error.hint)
    return error


def address_of(project: Project, remote: str) -> str:
    """The URL of a Git remote for other machines: without secrets, and absolute if it is a folder.

    Raises NoRemote.
    """
    partner.connect(project, remote, partner.Contact(), push=True)
    url = project.repo.run("remote", "get-url", "--push", "--end-of-options", remote).decode().rstrip("\n")
    if "://" in url or ("/" not in url.partition(":")[0] and ":" in url):
        return without_secrets(url)  # also host:path
    return str((Path(project.repo.root) / url).resolve())


def without_secrets(url: str) -> str:
    """A URL without a password, and over HTTP without a user, who may be a token: others see the words."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if parts.scheme in _WEB:
        return urlunsplit(parts._replace(netloc=host))
    return urlunsplit(parts._replace(netloc=login.partition(":")[0] + at + host))


def _told_of_loss(one: Experiment) -> str:
    told = f"its job {one.record.job} was lost for the {one.record.tries + 1}. time"
    return f"{told}: what it has written stays on {one.record.host}"
