"""Which contents are referred to, and by whom: every gitexp.lock that somebody may want to have brought back.

Read are the locks, in whatever folder, of everything that a ref leads to (experiments, those in the trash,
operations that can be undone, branches, tags, what was fetched), of all stashes, of each worktree's HEAD, of
its index and of the files that stand there now, and of runs that are going on. Of a branch it is the last
commit that counts; with `history` those before it too. What HEAD has been at and no branch has any more
(`git commit --amend`, `git reset`) counts as long as Git's reflog knows of it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp import errors
from gitexp.model import Artifact
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.project.project import Project
from gitexp.repo import git_remote, live, operations, trash, worktrees
from gitexp.repo.experiments import KEPT, PREFIX, RUN_FOLDER
from gitexp.repo.git import graph
from gitexp.repo.git.repository import Repository
from gitexp.sharing import partner
from gitexp.sharing.partner import Contact
from gitexp.words import shorten

HERE = "the workspace"  # what the one is called that the command was given in

_KEPT = f"{RUN_FOLDER}/{KEPT}"
_FETCHED = "refs/gitexp/remotes/"
_STASH = "refs/stash"
_STAGED = re.compile(rb"[0-7]{6} ([0-9a-f]{40,64}) [0-3]\t(.+)", re.DOTALL)
_FORMAT = re.compile(rb"^format: 1\r?$", re.MULTILINE)  # the only one whose every hash is known by its looks
_HASH = re.compile(rb"\b[0-9a-f]{64}(?:\.dir)?")
_HISTORIES = ("refs/heads/", "refs/tags/", "refs/remotes/")

Tips = Mapping[str, list[str]]  # id of a commit or tree -> what people call those that hold it


@dataclass(frozen=True, slots=True)
class InUse:
    """All locks that count. `complaints` says what could not be read: then nobody knows what is in use.

    `stored` are those in Git by the id of their file, `present` those on disk by the worktree they stand in,
    and `kept` those of what runs have replaced that no run had made. Of locks in Git that gitexp has not left
    as they are (somebody has committed a merge's conflict) `doubts` says so; all hashes in them are `named`.
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
        """What the locks name, each content once, by its hash. What is in a folder, its manifest says."""
        return _artifacts([*self._present, *self.stored.values(), *self.kept])

    @property
    def promised(self) -> dict[str, Artifact]:
        """The same of what everybody is to have who has the refs: not what one run has replaced here."""
        return _artifacts([*self._present, *self.stored.values()])

    @property
    def _present(self) -> list[Lock]:
        return [lock for locks in self.present.values() for lock in locks]

    def tips_of(self, artifacts: Collection[str]) -> dict[str, list[str]]:
        """Return the commits and trees among `tips` that refer to each of some artifacts, by their hashes."""
        stored = {oid: _hashes(lock).intersection(artifacts) for oid, lock in self.stored.items()}
        found = defaultdict(list)
        for tip, oid in _locks_of(self.repo, self.tips, self.folders):
            for hash_ in stored.get(oid, ()):
                found[hash_].append(tip)
        return found

    def holders(self, artifacts: Collection[str]) -> dict[str, list[str]]:
        """Return who refers to each of some artifacts, by their hashes: what people call them, in order."""
        tips = self.tips_of(artifacts)
        found = {hash_: [who for tip in tips.get(hash_, ()) for who in self.tips[tip]] for hash_ in artifacts}
        for who, locks in self.present.items():
            for hash_ in {hash_ for lock in locks for hash_ in _hashes(lock).intersection(artifacts)}:
                found[hash_].append(who)
        return {hash_: list(dict.fromkeys(names)) for hash_, names in found.items() if names}


def find(project: Project, *, history: bool = False, elsewhere: Tips | None = None) -> InUse:
    """Return what is in use in a repository, and by commits that it is to be used by `elsewhere`, too.

    Raises nothing for what cannot be read, see `complaints`.
    """
    repo, complaints = project.repo, list[str]()
    everywhere = worktrees.everywhere(repo)
    tips = _tips(project, everywhere, complaints)
    for oid, names in (elsewhere or {}).items():
        tips[oid] = [*tips.get(oid, ()), *names]
    try:
        blobs = _locks_in_git(repo, tips, history=history)
        texts = repo.read_blobs(list(blobs))
    except errors.GitFailed as error:
        complaints.append(f"Git cannot read all that its refs lead to: {error.message}")
        blobs, texts = {}, []
    folders = {posixpath.dirname(path) for path in blobs.values()} - {_KEPT}
    stored, unread, kept = {}, {}, []
    named, doubtful = set[str](), set[str]()
    for (oid, path), text in zip(blobs.items(), texts, strict=True):
        try:
            lock = _parsed(path, text, posixpath.dirname(path))
            if posixpath.dirname(path) == _KEPT:
                kept.append(lock)
            else:
                stored[oid] = lock
        except errors.LockError as error:
            unread[oid] = error.message
            if text is not None and _FORMAT.search(text):
                named.update(hash_.decode() for hash_ in _HASH.findall(text))
                doubtful.add(oid)
    doubts = list[str]()
    for tip, oid in _locks_of(repo, tips, folders) if unread else ():
        if oid in unread:
            said = doubts if oid in doubtful else complaints
            said.append(f"{unread.pop(oid)} ({tips[tip][0]})")
    for oid, message in unread.items():
        (doubts if oid in doubtful else complaints).append(message)
    places = {_place(repo, worktree): worktree for worktree in everywhere}
    present = _present(places, folders | {project.config.folder}, complaints)
    found = InUse(repo, tips, stored, frozenset(folders), present, tuple(complaints), kept)
    return replace(found, named=frozenset(named), doubts=tuple(doubts))


def _artifacts(locks: Iterable[Lock]) -> dict[str, Artifact]:
    found = dict[str, Artifact]()
    for artifact in (artifact for lock in locks for artifact in lock.artifacts):
        found.setdefault(artifact.hash, artifact)
    return found


def _parsed(path: str, text: bytes | None, prefix: str) -> Lock:
    if text is None:
        raise errors.LockError(f"{path} cannot be read", file=path)
    return read_lock(path, text, prefix, mixed=True)


def _hashes(lock: Lock) -> set[str]:
    return {artifact.hash for artifact in lock.artifacts}


# -- in Git -------------------------------------------------------------------------------------------


def _tips(project: Project, everywhere: Sequence[Repository], complaints: list[str]) -> dict[str, list[str]]:
    repo = project.repo
    tips: dict[str, list[str]] = defaultdict(list)
    found, broken = repo.refs_and_broken("refs/")
    for oid, ref in found:
        tips[oid.decode()].append(called(os.fsdecode(ref)))
    complaints += [f"The ref {ref} is broken: it says no commit." for ref in broken]
    try:  # an operation may hold commits that no other ref does
        for parents, ref in repo.refs(operations.PREFIX, fields=("parent", "refname")):
            for parent in parents.decode().split():
                tips[parent].append(called(os.fsdecode(ref)))
    except errors.GitFailed as error:
        complaints.append(f"Git cannot read the operations: {error.message}")
    for worktree in everywhere:
        if (head := worktree.resolve("HEAD")) is not None:
            tips[head].append(_place(repo, worktree))
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


def _stashed(repo: Repository) -> Iterator[str]:
    """Yield all stashes, each with the commits that hold its index and its untracked files."""
    for stash, (_, *parts) in graph.parents_of(repo, _reflog(repo, _STASH)).items():
        yield from (stash, *parts)


def _lost(repo: Repository, everywhere: Iterable[Repository]) -> list[str]:
    """Return the commits that a HEAD has been at and that are in the history of no branch or tag."""
    once = dict.fromkeys(commit for worktree in everywhere for commit in _reflog(worktree, "HEAD"))
    text = "".join(f"{commit}\n" for commit in once).encode()
    args = ("rev-list", "--stdin", "--not", *(f"--glob={prefix}*" for prefix in _HISTORIES))
    lost = set(repo.run(*args, stdin=text).decode().split()) if once else set()
    return [commit for commit in once if commit in lost]


def _reflog(repo: Repository, ref: str) -> list[str]:
    """Return the commits that a ref is and was at; none if there is no such ref."""
    status, out, _ = repo.call("rev-list", "--walk-reflogs", ref, "--")
    return out.decode().split() if status == 0 else []


def called(ref: str) -> str:
    """Return what people call that which a ref stands for."""
    if ref.startswith(PREFIX):
        return ref.removeprefix(PREFIX)
    if ref.startswith(trash.PREFIX):
        return f"{posixpath.basename(ref)} (removed)"
    if ref.startswith(operations.PREFIX):
        return f"operation {int(digits) if (digits := posixpath.basename(ref)).isdigit() else digits} (undo)"
    if ref.startswith(_FETCHED):
        remote, _, name = ref.removeprefix(_FETCHED).rpartition("/")
        return f"{name} (of {remote})"
    for prefix, kind in (("refs/heads/", "branch"), ("refs/remotes/", "branch"), ("refs/tags/", "tag")):
        if ref.startswith(prefix):
            return f"{kind} {ref.removeprefix(prefix)}"
    return ref


def _locks_in_git(repo: Repository, tips: Tips, *, history: bool) -> dict[str, str]:
    """Return the id of every gitexp.lock in the trees of some commits, with a path that it stands at."""
    if not tips:
        return {}
    args = ("rev-list", "--objects", "--no-walk=unsorted", "--stdin")
    listed = repo.run(*args, stdin="".join(f"{oid}\n" for oid in tips).encode())
    if history:
        listed += repo.run("rev-list", "--objects", *(f"--glob={prefix}*" for prefix in _HISTORIES), "HEAD")
    found: dict[str, str] = {}
    for line in listed.splitlines():
        oid, _, path = line.partition(b" ")
        if path.endswith(LOCK_FILE.encode()) and posixpath.basename(path) == LOCK_FILE.encode():
            found.setdefault(oid.decode(), os.fsdecode(path))
    objects = zip(found.items(), repo.find_objects(list(found)), strict=True)
    return {oid: path for (oid, path), what in objects if what is None or what.kind == "blob"}


def _locks_of(repo: Repository, tips: Tips, folders: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield which of the tips holds which gitexp.lock, by its id, in any of some folders."""
    places = [(tip, posixpath.join(folder, LOCK_FILE)) for tip in tips for folder in sorted(folders)]
    for (tip, _), oid in zip(places, repo.ids_of([f"{tip}:{path}" for tip, path in places]), strict=True):
        if oid is not None:
            yield tip, oid


# -- on disk ------------------------------------------------------------------------------------------


def _present(
    places: Mapping[str, Repository], folders: Collection[str], complaints: list[str]
) -> dict[str, list[Lock]]:
    """Return the locks that stand in the worktrees now, be they in Git or not, and in their indexes."""
    present: dict[str, list[Lock]] = defaultdict(list)
    for place, worktree in places.items():
        staged, new = _listed(worktree)
        usual = {posixpath.join(folder, LOCK_FILE) for folder in folders}
        for path in sorted(usual.union(new, (path for _, path in staged))):
            file = worktree.root / path
            try:
                lock = _parsed(str(file), file.read_bytes(), posixpath.dirname(path))
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except (OSError, errors.LockError) as error:
                complaints.append(
                    error.message if isinstance(error, errors.LockError) else f"{file}: {error.strerror}."
                )
                continue
            present[place].append(lock)
        texts = worktree.read_blobs([oid for oid, _ in staged])
        for (_, path), text in zip(staged, texts, strict=True):
            try:
                present[place].append(_parsed(path, text, posixpath.dirname(path)))
            except errors.LockError as error:
                complaints.append(f"{error.message} (the index of {place})")
    return present


def _listed(worktree: Repository) -> tuple[list[tuple[str, str]], list[str]]:
    """Return where Git sees a gitexp.lock in a worktree: in the index, with its id, and among new files."""
    staged, new = [], []
    args = ("ls-files", "-z", "--stage", "--others", "--exclude-standard")
    for line in worktree.run(*args).split(b"\0"):
        entry = _STAGED.fullmatch(line)
        path = line if entry is None else entry[2]
        if posixpath.basename(path) == LOCK_FILE.encode():
            if entry is None:
                new.append(os.fsdecode(path))
            else:
                staged.append((entry[1].decode(), os.fsdecode(path)))
    return staged, new


def _place(repo: Repository, worktree: Repository) -> str:
    return HERE if worktree.root == repo.root else f"{HERE} {worktree.root.name}"


_REFS = (PREFIX, "refs/heads/", "refs/tags/")


def tips(project: Project, contact: Contact | None = None) -> Tips:
    """Return the experiments, branches and tags of every Git remote: ids with what people call them.

    Raises UseUnknown if a remote cannot be asked, or has something that is not here.
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
    """Return how to have here what a remote has."""
    commands = []
    if any(ref.startswith(PREFIX) for ref in absent):
        commands.append(f"gitexp pull --all --from {name}")
    if not all(ref.startswith(PREFIX) for ref in absent):
        usual = project.repo.config.get(f"remote.{name}.fetch", "")
        rest = "" if "refs/heads/*:" in usual else f" '+refs/heads/*:refs/remotes/{name}/*'"
        commands.append(f"git fetch --tags {name}{rest}")
    return f"Bring it first: {' && '.join(commands)}"


def _unknown(why: str, hint: str) -> errors.DataError:
    return errors.DataError(
        f"Nothing is deleted, since it cannot be told what is in use. {why}",
        f"{hint}. With --force only what is known here counts.",
        code="use-unknown",
    )
