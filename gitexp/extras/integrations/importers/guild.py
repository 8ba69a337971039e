"""Runs of Guild AI, from the folders of its runs: `<home>/runs/<id>/.guild/`.

.guild/opref        the package, model and operation
.guild/attrs/<key>  YAML: flags, label, tags, comments, started and stopped (µs), exit_status, cmd, vcs_commit
.guild/manifest     since version 0.8: a line for each source file, which lies among the files of the run
.guild/sourcecode/  before version 0.8: the source files
.guild/output       the output
…/events.out.tfevents.*  the scalars, as TensorBoard's
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.file_formats import tensorboard_fields as tb
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import (
    Content,
    ForeignRun,
    Importer,
    Read,
    RunLeftOut,
    Unread,
)
from gitexp.extras.integrations.importers.tensorboard import points_in
from gitexp.files.formats import yaml_text
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Status
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_OWN, _ATTRIBUTES, _SOURCES = ".guild", ".guild/attrs", ".guild/sourcecode"
_OF_MACHINE = "sys/"  # names of the scalars of Guild's own plugins
_COMMIT = regex(r"git:([0-9a-f]{7,64})(\*?)")  # the star: with changes


class _GuildFolder(NamedTuple):
    """The folder of a run, and its attributes by name."""

    path: Path
    attributes: Mapping[str, Any]


class _Files(NamedTuple):
    """The files of a run: sources, files of events, and all others."""

    code: dict[str, Content]
    events: list[Path]
    others: dict[str, Content]


class Guild(Importer):
    """The reader of Guild's folders."""

    title = "Guild AI"
    looks_for = "Guild's home, such as ~/.guild or .guild, or the folder of one run"

    def finds(self, place: Path) -> bool:
        """Whether the place has the folder of a run."""
        return bool(_runs(place, []))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs, in the order of their starts."""
        unread: list[Unread] = []
        folders = _runs(place, unread)
        yield from unread
        if not folders and not unread:
            raise errors.UsageError(f"{place} has no run of Guild's.", f"Give {self.looks_for}.")
        for folder in sorted(folders, key=_start):
            try:
                yield _read(folder)
            except (errors.GitexpError, OSError, ValueError) as error:
                yield Unread(str(folder / _OWN), folder_files.reason(error))


IMPORTER = Guild()


def _runs(place: Path, unread: list[Unread]) -> list[Path]:
    """The folders of runs: the place itself, or those in it, its `runs` or its `.guild/runs`.

    Folders of which nobody can tell are added to `unread`.
    """
    if _is_run(place):
        return [place]
    found = []
    for top in (place, place / "runs", place / ".guild" / "runs"):
        for folder in folder_files.folders_in(top, unread):
            try:
                if _is_run(folder):
                    found.append(folder)
            except OSError as error:
                unread.append(Unread(str(folder), folder_files.reason(error)))
    return found


def _is_run(folder: Path) -> bool:
    return folder_files.is_there(folder / _OWN / "opref") and (folder / _ATTRIBUTES).is_dir()


def _start(folder: Path) -> tuple[float, str]:
    try:
        return _seconds(_attribute(folder, "started")) or 0.0, folder.name
    except (errors.GitexpError, OSError):
        return 0.0, folder.name


def _read(folder: Path) -> Read:
    if (folder / _OWN / "proto").exists():
        return RunLeftOut("each a batch of other runs")
    words = shlex.split(folder_files.content(folder / _OWN / "opref").decode("utf-8", "replace"))
    if not words:
        raise ValueError("its opref is empty")
    remarks: list[str] = []
    run = _GuildFolder(folder, _attributes(folder, remarks))
    asked = _map(run.attributes.get("run_params"))
    label, exit_code = run.attributes.get("label"), run.attributes.get("exit_status")
    commit, has_changes = _commit(run.attributes.get("vcs_commit"))
    files = _files(folder, remarks)
    platform = _map(run.attributes.get("platform"))
    log = folder_files.beginning(folder / _OWN / "output", remarks)
    return ForeignRun(
        id=str(run.attributes.get("id") or folder.name),
        status=_status(exit_code),
        state=f"{exit_code} {sum(path.stat().st_size for path in files.events)}",
        name=str(label) if asked.get("label") and label else f"{words[-1]}-{folder.name[:8]}",
        created=_seconds(run.attributes.get("started") or run.attributes.get("initialized")),
        finished=_seconds(run.attributes.get("stopped")),
        params=_map(run.attributes.get("flags")),
        points=partial(_points, files.events, of_machine=False),
        system=partial(_points, files.events, of_machine=True),
        tags=tuple(map(str, _list(run.attributes.get("tags")))),
        note=_note(run.attributes.get("comments")),
        group=words[-1],
        command=shlex.join(map(str, _list(run.attributes.get("cmd")))),
        user=str(run.attributes.get("user") or ""),
        host=str(run.attributes.get("host") or ""),
        platform=str(platform.get("uname") or ""),
        python=str(platform.get("python_version") or "").partition(" ")[0],
        exit_code=exit_code if isinstance(exit_code, int) else None,
        commit=commit,
        has_changes=has_changes,
        code=files.code,
        files=files.others,
        log=log,
        environment="\n".join(map(str, _list(run.attributes.get("pip_freeze")))),
        facts={"guild": {"opref": words, "label": label}},
        remarks=tuple(remarks),
    )


def _status(exit_code: Any) -> Status:
    """The status: without an exit code, or with that of a signal, the run was interrupted."""
    if exit_code == 0:
        return Status.DONE
    if isinstance(exit_code, int) and exit_code > 0:
        return Status.FAILED
    return Status.INTERRUPTED


def _attributes(folder: Path, remarks: list[str]) -> dict[str, Any]:
    """The attributes, but for `env`, which has secrets. Raises ParseError and OSError."""
    found = {}
    for name in folder_files.plain_files(folder / _ATTRIBUTES, remarks):
        if name != "env" and "/" not in name:
            found[name] = _attribute(folder, name)
    return found


def _attribute(folder: Path, name: str) -> Any:
    path = folder / _ATTRIBUTES / name
    return yaml_text.read(name, folder_files.content(path).decode("utf-8", "replace"))


def _commit(noted: Any) -> tuple[str, bool]:
    """The commit, and whether the code differed from it."""
    match = _COMMIT.fullmatch(str(noted or ""))
    return (match[1], bool(match[2])) if match else ("", False)


def _files(folder: Path, remarks: list[str]) -> _Files:
    """The files of a run; adds a remark on each source that is missing."""
    found = _Files({}, [], {})
    sources = _sources(folder)
    for name, path in folder_files.plain_files(folder, remarks).items():
        if path.name.startswith(tb.FILE_NAME):
            found.events.append(path)
        elif name.startswith(f"{_SOURCES}/"):
            found.code[name.removeprefix(f"{_SOURCES}/")] = path
        elif name in sources:
            found.code[sources[name]] = path
        elif not name.startswith(f"{_OWN}/"):
            found.others[name] = path
    if missing := len(sources) - sum(path in found.code for path in sources.values()):
        remarks.append(f"{missing} of its source files are missing")
    return found


def _sources(folder: Path) -> dict[str, str]:
    """The paths of the source files in the project, by their paths in the folder of the run."""
    found = {}
    text = folder_files.content(folder / _OWN / "manifest").decode("utf-8", "replace")
    for line in text.splitlines():
        words = shlex.split(line)
        if len(words) == 4 and words[0] == "s":
            found[words[1]] = words[3]
    return found


def _points(files: list[Path], *, of_machine: bool) -> Iterator[LoggedPoint]:
    """Yield the points about the machine, or all others."""
    for point in points_in(files):
        values = {}
        for name, value in point.values.items():
            if name.startswith(_OF_MACHINE) == of_machine:
                values[name] = value
        if values:
            yield LoggedPoint(point.step, point.time, values)


def _note(comments: Any) -> str:
    """The texts of all comments."""
    return "\n\n".join(str(each.get("body", "")) for each in _list(comments) if isinstance(each, dict))


def _seconds(microseconds: Any) -> float | None:
    return microseconds / 1e6 if isinstance(microseconds, int) else None


def _map(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
