"""Plugins of other packages: found by their entry points, for names that gitexp itself does not have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gitexp
from tests.support.workspace import Workspace

CODE = """
import typer
from gitexp.runs.local import LocalExecutor

def register(app):
    app.command("greet")(greet)

def greet(name: str = typer.Argument()) -> None:
    '''Greet somebody.'''
    typer.echo(f"Hello {name}")

class Loud(LocalExecutor):
    def execute(self, live):
        print("LOUD", flush=True)
        return super().execute(live)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a command, an executor, and a command that cannot be imported."""
    info = tmp_path / "site" / "elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[gitexp.command]\ngreet = elsewhere:register\nbroken = elsewhere:missing\n"
        "show = elsewhere:register\n"
        "[gitexp.executor]\nloud = elsewhere:Loud\n"
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
