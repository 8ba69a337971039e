"""`gitexp run -- train.ipynb`, with a real kernel."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from gitexp.extras.integrations.notebook import program
from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.extras.notebook.kernel import as_notebook
from tests.support.workspace import Workspace

CELLS = [
    "import gitexp",
    "lr = 0.01  # the step\nsteps = 2\nseed = 1\noptimizer = {'name': 'sgd'}",
    "for n in range(steps):\n    gitexp.log({'loss': lr * n})",
    "print('with', optimizer)\nlr",
]
OLD = [{"output_type": "stream", "name": "stdout", "text": ["old\n"]}]


@pytest.fixture
def train(repo: Workspace) -> Workspace:
    repo.write("train.ipynb", as_notebook(CELLS, parameters=1, outputs=OLD))
    repo.commit()
    return repo


def stored(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def executed(repo: Workspace, name: str, file: str = "train.ipynb") -> list[Any]:
    return json.loads(
        repo.git("cat-file", "blob", f"{stored(repo)[name].id}:.gitexp/run/artifacts/notebook/{file}")
    )["cells"]


def test_parameters(train: Workspace) -> None:
    before = train.read("train.ipynb")
    shown = train.gitexp("run", "-n", "one", "--", "train.ipynb", "-S", "lr=0.5", "optimizer.name=a'dam")
    assert shown.stdout == "with {'name': \"a'dam\"}\n0.5\n"
    one = stored(train)["one"]
    assert one.record.command == 'train.ipynb lr=0.5 \'optimizer={"name": "a\'"\'"\'dam"}\''
    assert one.record.params[".gitexp/command"] == {
        "lr": 0.5,
        "steps": 2,
        "seed": 1,
        "optimizer": {"name": "a'dam"},
    }
    assert one.record.metrics == {".gitexp/run/summary.json": {"loss": 0.5}}
    assert one.record.python is not None
    assert train.read("train.ipynb") == before
    assert "old" not in train.git("cat-file", "blob", f"{one.id}:train.ipynb")
    assert train.gitexp("log", "one").stdout == shown.stdout
    cells = executed(train, "one")
    assert [cell["metadata"].get("tags") for cell in cells] == [
        None,
        ["parameters"],
        ["injected-parameters"],
        None,
        None,
    ]
    assert cells[2]["source"] == "# Parameters\nlr = 0.5\noptimizer = {'name': \"a'dam\"}"
    assert cells[4]["outputs"][1]["data"]["text/plain"] == "0.5"

    # Again, from the experiment, with another value; and what has been done already is not done twice.
    train.gitexp("run", "--from", "one", "-S", "lr=0.25", "-n", "two")
    two = stored(train)["two"]
    assert two.record.metrics == {".gitexp/run/summary.json": {"loss": 0.25}}
    assert two.record.params[".gitexp/command"]["optimizer"] == {"name": "a'dam"}
    again = train.gitexp(
        "run", "--once", "-S", "optimizer.name=a'dam", "-S", "train.ipynb:lr=0.5", "--", "train.ipynb"
    )
    assert again.stdout == ""
    assert len(stored(train)) == 2


def test_secrets_of_the_parameters(repo: Workspace) -> None:
    cells = ["api_key = 'hunter'\nhf_token = ''\nlr = 1", "lr"]
    repo.write("train.ipynb", as_notebook(cells, parameters=0))
    shown = repo.gitexp("run", "-n", "one", "--", "train.ipynb", "-S", "hf_token=hunter-2")
    record = stored(repo)["one"].record
    masked = "***secret***"
    assert record.params[".gitexp/command"] == {"api_key": masked, "hf_token": masked, "lr": 1}
    assert "though it looks like a secret" not in shown.stderr


def test_several(train: Workspace) -> None:
    train.gitexp("run", "--repeat", "2", "-j", "2", "--", "train.ipynb", "-S", "lr=0.1")
    found = stored(train).values()
    assert {one.record.params[".gitexp/command"]["seed"] for one in found} == {1, 2}
    assert len({one.record.group for one in found}) == 1


def test_the_example(repo: Workspace) -> None:
    examples = Path(__file__).parents[3] / "examples"
    with repo.by_user():
        shutil.copy(examples / "notebook" / "clouds.ipynb", repo.path)
    repo.gitexp("run", "-n", "clouds", "--", "clouds.ipynb", "-S", "lr=0.5")
    record = stored(repo)["clouds"].record
    assert [*record.params] == ["params.yaml", ".gitexp/command"]
    (metrics,) = record.metrics.values()
    assert metrics["acc"] > 0.8
    cells = executed(repo, "clouds", "clouds.ipynb")
    assert "<polyline" in cells[-1]["outputs"][0]["data"]["text/html"]


def test_experiments_in_a_notebook_that_is_run(repo: Workspace) -> None:
    cells = ["%load_ext gitexp", "%%experiment -n x\nimport gitexp\ngitexp.log({'a': 1})"]
    repo.write("two.ipynb", as_notebook([*cells, "%%experiment -n y\ngitexp.log({'a': 2})"]))
    for name in ("one", "two"):
        repo.gitexp("run", "-n", name, "--", "two.ipynb")
    found = {name: (one.record.parent, one.record.metrics) for name, one in stored(repo).items()}
    first, second = {".gitexp/run/summary.json": {"a": 1}}, {".gitexp/run/summary.json": {"a": 2}}
    assert found == {
        "one": ("", first),
        "y": ("one", second),
        "two": ("", first),
        "y-2": ("two", second),
    }
    shown = repo.gitexp("run", "--from", "y", check=False)
    assert "gitexp run --from y -- python -m IPython two.cells.py" in shown.stderr


def test_errors_of_cells(repo: Workspace) -> None:
    repo.write(
        "sub/bad.ipynb", as_notebook(["import os, signal\nprint(os.getcwd())", "1 / 0", "print('no')"])
    )
    repo.write("stop.ipynb", as_notebook(["print('on', flush=True)\nimport time\ntime.sleep(60)", "1"]))
    shown = repo.gitexp("run", "-n", "bad", "--", "sub/bad.ipynb", check=False)
    assert shown.exit_code == 1
    assert shown.stdout == f"{repo.path / 'sub'}\n"
    assert "----> 1 1 / 0" in shown.stderr
    assert "ZeroDivisionError: division by zero" in repo.gitexp("log", "bad").stdout
    assert stored(repo)["bad"].record.exit_code == 1
    assert executed(repo, "bad", "bad.ipynb")[1]["outputs"][0]["ename"] == "ZeroDivisionError"

    running = repo.start("run", "-n", "stopped", "--", "stop.ipynb")
    assert running.stdout is not None
    assert running.stdout.readline() == b"on\n"
    running.send_signal(signal.SIGINT)
    running.wait()
    assert stored(repo)["stopped"].record.status == "interrupted"
    assert executed(repo, "stopped", "stop.ipynb")[0]["outputs"][-1]["ename"] == "KeyboardInterrupt"


def test_what_is_refused(train: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    train.write("plain.ipynb", as_notebook(["lr = 1"]))
    train.write("broken.ipynb", "{")
    train.write("params.yaml", "steps: 5\n")
    train.write("r.ipynb", as_notebook(["1"]).replace('"python"', '"R"').replace('"python3"', '"ir"'))
    refused = {
        ("train.ipynb", "-S", "lx=1"): "No params file has the key `lx` (looked in params.yaml, train.ipynb)",
        ("train.ipynb", "-S", "steps=1"): "`steps` stands in params.yaml and in train.ipynb.\n"
        "hint: Say which one is meant: params.yaml:steps or train.ipynb:steps",
        ("train.ipynb", "-S", "+lr.x=1"): "`lr.x` cannot be set: `lr` is a single value",
        ("train.ipynb", "-S", "args.lr=1"): "`args.lr=1` names an option, and a notebook has parameters.",
        ("train.ipynb", "-n", "x"): "-n stands behind a notebook, which takes parameters alone.",
        ("plain.ipynb", "-S", "lr=1"): "`lr=1` cannot be set: no cell of plain.ipynb has the tag parameters.",
        ("broken.ipynb",): "broken.ipynb: this is not a notebook: it cannot be read as JSON",
        ("none.ipynb",): "There is no notebook none.ipynb in",
        ("r.ipynb",): "r.ipynb is for the kernel ir, which is not installed.",
    }
    for words, message in refused.items():
        shown = train.gitexp("run", "--", *words, check=False)
        assert f"error: {message}" in shown.stderr
        assert "hint: " in shown.stderr
    monkeypatch.setattr(program, "find_spec", lambda name: None)
    shown = train.gitexp("run", "--", "train.ipynb", check=False)
    assert "hint: Install it: pip install 'gitexp[notebook]'" in shown.stderr
    assert not stored(train)
