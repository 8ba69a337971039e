"""`gitexp reproduce`: "bitwise" is said only of what is the same, and each planted difference is found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.clones import make_team
from tests.support.experiments import put
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

# Writes a curve, a model and metrics. What the variable PLANTED names is different.
TRAIN = """
import json, os, random, re, sys, time
from pathlib import Path
planted = os.environ.get("PLANTED", "")
assert not Path("model.bin").exists() and not Path("logs.csv").exists(), "results of an earlier run"
if planted == "failure":
    sys.exit(3)
seed = int(re.search(r"seed: (\\d+)", Path("params.yaml").read_text()).group(1))
noise = random.Random(seed)
lines = ["step,loss"]
for step in range(6):
    loss = 1 / (step + 1) + noise.random() / 100
    lines.append(f"{step},{loss + (planted == 'curve' and step >= 3) * 1e-9}")
Path("logs.csv").write_text("\\n".join(lines))
Path("model.bin").write_bytes(b"model" + (b"!" if planted == "out" else b""))
acc = 0.5 + noise.random() / 10 + {"metric": 1e-15, "small": 0.005, "large": 0.5}.get(planted, 0)
if planted != "missing":
    Path("metrics.json").write_text(json.dumps({"acc": acc, "seconds": time.time()}))
"""
CONFIG = """command: python train.py
outs: [model.bin]
plots: [logs.csv]
tolerance: {seconds: any, acc: 1 %}
"""


@pytest.fixture
def project(repo: Workspace) -> Workspace:
    repo.write("train.py", TRAIN)
    repo.write("params.yaml", "seed: 1\n")
    repo.write("gitexp.yaml", CONFIG)
    repo.write(".gitignore", "model.bin\nlogs.csv\nmetrics.json\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "a project")
    repo.gitexp("run", "-q", "--temp", "-n", "one")
    return repo


def reproduce(repo: Workspace, planted: str = "") -> tuple[int, dict[str, Any]]:
    done = repo.gitexp("reproduce", "one", "--here", "--json", "-q", check=False, env={"PLANTED": planted})
    return done.exit_code, json.loads(done.stdout)


def shown(repo: Workspace, name: str = "one") -> dict[str, Any]:
    (found,) = repo.json("show", name)
    assert isinstance(found, dict)
    return found


def test_what_is_the_same_is_certified(project: Workspace) -> None:
    project.write("train.py", "this is no Python\n")  # what stands in the workspace does not count
    told = project.gitexp("reproduce", "one", "--dry-run").stderr
    assert "python train.py" in told
    status, found = reproduce(project)
    assert (status, found["grade"]) == (0, "bitwise")
    assert found["compared"] == {"outs": 2, "metrics": 1, "curves": 1}
    again = shown(project, found["reproduction"])
    assert again["reproduces"] == "one"
    project.gitexp("remove", "-q", "-y", found["reproduction"])
    one = shown(project)
    assert one["reproduced"] == "1\N{MULTIPLICATION SIGN} bitwise"
    assert one["certificates"] == [found["certificate"]]
    assert project.gitexp("list", "--filter", "'bitwise' in reproduced").stdout == "one\n"


@pytest.mark.parametrize(
    ("planted", "status", "grade"),
    [
        ("metric", 3, "tolerance"),
        ("small", 3, "tolerance"),
        ("curve", 3, "tolerance"),
        ("out", 3, "tolerance"),
        ("large", 5, "different"),
        ("missing", 5, "different"),
    ],
)
def test_each_planted_difference_is_found(project: Workspace, planted: str, status: int, grade: str) -> None:
    found = reproduce(project, planted)
    assert (found[0], found[1]["grade"]) == (status, grade)
    differing = [metric["name"] for metric in found[1]["metrics"] if metric["grade"] not in ("bitwise", None)]
    outs = [out["path"] for out in found[1]["outs"]]
    curves = [(curve["name"], curve["step"]) for curve in found[1]["curves"]]
    expected: dict[str, Any] = {
        "curve": ([], ["logs.csv"], [("loss", 3)]),
        "out": ([], ["model.bin"], []),
    }
    assert (differing, outs, curves) == expected.get(planted, (["acc"], [], []))


def test_replicates_tell_what_is_the_same_in_effect(project: Workspace) -> None:
    project.write("gitexp.yaml", CONFIG.replace(", acc: 1 %", ""))
    for seed in range(2, 5):
        project.gitexp("run", "-q", "--temp", "-S", f"seed={seed}")
    status, found = reproduce(project, "small")
    assert (status, found["grade"]) == (5, "different")  # the code of those replicates is another
    project.write("gitexp.yaml", CONFIG)
    for seed in range(2, 5):
        project.gitexp("run", "-q", "--temp", "-S", f"seed={seed}")
    project.write("gitexp.yaml", CONFIG.replace(", acc: 1 %", ""))
    status, found = reproduce(project, "small")
    assert (status, found["grade"]) == (4, "statistical")
    assert found["metrics"][0]["runs"] == 4  # the reproductions do not count
    assert reproduce(project, "large")[0] == 5


def test_the_first_stage_that_differs(repo: Workspace) -> None:
    step = "import os, sys; open(sys.argv[1], 'w').write(sys.argv[1] + os.environ.get('PLANTED', ''))"
    repo.write("step.py", step)
    stages = "a: {cmd: python step.py a.txt, outs: [a.txt]}, b: {cmd: python step.py b.txt, deps: [a.txt], "
    repo.write("gitexp.yaml", f"stages: {{{stages}outs: [b.txt]}}}}\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "stages")
    repo.gitexp("run", "-q", "--temp", "-n", "one")
    assert reproduce(repo)[1]["grade"] == "bitwise"
    status, found = reproduce(repo, "x")
    assert (status, found["stage"]) == (5, "a")
    assert [out["path"] for out in found["outs"]] == ["a.txt", "b.txt"]


def test_what_cannot_be_reproduced(project: Workspace) -> None:
    failed = project.gitexp("reproduce", "one", "--here", check=False, env={"PLANTED": "failure"})
    assert failed.exit_code == 1
    assert "failed, exit status 3" in failed.stderr
    assert shown(project)["certificates"] == []
    project.gitexp("save", "-q", "-n", "saved")
    put(project, "bad", status=Status.FAILED)
    for name in ("saved", "bad"):
        assert project.gitexp("reproduce", name, check=False).exit_code == 1


def test_two_people_certify_at_once(project: Workspace, tmp_path: Path) -> None:
    team = make_team(project, tmp_path)
    team.ann.gitexp("push", "-q", "one")
    team.bob.gitexp("pull", "-q", "one")
    for person, name in ((team.ann, "Ann"), (team.bob, "Bob")):
        person.gitexp("reproduce", "one", "--here", "-q", env={"GIT_AUTHOR_NAME": name})
    team.ann.gitexp("push", "-q", "one")
    team.bob.gitexp("pull", "-q", "one")
    team.bob.gitexp("push", "-q", "one")
    team.ann.gitexp("pull", "-q", "one")
    for person in (team.ann, team.bob):
        found = shown(person)
        assert found["reproduced"] == "2\N{MULTIPLICATION SIGN} bitwise"
        assert {one["by"] for one in found["certificates"]} == {"Ann", "Bob"}
    team.bob.close()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("point", ["reproduce:ran", "operation:pending", "run:created"])
def test_killed_it_goes_on(project: Workspace, point: str) -> None:
    kill(project, point, "reproduce", "one", "--here", "-q")
    status, found = reproduce(project)
    assert (status, found["ran"]) == (0, point == "run:created")  # a run that has ended is not made again
    assert len(shown(project)["certificates"]) == 1
    done = [one for one in Project.open(project.path).store.readable() if one.record.exit_code == 0]
    assert len(done) == 2
    assert_sound(project)
