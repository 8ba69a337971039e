"""Runs of Guild AI, made by the real Guild."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitexp.extras.integrations.importers.foreign import ForeignRun, RunLeftOut, Unread
from gitexp.extras.integrations.importers.guild import IMPORTER, Guild
from gitexp.extras.integrations.importers.importing import Request, import_runs
from gitexp.extras.integrations.importers.recognise import recognise
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.extras.importers.conftest import Make
from tests.support.workspace import Workspace

TRAIN = """
lr = 0.1
for step in range(20):
    print(f"step: {step}")
    print(f"loss: {1 / (step + 1)}")
open("model.txt", "w").write("weights")
if lr > 0.15:
    raise SystemExit(3)
"""
SCRIPT = f"""
import os, pathlib, subprocess, sys
os.makedirs("project")
pathlib.Path("project/train.py").write_text({TRAIN!r})
guild = os.path.join(os.path.dirname(sys.executable), "guild")
os.makedirs("home")
def run(*words):
    env = {{**os.environ, "GUILD_HOME": os.path.abspath("home")}}
    subprocess.run([guild, "run", "train.py", "-y", *words], cwd="project", env=env)
def git(*words):
    subprocess.run(["git", *words], cwd="project", check=True)
git("init", "-q")
git("add", "-A")
git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "start")
run("lr=0.1", "--label", "first", "--tag", "base", "--comment", "a comment")
with open("project/train.py", "a") as file:
    file.write("# tried\\n")
run("lr=0.2")
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, make_apart: Make) -> Path:
    found = tmp_path_factory.mktemp("guild")
    make_apart(found, SCRIPT)
    return found


class TestGuild(ImporterContract):
    @pytest.fixture
    def importer(self) -> Guild:
        return IMPORTER

    @pytest.fixture
    def place(self, folder: Path) -> Path:
        return folder / "home"


def test_everything_comes_along(folder: Path) -> None:
    first, second = runs_of(IMPORTER, folder / "home")
    assert (first.name, first.status, first.exit_code) == ("first", Status.DONE, 0)
    assert (second.group, second.status, second.exit_code) == ("train.py", Status.FAILED, 3)
    assert (first.params, second.params) == ({"lr": 0.1}, {"lr": 0.2})
    points = list(first.points())
    assert [point.step for point in points] == list(range(20))
    assert points[9].values["loss"] == pytest.approx(0.1)
    assert (first.tags, first.note) == (("base",), "a comment")
    assert (list(first.code), list(first.files)) == (["train.py"], ["model.txt"])
    assert b"loss: 0.05" in first.log
    assert "guildai==" in first.environment
    assert "HOME" not in repr(first)  # its environment may have secrets
    assert (first.has_changes, second.has_changes) == (False, True)
    (found,) = recognise(folder / "home")
    assert found.kind == "guild"


def test_changes_lie_on_top_of_the_commit(folder: Path, repo: Workspace) -> None:
    project = Project.open(repo.path)
    runs = import_runs(project, IMPORTER, Request("guild", folder / "home"))
    assert runs.experiments[0].name == "first"
    repo.git("fetch", "-q", str(folder / "project"), "HEAD:refs/heads/theirs")
    repo.gitexp("undo")
    project = Project.open(repo.path)
    first, second = import_runs(project, IMPORTER, Request("guild", folder / "home")).experiments
    assert repo.git("show", f"{first.record.commit}:train.py") == TRAIN.rstrip("\n")
    assert repo.git("show", f"{second.record.commit}:train.py").endswith("# tried")
    assert first.record.baseline == second.record.baseline == repo.git("rev-parse", "theirs").strip()
    assert "with the files kept by Guild AI" in second.record.warnings[0]


def test_a_folder_that_is_damaged(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "home"
    shutil.copytree(folder / "home", copy, symlinks=True)
    first, second = sorted((copy / "runs").iterdir(), key=lambda path: runs_of(IMPORTER, path)[0].name)
    (first / ".guild" / "attrs" / "flags").write_text("lr: [")
    (second / ".guild" / "proto").mkdir()
    (second / "secret").symlink_to("/etc/passwd")
    found = list(IMPORTER.read(copy))
    assert {type(one) for one in found} == {Unread, RunLeftOut}
    assert "flags" in str(next(one for one in found if isinstance(one, Unread)))
    (second / ".guild" / "proto").rmdir()
    (one,) = [one for one in IMPORTER.read(copy) if isinstance(one, ForeignRun)]
    assert "secret" not in one.files
