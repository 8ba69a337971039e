"""Runs that log through the Python API: under `gitexp run`, alone, killed, and in several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.support.warm_python import warm_gitexp
from tests.support.workspace import Workspace

LOOP = """
import gitexp

with gitexp.start_run(params={"depth": 3, "opt": {"name": "sgd"}}, summary={"acc": "best"}) as run:
    for epoch in range(4):
        run.log({"loss": 1 / (epoch + 1), "acc": [0.2, 0.9, 0.5, 0.4][epoch]})
    run.summary["seen"] = 128
"""


def script(repo: Workspace, text: str, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Runs a script as the user would, and gives what it prints."""
    repo.write("train.py", text)
    done = warm_gitexp().run(["train.py", *args], repo.path, {**os.environ, **(env or {})})
    assert done.returncode == 0, done.stderr
    return done.stdout


def only(repo: Workspace) -> Experiment:
    (found,) = Project.open(repo.path).store.readable()
    return found


def series(repo: Workspace, experiment: Experiment, name: str = "series.jsonl") -> list[dict[str, Any]]:
    text = repo.git("cat-file", "blob", f"{experiment.id}:.gitexp/run/{name}")
    return [json.loads(line) for line in text.splitlines()]


def test_under_run(repo: Workspace) -> None:
    repo.write("train.py", LOOP)
    repo.gitexp("run", "-n", "one", "--", sys.executable, "train.py")
    record = only(repo).record
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 0.25, "acc": 0.9, "seen": 128}
    assert record.params[".gitexp/run/params.json"] == {"depth": 3, "opt": {"name": "sgd"}}
    assert "series.jsonl" in record.series
    points = series(repo, only(repo))
    assert [(point["_step"], point["loss"]) for point in points] == [(0, 1), (1, 0.5), (2, 1 / 3), (3, 0.25)]
    table = repo.gitexp("show").stdout
    assert "0.25" in table
    assert "opt.name" in table


def test_alone(repo: Workspace) -> None:
    repo.write("helper.py", "x = 1\n")  # untracked: the exact code has it
    script(repo, LOOP)
    record = only(repo).record
    assert (record.status, record.exit_code, record.command) == ("done", 0, "python train.py")
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 0.25, "acc": 0.9, "seen": 128}
    assert repo.git("cat-file", "blob", f"{record.commit}:helper.py") == "x = 1"
    assert repo.git("status", "--porcelain").splitlines() == [" M train.py", "?? helper.py"]
    assert list((repo.path / ".git/gitexp/runs").iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("", "done", 0),
        ("sys.exit(3)", "failed", 3),
        ("raise RuntimeError('no')", "failed", 1),
        ("raise KeyboardInterrupt", "interrupted", 130),
    ],
)
def test_the_end_of_a_script_is_the_end_of_its_run(
    repo: Workspace, ending: str, status: str, code: int
) -> None:
    repo.write("train.py", f"import sys\nimport gitexp\ngitexp.log({{'loss': 0.5}})\n{ending}\n")
    subprocess.run([sys.executable, "train.py"], cwd=repo.path, capture_output=True, check=False)
    record = only(repo).record
    assert (record.status, record.exit_code) == (status, code)
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 0.5}


def test_a_killed_script_keeps_its_curve(repo: Workspace) -> None:
    repo.write(
        "train.py",
        "import os, signal, gitexp\n"
        "for i in range(100):\n    gitexp.log({'loss': i})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    done = subprocess.run([sys.executable, "train.py"], cwd=repo.path, check=False)
    assert done.returncode == -signal.SIGKILL
    repo.gitexp("list")
    experiment = only(repo)
    assert experiment.record.status == "interrupted"
    assert [point["loss"] for point in series(repo, experiment)] == [*range(100)]
    assert experiment.record.metrics[".gitexp/run/summary.json"] == {"loss": 99}


def test_the_projects_own_metrics_file_has_them(repo: Workspace) -> None:
    repo.write("metrics.json", '{"loss": 7}\n')
    repo.commit()
    script(repo, "import gitexp\ngitexp.log({'loss': 0.5})\n")
    record = only(repo).record
    assert record.metrics == {"metrics.json": {"loss": 0.5}}
    assert record.warnings == ()
    assert json.loads(repo.git("cat-file", "blob", f"{record.commit}:metrics.json")) == {"loss": 0.5}
    assert json.loads(repo.read("metrics.json")) == {"loss": 7}  # the workspace is the user's


def test_steps(repo: Workspace) -> None:
    script(
        repo,
        "import gitexp\n"
        "for epoch in range(3):\n"
        "    gitexp.log({'loss': 1})\n"
        "    gitexp.log({'acc': 2})\n"
        "gitexp.log({'loss': 1, 'val': 3})\n"
        "gitexp.log({'loss': 1}, step=100)\n"
        "gitexp.log({'loss': 1})\n",
    )
    points = series(repo, only(repo))
    assert [point["_step"] for point in points if "loss" in point] == [0, 1, 2, 3, 100, 101]
    assert [point["_step"] for point in points if "acc" in point] == [0, 1, 2]
    assert [point["_step"] for point in points if "val" in point] == [3]


def test_further_processes_log_into_the_same_run(repo: Workspace) -> None:
    script(
        repo,
        "import multiprocessing, os, sys, gitexp\n"
        "def work(n):\n    gitexp.log({f'part{n}': n})\n"
        "if __name__ == '__main__':\n"
        "    gitexp.log({'main': 1})\n"
        "    for kind in ('fork', 'spawn'):\n"
        "        context = multiprocessing.get_context(kind)\n"
        "        child = context.Process(target=work, args=(1 if kind == 'fork' else 2,))\n"
        "        child.start()\n        child.join()\n"
        "    gitexp.log({'main': 2})\n",
    )
    experiment = only(repo)
    assert experiment.record.metrics[".gitexp/run/summary.json"] == {"main": 2, "part1": 1, "part2": 2}
    assert [sorted(point)[2:] for point in series(repo, experiment)] == [
        ["main"],
        ["part1"],
        ["part2"],
        ["main"],
    ]


def test_four_ranks_are_one_experiment(repo: Workspace) -> None:
    repo.write("train.py", "import os, gitexp\ngitexp.log({'loss': int(os.environ['RANK'])})\n")
    ranks = [
        subprocess.Popen([sys.executable, "train.py"], cwd=repo.path, env={**os.environ, "RANK": str(rank)})
        for rank in range(4)
    ]
    assert [rank.wait() for rank in ranks] == [0] * 4
    assert only(repo).record.metrics[".gitexp/run/summary.json"] == {"loss": 0}


def test_nested_runs(repo: Workspace) -> None:
    script(
        repo,
        "import gitexp\n"
        "with gitexp.start_run('outer') as outer:\n"
        "    for n in range(2):\n"
        "        with gitexp.start_run(f'inner{n}', nested=True) as run:\n"
        "            run.log({'loss': n})\n"
        "    outer.log({'loss': 9})\n",
    )
    found = {each.name: each.record for each in Project.open(repo.path).store.readable()}
    assert {name: record.parent for name, record in found.items()} == {
        "outer": "",
        "inner0": "outer",
        "inner1": "outer",
    }
    assert found["inner1"].metrics[".gitexp/run/summary.json"] == {"loss": 1}


def test_disabled(repo: Workspace) -> None:
    script(repo, LOOP, env={"GITEXP_DISABLED": "1"})
    assert Project.open(repo.path).store.readable() == []


def test_what_is_no_number_is_refused(repo: Workspace) -> None:
    repo.write(
        "train.py",
        "import gitexp\n"
        "for value in ('a', None, [1, 2], {'acc': 1}):\n"
        "    try:\n"
        "        gitexp.log({'loss': value})\n"
        "    except TypeError as error:\n"
        "        print(error)\n",
    )
    done = subprocess.run([sys.executable, "train.py"], cwd=repo.path, stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().splitlines()
    for line, kind in zip(lines, ("a str", "a NoneType", "a list", "a dict"), strict=True):
        assert line.startswith(f"the metric 'loss' is no number but {kind}")
    assert lines[-1].endswith("each number has a name of its own, such as 'loss/acc'")


def test_outside_any_repository(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import gitexp; gitexp.log({'a': 1})"],
        cwd=tmp_path,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RepositoryError" in done.stderr or "NotARepository" in done.stderr


RESTARTED = """
import os, subprocess, sys

CODE = "import gitexp; r = gitexp.start_run(all_ranks=True); [r.log({'loss': x}) for x in (2, 1)]; r.finish()"
for _ in range(2):  # as torchrun starts a rank anew that has failed
    subprocess.run([sys.executable, "-c", CODE], env={**os.environ, "RANK": "1"}, check=True)
"""


def test_a_rank_that_is_started_anew_loses_nothing(repo: Workspace) -> None:
    repo.write("train.py", RESTARTED)
    repo.gitexp("run", "--", sys.executable, "train.py")
    assert "rank-1.jsonl" in only(repo).record.series
    points = series(repo, only(repo), "rank-1.jsonl")
    assert [(point["_step"], point["loss"]) for point in points] == [(0, 2), (1, 1), (0, 2), (1, 1)]


WHATEVER = """
import os, pathlib

logged = pathlib.Path(os.environ["GITEXP_RUN"], "logged")
logged.mkdir()
huge = "1" + 400 * "0"
lines = [f'{{"_step": 0, "_time": 1, "loss": {huge}}}', f'{{"_step": 0, "_time": {huge}, "loss": 1}}']
lines += [f'{{"_step": {2**70}, "_time": 1, "loss": 1}}', '{"_step": 1, "_time": 2, "loss": 3}']
(logged / "series.jsonl").write_text("\\n".join(lines) + "\\n")
fact = f'{{"summary": {{"x": 1}}, "other": "{2**20 * "-"}"}}\\n'
(logged / "facts.jsonl").write_text(fact * 65)
(logged / "rank-1.jsonl").write_text(lines[-1])
os.link(logged / "rank-1.jsonl", "../of-a-backup")
"""


def test_whatever_a_process_writes_the_run_is_stored(repo: Workspace) -> None:
    repo.write("train.py", WHATEVER)
    repo.gitexp("run", "--", sys.executable, "train.py")
    record = only(repo).record
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 3, "x": 1}
    assert "lines of logged series that cannot be read, left out: 3" in record.warnings
    assert "left out of what was logged, no plain files of their own: rank-1.jsonl" in record.warnings


def test_large_files_are_stored_at_the_end_of_a_script(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "max_untracked: 1 MB\n")
    text = "import gitexp\ngitexp.log({'loss': 1})\nfor at in range(3):\n"
    text += "    gitexp.log_text(f'{at}', f'{at}' * 3_000_000)\n"
    script(repo, text)  # without a block: Python starts no threads any more when the run ends
    assert only(repo).record.status == "done"
    assert "2.9 MB  texts/2.txt" in repo.gitexp("artifacts", only(repo).name).stdout


STEPS = """
import gitexp

run = gitexp.start_run()
for step in (1.5, True, "7", float("inf"), 2**70):
    try:
        run.log({"loss": 1}, step=step)
    except (TypeError, ValueError) as error:
        print(error)
run.log({"loss": 2}, step=3.0)
run.log({"loss": 1})
"""


def test_what_is_no_step_is_refused_and_the_run_goes_on(repo: Workspace) -> None:
    told = script(repo, STEPS).splitlines()
    assert told[:4] == [f"the step is an integer, and not {step}" for step in ("1.5", "True", "'7'", "inf")]
    assert "63 bits" in told[4]
    assert [(point["_step"], point["loss"]) for point in series(repo, only(repo))] == [(3, 2), (4, 1)]


ANY_ORDER = """
import gitexp, os

outer = gitexp.start_run("outer")
inner = gitexp.start_run("inner", nested=True)
outer.finish()
print(os.environ["GITEXP_NAME"])
inner.finish()
print(sorted(name for name in os.environ if name in ("GITEXP_NAME", "GITEXP_RUN")))
"""


def test_runs_that_end_in_any_order_leave_no_variables(repo: Workspace) -> None:
    assert script(repo, ANY_ORDER).splitlines() == ["inner", "[]"]


INTERRUPTED = """
import gitexp, os, signal, threading, time

threading.Thread(target=time.sleep, args=[4], daemon=True).start()  # takes signals that wait elsewhere
run = gitexp.start_run("one")
run.log({"loss": float("nan")})
threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
run.finish()
print(gitexp.experiment("one").status)
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_at_its_end_does_not_keep_a_run_from_being_stored(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "alerts: [{when: loss is nan, do: {command: sleep 1.5}}]\n")
    assert script(repo, INTERRUPTED).splitlines() == ["done", "interrupted"]


LAST = """
import os, subprocess, sys, gitexp

with gitexp.start_run("one") as run:
    run.summary["x"] = "parent"
    child = "import gitexp; gitexp.start_run().summary['x'] = 'child'"
    subprocess.run([sys.executable, "-c", child], check=True)
    run.summary["y"] = "parent"
"""


def test_of_several_processes_the_one_that_says_it_last_counts(repo: Workspace) -> None:
    script(repo, LAST)
    assert only(repo).record.metrics[".gitexp/run/summary.json"] == {"x": "child", "y": "parent"}
