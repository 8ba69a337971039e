"""Plugins of other packages: found by their entry points, for names that gitexp itself does not have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gitexp
from gitexp.extras.engines import settings
from gitexp.extras.engines.engine import EngineSettings
from gitexp.testing import EngineContract
from tests.support.workspace import Workspace

CODE = """
import os, shlex, subprocess, tempfile, uuid
import typer
from gitexp.extras.engines.engine import ENGINE, JOB, JobReport, JobState
from gitexp.extras.engines.settings import require_options
from gitexp.runs.local import LocalExecutor

def register(app):
    app.command("greet")(greet)

def greet(name: str = typer.Argument()) -> None:
    '''Greet somebody.'''
    typer.echo(f"Hello {name}")

class Mine:
    interval, keeps_jobs = 0.1, False

    def __init__(self, settings):
        require_options(settings, {"shell": "What begins the jobs."})
        self.settings, self.jobs = settings, {}

    def describe(self):
        return "the shell " + self.settings.options.get("shell", "/bin/sh")

    def places(self):
        return ()

    def capacity(self):
        return 0

    def submit(self, jobs):
        ids = []
        for job in jobs:
            id = str(uuid.uuid4())
            environment = {**os.environ, ENGINE: self.settings.name, **job.variables, JOB: id}
            said = tempfile.NamedTemporaryFile("w+")
            self.jobs[id] = said, subprocess.Popen(
                [self.settings.options.get("shell", "/bin/sh"), "-c", "exec " + shlex.join(job.words)],
                cwd=job.folder, env=environment, stdout=said, stderr=said,
            )
            ids.append(id)
        return ids

    def poll(self, ids):
        left = [id for id in ids if id in self.jobs and self.jobs[id][1].poll() is None]
        return {id: JobReport(JobState.RUNNING) for id in left}

    def cancel(self, ids):
        for id in ids:
            if id in self.jobs:
                self.jobs[id][1].terminate()

    def log(self, id):
        with open(self.jobs[id][0].name) as file:
            return file.read()

    def close(self):
        for said, process in self.jobs.values():
            process.wait()
            said.close()

def read_flags(name, text):
    return dict.fromkeys(text.split(), True)

class Loud(LocalExecutor):
    def execute(self, live):
        print("LOUD", flush=True)
        return super().execute(live)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a plugin of several kinds, and a command that cannot be imported."""
    info = tmp_path / "site" / "elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gitexp.command]\ngreet = elsewhere:register\nbroken = elsewhere:missing\n"
        "show = elsewhere:register\n"
        "[gitexp.executor]\nloud = elsewhere:Loud\n"
        "[gitexp.engine]\nmine = elsewhere:Mine\n"
        "[gitexp.reader]\n.flags = elsewhere:read_flags\n"
    )
    (info.parent / "elsewhere.py").write_text(CODE)
    monkeypatch.syspath_prepend(info.parent)
    monkeypatch.delitem(sys.modules, "elsewhere", raising=False)
    return info.parent


def test_a_command_of_another_package(repo: Workspace, package: Path) -> None:
    assert repo.gitexp("greet", "Ada").stdout == "Hello Ada\n"
    assert "Greet somebody." in repo.gitexp("greet", "--help").stdout
    refused = repo.gitexp("greet", check=False)
    assert "Missing argument 'name'" in refused.stderr


def test_a_command_that_cannot_be_imported(repo: Workspace, package: Path) -> None:
    done = repo.gitexp("broken", check=False)
    assert done.exit_code == 2
    assert "The command 'broken' of another package, elsewhere:missing, cannot be imported" in done.stderr


def test_a_command_of_gitexp_cannot_be_replaced(repo: Workspace, package: Path) -> None:
    assert repo.gitexp("show", "--help").stdout.startswith("Usage: gitexp show")


def test_an_executor_of_another_package(
    repo: Workspace, package: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = gitexp.Project.open(repo.path)
    request = gitexp.RunRequest(command=(sys.executable, "-c", "pass"), executor="loud")
    assert gitexp.run_experiment(project, request).exit_code == 0
    assert "LOUD" in capfd.readouterr().out
    with pytest.raises(gitexp.errors.UsageError, match="There is no executor called 'none'"):
        gitexp.run_experiment(project, gitexp.RunRequest(command=("true",), executor="none"))


def test_a_format_that_is_read_and_not_edited(repo: Workspace, package: Path) -> None:
    repo.write("gitexp.yaml", "params: [all.flags]\n")
    repo.write("all.flags", "fast small\n")
    repo.commit("flags")
    repo.gitexp("run", "--", sys.executable, "-c", "pass")
    (one,) = gitexp.Project.open(repo.path).store.readable()
    assert one.record.params == {"all.flags": {"fast": True, "small": True}}
    refused = repo.gitexp("run", "-S", "fast=false", "--", sys.executable, "-c", "pass", check=False)
    assert "only .yaml, .yml, .json, .toml, .py files can be edited in place" in refused.stderr
    assert (repo.path / "all.flags").read_text() == "fast small\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell")
class TestAnEngineOfAnotherPackage(EngineContract):
    @pytest.fixture
    def engine(self, package: Path) -> Iterator[Any]:
        made = settings.made(EngineSettings("mine", "mine"))
        yield made
        made.close()

    def test_it_runs_a_grid(self, repo: Workspace, package: Path) -> None:
        grid = ("run", "-S", "train.lr=0.1,0.2", "--engine", "mine", "-j", "2")
        repo.gitexp(*grid, "--", "python", "train.py")
        found = gitexp.Project.open(repo.path).store.readable()
        assert [(one.record.status, one.record.engine) for one in found] == [("done", "mine")] * 2
        assert len({one.record.job for one in found}) == 2

    def test_it_has_a_section_and_options(self, repo: Workspace, package: Path) -> None:
        repo.write("gitexp.yaml", "engines: {lab: {kind: mine, shell: /bin/bash}}\n")
        assert "lab  mine  the shell /bin/bash" in repo.gitexp("engine").stdout
        wrong = repo.gitexp("run", "--engine", "mine", "--scheduler", "tcp://a:1", "--", "true", check=False)
        assert "The engine 'mine' has no option 'scheduler'." in wrong.stderr
