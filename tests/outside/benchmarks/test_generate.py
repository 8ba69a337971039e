"""The repositories that speed is measured on are what they claim to be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import generate
from benchmarks.trials import BASELINES, params_yaml, trials
from gitexp.model import Experiment, Status
from gitexp.repo import experiments, records
from gitexp.repo.git.repository import Repository
from tests.support.repositories import git

COUNT = 30


@pytest.fixture(scope="module")
def gitexp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("generated") / "gitexp"
    generate.gitexp_experiments(where, COUNT, os.environ)
    return where


@pytest.fixture(scope="module")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("generated") / "dvc"
    generate.dvc_experiments(where, COUNT, os.environ)
    return where


@pytest.mark.parametrize("tool", ["gitexp", "dvc"])
def test_git_finds_nothing_wrong(tool: str, request: pytest.FixtureRequest) -> None:
    where = request.getfixturevalue(tool)
    assert git(where, "fsck", "--strict", "--no-dangling") == ""
    assert git(where, "status", "--porcelain") == ""
    assert git(where, "rev-list", "--count", "HEAD") == str(BASELINES)


def test_every_experiment_reads_as_gitexp_s_own(gitexp: Path) -> None:
    found = experiments.Store(Repository.find(gitexp)).all()
    assert [type(experiment) for experiment in found] == [Experiment] * COUNT
    made = {trial.name: trial for trial in trials(COUNT)}
    assert {experiment.name for experiment in found} == set(made)
    heads = git(gitexp, "rev-list", "--reverse", "HEAD").split()
    for experiment in found:
        record, trial = experiment.record, made[experiment.name]
        assert record.status is Status.DONE
        assert record.params == {"params.yaml": trial.params}
        assert record.metrics == {"metrics.json": trial.metrics}
        assert record.baseline == heads[trial.baseline]
        assert git(gitexp, "rev-list", experiment.id).split()[:3] == [
            experiment.id,
            record.commit,
            record.baseline,
        ]


def test_the_trees_hold_what_a_run_leaves(gitexp: Path) -> None:
    trial = next(trials(1))
    ref = experiments.PREFIX + trial.name
    run = {f"{experiments.RUN_FOLDER}/{name}" for name in ("environment.txt", "output.log")}
    record = set(git(gitexp, "ls-tree", "-r", "--name-only", ref).split())
    experiment = set(git(gitexp, "ls-tree", "-r", "--name-only", f"{ref}^").split())
    assert record == experiment | run
    assert git(gitexp, "show", f"{ref}^:params.yaml") == params_yaml(trial.params).strip()
    assert git(gitexp, "show", f"{ref}:{experiments.RUN_FOLDER}/output.log") == trial.log.strip()


def test_most_experiments_stand_on_head(gitexp: Path) -> None:
    head = git(gitexp, "rev-parse", "HEAD")
    found = experiments.Store(Repository.find(gitexp)).all()
    on_head = sum(experiment.record.baseline == head for experiment in found)
    assert COUNT * 0.8 < on_head < COUNT


def test_the_same_count_gives_the_same_commits(gitexp: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    generate.gitexp_experiments(again, COUNT, os.environ)
    assert git(again, "for-each-ref") == git(gitexp, "for-each-ref")


def test_dvc_s_refs_are_where_dvc_looks_for_them(dvc: Path) -> None:
    heads = git(dvc, "rev-list", "--reverse", "HEAD").split()
    expected = {
        f"refs/exps/{heads[trial.baseline][:2]}/{heads[trial.baseline][2:]}/{trial.name}"
        for trial in trials(COUNT)
    }
    assert set(git(dvc, "for-each-ref", "--format=%(refname)", "refs/exps").split()) == expected
    for ref in expected:
        assert git(dvc, "rev-parse", f"{ref}^") == "".join(ref.split("/")[2:4])


def test_dvc_s_lock_file_agrees_with_the_files_beside_it(dvc: Path) -> None:
    ref = git(dvc, "for-each-ref", "--format=%(refname)", "--count=1", "refs/exps")
    lock = git(dvc, "show", f"{ref}:dvc.lock")
    for name in ("train.py", "metrics.json"):
        content = subprocess.run(
            ["git", "-C", str(dvc), "show", f"{ref}:{name}"], check=True, capture_output=True
        ).stdout
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() in lock


@pytest.mark.parametrize("dvc", [False, True])
def test_a_project_trains(tmp_path: Path, dvc: bool) -> None:
    where = tmp_path / "project"
    generate.project(where, 60, os.environ, dvc=dvc)
    assert len(git(where, "ls-files", "package_*").splitlines()) == 60
    assert (where / ".dvc").exists() == dvc
    subprocess.run([sys.executable, "train.py"], cwd=where, check=True)
    assert git(where, "diff", "--name-only") == "metrics.json"


def test_the_fingerprint_follows_the_record_s_format(monkeypatch: pytest.MonkeyPatch) -> None:
    before = generate.fingerprint()
    assert generate.fingerprint() == before
    encode: Callable[..., str] = records.encode
    monkeypatch.setattr(records, "encode", lambda *given: encode(*given) + " ")
    assert generate.fingerprint() != before
