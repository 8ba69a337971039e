"""A run of another tool as a record with its tree: code, params, metrics, curves, log, files."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files, series_file
from gitexp.extras.integrations.importers.code_of_run import Code, CodeOfRuns
from gitexp.extras.integrations.importers.foreign import Content, Download, ForeignRun, Points
from gitexp.extras.integrations.importers.reading import RunUnreadable, reading
from gitexp.files.keys import nested
from gitexp.files.lines.series import SERIES, SYSTEM, LoggedPoint
from gitexp.folders import remove_folder
from gitexp.log_rules import LONGEST_TAG
from gitexp.model import Record, Tree
from gitexp.pipeline.artifact_paths import fault
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.runs.logged_values import logged_artifacts, run_blobs, system_summary
from gitexp.runs.logged_values.logged import CODE_PARAMS
from gitexp.runs.logged_values.logged_files import SUMMARY, as_json
from gitexp.times import stamp
from gitexp.version import __version__

_LONGEST_NOTE = 64 * 1024  # characters
# A name that a folder of other files has, or one that the file system does not take.
_OF_A_NAME = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ)
FACTS = "imported.json"  # in the record's tree: what the tool knows beside the record


class ForeignRunStore:
    """Makes records and their trees from the runs of a tool; stores objects, moves no ref."""

    def __init__(self, project: Project, kind: str, title: str, into: str) -> None:
        self._project = project
        self._kind = kind
        self._title = title
        self._code = CodeOfRuns(project, title, into)

    def record(self, run: ForeignRun, scratch: Path) -> tuple[Record, str]:
        """The record of a run, without a name, and its tree.

        Raises RunUnreadable for a fault of the run; OSError, StorageError or RepositoryError for one here.
        `scratch` is a folder for this run and others, in turn.
        """
        repo = self._project.repo
        code = self._code.of(run)
        commit = repo.write_commit(code.tree, [code.baseline], f"imported from {self._title}: {run.id}\n")
        record = self.bare_record(run, code.baseline, commit)
        record = replace(record, warnings=(f"imported from {self._title}: its code is {code.said}",))
        remarks = [*run.remarks, *code.remarks]
        files, record = self._series(run, record, scratch)
        artifacts, warnings = self._artifacts(run, code, scratch)
        remarks += warnings
        record, texts = self._texts(run, record)
        files |= {**texts, **artifacts}
        with reading():
            run_files = run.run_files()
        for name, content in run_files.items():
            files[name] = repo.write_blob(content)
        record = replace(record, warnings=(*record.warnings, *remarks), **run.record)
        return record, self._project.store.record_tree(code.tree, files)

    def for_filters(self, run: ForeignRun) -> Record:
        """The record for a filter, without a look at curves."""
        zero = self._project.repo.zero
        record = replace(self.bare_record(run, zero, zero), name=run.name)
        params = {CODE_PARAMS: run.params} if run.params else {}
        metrics = {SUMMARY: nested(run.metrics)} if run.metrics else {}
        return replace(replace(record, params=params, metrics=metrics), **run.record)

    def bare_record(self, run: ForeignRun, baseline: str, commit: str) -> Record:
        """The record without everything from curves and files."""
        imported = {"from": self._kind, "id": run.id}
        for key in ("state", "group", "parent"):
            if value := getattr(run, key):
                imported[key] = value
        created = run.created if run.created is not None else run.finished
        return Record(
            name="",
            status=run.status,
            commit=commit,
            baseline=baseline,
            project=self._project.config.folder,
            command=run.command or None,
            created=_time(created),
            finished=_time(run.finished if run.finished is not None else created),
            duration=_duration(run),
            exit_code=run.exit_code,
            user=run.user,
            host=run.host,
            platform=run.platform,
            python=run.python or None,
            gitexp=__version__,
            tags=_tags(run.tags),
            note=run.note.strip()[:_LONGEST_NOTE],
            imported=imported,
        )

    def _series(self, run: ForeignRun, record: Record, scratch: Path) -> tuple[dict[str, str], Record]:
        """The blobs of the curves by name, and the record with metrics and use of the machine."""
        last = series_file.write(_read(run.points), scratch / SERIES)
        series_file.write(_read(run.system), scratch / SYSTEM)
        present = [name for name in (SERIES, SYSTEM) if (scratch / name).exists()]
        files = run_blobs.store(self._project, scratch, present)
        if metrics := {**last, **run.metrics}:
            record = replace(record, metrics={SUMMARY: nested(metrics)})
        if SYSTEM in files:
            with (scratch / SYSTEM).open("rb") as lines:
                record = replace(record, system=system_summary.summary(lines))
        return files, replace(record, series=tuple(present))

    def _texts(self, run: ForeignRun, record: Record) -> tuple[Record, dict[str, str]]:
        """The record with the params, and the blobs of the small files by name."""
        contents: dict[str, bytes] = {}
        if run.params:
            record = replace(record, params={CODE_PARAMS: run.params})
            contents[_in_run(CODE_PARAMS)] = as_json(run.params)
        if record.metrics:
            contents[_in_run(SUMMARY)] = as_json(_finite(record.metrics[SUMMARY]))
        if run.log:
            contents["output.log"] = run.log
        if run.environment:
            contents["environment.txt"] = run.environment.encode()
        if run.facts:
            contents[FACTS] = as_json(run.facts)
        return record, {name: self._project.repo.write_blob(text) for name, text in contents.items()}

    def _artifacts(self, run: ForeignRun, code: Code, scratch: Path) -> tuple[dict[str, str], list[str]]:
        """The blobs of the logged files by their names in the record's tree, and warnings."""
        with reading():
            found: dict[str, Content | Download] = {**run.files, **run.downloads()}
        if run.patch and not code.is_patched:
            found["code.patch"] = run.patch
        if not found:
            return {}, []
        top = scratch / logged_artifacts.FOLDER
        with suppress(FileNotFoundError):
            remove_folder(top)  # of the run before
        warnings = []
        for name, content in found.items():
            if (why := fault(name)) is not None:
                warnings.append(f"not stored, a file whose name {why}: {name}")
                continue
            if isinstance(content, Path) and _is_gone(content):
                warnings.append(f"not stored, a file that is gone: {name}")
                continue
            target = top / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(content, target)
            except OSError as error:
                if error.errno not in _OF_A_NAME:
                    raise
                warnings.append(f"not stored: {name}: {error.strerror}")
        stored = logged_artifacts.store_folder(self._project, top, self._project.config.max_untracked)
        blobs = {f"{logged_artifacts.FOLDER}/{name}": blob for name, blob in stored.blobs.items()}
        if stored.large:
            lock = self._project.repo.write_blob(logged_artifacts.as_lock(stored.large))
            blobs[f"{logged_artifacts.FOLDER}/{LOCK_FILE}"] = lock
        return blobs, [*warnings, *stored.warnings]


def _read(points: Points) -> Iterator[LoggedPoint]:
    """Yield points. Raises RunUnreadable."""
    with reading():
        yield from points()


def _write(content: Content | Download, target: Path) -> None:
    """Write a file. Raises RunUnreadable for a fault of the content, else OSError."""
    if isinstance(content, bytes):
        target.write_bytes(content)
    elif isinstance(content, Path):
        _copy(content, target)
    else:
        try:
            content(target)
        except errors.GitexpError as error:
            raise RunUnreadable(folder_files.reason(error)) from error


def _is_gone(source: Path) -> bool:
    with reading():
        return not folder_files.is_there(source)


def _copy(source: Path, target: Path) -> None:
    """Copy a file. Raises as `_write`."""
    with target.open("wb") as file:
        for piece in _pieces(source):
            file.write(piece)


def _pieces(source: Path) -> Iterator[bytes]:
    with reading():
        yield from folder_files.pieces(source)


def _in_run(path: str) -> str:
    return path.removeprefix(f"{RUN_FOLDER}/")


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    try:
        return stamp(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):  # a time that no calendar has
        return ""


def _duration(run: ForeignRun) -> float | None:
    if run.duration is not None:
        return round(run.duration, 3)
    if run.created is None or run.finished is None or run.finished < run.created:
        return None
    return round(run.finished - run.created, 3)


def _tags(given: tuple[str, ...]) -> tuple[str, ...]:
    """The tags within gitexp's rules: printable, and not too long."""
    found = []
    for tag in given:
        plain = "".join(letter if letter.isprintable() else " " for letter in tag)
        if plain := plain.strip()[:LONGEST_TAG].strip():
            found.append(plain)
    return tuple(dict.fromkeys(found))


def _finite(tree: Tree) -> dict[str, Any]:
    """A tree of metrics for JSON: words in place of NaN and infinity."""
    text = json.dumps(tree)
    found: dict[str, Any] = json.loads(text, parse_constant=_word)
    return found


def _word(constant: str) -> str:
    return {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[constant]
