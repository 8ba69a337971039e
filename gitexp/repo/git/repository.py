"""Git's plumbing as Python calls: the one page to read to know what reaches Git.

Full ref names, and `--end-of-options` or `--stdin -z` before anything that came from outside; the
repository is named in full by the environment, so that a caller's GIT_DIR or GIT_INDEX_FILE is
understood once (in `Repository.find`) and never inherited by accident. How Git is started stands in
`gitexp.repo.git.launch`. No word of the domain is known here.

GitPython's ref, index, config and clone objects are not used: they read files that SHA-256 and
reftable repositories keep elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import failures, launch, ref_locks
from gitexp.repo.git.launch import Git, Tell
from gitexp.repo.git.new_objects import (
    NewObject,
    commit_content,
    new_object,
    pack,
    signature,
    tree_content,
)
from gitexp.repo.git.object_reader import Answer, ObjectReader, size_of, split
from gitexp.repo.git.values import GitObject, Head, RefChange, RefConflict, TreeEntry

# As `env` of a call for which a partial clone may fetch what it lacks: files are to be written.
FETCHING = {"GIT_NO_LAZY_FETCH": "0"}

_SINCE_2_31 = "--path-format=absolute"
_BROKEN = re.compile(r"^warning: ignoring (?:broken ref|ref with broken name) (refs/.+)$", re.MULTILINE)
# Asked of `git rev-parse` in `find`; the last one is known since Git 2.31 and answered by nothing.
_QUESTIONS = (
    *("--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir", "--git-common-dir"),
    *("--show-object-format", "--git-path", "index", "--show-toplevel", _SINCE_2_31),
)
_ANSWERS = 8  # lines, with an empty one at the end
_LARGE = 1 << 20  # bytes; a larger blob is given to Git alone, and not copied about
_NOBODY = {"NAME": "gitexp", "EMAIL": "gitexp@localhost"}  # where Git does not know the user
_SYMBOLIC = "ref: "  # how the file HEAD begins that names a branch
_KINDS = {"040000": "tree", "160000": "commit"}  # of the entries of a tree by their mode; others are blobs


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
        # From the top: the reader must not stand in a folder that somebody wants to remove.
        top, asks = Git(Path(root.anchor)), ("cat-file", "--batch-command")
        self._reader = ObjectReader(partial(launch.converse, top, asks, self._environment))
        self._waiting: list[NewObject] | None = None  # in `writing_together`

    @classmethod
    def find(cls, start: Path | None = None) -> Repository:
        """Return the repository that `start` (default: the current folder) lies in.

        GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE of the environment count, as they do for Git.
        Raises GitMissing, GitTooOld, NotARepository or BareRepository.
        """
        start = (start or Path.cwd()).absolute()
        git = Git(start)
        status, out, err = launch.execute(git, ("rev-parse", *_QUESTIONS), launch.ENVIRONMENT)
        lines = [os.fsdecode(line) for line in out.split(b"\n")]
        if status != 0 or len(lines) != _ANSWERS:
            launch.require_git(git)
            lines = [line for line in lines if line != _SINCE_2_31]
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
        """This repository as seen from another of its worktrees."""
        linked = Repository(worktree, git_dir, self.common_dir, git_dir / "index", self.object_format)
        if git_dir == self.git_dir:
            linked._reader = self._reader
        return linked

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

    def rest(self) -> None:
        """End the process that has answered questions about objects: none will come for a long time."""
        self._reader.close()

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
        return Head(commit, self._branch())

    def _branch(self) -> str | None:
        """The full ref name of the branch that HEAD is on, None if it is detached."""
        file = self.git_dir / "HEAD"
        with contextlib.suppress(OSError):
            text = os.fsdecode(file.read_bytes()).removesuffix("\n")
            # The format reftable has this file say `.invalid`; a link has the content of what it leads to.
            if text.startswith(f"{_SYMBOLIC}refs/heads/") and not text.endswith("/.invalid"):
                return text.removeprefix(_SYMBOLIC)
            if not text.startswith(_SYMBOLIC) and not file.is_symlink():
                return None
        status, out, _ = self.call("symbolic-ref", "--quiet", "HEAD")
        return os.fsdecode(out.strip()) if status == 0 else None

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """Return the full id of a revision peeled to `kind`, or None if there is no such thing."""
        if not revision or "\0" in revision or "\n" in revision:
            return None
        name = f"{revision}^{{{kind}}}"
        if (answers := self._reader.ask("info", [name])) is not None:
            header = answers[0].header
            return None if size_of(header) is None else header.decode().partition(" ")[0]
        status, out, _ = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return out.decode().strip() if status == 0 else None

    def refs(
        self,
        *patterns: str,
        fields: Sequence[str] = ("objectname", "refname"),
        broken: list[str] | None = None,
    ) -> Iterator[list[bytes]]:
        """Yield the `fields` (of `git for-each-ref`) of each ref below the patterns, as Git finds them.

        The list `broken` is given the names of the refs that Git passes over: their files have no id in them,
        or no ref can have their names. Raises GitFailed at the end, for a commit that cannot be read.
        """
        text = "%00".join(f"%({name})" for name in fields) + "%00"
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index)}
        chunks = launch.stream(self._git, ("for-each-ref", f"--format={text}", "--", *patterns), environment)
        err = yield from _rows(chunks, len(fields))
        if broken is not None:
            broken += _BROKEN.findall(err)

    def read_blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the content of each `<revision>:<path>` or object id; None where there is none."""
        return [found[1] if found and found[0] == "blob" else None for found in self.read_objects(names)]

    def read_objects(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Type and content of each `<revision>:<path>` or object id; None where there is none."""
        found: dict[str, tuple[str, bytes]] = {}
        for name, answer in self._ask("contents", names):
            if size_of(answer.header) is not None:
                kind = answer.header.decode().split(" ")[1]
                found[name] = kind, answer.content
        return [found.get(name) for name in names]

    def find_objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """The object at each `<revision>:<path>` or id; None where there is none."""
        found: dict[str, GitObject] = {}
        for name, answer in self._ask("info", names):
            if size_of(answer.header) is not None:
                oid, kind, size = answer.header.decode().split(" ")
                found[name] = GitObject(kind, oid, int(size))
        return [found.get(name) for name in names]

    def _ask(self, command: str, names: Sequence[str]) -> Iterable[tuple[str, Answer]]:
        """Each name that can be asked for with Git's answer to `info` or `contents`."""
        asked = [name for name in names if "\n" not in name]
        if not asked:
            return ()
        answers = self._reader.ask(command, asked)
        if answers is None:
            with_content = command == "contents"
            text = b"".join(os.fsencode(name) + b"\n" for name in asked)
            out = self.run("cat-file", "--batch" if with_content else "--batch-check", stdin=text)
            answers = split(out, len(asked), with_content=with_content)
        return zip(asked, answers, strict=True)

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
        """The entries of one tree, without those of the trees in it."""
        answers = self._reader.ask("contents", [f"{tree}^{{tree}}"])
        if answers is not None and size_of(answers[0].header) is not None:
            return self._entries(answers[0].content)
        entries = []
        for line in self.run("ls-tree", "-z", "--end-of-options", tree).split(b"\0"):
            if line:
                meta, _, name = line.partition(b"\t")
                mode, kind, oid = meta.decode().split()
                entries.append(TreeEntry(mode, kind, oid, name))
        return entries

    def _entries(self, content: bytes) -> list[TreeEntry]:
        """The entries in the content of a tree: `<mode> <name>`, a NUL and the bytes of an id each."""
        size = len(self.zero) // 2
        found, at = [], 0
        while at < len(content):
            end = content.index(b"\0", at)
            octal, _, name = content[at:end].partition(b" ")
            at = end + 1 + size
            mode = octal.decode().zfill(6)
            found.append(TreeEntry(mode, _KINDS.get(mode, "blob"), content[end + 1 : at].hex(), name))
        return found

    def files_in(self, commit: str, below: Sequence[str]) -> list[str]:
        """Return the files of a commit that stand at or below some paths."""
        if not below:
            return []
        names = self.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", *below)
        return [os.fsdecode(name) for name in names.split(b"\0") if name]

    # -- writing objects and refs -----------------------------------------------------------------

    @contextlib.contextmanager
    def writing_together(self) -> Iterator[None]:
        """Give the objects that are written in the block to Git by one process.

        They are there when the block ends, or refs are moved in it, and not before. A block in another one
        ends with that.
        """
        if self._waiting is not None:
            yield
            return
        self._waiting = []
        try:
            yield
            self._write_waiting()
        finally:
            self._waiting = None

    def _write_waiting(self) -> None:
        if self._waiting:
            self._unpack(self._waiting)
            self._waiting.clear()

    def _unpack(self, objects: Sequence[NewObject]) -> None:
        self.run("unpack-objects", "-q", stdin=pack(objects, self.object_format), durable=True)

    def _write(self, kind: str, content: bytes) -> str:
        new = new_object(kind, content, self.object_format)
        if self._waiting is None:
            self._unpack([new])
        else:
            self._waiting.append(new)
        return new.id

    def write_blob(self, data: bytes, *, path: str | None = None) -> str:
        """Store bytes and return their id; with `path`, converted as Git would convert that file."""
        if path is None and len(data) <= _LARGE:
            return self._write("blob", data)
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
        return self._write("tree", tree_content(entries))

    def write_commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Store a commit and return its id. Who: see `identity`; dates: now, or Git's variables."""
        author, committer = self._signature("AUTHOR"), self._signature("COMMITTER")
        return self._write("commit", commit_content(tree, parents, author, committer, message))

    def _signature(self, role: str) -> str:
        """Name, address and time of the author or committer of a commit that is made now."""
        if not os.environ.get(f"GIT_{role}_DATE"):
            name, email = (
                self._named(role, "NAME") or _NOBODY["NAME"],
                self._named(role, "EMAIL") or _NOBODY["EMAIL"],
            )
            if (found := signature(name, email)) is not None:
                return found
        return (
            self.run("var", f"GIT_{role}_IDENT", env=self.identity())
            .decode("utf-8", "surrogateescape")
            .strip()
        )

    def _named(self, role: str, part: str) -> str:
        """The name or the address that Git knows of a commit's author or committer; else ""."""
        given = os.environ.get(f"GIT_{role}_{part}")
        keys = (f"{role.lower()}.{part.lower()}", f"user.{part.lower()}")
        return given or self.config.get(keys[0]) or self.config.get(keys[1]) or ""

    def identity(self) -> dict[str, str]:
        """What must be in the environment for commits here: nothing where Git knows the user.

        Without user.name and user.email a stated stand-in is used, so that no commit fails for it.
        """
        stand_in = {}
        for role in ("AUTHOR", "COMMITTER"):
            for part, nobody in _NOBODY.items():
                if not self._named(role, part):
                    stand_in[f"GIT_{role}_{part}"] = nobody
        return stand_in

    def update_refs(
        self, changes: Iterable[RefChange], reason: str = "gitexp", *, durable: bool = True
    ) -> None:
        """Make all these changes if each ref is at its `old`; raises RefConflict, with none made, if not.

        A crash in the middle can leave the first of them made and the others not.
        """
        self._write_waiting()
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


def _rows(chunks: Generator[bytes, None, str], width: int) -> Generator[list[bytes], None, str]:
    """Yield the rows of `width` fields in what Git prints; returns what `chunks` returns.

    No field holds a NUL, and one ends each. Between two rows there is a line end.
    """
    waiting: list[bytes] = []
    rest, line_end = b"", b""
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            return str(end.value)
        *fields, rest = (rest + chunk).split(b"\0")
        waiting += fields
        whole = len(waiting) - len(waiting) % width
        for at in range(0, whole, width):
            row = waiting[at : at + width]
            row[0] = row[0].removeprefix(line_end)
            line_end = b"\n"
            yield row
        del waiting[:whole]


def is_true(value: str | None) -> bool:
    """Return whether a configuration value means yes; what is not a boolean (`input`, say) does not."""
    return value is not None and value.lower() in ("true", "yes", "on", "1")
