"""A run that goes on from another one, or from an earlier try of its own.

It begins with the checkpoints of the other run in its workspace, and with the points of its curves in the
folder of the live run. So its own curves are whole, whatever becomes of the other experiment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.files.lines import series
from gitexp.files.lines.joined_series import before_file
from gitexp.files.lines.series import SYSTEM
from gitexp.files.lines.series_summary import MetricSummaries
from gitexp.log_rules import GOES_ON
from gitexp.model import Artifact, Experiment, Record, Status, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import Folder
from gitexp.objects.paths import lies_in_any
from gitexp.process.variables import RESUMED, RESUMED_FROM, RESUMED_STEP
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git import graph
from gitexp.repo.live import LOGGED, RunState
from gitexp.runs.resuming.requeue import resumed_from
from gitexp.words import shorten


class Resumed(NamedTuple):
    """What a run goes on from.

    Attributes:
        experiment: name of the other experiment.
        commit: its commit E.
        record: its record commit, whose tree has the curves.
        checkpoints: the declared paths of its checkpoints.
        step: the last step of its curves that counts; None if it has none, or as long as nobody has looked.
        same_run: its record, if the run that goes on is the same point of a sweep; else None.
    """

    experiment: str
    commit: str
    record: str
    checkpoints: tuple[str, ...]
    step: int | None = None
    same_run: Record | None = None

    def as_json(self) -> dict[str, Any]:
        """The value for the record."""
        found: dict[str, Any] = {"experiment": self.experiment, "commit": self.commit, "record": self.record}
        if self.step is not None:
            found["step"] = self.step
        return found


def asked_for(one: Experiment, *, has_more_to_do: bool) -> Resumed:
    """What a run that is asked for goes on from.

    Raises ExperimentError: nothing-to-resume for an experiment that is done, unless the new run
    `has_more_to_do`, and for one without a checkpoint; still-running.
    """
    record, again = one.record, f"gitexp run --from {one.name}"
    if not record.status.ended:
        raise errors.ExperimentError(
            f"{one.name} is {record.status}: there is nothing to go on from yet.",
            f"Wait for its end, or end it: gitexp stop {one.name}",
            code="still-running",
        )
    if record.status is Status.DONE and not has_more_to_do:
        raise errors.ExperimentError(
            f"{one.name} is done: it has come to its own end.",
            f"With more to do: gitexp run --resume {one.name} -S train.epochs=200; from the start: {again}",
            code="nothing-to-resume",
        )
    if not record.checkpoints:
        raise errors.ExperimentError(
            f"{one.name} has stored no checkpoint: there is nothing to go on from.",
            f"From the start: {again}. What a run can go on from stands under checkpoints: in gitexp.yaml.",
            code="nothing-to-resume",
        )
    return Resumed(
        one.name,
        record.commit,
        resumed_from(one)["record"],
        record.checkpoints,
        same_run=None if has_more_to_do else record,
    )


def of_queued(project: Project, queued: Experiment) -> Resumed | None:
    """What a queued run goes on from, by its record; None for a run from the start.

    Another repository may have written the record: the curves must be those of an earlier state of the run.
    """
    told = queued.record.resumed_from
    if not told:
        return None
    commit = told["record"]
    if not graph.is_ancestor(project.repo, commit, queued.id):
        raise errors.BadRecord(f"The record of {queued.name} goes on from what it does not stand on.")
    return Resumed(told["experiment"], told["commit"], commit, queued.record.checkpoints)


def require_present(resumed: Resumed, absent: Sequence[Artifact]) -> None:
    """Raise MissingData for a checkpoint whose content is nowhere to be had."""
    wanted = [path for path in paths_of(absent) if lies_in_any(path, resumed.checkpoints)]
    if wanted:
        raise errors.MissingData(
            f"The checkpoint of {resumed.experiment} is not here, nor on a data remote: {shorten(wanted)}.",
            f"Where it ran: gitexp data push {resumed.experiment}",
            paths=wanted,
        )


def bring_series(project: Project, state: RunState, resumed: Resumed) -> Resumed:
    """Put the points of the other run into the folder of the live run; the last step is known then.

    Raises StorageError.
    """
    (found,) = project.store.read_commits({resumed.experiment: resumed.record})
    names = found.experiment.record.series if isinstance(found.experiment, Experiment) else ()
    files = [name for name in names if name != SYSTEM and series.stored_in(name) == name]
    blobs = project.repo.find_objects([f"{resumed.record}:{RUN_FOLDER}/{name}" for name in files])
    steps: dict[str, dict[str, int]] = {}
    try:
        with state.opened() as run, run.folder(LOGGED, make=True) as folder:
            for name, blob in zip(files, blobs, strict=True):
                if blob is not None and blob.kind == "blob":
                    steps[name] = _brought(project, folder, before_file(name), blob.id)
            folder.create(GOES_ON, json.dumps({"steps": steps}).encode())
    except OSError as error:
        raise errors.StorageError(
            f"The curves of {resumed.experiment} cannot be written: {error.strerror or error}.",
            "Free some space, or look at the permissions of the repository's .git folder.",
        ) from error
    failpoint("resume:series")
    last = [step for of_file in steps.values() for step in of_file.values()]
    return resumed._replace(step=max(last, default=None))


def _brought(project: Project, folder: Folder, name: str, blob: str) -> dict[str, int]:
    """Write a file of points; the last step of each metric in it. Raises OSError."""
    with os.fdopen(folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        for piece in project.repo.blob_pieces(blob):
            file.write(piece)
    summaries = MetricSummaries()
    for lines in folder.pieces(name):
        summaries.add_lines(lines)
    return {metric: summary.step for metric, summary in summaries.by_name.items()}


def variables(record: Record) -> Mapping[str, str]:
    """The variables that tell a command what its run goes on from; none for a run from the start."""
    told = record.resumed_from
    if not told:
        return {}
    found = {RESUMED: "1", RESUMED_FROM: told["experiment"]}
    if told.get("step") is not None:
        found[RESUMED_STEP] = str(told["step"])
    return found
