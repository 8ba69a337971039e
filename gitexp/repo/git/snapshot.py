"""An exact copy of the workspace in a Git tree, made without touching the user's index.

All work is done in a copy of the user's index (see `indexes`): `changes` finds the files with
differences, and this module decides whether a file belongs in the snapshot or must be refused. A few files
with nothing special about them are then put into the tree of HEAD by `plain_files`. For others `git
update-index` reads the files, and `git write-tree` makes the tree.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.objects.scan import GONE
from gitexp.repo.git import conversions, indexes, plain_files
from gitexp.repo.git.changes import Changes, differences, require_storable
from gitexp.repo.git.conversions import blob_of, keep_exact
from gitexp.repo.git.disk_files import NoFile, file_size, files_below, is_regular, is_repository
from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git.objects.new_objects import new_object
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.trees import files_in
from gitexp.words import human_size, shorten

MAX_UNTRACKED = 10 * 1024 * 1024  # bytes; a larger untracked file is rather data than code

_ATTEMPTS = 3

Verdict = str | None  # the reason to leave an untracked path out; None: keep the path


def _keep_all(path: str) -> Verdict:
    return None


class Rules(NamedTuple):
    """The rules for a snapshot.

    Attributes:
        leave_out: gives the reason to leave an untracked path out, or None.
        max_untracked: bytes; a larger untracked file is refused, or left out at or below `results`.
        results: paths of results.
        elsewhere: paths left out without a word, with all below, for they do not belong in Git.
        declared: files and folders to be stored even if Git ignores them.
        overlay: contents in place of the disk's, by path: params soon to be written.
        raw: files to be stored byte for byte, without Git's conversions. Only large files go through their
            filter, and are stored elsewhere.
        all_raw: store all changed files so, and run no filter.
    """

    leave_out: Callable[[str], Verdict] = _keep_all
    max_untracked: int = MAX_UNTRACKED
    results: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    declared: Sequence[str] = ()
    overlay: Mapping[str, bytes] = MappingProxyType({})
    raw: Collection[str] = ()
    all_raw: bool = False


class Snapshot(NamedTuple):
    """A stored workspace, or a part of it.

    Attributes:
        tree: the id of the tree.
        warnings: sentences for a person: paths left out, conversions.
        exact: the stored files to check out without conversion.
        filtered: files to be stored raw, but too large: a filter gives them back.
        lossy: files with bytes taken away by a filter for good.
    """

    tree: str
    warnings: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    filtered: tuple[str, ...] = ()
    lossy: tuple[str, ...] = ()


def take(repo: Repository, scratch: Path, rules: Rules) -> Snapshot:
    """The present workspace, stored; `scratch`: an empty folder to work in.

    Raises UnmergedPaths, or SnapshotRefused with every path without an exact copy. A refusal
    leaves nothing behind.
    """
    _refuse_foreign(repo.root, rules.overlay)
    if rules.all_raw:
        repo = repo.linked(repo.root, repo.git_dir, conversions.no_filters(repo))
    return _retried(lambda: _take(repo, scratch, rules))


def _retried(store: Callable[[], Snapshot]) -> Snapshot:
    """The result of `store`.

    Git does not write an object a second time. If a prune deletes the object afterwards, the next attempt
    writes a new one.
    """
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(errors.GitFailed):
            return store()
    return store()


def _take(repo: Repository, scratch: Path, rules: Rules) -> Snapshot:
    index = scratch / "index"
    listing = indexes.copy(repo, index)
    changes = differences(repo, index)
    require_storable(changes)
    _find_declared(repo, listing, changes, rules)
    warnings = _in_spite_of_rules(listing, changes, rules)
    warnings += _sort_out_untracked(repo, changes, rules)
    # Git finds a file unchanged that only its conversions make so: all tracked files are looked at then.
    tracked = listing.paths() if changes.attributes or conversions.are_at_work(repo, listing) else []
    if not tracked and (tree := _on_head(repo, changes, rules)) is not None:
        return Snapshot(tree, tuple(warnings))
    apart = repo.set_apart(scratch / "objects")
    raw, filtered = _raw(apart, index, listing, changes.add, rules)
    from_disk = [path for path in changes.add if path not in rules.overlay and path not in raw]
    entries = _entries(apart, listing, rules.overlay)
    indexes.update(apart, index, from_disk, changes.remove, entries)
    indexes.put(apart, index, raw)
    exact_overlay = _unconverted(apart, rules.overlay, entries) if tracked else []
    given = {*rules.overlay, *raw}
    paths = [path for path in dict.fromkeys([*tracked, *from_disk]) if path not in given]
    unchanged = [] if changes.attributes else set(tracked).difference(from_disk)
    new = changes.attributes
    lost, exact = keep_exact(apart, index, scratch, paths, unchanged, new_attributes=new)
    tree = apart.keep_index(index, but="HEAD" if repo.resolve("HEAD") else None)
    lossy = tuple(path for path in lost if path not in exact)
    told = (*warnings, *_inexact(lost, exact))
    return Snapshot(tree, told, (*exact, *exact_overlay), filtered, lossy)


def _on_head(repo: Repository, changes: Changes, rules: Rules) -> str | None:
    """The tree of HEAD with the changes; None if Git must make it from an index."""
    if changes.attributes or not changes.head:
        return None
    tree = repo.resolve(changes.head, "tree")
    if tree is None or not (changes.add or changes.remove or rules.overlay):
        return tree
    return plain_files.with_files(repo, tree, changes.add, changes.remove, rules.overlay)


def with_files(
    repo: Repository,
    scratch: Path,
    tree: str,
    below: Sequence[str],
    files: Sequence[str],
    contents: Mapping[str, bytes] | None = None,
) -> Snapshot:
    """The tree `tree` with the files of the disk, and no other files, at or below the paths `below`.

    A file in `contents` has that content, whatever the disk has. Raises SnapshotRefused for an unreadable
    file.
    """
    contents = contents or {}
    files = [path for path in files if path not in contents]
    removed = sorted(set(files_in(repo, tree, below)).difference(files, contents))
    if not files and not removed and not contents:
        return Snapshot(tree)
    repo.ask_disk(scratch)
    return _retried(lambda: _with_files(repo, scratch, tree, files, removed, contents))


def _with_files(
    repo: Repository,
    scratch: Path,
    tree: str,
    files: Sequence[str],
    removed: Sequence[str],
    contents: Mapping[str, bytes],
) -> Snapshot:
    if (changed := plain_files.with_files(repo, tree, files, removed, contents)) is not None:
        return Snapshot(changed)
    index = scratch / "results"
    apart = repo.set_apart(scratch / "objects")
    repo.run("read-tree", "--end-of-options", tree, index=index)
    entries = {path: ("100644", repo.write_blob(content)) for path, content in contents.items()}
    indexes.update(apart, index, files, removed, entries)
    lost, exact = keep_exact(apart, index, scratch, files)
    return Snapshot(apart.keep_index(index, but=tree), tuple(_inexact(lost, exact)), tuple(exact))


def with_contents(repo: Repository, scratch: Path, tree: str, contents: Mapping[str, bytes]) -> str:
    """The tree `tree` with these contents of files, whatever the disk has."""
    index = scratch / "contents"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    blobs = {path: ("100644", repo.write_blob(content)) for path, content in contents.items()}
    indexes.put(repo, index, blobs)
    return repo.set_apart(scratch / "objects").keep_index(index, but=tree)


def _inexact(lost: Sequence[str], exact: Collection[str]) -> list[str]:
    """A warning for files with other bytes on disk than from a checkout by plain Git."""
    warnings = []
    if lossy := [path for path in lost if path not in exact]:
        warnings.append(f"stored as Git's attributes convert it, not byte for byte: {shorten(lossy)}")
    if converted := [path for path in lost if path in exact]:
        warnings.append(f"stored byte for byte, but a plain git checkout converts it: {shorten(converted)}")
    return warnings


def know_untracked(repo: Repository, scratch: Path, rules: Rules) -> Path:
    """A private index with the names of the workspace's untracked files, for comparisons."""
    index = scratch / "index"
    indexes.copy(repo, index)
    new = []
    for path in differences(repo, index).untracked:
        if not path.endswith("/") and rules.leave_out(path) is None:
            new.append(path)
    if new:
        args = ("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
        repo.run(*args, stdin=in_lines(new, b"\0"), index=index)
    return index


def _entries(
    repo: Repository, listing: indexes.Listing, contents: Mapping[str, bytes]
) -> dict[str, indexes.Entry]:
    """The index entries of files that are on disk, with other contents."""
    entries = {}
    for path, content in contents.items():
        entries[path] = (_mode(repo, listing, path), repo.write_blob(content, path=path))
    return entries


def _mode(repo: Repository, listing: indexes.Listing, path: str) -> str:
    """The mode in Git of a regular file."""
    if not repo.has_modes():
        known = listing.entry(path)
        return known[0] if known is not None else "100644"
    try:
        return plain_files.mode_of((repo.root / path).lstat())
    except FileNotFoundError:  # a file of the overlay alone
        return "100644"


def _raw(
    repo: Repository, index: Path, listing: indexes.Listing, paths: Sequence[str], rules: Rules
) -> tuple[dict[str, indexes.Entry], tuple[str, ...]]:
    """The index entries of files stored byte for byte, and the files that a filter must store instead."""
    regular = []
    for path in paths:
        if (rules.all_raw or path in rules.raw) and is_regular(repo.root, path):
            regular.append(path)
    large = [path for path in regular if file_size(repo.root / path) > MAX_UNTRACKED]
    filtered: Collection[str] = ()
    if large and not rules.all_raw:
        filtered = conversions.filtered(repo, index, large)
        regular = [path for path in regular if path not in filtered]
    if not regular:
        return {}, tuple(filtered)
    try:
        blobs = repo.write_blobs([repo.root / path for path in regular])
    except errors.GitFailed as error:
        raise indexes.refusal(("hash-object",), error.status, error.stderr) from error
    entries = {path: (_mode(repo, listing, path), blob) for path, blob in zip(regular, blobs, strict=True)}
    return entries, tuple(filtered)


def _unconverted(
    repo: Repository, contents: Mapping[str, bytes], entries: Mapping[str, indexes.Entry]
) -> list[str]:
    """The files stored by Git with just these contents."""
    same = []
    for path, content in contents.items():
        if new_object("blob", content, repo.object_format).id == entries[path][1]:
            same.append(path)
    return same


def _refuse_foreign(root: Path, paths: Iterable[str]) -> None:
    """Raise SnapshotRefused for files to be changed in a repository inside this one."""
    foreign = []
    for path in paths:
        if any(is_repository(root / folder) for folder in PurePosixPath(path).parents[:-1]):
            foreign.append(path)
    if foreign:
        raise errors.SnapshotRefused(
            f"A change to a file of another repository cannot be stored: {shorten(foreign)}.",
            "Commit the change in that repository (a submodule, say), then run without -S.",
            paths=foreign,
        )


def _find_declared(repo: Repository, listing: indexes.Listing, changes: Changes, rules: Rules) -> None:
    """Add the declared files, even ignored files, to `add`; files to be checked further to `untracked`."""
    chosen = {*rules.declared, *rules.overlay}
    untracked, add = dict.fromkeys(changes.untracked), dict.fromkeys(changes.add)
    closed: list[OSError] = []
    for path in files_below(repo.root, (*rules.declared, *rules.overlay), closed.append):
        if lies_in_any(path, rules.elsewhere):
            continue
        content = rules.overlay.get(path)
        size = file_size(repo.root / path) if content is None else len(content)
        is_large = size > rules.max_untracked
        known = listing.entry(path)
        if known is None and (is_large or (path not in chosen and rules.leave_out(path))):
            untracked[path] = None
        elif path in add or path in rules.overlay or known is None or blob_of(repo, path) != known[1]:
            add[path] = None
    changes.untracked, changes.add = list(untracked), list(add)
    _refuse_closed(repo.root, closed)


def _refuse_closed(root: Path, found: Sequence[OSError]) -> None:
    """Raise SnapshotRefused for a present but unreadable declared file or folder."""
    for error in found:
        if not isinstance(error, (*GONE, NoFile)):
            path = os.path.relpath(os.fsdecode(error.filename), root)
            raise errors.SnapshotRefused(
                f"The workspace cannot be stored exactly: {path}: {error.strerror}.",
                "Make it readable, or declare something else, then run.",
                paths=[path],
            )


def _in_spite_of_rules(listing: indexes.Listing, changes: Changes, rules: Rules) -> list[str]:
    """A warning for the untracked files stored because they were named, and else would not be."""
    stored: dict[str, list[str]] = {}
    found = {*changes.add, *changes.untracked}
    for path in dict.fromkeys([*rules.declared, *rules.overlay]):
        if path in found and listing.entry(path) is None and (why := rules.leave_out(path)) is not None:
            stored.setdefault(why, []).append(path)
    return [f"stored as declared, {why}: {shorten(paths)}" for why, paths in stored.items()]


def _sort_out_untracked(repo: Repository, changes: Changes, rules: Rules) -> list[str]:
    """Move the untracked paths that belong in the snapshot to `add`; a warning for all paths left out."""
    left_out: dict[str, list[str]] = {}
    nested, large = [], []
    added = set(changes.add)
    limit = human_size(rules.max_untracked)
    for path in changes.untracked:
        if path in added or lies_in_any(path, rules.elsewhere):
            continue
        if path not in rules.declared and (why := rules.leave_out(path)) is not None:
            left_out.setdefault(why, []).append(path)
        elif path.endswith("/"):
            nested.append(path)
        elif (size := file_size(repo.root / path)) <= rules.max_untracked:
            changes.add.append(path)
        elif lies_in_any(path, rules.results):
            left_out.setdefault(f"over {limit}", []).append(path)
        else:
            large.append(f"{path} ({human_size(size)})")
    _refuse_untracked(nested, large, limit)
    return [f"left out, {why}: {shorten(paths)}" for why, paths in left_out.items()]


def _refuse_untracked(nested: Sequence[str], large: Sequence[str], limit: str) -> None:
    """Raise SnapshotRefused for repositories inside this one, and for untracked files over the limit."""
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
