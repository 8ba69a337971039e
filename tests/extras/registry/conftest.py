"""A repository with experiments that have models, and the real GTO."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from tests.support.warm_python import warm
from tests.support.workspace import Workspace

_ASK = Path(__file__).parent / "ask_gto.py"


class Gto:
    """GTO itself, at work in a repository."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._home = home

    def __call__(self, *lines: str) -> list[str]:
        """What GTO prints for each command line; all must end well."""
        ours = ("PYTHON", "COVERAGE")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        env |= {"HOME": str(self._home), "GTO_EMOJIS": "false"}
        words = [_ASK, json.dumps([line.split() for line in lines])]
        assert peers.DVC.python is not None
        done = warm(peers.DVC, peers.DVC.python).run(words, self._folder, env)
        assert done.returncode == 0, done.stderr
        answers: list[str] = json.loads(done.stdout)
        return answers

    def json(self, *lines: str) -> list[Any]:
        """What GTO prints for each command line as JSON."""
        return [json.loads(text) for text in self(*(f"{line} --json" for line in lines))]


@pytest.fixture
def gto(repo: Workspace, tmp_path: Path) -> Iterator[Gto]:
    """GTO in the repository `repo`."""
    if peers.DVC.python is None:
        pytest.skip("GTO is not installed: python -m benchmarks.peers dvc")
    home = tmp_path / "home-of-gto"
    home.mkdir()
    return Gto(repo.path, home)


@pytest.fixture
def models(repo: Workspace) -> Workspace:
    """The repository with the experiments one, two and three, each with a model.pt in Git."""
    repo.allow("refs", "refs/tags/*")
    repo.write("gitexp.yaml", "params: [params.yaml]\nmetrics: [scores.json]\nouts: [model.pt]\n")
    repo.write(".gitignore", "model.pt\nscores.json\n")
    repo.commit()
    for at, name in enumerate(("one", "two", "three")):
        repo.write("model.pt", f"weights of {name}")
        repo.write("scores.json", json.dumps({"acc": 0.5 + at / 10, "by": {"class": [1, 2]}}))
        repo.gitexp("save", "-q", "-n", name)
    return repo
