"""What is known on this machine about a run that has not been stored to its end.

Written before the experiment's ref is made and removed after the ref has reached its end, so that
whoever finds the process dead can finish the work: `<common-dir>/gitexp/runs/<token>/` holds
`state.json` and `output.log`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gitexp import errors
from gitexp.model import ProcessId
from gitexp.repo.local import LocalState

Stamp = tuple[int, int, int, int]  # of a file: modified and changed (ns), size, inode


@dataclass(frozen=True, slots=True)
class LiveRun:
    """One run that is going on, or was when its process died.

    `folder` is its place under `runs/`; `root` and `git_dir` are those of the worktree it runs in;
    `tree` is the start snapshot; `stamps` tell which result files stood there before it began.
    `exit_code` and `interrupted` are set when the command has ended.
    """

    folder: Path
    process: ProcessId
    root: str
    git_dir: str
    baseline: str
    tree: str
    stamps: dict[str, Stamp]
    metrics: tuple[str, ...]
    written_params: tuple[str, ...]
    results: tuple[str, ...]
    max_size: int
    started: float  # seconds since the epoch
    name: str = ""
    exit_code: int | None = None
    interrupted: bool = False
    duration: float | None = None

    @property
    def log(self) -> Path:
        return self.folder / "output.log"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.txt"

    def save(self) -> None:
        """Write the state; a reader sees the old one or the new one, whole."""
        data = {key: value for key, value in asdict(self).items() if key != "folder"}
        new = self.folder / "state.json.new"
        with new.open("w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(data, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / "state.json")

    def updated(self, **changes: object) -> LiveRun:
        """Return the run with these fields changed, and written."""
        new = replace(self, **changes)  # type: ignore[arg-type]  # the callers' keywords are fields
        new.save()
        return new

    def forget(self) -> None:
        """Remove what is kept of the run: it is stored."""
        shutil.rmtree(self.folder, ignore_errors=True)


def new_folder(local: LocalState) -> Path:
    """Return a new folder for one live run."""
    local.prepare()
    return Path(tempfile.mkdtemp(dir=local.runs))


def live_runs(local: LocalState) -> Iterator[LiveRun]:
    """Yield the runs that are known here; unreadable folders are passed over."""
    try:
        folders = sorted(local.runs.iterdir())
    except FileNotFoundError:
        return
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            text = (folder / "state.json").read_text("utf-8", "surrogateescape")
            data = json.loads(text)
            data["process"] = ProcessId(**data["process"])
            data["stamps"] = {name: tuple(stamp) for name, stamp in data["stamps"].items()}
            for key in ("metrics", "written_params", "results"):
                data[key] = tuple(data[key])
            yield LiveRun(folder=folder, **data)


def stamp(root: Path, names: Sequence[str]) -> dict[str, Stamp]:
    """Return the stamps of the files among `names` that are there."""
    stamps: dict[str, Stamp] = {}
    for name in names:
        with contextlib.suppress(OSError):
            of = (root / name).stat()
            stamps[name] = (of.st_mtime_ns, of.st_ctime_ns, of.st_size, of.st_ino)
    return stamps


@contextlib.contextmanager
def workspace(local: LocalState, git_dir: Path) -> Iterator[None]:
    """Hold the workspace of one worktree for a run; raises WorkspaceBusy if another run has it."""
    name = f"workspace-{git_dir.name}"
    lock = local.try_lock(name)
    if lock is None:
        going = [run.name for run in live_runs(local) if run.git_dir == str(git_dir)]
        who = f"{going[0]} is" if going and going[0] else "Another run is"
        raise errors.WorkspaceBusy(
            f"{who} going on in this workspace.",
            "Wait for it to end, or run beside it in a workspace of its own: gitexp run --temp",
        )
    try:
        yield
    finally:
        lock.release()
