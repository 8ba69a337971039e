"""A user who goes on editing while stages run: what is stored is what ran, or it is said that it is not."""

from __future__ import annotations

import sys

import pytest

from tests.support.pipeline import lock, make, reasons, start, states
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


# -- what a later stage reads --------------------------------------------------------------------------

TWO = """\
stages:
  first:
    cmd: |
      if [ ! -e edited ]; then touch edited; {edit}; fi
      cat in.txt >first.txt
    deps: [in.txt]
    outs: [first.txt]
  second:
    cmd: cat src/code.txt conf/params.yaml >out.txt
    deps: [src, first.txt]
    params: [conf/params.yaml: [lr]]
    outs: [out.txt]
"""


def two_stages(repo: Workspace, edit: str) -> None:
    """Two stages, the second with other inputs; the user edits something while the first one runs."""
    files = {
        "gitexp.yaml": TWO.format(edit=edit),
        "in.txt": "in\n",
        "src/code.txt": "old\n",
        "conf/params.yaml": "lr: 1\n",
        ".gitignore": "first.txt\nout.txt\n",
    }
    make(repo, files)
    repo.writes("edited", "first.txt", "out.txt", "src", "src/*", "conf/*")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("echo new >src/code.txt", "src was changed since the run began"),
        ("echo 'lr: 2' >conf/params.yaml", "params lr was changed since the run began"),
        ("rm -r src", "src was changed since the run began"),
        ("mkdir src/__pycache__; touch src/__pycache__/code.pyc src/gitexp.lock", ""),
    ],
)
def test_code_that_the_experiment_does_not_hold_is_not_run(repo: Workspace, edit: str, said: str) -> None:
    two_stages(repo, edit)
    result = start(repo)
    if not said:
        assert states(result.experiment) == {"first": "ran", "second": "ran"}
        return
    assert result.exit_code == 1
    assert states(result.experiment) == {"first": "ran", "second": "failed"}
    assert f"second failed: {said}" in result.experiment.record.warnings
    assert result.failure is not None
    assert "--temp" in (result.failure.hint or "")
    assert "second" not in lock(repo).stages
    repo.write("src/code.txt", "new\n")
    again = start(repo).experiment
    assert states(again) == {"first": "up to date", "second": "ran"}
    assert repo.git("show", f"{again.record.commit}:src/code.txt") == "new"


def test_what_is_restored_or_up_to_date_is_what_the_experiment_holds(repo: Workspace) -> None:
    two_stages(repo, "true")
    start(repo)
    repo.write("in.txt", "new\n")
    repo.write("src/code.txt", "new\n")
    (repo.path / "edited").unlink()
    repo.write("gitexp.yaml", TWO.format(edit="echo old >src/code.txt").replace(", first.txt]", "]"))
    assert states(start(repo).experiment) == {"first": "ran", "second": "failed"}


@pytest.mark.parametrize("more", [{}, {"temp": True}, {"from_": "HEAD"}])
def test_changed_params_are_no_edits(repo: Workspace, more: dict[str, object]) -> None:
    two_stages(repo, "true")
    text = TWO.format(edit="true").replace("deps: [src,", "deps: [conf, conf/params.yaml, src,")
    repo.write("gitexp.yaml", text)
    repo.commit("params are deps, too")
    for lr, second in (("2", "ran"), ("2", "up to date" if not more else "restored"), ("1", "ran")):
        result = start(repo, [f"conf/params.yaml:lr={lr}"], **more).experiment
        assert states(result)["second"] == second
        assert "changed" not in " ".join(result.record.warnings)


def test_what_is_brought_is_no_edit(repo: Workspace) -> None:
    two_stages(repo, "true")
    start(repo)
    (repo.path / "first.txt").unlink()
    repo.write("src/code.txt", "new\n")
    assert states(start(repo, names=("second",), single=True).experiment) == {"second": "ran"}
    assert states(start(repo, names=("second",), single=True, temp=True).experiment) == {"second": "restored"}


def test_a_run_that_was_edited_under_is_not_the_same_as_any(repo: Workspace) -> None:
    one_stage(repo, "echo new >src.txt")
    first = start(repo).experiment
    repo.write("src.txt", "old\n")
    second = start(repo, once=True)
    assert second.again
    assert first.record.identity == ""
    assert second.experiment.record.identity != ""
    assert repo.read("out.txt") == "old\nlr: 1\n"
    repo.allow("files", "edited")
    assert start(repo, once=True).experiment.name == second.experiment.name
