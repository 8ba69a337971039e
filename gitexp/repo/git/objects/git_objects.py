"""The objects of a repository, read and written; new objects stand in packs (see `kept_packs`)."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Protocol, Self

from gitexp.repo.git import launch
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.git_text import fits_a_line, in_lines, in_quoted_lines
from gitexp.repo.git.launch import Git
from gitexp.repo.git.objects.git_identity import GitIdentity
from gitexp.repo.git.objects.kept_packs import KeptPacks
from gitexp.repo.git.objects.new_objects import (
    NewObject,
    commit_content,
    new_object,
    tag_content,
    tree_content,
)
from gitexp.repo.git.objects.object_reader import Answer, ObjectReader, size_of, split
from gitexp.repo.git.values import LARGEST, CommitFacts, GitObject, TreeEntry


class Sign(Protocol):
    """What signs commits and tags; raises SigningFailed."""

    def __call__(self, content: bytes) -> bytes:
        """The content of a commit with a signature."""

    def tag(self, content: bytes) -> bytes:
        """The content of a tag with a signature."""

    def check(self) -> None:
        """Raise SigningFailed if nothing can be signed now."""


_APART = {
    "core.looseCompression": "0",  # the objects stand there for less than a second
    "core.bigFileThreshold": "8m",  # larger files pass through Git piece by piece, and are compressed once
    "core.packedGitWindowSize": "1m",
    "core.packedGitLimit": "16m",
}
_PACKED = ("--revs", "--window=0", "--honor-pack-keep", "--non-empty", "-q")
_WHOLE = ("--no-reuse-delta",)
_ONE_PACK = ("-c", "pack.packSizeLimit=0", "-c", "pack.indexVersion=2", "-c", "pack.writeReverseIndex=false")
_LARGEST_AHEAD = 1 << 20  # bytes of a file that is read ahead
_MOST_AHEAD = 32 << 20  # bytes of all files that are read ahead at a time


class GitObjects(GitIdentity):
    """The objects of a repository.

    Attributes:
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
        super().__init__(root, git_dir, common_dir, index, object_format, settings)
        self.objects = root / os.environ.get("GIT_OBJECT_DIRECTORY", common_dir / "objects")
        # The reader stands at the top of the disk, not in a folder that somebody wants to remove.
        top, asks = Git(Path(root.anchor)), ("cat-file", "--batch-command")
        self._reader = ObjectReader(partial(launch.converse, top, asks, self._environment))
        self._ahead: dict[tuple[str, str], Answer] = {}  # by command and name, in `reading_ahead`
        self._waiting: dict[str, NewObject] | None = None  # by their ids, in `writing_together`
        self._for_next: dict[str, NewObject] = {}  # to be stored with the next objects
        self._apart: Path | None = None  # for a repository that is `set_apart`

    @property
    def zero(self) -> str:
        """The id of no object: zeros only."""
        return "0" * (64 if self.object_format == "sha256" else 40)

    def rest(self) -> None:
        """End the process for questions about objects; the next question starts another.

        Called before long work: the process holds packs open, even packs removed by a `git gc`.
        """
        self._reader.close()

    # -- reading ----------------------------------------------------------------------------------

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The full id of a revision, peeled to `kind`; None for an unknown revision."""
        if not revision or "\0" in revision or "\n" in revision:
            return None
        name = f"{revision}^{{{kind}}}"
        self._store_asked([revision])
        if (answers := self._reader.ask("info", [name])) is not None:
            header = answers[0].header
            if size_of(header) is None:
                return None
            return header.decode().partition(" ")[0]
        status, out, _ = self.call("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        if status != 0:
            return None
        return out.decode().strip()

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

    def blob_pieces(self, oid: str) -> Iterator[bytes]:
        """Yield the content of a blob of any size piece by piece; raises GitFailed at the end."""
        yield from launch.stream(self._git, ("cat-file", "blob", oid), self._environment)

    def find_objects(self, names: Sequence[str]) -> list[GitObject | None]:
        """The object at each `<revision>:<path>` or id; None for a missing object."""
        found: dict[str, GitObject] = {}
        for name, answer in self._ask("info", names):
            if size_of(answer.header) is not None:
                oid, kind, size = answer.header.decode().split(" ")
                found[name] = GitObject(kind, oid, int(size))
        return [found.get(name) for name in names]

    @contextlib.contextmanager
    def reading_ahead(self, names: Sequence[str]) -> Iterator[None]:
        """Read files together, and answer the questions about them in the block from memory.

        Each name is `<commit id>:<path>`, which never means another file. The contents of large files are
        not kept.
        """
        ahead = {("info", name): answer for name, answer in self._ask("info", names)}
        sizes: dict[str, int] = {}
        for answer in ahead.values():
            size = size_of(answer.header)
            if size is not None and size <= _LARGEST_AHEAD:
                sizes[answer.header.decode().partition(" ")[0]] = size
        room = _MOST_AHEAD
        wanted = list[str]()
        for oid, size in sizes.items():
            room -= size
            if room >= 0:
                wanted.append(oid)
        ahead |= {("contents", oid): answer for oid, answer in self._ask("contents", wanted)}
        self._ahead = ahead
        try:
            yield
        finally:
            self._ahead = {}

    def _ask(self, command: str, names: Sequence[str]) -> Iterable[tuple[str, Answer]]:
        """Git's answers to `info` or `contents`, with the names; an unknown name may have no answer."""
        self._store_asked(names)
        known, asked, here = list[str](), list[str](), list[tuple[str, Answer]]()
        for name in names:
            if (answer := self._ahead.get((command, name))) is not None:
                here.append((name, answer))
            elif (new := self._unstored(name)) is not None:
                here.append((name, Answer(f"{new.id} {new.kind} {len(new.content)}".encode(), new.content)))
            elif fits_a_line(name):
                known.append(name)
                asked.append(name)
            elif (oid := self._id_of(name)) is not None:
                known.append(name)
                asked.append(oid)
        if not asked:
            return here
        answers = self._reader.ask(command, asked)
        if answers is None:
            with_content = command == "contents"
            option = "--batch" if with_content else "--batch-check"
            out = self.run("cat-file", option, stdin=in_lines(asked))
            answers = split(out, len(asked), with_content=with_content)
        return [*here, *zip(known, answers, strict=True)]

    def _unstored(self, name: str) -> NewObject | None:
        """The object that waits to be stored, if this is its id; of a tree, also with `^{tree}` behind."""
        if not self._waiting:
            return None
        oid = name.removesuffix("^{tree}")
        found = self._waiting.get(oid)
        if found is not None and name != oid and found.kind != "tree":
            return None
        return found

    def _store_asked(self, names: Iterable[str]) -> None:
        """Store the objects written `with_next`, if one is asked for."""
        if self._for_next and any(name.startswith(tuple(self._for_next)) for name in names):
            self._store([])

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

    # -- writing ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing_together(self) -> Iterator[None]:
        """Give all objects written in the block to Git by one process.

        Git knows the objects from the end of the block on, or from a change of refs in the block; until then
        they can be read by their ids. A block inside another block ends with the outer block.
        """
        if self._waiting is not None:
            yield
            return
        self._waiting = {}
        try:
            yield
            self._write_waiting()
        finally:
            self._waiting = None

    def _write_waiting(self) -> None:
        waiting = self._waiting or {}
        if waiting or self._for_next:
            self._store([*waiting.values()])
            waiting.clear()

    def _store(self, objects: Sequence[NewObject]) -> None:
        self.kept_packs.store([*self._for_next.values(), *objects])
        self._for_next.clear()

    def _write(self, kind: str, content: bytes) -> str:
        new = new_object(kind, content, self.object_format)
        if self._waiting is None:
            self._store([new])
        else:
            self._waiting[new.id] = new
        return new.id

    @cached_property
    def kept_packs(self) -> KeptPacks:
        """The packs with the new objects."""
        shared = self.config.get("core.sharedrepository", "")
        return KeptPacks(self.objects / "pack", self.object_format, shared)

    def set_apart(self, folder: Path) -> Self:
        """This repository, with a `folder` of its own for new objects of its Git processes.

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

    def keep_index(self, index: Path, but: str | None) -> str:
        """The id of the tree of a private index, stored; only for a repository that is `set_apart`.

        Nothing is kept of the tree or commit `but`: other refs hold it; None before the first commit. Raises
        the errors of `keep`.
        """
        tree = self.run("write-tree", index=index).decode().strip()
        held = []
        if but is not None:
            held = [f"{but}^{{tree}}"]
        self.keep([tree], but=held)
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

    def write_commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        with_next: bool = False,
        signature: str = "",
        sign: Sign | None = None,
    ) -> str:
        """The id of a new commit by `identity`; its dates are now, or those of Git's variables.

        Args:
            with_next: store the commit with the next object, or at the first question for it: each storing
                waits for the disk three times.
            signature: name, address and time of author and committer, as Git stores them; "": those of
                `identity`, now.
            sign: gives the content a signature by a key. Its errors are raised.
        """
        author = signature or self.signature("AUTHOR")
        committer = signature or self.signature("COMMITTER")
        content = commit_content(tree, parents, author, committer, message)
        if sign is not None:
            content = sign(content)
        if not with_next:
            return self._write("commit", content)
        new = new_object("commit", content, self.object_format)
        self._for_next[new.id] = new
        return new.id

    def write_tag(
        self, commit: str, name: str, message: str, *, not_before: int = 0, sign: Sign | None = None
    ) -> str:
        """The id of a new annotated tag of a commit, which no ref has yet; the committer is its tagger.

        Args:
            name: the name of its ref, without `refs/tags/`.
            not_before: seconds since 1970; the tag is dated so, if the clock is behind.
            sign: gives the content a signature by a key. Its errors are raised.
        """
        who, seconds, zone = self.signature("COMMITTER").rsplit(" ", 2)
        tagger = f"{who} {max(int(seconds), not_before)} {zone}"
        content = tag_content(commit, name, tagger, message)
        if sign is not None:
            content = sign.tag(content)
        return self._write("tag", content)

    def write_again(self, kind: str, content: bytes) -> str:
        """The id of an object with the content of one that Git may have forgotten."""
        return self._write(kind, content)


@lru_cache(maxsize=1)
def _zeros(count: int) -> bytes:
    return bytes(count)
