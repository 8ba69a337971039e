"""Experiments as refs: `refs/gitexp/exps/<name>` -> record R -> experiment commit E -> baseline B.

Each experiment has one ref, and each step is one compare-and-swap of the ref: whatever happens, an
experiment is whole or absent. A listing is one `git for-each-ref`: a record has all data for a table.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.model import Damaged, Experiment, Record, Status, Stored, Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo import records
from gitexp.repo.git import failures, refs, trees
from gitexp.repo.git.objects.git_objects import Sign
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import LARGEST, RefChange, RefConflict, TreeEntry
from gitexp.repo.known_records import KnownRecords
from gitexp.repo.local import LocalState
from gitexp.repo.many_records import decode_together
from gitexp.repo.record_cache import RecordCache
from gitexp.words import cut, did_you_mean, human_size

PREFIX = "refs/gitexp/exps/"
RUN_FOLDER = ".gitexp/run"  # in a record's tree: the log and the like, beside the user's own files
ARTIFACTS = f"{RUN_FOLDER}/artifacts"  # files that the run has logged; a gitexp.lock names the large ones
KEPT = "kept"  # a folder in it, with a gitexp.lock for replaced files that no run had made
HOLDOUT = ".gitexp/holdout"  # the place of its metrics, which is no file
STAGE_LOGS = "stages"  # a folder in it, with the log of each stage

_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PARENT = regex(rb"^parent ([0-9a-f]+)$", re.MULTILINE)
_WRITTEN = regex(rb"^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$", re.MULTILINE)
_RESERVED = {"head", "workspace"}  # words that mean something else where an experiment is asked for
_SHORTEST_ID, _LONGEST_ID = 5, 12  # hex digits of an automatic name
_SUBJECT_WIDTH = 100
_ATTEMPTS = 10
_TOGETHER = 100  # records that are parsed in one go
_LARGE = 1 << 20  # bytes that these may have
_MOST_PATTERNS = 1000  # on one command line
_RACES = 1000  # attempts to find a free automatic name


Allowed = Callable[[str], bool]  # record commit -> whether the ref may move there
Builder = Callable[[str], tuple[Record, str]]  # name -> record and the tree of its commit
_NameOf = Callable[[str], str]  # ref -> the experiment's name


class New(NamedTuple):
    """An experiment to be added.

    Attributes:
        record: the record, without a name.
        tree: the tree of the record commit.
        choose: gives the name, none of the given ones in lower case.
    """

    record: Record
    tree: str
    choose: Callable[[Collection[str]], str]


class RecordCommit(NamedTuple):
    """An experiment with its record commit.

    Attributes:
        experiment: the experiment.
        parents: the parents of the record commit.
        time: the time of the record commit, in seconds since the epoch; 0 if it cannot be read.
    """

    experiment: Stored
    parents: tuple[str, ...]
    time: int


class Store:
    """The experiments of a repository."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._known: KnownRecords | None = None
        self._cache: RecordCache | None = None
        self._is_revealing = False
        self.sign: Sign | None = None  # for the records of ended experiments, and their commits

    def remember(self, known: KnownRecords) -> None:
        """Keep all read records in memory, and read only the missing ones.

        Records remembered already stay.
        """
        if self._known is None:
            self._known = known

    def use_cache(self) -> None:
        """Have all experiments read with the cache on disk: only to look, neither to check nor to change."""
        self._cache = RecordCache(LocalState(self.repo), PREFIX)

    def reveal(self) -> None:
        """From now on, give experiments with the metrics of their holdout among all others: only to look."""
        self._is_revealing = True

    # -- reading ----------------------------------------------------------------------------------

    def all(self) -> list[Stored]:
        """All experiments in order of name, the damaged ones too."""
        return self._experiments(PREFIX)

    def readable(self) -> list[Experiment]:
        """The experiments that are not damaged, in order of name."""
        return [found for found in self.all() if isinstance(found, Experiment)]

    def names(self) -> list[str]:
        """The names of all experiments, sorted."""
        broken: list[str] = []
        found = self.repo.refs(PREFIX, fields=("refname",), broken=broken)
        names = [ref.decode("utf-8", "replace").removeprefix(PREFIX) for (ref,) in found]
        for ref in broken:
            names.append(ref.removeprefix(PREFIX))
        return sorted(names)

    def get(self, name: str) -> Stored | None:
        """The experiment of exactly this name, or None."""
        if not is_name(name):
            return None
        return next((found for found in self._experiments(PREFIX + name) if found.name == name), None)

    def find(self, text: str) -> Stored | None:
        """The experiment for a name, a unique prefix of a name, or a commit id; None if nothing matches.

        Raises AmbiguousExperiment if several match.
        """
        if (exact := self.get(text)) is not None:
            return exact
        if not _NAME.fullmatch(text) or text.lower() in _RESERVED:
            return None
        matches = [name for name in self.names() if name.lower().startswith(text.lower())]
        same = [name for name in matches if name.lower() == text.lower()]
        if len(same or matches) == 1:
            return self.get((same or matches)[0])
        if matches:
            shown = matches[:5]
            if len(matches) > 5:
                shown.append("…")
            raise errors.ExperimentError(
                f"'{text}' could be any of {len(matches)} experiments: {', '.join(shown)}.",
                "Give more of the name.",
                code="ambiguous-experiment",
            )
        return self._by_commit(text.lower())

    def require(self, text: str) -> Experiment:
        """The result of `find`; raises UnknownExperiment with the nearest names, or BadRecord."""
        found = self.find(text)
        if found is None:
            raise errors.ExperimentError(
                f"There is no experiment '{text}'.",
                did_you_mean(text, self.names(), "gitexp list -A names them all."),
                code="unknown-experiment",
            )
        if isinstance(found, Damaged):
            raise errors.BadRecord(found.error, "gitexp doctor says what can be done.")
        return found

    def run_file(self, experiment: Experiment, name: str) -> bytes | None:
        """A file left by the run beside the workspace: `output.log`, `environment.txt`.

        Raises ExperimentError for a file too large to be a run's.
        """
        place = f"{experiment.id}:{RUN_FOLDER}/{name}"
        (content,) = self.repo.read_blobs([place])
        if content is not None and len(content) > LARGEST:
            raise errors.ExperimentError(
                f"The {name} of {experiment.name} is too large to be read: over {human_size(LARGEST)}.",
                f"Look at its beginning: git cat-file blob {place} | head",
            )
        return content

    def _by_commit(self, prefix: str) -> Stored | None:
        if len(prefix) < 4 or prefix.strip("0123456789abcdef"):
            return None
        found = list[Stored]()
        for one in self.all():
            if any(oid.startswith(prefix) for oid in _commits(one)):
                found.append(one)
        if len(found) > 1:
            names = ", ".join(experiment.name for experiment in found[:5])
            raise errors.ExperimentError(
                f"'{prefix}' could be any of {len(found)} experiments: {names}.",
                "Give more digits, or the name.",
                code="ambiguous-experiment",
            )
        if not found:
            return None
        return found[0]

    def read_below(self, prefix: str) -> list[tuple[str, Stored]]:
        """Each ref below a prefix with its experiment, named by the last part of the ref.

        Refs without a commit are passed over.
        """
        return self._read(prefix, lambda ref: ref.rpartition("/")[2])[0]

    def read_commits(self, ids: Mapping[str, str]) -> list[RecordCommit]:
        """The experiments of some record commits, by name."""
        found = self.repo.read_objects(list(ids.values()))
        return [_stored(name, oid, one) for (name, oid), one in zip(ids.items(), found, strict=True)]

    def _experiments(self, pattern: str) -> list[Stored]:
        read, broken = self._read(pattern, lambda ref: ref.removeprefix(PREFIX))
        found = [experiment for _, experiment in read]
        if self._is_revealing:
            found = list(map(revealed, found))
        if not broken:
            return found
        for ref in broken:
            name = ref.removeprefix(PREFIX)
            found.append(Damaged(name, self.repo.zero, f"The ref of {name} is broken: it says no commit."))
        return sorted(found, key=lambda experiment: experiment.name)

    def _read(self, pattern: str, name_of: _NameOf) -> tuple[list[tuple[str, Stored]], list[str]]:
        """The matching refs with their experiments, and the names of the broken refs."""
        try:
            if self._known is not None and pattern.startswith(PREFIX):
                return self._read_news(self._known, pattern, name_of)
            if self._cache is not None and pattern == PREFIX:
                return self._read_cached(self._cache, name_of)
            return self._read_refs([pattern], name_of)
        except errors.GitFailed:
            # Git stops at the first missing commit; the other experiments must not be lost for that.
            broken: list[str] = []
            names = [name for (name,) in self.repo.refs(pattern, fields=("refname",), broken=broken)]
            read = []
            for at in range(0, len(names), _MOST_PATTERNS):
                refs = [os.fsdecode(name) for name in names[at : at + _MOST_PATTERNS]]
                read += self._read_around_damage(refs, name_of)
            return read, broken

    def _read_cached(
        self, cache: RecordCache, name_of: _NameOf
    ) -> tuple[list[tuple[str, Stored]], list[str]]:
        """The same for all experiments; the cache has most of them, where they are many."""
        kept = cache.load()
        if kept:
            read, broken = self._read_news(KnownRecords(kept), PREFIX, name_of)
        else:
            read, broken = self._read_refs([PREFIX], name_of)
        cache.keep(read)
        return read, broken

    def _read_news(
        self, known: KnownRecords, pattern: str, name_of: _NameOf
    ) -> tuple[list[tuple[str, Stored]], list[str]]:
        """The same; only the records that are not known are read."""
        broken: list[str] = []
        refs = list(self.repo.refs(pattern, fields=("refname", "objectname"), broken=broken))
        places = [(str(ref, "utf-8", "replace"), str(oid, "ascii")) for ref, oid in refs]
        found = known.look_up(places)
        absent = [os.fsdecode(ref) for (ref, _), one in zip(refs, found, strict=True) if one is None]
        if 0 < len(absent) <= max(_MOST_PATTERNS, len(places) // 4):
            for at in range(0, len(absent), _MOST_PATTERNS):
                known.add(self._read_refs(absent[at : at + _MOST_PATTERNS], name_of)[0])
            found = known.look_up(places)
        read = list[tuple[str, Stored]]()
        for (ref, _), one in zip(places, found, strict=True):
            if one is None:  # of too many, or of a ref that has moved just now
                read, broken = self._read_refs([pattern], name_of)
                known.add(read)
                break
            read.append((ref, one))
        if pattern == PREFIX:
            known.keep_only(read)
        return read, broken

    def _read_refs(
        self, patterns: Sequence[str], name_of: _NameOf
    ) -> tuple[list[tuple[str, Stored]], list[str]]:
        fields = ("refname", "objectname", "contents:body")
        broken: list[str] = []
        found = []
        refs = self.repo.refs(*patterns, fields=fields, broken=broken)
        for rows in _batches(refs):
            names = [name.decode("utf-8", "replace") for name, _, _ in rows]
            decoded = decode_together([body for _, _, body in rows], list(map(name_of, names)))
            for ref, (_, oid, _), record in zip(names, rows, decoded, strict=True):
                found.append((ref, _read_as(name_of(ref), oid.decode(), record)))
        return found, broken

    def _read_around_damage(self, refs: Sequence[str], name_of: _NameOf) -> list[tuple[str, Stored]]:
        """The readable refs, found by halves until each damaged ref stands alone."""
        try:
            return self._read_refs(refs, name_of)[0]
        except errors.GitFailed as error:
            if len(refs) > 1:
                half = len(refs) // 2
                first = self._read_around_damage(refs[:half], name_of)
                return first + self._read_around_damage(refs[half:], name_of)
            ((name, oid),) = self.repo.refs(refs[0], fields=("refname", "objectname"))
            ref = name.decode("utf-8", "replace")
            reason = f"The commit of {name_of(ref)} cannot be read: {failures.reason(error)}"
            return [(ref, Damaged(name_of(ref), oid.decode(), reason))]

    # -- writing ----------------------------------------------------------------------------------

    def create(self, name: str, seed: str, build: Builder) -> Experiment:
        """Add an experiment called `name`; without a name, by the first digits of the id `seed`.

        `build(name)` gives the record and its tree. Raises NameTaken, with nothing left behind; names are
        compared without regard to case.
        """
        if not name:
            return self._create_automatic(seed, build)
        check_name(name)
        # Names with a difference in case alone are two refs to Git, but one file to some file systems.
        with LocalState(self.repo).lock("names"):
            self.require_free(name)
            with contextlib.suppress(RefConflict):
                return self._write(*build(name), None)
        raise _taken(name)

    def create_together(self, wanted: Sequence[New]) -> list[Experiment]:
        """Add several experiments, all or none."""
        for _ in range(_ATTEMPTS):
            with LocalState(self.repo).lock("names"), contextlib.suppress(RefConflict):
                return self._write_together(wanted)
        raise errors.GitFailed("Names are taken again and again by others.", "Run the command again.")

    def _write_together(self, wanted: Sequence[New]) -> list[Experiment]:
        taken = {name.lower() for name in self.names()}
        found, changes = [], []
        with self.repo.writing_together():
            for new in wanted:
                name = new.choose(taken)
                taken.add(name.lower())
                record = replace(new.record, name=name)
                message = records.encode(record, subject(record))
                oid = self.repo.write_commit(new.tree, [record.commit], message)
                changes.append(RefChange(PREFIX + name, None, oid))
                found.append(Experiment(name, oid, record))
            failpoint("store:before-ref")
            refs.move(self.repo, changes, "gitexp: queued")
        failpoint("store:after-ref")
        return found

    def require_free(self, *names: str, but: Collection[str] = ()) -> None:
        """Raise NameTaken if an experiment has one of the names, in whatever case.

        The names `but` do not count.
        """
        wanted = {name.lower() for name in names}
        for taken in self.names():
            if taken.lower() in wanted and taken not in but:
                raise _taken(taken)

    def advance(self, experiment: Experiment, record: Record, tree: str) -> Experiment:
        """The experiment with a new record and tree; a note and tags set meanwhile are kept."""
        current: Stored | None = experiment
        wanted, before = record, experiment.record
        added = [tag for tag in wanted.tags if tag not in before.tags]
        for _ in range(_ATTEMPTS):
            if isinstance(current, Experiment):
                now = current.record
                tags = tuple(dict.fromkeys((*now.tags, *added)))
                note = now.note
                if note == before.note:
                    note = wanted.note
                record = replace(record, note=note, tags=tags)
            try:
                return self._write(record, tree, current.id if current is not None else None)
            except RefConflict:
                current = self.get(record.name)
        raise errors.GitFailed(
            f"The ref of {record.name} keeps changing under us.", "Run the command again in a moment."
        )

    def swap(self, experiment: Experiment, record: Record, tree: str) -> Experiment | None:
        """The experiment with a new record and tree; None if the experiment has changed meanwhile."""
        try:
            return self._write(record, tree, experiment.id)
        except RefConflict:
            return None

    def take_over(self, queued: Experiment, record: Record, tree: str, allowed: Allowed) -> Experiment | None:
        """The experiment of a queued run elsewhere, with a new record and tree.

        It takes the place of what is here of the same run: of its queued record, or of an earlier try.
        None if `allowed`, called with the new record commit, says no, or if another experiment has the name.
        """
        record, oid = self._commit(record, tree, queued.id)
        if not allowed(oid):
            return None
        ref = PREFIX + record.name
        for _ in range(_ATTEMPTS):
            here = self.get(record.name)
            if here is not None and not _is_of_run(here, record.start):
                return None
            change = RefChange(ref, None if here is None else here.id, oid)
            try:
                with LocalState(self.repo).lock("names"):
                    self.require_free(record.name, but=() if here is None else (record.name,))
                    refs.move(self.repo, [change], f"gitexp: {record.status}")
            except RefConflict:
                continue
            except errors.NameTaken:
                return None
            failpoint("store:after-ref")
            return Experiment(record.name, oid, record)
        return None

    def replacing(self, experiment: Experiment, record: Record, tree: str) -> RefChange:
        """The change of a ref for a new record and tree; the record before stays below."""
        record, oid = self._commit(record, tree, experiment.id)
        return RefChange(PREFIX + record.name, experiment.id, oid)

    def on_top(self, experiment: Experiment, record: Record) -> RefChange:
        """The change of a ref for `record`, written on top of the experiment's present record.

        A record with another name goes to the ref of that name, which must not exist yet.
        """
        tree = self.repo.resolve(experiment.id, "tree")
        assert tree is not None  # it has just been read
        message = records.encode(record, subject(record))
        sign = self.sign if record.status.ended else None
        oid = self.repo.write_commit(tree, [experiment.id], message, sign=sign)
        old = experiment.id if record.name == experiment.name else None
        return RefChange(PREFIX + record.name, old, oid)

    def _create_automatic(self, seed: str, build: Builder) -> Experiment:
        taken: set[str] = set()
        for _ in range(_RACES):
            name = next(name for name in automatic_names(seed) if name not in taken)
            if self.repo.resolve(PREFIX + name) is None:  # it is there if this code was run within a second
                with contextlib.suppress(RefConflict):
                    return self._write(*build(name), None)
            taken |= {name, *(name.lower() for name in self.names())}
        raise _taken(f"exp-{seed}")

    def _write(self, record: Record, tree: str, old: str | None) -> Experiment:
        """Write a record commit on top of `record.commit` and move the ref from `old` to the new commit."""
        record, oid = self._commit(record, tree, old)
        failpoint("store:before-ref")
        refs.move(self.repo, [RefChange(PREFIX + record.name, old, oid)], f"gitexp: {record.status}")
        failpoint("store:after-ref")
        return Experiment(record.name, oid, record)

    def _commit(self, record: Record, tree: str, before: str | None) -> tuple[Record, str]:
        """The record, and its new record commit; `before` is the record commit before it.

        Each record of a once queued run has the record before for a second parent. So the start snapshot
        and the results of an earlier try stay.
        """
        parents = [record.commit]
        if record.start and before is not None:
            parents.append(before)
        return self.written(record, tree, parents)

    def written(self, record: Record, tree: str, parents: Sequence[str]) -> tuple[Record, str]:
        """The record, and its new record commit, which no ref has yet.

        The record of an ended experiment is signed where records are signed. If signing fails, the record has
        a warning instead: no result is lost for a signature.
        """
        sign = self.sign if record.status.ended else None
        try:
            message = records.encode(record, subject(record))
            return record, self.repo.write_commit(tree, parents, message, sign=sign)
        except errors.SigningFailed as error:
            told = f"not signed: {error.message}"
            record = replace(record, warnings=tuple(dict.fromkeys((*record.warnings, told))))
        return record, self.repo.write_commit(tree, parents, records.encode(record, subject(record)))

    def record_tree(self, tree: str, files: Mapping[str, str]) -> str:
        """The tree `tree` with blobs added in `.gitexp/run/`; `files` maps names to ids.

        A name may have a folder in front.
        """
        entries = [entry for entry in trees.entries(self.repo, tree) if entry.name != b".gitexp"]
        blobs: dict[str, tuple[str, str] | None] = {}
        for name, oid in files.items():
            blobs[name] = ("100644", oid)
        run = trees.changed(self.repo, None, blobs)
        folder = self.repo.write_tree([TreeEntry("040000", "tree", run, b"run")])
        return self.repo.write_tree([*entries, TreeEntry("040000", "tree", folder, b".gitexp")])


def revealed(one: Stored) -> Stored:
    """An experiment with the metrics of its holdout among all others, called `holdout.` and their names."""
    if isinstance(one, Damaged) or not one.record.holdout.get("metrics"):
        return one
    united = dict[str, Value]()
    for tree in one.record.holdout["metrics"].values():
        united.update(tree)
    metrics = {**one.record.metrics, HOLDOUT: {"holdout": united}}
    return one._replace(record=replace(one.record, metrics=metrics))


def _is_of_run(one: Stored, start: str) -> bool:
    """Whether an experiment is a run with a start snapshot, and does not go on."""
    return (
        isinstance(one, Experiment) and one.record.start == start and one.record.status is not Status.RUNNING
    )


def _batches(refs: Iterable[tuple[bytes, ...]]) -> Iterator[list[tuple[bytes, ...]]]:
    """Yield the rows of refs, some together: many small records, or one large record."""
    rows: list[tuple[bytes, ...]] = []
    size = 0
    for row in refs:
        if rows and (len(rows) == _TOGETHER or size + len(row[-1]) > _LARGE):
            yield rows
            rows, size = [], 0
        rows.append(row)
        size += len(row[-1])
    if rows:
        yield rows


def automatic_names(seed: str) -> Iterator[str]:
    """Yield names by the first digits of an id, more and more, then by the digits of its hash, and so on.

    A workspace saved several times within a second has the same id each time.
    """
    while True:
        for digits in range(_SHORTEST_ID, _LONGEST_ID + 1):
            yield f"exp-{seed[:digits]}"
        seed = hashlib.sha256(seed.encode()).hexdigest()


def _taken(name: str) -> errors.NameTaken:
    return errors.NameTaken(
        f"There is an experiment '{name}' already.", "Choose another name, or none to have one made."
    )


def subject(record: Record) -> str:
    """The one line about an experiment, for `git log` and the forge's pages."""
    what = ", ".join(record.overrides) or record.note.partition("\n")[0] or record.command or "saved"
    line = "".join(char if char.isprintable() else " " for char in f"{record.name}: {what}")
    return cut(line, _SUBJECT_WIDTH)


def is_name(text: str) -> bool:
    """Whether the storage format allows this name for an experiment."""
    return (
        _NAME.fullmatch(text) is not None
        and ".." not in text
        and not text.lower().endswith((".", ".lock"))
        and text.lower() not in _RESERVED
    )


def check_name(text: str) -> None:
    """Raise InvalidName if an experiment cannot have this name."""
    if not is_name(text):
        shown = text
        if len(text) > 70:
            shown = text[:67] + "…"
        hint = "Use up to 63 of a to z, A to Z, 0 to 9, '.', '_' and '-', and begin with a letter or digit."
        if text.lower() in _RESERVED:
            hint = "That name is reserved: where an experiment is asked for, it means something else."
        raise errors.InvalidName(f"'{shown}' cannot be the name of an experiment.", hint)


def newest_first(experiments: Iterable[Stored]) -> list[Stored]:
    """Experiments by time of creation, the newest first, damaged ones last; equal times by name."""
    by_name = sorted(experiments, key=lambda one: one.name)
    return sorted(by_name, key=_created, reverse=True)


def _created(one: Stored) -> str:
    if not isinstance(one, Experiment):
        return ""
    return one.record.created


def _commits(one: Stored) -> tuple[str, ...]:
    if not isinstance(one, Experiment):
        return (one.id,)
    return one.id, one.record.commit


def _read_as(name: str, oid: str, record: Record | errors.BadRecord) -> Stored:
    if isinstance(record, Record):
        return Experiment(name, oid, record)
    return Damaged(name, oid, record.message)


def _stored(name: str, oid: str, found: tuple[str, bytes] | None) -> RecordCommit:
    if found is None or found[0] != "commit":
        return RecordCommit(Damaged(name, oid, f"The ref of {name} says no commit that is here."), (), 0)
    head, _, message = found[1].partition(b"\n\n")
    parents = tuple(match[1].decode() for match in _PARENT.finditer(head))
    time = _WRITTEN.search(head)
    body = message.partition(b"\n\n")[2]
    (record,) = decode_together([body], [name])
    return RecordCommit(_read_as(name, oid, record), parents, int(time[1]) if time is not None else 0)
