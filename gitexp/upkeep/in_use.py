"""The contents that somebody refers to, and who does: every gitexp.lock that anybody may want to bring back.

The locks are read, in whatever folder, from the target of every ref (experiments, also those in the trash;
operations that can be undone; branches, tags, fetched refs), from all stashes, from the HEAD, the index and
the files of each worktree, and from runs that are going on. Of a branch the last commit counts; with
`history` earlier commits too. A former HEAD that no branch has any more (after `git commit --amend` or
`git reset`) counts as long as Git's reflog knows of it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo import git_remote, live, operations, trash, worktrees
from gitexp.repo.experiments import KEPT, PREFIX, RUN_FOLDER
from gitexp.repo.git import failures, graph
from gitexp.repo.git.repository import Repository
from gitexp.sharing import partner
from gitexp.sharing.partner import Contact
from gitexp.words import shorten

HERE = "the workspace"  # the user's own

_KEPT = f"{RUN_FOLDER}/{KEPT}"
_FETCHED = "refs/gitexp/remotes/"
_STASH = "refs/stash"
# What a merge, a rebase and so on need to go on, and where HEAD was before.
_HEADS = ("HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "AUTO_MERGE")
_STAGED = regex(rb"[0-7]{6} ([0-9a-f]{40,64}) [0-3]\t(.+)", re.DOTALL)
_FORMAT = regex(rb"^format: 1\r?$", re.MULTILINE)  # in this format every hash is known by its looks
_HASH = regex(rb"\b[0-9a-f]{64}(?:\.dir)?")
_HISTORIES = ("--glob=refs/heads/*", "--glob=refs/tags/*", "--glob=refs/remotes/*")

Tips = Mapping[str, list[str]]  # id of a commit or tree -> the holders, as people call them


@dataclass(frozen=True, slots=True)
class InUse:
    """All locks that count.

    Attributes:
        tips: the commits and trees with locks, and their holders.
        stored: the locks in Git, by the id of the blob.
        folders: the folders of the locks in Git.
        present: the locks on disk, by worktree.
        complaints: sentences about unreadable places. With any, the use of artifacts is not fully known.
        kept: locks of artifacts that runs have replaced and no run had made.
        named: all hashes in damaged locks: somebody may have committed the conflict of a merge.
        doubts: sentences about damaged locks.
    """

    repo: Repository
    tips: Tips
    stored: Mapping[str, Lock]
    folders: frozenset[str]
    present: Mapping[str, list[Lock]]
    complaints: tuple[str, ...] = ()
    kept: Sequence[Lock] = ()
    named: frozenset[str] = frozenset()
    doubts: tuple[str, ...] = ()

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """The artifacts in the locks, by hash. The files of a folder are in its manifest."""
        return _artifacts([*self._present, *self.stored.values(), *self.kept])

    @property
    def promised(self) -> dict[str, Artifact]:
        """The artifacts that come with the refs: `artifacts` without those replaced by runs here."""
        return _artifacts([*self._present, *self.stored.values()])

    @property
    def _present(self) -> list[Lock]:
        return list(chain.from_iterable(self.present.values()))

    def tips_of(self, artifacts: Collection[str]) -> dict[str, list[str]]:
        """By hash of an artifact, the commits and trees of its locks."""
        stored = {oid: _hashes(lock).intersection(artifacts) for oid, lock in self.stored.items()}
        found = defaultdict(list)
        for tip, oid in _locks_of(self.repo, self.tips, self.folders):
            for hash_ in stored.get(oid, ()):
                found[hash_].append(tip)
        return found

    def holders(self, artifacts: Collection[str]) -> dict[str, list[str]]:
        """By hash of an artifact, its holders as people call them, in order; without unused artifacts."""
        tips = self.tips_of(artifacts)
        found = dict[str, dict[str, None]]()  # a dict keeps the order
        for hash_ in artifacts:
            found[hash_] = {}
            for tip in tips.get(hash_, ()):
                found[hash_].update(dict.fromkeys(self.tips[tip]))
        for who, locks in self.present.items():
            for lock in locks:
                for hash_ in _hashes(lock).intersection(artifacts):
                    found[hash_][who] = None
        return {hash_: list(names) for hash_, names in found.items() if names}


@dataclass(slots=True)
class _InGit:
    """The locks in Git: see `InUse`. `unread` has the messages about unreadable locks, by blob."""

    folders: set[str] = field(default_factory=set)
    stored: dict[str, Lock] = field(default_factory=dict)
    kept: list[Lock] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)


def find(project: Project, *, history: bool = False, elsewhere: Tips | None = None) -> InUse:
    """The locks of a repository; `elsewhere` are further commits whose locks count.

    Raises nothing for unreadable places, see `complaints`.
    """
    repo, complaints, doubts = project.repo, list[str](), list[str]()
    everywhere = worktrees.everywhere(repo)
    tips = _tips(project, everywhere, complaints)
    for oid, names in (elsewhere or {}).items():
        tips[oid] = [*tips.get(oid, ()), *names]
    try:
        in_git = _read_in_git(repo, tips, history=history)
    except errors.GitFailed as error:
        complaints.append(f"Git cannot read all that its refs lead to: {error.message}")
        in_git = _InGit()
    for oid, message in _unread(repo, tips, in_git):
        if oid in in_git.damaged:
            doubts.append(message)
        else:
            complaints.append(message)
    places = {_place(repo, worktree): worktree for worktree in everywhere}
    present = _present(places, in_git.folders | {project.config.folder}, complaints)
    _add_out_of_sight(repo, present, complaints)
    return InUse(
        repo,
        tips,
        in_git.stored,
        frozenset(in_git.folders),
        present,
        tuple(complaints),
        in_git.kept,
        frozenset(in_git.named),
        tuple(doubts),
    )


def _artifacts(locks: Iterable[Lock]) -> dict[str, Artifact]:
    found = dict[str, Artifact]()
    for lock in locks:
        for artifact in lock.artifacts:
            found.setdefault(artifact.hash, artifact)
    return found


def _parsed(path: str, text: bytes | None, prefix: str) -> Lock:
    if text is None:
        raise errors.LockError(f"{path} cannot be read", file=path)
    return read_lock(path, text, prefix, mixed=True)


def _hashes(lock: Lock) -> set[str]:
    return {artifact.hash for artifact in lock.artifacts}


# -- in Git -------------------------------------------------------------------------------------------


def _read_in_git(repo: Repository, tips: Tips, *, history: bool) -> _InGit:
    """The locks in the trees of some commits; raises GitFailed."""
    found = _InGit()
    blobs = _locks_in_git(repo, tips, history=history)
    for (oid, path), text in zip(blobs.items(), repo.read_blobs(list(blobs)), strict=True):
        folder = posixpath.dirname(path)
        if folder != _KEPT:
            found.folders.add(folder)
        try:
            lock = _parsed(path, text, folder)
        except errors.LockError as error:
            found.unread[oid] = error.message
            if text is not None and _FORMAT.search(text):
                found.named.update(hash_.decode() for hash_ in _HASH.findall(text))
                found.damaged.add(oid)
            continue
        if folder == _KEPT:
            found.kept.append(lock)
        else:
            found.stored[oid] = lock
    return found


def _unread(repo: Repository, tips: Tips, in_git: _InGit) -> Iterator[tuple[str, str]]:
    """The unreadable locks by blob, each with a sentence; it names a holder, if any."""
    left = dict(in_git.unread)
    if left:
        for tip, oid in _locks_of(repo, tips, in_git.folders):
            if oid in left:
                yield oid, f"{left.pop(oid)} ({tips[tip][0]})"
    yield from left.items()


def _tips(project: Project, everywhere: Sequence[Repository], complaints: list[str]) -> dict[str, list[str]]:
    repo = project.repo
    tips: dict[str, list[str]] = defaultdict(list)
    _add_refs(repo, tips, complaints)
    for worktree in everywhere:
        for name in _HEADS:
            if (head := worktree.resolve(name)) is not None:
                tips[head].append(_place(repo, worktree))
    for gone in worktrees.out_of_sight(repo):
        if gone.head is not None:
            tips[gone.head].append(f"{HERE} {gone.root.name}")
        if gone.is_locked:
            complaints.append(f"The worktree {gone.root} is locked and not there: is its disk mounted?")
    try:
        for commit in _stashed(repo):
            tips[commit].append("a stash")
        for commit in _lost(repo, everywhere):
            tips[commit].append("the reflog of HEAD")
    except errors.GitFailed as error:
        complaints.append(f"Git cannot read what its reflogs name: {error.message}")
    for run in live.live_runs(project.local):
        tips[run.tree].append(run.name or "a run that is going on")
    return tips


def _add_refs(repo: Repository, tips: dict[str, list[str]], complaints: list[str]) -> None:
    broken: list[str] = []
    for oid, ref in repo.refs("refs/", broken=broken):
        tips[oid.decode()].append(called(os.fsdecode(ref)))
    complaints += [f"The ref {ref} is broken: it says no commit." for ref in broken]
    try:  # an operation may hold commits that no other ref does
        for parents, ref in repo.refs(operations.PREFIX, fields=("parent", "refname")):
            for parent in parents.decode().split():
                tips[parent].append(called(os.fsdecode(ref)))
    except errors.GitFailed as error:
        complaints.append(f"Git cannot read the operations: {error.message}")


def _stashed(repo: Repository) -> Iterator[str]:
    """All stashes, each with the commits of its index and its untracked files."""
    for stash, (_, *parts) in graph.parents_of(repo, _reflog(repo, _STASH)).items():
        yield from (stash, *parts)


def _lost(repo: Repository, everywhere: Iterable[Repository]) -> list[str]:
    """The commits that were once a HEAD and are in the history of no branch or tag."""
    once = dict[str, None]()
    for worktree in everywhere:
        once.update(dict.fromkeys(_reflog(worktree, "HEAD")))
    if not once:
        return []
    listed = repo.run("rev-list", "--stdin", "--not", *_HISTORIES, stdin="\n".join([*once, ""]).encode())
    lost = set(listed.decode().split())
    return [commit for commit in once if commit in lost]


def _reflog(repo: Repository, ref: str) -> list[str]:
    """The present and former commits of a ref; none without the ref."""
    status, out, _ = repo.call("rev-list", "--walk-reflogs", ref, "--")
    if status != 0:
        return []
    return out.decode().split()


def called(ref: str) -> str:
    """The name that people use for the target of a ref."""
    if ref.startswith(PREFIX):
        return ref.removeprefix(PREFIX)
    if ref.startswith(trash.PREFIX):
        return f"{posixpath.basename(ref)} (removed)"
    if ref.startswith(operations.PREFIX):
        number = posixpath.basename(ref)
        if number.isdigit():
            number = str(int(number))
        return f"operation {number} (undo)"
    if ref.startswith(_FETCHED):
        remote, _, name = ref.removeprefix(_FETCHED).rpartition("/")
        return f"{name} (of {remote})"
    for prefix, kind in (("refs/heads/", "branch"), ("refs/remotes/", "branch"), ("refs/tags/", "tag")):
        if ref.startswith(prefix):
            return f"{kind} {ref.removeprefix(prefix)}"
    return ref


def _locks_in_git(repo: Repository, tips: Tips, *, history: bool) -> dict[str, str]:
    """By blob of every gitexp.lock in the trees of some commits, one of its paths."""
    if not tips:
        return {}
    args = ("rev-list", "--objects", "--no-walk=unsorted", "--stdin")
    listed = repo.run(*args, stdin="\n".join([*tips, ""]).encode())
    if history:
        listed += repo.run("rev-list", "--objects", *_HISTORIES, "HEAD")
    found: dict[str, str] = {}
    name = LOCK_FILE.encode()
    for line in listed.split(b"\n"):
        oid, _, path = line.partition(b" ")
        if path.endswith(name) and posixpath.basename(path) == name:
            found.setdefault(oid.decode(), os.fsdecode(path))
    blobs = list(found)
    for blob, there in zip(blobs, repo.find_objects(blobs), strict=True):
        if there is not None and there.kind != "blob":  # a folder of this name
            del found[blob]
    return found


def _locks_of(repo: Repository, tips: Tips, folders: Collection[str]) -> Iterator[tuple[str, str]]:
    """The tips with a gitexp.lock in one of some folders, each with the lock's blob."""
    of_tips, places = list[str](), list[str]()
    for tip in tips:
        for folder in sorted(folders):
            of_tips.append(tip)
            places.append(f"{tip}:{posixpath.join(folder, LOCK_FILE)}")
    for tip, oid in zip(of_tips, repo.ids_of(places), strict=True):
        if oid is not None:
            yield tip, oid


# -- on disk ------------------------------------------------------------------------------------------


def _present(
    places: Mapping[str, Repository], folders: Collection[str], complaints: list[str]
) -> dict[str, list[Lock]]:
    """The locks in the worktrees and in their indexes, committed or not."""
    present: dict[str, list[Lock]] = defaultdict(list)
    for place, worktree in places.items():
        staged, new, unseen = _listed(worktree)
        complaints += unseen
        paths = {posixpath.join(folder, LOCK_FILE) for folder in folders}
        paths.update(new, (path for _, path in staged))
        for path in sorted(paths):
            file = worktree.root / path
            try:
                if file.is_dir():
                    continue
                if (text := lock_file.content(file, str(file))) is not None:
                    present[place].append(_parsed(str(file), text, posixpath.dirname(path)))
            except errors.LockError as error:
                complaints.append(error.message)
        _add_staged(worktree, staged, place, present, complaints)
    return present


def _add_staged(
    repo: Repository,
    staged: Sequence[tuple[str, str]],
    place: str,
    present: dict[str, list[Lock]],
    complaints: list[str],
) -> None:
    texts = repo.read_blobs([oid for oid, _ in staged])
    for (_, path), text in zip(staged, texts, strict=True):
        try:
            present[place].append(_parsed(path, text, posixpath.dirname(path)))
        except errors.LockError as error:
            complaints.append(f"{error.message} (the index of {place})")


def _add_out_of_sight(repo: Repository, present: dict[str, list[Lock]], complaints: list[str]) -> None:
    """Add the locks in the index of each worktree whose folder is not there."""
    for gone in worktrees.out_of_sight(repo):
        index = gone.git_dir / "index"
        if index.is_file():
            staged, _, _ = _listed(repo, index)
            _add_staged(repo, staged, f"{HERE} {gone.root.name}", present, complaints)


def _listed(
    worktree: Repository, index: Path | None = None
) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The locks that Git sees in a worktree.

    Returns:
        blobs and paths in the index;
        paths of new files;
        a complaint about each folder that Git cannot look into.
    """
    staged, new = [], []
    # Also in folders that Git ignores: a lock there is as good as another.
    args = ("ls-files", "-z", "--stage", "--others", "--", f":(top,glob)**/{LOCK_FILE}")
    patterns = {"GIT_LITERAL_PATHSPECS": "0"}
    status, out, err = worktree.call(*args, index=index, env=patterns)
    if status != 0:
        raise failures.failure(args, status, err)
    for line in out.split(b"\0"):
        entry = _STAGED.fullmatch(line)
        path = line if entry is None else entry[2]
        if posixpath.basename(path) != LOCK_FILE.encode():
            continue
        if entry is None:
            new.append(os.fsdecode(path))
        else:
            staged.append((entry[1].decode(), os.fsdecode(path)))
    unseen = [f"{worktree.root}: {failures.sentence(line)}." for line in err.split("\n") if line]
    return staged, new, unseen


def _place(repo: Repository, worktree: Repository) -> str:
    if worktree.root == repo.root:
        return HERE
    return f"{HERE} {worktree.root.name}"


_REFS = (PREFIX, "refs/heads/", "refs/tags/")


def tips(project: Project, contact: Contact | None = None) -> Tips:
    """The experiments, branches and tags of every Git remote: ids with names for people.

    Raises UseUnknown if a remote cannot be asked, or if one of its commits is not here.
    """
    found = defaultdict[str, list[str]](list)
    for name in git_remote.remotes(project.repo.config):
        remote = partner.connect(project, name, contact or Contact(), push=False)
        try:
            there = remote.refs(*_REFS)
        except errors.SharingError as error:
            raise _unknown(
                f"The Git remote {name} cannot be asked: {error.message}",
                f"Try again when it answers; if it is no more: git remote remove {name}",
            ) from error
        known = project.repo.find_objects(list(there.values()))
        if absent := [ref for ref, one in zip(there, known, strict=True) if one is None]:
            what = shorten(list(map(called, absent)))
            raise _unknown(f"{name} has what is not here: {what}.", _bring(project, name, absent))
        for ref, oid in there.items():
            found[oid].append(f"{called(ref)} (of {name})")
    return found


def _bring(project: Project, name: str, absent: Sequence[str]) -> str:
    """The hint for fetching absent refs of a remote."""
    commands = []
    experiments = [ref for ref in absent if ref.startswith(PREFIX)]
    if experiments:
        commands.append(f"gitexp pull --all --all-projects --removed --remote {name}")
    if len(experiments) < len(absent):
        fetch = f"git fetch --tags {name}"
        if "refs/heads/*:" not in project.repo.config.get(f"remote.{name}.fetch", ""):
            fetch += f" '+refs/heads/*:refs/remotes/{name}/*'"
        commands.append(fetch)
    return f"Bring it first: {' && '.join(commands)}"


def _unknown(why: str, hint: str) -> errors.DataError:
    return errors.DataError(
        f"Nothing is deleted, since it cannot be told what is in use. {why}",
        f"{hint}. With --force only what is known here counts.",
        code="use-unknown",
    )
