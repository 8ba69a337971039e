"""Runs of Hydra, from its folders: `outputs/<date>/<time>/` and `multirun/…/<number>/`.

Each has `.hydra/config.yaml`, `overrides.yaml` and `hydra.yaml`, the log of the job, and the files of a job
with this folder as its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content, ForeignRun, Importer, Read, Unread
from gitexp.files.formats import yaml_text

_SETTINGS = ".hydra"
_RESULTS = ("metrics.json", "results.json", "metrics.yaml", "results.yaml")


class HydraRuns(Importer):
    """The reader of Hydra's folders."""

    title = "Hydra"
    looks_for = "a folder `multirun` or `outputs`, or that of one run"

    def finds(self, place: Path) -> bool:
        """Whether the place has the folder of a run."""
        return next(_runs(place), None) is not None

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs below a folder, in the order of their paths."""
        nothing = True
        for folder in _runs(place):
            nothing = False
            try:
                yield _read(folder)
            except (errors.GitexpError, OSError) as error:
                yield Unread(str(folder / _SETTINGS), folder_files.reason(error))
        if nothing:
            raise errors.UsageError(
                f"{place} has no run of Hydra's: no folder .hydra.", f"Give {self.looks_for}."
            )


IMPORTER = HydraRuns()


def _runs(place: Path) -> Iterator[Path]:
    """Yield the folders of runs; none lies inside another."""
    for folder, folders, _ in os.walk(place):
        if (Path(folder, _SETTINGS) / "config.yaml").is_file():
            folders.clear()
            yield Path(folder)
        else:
            folders[:] = sorted(name for name in folders if name != ".git")


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
    for path, file in folder_files.plain_files(folder):
        if file != log and not path.startswith(f"{_SETTINGS}/"):
            files[path] = file
    where = str(runtime.get("output_dir") or folder.resolve())
    return ForeignRun(
        id=where,
        state=str(sum(file.stat().st_size for _, file in folder_files.plain_files(folder))),
        name="-".join(filter(None, [name, *Path(where).parts[-2:]])),
        created=folder_files.changed(settings / "config.yaml"),
        finished=folder_files.changed(log),
        params=params,
        metrics=metrics,
        command=" ".join([f"python {name}.py", *overrides]) if name else "",
        files=files,
        log=folder_files.content(log),
        facts={"hydra": {"overrides": overrides, "version": str(runtime.get("version") or "")}},
        remarks=tuple(told),
    )


def _map(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _list(path: Path) -> list[str]:
    found = yaml_text.read(path.name, folder_files.content(path).decode("utf-8", "replace"))
    return [str(each) for each in found] if isinstance(found, list) else []
