"""Runs of Weights & Biases, from its folders on the disk; wandb itself is not needed.

wandb/run-<date>-<id>/ and wandb/offline-run-<date>-<id>/ have `run-<id>.wandb`, with all logged values, and
`files/`: output.log, requirements.txt, diff.patch, code/, media/ and the files of the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.file_formats import wandb_file
from gitexp.extras.integrations.file_formats.cut_short import CutShort
from gitexp.extras.integrations.file_formats.protobuf import BadMessage, Message
from gitexp.extras.integrations.file_formats.wandb_fields import (
    OUTPUT_FILE,
    PACKAGES_FILE,
    PATCH_FILE,
    ExitField,
    GitField,
    RunField,
)
from gitexp.extras.integrations.file_formats.wandb_file import NotWandb
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.extras.integrations.importers.from_wandb import wandb_folder, wandb_records, wandb_server
from gitexp.extras.integrations.importers.from_wandb.wandb_records import WandbFacts
from gitexp.extras.integrations.importers.servers.address import ServerAddress
from gitexp.model import Status


class Wandb(Importer):
    """The reader of folders of wandb's."""

    title = "Weights & Biases"
    looks_for = "a folder `wandb`, the folder of a run, a file run-*.wandb, or the URL of a project"

    def finds(self, place: Path) -> bool:
        """Whether the place has a file of wandb's."""
        for file in _files(place, []):
            folder_files.require_plain(file)
            return wandb_file.begins_well(file)
        return False

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a folder, the oldest first."""
        unread: list[Unread] = []
        found = _files(place, unread)
        yield from unread
        if not found and not unread:
            raise errors.UsageError(
                f"{place} has no run of wandb's: no file run-<id>.wandb.", f"Give {self.looks_for}."
            )
        for file in found:
            yield _read(file)

    def finds_on(self, server: ServerAddress) -> bool:
        """Whether an address is of a server of wandb's; nobody is asked."""
        return wandb_server.is_there(server)

    def read_from(self, server: ServerAddress) -> Iterator[Read]:
        """Yield the runs of a project, the oldest first. Raises SharingError."""
        return wandb_server.read(server)


IMPORTER = Wandb()


def _files(place: Path, unread: list[Unread]) -> list[Path]:
    """The files of runs, by the dates in the names of their folders.

    Folders that cannot be listed are added to `unread`.
    """
    if place.is_file():
        return [place]
    folders = [place]
    for top in (place, place / "wandb"):
        for folder in folder_files.folders_in(top, unread):  # latest-run is a link, and left out
            if "run-" in folder.name:
                folders.append(folder)
    found = []
    for folder in folders:
        for path in folder_files.entries_of(folder, unread):
            if fnmatchcase(path.name, "run-*.wandb"):
                found.append(path)
    return sorted(found, key=_begun)


def _begun(file: Path) -> tuple[str, float]:
    """The second of the start, from the name of the folder, and the time of the last change."""
    date = file.parent.name.removeprefix("offline-").rpartition("-")[0]
    return date, folder_files.changed(file) or 0.0


def _read(file: Path) -> ForeignRun | Unread:
    try:
        folder_files.require_plain(file)
        found = wandb_records.read_facts(file)
        if found.run is None:
            return Unread(str(file), "it does not say which run it is of" + _cut_text(found.cut))
        return _as_run(file, found, found.run)
    except (NotWandb, BadMessage) as error:
        return Unread(str(file), str(error))
    except OSError as error:
        return Unread(str(file), folder_files.reason(error))


def _as_run(file: Path, found: WandbFacts, run: Message) -> ForeignRun:
    files = file.parent / "files"
    created = wandb_records.time_of(run.message(RunField.STARTED)) or None
    metrics, other = found.numbers()
    duration = _duration(created, other)
    kept, left = wandb_folder.user_files(files)
    code = wandb_folder.code(files, left)
    log = folder_files.beginning(files / OUTPUT_FILE, left)
    about = wandb_folder.about(files, found.environment, left)
    status, exit_code = _end(found)
    return ForeignRun(
        id=f"{run.text(RunField.PROJECT) or 'uncategorized'}/{run.text(RunField.ID)}@{int(created or 0)}",
        status=status,
        state=str(file.stat().st_size),
        name=run.text(RunField.NAME),
        created=created,
        finished=_finished(created, duration, found.last_time),
        duration=duration,
        params=found.config,
        metrics=metrics,
        points=partial(wandb_records.points, file),
        system=partial(wandb_records.system, file),
        tags=tuple(run.texts(RunField.TAGS)),
        note=run.text(RunField.NOTE),
        group=run.text(RunField.GROUP) or run.text(RunField.SWEEP),
        command=about.get("command", ""),
        user=about.get("user", ""),
        host=run.text(RunField.HOST) or about.get("host", ""),
        platform=about.get("platform", ""),
        python=about.get("python", ""),
        exit_code=exit_code,
        commit=run.message(RunField.GIT).text(GitField.COMMIT) or about.get("commit", ""),
        patch=folder_files.content(files / PATCH_FILE),
        code=code,
        files=kept,
        log=log or "".join(found.printed).encode("utf-8", "replace"),
        environment=folder_files.content(files / PACKAGES_FILE).decode("utf-8", "replace"),
        facts=_facts(found, run, other),
        remarks=(*_remarks(found), *left),
    )


def _end(found: WandbFacts) -> tuple[Status, int | None]:
    """The status of a run, and the exit status of its program; None for a run without an end."""
    if found.exit is None:
        return Status.INTERRUPTED, None
    code = found.exit.integer(ExitField.CODE)
    return (Status.FAILED if code else Status.DONE), code


def _remarks(found: WandbFacts) -> Iterator[str]:
    if found.cut is not None:
        yield f"its file ends too early{_cut_text(found.cut)}"
    elif found.exit is None:
        yield "its file has no end: the run was killed, or goes on"


def _finished(created: float | None, duration: float | None, last: float | None) -> float | None:
    """The time of the end, else of the last sign of life."""
    if created is None or duration is None:
        return last
    return created + duration


def _duration(created: float | None, summary: Mapping[str, Any]) -> float | None:
    """Seconds from the start to the end, by wandb's whole seconds or the time of the last point."""
    found = [summary.get("_runtime")]
    last = summary.get("_timestamp")
    if created is not None and isinstance(last, int | float):
        found.append(last - created)
    seconds = [float(each) for each in found if isinstance(each, int | float)]
    return max(seconds, default=None)


def _cut_text(cut: CutShort | None) -> str:
    if cut is None:
        return ""
    return f": {cut.why} at byte {cut.at:,}"


def _facts(found: WandbFacts, run: Message, other: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "run": run.text(RunField.ID),
        "project": run.text(RunField.PROJECT),
        "entity": run.text(RunField.ENTITY),
        "group": run.text(RunField.GROUP),
        "job_type": run.text(RunField.JOB_TYPE),
        "sweep": run.text(RunField.SWEEP),
        "alerts": found.alerts,
        "summary": {key: value for key, value in other.items() if not key.startswith("_")},
    }
    return {"wandb": {key: value for key, value in facts.items() if value}}
