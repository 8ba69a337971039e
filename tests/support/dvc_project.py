"""A project as DVC leaves it after `dvc repro`, written by hand: dvc.lock, `.dvc` files and the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.support.workspace import Workspace

DVC_3 = ".dvc/cache/files/md5"
DVC_2 = ".dvc/cache"

# Each stage adds a line to `ran`, which nobody names.
PIPELINE = """\
stages:
  prepare:
    cmd: echo prepare >>ran; mkdir -p prepared; sort data/raw >prepared/all; tail -n 1 data/raw >prepared/one
    deps: [data/raw]
    outs: [prepared]
  train:
    cmd: echo train >>ran; cat prepared/all params.yaml >model; echo '{"loss":0.5}' >scores.json
    deps: [prepared]
    params: [train.lr]
    outs: [model]
    metrics:
      - scores.json: {cache: false}
"""
RAW = "b\na\n"
PREPARED = {"all": "a\nb\n", "one": "a\n"}
PARAMS = "train: {lr: 0.1}\nother: 1\n"
MODEL = PREPARED["all"] + PARAMS
SCORES = '{"loss":0.5}\n'
WRITTEN = ("ran", "prepared", "prepared/*", "model", "scores.json", "gitexp.lock", "gitexp.yaml")


def md5(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()


def keep(repo: Workspace, content: str, ending: str = "", cache: str = DVC_3) -> str:
    """The MD5 of a content that was put into DVC's cache."""
    name = md5(content) + ending
    repo.write(f"{cache}/{name[:2]}/{name[2:]}", content)
    return name


def keep_folder(repo: Workspace, files: Mapping[str, str], cache: str = DVC_3) -> str:
    """The MD5 of a folder that was put into DVC's cache."""
    entries = [{"md5": keep(repo, text, cache=cache), "relpath": path} for path, text in files.items()]
    return keep(repo, json.dumps(entries), ".dir", cache)


def make(repo: Workspace, *, cache: str = DVC_3, present: bool = True) -> None:
    """Write the project and commit it; with `present`, data and outs are in the workspace too."""
    kind = {"hash": "md5"} if cache == DVC_3 else {}
    raw, prepared = keep(repo, RAW, cache=cache), keep_folder(repo, PREPARED, cache)
    model = keep(repo, MODEL, cache=cache)
    stages: dict[str, Any] = {
        "prepare": {
            "cmd": command("prepare"),
            "deps": [{"path": "data/raw", **kind, "md5": raw, "size": len(RAW)}],
            "outs": [{"path": "prepared", **kind, "md5": prepared, "size": 6, "nfiles": 2}],
        },
        "train": {
            "cmd": command("train"),
            "deps": [{"path": "prepared", **kind, "md5": prepared, "size": 6, "nfiles": 2}],
            "params": {"params.yaml": {"train.lr": 0.1}},
            "outs": [
                {"path": "model", **kind, "md5": model, "size": len(MODEL)},
                {"path": "scores.json", **kind, "md5": md5(SCORES), "size": len(SCORES)},
            ],
        },
    }
    repo.write("dvc.lock", json.dumps({"schema": "2.0", "stages": stages}))
    repo.write("dvc.yaml", PIPELINE)
    repo.write("data/raw.dvc", json.dumps({"outs": [{**kind, "md5": raw, "path": "raw"}]}))
    repo.write("params.yaml", PARAMS)
    repo.write("scores.json", SCORES)
    repo.write(".dvc/config", "")
    repo.write("data/.gitignore", "/raw\n")
    repo.write(".gitignore", ".dvc/cache\n.dvc/tmp\n/prepared\n/model\n/ran\n.venv\n")
    if present:
        repo.write("data/raw", RAW)
        repo.write("model", MODEL)
        for name, text in PREPARED.items():
            repo.write(f"prepared/{name}", text)
    repo.commit("a project of DVC's")


def command(stage: str) -> str:
    """The command of a stage, as dvc.lock repeats it."""
    lines = PIPELINE.splitlines()
    at = lines.index(f"  {stage}:")
    return lines[at + 1].partition("cmd: ")[2]


def ran(repo: Workspace) -> list[str]:
    """The stages whose command has run in the workspace."""
    file = repo.path / "ran"
    return file.read_text().split() if file.exists() else []
