"""The folder of one offline run of Weights & Biases: `run-<id>.wandb`, and `files/`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.exporters import run_curves, wandb_messages
from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.extras.integrations.exporters.wandb_messages import WandbOfflineRun, WandbProgram
from gitexp.extras.integrations.exporters.whole_runs import write_content
from gitexp.extras.integrations.file_formats import wandb_file
from gitexp.extras.integrations.file_formats.param_trees import as_tree
from gitexp.extras.integrations.file_formats.wandb_fields import (
    CODE_FOLDER,
    CONFIG_FILE,
    OUTPUT_FILE,
    OWN_FILES,
    PACKAGES_FILE,
    PATCH_FILE,
    SUMMARY_FILE,
    FileKind,
)
from gitexp.files.lines.series_columns import Series
from gitexp.model import Status
from gitexp.objects.paths import fault
from gitexp.project.project import Project
from gitexp.version import __version__

_PIECE = 16 * 1024  # characters of the output in a record
_MEDIA = "media/"
_LOGGED = "logged/"  # before the name of a file of the user that is called like one of wandb's


def write_run(project: Project, run: StoredRun, folder: Path, id_: str, project_name: str) -> list[str]:
    """A sentence for each omission. Raises OSError."""
    files = folder / "files"
    files.mkdir()
    series = run_curves.curves(run)
    summary = _summary(run, series)
    own = _own_files(run, files, summary)
    users, remarks = _user_files(project, run, files)
    records = [
        _beginning(run, id_, project_name, own),
        _curves(run, series),
        _ending(run, summary, users),
    ]
    with (folder / f"run-{id_}.wandb").open("xb") as file:
        log = wandb_file.RecordLog(file)
        for number, record in enumerate(chain(*records), start=1):
            log.add(wandb_messages.numbered(record, number))
    first = min((one.steps[0] for one in series.values() if one), default=0)
    if first < 0:
        remarks.append(f"{run.name}: wandb sync counts steps below 0 as step 0")
    if run.record.alerts:
        remarks.append(f"{run.name}: alerts are left out, because wandb would send them again")
    return remarks


def _beginning(run: StoredRun, id_: str, project_name: str, own: list[str]) -> Iterator[bytes]:
    """Yield the records of the run, its program and wandb's own files."""
    record = run.record
    start = run.started or 0.0
    yield wandb_messages.header(f"gitexp-{__version__}")
    facts = WandbOfflineRun(
        id=id_,
        project=project_name,
        name=run.name,
        config=as_tree(run.params),
        started=start,
        note=record.note,
        tags=record.tags,
        group=run.group,
        host=record.host,
        commit=record.baseline,
    )
    yield wandb_messages.run(facts)
    yield wandb_messages.program(_program(run), start)
    if own:
        yield wandb_messages.files(own, FileKind.WANDB)


def _curves(run: StoredRun, series: Mapping[str, Series]) -> Iterator[bytes]:
    """Yield the records of the machine and of the curves."""
    start = run.started or 0.0
    for point in run_curves.points(run.system_series(), start):
        yield wandb_messages.stats(point)
    for point in run_curves.by_step(run_curves.points(series, start)):
        yield wandb_messages.history(point, start)


def _ending(run: StoredRun, summary: Mapping[str, Any], users: list[str]) -> Iterator[bytes]:
    """Yield the records of the last values, the output, the files of the user and the end."""
    record, start = run.record, run.started or 0.0
    yield wandb_messages.summary(summary)
    for piece in _pieces(run.log().decode("utf-8", "replace")):
        yield wandb_messages.output(piece, start)
    if media := [path for path in users if path.startswith(_MEDIA)]:
        yield wandb_messages.files(media, FileKind.MEDIA)
    if others := [path for path in users if not path.startswith(_MEDIA)]:
        yield wandb_messages.files(others, FileKind.OTHER)
    if record.status is Status.DONE:
        yield wandb_messages.exit_of(0, record.duration or 0.0)
    elif record.status is Status.FAILED:
        yield wandb_messages.exit_of(record.exit_code or 1, record.duration or 0.0)


def _summary(run: StoredRun, series: Mapping[str, Series]) -> dict[str, Any]:
    """The last value of each metric and curve, and wandb's own: time and seconds of the end."""
    found: dict[str, Any] = {name: curve[-1] for name, curve in series.items() if curve}
    found |= run_curves.beside_curve(run, series)
    found |= run_curves.without_curve(run, series)
    for name, value in run.metrics.items():
        if name not in run.numbers:
            found[name] = value
    seconds = run.record.duration or 0.0
    found["_step"] = run_curves.last_step(series)
    found["_timestamp"] = run.ended or run.started or 0.0
    found["_runtime"] = seconds
    found["_wandb"] = {"runtime": int(seconds)}
    return found


def _program(run: StoredRun) -> WandbProgram:
    record = run.record
    words = list(record.argv or ())
    if not words and record.command:
        words = _words(record.command)
    if len(words) > 1 and words[0].rpartition("/")[2].startswith("python"):
        words = words[1:]  # wandb names the script alone
    return WandbProgram(
        words, record.platform, record.python or "", record.host, record.user, record.baseline
    )


def _words(command: str) -> list[str]:
    """The words of a shell line; the line itself if it has a quote without an end."""
    try:
        return shlex.split(command)
    except ValueError:
        return [command]


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that end with a line, if the lines are short."""
    at = 0
    while at < len(text):
        end = text.rfind("\n", at, at + _PIECE) + 1
        end = end if end > at else at + _PIECE
        yield text[at:end]
        at = end


# -- files --------------------------------------------------------------------------------------------


def _own_files(run: StoredRun, folder: Path, summary: Mapping[str, Any]) -> list[str]:
    """The names of wandb's own files that are to be uploaded, written to a folder."""
    contents = {PACKAGES_FILE: run.environment().encode(), PATCH_FILE: run.patch()}
    uploaded = []
    for name, content in contents.items():
        if content:
            (folder / name).write_bytes(content)
            uploaded.append(name)
    if log := run.log():
        (folder / OUTPUT_FILE).write_bytes(log)  # of the upload the records of the output make it
    config: dict[str, Any] = {"wandb_version": 1}
    for name, value in as_tree(run.params).items():
        config[name] = {"desc": None, "value": value}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1, default=str) + "\n", "utf-8")
    (folder / SUMMARY_FILE).write_text(json.dumps(summary, default=str) + "\n", "utf-8")
    return uploaded


def _user_files(project: Project, run: StoredRun, folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files logged by a run and of its results, written to a folder; and omissions."""
    found, remarks = list[str](), list[str]()
    for file in (*run.logged_files().files, *run.results().files):
        name = file.path
        if name in OWN_FILES or name.startswith(CODE_FOLDER):
            name = _LOGGED + name
        if (why := fault(name)) is not None:
            remarks.append(f"{run.name}: a file is left out, because its name {why}: {name}")
        elif (failure := write_content(project, file, folder / name)) is not None:
            remarks.append(f"{run.name}: {name} is left out: {failure}")
        else:
            found.append(name)
    return found, remarks
