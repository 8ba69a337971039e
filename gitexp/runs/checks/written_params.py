"""Params files that have changed during a run: written by the run, or edited by somebody meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gitexp import errors, files
from gitexp.model import MISSING, Record, Value
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.process.liveness import current_process
from gitexp.project.params import PreparedParams
from gitexp.project.project import Project, foreign, inside, read
from gitexp.repo.git.trees import files_in
from gitexp.repo.live import RunState
from gitexp.words import shorten

_DECLARE = "name it under outs: too if the run writes it"


class WrittenParams(NamedTuple):
    """The params files written by a run.

    Attributes:
        state: the state of the run, with them among its results.
        certain: those that nobody else can have written.
        warnings: sentences about those that somebody may have edited.
    """

    state: RunState
    certain: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def found(project: Project, state: RunState, record: Record) -> WrittenParams:
    """The params files written by the run.

    A file is the run's if it was not there before, or if Git does not track it. A tracked file is often
    edited for the next run while this one goes on; so it counts as it was at the start. An isolated
    workspace has nobody who edits.
    """
    scope = state.scope
    names = []
    for name in scope.params:
        if not lies_in_any(name, (*scope.written_params, *scope.results)):
            names.append(name)
    changed = _changed(project, state, names)
    if not changed:
        return WrittenParams(state, scope.written_params)
    if state.root != str(project.repo.root):
        return WrittenParams(_with_written(state, changed), (*scope.written_params, *changed))
    new = [name for name in changed if name not in record.params]
    written = _written(project, state, changed, new)
    known = {*new, *earlier(project, written)}
    certain = [name for name in written if name in known]
    warnings = tuple(_warnings(changed, written, certain))
    return WrittenParams(_with_written(state, written), (*scope.written_params, *certain), warnings)


def _written(project: Project, state: RunState, changed: Sequence[str], new: Sequence[str]) -> Sequence[str]:
    """The changed files of the user's workspace that count as the run's."""
    if state.process != current_process():  # gitexp died, and somebody may have gone on since
        return new
    tracked = files_in(project.repo, state.baseline, changed)
    return [name for name in changed if name in new or name not in tracked]


def _warnings(changed: Sequence[str], written: Sequence[str], certain: Sequence[str]) -> Iterator[str]:
    """Sentences about the changed files that somebody may have edited."""
    kept = [name for name in changed if name not in written]
    if kept:
        yield f"changed during the run, recorded as at its start: {shorten(kept)}; {_DECLARE}"
    unsure = [name for name in written if name not in certain]
    if unsure:
        yield f"changed during the run, recorded as at its end: {shorten(unsure)}; {_DECLARE}"


def earlier(project: Project, names: Sequence[str]) -> set[str]:
    """Those of some files that an earlier run is known to have written."""
    if not names:
        return set()
    written: set[str] = set()
    for experiment in project.store.readable():
        written.update(experiment.record.written_params)
    return written.intersection(names)


def refuse_override(code: Project, prepared: PreparedParams) -> None:
    """Raise OverrideError for an edit by `-S` of a file that runs write, and that Git does not track."""
    edited = [*prepared.edited]
    blobs = code.repo.read_blobs([f"HEAD:{name}" for name in edited])
    untracked = [name for name, blob in zip(edited, blobs, strict=True) if blob is None]
    for name in sorted(earlier(code, untracked)):
        raise errors.OverrideError(
            f"-S cannot change {name}: the run itself writes that file, as an earlier run did.",
            "Change what the run reads: another params file, or an option of the command: -S args.lr=0.1",
        )


def _with_written(state: RunState, names: Sequence[str]) -> RunState:
    scope = state.scope
    return state._replace(
        scope=scope._replace(
            written_params=(*scope.written_params, *names), results=(*scope.results, *names)
        ),
    )


def _changed(project: Project, state: RunState, names: Sequence[str]) -> list[str]:
    """The files whose values are not those of the start; `-S` has changed some before the start."""
    root = Path(state.root)
    touched = list(state.written(names))
    touched = [name for name in touched if name not in foreign(root, touched)]
    if not touched:
        return []
    # The values of a link inside the repository are those of the file that it leads to.
    real = [inside(root, name) or name for name in touched]
    blobs = project.repo.read_blobs([f"{state.tree}:{name}" for name in real])
    return [
        name
        for name, blob in zip(touched, blobs, strict=True)
        if _values(name, blob) != _values(name, read(root / name))
    ]


def _values(name: str, data: bytes | None) -> Value:
    """The values of a file; the bytes themselves if it cannot be read, MISSING without a file."""
    if data is None:
        return MISSING
    try:
        return files.parse(name, data)
    except errors.FileError:
        return data.decode("utf-8", "replace")
