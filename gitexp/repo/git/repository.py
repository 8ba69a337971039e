"""Git's plumbing as Python calls: the one page to read to know what reaches Git.

Full ref names, and `--end-of-options` or `--stdin -z` before anything that came from outside; the
repository is named in full by the environment, so that a caller's GIT_DIR or GIT_INDEX_FILE is
understood once (in `Repository.find`) and never inherited by accident. How Git is started stands in
`gitexp.repo.git.launch`. No word of the domain is known here.

GitPython's ref, index, config and clone objects are not used: they read files that SHA-256 and
reftable repositories keep elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import failures, launch, ref_locks
from gitexp.repo.git.launch import Git, Tell
from gitexp.repo.git.values import GitObject, Head, RefChange, RefConflict, TreeEntry

# As `env` of a call for which a partial clone may fetch what it lacks: files are to be written.
FETCHING = {"GIT_NO_LAZY_FETCH": "0"}

_BROKEN = re.compile(r"^warning: ignoring (?:broken ref|ref with broken name) (refs/.+)$", re.MULTILINE)
_ANSWERS = 8  # lines of `git rev-parse` in `find`, with an empty one at the end


class Repository:
    """One Git repository with a worktree. Paths are absolute; make one with `Repository.find`."""

    def __init__(
        self, root: Path, git_dir: Path, common_dir: Path, index: Path, object_format: str = "sha1"
    ) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.index = index
        self.object_format = object_format
        self._git = Git(root)  # a Path: GitPython expands ~ and $HOME in a string
        self._environment = {
            **launch.ENVIRONMENT,
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": str(common_dir),
            "GIT_WORK_TREE": str(root),
        }

    @classmethod
    def find(cls, start: Path | None = None) -> Repository:
        """Return the repository that `start` (default: the current folder) lies in.

        GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE of the environment count, as they do for Git.
        Raises GitMissing, GitTooOld, NotARepository or BareRepository.
        """
        start = (start or Path.cwd()).absolute()
        git = Git(start)
        launch.require_git(git)
        status, out, err = launch.execute(
            git,
            (
                *("rev-parse", "--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir"),
                *("--git-common-dir", "--show-object-format", "--git-path", "index", "--show-toplevel"),
            ),
            launch.ENVIRONMENT,
        )
        lines = [os.fsdecode(line) for line in out.split(b"\n")]
        # Inside a Git folder, though Git works there: one that a clone has brought among its files.
        if status != 0 or lines[1] == "true":
            raise failures.no_repository(start, lines, err)
        if len(lines) != _ANSWERS:
            raise errors.RepositoryError(
                f"gitexp cannot work in a folder with a line break in its name: {start}", "Rename the folder."
            )
        common, index = (Path(os.path.realpath(start / name)) for name in (lines[3], lines[5]))
        return cls(Path(lines[6]), Path(lines[2]), common, index, lines[4])

    @classmethod
    def create(cls, folder: Path, message: str) -> Repository:
        """Make a repository in `folder`, commit all that is there on a branch main, and return it."""
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

    def linked(self, worktree: Path, git_dir: Path) -> Repository:
        """Return this repository as seen from another of its worktrees."""
        return Repository(worktree, git_dir, self.common_dir, git_dir / "index", self.object_format)

    # -- running Git ------------------------------------------------------------------------------

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        index: Path | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool = False,
    ) -> bytes:
        """Run `git <args>` in the worktree and return what it printed; raises GitFailed."""
        status, out, err = self.call(*args, stdin=stdin, index=index, env=env, durable=durable)
        if status != 0:
            raise failures.failure(args, status, err)
        return out

    def call(
        self,
        *args: str,
        stdin: bytes | None = None,
        index: Path | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool = False,
        inherits: Sequence[int] = (),
    ) -> tuple[int, bytes, str]:
        """Run `git <args>`, which inherits some descriptors; return exit status (negative for a signal),
        standard output and standard error."""
        environment = {**self._environment, "GIT_INDEX_FILE": str(index or self.index), **(env or {})}
        command = [*(launch.DURABLE if durable else ()), *args]
        return launch.execute(self._git, command, environment, stdin, inherits)

    def call_telling(
        self, *args: str, tell: Tell, env: Mapping[str, str], stdin: bytes = b"", hooks: bool = False
    ) -> tuple[int, bytes, str]:
        """Do what `call` does, and pass on each line of standard error at once; with `hooks`, they run."""
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index), **env}
        return launch.execute_telling(self._git, args, environment, tell, stdin, hooks=hooks)

    # -- reading ----------------------------------------------------------------------------------

    @cached_property
    def config(self) -> Mapping[str, str]:
        """All configuration that holds here; a repeated key has its last value."""
        config: dict[str, str] = {}
        for item in self.run("config", "--list", "-z").split(b"\0"):
            key, _, value = item.decode("utf-8", "surrogateescape").partition("\n")
            config[key] = value
        return config

    def has_modes(self) -> bool:
        """Return whether the disk tells which files are executable: on Windows, among others, it does not."""
        return is_true(self.config.get("core.filemode", "true"))

    def head(self) -> Head:
        """Return where HEAD stands; raises NoCommits in a repository without any."""
        commit = self.resolve("HEAD")
        if commit is None:
            raise errors.RepositoryError(
                "This repository has no commit yet.",
                "Commit your code once (git add . && git commit), then run again.",
                code="no-commits",
            )
        status, out, _ = self.call("symbolic-ref", "--quiet", "HEAD")
        return Head(commit, os.fsdecode(out.strip()) if status == 0 else None)

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """Return the full id of a revision peeled to `kind`, or None if there is no such thing."""
        if not revision or "\0" in revision or "\n" in revision:
            return None
        status, out, _ = self.call(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{{kind}}}"
        )
        return out.decode().strip() if status == 0 else None

    def refs(
        self, *patterns: str, fields: Sequence[str] = ("objectname", "refname")
    ) -> Iterator[list[bytes]]:
        """Return for each ref below the patterns the wanted fields of `git for-each-ref`."""
        return self.refs_and_broken(*patterns, fields=fields)[0]

    def refs_and_broken(
        self, *patterns: str, fields: Sequence[str] = ("objectname", "refname")
    ) -> tuple[Iterator[list[bytes]], list[str]]:
        """Return what `refs` does, and the names of the refs that Git passes over: their files say no id,
        or are called as no ref can be."""
        text = "%00".join(f"%({name})" for name in fields) + "%00"
        args = ("for-each-ref", f"--format={text}", "--", *patterns)
        status, out, err = self.call(*args)
        if status != 0:
            raise failures.failure(args, status, err)
        return self._split(out, fields), _BROKEN.findall(err)

    @staticmethod
    def _split(out: bytes, fields: Sequence[str]) -> Iterator[list[bytes]]:
        # A message holds no NUL, so a field ends at one, and a ref after its last field and a line end.
        # Cut up one by one: with 100,000 records a second copy of them all would be felt.
        at = 0
        while at < len(out):
            found = []
            for _ in fields:
                end = out.index(b"\0", at)
                found.append(out[at:end])
                at = end + 1
            at += 1
            yield found

    def read_blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the content of each `<revision>:<path>` or object id; None where there is none."""
        return [found[1] if found and found[0] == "blob" else None for found in self.read_objects(names)]

    def read_objects(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Return type and content of each `<revision>:<path>` or object id; None where there is none."""
        asked = [name for name in names if "\n" not in name]
        found: dict[str, tuple[str, bytes] | None] = {}
        if asked:
            out = self.run("cat-file", "--batch", stdin=b"".join(os.fsencode(n) + b"\n" for n in asked))
            at = 0
            for name in asked:
                end = out.index(b"\n", at)
                header, at = out[at:end], end + 1
                kind, _, size = header.rpartition(b" ")
                if not size.isdigit() or header.endswith((b" missing", b" ambiguous")):
                    found[name] = None
                    continue
                found[name] = kind.rpartition(b" ")[2].decode(), out[at : at + int(size)]
                at += int(size) + 1
        return [found.get(name) for name in names]

    def find_objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """Return which object stands at each `<revision>:<path>` or id; None where there is none."""
        asked = [name for name in names if "\n" not in name]
        text = b"".join(os.fsencode(name) + b"\n" for name in asked)
        out = self.run("cat-file", "--batch-check", stdin=text) if asked else b""
        found: dict[str, GitObject] = {}
        for name, answer in zip(asked, out.splitlines(), strict=True):
            if not answer.endswith((b" missing", b" ambiguous")):
                oid, kind, size = answer.decode().split(" ")
                found[name] = GitObject(kind, oid, int(size))
        return [found.get(name) for name in names]

    def ids_of(self, names: Sequence[str]) -> list[str | None]:
        """Return the object id of each `<revision>:<path>`; None where there is none."""
        return [found.id if found is not None else None for found in self.find_objects(names)]

    def commit_dates(self, commits: Sequence[str]) -> dict[str, str]:
        """Return for each commit that is there when it was made, in ISO 8601."""
        if not commits:
            return {}
        text = "".join(f"{commit}\n" for commit in commits).encode()
        args = (
            "log",
            "--no-walk=unsorted",
            "--ignore-missing",
            "--stdin",
            "--format=%H %cI",
            "--no-show-signature",
        )
        return dict(line.split(" ", 1) for line in self.run(*args, stdin=text).decode().splitlines())

    def read_tree(self, tree: str) -> list[TreeEntry]:
        """Return the entries of one tree (not of those below it)."""
        entries = []
        for line in self.run("ls-tree", "-z", "--end-of-options", tree).split(b"\0"):
            if line:
                meta, _, name = line.partition(b"\t")
                mode, kind, oid = meta.decode().split()
                entries.append(TreeEntry(mode, kind, oid, name))
        return entries

    def files_in(self, commit: str, below: Sequence[str]) -> list[str]:
        """Return the files of a commit that stand at or below some paths."""
        if not below:
            return []
        names = self.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", *below)
        return [os.fsdecode(name) for name in names.split(b"\0") if name]

    # -- writing objects and refs -----------------------------------------------------------------

    def write_blob(self, data: bytes, *, path: str | None = None) -> str:
        """Store bytes and return their id; with `path`, converted as Git would convert that file."""
        how = ("--path", path) if path is not None else ("--no-filters",)
        args = ("hash-object", "-w", *how, "--stdin")
        return self.run(*args, stdin=data, durable=True).decode().strip()

    def write_blobs(self, files: Sequence[Path]) -> list[str]:
        """Store files as they are, in one Git process, and return their ids in order."""
        if any("\n" in str(file) for file in files):
            return [self.write_blob(file.read_bytes()) for file in files]
        names = b"".join(os.fsencode(file) + b"\n" for file in files)
        out = self.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names, durable=True)
        return out.decode().split()

    def write_tree(self, entries: Iterable[TreeEntry]) -> str:
        """Store one tree and return its id."""

        # Not `git mktree`: it does not flush what it writes to the disk, whatever core.fsync says.
        def in_order(entry: TreeEntry) -> bytes:
            return entry.name + b"/" if entry.kind == "tree" else entry.name

        data = b"".join(
            entry.mode.lstrip("0").encode() + b" " + entry.name + b"\0" + bytes.fromhex(entry.id)
            for entry in sorted(entries, key=in_order)
        )
        args = ("hash-object", "-w", "-t", "tree", "--stdin")
        return self.run(*args, stdin=data, durable=True).decode().strip()

    def write_commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Store a commit and return its id. Identity: `identity()`; dates: now, or Git's variables."""
        args = ["commit-tree", tree]
        for parent in parents:
            args += ["-p", parent]
        text = message.encode("utf-8", "surrogateescape")
        return self.run(*args, stdin=text, env=self.identity(), durable=True).decode().strip()

    def identity(self) -> dict[str, str]:
        """Return what must be in the environment for commits here: nothing where Git knows the user.

        Without user.name and user.email a stated stand-in is used, so that no commit fails for it.
        """
        stand_in = {}
        for role in ("AUTHOR", "COMMITTER"):
            for part, fallback in (("NAME", "gitexp"), ("EMAIL", "gitexp@localhost")):
                keys = (f"{role.lower()}.{part.lower()}", f"user.{part.lower()}")
                variable = f"GIT_{role}_{part}"
                if not os.environ.get(variable) and not any(self.config.get(key) for key in keys):
                    stand_in[variable] = fallback
        return stand_in

    def update_refs(
        self, changes: Iterable[RefChange], reason: str = "gitexp", *, durable: bool = True
    ) -> None:
        """Make all these changes if each ref is at its `old`; raises RefConflict, with none made, if not.

        A crash in the middle can leave the first of them made and the others not.
        """
        changes = list(changes)
        text = b"".join(
            b"update %s\0%s\0%s\0"
            % (os.fsencode(c.ref), (c.new or self.zero).encode(), (c.old or self.zero).encode())
            for c in changes
        )
        args = ("update-ref", "--no-deref", "-m", reason, "-z", "--stdin")
        with ref_locks.change(self.common_dir, [c.ref for c in changes]) as ours:
            status, _, err = self.call(*args, stdin=text, durable=durable, inherits=ours.inherits)
            if status < 0 or "unable to unlink" in err:  # it was killed, or says that a lock has stayed
                ours.unlock()
        if status == 0:
            return
        if re.search(r"reference already exists|but expected|unable to resolve|reference is missing", err):
            raise RefConflict(
                f"Git would not move a ref: {failures.sentence(err)}", status=status, stderr=err
            )
        raise failures.failure(args, status, err)

    @property
    def zero(self) -> str:
        """The id of nothing in this repository's object format."""
        return "0" * (64 if self.object_format == "sha256" else 40)

    def is_branch_name(self, name: str) -> bool:
        """Return whether Git allows `name` for a branch."""
        return "\0" not in name and self.call("check-ref-format", f"refs/heads/{name}")[0] == 0


def is_true(value: str | None) -> bool:
    """Return whether a configuration value means yes; what is not a boolean (`input`, say) does not."""
    return value is not None and value.lower() in ("true", "yes", "on", "1")
