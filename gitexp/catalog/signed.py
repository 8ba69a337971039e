"""Who has signed experiments: the signatures of all records of each, down to its commit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.git.signatures import Signature, SignatureState, Verifier

_PARENT = regex(rb"^parent ([0-9a-f]+)$", re.MULTILINE)
_MOST = 10_000  # records of one experiment
_AT_ONCE = 4  # signatures that are looked at together
_ENDED = frozenset(str(status) for status in Status if status.ended)


class SignedBy(NamedTuple):
    """The signatures of an experiment.

    Attributes:
        last: the signature of its record.
        first: the signature of its first record with the present results, by the maker of the experiment.
        told: the fault of the signatures; "" if somebody known has signed all records.
        stands: whether the records stand on the commit named in them.
    """

    last: Signature
    first: Signature
    told: str
    stands: bool = True

    @property
    def is_good(self) -> bool:
        """Whether all records are signed by somebody known."""
        return not self.told

    @property
    def state(self) -> SignatureState:
        """The state of the last signature, or of a worse earlier one."""
        if self.last.state is SignatureState.GOOD:
            return self.first.state
        return self.last.state


class _RecordText(NamedTuple):
    """A record commit in Git's own form."""

    content: bytes
    parents: tuple[str, ...]
    record: Mapping[str, Any]


def signed_by(project: Project, experiments: Sequence[Experiment]) -> list[SignedBy]:
    """The signatures of each experiment, against Git's allowed signers."""
    lines = [_line(project, one) for one in experiments]
    verifier = Verifier(project.repo)
    contents = [commit.content for line in lines for commit in line]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = iter(list(pool.map(verifier.verify, contents)))
    found = []
    for one, line in zip(experiments, lines, strict=True):
        found.append(_of_line(one, line, [next(verdicts) for _ in line]))
    return found


def _line(project: Project, one: Experiment) -> list[_RecordText]:
    """The record commits with the results of an experiment, the last one first."""
    commits, wanted, seen = list[_RecordText](), [one.id], set[str]()
    while wanted and len(seen) < _MOST:
        seen.update(wanted)
        further = dict[str, None]()
        for found in project.repo.read_objects(wanted):
            commit = _parsed(found)
            if commit is None or commit.record.get("commit") != one.record.commit:
                continue
            if commit.record.get("status") in _ENDED:
                commits.append(commit)
                further.update(dict.fromkeys(commit.parents))
        wanted = [oid for oid in further if oid not in seen and oid != one.record.commit]
    return commits


def _parsed(found: tuple[str, bytes] | None) -> _RecordText | None:
    if found is None or found[0] != "commit":
        return None
    head, _, message = found[1].partition(b"\n\n")
    try:
        record = json.loads(message.partition(b"\n\n")[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    return _RecordText(found[1], tuple(match[1].decode() for match in _PARENT.finditer(head)), record)


def _of_line(one: Experiment, line: Sequence[_RecordText], verdicts: Sequence[Signature]) -> SignedBy:
    if not line:
        none = Signature(SignatureState.NONE)
        return SignedBy(none, none, "its record cannot be read again", stands=False)
    last, first, told = verdicts[0], verdicts[-1], ""
    wrong = [each for each in verdicts if each.state is not SignatureState.GOOD]
    if wrong:
        first = wrong[0]
        told = _why(first)
        if last.state is SignatureState.GOOD:
            told = f"an earlier record: {told}"
    elif line[0].record.get("name") != one.name:
        told = f"it was signed under another name: {line[0].record.get('name')}"
    stands = any(one.record.commit in commit.parents for commit in line)
    return SignedBy(last, first, told, stands)


def _why(signature: Signature) -> str:
    told = signature.told or str(signature.state)
    if signature.key:
        return f"{told} ({signature.key})"
    return told
