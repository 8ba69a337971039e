"""An archive's `.git/gitexp` in which something else stands for a file or a folder of gitexp's.

Links, pipes, sockets and other names of files stand at each name that gitexp reads or writes. What stands
outside is a canary: not one byte, name, mode or time stamp of it changes, and nothing of it gets into the
repository. No command hangs: each goes on, or says in one sentence what is in its way.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.process.liveness import current_process
from tests.support.experiments import copy_of
from tests.support.hostile import Lair, check_answer
from tests.support.kills import kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and sockets of POSIX")

SECRET = "a secret of theirs"
LONG_AGO = 1_500_000_000  # seconds since 1970
PATIENCE = 30  # seconds for all commands of one member
HASH = "ab" + "0" * 62

Maker = Callable[[Path, Path], None]  # of what stands at a path, given the folder outside


@dataclass(frozen=True)
class Member:
    """What stands at `place` below `.git/gitexp`; `commands` are those that would use it."""

    place: str
    make: Maker
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.place or 'itself'}-{self.make.__name__}"


# -- what stands there -------------------------------------------------------------------------------------


def link(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "file")


def link_to_folder(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "folder")


def relative_link(path: Path, outside: Path) -> None:
    path.symlink_to(os.path.relpath(outside / "folder", path.parent))


def dangling(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "none")


def loop(path: Path, outside: Path) -> None:
    path.symlink_to(path.name)


def endless(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def sock(path: Path, outside: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)  # the path of a socket must be short


def other_name(path: Path, outside: Path) -> None:
    os.link(outside / "file", path)


def database(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "x.db")


def other_database(path: Path, outside: Path) -> None:
    os.link(outside / "x.db", path)


def journal_of_another(path: Path, outside: Path) -> None:
    """A journal that names a second one: SQLite would delete the file of that name."""
    name = os.fsencode(outside / "file")
    head = bytes.fromhex("d9d505f920a163d7") + b"\xff" * 4 + bytes(4) + bytes(4) + bytes(8)
    tail = b"".join(number.to_bytes(4, "big") for number in (len(name), sum(name)))
    end = bytes.fromhex("d9d505f920a163d7")
    path.write_bytes(head.ljust(512, b"\0") + (1).to_bytes(4, "big") + name + tail + end)


def objects(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "objects" / "ab")


# -- the members -------------------------------------------------------------------------------------------

LOOK = ("show -A", "list -A --json")
DATA = ("add data", "status", "checkout --force", "fsck")
EDIT = ("save -n mine", "note one -m x", "undo")
FILES: dict[str, tuple[str, ...]] = {
    "stat.sqlite": ("save -n mine", "status", "add data"),
    "stat.sqlite-journal": ("status", "add data"),
    "stat.sqlite-wal": ("status", "add data"),
    "stat.sqlite-shm": ("status",),
    "trash.json": ("remove -y one", "doctor --fix"),
    "trash.json.new": ("remove -y one",),
    "stages.index": ("run", "gc --yes"),
    "locks/refs": (*LOOK, "note one -m x"),
    "locks/names": ("save -n mine", "rename one two"),
    "locks/operations": ("note one -m x", "undo"),
    "locks/trash": ("remove -y one", "doctor --fix"),
    "locks/gc": ("gc --yes",),
    "locks/lock-file": ("add data",),
    "locks/workspace-.git": ("run -- true", "apply one --force", "undo"),
    "locks/outgoing": ("push",),
    "locks/gitexp-0": ("run --temp -n mine -- true", "doctor --fix"),
    "pending/1": (*LOOK, "note one -m x"),
    "pending/files-1": ("apply one --force", "undo"),
    f"objects/{HASH[:2]}/{HASH[2:]}": ("gc --yes", "fsck"),
    "runs/dead/state.json": (*LOOK, "doctor --fix"),
    "runs/dead/state.json.new": LOOK,
    "runs/dead/lock": LOOK,
    "runs/dead/output.log": (*LOOK, "log dead"),
    "runs/dead/environment.txt": (*LOOK, "log dead"),
    "runs/dead/kept.lock": LOOK,
    "runs/dead/gitexp.lock": LOOK,
    "runs/dead/stages.jsonl": LOOK,
    "runs/dead/reserve": LOOK,
    "runs/dead/left-folder": LOOK,
    "workers/dead/worker.json": ("queue", "queue stop --kill"),
    "workers/dead/log": ("queue", "queue start"),
    "workers/dead/stop": ("queue", "queue stop"),
}
# In the folder that Git has for an isolated workspace of gitexp's.
OF_A_WORKTREE = ("HEAD", "index", "logs/HEAD", "gitexp-conversions", "gitdir", "commondir", "ORIG_HEAD")
FILES |= {f"../worktrees/gitexp-0/{name}": ("run --temp -n mine -- true",) for name in OF_A_WORKTREE}
FOLDERS: dict[str, tuple[str, ...]] = {
    "": (*LOOK, "save -n mine", "add data"),
    "tmp": ("save -n mine", "apply one --force"),
    "locks": EDIT,
    "runs": ("run -- true", *LOOK),
    "worktrees": ("run --temp -- true", "doctor --fix"),
    "left": ("run --temp -- touch junk",),
    "pending": ("note one -m x", "undo"),
    "broken": ("fsck", "doctor --fix"),
    "objects": DATA,
    "objects/tmp": (*DATA, "gc --yes"),
    "objects/ab": (*DATA, "gc --yes"),
    "runs/dead": (*LOOK, "doctor --fix"),
    "workers": ("queue", "queue start"),
    "workers/dead": ("queue", "queue stop", "queue start"),
    "runs/dead/stages": (*LOOK, "log dead"),
    "worktrees/gitexp-0": ("run --temp -n mine -- touch junk", "doctor --fix"),
}
OF_FILES = (link, dangling, loop, endless, sock, other_name)
OF_FOLDERS = (link_to_folder, relative_link, dangling, loop, pipe)
MEMBERS = [
    Member("stat.sqlite", database, ("save -n mine", "status", "fsck")),
    Member("stat.sqlite", other_database, ("save -n mine", "status", "fsck")),
    Member("stat.sqlite-journal", journal_of_another, ("status", "add data")),
    Member("objects/ab", objects, ("gc --yes", "fsck", "add data", "doctor --fix")),
    Member("tmp", objects, ("save -n mine", "doctor --fix")),
]
# Each file has a pipe and one other kind, in turn; all kinds at each name would take minutes.
for _at, (_place, _commands) in enumerate(FILES.items()):
    MEMBERS.append(Member(_place, pipe, _commands))
    MEMBERS.append(Member(_place, OF_FILES[_at % len(OF_FILES)], _commands))
for _at, (_place, _commands) in enumerate(FOLDERS.items()):
    for _nr in range(2):
        MEMBERS.append(Member(_place, OF_FOLDERS[(_at + 3 * _nr) % len(OF_FOLDERS)], _commands))


# -- the repository, and what stands outside -----------------------------------------------------------------


@pytest.fixture(scope="module")
def unpacked(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with an experiment, data, and a run that died."""
    repo = copy_of(template, tmp_path_factory.mktemp("archive"))
    repo.allow("refs", "refs/heads/*")
    repo.write("model.py", "first = 1\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("model.py", "second = 2\n")
    repo.write(".gitignore", "/data\n/out\n")
    repo.write("data/a", "some data\n")
    repo.write("gitexp.yaml", "stages: {make: {cmd: cp params.yaml out, deps: [params.yaml], outs: [out]}}\n")
    repo.writes("gitexp.lock", "gitexp.yaml", ".gitignore")
    repo.gitexp("add", "-q", "data")
    repo.gitexp("run", "-q", "--temp", "-n", "apart", "--", "true")
    kill(repo, "run:created", "run", "-n", "dead", "--", "true")
    (folder,) = (repo.path / ".git" / "gitexp" / "runs").iterdir()
    folder.rename(folder.with_name("dead"))
    (known,) = (repo.path / ".git" / "worktrees").iterdir()
    named = known.rename(known.with_name("gitexp-0"))
    (repo.path / ".git/gitexp/worktrees/gitexp-0/.git").write_text(f"gitdir: {named}\n")
    worker = repo.path / ".git/gitexp/workers/dead"
    worker.mkdir(parents=True)
    process = current_process()._replace(started="long ago")  # a worker that has ended
    (worker / "worker.json").write_text(json.dumps({"process": process._asdict()}))
    for path in (repo.path / ".git" / "gitexp" / "objects").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return repo.path


@pytest.fixture
def lair(unpacked: Path, tmp_path: Path) -> Lair:
    folder = tmp_path / "repo"
    subprocess.run(["cp", "-a", str(unpacked), str(folder)], check=True)
    state = folder / ".git" / "gitexp" / "runs" / "dead" / "state.json"
    state.write_text(state.read_text().replace(str(unpacked), str(folder)))
    for moved in (folder / ".git/worktrees/gitexp-0/gitdir", folder / ".git/gitexp/worktrees/gitexp-0/.git"):
        moved.write_text(moved.read_text().replace(str(unpacked), str(folder)))
    (tmp_path / "theirs").mkdir()
    return Lair(Workspace(folder), tmp_path / "theirs")


def build(outside: Path) -> None:
    """Fill the folder outside: a file, a database, and another project's folders, all of them old."""
    (outside / "file").write_text(SECRET)
    for name in ("folder", "folder/gitexp-0123456789abcdef", "folder/dead", "folder/stages", "objects/ab"):
        (outside / name).mkdir(parents=True)
        (outside / name / "file").write_text(SECRET)
        (outside / name / "state.json").write_text("{}")
        process = current_process()._replace(started="long ago")
        (outside / name / "worker.json").write_text(json.dumps({"process": process._asdict()}))
        (outside / name / "log").write_text(SECRET)
    (outside / "folder" / f"gc-{HASH}").write_text(SECRET)
    (outside / "objects" / "ab" / HASH[2:]).write_text("damaged, and unused")
    with contextlib.closing(sqlite3.connect(outside / "x.db")) as made:
        made.executescript("CREATE TABLE files(a); INSERT INTO files VALUES (1); PRAGMA user_version = 77;")
    for path in (*outside.rglob("*"), outside):
        os.utime(path, (LONG_AGO, LONG_AGO))


def picture(top: Path) -> dict[str, tuple[object, ...]]:
    """All that stands below a folder: names, modes, times of modification and contents."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (top, *top.rglob("*")):
        of = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(top))] = (of.st_mode, of.st_mtime_ns, of.st_size, content)
    return found


@contextlib.contextmanager
def impatient(told: str) -> Iterator[None]:
    """Raise after `PATIENCE` seconds: a pipe would be waited for without end."""

    def ring(number: int, frame: object) -> None:
        raise AssertionError(f"hangs: {told}")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_nothing_is_reached_through_it(lair: Lair, member: Member) -> None:
    build(lair.outside)
    path = lair.path / ".git" / "gitexp" / member.place
    if path.is_dir() and not path.is_symlink():
        path.rename(lair.path.parent / "moved")
    else:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    member.make(path, lair.outside)
    before = picture(lair.outside)
    for command in member.commands:
        with impatient(command):
            done = lair.repo.gitexp(*command.split(), check=False)
        check_answer(done, command)
        assert SECRET not in done.stdout + done.stderr
        assert picture(lair.outside) == before, command
    found = subprocess.run(["git", "grep", "-q", SECRET, *_commits(lair)], cwd=lair.path, check=False)
    assert found.returncode == 1


def _commits(lair: Lair) -> list[str]:
    return lair.git("for-each-ref", "--format=%(objectname)", "refs/gitexp").split()


def test_there_are_enough() -> None:
    assert len(MEMBERS) >= 100
    assert len({member.name for member in MEMBERS}) == len(MEMBERS)


def test_a_data_remote_has_no_objects_behind_links(tmp_path: Path) -> None:
    """A folder that came with the archive: `gc` of it deletes nothing of another project."""
    (tmp_path / "theirs" / "ab").mkdir(parents=True)
    (tmp_path / "theirs" / "ab" / HASH[2:]).write_text(SECRET)
    (tmp_path / "remote").mkdir()
    (tmp_path / "remote" / "ab").symlink_to(tmp_path / "theirs" / "ab")
    before = picture(tmp_path / "theirs")
    with FolderRemote("r", "remote", tmp_path / "remote") as remote:
        assert list(remote.list()) == []
        with pytest.raises(errors.DataRemoteError):
            remote.remove(HASH)
    assert picture(tmp_path / "theirs") == before
