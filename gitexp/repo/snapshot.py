"""An exact copy of the workspace as a Git tree, made without touching the user's index.

The user's index is copied, with its time stamp (Git tells an entry that was changed in the index's
own clock tick by comparing the two: a newer copy would hide that change). All else happens in the
copy: `git status` finds what differs from it, this module decides what belongs in the snapshot or
must be refused, `git update-index` reads the files, `git write-tree` makes the tree.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp import errors
from gitexp.repo.conversions import keep_exact
from gitexp.repo.git import Repository

MAX_UNTRACKED = 10 * 1024 * 1024  # bytes; above it an untracked file is rather data than code

Verdict = str | None  # why an untracked path is left out, or None to keep it


@dataclass(frozen=True, slots=True)
class Rules:
    """What belongs in a snapshot.

    `leave_out(path)` says why an untracked path is not wanted, or None. `declared` paths (files or
    folders) are stored even where Git ignores them. `overlay` gives contents that stand in the
    snapshot in place of the disk's: params that are about to be written.
    """

    leave_out: Callable[[str], Verdict] = field(default=lambda path: None)
    max_untracked: int = MAX_UNTRACKED
    declared: Sequence[str] = ()
    overlay: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree id, and what a person should know of it (paths left out, conversions)."""

    tree: str
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Changes:
    """What `git status` and the disk say: paths to read into the index, and to drop from it."""

    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)


def take(repo: Repository, scratch: Path, rules: Rules) -> Snapshot:
    """Store the workspace as it stands and return its tree; `scratch` is an empty folder to work in.

    Raises UnmergedPaths, or SnapshotRefused naming every path that cannot be stored exactly;
    nothing but unreferenced objects is left behind then.
    """
    index = _private_index(repo, scratch)
    changes = _changes(repo, index)
    warnings = _sort_out_untracked(repo, changes, rules)
    declared = [path for path in files_below(repo.root, rules.declared) if path not in rules.overlay]
    changes.add = list(dict.fromkeys([*changes.add, *declared]))
    update_index(repo, index, changes.add, changes.remove)
    warnings += keep_exact(repo, index, changes.add)
    for path, content in rules.overlay.items():
        put(repo, index, path, repo.write_blob(content, path=path))
    tree = repo.run("write-tree", index=index, durable=True).decode().strip()
    return Snapshot(tree, tuple(warnings))


def with_files(
    repo: Repository, scratch: Path, tree: str, paths: Sequence[str], max_size: int
) -> tuple[str, list[str]]:
    """Return `tree` with the files at or below `paths` as they are on disk now, ignored ones too.

    What `tree` has there and the disk has not is gone from the result. Files over `max_size` bytes
    that `tree` does not know are left out and returned as well. Raises SnapshotRefused.
    """
    index = scratch / "results"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    known = set(_names(repo.run("ls-files", "-z", "--", *paths, index=index)) if paths else [])
    present = files_below(repo.root, paths)
    large = [p for p in present if p not in known and (repo.root / p).lstat().st_size > max_size]
    kept = [path for path in present if path not in large]
    update_index(repo, index, kept, sorted(known.difference(present)))
    keep_exact(repo, index, kept)
    return repo.run("write-tree", index=index, durable=True).decode().strip(), large


def know_untracked(repo: Repository, scratch: Path, rules: Rules) -> Path:
    """Return a private index that knows the workspace's untracked files, to compare with; none is stored."""
    index = _private_index(repo, scratch)
    found = [path for path in _changes(repo, index).untracked if not path.endswith("/")]
    new = [path for path in found if rules.leave_out(path) is None]
    if new:
        repo.run(
            "add",
            "--intent-to-add",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            stdin=_lines(new),
            index=index,
        )
    return index


def files_below(root: Path, paths: Iterable[str]) -> list[str]:
    """Return the files and symlinks at or below `paths`, relative to `root`, sorted.

    Symlinked folders are links, not entered; pipes, sockets and repositories inside are passed over.
    """
    found: set[str] = set()
    for path in paths:
        full = root / path
        if full.is_symlink() or full.is_file():
            found.add(path.rstrip("/"))
        elif full.is_dir():
            for folder, folders, files in os.walk(full):
                folders[:] = [name for name in folders if name != ".git"]
                links = [name for name in folders if (Path(folder) / name).is_symlink()]
                for name in (*files, *links):
                    file = Path(folder) / name
                    if stat.S_ISREG(mode := file.lstat().st_mode) or stat.S_ISLNK(mode):
                        found.add(file.relative_to(root).as_posix())
    return sorted(found)


def update_index(repo: Repository, index: Path, add: Sequence[str], remove: Sequence[str]) -> None:
    """Read files into a private index and drop others from it; raises SnapshotRefused."""
    if remove:
        repo.run("update-index", "--force-remove", "-z", "--stdin", stdin=_lines(remove), index=index)
    if add:
        status, _, err = repo.call(
            *("update-index", "--add", "--remove", "--replace", "-z", "--stdin"),
            stdin=_lines(add),
            index=index,
            durable=True,
        )
        if status != 0:
            raise _unreadable(err)


def put(repo: Repository, index: Path, path: str, blob: str) -> None:
    """Let `path` have the content `blob` in a private index, with the mode the file has on disk."""
    full = repo.root / path
    executable = full.is_file() and os.access(full, os.X_OK)
    line = f"{'100755' if executable else '100644'} {blob}\t".encode() + os.fsencode(path) + b"\0"
    repo.run("update-index", "-z", "--index-info", stdin=line, index=index)


def _private_index(repo: Repository, scratch: Path) -> Path:
    index = scratch / "index"
    try:
        shutil.copyfile(repo.index, index)
        of = repo.index.stat()
        os.utime(index, ns=(of.st_atime_ns, of.st_mtime_ns))
    except FileNotFoundError:
        repo.run("read-tree", "HEAD", index=index)
    _clear_blindfolds(repo, index)
    return index


def _clear_blindfolds(repo: Repository, index: Path) -> None:
    """Make Git look at files that the user told it to pass over (assume-unchanged, skip-worktree).

    A skip-worktree entry whose file is not on disk belongs to a sparse checkout and stays as it is.
    """
    flagged = [
        entry
        for entry in repo.run("ls-files", "-v", "-z", index=index).split(b"\0")
        if entry and entry[0:1] not in (b"H", b"M")
    ]
    assumed = [entry[2:] for entry in flagged if entry[0:1].islower()]
    skipped = [
        entry[2:]
        for entry in flagged
        if entry[0:1] in (b"S", b"s") and os.path.lexists(os.path.join(os.fsencode(repo.root), entry[2:]))  # noqa: PTH118 - bytes
    ]
    for option, paths in (("--no-assume-unchanged", assumed), ("--no-skip-worktree", skipped)):
        if paths:
            text = b"".join(path + b"\0" for path in paths)
            repo.run("update-index", option, "-z", "--stdin", stdin=text, index=index)


def _changes(repo: Repository, index: Path) -> _Changes:
    """Return how the disk differs from the index; raises UnmergedPaths or SnapshotRefused."""
    args = ("status", "--porcelain=v2", "-z", "--no-renames", "--no-ahead-behind")
    status, out, err = repo.call(*args, "--untracked-files=all", "--ignore-submodules=none", index=index)
    if status != 0 or "could not open directory" in err or "unable to access" in err:
        raise _unreadable(err)
    changes, unmerged, special, modules = _Changes(), list[str](), list[str](), list[str]()
    for entry in out.split(b"\0"):
        match entry[:1]:
            case b"1":
                _, states, module, _, _, work_mode, _, _, name = entry.split(b" ", 8)
                path = os.fsdecode(name)
                if states[1:2] == b".":
                    continue
                if module[2:3] == b"M" or module[3:4] == b"U":
                    modules.append(path)
                elif _is_special(repo.root / path):
                    special.append(path)
                elif work_mode == b"000000":
                    changes.remove.append(path)
                else:
                    changes.add.append(path)
            case b"u":
                unmerged.append(os.fsdecode(entry.split(b" ", 10)[10]))
            case b"?":
                changes.untracked.append(os.fsdecode(entry[2:]))
    if unmerged:
        raise errors.UnmergedPaths(
            f"A merge is not finished: {shorten(unmerged)}.", "Resolve the conflicts (git status), then run."
        )
    if modules:
        raise errors.SnapshotRefused(
            f"A submodule has changes that this repository cannot store: {shorten(modules)}.",
            "Commit inside the submodule (or clean it), then run.",
            paths=modules,
        )
    if special:
        raise errors.SnapshotRefused(
            f"A tracked path is now a pipe, socket or device: {shorten(special)}.",
            "Put the file back, or remove the path, then run.",
            paths=special,
        )
    return changes


def _is_special(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def _sort_out_untracked(repo: Repository, changes: _Changes, rules: Rules) -> list[str]:
    """Move the untracked paths that belong in the snapshot to `add`; return what was left out and why."""
    left_out: dict[str, list[str]] = {}
    nested, large = [], []
    declared = {path.rstrip("/") for path in rules.declared}
    for path in changes.untracked:
        wanted = path in declared or path in rules.overlay
        if not wanted and (why := rules.leave_out(path)) is not None:
            left_out.setdefault(why, []).append(path)
        elif path.endswith("/"):
            nested.append(path)
        elif path not in rules.overlay:
            size = (repo.root / path).lstat().st_size
            if size > rules.max_untracked and not wanted:
                large.append(f"{path} ({human_size(size)})")
            changes.add.append(path)
    if nested:
        raise errors.SnapshotRefused(
            f"A repository inside this one cannot be stored with it: {shorten(nested)}.",
            "Ignore it (.gitignore or .gitexpignore), or add it as a submodule.",
            paths=nested,
        )
    if large:
        raise errors.SnapshotRefused(
            f"Untracked files over {human_size(rules.max_untracked)}: {shorten(large)}.",
            "Ignore them (.gitignore or .gitexpignore), declare results under outs: in gitexp.yaml, "
            "or raise max_untracked: there.",
            paths=large,
        )
    return [f"left out, {why}: {shorten(paths)}" for why, paths in left_out.items()]


def _unreadable(err: str) -> errors.GitexpError:
    if "no space left" in err.lower():
        return errors.StorageError("The disk is full: the workspace could not be stored.", "Free some space.")
    lines = [
        line.split(": ", 1)[-1] for line in err.splitlines() if line.startswith(("error", "warn", "fatal"))
    ]
    what = "; ".join(dict.fromkeys(lines)) or err.strip()
    return errors.SnapshotRefused(
        f"The workspace cannot be stored exactly: {what}.",
        "Make the file readable, or fix or ignore it, then run.",
        paths=lines,
    )


def shorten(paths: Sequence[str], most: int = 5) -> str:
    """Return the first few paths and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more:,} more" if more > 0 else "")


def human_size(size: float) -> str:
    """Return a size in bytes as people write it: 10 MB is 10 * 1024 * 1024 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def _lines(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _names(out: bytes) -> list[str]:
    return [os.fsdecode(name) for name in out.split(b"\0") if name]
