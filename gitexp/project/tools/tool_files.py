"""Files that known tools write while a command runs: dvclive, MLflow, W&B, Lightning, TensorBoard, Hydra.

They are results wherever they stand, and never code. The tools keep the files of every run in one place, so
those of earlier runs are no part of the next one. Only what a tool itself has named is taken for a tool's: a
package `wandb` of the user's stays code.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_LOCK, DVC_YAML, names_of
from gitexp.files.limits import read_limited
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import upward
from gitexp.regex import regex

_DATED = regex(r"\d{4}-\d\d-\d\d")  # Hydra's folder of a day
HYDRA = ".hydra"  # Hydra's folder with the configuration of a job
_OF_MULTIRUN = "multirun.yaml"
# The entries of a folder of this name that its tool has made.
_MADE: Mapping[str, re.Pattern[str]] = {
    "mlruns": regex(r"\d+|models|\.trash"),
    "mlartifacts": regex(r"\d+"),
    "wandb": regex(r"(offline-)?run-\d.*|latest-run|debug(-internal)?\.log"),
    "lightning_logs": regex(r"version_\d+"),
    "outputs": _DATED,
    "multirun": _DATED,
}
_EVENTS = "events.out.tfevents."
_DATABASES = ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm", "mlflow.db-journal")
_NAMED = regex(rf"^{re.escape(_EVENTS)}|^mlflow\.db(?:-wal|-shm|-journal)?$|\.dvc$|^dvc\.lock$")
_OF_LIVE = ("metrics.json", "params.yaml", "report.md", "report.html", "report.ipynb", "plots", "static")
_ARTIFACTS = "artifacts"  # dvclive's copies of artifacts
_LIVE = "dvclive"
_PLOTS_OF_LIVE = ("metrics", "sklearn", "custom", "images")
_PLOT_OF_LIVE = regex(rf"(.+)/plots/(?:{'|'.join(_PLOTS_OF_LIVE)})/")
_OUTPUTS = "outputs"
_POINTER = ".dvc"
_NOT_SEARCHED = frozenset(
    (".git", ".gitexp", ".dvc", "__pycache__", ".venv", "venv", "node_modules", ".tox", ".ipynb_checkpoints")
)
_DEPTH = 6  # folders below the root
_MOST = 2_000  # entries of a folder: one with more is a data set


class ToolFiles(NamedTuple):
    """The files of known tools in a workspace. A folder stands for all below.

    Attributes:
        logs: a tool's files about runs.
        live: folders written by dvclive; its own files there are among `logs`.
        outputs: other content of folders `outputs`; a later run may read it.
        databases: tools' files about all runs together; no results.
        pointers: the `.dvc` files.
        dvc_locks: the files dvc.lock.
    """

    logs: list[str]
    live: list[str]
    outputs: list[str]
    databases: list[str]
    pointers: list[str]
    dvc_locks: list[str]


class LiveFiles(NamedTuple):
    """The files of dvclive, by their use."""

    metrics: list[str]
    params: list[str]
    others: list[str]


class _ListedFolder(NamedTuple):
    """A folder in the workspace.

    Attributes:
        path: path from the root; "" for the root.
        names: names of the files in it.
        folders: names of the folders in it.
    """

    path: str
    names: list[str]
    folders: list[str]

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def entries(self) -> list[str]:
        """The names of the files and of the folders."""
        return [*self.names, *self.folders]

    def at(self, name: str) -> str:
        """The path of an entry."""
        return posixpath.join(self.path, name)


def find(root: Path, leave_out: Collection[str] = ()) -> ToolFiles:
    """The files of known tools in the workspace; paths in `leave_out` are not searched."""
    found = ToolFiles([], [], [], [], [], [])
    waiting = [("", 0)]
    while waiting:
        path, depth = waiting.pop()
        folder = _folder(root, path)
        if folder is None:
            continue
        made = _made_in(folder)
        _add_named(found, folder)
        found.logs.extend(made)
        if folder.name == _OUTPUTS:
            found.outputs.extend(_others(folder, made))
        if _is_live(root, folder):
            _add_live(found, folder)
        if depth < _DEPTH:
            for inner in _to_search(folder, leave_out, made):
                waiting.append((inner, depth + 1))
    return found


def _add_named(found: ToolFiles, folder: _ListedFolder) -> None:
    """Add the files in a folder that are a tool's by their name."""
    for name in filter(_NAMED.search, folder.names):
        path = folder.at(name)
        if name.startswith(_EVENTS):
            found.logs.append(path)
        elif name in _DATABASES:
            found.databases.append(path)
        elif name == DVC_LOCK:
            found.dvc_locks.append(path)
        elif name != _POINTER:
            found.pointers.append(path)


def _others(folder: _ListedFolder, made: Collection[str]) -> list[str]:
    """The entries of a folder that its tool has not made."""
    return [path for path in map(folder.at, folder.entries) if path not in made]


def _add_live(found: ToolFiles, folder: _ListedFolder) -> None:
    """Add a folder of dvclive, and dvclive's own files in it."""
    found.live.append(folder.path)
    entries = folder.entries
    for name in (*_OF_LIVE, _ARTIFACTS):
        if name in entries:
            found.logs.append(folder.at(name))


def _to_search(folder: _ListedFolder, leave_out: Collection[str], made: Collection[str]) -> list[str]:
    """The paths of the folders in a folder that are to be searched."""
    found = []
    for name in folder.folders:
        path = folder.at(name)
        if name not in _NOT_SEARCHED and path not in leave_out and path not in made:
            found.append(path)
    return found


def _folder(root: Path, folder: str) -> _ListedFolder | None:
    """A folder with the names in it; None for a folder outside the search."""
    names, folders = list[str](), list[str]()
    try:
        with os.scandir(f"{root}/{folder}") as entries:  # a Path takes longer to make than this
            for entry in itertools.islice(entries, _MOST + 1):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                else:
                    names.append(entry.name)
    except OSError:
        return None
    if len(names) + len(folders) > _MOST:
        return None
    if folder and (".git" in folders or ".git" in names):  # another repository
        return None
    return _ListedFolder(folder, names, folders)


def _made_in(folder: _ListedFolder) -> list[str]:
    """The entries of a folder that its tool has made."""
    by_hydra = HYDRA in folder.folders or _OF_MULTIRUN in folder.names
    if by_hydra and _DATED.match(folder.name) and not any(map(_is_code, folder.names)):
        return [folder.at(name) for name in folder.entries]
    made = _MADE.get(folder.name)
    if made is None:
        return [folder.at(HYDRA)] if HYDRA in folder.folders else []
    return [folder.at(name) for name in folder.entries if made.fullmatch(name) or name == HYDRA]


def _is_code(name: str) -> bool:
    """Whether a file has code: a folder with code belongs to the user, even if Hydra has worked there."""
    return name.endswith((".py", ".ipynb"))


def _is_live(root: Path, folder: _ListedFolder) -> bool:
    """Whether dvclive writes a folder: by its name, or by a report or plots beside metrics.json.

    It is never the root.
    """
    if not folder.path:
        return False
    if folder.name == _LIVE:
        return "__init__.py" not in folder.names
    if "metrics.json" not in folder.names:
        return False
    plots = root / folder.path / "plots"
    if "plots" in folder.folders and any((plots / name).is_dir() for name in _PLOTS_OF_LIVE):
        return True
    has_report = any(name.startswith("report.") for name in folder.names)
    return has_report and ("static" in folder.folders or "plots" in folder.folders)


def live_files(found: ToolFiles, root: Path, folder: str) -> LiveFiles:
    """The files of dvclive in its folders, and the files named by dvclive in the dvc.yaml of a project."""
    metrics = [posixpath.join(live, "metrics.json") for live in found.live]
    params = [posixpath.join(live, "params.yaml") for live in found.live]
    others = list[str]()
    if (named := written_dvc_yaml(root, folder)) is not None:
        metrics += named.metrics
        params += named.params
        others += named.others
    return LiveFiles(metrics, params, others)


def written_dvc_yaml(root: Path, folder: str) -> LiveFiles | None:
    """The files named in the dvc.yaml of a project, if dvclive has written this file, without stages."""
    name = posixpath.join(folder, DVC_YAML)
    try:
        if not (root / name).is_file():
            return None
        tree = files.parse(name, read_limited(root / name))
        if not tree or not tree.keys() <= {"params", "metrics", "plots", "artifacts"}:
            return None
        named = names_of(name, tree, {})
    except (OSError, errors.FileError):
        return None
    others = [name, *named.plots]
    for path in _artifacts(tree.get("artifacts")):
        path = posixpath.normpath(posixpath.join(folder, path))
        others += [path + _POINTER, posixpath.join(posixpath.dirname(path), ".gitignore")]
    return LiveFiles([*named.metrics], [*named.params], others)


def _artifacts(section: object) -> Iterator[str]:
    if isinstance(section, dict):
        for artifact in section.values():
            if isinstance(artifact, dict) and isinstance(artifact.get("path"), str):
                yield artifact["path"]


def with_artifacts(pointers: Sequence[str]) -> list[str]:
    """The `.dvc` files, each with its artifact, and the .gitignore that DVC writes beside both."""
    found = []
    for pointer in pointers:
        beside = posixpath.join(posixpath.dirname(pointer), ".gitignore")
        found += [pointer, pointer.removesuffix(_POINTER), beside]
    return found


def among(paths: Collection[str]) -> set[str]:
    """The paths of a tool's files, judged by the names alone."""
    live, jobs = _live_folders(paths), _hydra_folders(paths)
    found = set[str]()
    for path in paths:
        if _is_by_name(path, live) or not jobs.isdisjoint(upward(path)):
            found.add(path)
    return found


def is_log(path: str) -> bool:
    """Whether a path is a tool's log, a file with times and names of machines."""
    return _is_by_name(path, ()) and _LIVE not in path.split("/")


def _hydra_folders(paths: Collection[str]) -> set[str]:
    """The folders that Hydra has made for jobs: Hydra's own in each, and the whole folder by its date."""
    with_code = {path.rpartition("/")[0] for path in paths if _is_code(path)}
    found = set[str]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        above, _, last = folder.rpartition("/")
        if last == HYDRA:
            found.add(folder)
            folder = above
        is_dated = _DATED.match(posixpath.basename(folder)) is not None
        if (last == HYDRA or name == _OF_MULTIRUN) and is_dated and folder not in with_code:
            found.add(folder)
    return found


def _live_folders(paths: Collection[str]) -> set[str]:
    """The folders of dvclive: by their name, or by a report or plots beside metrics.json."""
    with_metrics, with_more = set[str](), set[str]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name == "metrics.json":
            with_metrics.add(folder)
        elif name.startswith("report."):
            with_more.add(folder)
        elif (match := _PLOT_OF_LIVE.match(path)) is not None:
            with_more.add(match[1])
    return {_LIVE, *with_metrics.intersection(with_more)}


def _is_by_name(path: str, live: Collection[str]) -> bool:
    parts = path.split("/")
    for at, (above, name) in enumerate(itertools.pairwise(parts), 1):
        made = _MADE.get(above)
        if made is not None and made.fullmatch(name):
            return True
        if (above == _LIVE or "/".join(parts[:at]) in live) and name in (*_OF_LIVE, _ARTIFACTS):
            return True
    return parts[-1].startswith(_EVENTS) or parts[-1] in _DATABASES
