"""The engine of hosts that ssh reaches: jobs wait in this process, and the hosts are filled in turn.

engines:
  lab: {kind: ssh, hosts: [ada, {host: bob, jobs: 2, python: /opt/ml/bin/python}], remote: origin}

A job that has begun is its host's: it goes on when the connection is lost, or this process ends. Each host is
asked about all of its jobs with one question. One that does not answer keeps no other waiting: its jobs count
as running until it says something else.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Collection, Mapping, Sequence

from gitexp import errors
from gitexp.extras.engines.by_ssh import ssh_scripts
from gitexp.extras.engines.by_ssh.ssh_calls import Ssh, SshCall
from gitexp.extras.engines.by_ssh.ssh_hosts import OPTIONS, Host, hosts_of
from gitexp.extras.engines.by_ssh.ssh_scripts import HostAnswer
from gitexp.extras.engines.engine import ENGINE, EngineSettings, Job, JobReport, JobState
from gitexp.extras.engines.settings import require_options
from gitexp.words import counted, shorten

_WAIT = 2.0  # seconds that a question to all hosts may take, before what is known has to do
_FIRST_WAIT = 60.0  # the same for the first one
_LAST_WAIT = 20.0  # the same for the last one, about leftovers: it comes once, and a slow host needs its time
_AGAIN, _SLOWEST = (
    5.0,
    60.0,
)  # seconds before a host that does not answer is asked again, at first and at most


class SshEngine:
    """Runs jobs on hosts."""

    interval = 1.0
    keeps_jobs = False

    def __init__(self, settings: EngineSettings) -> None:
        require_options(settings, OPTIONS)
        self._settings = settings
        self._hosts = [_AtHost(host) for host in hosts_of(settings)]
        self._waiting: dict[str, Job] = {}
        self._unknown: set[str] = set()  # of an earlier process: some host may have them
        self._over: set[str] = set()
        self._doomed: set[str] = set()  # to be ended, and their host does not answer
        self._ssh = Ssh()
        self._is_greeted = False

    def describe(self) -> str:
        names = [at.host.address for at in self._hosts]
        told = f"{counted(len(names), 'host')} by ssh: {shorten(names)}"
        if self._settings.most:
            told += f", {counted(self._settings.most, 'job')} at a time"
        return told

    def places(self) -> Sequence[str]:
        return [at.host.address for at in self._hosts]

    def capacity(self) -> int:
        self._greet()
        slots = sum(at.host.slots for at in self._hosts if not at.complaint)
        return min(slots, self._settings.most or slots)

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        if not jobs:
            return []
        self._greet()
        ids = [uuid.uuid4().hex[:12] for _ in jobs]
        self._waiting.update(zip(ids, jobs, strict=True))
        self._fill()
        return ids

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        if not ids:
            return {}
        self._greet()
        known = {id for at in self._hosts for id in at.ids} | self._over | set(self._waiting)
        self._unknown = {id for id in ids if id not in known}
        for at in self._hosts:
            if at.call is None and at.is_due:
                self._ask(at)
        self._settle(_WAIT)
        self._fill()
        reports = {}
        for id in ids:
            report = self._report(id)
            if report is not None:
                reports[id] = report
        return reports

    def cancel(self, ids: Collection[str]) -> None:
        for id in ids:
            if self._waiting.pop(id, None) is not None:
                self._over.add(id)
        left = {id for id in ids if id not in self._over}
        self._doomed |= left  # a host that does not answer now is told so later
        until = time.monotonic() + _FIRST_WAIT
        while left:
            reports = self.poll(left)
            self._doomed -= left - set(reports)
            left &= self._doomed
            if time.monotonic() > until or all(reports[id].reason for id in left):
                break
        if left:
            raise errors.EngineAway(f"Not all jobs could be told to end: {'; '.join(self._away())}.")

    def log(self, id: str) -> str:
        for at in self._hosts:
            if id in at.had or not any(id in other.had for other in self._hosts):
                call = self._ssh.begin(at.host.address, ssh_scripts.tell(id))
                _wait_for([call], _FIRST_WAIT)
                said = call.raw().decode("utf-8", "replace")
                call.close()
                if said:
                    return said
        return ""

    def close(self) -> None:
        for at in self._hosts:
            if at.call is not None:
                at.call.close()
                at.call = None
        self._sweep()
        self._ssh.close()

    def _sweep(self) -> None:
        """Have the answering hosts remove the leftovers of jobs."""
        calls = []
        with contextlib.suppress(OSError):
            for at in self._hosts:
                if at.had and not at.complaint:
                    calls.append(self._ssh.begin(at.host.address, ssh_scripts.sweep(at.had)))
        _wait_for(calls, _LAST_WAIT)
        for call in calls:
            call.close()

    def _away(self) -> list[str]:
        """The hosts that do not answer, with the reasons."""
        return [f"{at.host.address}: {at.complaint}" for at in self._hosts if at.complaint]

    # -- hosts --------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Ask all hosts for the first time. Raises EngineAway if none answers."""
        if self._is_greeted:
            return
        for at in self._hosts:
            self._begin(at, "greet", ssh_scripts.greet())
        until = time.monotonic() + _FIRST_WAIT
        self._settle(_WAIT)
        while all(at.call or at.complaint for at in self._hosts) and time.monotonic() < until:
            if all(at.complaint for at in self._hosts):
                break
            time.sleep(0.05)
            self._settle(_WAIT)
        away = self._away()
        if len(away) == len(self._hosts):
            raise errors.EngineAway(
                f"No host of {self._settings.name} answers: {'; '.join(away)}.",
                f"Try: ssh {self._hosts[0].host.address} true",
            )
        self._is_greeted = True

    def _begin(self, at: _AtHost, what: str, script: bytes) -> None:
        try:
            at.call = self._ssh.begin(at.host.address, script)
        except OSError as error:
            raise errors.EngineAway(
                f"ssh cannot be started: {error.strerror}.", "Install OpenSSH's client, say."
            ) from error
        at.what = what

    def _settle(self, patience: float) -> None:
        """Take the answers that come within some seconds."""
        _wait_for([at.call for at in self._hosts if at.call is not None], patience)  # not for old ones again
        for at in self._hosts:
            if at.call is not None and at.call.is_over:
                self._take(at, at.call)

    def _take(self, at: _AtHost, call: SshCall) -> None:
        """Take what a host has said."""
        answer, complaint = call.answer(), call.complaint()
        call.close()
        at.call = None
        if at.what == "begin":
            for id in set(at.beginning) - answer.begun:
                self._waiting = {id: at.beginning[id], **self._waiting}  # as if it had not been tried
                at.leave(id)
            at.beginning = {}
        if complaint:
            at.go_away(complaint)
            self._ssh.hang_up(at.host.address)
            return
        at.come_back(answer.gpus if at.what == "greet" else None)
        if at.what == "look":
            self._look_at(at, answer)

    def _ask(self, at: _AtHost) -> None:
        """Ask a host about its jobs and the jobs without a known host; greet a silent host without jobs."""
        if at.complaint and not at.ids:
            self._begin(at, "greet", ssh_scripts.greet())
        elif at.ids or self._unknown:
            asked = [*at.ids, *self._unknown]
            doomed = [id for id in asked if id in self._doomed]
            self._begin(at, "look", ssh_scripts.look(asked, doomed))

    def _look_at(self, at: _AtHost, answer: HostAnswer) -> None:
        """Take what a host has said of jobs."""
        for id in answer.running & self._unknown:
            at.enter(id)
        self._over |= answer.ended & self._unknown
        self._unknown -= answer.running | answer.ended
        for id in set(at.ids) - answer.running:
            at.leave(id)
            self._over.add(id)
        self._doomed -= answer.told | self._over

    def _fill(self) -> None:
        """Begin waiting jobs up to the limit, one a host in turn."""
        new: dict[int, dict[str, Job]] = {}
        room = len(self._waiting)
        if self._settings.most:
            room = self._settings.most - sum(len(at.ids) for at in self._hosts)
        while self._waiting and room > 0:
            given = 0
            for number, at in enumerate(self._hosts):
                id = self._first_for(at)
                if id is None or room <= 0 or not at.has_room:
                    continue
                at.enter(id)
                new.setdefault(number, {})[id] = self._waiting.pop(id)
                room -= 1
                given += 1
            if not given:
                break
        for number, jobs in new.items():
            self._start(self._hosts[number], jobs)

    def _first_for(self, at: _AtHost) -> str | None:
        """The first waiting job allowed at a host; None without any."""
        for id, job in self._waiting.items():
            if job.place in ("", at.host.address):
                return id
        return None

    def _start(self, at: _AtHost, jobs: Mapping[str, Job]) -> None:
        variables, changed = {}, {}
        for id, job in jobs.items():
            variables[id] = {ENGINE: self._settings.name, **at.variables(id)}
            changed[id] = job._replace(words=at.host.words(job.words))
        at.beginning = dict(jobs)
        self._begin(at, "begin", ssh_scripts.begin(changed, at.host.setup, variables))

    def _report(self, id: str) -> JobReport | None:
        if id in self._waiting:
            return self._of_waiting(self._waiting[id].place)
        for at in self._hosts:
            if id in at.ids:
                why = f"{at.host.address}: {at.complaint}" if at.complaint else ""
                return JobReport(JobState.RUNNING, why)
        away = [at.host.address for at in self._hosts if at.complaint or at.call is not None]
        if id in self._unknown and away:
            return JobReport(JobState.RUNNING, f"perhaps on {shorten(away)}")
        return None

    def _of_waiting(self, place: str) -> JobReport:
        for at in self._hosts:
            if at.host.address == place and at.complaint:
                return JobReport(JobState.WAITING, at.complaint, is_stuck=True)
        return JobReport(JobState.WAITING)


class _AtHost:
    """This process's knowledge of a host.

    Attributes:
        host: the host.
        ids: the jobs of the host, with the numbers of their slots.
        had: all jobs ever given to the host.
        call: the open question to the host; None for none.
        what: the subject of the question: greet, begin or look.
        beginning: the jobs in the question, to be begun by the host.
        complaint: the reason for a missing answer; "" if the host answers.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.ids: dict[str, int] = {}
        self.had: set[str] = set()
        self.call: SshCall | None = None
        self.what = ""
        self.beginning: dict[str, Job] = {}
        self.complaint = ""
        self._pause, self._due = _AGAIN, 0.0

    @property
    def is_due(self) -> bool:
        """Whether the time for the next question has come."""
        return time.monotonic() >= self._due

    @property
    def has_room(self) -> bool:
        """Whether the host can begin a job now."""
        is_free = self.call is None and not self.complaint
        return is_free and len(self.ids) < self.host.slots

    def enter(self, id: str) -> None:
        """Give it a job, in the first free slot."""
        taken = set(self.ids.values())
        self.ids[id] = next(slot for slot in range(len(taken) + 1) if slot not in taken)
        self.had.add(id)

    def leave(self, id: str) -> None:
        """Take a job from it."""
        del self.ids[id]

    def variables(self, id: str) -> Mapping[str, str]:
        """The variables of a job that depend on its slot."""
        gpus = self.host.gpus_of(self.ids[id])
        return {"CUDA_VISIBLE_DEVICES": gpus} if gpus else {}

    def go_away(self, complaint: str) -> None:
        """Note that the host does not answer."""
        self.complaint = complaint
        self._due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _SLOWEST)

    def come_back(self, gpus: Sequence[str] | None) -> None:
        """Note that the host answers. `gpus`: its GPUs, if the question was about them."""
        self.complaint, self._pause, self._due = "", _AGAIN, 0.0
        if gpus and not self.host.gpus:
            self.host = self.host._replace(gpus=gpus)


def _wait_for(calls: Sequence[SshCall], patience: float) -> None:
    """Wait until all calls are over, or on their way for so many seconds."""
    while any(not call.is_over and call.age < patience for call in calls):
        time.sleep(0.005)
