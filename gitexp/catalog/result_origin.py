"""Whose result a metrics file of the workspace is.

A metrics file stays in the workspace when params are edited. Its values then belong to the run that wrote
them, and not to the params beside them. No clock tells the two apart, but the experiments do: values that an
experiment has, with other params, are that experiment's result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gitexp.files import flatten
from gitexp.model import MISSING, Files, Stored, Tree, readable
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Contents
from gitexp.words import shorten

_OF_COMMAND = ".gitexp/"  # params and metrics that stand in no file begin so


class KnownResult(NamedTuple):
    """The params and metrics of an experiment, or of the commit HEAD.

    Attributes:
        label: the experiment's name, or HEAD.
        commit: the commit with its files.
        created: the time of the experiment's creation; "" of HEAD.
    """

    label: str
    commit: str
    params: Files
    metrics: Files
    created: str = ""


def known_results(
    experiments: Iterable[Stored], head: str | None, at_head: Contents | None
) -> list[KnownResult]:
    """All possible results for the metrics of the workspace."""
    found = []
    for one in readable(experiments):
        record = one.record
        found.append(KnownResult(one.name, record.commit, record.params, record.metrics, record.created))
    if head is not None and at_head is not None:
        found.append(KnownResult("HEAD", head, at_head.params, at_head.metrics))
    return found


def makers(name: str, values: Tree, known: Iterable[KnownResult], pattern: str = "") -> list[KnownResult]:
    """The results with exactly these values in the metrics file `name`; none without values.

    The newest experiment comes first, HEAD last. A result may have the file under a `pattern` of gitexp.yaml
    instead.
    """
    if not flatten(values):
        return []
    text = _text(values)
    has_nan = "NaN" in text  # which equals nothing
    found = []
    for one in known:
        theirs = one.metrics.get(name) or one.metrics.get(pattern)
        if theirs is None:
            continue
        if theirs == values or (has_nan and _text(theirs) == text):
            found.append(one)
    return sorted(found, key=lambda one: one.created, reverse=True)


def other_params(one: KnownResult, params: Files) -> list[str]:
    """The params of a result with other values than the workspace, each written `key value`.

    Only files of both sides count: the project may have learned of a file since.
    """
    found = []
    for name, theirs in one.params.items():
        if name.startswith(_OF_COMMAND) or name not in params or theirs == params[name]:
            continue
        old, new = flatten(theirs), flatten(params[name])
        for key in dict.fromkeys((*old, *new)):
            if _text(old.get(key)) != _text(new.get(key)):
                found.append(f"{key} {_shown(old.get(key, MISSING))}")
    return found


def without_others(here: Contents, known: Sequence[KnownResult]) -> Contents:
    """The contents of the workspace without the metrics that are the result of other params.

    A complaint names each file left out.
    """
    own, complaints = dict(here.metrics), [*here.complaints]
    for name, complaint in _of_others(here.params, here.metrics, known):
        del own[name]
        complaints.append(complaint)
    return Contents(here.params, own, complaints)


def _of_others(
    params: Files, metrics: Mapping[str, Tree], known: Sequence[KnownResult]
) -> Iterator[tuple[str, str]]:
    """Each metrics file made by other params, with a sentence about the file."""
    for name, values in metrics.items():
        found = makers(name, values, known)
        if not found:
            continue
        differences = [other_params(one, params) for one in found]
        if all(differences):
            yield name, sentence(name, found[0], f"which had {shorten(differences[0])}")


def sentence(name: str, one: KnownResult, why: str) -> str:
    """The complaint about a metrics file of another run."""
    return f"not the workspace's result: {name} is that of {one.label}, {why}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: object) -> str:
    return "missing" if value is MISSING else str(value)
