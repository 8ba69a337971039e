"""Isolated workspaces for runs: Git worktrees, kept and used again.

To check out 20,000 files takes seconds, to change a few of them takes none: so a worktree stays after a run
and is cleaned before the next run. Each is a slot with a lock that dies with its process. HEAD of the
worktree is the start snapshot itself: tools that ask Git for the current commit get the exact code.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, is_behind_link, make_folder, open_folders, remove_folder, walk_folder
from gitexp.named_tuple import NamedTuple
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.repo import live, node_disk, shared_modules
from gitexp.repo.git import conversions, indexes
from gitexp.repo.git.belonging import points_to
from gitexp.repo.git.conversions import USERS, Conversions
from gitexp.repo.git.git_calls import FETCHING, is_true
from gitexp.repo.git.locking.locks import FileLock
from gitexp.repo.git.repository import Repository
from gitexp.repo.local import LocalState

_SLOTS = 256
_TRIES = 100  # to have a folder among Git's worktrees beside a Git that deletes the empty parent
_LINK = "120000"  # the mode of a tree's entry for a link
_CONVERTED = "gitexp-conversions"  # in the worktree's Git folder: what decided how its files are converted
_LOCKED = "kept by gitexp for isolated runs"  # so `git worktree prune` and `remove` leave it alone
# Whatever the user has set for their own worktrees: all files, each looked at, submodules left alone, and no
# reflog, which would keep removed experiments from gc.
_OURS = (
    *("-c", "core.sparseCheckout=false"),
    *("-c", "core.trustctime=true"),
    *("-c", "core.checkStat=default"),
    *("-c", "core.logAllRefUpdates=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "worktree.guessRemote=false"),
)


class Slot(NamedTuple):
    """A kept worktree that no run is using.

    Attributes:
        repo: the repository.
        path: the folder.
        broken: Git and the folder do not know each other.
        idle_for: time since its last use, in seconds.
    """

    repo: Repository
    path: Path
    broken: bool
    idle_for: float

    def remove(self) -> None:
        """Remove the worktree, unless a run has taken the slot meanwhile; raises StorageError."""
        lock = LocalState(self.repo).try_lock(self.path.name)
        if lock is None:
            return
        try:
            _remove(self.repo, self.path)
            if os.path.lexists(self.path):
                raise errors.StorageError("The folder could not be removed.")
        finally:
            lock.release()


def idle_slots(repo: Repository) -> list[Slot]:
    """The kept worktrees without a run."""
    local = LocalState(repo)
    found = []
    for path in sorted(local.worktrees.glob("gitexp-*")):
        if (lock := local.try_lock(path.name)) is None:
            continue
        lock.release()
        if not any(run.root == str(path) for run in live.live_runs(local)):
            git_dir = _git_dir(repo, path)
            used = path
            if git_dir is not None:
                used = git_dir / "HEAD"
            with contextlib.suppress(FileNotFoundError):  # a run has taken the slot meanwhile
                found.append(Slot(repo, path, git_dir is None, time.time() - used.lstat().st_mtime))
    return found


def is_known(repo: Repository, root: Path, git_dir: Path) -> bool:
    """Whether the folder `root` is a worktree of the repository, and `git_dir` its Git folder."""
    if (root, git_dir) == (repo.root, repo.git_dir):  # GIT_WORK_TREE may say so, and nothing else
        return True
    dot_git, common = root / ".git", Path(os.path.realpath(repo.common_dir))
    own = Path(os.path.realpath(dot_git)) if dot_git.is_dir() else points_to(dot_git)
    if own != Path(os.path.realpath(git_dir)):
        return False
    linked = own.parent == common / "worktrees"
    return own == common or (linked and points_to(own / "gitdir") == Path(os.path.realpath(dot_git)))


def everywhere(repo: Repository) -> list[Repository]:
    """This repository, seen from each of its worktrees with a folder; itself included."""
    found = {Path(os.path.realpath(repo.root)): repo}
    for at, block in enumerate(repo.run("worktree", "list", "--porcelain").split(b"\n\n")):
        first, *others = block.split(b"\n")
        root = Path(os.fsdecode(first.removeprefix(b"worktree ")))
        # The first is the main worktree, but for a bare repository.
        git_dir = repo.common_dir if at == 0 else points_to(root / ".git")
        if git_dir is not None and b"bare" not in others and root.is_dir():
            found.setdefault(Path(os.path.realpath(root)), repo.linked(root, git_dir))
    return list(found.values())


class OutOfSight(NamedTuple):
    """A worktree of the user's with a missing folder: removed by hand, or on an unmounted disk.

    Attributes:
        root: the missing folder.
        git_dir: its folder in `.git/worktrees`, with its index.
        head: the commit of its HEAD, if any.
        is_locked: by `git worktree lock`: the folder comes again. Not for gitexp's own on a node's disk.
    """

    root: Path
    git_dir: Path
    head: str | None
    is_locked: bool


def out_of_sight(repo: Repository) -> list[OutOfSight]:
    """The worktrees known to Git with missing folders, without gitexp's own in the repository."""
    found = []
    own = os.path.realpath(LocalState(repo).worktrees)
    for git_dir in sorted((repo.common_dir / "worktrees").glob("*")):
        dot_git = points_to(git_dir / "gitdir")
        if dot_git is None or dot_git.parent.is_dir() or os.path.realpath(dot_git.parent.parent) == own:
            continue
        head = repo.resolve(f"worktrees/{git_dir.name}/HEAD")
        is_locked = os.path.lexists(git_dir / "locked") and not node_disk.is_slot(dot_git.parent)
        found.append(OutOfSight(dot_git.parent, git_dir, head, is_locked))
    return found


@contextlib.contextmanager
def checkout(
    repo: Repository, commit: str, converting: Conversions = USERS, disk: str = ""
) -> Iterator[Repository]:
    """Give a worktree with `commit` and nothing else while the block lasts.

    With `disk`, a folder on a disk of this machine alone, the worktree stands in this folder, and is removed
    at the end. Raises StorageError if the folder cannot be used.
    """
    local = LocalState(repo)
    folder, prefix = local.worktrees, "gitexp-"
    if disk:
        folder, prefix = node_disk.prepared(disk, repo.common_dir), node_disk.PREFIX
    slot, lock = _take_slot(local, folder, prefix)
    try:
        yield _prepared(repo, slot, commit, converting)
    finally:
        if disk and not is_kept(slot) and not _is_awaited(local, slot):
            _remove(repo, slot)
            node_disk.clear(folder)
        lock.release()


def share(repo: Repository, worktree: Repository, commit: str, paths: Sequence[str]) -> None:
    """Link those of `paths` that exist in `repo`'s own workspace into a worktree with `commit`.

    Raises SnapshotRefused for submodules that the worktree would not have as `commit` has them.
    """
    shared_modules.refuse(repo, commit, paths)
    _link(repo.root, worktree.root, paths)


def keep(root: Path) -> None:
    """Have later runs leave a worktree alone until its folder is removed."""
    with contextlib.suppress(OSError):
        _mark_of_kept(root).touch()


def is_kept(slot: Path) -> bool:
    """Whether somebody is to look at a worktree; not after its folder was removed."""
    mark = _mark_of_kept(slot)
    if slot.is_dir():
        return mark.exists()
    mark.unlink(missing_ok=True)
    return False


def _mark_of_kept(root: Path) -> Path:
    return root.with_name(f".kept-{root.name}")


def take_along(repo: Repository, worktree: Repository, paths: Sequence[str]) -> None:
    """Give files of a worktree the bytes that they have in the workspace of `repo`: Git has lost some."""
    with LocalState(worktree).scratch() as scratch:
        for path in paths:
            shutil.copyfile(repo.root / path, scratch / "exact")
            _put_exact(worktree, scratch / "exact", path)


def settle(worktree: Repository, commit: str) -> None:
    """Have the worktree know `commit` for the present state of its files."""
    worktree.run(*_OURS, "update-ref", "--no-deref", "HEAD", commit)
    worktree.run(*_OURS, "read-tree", "--reset", "--end-of-options", commit)


def is_isolated(repo: Repository, root: Path) -> bool:
    """Whether a folder is an isolated workspace of a repository."""
    return root.parent == LocalState(repo).worktrees or node_disk.is_slot(root)


def _is_awaited(local: LocalState, slot: Path) -> bool:
    """Whether a run that goes on, or has died, has results in a worktree that are still to be stored.

    On disks of several machines, worktrees have the same names.
    """
    for run in live.live_runs(local):
        root = Path(run.root)
        if root == slot or (node_disk.is_slot(slot) and node_disk.is_slot(root) and root.name == slot.name):
            return True
    return False


def _take_slot(local: LocalState, folder: Path, prefix: str) -> tuple[Path, FileLock]:
    for number in range(_SLOTS):
        name = f"{prefix}{number}"
        if (lock := local.try_lock(name)) is None:
            continue
        slot = folder / name
        if is_kept(slot):
            lock.release()
            continue
        # A run that died here has results to be stored: the slot must not be cleaned yet.
        if not _is_awaited(local, slot):
            return slot, lock
        lock.release()
    raise errors.WorkspaceBusy(f"{_SLOTS} isolated runs are going on already.", "Wait for one to end.")


def _prepared(repo: Repository, slot: Path, commit: str, converting: Conversions) -> Repository:
    """The slot's worktree with `commit`, made anew if the old worktree cannot be cleaned."""
    if (git_dir := _git_dir(repo, slot)) is not None:
        with contextlib.suppress(errors.GitexpError, OSError):
            return _reset(repo.linked(slot, git_dir, converting.settings), commit, converting.exact)
    _remove(repo, slot)
    _add(repo, slot, commit)
    failpoint("worktree:added")
    if (git_dir := _git_dir(repo, slot)) is None:
        raise errors.GitFailed(f"Git made no worktree at {slot}.", "git worktree list shows what is there.")
    return _reset(repo.linked(slot, git_dir, converting.settings), commit, converting.exact)


def _add(repo: Repository, slot: Path, commit: str) -> None:
    """Make an empty worktree known to Git.

    `git worktree add` writes file by file, and leaves after a kill a worktree at which `git fsck` and `git
    gc` fail. Only a repository with more than gitrepository-layout(5) describes is left to Git.
    """
    if repo.config.get("extensions.refstorage") or is_true(repo.config.get("extensions.worktreeconfig")):
        new = ("--detach", "--no-checkout", "--lock")
        repo.run(*_OURS, "worktree", "add", *new, "--", str(slot), commit)
        return
    # No name is used twice: a prune that saw the old folder go may still be about to delete its name.
    git_dir = repo.common_dir / "worktrees" / f"{slot.name}-{os.urandom(4).hex()}"
    slot.mkdir(parents=True)
    with LocalState(repo).scratch() as scratch:
        (made := scratch / "worktree").mkdir()
        for name, text in (("HEAD", commit), ("commondir", "../.."), ("locked", _LOCKED)):
            (made / name).write_text(f"{text}\n", "utf-8", newline="\n")
        (made / "gitdir").write_bytes(os.fsencode((slot / ".git").as_posix()) + b"\n")
        (slot / ".git").write_bytes(b"gitdir: " + os.fsencode(git_dir.as_posix()) + b"\n")
        _make_known(made, git_dir)


def _make_known(made: Path, git_dir: Path) -> None:
    """Move a worktree's folder into Git's own, which `git worktree prune` and `git gc` delete when empty."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            make_folder(git_dir.parent)
            made.rename(git_dir)
            return
    made.rename(git_dir)


def _git_dir(repo: Repository, slot: Path) -> Path | None:
    """The slot's folder in `worktrees/`; None if the two do not know each other, for instance after a move.

    Its name is not the slot's: see `_add`.
    """
    git_dir = points_to(slot / ".git")
    if git_dir is None or git_dir.parent != repo.common_dir / "worktrees" or not _has_plain_files(git_dir):
        return None
    if points_to(git_dir / "gitdir") != slot / ".git":
        return None
    return git_dir


def _has_plain_files(git_dir: Path) -> bool:
    """Whether no link, pipe or second name of a file is in a worktree's folder: Git writes through links."""
    for found in walk_folder(git_dir):
        for name in found.files:
            try:
                of = (Path(found.path) / name).lstat()
            except FileNotFoundError:  # the lock of a Git beside this process
                continue
            if not (nofollow.is_plain(of) or stat.S_ISSOCK(of.st_mode)):  # Git's fsmonitor has a socket there
                return False
    return True


def _reset(worktree: Repository, commit: str, exact: Sequence[str]) -> Repository:
    """Make the worktree hold `commit` and nothing else, whatever a run has left.

    The files `exact` get the bytes stored, without Git's conversions.
    """
    for lock in ("index.lock", "HEAD.lock"):
        (worktree.git_dir / lock).unlink(missing_ok=True)  # of a Git that was killed: the slot is ours
    worktree.run(*_OURS, "update-ref", "--no-deref", "HEAD", commit)
    with LocalState(worktree).scratch() as scratch:
        worktree.ask_disk(scratch)
    was_used = worktree.index.exists()
    if was_used:
        indexes.look_everywhere(worktree, worktree.index)
        _forget_touched(worktree)
    # Only now: a file that a run has written is no longer known, and goes if `commit` does not have it.
    worktree.run(*_OURS, "clean", "-ffdxq")
    failpoint("worktree:cleaned")
    listing = _read_tree(worktree, commit)
    noted = worktree.git_dir / _CONVERTED
    before, now = _text_of(noted), conversions.fingerprint(worktree, listing)
    if was_used and before != now:  # Git leaves a file alone whose blob stays, whatever converted it
        worktree.index.unlink()
        listing = _read_tree(worktree, commit)
    if before != now:
        noted.write_text(now, "utf-8")
    failpoint("worktree:read")
    _write_exact(worktree, listing, exact)
    return worktree


def _forget_touched(worktree: Repository) -> None:
    """Have the index forget the files written since: Git would compare them after conversions."""
    touched = worktree.run("diff-files", "--name-only", "-z", "--ignore-submodules=all").split(b"\0")[:-1]
    indexes.update(worktree, worktree.index, [], [os.fsdecode(name) for name in touched])


def _read_tree(worktree: Repository, commit: str) -> indexes.Listing:
    """Write the files of a commit; the entries of the index then."""
    worktree.run(*_OURS, "read-tree", "--reset", "-u", "--end-of-options", commit, env=FETCHING)
    return indexes.listing(worktree, worktree.index)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeError):
        return ""


def _write_exact(worktree: Repository, listing: indexes.Listing, exact: Sequence[str]) -> None:
    """Write files as they are stored. The index does not know the new stamps: the next reset writes anew."""
    wanted = {}
    for path in exact:
        entry = listing.entry(path)
        if entry is not None and entry[0] != _LINK:
            wanted[path] = entry[1]
    blobs = worktree.read_blobs([*wanted.values()], most=None)
    with LocalState(worktree).scratch() as scratch:
        for path, blob in zip(wanted, blobs, strict=True):
            (scratch / "exact").write_bytes(blob or b"")
            _put_exact(worktree, scratch / "exact", path)


def _put_exact(worktree: Repository, new: Path, path: str) -> None:
    """Put a file in place of Git's checked-out file, with its mode."""
    with contextlib.suppress(FileNotFoundError):
        new.chmod(stat.S_IMODE((worktree.root / path).lstat().st_mode))
    WorkspaceFiles(worktree.root).put(str(new), path)
    failpoint("worktree:exact")


def _remove(repo: Repository, slot: Path) -> None:
    """Remove the rest of a slot, even after the repository was moved or copied."""
    if slot.is_file() or slot.is_symlink():
        slot.unlink()
    open_folders(slot)  # in a read-only folder nothing can be removed
    clear_away(slot)
    with LocalState(repo).scratch() as scratch:
        for file in (repo.common_dir / "worktrees").glob("*/gitdir"):
            known = points_to(file)
            if known is not None and known.parts[-4:] == ("gitexp", "worktrees", slot.name, ".git"):
                _remove_known(file.parent, scratch)


def _remove_known(git_dir: Path, scratch: Path) -> None:
    """Remove a worktree's folder in Git's own, at once: or Git would find half of it."""
    try:
        git_dir.rename(scratch / git_dir.name)
    except OSError as error:
        # overlayfs renames no folder of a lower layer, as after the copy of a project into an image.
        if error.errno != errno.EXDEV:
            raise
        remove_folder(git_dir)


def _link(source: Path, target: Path, share: Sequence[str]) -> None:
    for name in share:
        original, link = source / name, target / name
        if not os.path.lexists(original):
            continue
        if is_behind_link(target, name):
            continue  # the code has a link there; a link made through it would be elsewhere
        if link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
            link.rmdir()  # an empty submodule folder
        if not os.path.lexists(link):
            make_folder(link.parent)
            link.symlink_to(original, target_is_directory=original.is_dir())
