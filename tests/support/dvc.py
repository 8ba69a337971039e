"""A repository that DVC itself has made, with experiments of every kind; and single ones made by Git."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from tests.support.shared import made_once
from tests.support.warm_python import warm
from tests.support.workspace import Workspace

_FILES = {
    "params.yaml": "data: {split: 0.2}\ntrain:\n  lr: 0.1  # step\n  layers: [3, 4]\n",
    "model/config.json": '{"seed": 1, "unused": 2}',
    "notes/params.toml": 'author = "me"\n',
    "prepare.py": "open('data.txt', 'w').write('1 2 3')\n",
    "model/train.py": """
import json, pathlib
lr = next(float(line.split()[1]) for line in open("../params.yaml") if "lr:" in line)
json.dump({"acc": 1 - lr, "by": {"class": lr}, "curve": [1, 2]}, open("scores.json", "w"))
live = pathlib.Path("../dvclive")
live.mkdir(exist_ok=True)
json.dump({"step": 3}, open(live / "metrics.json", "w"))
""",
    "evaluate.py": """
import json, sys
scores = json.load(open("model/scores.json"))
json.dump({f"loss_{sys.argv[1]}": 1 - scores["acc"]}, open(f"eval-{sys.argv[1]}.json", "w"))
""",
    "dvc.yaml": """
vars:
  - scores: scores.json
params:
  - notes/params.toml
metrics:
  - dvclive/metrics.json
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py]
    params: [data.split]
    outs: [data.txt]
  train:
    wdir: model
    cmd: python train.py
    deps: [train.py, ../data.txt]
    params:
      - ../params.yaml: [train]
      - config.json: [seed]
    metrics:
      - ${scores}: {cache: false}
  evaluate:
    foreach: [a, b]
    do:
      cmd: python evaluate.py ${item}
      deps: [model/scores.json]
      metrics:
        - eval-${item}.json
""",
}

# What a project without a pipeline has: a logger writes the files, dvc.yaml only names them.
_LIVE = {
    "dvc.yaml": "params: [dvclive/params.yaml]\nmetrics: [dvclive/metrics.json]\n",
    "dvclive/params.yaml": "batch: 32\n",
    "dvclive/metrics.json": '{"acc": 0.5, "step": 7}',
}


def skip_without_dvc() -> None:
    """Skips the test where DVC is not installed."""
    if peers.installed() is None:
        pytest.skip("DVC is not installed here: python -m benchmarks.peers does that, and so does make test")


def run_with_dvc(
    script: str | Path, *args: str | Path, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """How a script of Python has ended, DVC's own program for one, run by the Python of DVC's environment."""
    assert peers.DVC.python is not None
    return warm(peers.DVC, peers.DVC.python).run([script, *args], cwd, env)


def _checked(done: subprocess.CompletedProcess[str]) -> str:
    """What a process printed, which must have ended well."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    return done.stdout


class DvcRepository:
    """A folder with a Git repository that DVC works in, and DVC's own programs and places."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "repo"
        self.home = folder / "home"
        self.shown = folder / "shown.json"

    @property
    def program(self) -> str:
        """Where DVC itself is."""
        program = peers.installed()
        assert program is not None
        return str(program)

    def environment(self) -> dict[str, str]:
        """What DVC needs in the environment: a home and caches to write to."""
        return {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "DVC_SITE_CACHE_DIR": str(self.home / "site"),
            "DVC_NO_ANALYTICS": "1",
        }

    def dvc(self, *args: str) -> str:
        """Run DVC as its user would; return what it printed."""
        return _checked(run_with_dvc(self.program, *args, cwd=self.path, env=os.environ | self.environment()))

    def git(self, *args: str) -> None:
        """Run Git as the user would."""
        command, env = ["git", *args], os.environ | self.environment()
        _checked(subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, check=False))

    def commit(self, message: str) -> None:
        """Commit all there is, as the user."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def experiments(self) -> dict[str, dict[str, Any]]:
        """Return what `dvc exp show` says of each experiment that is done, by its commit id."""
        return {
            state["rev"]: state | {"baseline": baseline["rev"]}
            for baseline in json.loads(self.shown.read_text())
            for found in baseline["experiments"] or []
            if found["executor"] is None
            for state in found["revs"]
        }


def make(folder: Path) -> None:
    """Make a DVC repository in `folder`: experiments on two baselines, one of them queued."""
    made = DvcRepository(folder)
    made.path.mkdir(parents=True)
    made.home.mkdir()
    made.git("init", "--quiet", "-b", "main")
    made.dvc("init", "--quiet")
    _write(made.path, _FILES)
    made.commit("a pipeline")
    made.dvc("exp", "run", "-n", "first", "-S", "train.lr=0.2")
    made.dvc("exp", "run", "-S", "train.lr=0.3")
    made.dvc("exp", "run", "--temp", "-n", "temporary", "-S", "train.lr=0.4")
    made.dvc("exp", "run", "--queue", "-n", "queued", "-S", "train.lr=0.5")
    made.dvc("exp", "save", "-n", "saved", "-m", "by hand")
    made.git("checkout", "--quiet", "--force", "HEAD")
    made.git("rm", "--quiet", "-r", "--force", "model", "notes", "prepare.py", "evaluate.py", "params.yaml")
    _write(made.path, _LIVE)
    made.commit("a logger instead")
    _write(made.path, {"dvclive/metrics.json": '{"acc": 0.75, "step": 9}'})
    made.dvc("exp", "save", "-n", "first")  # as on the baseline before
    made.git("checkout", "--quiet", "--force", "HEAD")
    made.shown.write_text(made.dvc("exp", "show", "--all-commits", "--json"))


def dvc_repository(factory: pytest.TempPathFactory) -> DvcRepository:
    """The repository of `make`, one for all of pytest's processes."""
    skip_without_dvc()
    return DvcRepository(made_once(factory, "dvc", make))


def put(
    repo: Workspace,
    name: str,
    files: Mapping[str, str | bytes] | None = None,
    *,
    baseline: str = "HEAD",
    ref: str | None = None,
    message: str = "dvc: commit experiment 0123",
) -> str:
    """Store an experiment as DVC does, with `files` changed; return the id of its commit."""
    base = repo.git("rev-parse", baseline)
    ref = ref or f"refs/exps/{base[:2]}/{base[2:]}/{name}"
    parts = [b"commit %b\ncommitter A <a@b.invalid> 1700000000 +0100\n" % os.fsencode(ref)]
    parts += [_data(message.encode()), b"from %b\n" % base.encode()]
    for path, content in (files or {}).items():
        parts += [b"M 100644 inline %b\n" % path.encode(), _data(_bytes(content))]
    repo.git("fast-import", "--quiet", "--force", input=b"".join(parts))
    return repo.git("rev-parse", ref)


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
