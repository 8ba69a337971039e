"""The code of an imported run: its commit with its patch, its kept files, or none."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, StoredTree
from gitexp.extras.integrations.importers.reading import RunUnreadable, reading
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.artifact_paths import fault
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.git import trees

_COMMIT = regex(r"[0-9a-f]{7,64}")
_NOBODY = "gitexp <gitexp> 0 +0000"  # of a commit that is the same in each clone
_LARGEST = 2**20  # bytes of a file of code


class Code(NamedTuple):
    """The code of a run.

    Attributes:
        baseline: the commit below the run's own.
        tree: the tree of its own commit.
        said: the origin of the code: the end of a sentence.
        is_patched: whether the tree has the patch of the run, or the run has none.
        remarks: a sentence for each omission.
    """

    baseline: str
    tree: str
    said: str
    is_patched: bool = True
    remarks: tuple[str, ...] = ()


class CodeOfRuns:
    """Finds the code of runs of one tool.

    Attributes:
        into: the baseline of all runs; "" for the commit of each.
    """

    def __init__(self, project: Project, title: str, into: str) -> None:
        self._project = project
        self._title = title
        self._into = ""
        if into:
            self._into = project.repo.resolve(into) or ""
            if not self._into:
                raise errors.UsageError(
                    f"There is no commit '{into}'.", "A branch, a tag or a commit: --into main"
                )
        self._commit_of = lru_cache(maxsize=1024)(self._found_commit)

    def of(self, run: ForeignRun) -> Code:
        """The code of a run; its objects are stored. Raises RunUnreadable."""
        if run.tree is not None:
            return self._stored(run, run.tree)
        if self._into:
            return Code(self._into, self._tree_of(self._into), f"that of {self._into[:9]}", not run.patch)
        commit = self._commit_of(run.commit)
        if commit is not None:
            return self._patched(run, commit)
        baseline, nothing = self._orphan()
        if run.code:
            made = self._with_files(run)
            said = f"what {self._title} has kept of it"
            return Code(baseline, made.tree, said, not run.patch, made.remarks)
        noted = f": its commit {run.commit[:9]} is not here" if run.commit else ""
        return Code(baseline, nothing, f"not known{noted}", not run.patch)

    def _stored(self, run: ForeignRun, tree: Callable[[Project], StoredTree]) -> Code:
        """The code of a run whose tool has it in Git."""
        try:
            made = tree(self._project)
        except (errors.StorageError, errors.RepositoryError):  # the fault is here
            raise
        except errors.GitexpError as error:
            raise RunUnreadable(folder_files.reason(error)) from error
        baseline = self._into or self._commit_of(run.commit)
        if baseline is None:
            baseline, _ = self._orphan()
        return Code(baseline, made.tree, f"what {self._title} has of it in Git", remarks=made.remarks)

    def _patched(self, run: ForeignRun, commit: str) -> Code:
        tree = self._tree_of(commit)
        if not run.patch and run.has_changes:
            return self._overlaid(run, commit, tree)
        if not run.patch:
            return Code(commit, tree, f"that of its commit {commit[:9]}")
        changed = self._applied(commit, run.patch)
        if changed is None:
            said = f"that of its commit {commit[:9]} without its changes, whose patch does not apply"
            return Code(commit, tree, said, is_patched=False)
        return Code(commit, changed, f"that of its commit {commit[:9]} with its changes")

    def _overlaid(self, run: ForeignRun, commit: str, tree: str) -> Code:
        """The tree of a commit with the kept files of the run on top, if some of them are of the commit."""
        names = [f"{commit}:{path}" for path in run.code if fault(path) is None and "\n" not in path]
        if not any(blob is not None for blob in self._project.repo.read_blobs(names)):
            return Code(
                commit, tree, f"that of its commit {commit[:9]} without its changes, which are not known"
            )
        made = self._with_files(run, tree)
        said = f"that of its commit {commit[:9]} with the files kept by {self._title}"
        return Code(commit, made.tree, said, remarks=made.remarks)

    def _applied(self, commit: str, patch: bytes) -> str | None:
        """The tree of a commit with a patch; None for a patch that does not apply."""
        with self._project.local.scratch() as scratch:
            index = scratch / "index"
            (scratch / "patch").write_bytes(patch)
            apart = self._project.repo.set_apart(scratch / "objects")
            apart.run("read-tree", commit, index=index)
            apply = ("apply", "--cached", "--whitespace=nowarn", "--", str(scratch / "patch"))
            status, _, _ = apart.call(*apply, index=index)
            return apart.keep_index(index, commit) if status == 0 else None

    def _with_files(self, run: ForeignRun, tree: str | None = None) -> StoredTree:
        """The tree with the kept files; `tree` lies below. Raises RunUnreadable."""
        repo = self._project.repo
        changes: dict[str, trees.Change] = {}
        remarks = []
        for path, content in run.code.items():
            text = _read(content)
            if (why := fault(path)) is not None:
                remarks.append(f"not stored, a file of code whose name {why}: {path}")
            elif text is None:
                remarks.append(f"not stored, a file of code that is gone: {path}")
            elif len(text) > _LARGEST:
                remarks.append(f"not stored, a file of code of more than {_LARGEST // 2**20} MB: {path}")
            else:
                changes[path] = ("100644", repo.write_blob(text))
        return StoredTree(trees.changed(repo, tree, changes), tuple(remarks))

    def _orphan(self) -> tuple[str, str]:
        """The baseline of runs without known code, and its empty tree: the same in each clone."""
        repo = self._project.repo
        tree = repo.write_tree([])
        message = f"Runs of {self._title}, whose commits are not here\n"
        return repo.write_commit(tree, [], message, signature=_NOBODY), tree

    def _found_commit(self, noted: str) -> str | None:
        if not _COMMIT.fullmatch(noted):
            return None
        return self._project.repo.resolve(noted)

    def _tree_of(self, commit: str) -> str:
        tree = self._project.repo.resolve(commit, "tree")
        assert tree is not None  # it is a commit
        return tree


def _read(content: Content) -> bytes | None:
    """The content of a file of code, at least `_LARGEST` of it; None for a missing one.

    Raises RunUnreadable.
    """
    if isinstance(content, bytes):
        return content
    found = b""
    with reading():
        if not folder_files.is_there(content):
            return None
        for piece in folder_files.pieces(content):
            found += piece
            if len(found) > _LARGEST:
                break
    return found
