"""The repositories of the contracts: with one commit, and with experiments of all kinds."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from gitexp.files.lines.series import SERIES
from gitexp.model import Record, Status
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git.values import RefChange
from gitexp.runs.logged_values import logged_artifacts

_EXPORTED: list[tempfile.TemporaryDirectory[str]] = []  # what is copied: to make it takes ten times as long


def exported_project(folder: Path) -> Project:
    """A new repository below a folder, with the experiments of `exported_experiments`."""
    if not _EXPORTED:
        _EXPORTED.append(tempfile.TemporaryDirectory(prefix="gitexp-exported-"))
        _make_exported(Path(_EXPORTED[0].name))
    root = folder / "project"
    shutil.copytree(Path(_EXPORTED[0].name) / "project", root)
    return Project.open(root)


def _make_exported(folder: Path) -> None:
    root = folder / "project"
    root.mkdir()
    (root / "train.py").write_text("print('trained')\n")
    (root / "params.yaml").write_text("train: {lr: 0.1}\n")
    commit_all(root)
    project = Project.open(root)
    project.local.prepare()
    exported_experiments(project, folder)


def commit_all(root: Path) -> None:
    """Make a repository of a folder, with all its files in a first commit."""
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "a project")):
        subprocess.run(["git", *command], cwd=root, check=True)  # noqa: S607 - the one of the PATH


def exported_experiments(project: Project, scratch: Path) -> None:
    """Put five experiments into a repository: ordinary, odd, failed, without metrics, with a large file."""
    curve = "".join(
        json.dumps({"_step": step, "_time": 1764489600 + step, "loss": 1 / (step + 1)}) + "\n"
        for step in range(2_500)
    )
    nested_params = {"params.yaml": {"train": {"lr": 0.1, "layers": [64, 32], "name": "größe"}}}
    _put_experiment(
        project,
        "ordinary",
        {
            "output.log": "trained: größe\n".encode(),
            SERIES: curve.encode(),
            "environment.txt": b"numpy==2.0\n",
        },
        params=nested_params,
        metrics={"metrics.json": {"loss": 0.25, "val": {"acc": 0.5}}},
        series=(SERIES,),
        tags=("best", "für später"),
        note="a note\nin two lines",
    )
    odd = b'{"_step":-1,"_time":1764489600,"x":"nan"}\n{"_step":7,"_time":1764489601,"x":"inf","y":2}\n'
    _put_experiment(
        project,
        "odd",
        {SERIES: odd},
        params={"params.yaml": {"a b": None, "=1+1": True, "ключ": "\u2028"}},
        metrics={"metrics.json": {"nan": float("nan"), "most": float("inf"), "text": "<b>", "huge": 2**70}},
        series=(SERIES,),
    )
    _put_experiment(project, "failed", {"output.log": b"\xff\x00"}, status=Status.FAILED, exit_code=3)
    _put_experiment(project, "without-metrics", {}, command=None, argv=None)
    folder = scratch / logged_artifacts.FOLDER
    folder.mkdir()
    (folder / "model.bin").write_bytes(bytes(range(256)) * 4096)
    (folder / "small.txt").write_text("small\n")
    stored = logged_artifacts.store_folder(project, folder, 1000)
    lock = project.repo.write_blob(logged_artifacts.as_lock(stored.large))
    blobs = {f"{logged_artifacts.FOLDER}/{name}": blob for name, blob in stored.blobs.items()}
    _put_experiment(project, "large", {}, {**blobs, f"{logged_artifacts.FOLDER}/{LOCK_FILE}": lock})


def _put_experiment(
    project: Project, name: str, texts: dict[str, bytes], blobs: dict[str, str] | None = None, **facts: Any
) -> None:
    """Store an experiment with files of its run."""
    repo = project.repo
    head = repo.head().commit
    tree = repo.resolve(head, "tree") or ""
    number = len(project.store.names())
    commit = repo.write_commit(tree, [head], f"{name} {number}\n")
    created = f"2025-10-23T10:4{number}:12.345Z"
    known: dict[str, Any] = {
        "command": "python train.py",
        "argv": ("python", "train.py"),
        "created": created,
        "finished": created.replace(":12.", ":52."),
        "duration": 40.0,
        "exit_code": 0,
        "user": "Änne O'Neil",
        "host": "machine",
    }
    record = Record(name, facts.pop("status", Status.DONE), commit, head, **{**known, **facts})
    files = {each: repo.write_blob(text) for each, text in texts.items()}
    made = project.store.record_tree(tree, {**files, **(blobs or {})})
    oid = repo.write_commit(made, [commit], records.encode(record, name))
    repo.update_refs([RefChange(PREFIX + name, None, oid)])
