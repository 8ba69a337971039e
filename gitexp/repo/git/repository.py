"""Git's plumbing as Python calls: the page to read for all that reaches Git.

Refs have their full names, and `--end-of-options` or `--stdin -z` stands before all text from outside. The
environment names the repository in full: a caller's GIT_DIR or GIT_INDEX_FILE is read once, in
`Repository.find`, and never inherited by accident. `gitexp.repo.git.launch` starts Git. No word of the
domain is known here.

GitPython's ref, index, config and clone objects are not used: they read files that SHA-256 and reftable
repositories keep elsewhere.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import belonging, disk_settings, failures, launch, ref_locks
from gitexp.repo.git.kept_packs import KeptPacks
from gitexp.repo.git.launch import Git, Tell
from gitexp.repo.git.new_objects import NewObject, commit_content, new_object, signature, tree_content
from gitexp.repo.git.object_reader import Answer, ObjectReader, size_of, split
from gitexp.repo.git.values import CommitFacts, GitObject, Head, RefChange, RefConflict, TreeEntry

# The `env` of a call that writes files: for these a partial clone may fetch objects that it lacks.
FETCHING = {"GIT_NO_LAZY_FETCH": "0"}

_SINCE_2_31 = "--path-format=absolute"
_BROKEN = re.compile(r"^warning: ignoring (?:broken ref|ref with broken name) (refs/.+)$", re.MULTILINE)
# The questions of `find` to `git rev-parse`. To the last, Git 2.31 and later say nothing; others repeat it.
_QUESTIONS = (
    *("--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir", "--git-common-dir"),
    *("--show-object-format", "--git-path", "index", "--show-toplevel", _SINCE_2_31),
)
_ANSWERS = 8  # lines, the empty last one included
LARGEST = 64 << 20  # bytes of an object that may be somebody else's, and is read
_APART = {"core.looseCompression": "0"}  # the objects stand there for less than a second
_PACKED = ("--revs", "--window=0", "--honor-pack-keep", "--non-empty", "-q")
_WHOLE = ("--no-reuse-delta",)
_ONE_PACK = ("-c", "pack.packSizeLimit=0", "-c", "pack.indexVersion=2", "-c", "pack.writeReverseIndex=false")
_MANY_REFS = 1000  # to flush each by itself takes a millisecond; all together are flushed with all else
_NOBODY = {"NAME": "gitexp", "EMAIL": "gitexp@localhost"}  # where Git does not know the user
_OF_USER = ("system", "global", "command")  # the scopes of settings that no repository brings
_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"))
_SYMBOLIC = "ref: "  # the file HEAD begins so where it names a branch


class Repository:
    """A Git repository, seen from one worktree; made by `Repository.find`.

    Attributes:
        root: the folder of the worktree, absolute like all paths here.
        git_dir: the Git folder of the worktree.
        common_dir: the Git folder shared by all worktrees.
        index: the user's index.
        object_format: "sha1" or "sha256".
        settings: configuration in place of the user's, by key.
        objects: the folder of all objects.
    """

    def __init__(
        self,
        root: Path,
        git_dir: Path,
        common_dir: Path,
        index: Path,
        object_format: str = "sha1",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.index = index
        self.object_format = object_format
        self.settings = dict(settings or {})
        self._git = Git(root)  # a Path: GitPython expands ~ and $HOME in a string
        self._environment = {
            **launch.ENVIRONMENT,
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": str(common_dir),
            "GIT_WORK_TREE": str(root),
        }
        # The reader stands at the top of the disk, not in a folder that somebody wants to remove.
        top, asks = Git(Path(root.anchor)), ("cat-file", "--batch-command")
        self._reader = ObjectReader(partial(launch.converse, top, asks, self._environment))
        self._disk: dict[str, str] | None = None  # what the disk can do, as Git's settings
        self._waiting: list[NewObject] | None = None  # in `writing_together`
        self._apart: Path | None = None  # for a repository that is `set_apart`
        self.objects = root / os.environ.get("GIT_OBJECT_DIRECTORY", common_dir / "objects")

    @classmethod
    def find(cls, start: Path | None = None) -> Repository:
        """The repository around the folder `start`, by default the current folder.

        GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE of the environment count, the same as for Git. Raises
        GitMissing, GitTooOld, NotARepository or BareRepository, and UntrustedRepository for a Git folder of
        another workspace.
        """
        start = (start or Path.cwd()).absolute()
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
        """The standard output of `git <args>` in the worktree; raises GitFailed.

        Args:
            stdin: the standard input for Git.
            index: the index to use; None: the user's.
            env: changes to the environment.
            durable: have new objects and refs flushed to the disk.
        """
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
        """The exit status (negative for a signal), the output and the errors of `git <args>`.

        The descriptors `inherits` are open in Git too; else as in `run`.
        """
        environment = {**self._environment, "GIT_INDEX_FILE": str(index or self.index), **(env or {})}
        settings = {**(self._disk or {}), **self.settings}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        command = [*options, *(launch.DURABLE if durable else ()), *args]
        return launch.execute(self._git, command, environment, stdin, inherits)

    def call_telling(
        self, *args: str, tell: Tell, env: Mapping[str, str], stdin: bytes = b"", hooks: bool = False
    ) -> tuple[int, bytes, str]:
        """The result of `call`, with `tell` called for each line of standard error, with or without hooks."""
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index), **env}
        return launch.execute_telling(self._git, args, environment, tell, stdin, hooks=hooks)

    def rest(self) -> None:
        """End the process for questions about objects; the next question starts another.

        Called before long work: the process holds packs open, even packs removed by a `git gc`.
        """
        self._reader.close()

    # -- reading ----------------------------------------------------------------------------------

    @cached_property
    def config(self) -> Mapping[str, str]:
        """All configuration of this repository; a repeated key has its last value."""
        config: dict[str, str] = {}
        for item in self.run("config", "--list", "-z").split(b"\0"):
            key, _, value = item.decode("utf-8", "surrogateescape").partition("\n")
            config[key] = value
        return config

    def users_setting(self, key: str) -> str | None:
        """The value of a setting that the user has made for all repositories; None if there is none.

        To be asked for what names a program: the settings of this repository may be a stranger's.
        """
        _, out, _ = self.call("config", "--show-scope", "-z", "--get-all", key)
        words = iter(out.decode("utf-8", "surrogateescape").split("\0"))
        values = [value for scope, value in zip(words, words, strict=False) if scope in _OF_USER]
        return values[-1] if values else None

    def ask_disk(self, scratch: Path) -> None:
        """Have Git go by what the disk of the worktree can do. The disk is asked once, in `scratch`."""
        if self._disk is None:
            self._disk = disk_settings.ask(self.root, scratch)

    def has_modes(self) -> bool:
        """Whether the disk, or Git where the disk cannot be asked, knows executable files."""
        scratch = self.common_dir / "gitexp" / "tmp"
        if scratch.is_dir():
            self.ask_disk(scratch)
        if "core.fileMode" in (self._disk or {}):
            return True
        return is_true(self.config.get("core.filemode", "true"))

    def has_plain_disk(self) -> bool:
        """Whether the disk, by `ask_disk`, knows executable files, links, and upper and lower case."""
        disk = self._disk or {}
        knows = (disk.get("core.fileMode"), disk.get("core.symlinks"), disk.get("core.ignoreCase"))
        return knows == ("true", "true", "false")

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

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The full id of a revision, peeled to `kind`; None for an unknown revision."""
        if not revision or "\0" in revision or "\n" in revision:
            return None
        name = f"{revision}^{{{kind}}}"
        if (answers := self._reader.ask("info", [name])) is not None:
            header = answers[0].header
            if size_of(header) is None:
                return None
            return header.decode().partition(" ")[0]
        status, out, _ = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        if status != 0:
            return None
        return out.decode().strip()

    def refs(
        self,
        *patterns: str,
        fields: Sequence[str] = ("objectname", "refname"),
        broken: list[str] | None = None,
    ) -> Iterator[list[bytes]]:
        """Yield the `fields` (of `git for-each-ref`) of each ref below the patterns.

        Git passes over broken refs, with no id in the file or with an impossible name; their names are added
        to `broken`. Raises GitFailed at the end, for a commit that cannot be read.
        """
        text = "%00".join(f"%({name})" for name in fields) + "%00"
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index)}
        chunks = launch.stream(self._git, ("for-each-ref", f"--format={text}", "--", *patterns), environment)
        err = yield from _rows(chunks, len(fields))
        if broken is not None:
            broken += _BROKEN.findall(err)

    def read_blobs(self, names: Sequence[str], most: int | None = LARGEST) -> list[bytes | None]:
        """The content of each `<revision>:<path>` or object id; None for a missing file.

        A file of more than `most` bytes is not read: see `read_objects`.
        """
        blobs: list[bytes | None] = []
        for kind, content in (found or ("", b"") for found in self.read_objects(names, most)):
            blobs.append(content if kind == "blob" else None)
        return blobs

    def read_objects(
        self, names: Sequence[str], most: int | None = LARGEST
    ) -> list[tuple[str, bytes] | None]:
        """Type and content of each `<revision>:<path>` or object id; None for a missing object.

        Somebody else's object may be small in its pack and fill the memory: so the sizes are asked first. An
        object of more than `most` bytes has that many zeros and one more for its content: whatever reads
        params, locks or records finds these too large. None: objects of any size are read.
        """
        places = self.find_objects(names)
        wanted: dict[str, GitObject] = {}
        for each in places:
            if each is not None and (most is None or each.size <= most):
                wanted[each.id] = each
        contents = {oid: answer.content for oid, answer in self._ask("contents", list(wanted))}
        found: list[tuple[str, bytes] | None] = []
        for each in places:
            if each is None:
                found.append(None)
            elif each.id in contents:
                found.append((each.kind, contents[each.id]))
            else:
                found.append((each.kind, _zeros((most or 0) + 1)))
        return found

    def find_objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """The object at each `<revision>:<path>` or id; None for a missing object."""
        found: dict[str, GitObject] = {}
        for name, answer in self._ask("info", names):
            if size_of(answer.header) is not None:
                oid, kind, size = answer.header.decode().split(" ")
                found[name] = GitObject(kind, oid, int(size))
        return [found.get(name) for name in names]

    def _ask(self, command: str, names: Sequence[str]) -> Iterable[tuple[str, Answer]]:
        """Git's answers to `info` or `contents`, with the names; an unknown name may have no answer."""
        known, asked = list[str](), list[str]()
        for name in names:
            if _fits_a_line(name):
                known.append(name)
                asked.append(name)
            elif (oid := self._id_of(name)) is not None:
                known.append(name)
                asked.append(oid)
        if not asked:
            return ()
        answers = self._reader.ask(command, asked)
        if answers is None:
            with_content = command == "contents"
            option = "--batch" if with_content else "--batch-check"
            out = self.run("cat-file", option, stdin=in_lines(asked))
            answers = split(out, len(asked), with_content=with_content)
        return zip(known, answers, strict=True)

    def _id_of(self, name: str) -> str | None:
        """The id of the object at a `<revision>:<path>` that does not fit into a line."""
        if "\0" in name:
            return None
        status, out, _ = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return out.decode().strip() if status == 0 else None

    def sizes_of(self, ids: Collection[str]) -> dict[str, int]:
        """The sizes of objects in bytes, by id, without the missing ones."""
        asked = list(ids)
        if not asked:
            return {}
        out = self.run("cat-file", "--batch-check=%(objectsize)", stdin=in_lines(asked))
        sizes = {}
        for oid, size in zip(asked, out.split(b"\n"), strict=False):
            if size.isdigit():
                sizes[oid] = int(size)
        return sizes

    def ids_of(self, names: Sequence[str]) -> list[str | None]:
        """The object id of each `<revision>:<path>`; None for a missing object."""
        return [found.id if found is not None else None for found in self.find_objects(names)]

    def commit_facts(self, commits: Sequence[str]) -> dict[str, CommitFacts]:
        """The time and the subject of each commit that the repository has."""
        if not commits:
            return {}
        how = ("--no-walk=unsorted", "--ignore-missing", "--stdin", "--no-show-signature", "-z")
        out = self.run("log", *how, "--format=%H %cI %s", stdin=in_lines(commits))
        found = {}
        for line in out.decode("utf-8", "replace").split("\0"):
            if line:
                commit, date, subject = line.split(" ", 2)
                found[commit] = CommitFacts(date, subject)
        return found

    # -- writing objects and refs -----------------------------------------------------------------

    @contextlib.contextmanager
    def writing_together(self) -> Iterator[None]:
        """Give all objects written in the block to Git by one process.

        The objects exist from the end of the block on, or from a change of refs in the block. A block inside
        another block ends with the outer block.
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
            self.kept_packs.store(self._waiting)
            self._waiting.clear()

    def _write(self, kind: str, content: bytes) -> str:
        new = new_object(kind, content, self.object_format)
        if self._waiting is None:
            self.kept_packs.store([new])
        else:
            self._waiting.append(new)
        return new.id

    @cached_property
    def kept_packs(self) -> KeptPacks:
        """The packs that have the new objects."""
        shared = self.config.get("core.sharedrepository", "")
        return KeptPacks(self.objects / "pack", self.object_format, shared)

    def set_apart(self, folder: Path) -> Repository:
        """This repository, with a `folder` of its own for the objects that its Git processes write.

        No prune sees the objects there; `keep` takes them from there.
        """
        (folder / "info").mkdir(parents=True, exist_ok=True)
        (folder / "pack").mkdir(exist_ok=True)
        (folder / "info" / "alternates").write_bytes(os.fsencode(self.objects) + b"\n")
        self.kept_packs  # noqa: B018 - the copy has it then, and the configuration too
        apart = copy.copy(self)
        apart._environment = {**self._environment, "GIT_OBJECT_DIRECTORY": str(folder)}
        apart.settings = {**self.settings, **_APART}
        apart._apart = folder
        return apart

    def keep_index(self, index: Path, but: str) -> str:
        """The id of the tree of a private index, stored; only for a repository that is `set_apart`.

        Nothing is kept of the tree or commit `but`: other refs hold it. Raises the errors of `keep`.
        """
        tree = self.run("write-tree", index=index).decode().strip()
        self.keep([tree], but=[f"{but}^{{tree}}"])
        return tree

    def keep(self, ids: Iterable[str], *, but: Iterable[str] = (), with_deltas: bool = False) -> None:
        """Keep all objects reached from some ids, old objects without a ref too.

        Only for a repository after `set_apart`. Raises GitFailed if an object is missing.

        Args:
            but: revisions with all their objects held by refs.
            with_deltas: keep the remote's form of the objects: much smaller for a long history.
        """
        assert self._apart is not None
        self.kept_packs.lend(self._apart / "pack")
        options = (*_PACKED, *(() if with_deltas else _WHOLE), *self.promised())
        text = in_lines([*ids, *(f"^{revision}" for revision in but)])
        args = (*_ONE_PACK, "pack-objects", *options, str(self._apart / "new"))
        out = self.run(*args, stdin=text, durable=True)
        packs = [self._apart / f"new-{name}" for name in out.decode().split()]
        self.kept_packs.adopt(packs, with_deltas=with_deltas)

    def promised(self) -> Sequence[str]:
        """The option for a partial clone, whose remote has promised to give more objects."""
        is_partial = "extensions.partialclone" in self.config  # from before Git 2.22
        for key, value in self.config.items():  # `git clone --filter` writes remote.<name>.promisor
            if key.startswith("remote.") and key.endswith(".promisor"):
                is_partial |= is_true(value)
        if not is_partial:
            return ()
        return ("--exclude-promisor-objects",)

    def write_blob(self, data: bytes, *, path: str | None = None) -> str:
        """The id of a new blob; with `path`, the bytes go through Git's conversions for that file.

        With `path` only for a repository that is `set_apart`, as in `write_blobs`.
        """
        if path is None:
            return self._write("blob", data)
        args = ("hash-object", "-w", "--path", path, "--stdin")
        return self.run(*args, stdin=data).decode().strip()

    def write_blobs(self, files: Sequence[Path]) -> list[str]:
        """The ids of new blobs with the bytes of some files, in order; one Git process stores all."""
        args = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        return self.run(*args, stdin=in_quoted_lines(files)).decode().split()

    def write_tree(self, entries: Iterable[TreeEntry]) -> str:
        """The id of a new tree."""
        return self._write("tree", tree_content(entries))

    def write_commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """The id of a new commit by `identity`; its dates are now, or those of Git's variables."""
        author, committer = self._signature("AUTHOR"), self._signature("COMMITTER")
        return self._write("commit", commit_content(tree, parents, author, committer, message))

    def _signature(self, role: str) -> str:
        """Name, address and time of the author or committer of a new commit."""
        name = self._named(role, "NAME") or _NOBODY["NAME"]
        email = self._named(role, "EMAIL") or _NOBODY["EMAIL"]
        found = signature(name, email, os.environ.get(f"GIT_{role}_DATE", ""))
        if found is not None:
            return found
        said = self.run("var", f"GIT_{role}_IDENT", env=self.identity())
        return said.decode("utf-8", "surrogateescape").strip()

    def _named(self, role: str, part: str) -> str:
        """The name or the address that Git has for a commit's author or committer; else ""."""
        given = os.environ.get(f"GIT_{role}_{part}")
        keys = (f"{role.lower()}.{part.lower()}", f"user.{part.lower()}")
        return given or self.config.get(keys[0]) or self.config.get(keys[1]) or ""

    def user_name(self) -> str:
        """The name that Git has for the author of a commit; "" if it has none."""
        return self._named("AUTHOR", "NAME")

    def identity(self) -> dict[str, str]:
        """The variables that a Git process needs to make commits: none where Git knows the user.

        Without user.name and user.email a stand-in signs: no commit fails for the lack of a name.
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
        is_large = len(changes) > _MANY_REFS
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
        if is_large:
            self._pack_refs(durable=durable)

    def _pack_refs(self, *, durable: bool) -> None:
        """Put all refs into one file: with a file for each, 300,000 names of some server are a gigabyte.

        Where that fails, all is as right as before. Git locks each ref for it, those of the user too.
        """
        names = [os.fsdecode(name) for (name,) in self.refs(fields=("refname",))]
        with ref_locks.guard(self.common_dir, names) as ours:
            status, _, _ = self.call("pack-refs", "--all", durable=durable, inherits=ours.inherits)
            if status != 0:
                ours.unlock()

    @property
    def zero(self) -> str:
        """The id of no object: zeros only."""
        return "0" * (64 if self.object_format == "sha256" else 40)

    def is_branch_name(self, name: str) -> bool:
        """Whether Git allows `name` for a branch."""
        return "\0" not in name and self.call("check-ref-format", f"refs/heads/{name}")[0] == 0


def _not_moved(args: Sequence[str], status: int, err: str) -> errors.GitexpError:
    """The error for a Git that has moved no ref."""
    if re.search(r"reference already exists|but expected|unable to resolve|reference is missing", err):
        message = f"Git would not move a ref: {failures.sentence(err)}"
        return RefConflict(message, status=status, stderr=err)
    return failures.failure(args, status, err)


@lru_cache(maxsize=1)
def _zeros(count: int) -> bytes:
    return bytes(count)


def _rows(chunks: Generator[bytes, None, str], width: int) -> Generator[list[bytes], None, str]:
    """Yield the rows of `width` fields in Git's output; the generator returns what `chunks` returns.

    A NUL ends each field, and no field holds a NUL. A line end stands between two rows. A field of more than
    `LARGEST` bytes is cut there: somebody else's record may be of any length.
    """
    waiting: list[bytes] = []
    begun: list[bytes] = []  # the parts of a field whose end has not come; joined once, however many
    line_end = b""
    size = 0
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            return str(end.value)
        end_of_field, *fields = chunk.split(b"\0")
        if size <= LARGEST:
            begun.append(end_of_field)
            size += len(end_of_field)
        if not fields:
            continue
        waiting.append(b"".join(begun))
        begun = [fields.pop()]
        size = len(begun[0])
        waiting += fields
        whole = len(waiting) - len(waiting) % width
        for at in range(0, whole, width):
            row = waiting[at : at + width]
            row[0] = row[0].removeprefix(line_end)
            line_end = b"\n"
            yield row
        del waiting[:whole]


def in_lines(texts: Iterable[str | Path], end: bytes = b"\n") -> bytes:
    """Texts for Git's standard input, one a line."""
    return b"".join(os.fsencode(text) + end for text in texts)


def in_quoted_lines(paths: Iterable[str | Path]) -> bytes:
    """Paths for Git's standard input, one a line, where Git takes a line in double quotes for a text in C."""
    lines = []
    for path in map(os.fsencode, paths):
        if path.startswith(b'"') or not _fits_a_line(os.fsdecode(path)):
            for special, escaped in _ESCAPES:
                path = path.replace(special, escaped)
            path = b'"%s"' % path
        lines.append(path + b"\n")
    return b"".join(lines)


def _fits_a_line(text: str) -> bool:
    """Whether Git reads a text whole from a line: it takes a CR at the end for a part of the line end."""
    return "\n" not in text and not text.endswith("\r")


def is_true(value: str | None) -> bool:
    """Whether a configuration value means yes; no boolean (`input`, say) means no."""
    return value is not None and value.lower() in ("true", "yes", "on", "1")
