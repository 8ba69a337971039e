"""Isolated workspaces for runs: Git worktrees that are kept and used again.

Checking out 20,000 files takes seconds, changing a few of them takes none: so a worktree is not
removed after a run but cleaned before the next one. Each is a slot with a lock that dies with the
process holding it. HEAD there is the start snapshot itself, so tools that ask Git for the current
commit get the exact code.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.repo import live
from gitexp.repo.git import indexes
from gitexp.repo.git.locks import FileLock
from gitexp.repo.git.repository import FETCHING, Repository, is_true
from gitexp.repo.git.snapshot import is_below
from gitexp.repo.local import LocalState

_SLOTS = 256
_MADE_AGAIN = {
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"),
    *(".venv", "venv", ".tox", "node_modules"),
}
_DVC_TMP = re.compile(r"(?:.*/)?\.dvc/tmp/", re.DOTALL)
_DVC_CACHE = re.compile(r"(?:.*/)?\.dvc/cache/", re.DOTALL)
_LOCKED = "kept by gitexp for isolated runs"  # so that `git worktree prune` and `remove` leave it alone
# Whatever the user has set for worktrees of their own: all files, each looked at, submodules left
# alone, and no reflog, which would keep removed experiments from gc.
_OURS = (
    *("-c", "core.sparseCheckout=false"),
    *("-c", "core.trustctime=true"),
    *("-c", "core.checkStat=default"),
    *("-c", "core.logAllRefUpdates=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "worktree.guessRemote=false"),
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A kept worktree that no run has now. `broken`: Git does not know it, or it not Git.

    `idle_for` is how long ago it was last used, in seconds.
    """

    repo: Repository
    path: Path
    broken: bool
    idle_for: float

    def remove(self) -> None:
        """Remove the worktree, unless a run has taken it meanwhile; raises StorageError."""
        if (lock := LocalState(self.repo).try_lock(self.path.name)) is not None:
            try:
                _remove(self.repo, self.path)
                if os.path.lexists(self.path):
                    raise errors.StorageError("The folder could not be removed.")
            finally:
                lock.release()


def idle_slots(repo: Repository) -> list[Slot]:
    """Return the kept worktrees that no run has now."""
    local = LocalState(repo)
    found = []
    for path in sorted(local.worktrees.glob("gitexp-*")):
        if (lock := local.try_lock(path.name)) is None:
            continue
        lock.release()
        if not any(run.root == str(path) for run in live.live_runs(local)):
            git_dir = _git_dir(repo, path)
            used = ((git_dir or path) / ("HEAD" if git_dir else "")).lstat().st_mtime
            found.append(Slot(repo, path, git_dir is None, time.time() - used))
    return found


def is_known(repo: Repository, root: Path, git_dir: Path) -> bool:
    """Return whether the folder `root` is a worktree of the repository's, and `git_dir` its Git folder."""
    if (root, git_dir) == (repo.root, repo.git_dir):  # GIT_WORK_TREE may say so, and nothing else
        return True
    dot_git, common = root / ".git", Path(os.path.realpath(repo.common_dir))
    own = Path(os.path.realpath(dot_git)) if dot_git.is_dir() else _points_to(dot_git)
    if own != Path(os.path.realpath(git_dir)):
        return False
    linked = own.parent == common / "worktrees"
    return own == common or (linked and _points_to(own / "gitdir") == Path(os.path.realpath(dot_git)))


def everywhere(repo: Repository) -> list[Repository]:
    """Return this repository as seen from each of its worktrees whose folder is there, itself included."""
    found = {Path(os.path.realpath(repo.root)): repo}
    for at, block in enumerate(repo.run("worktree", "list", "--porcelain").split(b"\n\n")):
        first, *others = block.splitlines() or [b""]
        root = Path(os.fsdecode(first.removeprefix(b"worktree ")))
        # The first one is the main worktree, if there is one: a bare repository has none.
        git_dir = repo.common_dir if at == 0 else _points_to(root / ".git")
        if git_dir is not None and b"bare" not in others and root.is_dir():
            found.setdefault(Path(os.path.realpath(root)), repo.linked(root, git_dir))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class OutOfSight:
    """A worktree of the user's whose folder is not there: removed by hand, or on a disk that is not mounted.

    Attributes:
        root: the folder that is not there.
        git_dir: its folder in `.git/worktrees`, with its index.
        head: the commit of its HEAD, if any.
        is_locked: `git worktree lock` says that the folder comes again.
    """

    root: Path
    git_dir: Path
    head: str | None
    is_locked: bool


def out_of_sight(repo: Repository) -> list[OutOfSight]:
    """The worktrees that Git knows and whose folders are not there, without gitexp's own."""
    found = []
    own = os.path.realpath(LocalState(repo).worktrees)
    for git_dir in sorted((repo.common_dir / "worktrees").glob("*")):
        dot_git = _points_to(git_dir / "gitdir")
        if dot_git is None or dot_git.parent.is_dir() or os.path.realpath(dot_git.parent.parent) == own:
            continue
        head = repo.resolve(f"worktrees/{git_dir.name}/HEAD")
        found.append(OutOfSight(dot_git.parent, git_dir, head, os.path.lexists(git_dir / "locked")))
    return found


@contextlib.contextmanager
def checkout(repo: Repository, commit: str) -> Iterator[Repository]:
    """Give a worktree that holds `commit` and nothing else, as long as the block lasts."""
    slot, lock = _take_slot(LocalState(repo))
    try:
        yield _prepared(repo, slot, commit)
    finally:
        lock.release()


def share(repo: Repository, worktree: Repository, commit: str, paths: Sequence[str]) -> None:
    """Link those of `paths` that exist in `repo`'s own workspace into a worktree that holds `commit`.

    Raises SnapshotRefused for submodules that are not shared: they would be empty.
    """
    _refuse_submodules(repo, commit, paths)
    _link(repo.root, worktree.root, paths)


def settle(worktree: Repository, commit: str) -> None:
    """Tell the worktree that what its files say by now is `commit`."""
    worktree.run(*_OURS, "update-ref", "--no-deref", "HEAD", commit)
    worktree.run(*_OURS, "read-tree", "--reset", "--end-of-options", commit)


def keep_left(
    worktree: Repository,
    tree: str,
    share: Sequence[str],
    scratch: Path,
    target: Path,
    *,
    stored: Sequence[str] = (),
) -> list[str]:
    """Move what a run left in its worktree to `target`, as the next one cleans it; return what that is.

    What is in `tree` or at `stored` paths is stored, what is shared is only a link, and caches are made again
    by themselves.
    """
    index = scratch / "left"
    worktree.run("read-tree", "--end-of-options", tree, index=index)
    entries = worktree.run("ls-files", "--others", "-z", index=index).split(b"\0")[:-1]
    left = [os.fsdecode(entry).rstrip("/") for entry in entries]
    moved = []
    for name in _worth_keeping(worktree.root, [name for name in left if not is_below(name, stored)], share):
        with contextlib.suppress(OSError):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (worktree.root / name).rename(target / name)
            moved.append(name)
    return moved


def _worth_keeping(root: Path, names: Sequence[str], share: Sequence[str]) -> list[str]:
    """Return those of some untracked files that are neither shared nor made again by themselves."""
    shared = {path.rstrip("/") for path in share}
    links = {name for name in names if (root / name).is_symlink()}
    found = [
        name
        for name in names
        if not (name in shared and name in links)
        and _MADE_AGAIN.isdisjoint(name.split("/"))
        and not _DVC_TMP.match(name)
    ]
    # DVC's cache has second copies of a run's outputs, unless it is told to make these links into it.
    if links.isdisjoint(found):
        found = [name for name in found if not _DVC_CACHE.match(name)]
    return found


def _take_slot(local: LocalState) -> tuple[Path, FileLock]:
    for number in range(_SLOTS):
        name = f"gitexp-{number}"
        if (lock := local.try_lock(name)) is None:
            continue
        slot = local.worktrees / name
        # The results of a run that died here are still to be stored: its slot must not be cleaned yet.
        if not any(run.root == str(slot) for run in live.live_runs(local)):
            return slot, lock
        lock.release()
    raise errors.WorkspaceBusy(f"{_SLOTS} isolated runs are going on already.", "Wait for one to end.")


def _prepared(repo: Repository, slot: Path, commit: str) -> Repository:
    """Return the slot's worktree with `commit` in it; what cannot be cleaned is made anew."""
    if (git_dir := _git_dir(repo, slot)) is not None:
        with contextlib.suppress(errors.GitexpError, OSError):
            return _reset(repo.linked(slot, git_dir), commit)
    _remove(repo, slot)
    _add(repo, slot, commit)
    failpoint("worktree:added")
    if (git_dir := _git_dir(repo, slot)) is None:
        raise errors.GitFailed(f"Git made no worktree at {slot}.", "git worktree list shows what is there.")
    return _reset(repo.linked(slot, git_dir), commit)


def _add(repo: Repository, slot: Path, commit: str) -> None:
    """Make an empty worktree known to Git.

    `git worktree add` does that file by file, and killed in between leaves a worktree at which `git fsck`
    and `git gc` fail. It is left to Git where there is more to it than what gitrepository-layout says.
    """
    if repo.config.get("extensions.refstorage") or is_true(repo.config.get("extensions.worktreeconfig")):
        new = ("--detach", "--no-checkout", "--lock")
        repo.run(*_OURS, "worktree", "add", *new, "--", str(slot), commit)
        return
    known = repo.common_dir / "worktrees"
    names = (slot.name, *(f"{slot.name}-{number}" for number in range(_SLOTS)))
    git_dir = next(known / name for name in names if not os.path.lexists(known / name))
    slot.mkdir(parents=True)
    known.mkdir(exist_ok=True)
    with LocalState(repo).scratch() as scratch:
        (made := scratch / "worktree").mkdir()
        for name, text in (("HEAD", commit), ("commondir", "../.."), ("locked", _LOCKED)):
            (made / name).write_text(f"{text}\n", "utf-8", newline="\n")
        (made / "gitdir").write_bytes(os.fsencode((slot / ".git").as_posix()) + b"\n")
        (slot / ".git").write_bytes(b"gitdir: " + os.fsencode(git_dir.as_posix()) + b"\n")
        made.rename(git_dir)


def _git_dir(repo: Repository, slot: Path) -> Path | None:
    """Return the slot's folder in `worktrees/` if the two know each other, as after a move they do not.

    Its name is Git's choice: a worktree of the user's may have that of the slot.
    """
    git_dir = _points_to(slot / ".git")
    if git_dir is None or git_dir.parent != repo.common_dir / "worktrees":
        return None
    return git_dir if _points_to(git_dir / "gitdir") == slot / ".git" else None


def _points_to(file: Path) -> Path | None:
    """Return the path that stands in a file of Git's."""
    try:
        text = file.read_text("utf-8", "surrogateescape")
    except (OSError, UnicodeError):
        return None
    return Path(os.path.realpath(file.parent / text.removeprefix("gitdir: ").removesuffix("\n")))


def _reset(worktree: Repository, commit: str) -> Repository:
    """Make the worktree hold `commit` and nothing else, whatever a run has left there."""
    for lock in ("index.lock", "HEAD.lock"):
        (worktree.git_dir / lock).unlink(missing_ok=True)  # of a Git that was killed: the slot is ours
    worktree.run(*_OURS, "update-ref", "--no-deref", "HEAD", commit)
    worktree.run(*_OURS, "clean", "-ffdxq")
    failpoint("worktree:cleaned")
    if worktree.index.exists():
        indexes.look_everywhere(worktree, worktree.index)
    worktree.run(*_OURS, "read-tree", "--reset", "-u", "--end-of-options", commit, env=FETCHING)
    return worktree


def _remove(repo: Repository, slot: Path) -> None:
    """Remove what is left of a slot, also of one that was moved or copied with its repository."""
    if slot.is_file() or slot.is_symlink():
        slot.unlink()
    for folder, folders, _ in os.walk(slot):
        for name in folders:
            if not (Path(folder) / name).is_symlink():
                (Path(folder) / name).chmod(0o700)  # in a read-only folder nothing can be removed
    shutil.rmtree(slot, ignore_errors=True)
    with LocalState(repo).scratch() as scratch:
        for file in (repo.common_dir / "worktrees").glob("*/gitdir"):
            known = _points_to(file)
            if known is not None and known.parts[-4:] == ("gitexp", "worktrees", slot.name, ".git"):
                file.parent.rename(scratch / file.parent.name)  # file by file, Git would find half of it


def _refuse_submodules(repo: Repository, commit: str, share: Sequence[str]) -> None:
    entries = repo.run("ls-tree", "-r", "-z", "--end-of-options", commit)
    if b"\x00160000 " not in b"\0" + entries:
        return
    shared = {path.rstrip("/") for path in share}
    modules = [os.fsdecode(e.partition(b"\t")[2]) for e in entries.split(b"\0") if e.startswith(b"160000 ")]
    missing = [path for path in modules if path not in shared]
    if missing:
        raise errors.SnapshotRefused(
            f"An isolated run would not have the submodule: {', '.join(missing)}.",
            "List it under share: in gitexp.yaml to link it from the workspace.",
            paths=missing,
        )


def _link(source: Path, target: Path, share: Sequence[str]) -> None:
    for name in share:
        original, link = source / name, target / name
        if not os.path.lexists(original):
            continue
        if any((target / part).is_symlink() for part in PurePosixPath(name).parents):
            continue  # the code itself says where this is; a link made through it would be elsewhere
        if link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
            link.rmdir()  # an empty submodule folder
        if not os.path.lexists(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(original, target_is_directory=original.is_dir())
