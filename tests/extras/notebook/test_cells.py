"""Cells of a notebook as experiments, in a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.extras.notebook.kernel import Kernel, as_notebook
from tests.support.workspace import Workspace

LOAD = "%load_ext gitexp"
TRAIN = """%%experiment -n one -m 'a note' -t good
import gitexp
for n in range(3):
    gitexp.log({'loss': 1 / (n + lr)})
print('trained')
lr"""
STOPPED = """%%experiment -n stopped
import time
gitexp.log({'loss': 1})
print('on', flush=True)
time.sleep(60)"""
CAPTURED = """%%experiment -n captured
%%capture
import asyncio
from IPython.display import HTML, display
print('hidden')"""
OLD = [{"output_type": "stream", "name": "stdout", "text": ["old\n"]}]


@pytest.fixture
def kernel(repo: Workspace) -> Iterator[Kernel]:
    repo.write("train.ipynb", as_notebook([LOAD, "lr = 1", TRAIN], parameters=1, outputs=OLD))
    with Kernel(repo.path, repo.path / "train.ipynb") as found:
        yield found


def stored(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def file_of(repo: Workspace, experiment: Experiment, path: str) -> str:
    return repo.git("cat-file", "blob", f"{experiment.id}:{path}")


def executed(repo: Workspace, experiment: Experiment) -> list[dict[str, Any]]:
    text = file_of(repo, experiment, ".gitexp/run/artifacts/notebook/train.ipynb")
    return [cell["outputs"] for cell in json.loads(text)["cells"]]


def test_cells(repo: Workspace, kernel: Kernel) -> None:
    before = repo.read("train.ipynb")
    for cell in (LOAD, "lr = 1", "lr = 2  # tried, and not saved", "files = !ls"):
        assert kernel.run(cell).status == "ok"
    shown = kernel.run(TRAIN)
    assert shown.text == "trained\n2one done: loss 0.25\n"

    one = stored(repo)["one"]
    record = one.record
    assert (record.status, record.command, record.note, record.tags) == ("done", None, "a note", ("good",))
    assert record.metrics == {".gitexp/run/summary.json": {"loss": 0.25}}
    assert record.params[".gitexp/run/params.json"] == {"lr": 2}  # the present value, not that of the file
    assert not record.warnings
    # The code: the notebook without outputs, and the cells as they were executed, as plain Python.
    assert json.loads(file_of(repo, one, "train.ipynb"))["cells"][0]["outputs"] == []
    assert repo.read("train.ipynb") == before
    cells = file_of(repo, one, "train.cells.py")
    compile(cells, "train.cells.py", "exec")
    assert cells.splitlines()[3:13] == [
        "# %% [1]",
        "get_ipython().run_line_magic('load_ext', 'gitexp')",
        "",
        "# %% [2]",
        "lr = 1",
        "",
        "# %% [3]",
        "lr = 2  # tried, and not saved",
        "",
        "# %% [4]",
    ]
    assert not (repo.path / "train.cells.py").exists()
    # The result: what was executed, with its outputs, and the log.
    assert executed(repo, one)[-1] == [
        {"output_type": "stream", "name": "stdout", "text": ["trained\n"]},
        {"output_type": "execute_result", "execution_count": 5, "data": {"text/plain": "2"}, "metadata": {}},
    ]
    assert repo.gitexp("log", "one").stdout == "trained\n"

    # A second experiment in the same kernel, of a cell that fails; it was not saved either.
    shown = kernel.run("%%experiment -n two\ngitexp.log({'loss': 5})\n1 / 0")
    assert shown.status == "error"
    assert "ZeroDivisionError" in shown.text
    assert "two failed: loss 5" in shown.text
    two = stored(repo)["two"]
    assert (two.record.status, two.record.exit_code) == ("failed", 1)
    assert two.record.warnings == (
        "not saved: the cell of the run is not in train.ipynb as it stands on disk; the cells are stored",
    )
    assert executed(repo, two)[-1][-1]["ename"] == "ZeroDivisionError"
    assert "ZeroDivisionError: division by zero" in repo.gitexp("log", "two").stdout
    # What gitexp returns is shown as HTML.
    shown = kernel.run("gitexp.table(gitexp.Project.open(), gitexp.Query())")
    assert shown.text == "<Table of 2 experiments>"
    assert "two" in shown.html
    assert kernel.run("gitexp.experiment('one').stored").text == "<Experiment one: done>"
    shown = kernel.run("gitexp.experiment('one').history()")
    assert "<polyline" in shown.html
    # A taken name gets a number; what is wrong is said before the cell runs.
    shown = kernel.run("%%experiment -n two\nprint('ran')")
    assert (shown.status, "ran" in shown.text) == ("ok", True)
    assert "two-2 done" in shown.text
    shown = kernel.run("%%experiment -n {no.key}\nprint('ran')")
    assert (shown.status, "ran" in shown.text, "Traceback" in shown.text) == ("error", False, False)
    assert kernel.run("%%experiment --nme x\n1").status == "error"
    assert "there is no variable nowhere" in kernel.run("%%experiment -p nowhere\n1").text

    # An interrupted cell, one that awaits below another magic, and one that displays.
    kernel.run(STOPPED, interrupt_at="on")
    stopped = stored(repo)["stopped"].record
    assert (stopped.status, stopped.exit_code) == ("interrupted", 130)
    kernel.run(CAPTURED)
    kernel.run("units = 8\nlayers = [(1, 'a'), {'b': None}]")
    kernel.run("%%experiment -n waits -p units,layers\nawait asyncio.sleep(0)\ndisplay(HTML('<b>x</b>'))")
    assert stored(repo)["captured"].record.status == "done"
    params = stored(repo)["waits"].record.params[".gitexp/run/params.json"]
    assert params == {"units": 8, "layers": [[1, "a"], {"b": None}]}
    assert executed(repo, stored(repo)["waits"])[-1][0]["data"]["text/html"] == "<b>x</b>"


def test_a_run_over_cells_a_restart_and_a_death(repo: Workspace, kernel: Kernel) -> None:
    assert kernel.run("import gitexp\nrun = gitexp.start_run('first')\nrun.log({'loss': 1})").status == "ok"
    assert kernel.run("x = 1\nrun.log({'loss': x / 2})").status == "ok"
    assert kernel.run("gitexp.finish()").status == "ok"
    first = stored(repo)["first"]
    assert [line for line in file_of(repo, first, "train.cells.py").splitlines() if line[:1] == "#"][2:] == [
        "# %% [1]",
        "# %% [2]",
        "# %% [3]",
    ]
    assert "x = 1" in file_of(repo, first, "train.cells.py")
    assert kernel.run("run = gitexp.start_run('second')\nrun.log({'loss': 2})").status == "ok"
    kernel.restart()  # ends the run: its cells are no loss
    assert kernel.run("x").status == "error"
    repo.gitexp("list")
    second = stored(repo)["second"]
    assert second.record.status.ended
    assert "x = 1" in file_of(repo, second, "train.cells.py")
    assert kernel.run("import gitexp\ngitexp.start_run('third').log({'loss': 3})").status == "ok"
    assert kernel.run("y = 4; gitexp.log({'loss': y})").status == "ok"
    kernel.kill()
    repo.gitexp("list")
    third = stored(repo)["third"]
    assert third.record.status == "interrupted"
    assert third.record.metrics == {".gitexp/run/summary.json": {"loss": 4}}
    assert "y = 4" in file_of(repo, third, "train.cells.py")
    assert "x = 1" not in file_of(repo, third, "train.cells.py")


def test_places(repo: Workspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "other.ipynb").write_text(as_notebook([LOAD]))
    repo.write("train.cells.py", "mine = 1\n")
    with Kernel(elsewhere, elsewhere / "other.ipynb") as kernel:
        kernel.run(LOAD)
        shown = kernel.run("%%experiment\nprint('ran')")
        assert (shown.status, "ran" in shown.text) == ("error", False)
        assert "repository" in shown.text
        assert "Traceback" not in shown.text
        # In a repository, but the notebook is not; then one that is too large, and one that nobody knows.
        kernel.run(f"%cd -q {repo.path}")
        kernel.run("%%experiment -n outside\n1")
        output = [{"output_type": "stream", "name": "stdout", "text": ["x" * 50_000_000]}]
        repo.write("train.ipynb", as_notebook(["1"], outputs=output))
        kernel.run("%env GITEXP_NOTEBOOK=train.ipynb")
        kernel.run("%%experiment -n large\n1")
        with repo.by_user():
            (repo.path / "train.ipynb").unlink()
        kernel.run("import os\nos.environ.clear()\ndel __session__")
        kernel.run("%%experiment -n nameless\n1")
    found = stored(repo)
    assert found["outside"].record.warnings == (
        "only the cells are stored: other.ipynb is not in this repository",
    )
    assert len(file_of(repo, found["large"], "train.ipynb")) < 1000
    assert "print('ran')" in file_of(repo, found["large"], "train.cells-2.py")
    assert file_of(repo, found["large"], "train.cells.py") == "mine = 1"
    assert "print('ran')" in file_of(repo, found["nameless"], "notebook.cells.py")
    assert "not known" in found["nameless"].record.warnings[0]
