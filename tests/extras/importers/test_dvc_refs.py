"""`gitexp import dvc`: experiments of `refs/exps` and commits of a branch, with their data."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gitexp.catalog import lookup
from gitexp.extras.integrations.importers.foreign import Importer
from gitexp.extras.integrations.importers.from_dvc.dvc_refs import IMPORTER
from gitexp.extras.integrations.importers.importing import ImportedRuns, Request, import_runs
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.testing import ImporterContract
from tests.support.dvc import put
from tests.support.dvc_project import DVC_3, PREPARED, WRITTEN, keep, make, md5, ran
from tests.support.repositories import git
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stages written in sh")

FAST = "train: {lr: 0.2}\nother: 1\n"
BETTER = '{"loss":0.25}\n'


def experiment(repo: Workspace, name: str, *, params: str = FAST, message: str = "") -> str:
    """The commit of an experiment of DVC's whose stage `train` has run with other params."""
    model, lock = PREPARED["all"] + params, json.loads(repo.read("dvc.lock"))
    keep(repo, model)
    train = lock["stages"]["train"]
    train["params"]["params.yaml"]["train.lr"] = 0.2
    train["outs"][0] |= {"md5": md5(model), "size": len(model)}
    train["outs"][1] |= {"md5": md5(BETTER), "size": len(BETTER)}
    files = {"params.yaml": params, "scores.json": BETTER, "dvc.lock": json.dumps(lock)}
    put(repo, name, files, message=message or "dvc: commit experiment 0123")
    base = repo.git("rev-parse", "HEAD")
    return repo.git("rev-parse", f"refs/exps/{base[:2]}/{base[2:]}/{name}")


@pytest.fixture
def theirs(repo: Workspace) -> Workspace:
    make(repo)
    experiment(repo, "fast", message="a note")
    repo.allow("files", *WRITTEN, "data/raw", "params.yaml", "dvc.lock")
    return repo


def bring(repo: Workspace, place: Path | None = None, history: str = "") -> ImportedRuns:
    importer: Importer = IMPORTER.with_history(history) if history else IMPORTER
    with repo.by_user():
        return import_runs(Project.open(repo.path), importer, Request("dvc", place or repo.path))


def read(repo: Workspace, name: str) -> Experiment:
    return Project.open(repo.path).store.require(name)


class TestDvcRefs(ImporterContract):
    @pytest.fixture
    def importer(self) -> Importer:
        return IMPORTER

    @pytest.fixture
    def place(self, theirs: Workspace) -> Path:
        return theirs.path


def test_an_experiment_has_the_code_the_values_and_the_baseline(theirs: Workspace) -> None:
    done = bring(theirs)
    assert (len(done.experiments), done.warnings) == (1, [])
    one = read(theirs, "fast").record
    assert one.params == {"params.yaml": {"train": {"lr": 0.2}, "other": 1}}
    assert one.metrics == {"scores.json": {"loss": 0.25}}
    assert (one.note, one.baseline) == ("a note", theirs.git("rev-parse", "HEAD"))
    assert theirs.git("diff", "--name-only", str(one.imported["id"]), one.commit) == "gitexp.lock"


def test_it_is_listed_once(theirs: Workspace) -> None:
    bring(theirs)
    assert [one.name for one in lookup.experiments(Project.open(theirs.path))] == ["fast"]
    assert bring(theirs).known == 1
    theirs.gitexp("undo")
    (one,) = lookup.experiments(Project.open(theirs.path))
    assert one.source == "dvc"


def test_its_data_comes_from_dvcs_cache(theirs: Workspace) -> None:
    bring(theirs)
    theirs.gitexp("checkout", "fast", "model", "scores.json", "--force")
    assert (theirs.read("model"), theirs.read("scores.json")) == (PREPARED["all"] + FAST, BETTER)


def test_what_it_has_computed_is_not_computed_again(theirs: Workspace) -> None:
    bring(theirs)
    theirs.gitexp("init", "-q")
    theirs.write("params.yaml", FAST)
    theirs.gitexp("run", "-q")
    assert ran(theirs) == []
    assert theirs.read("model") == PREPARED["all"] + FAST


def test_data_that_is_not_here_is_said_and_comes_later(theirs: Workspace) -> None:
    name = md5(PREPARED["all"] + FAST)
    place = theirs.path / DVC_3 / name[:2] / name[2:]
    with theirs.by_user():
        content = place.read_text()
        place.unlink()
    bring(theirs)
    assert any("nor in DVC's cache: model" in warning for warning in read(theirs, "fast").record.warnings)
    theirs.write(str(place.relative_to(theirs.path)), content)
    assert [one.name for one in bring(theirs).grown] == ["fast"]
    theirs.gitexp("checkout", "fast", "model", "--force")
    assert theirs.read("model") == content


def test_commits_of_a_branch(theirs: Workspace) -> None:
    theirs.write("notes.txt", "no result")
    theirs.commit("a note")
    theirs.write("scores.json", BETTER)
    theirs.commit("better")
    found = bring(theirs, history="HEAD").experiments
    notes = {one.record.note: one.record.metrics.get("scores.json") for one in found}
    assert notes == {
        "a training script": None,
        "a larger step": None,
        "a note": {"loss": 0.25},
        "a project of DVC's": {"loss": 0.5},
        "better": {"loss": 0.25},
    }
    assert bring(theirs, history="HEAD").known == len(found)


def test_another_repository(theirs: Workspace, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "--quiet", "-b", "main")
    other = Workspace(tmp_path / "other")
    other.write("notes", "nothing of DVC's")
    other.commit()
    before = sorted((theirs.path / ".git").iterdir())
    bring(other, theirs.path)
    assert sorted((theirs.path / ".git").iterdir()) == before
    other.allow("files", "*")
    other.gitexp("checkout", "fast")
    assert other.read("model") == PREPARED["all"] + FAST
    assert other.read("prepared/one") == "a\n"
    other.close()


def test_odd_names(repo: Workspace) -> None:
    make(repo)
    names = ("-x", "ünï", "é" * 80, "HEAD", "workspace", "${x}", "';rm", "{a}", "last", "FAST", "fast")
    for at, name in enumerate(names):
        experiment(repo, name, params=f"train: {{lr: 0.2}}\nother: {at}\n")
    done = bring(repo)
    assert (len(done.experiments), done.warnings) == (len(names), [])
    for one in done.experiments:
        assert read(repo, one.name).record.imported["from"] == "dvc"
