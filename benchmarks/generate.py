"""Repositories to measure on: the same work once as gitexp stores it and once as DVC stores it.

Everything is deterministic, so two machines measure the same commits. Files and objects are Git's own
doing (`git fast-import`); gitexp's records go through gitexp's own codec, DVC's files are the ones that
`dvc init` and `dvc exp run` of 3.67.1 leave.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fastimport import FastImport
from benchmarks.trials import (
    BASELINES,
    ENVIRONMENT,
    START,
    STEP,
    TRAIN,
    Trial,
    metrics_json,
    params,
    params_yaml,
    series,
    trials,
)
from gitexp.files.lines.series import SERIES
from gitexp.model import Record, Status
from gitexp.repo import experiments, records

MAIN = "refs/heads/main"
PACKED_FROM = 10_000  # experiments; below, refs and objects are loose, as runs leave them until `git gc`
FOLDERS, SUBFOLDERS = 20, 25  # how tracked files are spread; each subfolder holds its share

_BASELINE_METRICS = {"accuracy": 0.5, "loss": 1.0, "val": {"f1": 0.4}}
_DVC_FILES = {
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".dvc/config": "",
    ".dvcignore": "# Patterns of files dvc should ignore\n",
    "dvc.yaml": (
        "stages:\n  train:\n    cmd: python train.py\n    deps:\n    - train.py\n    params:\n"
        "    - data\n    - model\n    - seed\n    - train\n"
        "    metrics:\n    - metrics.json:\n        cache: false\n"
    ),
}


def gitexp_experiments(where: Path, count: int, env: Mapping[str, str], *, points: int = 0) -> None:
    """Makes the repository `where` with `count` experiments in storage format version 1.

    Each has logged two metrics at so many `points`.
    """
    _init(where, env)
    with FastImport(where, env, loose=count < PACKED_FROM) as stream:
        baselines = _history(stream, _project())
        ids = [stream.id_of(mark) for mark in baselines]
        environment = stream.blob(ENVIRONMENT.encode(), shared=True)
        for trial in trials(count):
            ref = experiments.PREFIX + trial.name
            experiment = stream.commit(
                ref,
                f"{trial.name}: train.lr={trial.params['train']['lr']}\n".encode(),
                _results(stream, trial),
                when=trial.created,
                parent=baselines[trial.baseline],
            )
            record = _record(trial, stream.id_of(experiment), ids[trial.baseline])
            logged = {}
            if points:
                record = replace(record, series=(SERIES,))
                logged[f"{experiments.RUN_FOLDER}/{SERIES}"] = stream.blob(series(trial, points))
            stream.commit(
                ref,
                records.encode(record, experiments.subject(record)).encode(),
                {
                    f"{experiments.RUN_FOLDER}/environment.txt": environment,
                    f"{experiments.RUN_FOLDER}/output.log": stream.blob(trial.log.encode()),
                    **logged,
                },
                when=trial.created + int(trial.duration),
                parent=experiment,
            )
    _settle(where, count, env)


def dvc_experiments(where: Path, count: int, env: Mapping[str, str]) -> None:
    """Makes the repository `where` with the same `count` experiments as DVC 3 stores them."""
    _init(where, env)
    with FastImport(where, env, loose=count < PACKED_FROM) as stream:
        files = _project() | _DVC_FILES
        files["dvc.lock"] = _dvc_lock(params(0.001), files["metrics.json"])
        baselines = _history(stream, files)
        ids = [stream.id_of(mark) for mark in baselines]
        for trial in trials(count):
            baseline = ids[trial.baseline]
            lock = _dvc_lock(trial.params, metrics_json(trial.metrics))
            stream.commit(
                f"refs/exps/{baseline[:2]}/{baseline[2:]}/{trial.name}",
                f"dvc: commit experiment {hashlib.sha256(lock.encode()).hexdigest()}\n".encode(),
                _results(stream, trial) | {"dvc.lock": stream.blob(lock.encode())},
                when=trial.created,
                parent=baselines[trial.baseline],
            )
    _settle(where, count, env)


def fingerprint() -> str:
    """A digest of all that decides what the generated repositories are: this code and gitexp's format."""
    sample = records.encode(_record(next(trials(1)), "0" * 40, "1" * 40), "subject")
    sources = [
        Path(__file__).with_name(name).read_text() for name in ("fastimport.py", "generate.py", "trials.py")
    ]
    return hashlib.sha256(
        "".join([*sources, sample, experiments.PREFIX, experiments.RUN_FOLDER]).encode()
    ).hexdigest()


def project(where: Path, files: int, env: Mapping[str, str], *, dvc: bool = False) -> None:
    """Makes the repository `where`: a trivial training beside `files` small tracked files in folders."""
    _init(where, env)
    with FastImport(where, env, loose=files < PACKED_FROM) as stream:
        content = _project() | (_DVC_FILES if dvc else {})
        for number in range(files):
            folder = f"package_{number % FOLDERS:02}/part_{number // FOLDERS % SUBFOLDERS:02}"
            content[f"{folder}/module_{number:05}.py"] = f'"""Module {number}."""\n\nVALUE = {number}\n' * 4
        _history(stream, content)
    _settle(where, files, env)
    _age_index(where, env)


def _project() -> dict[str, str]:
    return {
        ".gitignore": "__pycache__/\n*.ckpt\n",
        "README.md": "# A model\n\nTrain it with `python train.py`.\n",
        "metrics.json": metrics_json(_BASELINE_METRICS),
        "params.yaml": params_yaml(params(0.001)),
        "train.py": TRAIN,
    }


def _history(stream: FastImport, files: Mapping[str, str]) -> list[int]:
    """The baselines' marks, oldest first; each differs from the one before by one line of the README."""
    marks: list[int] = []
    for number in range(BASELINES):
        changed = files if number == 0 else {"README.md": files["README.md"] + f"\nRevision {number}.\n"}
        blobs = {path: stream.blob(text.encode(), shared=True) for path, text in changed.items()}
        message = f"Revision {number}\n".encode()
        parent = marks[-1] if marks else None
        marks.append(stream.commit(MAIN, message, blobs, when=START + number * STEP, parent=parent))
    return marks


def _results(stream: FastImport, trial: Trial) -> dict[str, int]:
    return {
        "metrics.json": stream.blob(metrics_json(trial.metrics).encode()),
        "params.yaml": stream.blob(params_yaml(trial.params).encode()),
    }


def _record(trial: Trial, commit: str, baseline: str) -> Record:
    return Record(
        name=trial.name,
        status=Status.DONE,
        commit=commit,
        baseline=baseline,
        branch="main",
        command="python train.py",
        argv=("python", "train.py"),
        identity=hashlib.sha256(trial.name.encode()).hexdigest(),
        overrides=(f"train.lr={trial.params['train']['lr']}", f"seed={trial.params['seed']}"),
        params={"params.yaml": trial.params},
        metrics={"metrics.json": trial.metrics},
        created=_iso(trial.created),
        finished=_iso(trial.created + trial.duration),
        duration=trial.duration,
        exit_code=0,
        user="Ada Bench <ada@bench.invalid>",
        host="bench",
        platform="Linux-6.1-x86_64",
        python="3.12.4",
        cpus=8,
        gpus=("NVIDIA A100-SXM4-40GB",),
        gitexp="0.1.0",
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dvc_lock(values: Mapping[str, object], metrics: str) -> str:
    """What DVC writes after the stage ran: hashes and sizes of what went in and out, and the parameters."""
    return (
        "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n"
        f"    - path: train.py\n{_dvc_hash(TRAIN)}    params:\n      params.yaml:\n"
        + "".join(f"        {line}\n" for line in params_yaml(dict(values)).splitlines())
        + f"    outs:\n    - path: metrics.json\n{_dvc_hash(metrics)}"
    )


def _dvc_hash(text: str) -> str:
    data = text.encode()
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return f"      hash: md5\n      md5: {digest}\n      size: {len(data)}\n"


def _init(where: Path, env: Mapping[str, str]) -> None:
    where.mkdir(parents=True)
    _git(where, env, "init", "--quiet", "--initial-branch=main")


def _settle(where: Path, size: int, env: Mapping[str, str]) -> None:
    """Checks HEAD out, and brings refs to where they would be at this size."""
    _git(where, env, "reset", "--quiet", "--hard", "main")
    if size >= PACKED_FROM:
        _git(where, env, "pack-refs", "--all")


def _age_index(where: Path, env: Mapping[str, str]) -> None:
    """Writes an index that is a second younger than the files, as in any repository somebody works in.

    Git reads files again that may have changed in the second of the checkout ("racy", gitformat-index(5)).
    """
    time.sleep(1.1)
    (where / ".git" / "index").unlink()
    _git(where, env, "read-tree", "HEAD")
    _git(where, env, "update-index", "-q", "--refresh")


def _git(where: Path, env: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=where, env=dict(env), check=True)
