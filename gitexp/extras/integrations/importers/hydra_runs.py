"""Runs of Hydra, from its folders: `outputs/<date>/<time>/` and `multirun/…/<number>/`.

Each has `.hydra/config.yaml`, `overrides.yaml` and `hydra.yaml`, the log of the job, and the files of a job
with this folder as its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.formats import yaml_text
from gitexp.folders import walk_folder

_SETTINGS = ".hydra"
_RESULTS = ("metrics.json", "results.json", "metrics.yaml", "results.yaml")


class HydraRuns(Importer):
    """The reader of Hydra's folders."""

    title = "Hydra"
    looks_for = "a folder `multirun` or `outputs`, or that of one run"

    def finds(self, place: Path) -> bool:
        """Whether the place has the folder of a run."""
        return any(isinstance(each, Path) for each in _runs(place))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs below a folder, in the order of their paths."""
        nothing = True
        for folder in _runs(place):
            nothing = False
            if isinstance(folder, Unread):
                yield folder
                continue
            try:
                yield _read(folder)
            except (errors.GitexpError, OSError) as error:
                yield Unread(str(folder / _SETTINGS), folder_files.reason(error))
        if nothing:
            raise errors.UsageError(
                f"{place} has no run of Hydra's: no folder .hydra.", f"Give {self.looks_for}."
            )


IMPORTER = HydraRuns()


def _runs(place: Path) -> Iterator[Path | Unread]:
    """Yield the folders of runs, of which none lies inside another, and folders that cannot be listed."""
    unread: list[Unread] = []
    for folder in walk_folder(place, partial(folder_files.note_unlisted, unread=unread)):
        path = Path(folder.path)
        try:
            is_run = folder_files.is_there(path / _SETTINGS / "config.yaml")
        except OSError as error:
            unread.append(Unread(folder.path, folder_files.reason(error)))
            is_run = False
        if is_run:
            folder.folders.clear()
            yield path
        else:
            folder.folders[:] = sorted(name for name in folder.folders if name != ".git")
    yield from unread


def _read(folder: Path) -> ForeignRun:
    settings = folder / _SETTINGS
    told = ["Hydra notes neither the end of a run nor its code"]
    params = folder_files.tree(settings / "config.yaml", told)
    hydra = folder_files.tree(settings / "hydra.yaml", []).get("hydra")
    own = hydra if isinstance(hydra, dict) else {}
    job, runtime = _map(own, "job"), _map(own, "runtime")
    overrides = _list(settings / "overrides.yaml")
    name = str(job.get("name") or "")
    log = folder / f"{name}.log"
    metrics: dict[str, float] = {}
    for each in _RESULTS:
        metrics.update(folder_files.metrics(folder / each, told))
    files: dict[str, Content] = {}
    below = folder_files.plain_files(folder, told)
    for path, file in below.items():
        if file != log and not path.startswith(f"{_SETTINGS}/"):
            files[path] = file
    where = str(runtime.get("output_dir") or folder.resolve())
    return ForeignRun(
        id=where,
        state=str(sum(file.stat().st_size for file in below.values())),
        name="-".join(filter(None, [name, *Path(where).parts[-2:]])),
        created=folder_files.changed(settings / "config.yaml"),
        finished=folder_files.changed(log),
        params=params,
        metrics=metrics,
        command=" ".join([f"python {name}.py", *overrides]) if name else "",
        files=files,
        log=folder_files.beginning(log, told),
        facts={"hydra": {"overrides": overrides, "version": str(runtime.get("version") or "")}},
        remarks=tuple(told),
    )


def _map(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _list(path: Path) -> list[str]:
    found = yaml_text.read(path.name, folder_files.content(path).decode("utf-8", "replace"))
    return [str(each) for each in found] if isinstance(found, list) else []
