"""A user's repository with a pipeline of three stages, written in shell so that a run takes no time."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitexp.datasets import lock_file
from gitexp.model import Experiment
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.state import StageSelection
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.run import Result, run
from tests.support.repositories import refresh_index
from tests.support.workspace import Workspace

STAGES = """\
stages:
  prepare:
    cmd: sh prepare.sh
    deps: [prepare.sh, raw.txt]
    outs: [data]
  train:
    cmd: sh train.sh
    deps: [train.sh, data]
    params: [train.lr]
    outs: [model.bin]
    plots: [curve.csv]
  evaluate:
    cmd: sh evaluate.sh
    deps: [evaluate.sh, model.bin]
    metrics: [metrics.json]
"""
FILES = {
    "gitexp.yaml": STAGES,
    "raw.txt": "one\ntwo\n",
    "prepare.sh": """\
echo preparing
mkdir -p data/sub
cp raw.txt data/a.txt
sort raw.txt >data/sub/b.txt
""",
    "train.sh": """\
echo training
{ cat data/a.txt; grep lr: params.yaml; } >model.bin
echo 'a,b' >curve.csv
""",
    "evaluate.sh": """\
echo evaluating
printf '{"size": %d}' $(wc -c <model.bin) >metrics.json
""",
    ".gitignore": "/data/\n/model.bin\n",
}
OUTS = ("data", "data/*", "model.bin", "curve.csv", "metrics.json", "gitexp.lock")
ALL = ("prepare", "train", "evaluate")


def make(repo: Workspace, files: dict[str, str] | None = None) -> None:
    """Writes the pipeline and commits it; what it writes is announced."""
    with repo.by_user():
        for name, text in (files or FILES).items():
            repo.write(name, text)
    made = _made_before(repo) if files is None else None
    if made is not None and made.exists():
        with repo.by_user():
            shutil.copytree(made, repo.path / ".git", dirs_exist_ok=True)
            refresh_index(repo.path)
    else:
        repo.git("rm", "--quiet", "--cached", "--ignore-unmatch", "metrics.json")
        repo.commit("a pipeline")
        if made is not None:
            shutil.copytree(repo.path / ".git", made)
    repo.writes(*OUTS)


def _made_before(repo: Workspace) -> Path | None:
    """The place, beside the folders of tests, of a Git folder with the usual pipeline, made once for all.

    None for a repository in which more than one commit has been made. Four processes are saved for each test.
    """
    folder = repo.path / ".git"
    if not folder.is_dir() or (folder / "gitexp").exists():
        return None
    known = b"\n".join((folder / name).read_bytes() for name in ("HEAD", "config", "refs/heads/main"))
    return repo.path.parent.parent / f"pipeline-{hashlib.sha256(known).hexdigest()}"


def start(repo: Workspace, overrides: Sequence[str] = (), **request: Any) -> Result:
    """Runs stages in this process, with nothing shown; options of a `StageSelection` are among the others."""
    chosen = {key: request.pop(key) for key in list(request) if key in StageSelection._fields}
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        asked = RunRequest(
            overrides=overrides, selection=StageSelection(**chosen), stdout=null, stderr=null, **request
        )  # type: ignore[arg-type]
        return run(Project.open(repo.path), asked)
    finally:
        os.close(null)


def states(experiment: Experiment) -> dict[str, str]:
    """What became of each stage, in one or two words; where it was restored from does not matter."""
    return {name: stage["state"] for name, stage in experiment.record.stages.items()}


def reasons(experiment: Experiment) -> dict[str, list[str]]:
    return {name: stage["reasons"] for name, stage in experiment.record.stages.items()}


def lock(repo: Workspace, root: Path | None = None) -> Lock:
    return lock_file.read(root or repo.path, Project.open(repo.path).config)
