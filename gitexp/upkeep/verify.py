"""`gitexp verify`: whether experiments are what they say, and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gitexp import errors
from gitexp.catalog import by_words, lookup, signed, sources
from gitexp.catalog.query import Query, matching
from gitexp.catalog.signed import SignedBy
from gitexp.model import Artifact, Damaged, Experiment, Stored, readable
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project import protected
from gitexp.project.project import Project
from gitexp.repo.git import graph, trees
from gitexp.repo.git.signatures import Signature, SignatureState
from gitexp.words import shorten

_OWN = ".gitexp/"  # of the record's tree


@dataclass(frozen=True, slots=True)
class Verified:
    """The findings about one experiment.

    Attributes:
        signature: the signers of its records.
        problems: a sentence for each fault, except faults of the signature.
        absent: paths of data missing here, and so left unchecked.
    """

    name: str
    signature: SignedBy
    problems: Sequence[str]
    absent: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether somebody known has signed the experiment, and nothing is wrong."""
        return self.signature.is_good and not self.problems

    def as_json(self) -> dict[str, Any]:
        """The object of `verify --json`."""
        last = self.signature.last
        return {
            "name": self.name,
            "verified": self.is_good,
            "signature": str(self.signature.state),
            "by": last.by or None,
            "key": last.key or None,
            "made_by": self.signature.first.by or None,
            "told": self.signature.told or None,
            "problems": list(self.problems),
            "absent": list(self.absent),
        }


def verify(project: Project, words: Sequence[str], query: Query | None = None) -> list[Verified]:
    """The findings about the experiments for some words, or about the ended ones of a query.

    Nothing is changed. Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    if words:
        named = [lookup.require(project, word) for word in by_words.expanded(project, words)]
        asked: list[Stored] = list({one.id: one for one in named}.values())
    else:
        asked = matching(project, query or Query())
    chosen = []
    for one in readable(asked):
        if sources.is_own(one) and one.record.status.ended:
            chosen.append(one)
    check = _RecordCheck(project, chosen)
    verified = []
    for one, signature in zip(chosen, signed.signed_by(project, chosen), strict=True):
        problems, absent = check.of(one)
        if not signature.stands:
            problems.insert(0, "its record does not stand on its commit")
        verified.append(Verified(one.name, signature, problems, absent))
    unread = Signature(SignatureState.BAD)
    for wrong in asked:
        if isinstance(wrong, Damaged):
            verified.append(Verified(wrong.name, SignedBy(unread, unread, wrong.error), (), ()))
    return verified


class _RecordCheck:
    """Looks at experiments; each object of the store is read once."""

    def __init__(self, project: Project, chosen: Sequence[Experiment]) -> None:
        self._project = project
        self._store = ObjectStore(project.local.objects)
        self._parents = graph.parents_of(project.repo, [one.record.commit for one in chosen])
        self._reproductions = {}
        if any(one.record.certificates for one in chosen):
            every = project.store.readable()
            self._reproductions = {one.record.commit: one.record.reproduces for one in every}
        self._objects: dict[str, str] = {}  # "", "absent" or "damaged" by hash

    def of(self, one: Experiment) -> tuple[list[str], list[str]]:
        """The problems of an experiment, and the paths of its absent data."""
        absent = list[str]()
        try:
            problems = [*self._of_tree(one), *self._of_certificates(one)]
            lock, wrong = self._lock(one)
            problems += wrong
            for artifact in lock.artifacts:
                state = self._of_artifact(artifact)
                if state == "absent":
                    absent.append(artifact.path)
                elif state:
                    problems.append(f"the data is damaged here, which gitexp fsck mends: {artifact.path}")
        except errors.GitFailed as error:
            return [f"Git cannot read it: {error.message}"], []
        return problems, absent

    def _of_tree(self, one: Experiment) -> Iterator[str]:
        """Whether Git has what the record says."""
        record = one.record
        if record.commit not in self._parents:
            yield f"its commit {record.commit[:7]} is not here"
            return
        if record.baseline not in self._parents[record.commit]:
            yield "its record speaks of a baseline that it was not made from"
        differing = trees.differing(self._project.repo, record.commit, one.id)
        if own := [path for path in differing if not path.startswith(_OWN)]:
            yield f"its files are not those of its commit: {shorten(own)}"
        yield from self._of_protected(one)

    def _of_protected(self, one: Experiment) -> Iterator[str]:
        """Whether the record says all that has become of protected files."""
        record, repo = one.record, self._project.repo
        at, objects = str(record.protected.get("at", record.baseline)), self._project.local.objects
        if repo.resolve(at) is None:
            return  # a clone without all history
        found = protected.protection(repo, objects, record.project or "", at, record.commit)
        if found is None and not record.protected:
            return
        if found is None or found.hash != record.protected.get("hash"):
            yield "the protected files of its baseline are not those that its record speaks of"
            return
        hidden = set(found.changed) - set(record.touched)
        if hidden and len(record.touched) < protected.MOST:
            yield f"it has changed protected files that its record does not name: {shorten(sorted(hidden))}"

    def _of_certificates(self, one: Experiment) -> Iterator[str]:
        """Whether its certificates are of its reproductions, as far as the reproductions are here."""
        for certificate in one.record.certificates:
            repeated = self._reproductions.get(certificate["commit"])
            if repeated is not None and repeated.get("commit") != one.record.commit:
                yield f"a certificate is of another experiment: {certificate['experiment']}"

    def _lock(self, one: Experiment) -> tuple[Lock, list[str]]:
        """The lock of an experiment, and a problem for each stage whose seal does not fit."""
        folder = one.record.project or ""
        path = lock_path(folder)
        (data,) = self._project.repo.read_blobs([f"{one.record.commit}:{path}"])
        if data is None:
            return Lock(), []
        try:
            lock, sealed = read_lock(path, data, folder, mixed=True), read_lock(path, data, folder)
        except errors.LockError as error:
            return Lock(), [error.message]
        broken = [name for name in lock.stages if name not in sealed.stages]
        return lock, [f"the seal of the stage {name} does not fit" for name in broken]

    def _of_artifact(self, artifact: Artifact) -> str:
        """The fault of the objects of an artifact here; "" for none."""
        state = self._of_object(artifact.hash)
        if state or not artifact.is_folder:
            return state
        try:
            files = self._store.manifest(artifact.hash).files
        except errors.DataError:
            return "damaged"
        states = {self._of_object(file.hash) for file in files}
        return next((each for each in ("damaged", "absent") if each in states), "")

    def _of_object(self, hash_: str) -> str:
        if hash_ not in self._objects:
            state = ""
            if not self._store.has(hash_):
                state = "absent"
            elif not self._store.verify(hash_):
                state = "damaged"
            self._objects[hash_] = state
        return self._objects[hash_]
