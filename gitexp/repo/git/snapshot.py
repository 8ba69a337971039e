"""An exact copy of the workspace as a Git tree, made without touching the user's index.

The user's index is copied, with its time stamp (Git tells an entry that was changed in the index's
own clock tick by comparing the two: a newer copy would hide that change). All else happens in the
copy: `git status` finds what differs from it, this module decides what belongs in the snapshot or
must be refused, `git update-index` reads the files, `git write-tree` makes the tree.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.repo.git import indexes
from gitexp.repo.git.conversions import blob_of, keep_exact
from gitexp.repo.git.repository import Repository, is_true
from gitexp.words import human_size, shorten

MAX_UNTRACKED = 10 * 1024 * 1024  # bytes; above it an untracked file is rather data than code

_SUBMODULE = b"160000"  # the mode of a commit of another repository
_HEAD = b"# branch.oid "  # how Git's line on HEAD begins; before the first commit it says (initial)
_UNSEEN = re.compile("could not open directory|unable to access|Permission denied|Input/output error")

Verdict = str | None  # why an untracked path is left out, or None to keep it


@dataclass(frozen=True, slots=True)
class Rules:
    """What belongs in a snapshot.

    `leave_out(path)` says why an untracked path is not wanted, or None. Untracked files over
    `max_untracked` bytes are refused, at or below `results` left out. What is at or below `elsewhere` is
    left out without a word: its place is not Git. `declared` paths (files or
    folders) are stored even where Git ignores them. `overlay` gives contents that stand in the
    snapshot in place of the disk's: params that are about to be written.
    """

    leave_out: Callable[[str], Verdict] = field(default=lambda path: None)
    max_untracked: int = MAX_UNTRACKED
    results: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    declared: Sequence[str] = ()
    overlay: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree id, and what a person should know of it (paths left out, conversions)."""

    tree: str
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Changes:
    """How the disk differs from the index.

    `add` are tracked paths to be read, `remove` those to be dropped; `untracked` ends in a slash for
    a repository. A snapshot cannot be made of the others: `special` are pipes, sockets and devices
    where a tracked file was, `modules` submodules with changes of their own. `attributes`: what Git
    converts is not what it was at HEAD. `head` is the commit whose tree the index holds; "" if it holds
    another one.
    """

    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)
    unmerged: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    attributes: bool = False
    head: str = ""


def take(repo: Repository, scratch: Path, rules: Rules) -> Snapshot:
    """Store the workspace as it stands and return its tree; `scratch` is an empty folder to work in.

    Raises UnmergedPaths, or SnapshotRefused naming every path that cannot be stored exactly;
    nothing but unreferenced objects is left behind then.
    """
    _refuse_foreign(repo.root, rules.overlay)
    index = scratch / "index"
    listing = indexes.copy(repo, index)
    changes = _changes(repo, index)
    _refuse(changes)
    _find_declared(repo, listing, changes, rules)
    warnings = _sort_out_untracked(repo, changes, rules)
    is_clean = not (changes.add or changes.remove or changes.attributes or rules.overlay)
    if is_clean and changes.head and (head_tree := repo.resolve(changes.head, "tree")) is not None:
        return Snapshot(head_tree, tuple(warnings))
    from_disk = [path for path in changes.add if path not in rules.overlay]
    indexes.update(repo, index, from_disk, changes.remove, _entries(repo, listing, rules.overlay))
    if changes.attributes:
        tracked = dict.fromkeys([*listing.paths(), *from_disk])
        from_disk = [path for path in tracked if path not in rules.overlay]
    warnings += _inexact(keep_exact(repo, index, scratch, from_disk, new_attributes=changes.attributes))
    tree = repo.run("write-tree", index=index, durable=True).decode().strip()
    return Snapshot(tree, tuple(warnings))


def with_files(
    repo: Repository,
    scratch: Path,
    tree: str,
    below: Sequence[str],
    files: Sequence[str],
    contents: Mapping[str, bytes] | None = None,
) -> Snapshot:
    """Return `tree` in which `files`, as they are on disk now, are all that stands at or below `below`.

    Of the `contents`, by path, the disk does not count.
    Raises SnapshotRefused if one of them cannot be read.
    """
    if not files and not contents and not _has_any(repo, tree, below):
        return Snapshot(tree, ())
    index = scratch / "results"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    known = set(indexes.files(repo, index, below))
    entries = {path: ("100644", repo.write_blob(content)) for path, content in (contents or {}).items()}
    files = [path for path in files if path not in entries]
    indexes.update(repo, index, files, sorted(known.difference(files, entries)), entries)
    warnings = _inexact(keep_exact(repo, index, scratch, files))
    return Snapshot(repo.run("write-tree", index=index, durable=True).decode().strip(), tuple(warnings))


def _has_any(repo: Repository, tree: str, paths: Sequence[str]) -> bool:
    """Whether something stands at one of these paths of a tree."""
    names = [f"{tree}:{PurePosixPath(path)}" for path in paths if PurePosixPath(path).parts]
    return len(names) < len(paths) or any(repo.ids_of(names))


def with_contents(repo: Repository, scratch: Path, tree: str, contents: Mapping[str, bytes]) -> str:
    """Return `tree` with these contents of files, whatever the disk has."""
    index = scratch / "contents"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    blobs = {path: ("100644", repo.write_blob(content)) for path, content in contents.items()}
    indexes.put(repo, index, blobs)
    return repo.run("write-tree", index=index, durable=True).decode().strip()


def _inexact(paths: Sequence[str]) -> list[str]:
    said = "stored as Git's attributes convert it, not byte for byte: "
    return [said + shorten(paths)] if paths else []


def know_untracked(repo: Repository, scratch: Path, rules: Rules) -> Path:
    """Return a private index that knows the workspace's untracked files, to compare with; none is stored."""
    index = scratch / "index"
    indexes.copy(repo, index)
    found = [path for path in _changes(repo, index).untracked if not path.endswith("/")]
    new = [path for path in found if rules.leave_out(path) is None]
    if new:
        repo.run(
            "add",
            "--intent-to-add",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            stdin=b"".join(os.fsencode(path) + b"\0" for path in new),
            index=index,
        )
    return index


def files_below(root: Path, paths: Iterable[str]) -> list[str]:
    """Return the files and symlinks at or below `paths`, relative to `root`, sorted.

    A path behind a symlink stands for that link. Pipes and sockets are passed over, and so are
    repositories inside and what is in them: this one cannot hold their files.
    """
    found: set[str] = set()
    for path in map(PurePosixPath, paths):
        for part in (*reversed(path.parents[:-1]), path):
            full = root / part
            if full.is_symlink() or full.is_file():
                found.add(part.as_posix())
                break
            if _is_repository(full):
                break
        else:
            found.update(file.relative_to(root).as_posix() for file in _walk(root / path))
    return sorted(found)


def _walk(top: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(top):
        folder = Path(name)
        links = [folder / name for name in folders if (folder / name).is_symlink()]
        folders[:] = [name for name in folders if not _is_repository(folder / name)]
        for file in (*links, *(folder / name for name in files)):
            if file.is_symlink() or file.is_file():
                yield file


def _is_repository(folder: Path) -> bool:
    return os.path.lexists(folder / ".git")


def _changes(repo: Repository, index: Path) -> _Changes:
    """Return how the disk differs from the index; raises SnapshotRefused for what cannot be looked at."""
    args = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--no-ahead-behind")
    status, out, err = repo.call(*args, "--untracked-files=all", "--ignore-submodules=none", index=index)
    # Git passes over what it cannot look at, with a word on stderr and an exit status of 0.
    if status != 0 or _UNSEEN.search(err):
        raise indexes.refusal(args, status, err)
    changes = _Changes()
    is_staged = False
    for entry in out.split(b"\0"):
        changes.attributes |= entry.endswith((b" .gitattributes", b"/.gitattributes"))
        match entry[:1]:
            case b"#":
                if entry.startswith(_HEAD):
                    changes.head = entry.removeprefix(_HEAD).decode()
            case b"1":
                _, states, module, _, mode, work_mode, _, _, name = entry.split(b" ", 8)
                path = os.fsdecode(name)
                is_staged |= states[:1] != b"."
                if states[1:2] == b".":
                    continue
                if mode != _SUBMODULE and _is_repository(repo.root / path):
                    changes.untracked.append(path + "/")
                elif module[2:3] == b"M" or module[3:4] == b"U":
                    changes.modules.append(path)
                elif _is_special(repo.root / path):
                    changes.special.append(path)
                elif work_mode == b"000000":
                    changes.remove.append(path)
                else:
                    changes.add.append(path)
            case b"u":
                changes.unmerged.append(os.fsdecode(entry.split(b" ", 10)[10]))
            case b"?":
                changes.untracked.append(os.fsdecode(entry[2:]))
    if is_staged:
        changes.head = ""
    return changes


def _refuse(changes: _Changes) -> None:
    """Raise UnmergedPaths or SnapshotRefused for tracked paths that cannot be stored as they stand."""
    if changes.unmerged:
        raise errors.RepositoryError(
            f"A merge is not finished: {shorten(changes.unmerged)}.",
            "Resolve the conflicts (git status), then run.",
            code="unmerged-paths",
        )
    if changes.modules:
        raise errors.SnapshotRefused(
            f"A submodule has changes that this repository cannot store: {shorten(changes.modules)}.",
            "Commit inside the submodule (or clean it), then run.",
            paths=changes.modules,
        )
    if changes.special:
        raise errors.SnapshotRefused(
            f"A tracked path is now a pipe, socket or device: {shorten(changes.special)}.",
            "Put the file back, or remove the path, then run.",
            paths=changes.special,
        )


def _entries(
    repo: Repository, listing: indexes.Listing, contents: Mapping[str, bytes]
) -> dict[str, indexes.Entry]:
    """Return the index entries of files that are there, with other contents."""
    if not contents:
        return {}
    blobs = {path: repo.write_blob(content, path=path) for path, content in contents.items()}
    if is_true(repo.config.get("core.filemode", "true")):
        modes = {path: (repo.root / path).lstat().st_mode for path in contents}
        return {
            path: ("100755" if modes[path] & stat.S_IXUSR else "100644", blobs[path]) for path in contents
        }
    entries = {}
    for path, blob in blobs.items():
        known = listing.entry(path)  # what the disk says of modes does not count
        entries[path] = (known[0] if known is not None else "100644", blob)
    return entries


def _refuse_foreign(root: Path, paths: Iterable[str]) -> None:
    """Raise SnapshotRefused for files to be changed that belong to a repository inside this one."""
    foreign = [p for p in paths if any(_is_repository(root / up) for up in PurePosixPath(p).parents[:-1])]
    if foreign:
        raise errors.SnapshotRefused(
            f"A change to a file of another repository cannot be stored: {shorten(foreign)}.",
            "Commit the change in that repository (a submodule, say), then run without -S.",
            paths=foreign,
        )


def _is_special(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def _find_declared(repo: Repository, listing: indexes.Listing, changes: _Changes, rules: Rules) -> None:
    """Add what is to be stored though Git ignores it: where there may be a word against it to
    `untracked`, else to `add`."""
    chosen = {*rules.declared, *rules.overlay}
    untracked, add = dict.fromkeys(changes.untracked), dict.fromkeys(changes.add)
    for path in files_below(repo.root, (*rules.declared, *rules.overlay)):
        if is_below(path, rules.elsewhere):
            continue
        is_large = _size(repo.root / path) > rules.max_untracked
        known = listing.entry(path)
        if known is None and (is_large or (path not in chosen and rules.leave_out(path))):
            untracked[path] = None
        elif path in add or path in rules.overlay or known is None or blob_of(repo, path) != known[1]:
            add[path] = None
    changes.untracked, changes.add = list(untracked), list(add)


def _sort_out_untracked(repo: Repository, changes: _Changes, rules: Rules) -> list[str]:
    """Move the untracked paths that belong in the snapshot to `add`; return what was left out and why."""
    left_out: dict[str, list[str]] = {}
    nested, large = [], []
    added = set(changes.add)
    limit = human_size(rules.max_untracked)
    for path in changes.untracked:
        if path in added or is_below(path, rules.elsewhere):
            continue
        if path not in rules.declared and (why := rules.leave_out(path)) is not None:
            left_out.setdefault(why, []).append(path)
        elif path.endswith("/"):
            nested.append(path)
        elif (size := _size(repo.root / path)) <= rules.max_untracked:
            changes.add.append(path)
        elif is_below(path, rules.results):
            left_out.setdefault(f"over {limit}", []).append(path)
        else:
            large.append(f"{path} ({human_size(size)})")
    if nested:
        raise errors.SnapshotRefused(
            f"A repository inside this one cannot be stored with it: {shorten(nested)}.",
            "Ignore it (.gitignore or .gitexpignore), or add it as a submodule.",
            paths=nested,
        )
    if large:
        raise errors.SnapshotRefused(
            f"Untracked files over {limit}: {shorten(large)}.",
            "Version them as data (gitexp add), ignore them (.gitignore or .gitexpignore), declare results "
            "under outs: in gitexp.yaml, or raise max_untracked: there.",
            paths=large,
        )
    return [f"left out, {why}: {shorten(paths)}" for why, paths in left_out.items()]


def is_below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(top.rstrip("/") + "/") for top in tops)


def _size(file: Path) -> int:
    """Return the size of a file in bytes, 0 if it has gone since it was seen."""
    with contextlib.suppress(OSError):
        return file.lstat().st_size
    return 0
