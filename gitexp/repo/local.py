"""The state of gitexp on this machine only, in `<git-common-dir>/gitexp/`: nearly all safe to lose.

tmp/          private indexes in use
locks/        files to lock; a lock dies with its process, see gitexp.repo.git.locking.locks
locks-are-files  there if no lock here is a flock
runs/<token>/ a live run, see gitexp.repo.live
worktrees/    isolated workspaces, reused from run to run
left/<name>/  undeclared files of an isolated run: not safe to lose, and never removed by gitexp
lost/<id>     a run of the queue whose process has died here; the name is the id of its start snapshot
workers/      the workers of the queue, see gitexp.extras.queue.workers
environments/ environments of Python that `gitexp reproduce` has built
engines/      the jobs of engines, see gitexp.extras.engines.jobs_file
pending/      operations under way, see gitexp.repo.operations
broken/       damaged files of refs and damaged objects, moved out of the way
objects/      contents of data and results, see gitexp.objects.store: not safe to lose
records/      records of many ended experiments, see gitexp.repo.record_cache
stat.sqlite   hashes of files not touched since, see gitexp.objects.stat_cache
"""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.folders import clear_away
from gitexp.repo.git.locking import locks
from gitexp.repo.git.repository import Repository

_IN_USE = ".lock"  # in a temporary folder, locked by whoever works there
_FOLDERS = (
    "tmp",
    "locks",
    "runs",
    "worktrees",
    "left",
    "pending",
    "broken",
    "objects",
    "said",
    "lost",
    "workers",
    "engines",
    "environments",
    "records",
)

# Where Git keeps what gitexp has it make; the last two have folders inside.
_OF_GIT = (
    *("worktrees", "logs/refs/gitexp", "refs/gitexp", "refs/gitexp/exps", "refs/gitexp/undo"),
    *("refs/gitexp/trash", "refs/gitexp/remotes"),
)


class LocalState:
    """The folder of one repository, shared by its worktrees."""

    def __init__(self, repo: Repository) -> None:
        self.root = repo.common_dir / "gitexp"
        self._locks = self.root / "locks"
        self.runs = self.root / "runs"
        self.lost = self.root / "lost"
        self.worktrees = self.root / "worktrees"
        self.workers = self.root / "workers"
        self.engines = self.root / "engines"
        self.broken = self.root / "broken"
        self.objects = self.root / "objects"
        self.pending = self.root / "pending"
        self.records = self.root / "records"
        self.stat_cache = self.root / "stat.sqlite"

    @property
    def is_shared(self) -> bool:
        """Whether other machines may use the folder."""
        return locks.are_files(self._locks / "any")

    def refuse_links(self) -> None:
        """Raise UntrustedRepository for a link among the folders: their contents are removed unasked."""
        # An archive may bring a `.git` with anything inside; a clone cannot. All that follows opens these
        # folders without following links too; the look before says so at once, and whatever is asked.
        common, linked = self.root.parent, _links_in(self.objects)
        for name in _OF_GIT[-2:]:
            linked += _links_in(common / name)
        own = [self.root, *(self.root / name for name in _FOLDERS), *(common / name for name in _OF_GIT)]
        for folder in (*own, *linked):
            with contextlib.suppress(OSError):
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise _is_no_folder(folder)

    def opened(self, folder: Path, *, make: bool = False) -> nofollow.Folder:
        """A folder in here, opened without following a link; raises OSError."""
        top = self.root.parent
        return nofollow.opened(top, folder.relative_to(top).as_posix(), make=make)

    def prepare(self) -> None:
        """Make the folder; raises ReadOnlyRepository."""
        self._make(self.runs, self.worktrees, self.root / "tmp", self.root / "locks")

    def _make(self, *folders: Path) -> None:
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.root, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise errors.ReadOnlyRepository(
                f"Cannot write in {self.root}: {error.strerror}.",
                "Check the permissions of the repository's .git folder.",
            ) from error

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder for the block alone."""
        self.prepare()
        for old in self.stale_scratch():
            clear_away(old)
        folder = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
        with contextlib.ExitStack() as held:
            held.callback(clear_away, folder)
            with contextlib.suppress(errors.StorageError):  # there can be no locks
                if (lock := locks.try_lock(folder / _IN_USE)) is not None:
                    held.callback(lock.release)
            yield folder

    def stale_scratch(self) -> list[Path]:
        """The temporary folders of processes long gone."""
        with contextlib.suppress(OSError):
            return [path for path in (self.root / "tmp").iterdir() if locks.is_abandoned(path, _IN_USE)]
        return []

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, after its present holder; raises WorkspaceBusy after 30 seconds."""
        held = locks.wait_lock(self._lock_file(name))
        try:
            yield
        finally:
            held.release()

    def try_lock(self, name: str) -> locks.FileLock | None:
        """The lock `name`; None while another process holds the lock."""
        return locks.try_lock(self._lock_file(name))

    def _lock_file(self, name: str) -> Path:
        self._make(self._locks)
        return self._locks / name


def _links_in(folder: Path) -> list[Path]:
    """The links in a folder where only folders stand."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [folder / entry.name for entry in entries if entry.is_symlink()]
    return []


def _is_no_folder(path: Path) -> errors.RepositoryError:
    if path.is_symlink():
        what, hint = "a link: gitexp would write and delete files where it leads", "Remove the link"
    else:
        what, hint = "no folder: gitexp cannot keep its files there", "Remove it"
    return errors.RepositoryError(
        f"{path} is {what}.", f"{hint}: rm {shlex.quote(str(path))}", code="untrusted-repository"
    )
