"""Desks: folders for editors, outside of the repository, with a Git repository of their own.

Whatever Git is told there, the user's repository does not hear of it: a desk only reads its objects. The
folder is `gitexp-loop-<repository>-<random>` in the folder for temporary files:

lock     locked while the loop lives
code/    the code of the experiment, to be edited
loop/    what the editor is told
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gitexp import errors
from gitexp.folders import clear_away
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process import descendants
from gitexp.project import exclusions
from gitexp.project.project import Project
from gitexp.repo import worktrees
from gitexp.repo.git import snapshot
from gitexp.repo.git.locking import locks
from gitexp.repo.git.locking.locks import FileLock
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.snapshot import Snapshot
from gitexp.runs.code import commit_code
from gitexp.words import human_size

MARK = "GITEXP_LOOP_DESK"  # a variable of all processes of an editor: the folder
_LARGEST = 100 * 1024 * 1024  # bytes of a file that is looked at
_MOST_FILES = 100_000
_PIECE = 1 << 20


class Desk(NamedTuple):
    """A folder for one edit.

    Attributes:
        folder: the folder.
        lock: its lock.
    """

    folder: Path
    lock: FileLock

    @property
    def code(self) -> Path:
        """The code to be edited."""
        return self.folder / "code"

    @property
    def briefing(self) -> Path:
        """The folder of the files for the editor."""
        return self.folder / "loop"

    def clear(self) -> None:
        """Remove the folder."""
        clear_away(self.folder)
        self.lock.release()


def made(project: Project, base: Experiment) -> Desk:
    """A new desk with the code of an experiment. Raises GitexpError."""
    new = Path(tempfile.mkdtemp(prefix=".gitexp-loop-"))
    lock = locks.try_lock(new / "lock")
    assert lock is not None  # nobody else knows the folder
    folder = new.with_name(f"{_prefix(project)}{os.urandom(6).hex()}")
    new.rename(folder)  # after the lock: another loop takes an unlocked folder for the desk of a dead loop
    desk = Desk(folder, lock)
    desk.briefing.mkdir()
    with worktrees.checkout(project.repo, base.record.commit) as there:
        shutil.copytree(there.root, desk.code, symlinks=True, ignore=_without_git(there.root))
    _make_repository(project.repo, desk.code / ".git", base.record.commit)
    return desk


def clear_dead(project: Project) -> int:
    """The number of removed desks of dead loops. Their editors are ended, too."""
    count = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{Path(_prefix(project)).name}*"):
        if not folder.is_dir() or folder.is_symlink() or folder.stat().st_uid != os.getuid():
            continue
        lock = locks.try_lock(folder / "lock")
        if lock is None:
            continue
        _end_editors(folder)
        Desk(folder, lock).clear()
        count += 1
    return count


def stored(project: Project, desk: Desk, base: Experiment) -> Snapshot:
    """The edited code as a tree of the user's repository.

    The rules for a workspace apply: secrets, ignored files and large files are left out.
    Raises SnapshotRefused and the errors of the edited gitexp.yaml.
    """
    with worktrees.checkout(project.repo, base.record.commit) as there:
        try:
            _mirror(desk.code, there.root)
        except OSError as error:
            raise errors.SnapshotRefused(f"The edited files cannot be read: {error.strerror}.") from error
        code = commit_code.in_worktree(project, there, base.record, repeated=True)
        rules = snapshot.Rules(
            leave_out=exclusions.rule(there.root),
            max_untracked=code.config.max_untracked,
            results=code.config.results,
            elsewhere=code.elsewhere(),
        )
        with project.local.scratch() as scratch:
            return snapshot.take(there, scratch, rules)


def _prefix(project: Project) -> str:
    key = hashlib.sha256(os.fsencode(project.repo.common_dir.resolve())).hexdigest()[:12]
    return f"gitexp-loop-{key}-"


def _without_git(root: Path) -> Callable[[str, list[str]], list[str]]:
    def ignored(folder: str, names: list[str]) -> list[str]:
        return [".git"] if Path(folder) == root else []

    return ignored


def _make_repository(repo: Repository, git: Path, commit: str) -> None:
    """Make a repository with the user's objects as alternates, and without other ties to the user's."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "hooks"):
        (git / folder).mkdir(parents=True)
    config = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogAllRefUpdates = true\n"
    if form := repo.config.get("extensions.objectformat"):
        config = config.replace("= 0", "= 1") + f"[extensions]\n\tobjectFormat = {form}\n"
    texts = {
        "HEAD": "ref: refs/heads/loop\n",
        "refs/heads/loop": f"{commit}\n",
        "config": config,
        "objects/info/alternates": f"{repo.common_dir.resolve() / 'objects'}\n",
    }
    for name, text in texts.items():
        (git / name).write_bytes(os.fsencode(text))
    repo.run("read-tree", "--end-of-options", commit, index=git / "index")


def _end_editors(folder: Path) -> None:
    """End the processes of a dead loop's editor at a desk, on a system that shows processes."""
    if not descendants.CAN_SEE:
        return
    for found in Path("/proc").iterdir():
        if found.name.isdigit() and descendants.has_variable(int(found.name), f"{MARK}={folder}"):
            with contextlib.suppress(OSError):
                os.kill(int(found.name), signal.SIGKILL)


# -- from the desk into an isolated workspace ------------------------------------------------------------


def _mirror(source: Path, target: Path) -> None:
    """Give a folder the files and links of another; `.git` is left out. Raises OSError, SnapshotRefused."""
    wanted = set[str]()
    for path in _files(source):
        wanted.add(path)
        if len(wanted) > _MOST_FILES:
            raise errors.SnapshotRefused(f"The editor has left more than {_MOST_FILES:,} files.")
        _put(source / path, target / path, target)
    for path in list(_files(target)):
        if path not in wanted:
            (target / path).unlink()


def _files(top: Path) -> Iterator[str]:
    """The files and links below a folder, relative to it."""

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(top, onerror=fail):
        links = []
        for name in list(folders):
            if name.lower() == ".git":
                folders.remove(name)
            elif os.path.islink(os.path.join(folder, name)):  # noqa: PTH114, PTH118 - there may be many
                links.append(name)
        for name in (*names, *links):
            if name.lower() != ".git":
                yield os.path.relpath(os.path.join(folder, name), top)  # noqa: PTH118 - there may be many


def _put(source: Path, target: Path, top: Path) -> None:
    """Give one file the content of another, if it differs; links stay links, and pipes are left out."""
    of = source.lstat()
    if stat.S_ISLNK(of.st_mode):
        _make_room(target, top)
        target.unlink(missing_ok=True)
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(of.st_mode):
        if of.st_size > _LARGEST:
            raise errors.SnapshotRefused(f"{source.name} has {human_size(of.st_size)}: it is no code.")
        _make_room(target, top)
        if target.is_symlink():
            target.unlink()
        if not target.exists() or not _is_same(source, target):
            shutil.copyfile(source, target)
        target.chmod(stat.S_IMODE(of.st_mode) | stat.S_IRUSR | stat.S_IWUSR)


def _make_room(target: Path, top: Path) -> None:
    """Have folders above a path, and no folder at it."""
    for part in reversed(target.relative_to(top).parents[:-1]):
        folder = top / part
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            folder.unlink()
        folder.mkdir(exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)


def _is_same(source: Path, target: Path) -> bool:
    if source.stat().st_size != target.stat().st_size:
        return False
    with source.open("rb") as one, target.open("rb") as other:
        while piece := one.read(_PIECE):
            if piece != other.read(_PIECE):
                return False
    return True
