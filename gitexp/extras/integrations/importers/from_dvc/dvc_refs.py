"""DVC's experiments, `refs/exps` of a Git repository, and commits of a branch in which results changed.

The code of an experiment is its tree, to the byte. A gitexp.lock beside it names the data and outs, so that
they come from DVC's cache when somebody wants them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.catalog.sources import ForeignRef
from gitexp.datasets.dvc_objects import DvcObjects, remember_place
from gitexp.extras.integrations import dvc
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, StoredTree, Unread
from gitexp.extras.integrations.importers.from_dvc.dvc_locks import DvcLocks
from gitexp.extras.integrations.importers.from_dvc.dvc_trees import CommitTrees
from gitexp.files.dvc_yaml import DVC_CONFIG, DVC_LOCK
from gitexp.model import Damaged, Experiment
from gitexp.pipeline.lock import LOCK_FILE, write_lock
from gitexp.project.patterns import is_pattern
from gitexp.project.project import Project
from gitexp.repo.git import trees
from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git_remote import GitRemote

_REFS = "refs/exps/"
_WHOLE = "whole"  # the state of an experiment whose data is here
_TOGETHER = 200  # experiments read at once


class DvcRefs(Importer):
    """The reader of DVC's experiments.

    Attributes:
        history: a revision whose commits are runs too; "" for none.
    """

    title = "DVC"
    looks_for = "a Git repository with DVC's experiments"

    def __init__(self, history: str = "") -> None:
        self.history = history
        self._whole = frozenset[str]()

    def finds(self, place: Path) -> bool:
        """Whether the place is a folder in which `dvc init` was run."""
        return (place / DVC_CONFIG).is_file()

    def with_history(self, revision: str) -> Importer:
        return DvcRefs(revision)

    def prepare(self, project: Project, place: Path) -> None:
        """Bring the commits of another repository."""
        theirs = _opened(place)
        self._whole = _whole(project)
        if theirs.repo.common_dir.resolve() == project.repo.common_dir.resolve():
            return
        wanted = {ref.commit: ref.commit for ref in _experiments(theirs)}
        wanted |= {commit: commit for commit in self._commits(theirs)}
        if wanted:
            GitRemote(project.repo, str(theirs.repo.root)).fetch(wanted)
        remember_place(project, theirs)

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the experiments, those of an older baseline first; then the commits."""
        project = _opened(place)
        refs = _experiments(project)
        commits = self._commits(project)
        if not refs and not commits:
            raise errors.UsageError(
                f"{place} has no experiments of DVC's.",
                "The commits of a branch: gitexp import dvc . --commits-of main",
                code="nothing-to-import",
            )
        seen = {ref.commit for ref in refs}
        commits = [commit for commit in commits if commit not in seen]
        prefix = self._prefix(project)
        for commit in commits:
            refs.append(ForeignRef(f"{prefix}-{commit[:7]}", commit, commit, dvc.SOURCE))
        for ref in refs:
            if ref.commit in self._whole:  # its commit never changes, and its data is here
                yield ForeignRun(ref.commit, state=_WHOLE, name=ref.name)
        reading = _RefReading(project)
        refs = [ref for ref in refs if ref.commit not in self._whole]
        while refs:
            some, refs = refs[:_TOGETHER], refs[_TOGETHER:]
            yield from reading.runs(some)

    def _prefix(self, project: Project) -> str:
        """The beginning of the names of commits: the name of the branch."""
        branch = self.history
        if branch == "HEAD":
            branch = project.repo.head().branch or "commit"
        return branch.rpartition("/")[2]

    def _commits(self, project: Project) -> list[str]:
        """The commits in which a file of results or of params, or dvc.lock, changed; the oldest first.

        Raises UsageError for an unknown revision.
        """
        if not self.history:
            return []
        tip = project.repo.resolve(self.history)
        if tip is None:
            raise errors.UsageError(
                f"There is no branch or commit '{self.history}'.", "For example: --commits-of main"
            )
        folder = project.config.folder
        names = [posixpath.join(folder, DVC_LOCK), *project.config.params, *project.config.metrics]
        kinds = {True: "glob", False: "literal"}
        wanted = dict.fromkeys(f":(top,{kinds[is_pattern(name)]}){name}" for name in names)
        out = project.repo.run(
            *("rev-list", "--reverse", tip, "--", *wanted), env={"GIT_LITERAL_PATHSPECS": "0"}
        )
        return out.decode().split()


IMPORTER = DvcRefs()


def _opened(place: Path) -> Project:
    """The project at a place. Raises UsageError for a place outside of a Git repository."""
    try:
        return Project.open(place, any_config=True)
    except (errors.GitexpError, OSError) as error:
        raise errors.UsageError(f"{place} is no Git repository: {error}", "gitexp import dvc PATH") from error


def _whole(project: Project) -> frozenset[str]:
    """The commits of the experiments that were imported with all of their data."""
    found = set[str]()
    for one in project.store.readable():
        imported = one.record.imported
        if imported.get("from") == dvc.SOURCE and imported.get("state") == _WHOLE:
            found.add(str(imported.get("id")))
    return frozenset(found)


def _experiments(project: Project) -> list[ForeignRef]:
    """The refs of DVC's experiments."""
    found = list(project.repo.refs(_REFS, fields=("refname", "objectname")))
    return dvc.refs(found)


class _RefReading:
    """The experiments of one place, read many at a time."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._trees = CommitTrees(project.repo)
        self._here = DvcLocks(self._trees, DvcObjects(project), project.config.folder)
        self._locks: DvcLocks | None = None

    def runs(self, refs: Sequence[ForeignRef]) -> Iterator[Read]:
        """Yield the runs at some refs."""
        authors = self._authors([ref.commit for ref in refs])
        by_ref = {(ref.name, ref.commit): ref for ref in refs}
        for one in dvc.read_refs(self._project, refs):
            if isinstance(one, Damaged):
                yield Unread(one.name, one.error)
                continue
            if one.record.imported:  # gitexp itself has written it there
                continue
            ref = by_ref[one.name, one.id]
            try:
                yield self._run(one, ref, authors.get(one.id, ""))
            except errors.GitexpError as error:
                yield Unread(one.name, error.message)

    def _run(self, one: Experiment, ref: ForeignRef, author: str) -> ForeignRun:
        record = one.record
        seconds = None
        if record.created:
            seconds = datetime.fromisoformat(record.created).timestamp()
        absent = self._here.absent(one.id)
        return ForeignRun(
            id=one.id,
            state=f"{absent} absent" if absent else _WHOLE,
            name=one.name,
            created=seconds,
            note=record.note,
            command=record.command or "",
            user=author,
            commit=ref.baseline,
            tree=partial(self._stored, one.id),
            record={"params": record.params, "metrics": record.metrics},
            facts={"commit": one.id, "baseline": ref.baseline, "name": ref.name},
            remarks=record.warnings,
        )

    def _stored(self, commit: str, project: Project) -> StoredTree:
        """The tree of a commit, with a gitexp.lock unless it has one."""
        tree = project.repo.resolve(commit, "tree")
        if tree is None:
            raise errors.GitexpError(
                f"Its commit {commit[:9]} could not be brought here.", "Is the clone shallow?"
            )
        lock_name = posixpath.join(self._project.config.folder, LOCK_FILE)
        if self._trees.find(commit, lock_name) is not None:
            return StoredTree(tree)
        if self._locks is None:
            objects = DvcObjects(project, keeps=True)
            self._locks = DvcLocks(self._trees, objects, self._project.config.folder)
        made = self._locks.of(commit)
        if not made.lock.artifacts:
            return StoredTree(tree, made.remarks)
        blob = project.repo.write_blob(write_lock(made.lock, self._project.config.folder))
        return StoredTree(trees.changed(project.repo, tree, {lock_name: ("100644", blob)}), made.remarks)

    def _authors(self, commits: Sequence[str]) -> dict[str, str]:
        """The names of the authors by commit."""
        how = ("--no-walk=unsorted", "--ignore-missing", "--stdin", "--no-show-signature", "-z")
        out = self._project.repo.run("log", *how, "--format=%H %an", stdin=in_lines(commits))
        found = {}
        for line in out.decode("utf-8", "replace").split("\0"):
            commit, _, name = line.partition(" ")
            found[commit] = name
        return found
