"""A user who goes on editing while stages run: what is stored is what ran, or it is said that it is not."""

from __future__ import annotations

import sys

import pytest

from tests.support.pipeline import make, reasons, start, states
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")


def one_stage(repo: Workspace, edit: str, more: str = "deps: [src.txt]") -> None:
    """A stage that the user edits something under: `edit`, once, when it has begun."""
    command = f"if [ ! -e edited ]; then touch edited; {edit}; fi; cat src.txt params.yaml >out.txt"
    stage = f"stages:\n  train:\n    cmd: |\n      {command}\n    outs: [out.txt]\n    {more}\n"
    files = {"gitexp.yaml": stage, "src.txt": "old\n", "params.yaml": "lr: 1\n", ".gitignore": "out.txt\n"}
    make(repo, files)
    repo.writes("edited", "out.txt", "src.txt", "params.yaml", "src/*")


@pytest.mark.parametrize(
    ("edit", "more", "said"),
    [
        ("echo new >src.txt", "deps: [src.txt]", "src.txt was changed"),
        ("echo 'lr: 2' >params.yaml", "params: [lr]", "params lr was changed"),
        ("echo 'm: 2' >params.yaml", "params: [lr]", "params lr was changed"),
        ("echo '{' >params.yaml", "deps: [src.txt]\n    params: [lr]", "params lr, src.txt were changed"),
        ("mkdir -p src; echo 1 >src/a", "deps: [src.txt, src]", "src was changed"),
    ],
)
def test_an_input_edited_while_its_stage_runs(repo: Workspace, edit: str, more: str, said: str) -> None:
    """Nobody knows which of both the stage has read: its result is this experiment's, and nobody else's."""
    one_stage(repo, edit, more)
    repo.write("src/b", "b\n")
    first = start(repo)
    assert states(first.experiment) == {"train": "ran"}
    said = f"{said} while train ran: it will run again, for nobody knows which it read"
    assert said in first.experiment.record.warnings
    assert said in first.warnings
    assert first.experiment.record.stages["train"]["warnings"] == [said]
    edited = repo.read("out.txt")

    repo.write("src.txt", "old\n")  # the user takes it back
    repo.write("params.yaml", "lr: 1\n")
    repo.git("clean", "-qfd", "src")
    repo.write("src/b", "b\n")
    (repo.path / "out.txt").unlink()
    (repo.path / "gitexp.lock").unlink()
    assert states(start(repo).experiment) == {"train": "ran"}
    assert repo.read("out.txt") == "old\nlr: 1\n"
    assert states(start(repo).experiment) == {"train": "up to date"}
    repo.gitexp("checkout", "--force", first.experiment.name)
    assert repo.read("out.txt") == edited


def test_what_was_edited_is_the_reason_to_run_again(repo: Workspace) -> None:
    one_stage(repo, "echo new >src.txt")
    start(repo)
    again = start(repo).experiment
    assert reasons(again) == {"train": ["src.txt changed"]}
    assert again.record.warnings == ()
    assert states(start(repo).experiment) == {"train": "up to date"}


def test_the_edit_is_said_on_the_screen(repo: Workspace) -> None:
    one_stage(repo, "echo new >src.txt")
    said = repo.gitexp("run", "-n", "one").stderr
    assert "warning: src.txt was changed while train ran" in said
