"""A storm: writers, and beside them whatever may happen at the same time on a bad day.

Processes are killed and stopped, Git's housekeeping runs without a pause, and clocks jump. What a command
said was done must be there afterwards, whole; what was killed is whole or absent.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.repo.git.objects.new_objects import new_object
from tests.support.repositories import git
from tests.support.workspace import GITEXP

STORMS = 200
_SECONDS = 2.5
_WRITERS = 3
_DAY = 86400
_SHIFTS = (0, 0, 0, 0, -400 * _DAY, -_DAY, _DAY, 40 * _DAY)  # seconds that a clock is wrong
_HOUSEKEEPING = (
    ("gc", "--quiet", "--prune=now"),
    ("prune",),
    ("pack-refs", "--all"),
    ("worktree", "prune"),
    ("repack", "-a", "-d", "-q"),
)
_CLOCK = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void) { const char *text = getenv("STORM_SHIFT"); return text ? atol(text) : 0; }

int clock_gettime(clockid_t clock, struct timespec *to) {
    int status = syscall(SYS_clock_gettime, clock, to);
    if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += shift();
    return status;
}
int gettimeofday(struct timeval *to, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
"""


@dataclass(slots=True)
class Outcome:
    """How many commands ended well, with an error, and by a kill; what the errors said, and what was lost."""

    done: int = 0
    failed: int = 0
    killed: int = 0
    said: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def why_not() -> str:
    """Why there can be no storm on this machine, or nothing."""
    return "" if hasattr(signal, "SIGSTOP") and shutil.which("sh") else "no process can be stopped here"


def clock(folder: Path) -> Path | None:
    """A library that makes clocks wrong, compiled; None without a compiler."""
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_CLOCK)
    for compiler in ("cc", "gcc", "clang"):
        if shutil.which(compiler):
            command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return library
    return None


class _Processes:
    """The processes of a storm that can be struck, and the chance by which that is done."""

    def __init__(self, seed: int, library: Path | None) -> None:
        self.chance = random.Random(seed)
        self.ends = time.monotonic() + _SECONDS
        self._library = library
        self._lock = threading.Lock()
        self._running: dict[subprocess.Popen[bytes], bool] = {}  # and whether it may be killed

    def is_over(self) -> bool:
        return time.monotonic() > self.ends

    def run(self, command: Sequence[str], cwd: Path, *, may_die: bool) -> tuple[int, str]:
        """The exit status and the standard error of a command, with a clock that may be wrong."""
        env = dict(os.environ)
        if self._library is not None:
            env |= {"LD_PRELOAD": str(self._library), "STORM_SHIFT": str(self.chance.choice(_SHIFTS))}
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self._lock:
            self._running[process] = may_die
        try:
            _, err = process.communicate(timeout=120)
        finally:
            with self._lock:
                del self._running[process]
        return process.returncode, err.decode("utf-8", "replace")

    def kill_some(self) -> None:
        while not self.is_over():
            time.sleep(self.chance.uniform(0.2, 1.2))
            with self._lock:
                mortal = [process for process, may_die in self._running.items() if may_die]
                if mortal:
                    victim = self.chance.choice(mortal)
                    self._signal(victim, signal.SIGKILL, group=self.chance.random() < 0.5)

    def stop_some(self) -> None:
        while not self.is_over():
            time.sleep(self.chance.uniform(0.02, 0.2))
            with self._lock:
                if not self._running:
                    continue
                victim = self.chance.choice(list(self._running))
                self._signal(victim, signal.SIGSTOP, group=True)
            time.sleep(self.chance.uniform(0.02, 0.4))
            self._signal(victim, signal.SIGCONT, group=True)  # a Git may have outlived its gitexp

    @staticmethod
    def _signal(victim: subprocess.Popen[bytes], which: signal.Signals, *, group: bool) -> None:
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(victim.pid, which)


@dataclass(slots=True)
class _Said:
    """What gitexp said was done with an experiment; `sure` unless a command about it was killed or failed."""

    content: str
    name: str
    note: str = ""
    removed: bool = False
    sure: bool = True


class _Writer:
    """One user, with a file of their own that says which experiment is which."""

    def __init__(self, number: int, repo: Path, processes: _Processes, outcome: Outcome) -> None:
        self.file = f"w{number}.txt"
        self.said: list[_Said] = []
        self._number = number
        self._repo = repo
        self._processes = processes
        self._outcome = outcome

    def made(self, name: str) -> bool:
        """Whether an experiment of this name is of this writer."""
        return name.startswith((f"w{self._number}-", f"r{self._number}-"))

    def work(self) -> None:
        turn = 0
        while not self._processes.is_over():
            turn += 1
            there = [one for one in self.said if one.sure and not one.removed]
            edits = (self._note, self._rename, self._remove)
            deed = self._processes.chance.randrange(5 if there else 2)
            if deed < 2:
                (self._save, self._run)[deed](turn)
            else:
                edits[deed - 2](turn, self._processes.chance.choice(there))

    def _gitexp(self, *args: str) -> bool:
        status, err = self._processes.run([*GITEXP, *args], self._repo, may_die=True)
        if status == 0:
            self._outcome.done += 1
        elif status < 0:
            self._outcome.killed += 1
        else:
            self._outcome.failed += 1
            self._outcome.said.append(f"gitexp {' '.join(args)}: {err.strip()}")
            if "Traceback" in err or "Unexpected:" in err:
                self._outcome.lost.append(f"gitexp {' '.join(args)}: {err}")
        return status == 0

    def _new(self, turn: int, *args: str) -> None:
        name = f"w{self._number}-{turn}"
        (self._repo / self.file).write_text(name)
        command = [arg.format(name=name) for arg in args]
        if self._gitexp(*command):
            self.said.append(_Said(name, name))

    def _save(self, turn: int) -> None:
        self._new(turn, "save", "-q", "-n", "{name}")

    def _run(self, turn: int) -> None:
        self._new(turn, "run", "-q", "--temp", "-n", "{name}", "--", "sh", "-c", "echo {name} >metrics.txt")

    def _note(self, turn: int, one: _Said) -> None:
        if self._gitexp("note", "-q", one.name, "-m", f"note {turn}"):
            one.note = f"note {turn}"
        else:
            one.sure = False

    def _rename(self, turn: int, one: _Said) -> None:
        if self._gitexp("rename", "-q", one.name, f"r{self._number}-{turn}"):
            one.name = f"r{self._number}-{turn}"
        else:
            one.sure = False

    def _remove(self, turn: int, one: _Said) -> None:
        if self._gitexp("remove", "-y", "-q", one.name):
            one.removed = True
        else:
            one.sure = False


class _Overwriter(_Writer):
    """Has text that is stored nowhere overwritten, in a worktree of their own."""

    def __init__(self, repo: Path, processes: _Processes, outcome: Outcome) -> None:
        super().__init__(0, repo, processes, outcome)
        self.overwritten: list[str] = []

    def work(self) -> None:
        turn = 0
        file = self._repo / "train.py"
        while not self._processes.is_over():
            turn += 1
            text = f"unsaved {turn}\n"
            file.write_text(text)
            self._gitexp("apply", "-q", "theirs", "--force")
            if file.read_text() != text:
                self.overwritten.append(text)


def storm(folder: Path, seed: int, library: Path | None, outcome: Outcome) -> None:
    """Raise a storm in a new repository, and look at what is there afterwards."""
    repo, worktree = folder / "repo", folder / "worktree"
    _make(repo, worktree)
    processes = _Processes(seed, library)
    writers = [_Writer(number, repo, processes, outcome) for number in range(1, _WRITERS)]
    overwriter = _Overwriter(worktree, processes, outcome)
    beside = [processes.kill_some, processes.stop_some, lambda: _keep_house(repo, processes)]
    threads = [
        threading.Thread(target=work) for work in (*(one.work for one in (*writers, overwriter)), *beside)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(0.3)  # a Git may outlive the gitexp that was killed
    try:
        _look(repo, writers, overwriter)
    except AssertionError as error:
        outcome.lost.append(f"storm {seed}: {error}")


def _make(repo: Path, worktree: Path) -> None:
    repo.mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    (repo / "train.py").write_text("first\n")
    (repo / "params.yaml").write_text("lr: 0.1\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "first")
    (repo / "train.py").write_text("theirs\n")
    subprocess.run([*GITEXP, "save", "-q", "-n", "theirs"], cwd=repo, check=True, capture_output=True)
    git(repo, "checkout", "-q", "train.py")
    git(repo, "worktree", "add", "-q", "--detach", str(worktree))
    for number in range(60):  # so that a prune takes its time
        (repo / "litter").write_text(str(number))
        git(repo, "hash-object", "-w", "litter")
    (repo / "litter").unlink()


def _keep_house(repo: Path, processes: _Processes) -> None:
    while not processes.is_over():
        processes.run(["git", *processes.chance.choice(_HOUSEKEEPING)], repo, may_die=False)


def _look(repo: Path, writers: Sequence[_Writer], overwriter: _Overwriter) -> None:
    """Raise AssertionError if anything was lost, or is not whole."""
    found = _command(repo, "list", "-A")
    _command(repo, "save", "-q", "-n", "afterwards")
    assert "afterwards" in _command(repo, "list", "-A"), found
    done = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=repo, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), f"git fsck: {done.stdout}{done.stderr}"
    project = Project.open(repo)
    here = [one for one in project.store.all() if isinstance(one, Experiment)]
    assert len(here) == len(project.store.all()), "an experiment is damaged"
    gone = [one.experiment for one in trash.contents(project.repo)]
    for writer in writers:
        own = [one for one in (*gone, *here) if writer.made(one.name)]
        contents = {_content(repo, one, writer.file): one for one in own}
        trashed = {_content(repo, one, writer.file) for one in gone if writer.made(one.name)}
        for said in writer.said:
            assert said.content in contents, f"{said} is gone"
            if said.sure:
                one = contents[said.content]
                assert (one.record.name, one.record.note) == (said.name, said.note), f"{said}: {one}"
                assert (said.content in trashed) == said.removed, f"{said} is in the wrong place"
    held = git(repo, "rev-list", "--objects", "--glob=refs/gitexp/undo/*")
    for text in overwriter.overwritten:
        blob = new_object("blob", text.encode(), "sha1").id
        assert blob in held, f"{text!r} was overwritten, and nothing holds it"


def _command(repo: Path, *args: str) -> str:
    done = subprocess.run([*GITEXP, *args], cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"gitexp {' '.join(args)} afterwards: {done.stderr}"
    return done.stdout


def _content(repo: Path, one: Experiment, file: str) -> str:
    done = subprocess.run(
        ["git", "show", f"{one.record.commit}:{file}"], cwd=repo, capture_output=True, text=True, check=False
    )
    return done.stdout
