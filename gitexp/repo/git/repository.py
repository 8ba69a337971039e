"""A repository of Git as Python calls: the page to read for all that reaches Git.

`git_calls` runs Git, `git_objects` reads and writes objects, and this module finds a repository and moves its
refs. Refs have their full names. A caller's GIT_DIR or GIT_INDEX_FILE is read once, in `Repository.find`.

GitPython's ref, index, config and clone objects are not used: they read files that SHA-256 and reftable
repositories keep elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.regex import regex
from gitexp.repo.git import belonging, failures, launch, ref_locks
from gitexp.repo.git.absent_refs import is_absent
from gitexp.repo.git.git_text import rows
from gitexp.repo.git.launch import Git
from gitexp.repo.git.objects.git_objects import GitObjects
from gitexp.repo.git.values import Head, RefChange, RefConflict

_SINCE_2_31 = "--path-format=absolute"
_BROKEN = regex(r"^warning: ignoring (?:broken ref|ref with broken name) (refs/.+)$", re.MULTILINE)
# The questions of `find` to `git rev-parse`. To the last, Git 2.31 and later say nothing; others repeat it.
_QUESTIONS = (
    *("--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir", "--git-common-dir"),
    *("--show-object-format", "--git-path", "index", "--show-toplevel", _SINCE_2_31),
)
_ANSWERS = 8  # lines, the empty last one included
_MANY_REFS = 1000  # to flush each by itself takes a millisecond; all together are flushed with all else
_MOST_LOOSE_REFS = 300  # below one folder: each is a file, and has a block of the disk
_SYMBOLIC = "ref: "  # the file HEAD begins so where it names a branch


class Repository(GitObjects):
    """A Git repository, seen from one worktree; made by `Repository.find`."""

    @classmethod
    def find(cls, start: Path | None = None) -> Repository:
        """The repository around the folder `start`, by default the current folder.

        GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE of the environment count, the same as for Git. Raises
        GitMissing, GitTooOld, NotARepository or BareRepository, and UntrustedRepository for a Git folder of
        another workspace.
        """
        start = (start or Path.cwd()).absolute()
        if not start.is_dir():
            raise errors.RepositoryError(f"There is no folder {start}.", code="not-a-repository")
        if not belonging.is_up_to_user():
            belonging.refuse_foreign(start)
        git = Git(start)
        status, out, err = launch.execute(git, ("rev-parse", *_QUESTIONS), launch.ENVIRONMENT)
        lines = os.fsdecode(out).split("\n")
        if status != 0 or len(lines) != _ANSWERS:
            launch.require_git(git)
            if _SINCE_2_31 in lines:
                lines.remove(_SINCE_2_31)
        # Git works inside a Git folder too; a clone may have brought one among its files.
        if status != 0 or lines[1] == "true":
            raise failures.no_repository(start, lines, err)
        if len(lines) != _ANSWERS:
            raise errors.RepositoryError(
                f"gitexp cannot work in a folder with a line break in its name: {start}", "Rename the folder."
            )
        common, index = (Path(os.path.realpath(start / name)) for name in (lines[3], lines[5]))
        repo = cls(Path(lines[6]), Path(lines[2]), common, index, lines[4])
        if not belonging.is_up_to_user() and repo.git_dir != repo.root / ".git":
            belonging.require_own(repo.root, repo.git_dir, repo.config.get("core.worktree"))
        return repo

    @classmethod
    def create(cls, folder: Path, message: str) -> Repository:
        """Make a repository in `folder` with all files there committed on a branch main."""
        environment = {**launch.ENVIRONMENT, "GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder)}
        git = Git(folder)
        launch.require_git(git)
        for args in (("init", "--quiet"), ("symbolic-ref", "HEAD", "refs/heads/main"), ("add", "--all")):
            status, _, err = launch.execute(git, args, environment)
            if status != 0:
                raise failures.failure(args, status, err)
        repo = cls(folder, folder / ".git", folder / ".git", folder / ".git" / "index")
        tree = repo.run("write-tree").decode().strip()
        first = repo.write_commit(tree, [], message + "\n")
        repo.update_refs([RefChange("refs/heads/main", None, first)], "commit (initial)")
        return repo

    def linked(self, worktree: Path, git_dir: Path, settings: Mapping[str, str] | None = None) -> Repository:
        """This repository as seen from another of its worktrees, with these settings besides its own."""
        index, all_settings = git_dir / "index", {**self.settings, **(settings or {})}
        if git_dir == self.git_dir:
            index = self.index
        linked = Repository(worktree, git_dir, self.common_dir, index, self.object_format, all_settings)
        if git_dir == self.git_dir:
            linked._reader = self._reader
            if "config" in vars(self):  # read before, with a Git process; this worktree has no other
                linked.config = {**self.config, **{key.lower(): value for key, value in all_settings.items()}}
        return linked

    def reopened(self) -> Repository:
        """This repository with its configuration to be read again, and the same process for questions."""
        place = (self.root, self.git_dir, self.common_dir, self.index)
        again = Repository(*place, self.object_format, self.settings)
        again._reader = self._reader
        return again

    # -- refs -------------------------------------------------------------------------------------

    def head(self) -> Head:
        """The commit and the branch of HEAD; raises NoCommits in a repository without commits."""
        commit = self.resolve("HEAD")
        if commit is None:
            raise errors.RepositoryError(
                "This repository has no commit yet.",
                "Commit your code once (git add . && git commit), then run again.",
                code="no-commits",
            )
        return Head(commit, self._branch())

    def _branch(self) -> str | None:
        """The full ref name of the current branch, None for a detached HEAD."""
        file = self.git_dir / "HEAD"
        with contextlib.suppress(OSError):
            text = os.fsdecode(file.read_bytes()).removesuffix("\n")
            # With reftables the file names a branch `.invalid`. Some repositories have a link for a file.
            if text.startswith(f"{_SYMBOLIC}refs/heads/") and not text.endswith("/.invalid"):
                return text.removeprefix(_SYMBOLIC)
            if not text.startswith(_SYMBOLIC) and not file.is_symlink():
                return None
        status, out, _ = self.call("symbolic-ref", "--quiet", "HEAD")
        if status != 0:
            return None
        return os.fsdecode(out.strip())

    def refs(
        self,
        *patterns: str,
        fields: Sequence[str] = ("objectname", "refname"),
        broken: list[str] | None = None,
    ) -> Iterator[tuple[bytes, ...]]:
        """Yield the `fields` (of `git for-each-ref`) of each ref below the patterns.

        Git passes over broken refs, with no id in the file or with an impossible name; their names are added
        to `broken`. Raises GitFailed at the end, for an unreadable commit.
        """
        wanted = [pattern for pattern in patterns if not is_absent(self.common_dir, pattern)]
        if patterns and not wanted:
            return
        text = "%00".join(f"%({name})" for name in fields) + "%00"
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index)}
        chunks = launch.stream(self._git, ("for-each-ref", f"--format={text}", "--", *wanted), environment)
        err = yield from rows(chunks, len(fields))
        if broken is not None:
            broken += _BROKEN.findall(err)

    def update_refs(
        self, changes: Iterable[RefChange], reason: str = "gitexp", *, durable: bool = True
    ) -> None:
        """Make all changes; if a ref is not at its `old`, make none and raise RefConflict.

        A crash in the middle can leave the first changes made and the others not.
        """
        self._write_waiting()
        changes = list(changes)
        lines = []
        for change in changes:
            ids = (change.new or self.zero).encode(), (change.old or self.zero).encode()
            lines.append(b"update %s\0%s\0%s\0" % (os.fsencode(change.ref), *ids))
        args = ("update-ref", "--no-deref", "-m", reason, "-z", "--stdin")
        is_large = len(changes) >= _MANY_REFS
        sync_once = durable and is_large and hasattr(os, "sync")
        with ref_locks.guard(self.common_dir, [change.ref for change in changes]) as ours:
            each = durable and not sync_once
            status, _, err = self.call(*args, stdin=b"".join(lines), durable=each, inherits=ours.inherits)
            if sync_once:
                os.sync()
            if status < 0 or "unable to unlink" in err:  # Git was killed, or says that a lock has stayed
                ours.unlock()
        if status != 0:
            raise _not_moved(args, status, err)
        if len(changes) > _MOST_LOOSE_REFS:
            self._pack_refs(durable=durable)

    def move_head(self, branch: str, reason: str) -> None:
        """Have HEAD name a branch, `refs/heads/…`; `reason` is for its log. Raises GitFailed."""
        args = ("symbolic-ref", "-m", reason, "HEAD", branch)
        head = os.path.relpath(self.git_dir / "HEAD", self.common_dir)
        with ref_locks.guard(self.common_dir, [head]) as ours:
            status, _, err = self.call(*args, inherits=ours.inherits)
            if status < 0:
                ours.unlock()
        if status != 0:
            raise failures.failure(args, status, err)

    def pack_if_many(self, prefix: str) -> None:
        """Put all refs into one file if many of those in a folder have files of their own."""
        folder = self.common_dir / prefix
        # All are packed, or this Git keeps refs elsewhere; or it fails, and all is as right as before.
        with contextlib.suppress(OSError, errors.GitexpError):
            if sum(1 for _ in os.scandir(folder)) > _MOST_LOOSE_REFS:
                self._pack_refs(durable=True)

    def _pack_refs(self, *, durable: bool) -> None:
        """Put all refs into one file: with a file for each, 300,000 names of some server are a gigabyte.

        Where that fails, all is as right as before. Git locks each ref for it, those of the user too.
        """
        names = [os.fsdecode(name) for (name,) in self.refs(fields=("refname",))]
        with ref_locks.guard(self.common_dir, names) as ours:
            status, _, _ = self.call("pack-refs", "--all", durable=durable, inherits=ours.inherits)
            if status != 0:
                ours.unlock()

    def is_branch_name(self, name: str) -> bool:
        """Whether Git allows `name` for a branch."""
        return "\0" not in name and self.call("check-ref-format", f"refs/heads/{name}")[0] == 0


def _not_moved(args: Sequence[str], status: int, err: str) -> errors.GitexpError:
    """The error for a Git that has moved no ref."""
    if re.search(r"reference already exists|but expected|unable to resolve|reference is missing", err):
        message = f"Git would not move a ref: {failures.sentence(err)}"
        return RefConflict(message, status=status, stderr=err)
    return failures.failure(args, status, err)
