"""`gitexp reproduce`: "bitwise" is said only of what is the same, and each planted difference is found."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gitexp
from gitexp import errors
from gitexp.extras.reproduction import building, uv
from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.clones import make_team
from tests.support.experiments import copy_of, put
from tests.support.kills import assert_sound, kill
from tests.support.repositories import copy_repository
from tests.support.workspace import Workspace

POINTS = {"reproduce:ran", "reproduce:built"}
RECORDED = ".gitexp/run/environment.txt"
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


@pytest.fixture(scope="module")
def ran(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that `project` is a copy of."""
    repo = copy_of(template, tmp_path_factory.mktemp("ran"))
    repo.write("train.py", TRAIN)
    repo.write("params.yaml", "seed: 1\n")
    repo.write("gitexp.yaml", CONFIG)
    repo.write(".gitignore", "model.bin\nlogs.csv\nmetrics.json\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "a project")
    repo.gitexp("run", "-q", "--temp", "-n", "one")
    repo.close()
    return repo.path


@pytest.fixture
def project(ran: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A repository with a run, `one`."""
    copy_repository(ran, tmp_path / "repo")
    repo = Workspace(tmp_path / "repo")
    yield repo
    repo.close()


def reproduce(repo: Workspace, planted: str = "") -> tuple[int, dict[str, Any]]:
    done = repo.gitexp("reproduce", "one", "--here", "--json", "-q", check=False, env={"PLANTED": planted})
    (found,) = json.loads(done.stdout)
    return done.exit_code, found


def shown(repo: Workspace, name: str = "one") -> dict[str, Any]:
    (found,) = repo.json("show", name)
    assert isinstance(found, dict)
    return found


def test_code_without_a_lock_gets_no_environment(project: Workspace) -> None:
    opened = Project.open(project.path)
    (one,) = opened.store.readable()
    with pytest.raises(errors.ExperimentError, match="The code of one has no uv"):
        building.of_code(opened, one)


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
    assert project.gitexp("best", "acc").stdout == "one\n"  # a repetition is no better try


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
@pytest.mark.parametrize("point", ["reproduce:ran", "operation:pending"])
def test_killed_it_goes_on(project: Workspace, point: str) -> None:
    kill(project, point, "reproduce", "one", "--here", "-q")
    status, found = reproduce(project)
    assert (status, found["ran"]) == (0, False)  # a run that has ended is not made again
    assert len(shown(project)["certificates"]) == 1
    done = [one for one in Project.open(project.path).store.readable() if one.record.exit_code == 0]
    assert len(done) == 2
    assert_sound(project)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv, which writes nothing into the home and asks nobody."""
    try:
        uv.find()
    except errors.GitexpError:
        pytest.skip("uv is not installed")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.delenv("PLANTED", raising=False)


@pytest.mark.usefixtures("cache")
def test_an_environment_is_built_anew_and_used_again(project: Workspace) -> None:
    project.write("requirements.txt", "# needs nothing\n")
    project.write("train.py", "import sys\nprint(sys.prefix)\n" + TRAIN)
    project.commit()
    project.gitexp("run", "-q", "--temp", "-n", "two", env={"OMP_NUM_THREADS": "3"})
    kill(project, "reproduce:built", "reproduce", "two", "-q")
    places = set()
    for _ in range(2):
        done = project.gitexp("reproduce", "two", "--format", "csv")
        told = dict(zip(*csv.reader(done.stdout.splitlines()), strict=True))
        assert (told["grade"], told["environment"]) == ("bitwise", "built")
        again = told["reproduction"]
        places.add(Path(project.gitexp("log", again).stdout.strip()))
        assert "OMP_NUM_THREADS=3" in project.git("show", f"refs/gitexp/exps/{again}:{RECORDED}")
    assert places == set((project.path / ".git/gitexp/environments").iterdir())


@pytest.mark.usefixtures("cache")
def test_an_environment_that_cannot_be_had(project: Workspace) -> None:
    project.write("requirements.txt", "no-such-package==1\n")
    project.commit()
    project.gitexp("run", "-q", "--temp", "-n", "two")
    done = project.gitexp("reproduce", "two", "-q", check=False)
    assert done.exit_code == 1
    assert "no-such-package" in done.stderr
    assert "--here" in done.stderr


def test_what_stands_in_the_way(project: Workspace) -> None:
    project.write("data/raw.txt", "raw")
    project.allow("files", "data/.gitignore", "gitexp.yaml", "gitexp.lock")
    project.gitexp("add", "-q", "data/raw.txt")
    project.write("secret.txt", "1")
    project.write(".gitignore", project.read(".gitignore") + "secret.txt\n")
    project.gitexp("run", "-q", "--temp", "-n", "two", "--", "python", "train.py", "--in=secret.txt")
    done = project.gitexp("reproduce", "--check", "one", "two", "--json", check=False)
    assert done.exit_code == 3
    one, two = json.loads(done.stdout)
    assert [found["kind"] for found in one["findings"] if found["problem"]] == []
    problems = {found["kind"]: found["text"] for found in two["findings"] if found["problem"]}
    assert problems.keys() == {"data", "ignored"}
    assert "data/raw.txt" in problems["data"]
    assert "secret.txt" in problems["ignored"]
    assert project.gitexp("reproduce", "--check", "one").stdout.startswith("one: nothing stands in the way\n")


def test_a_fresh_clone_has_data_from_the_remote_alone(project: Workspace, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    project.write("gitexp.yaml", f"{CONFIG}remotes: {{store: {tmp_path / 'store'}}}\n")
    project.write("raw.txt", "raw")
    project.allow("files", ".gitignore", "gitexp.yaml", "gitexp.lock")
    project.gitexp("add", "-q", "raw.txt")
    project.write("train.py", "open('raw.txt')\n" + TRAIN)
    project.gitexp("run", "-q", "--temp", "-n", "two")
    words = ("reproduce", "two", "--clone", "--here", "-q")
    assert "raw.txt" in project.gitexp(*words, check=False).stderr
    project.gitexp("data", "push", "-q")
    assert "bitwise" in project.gitexp(*words).stdout
    assert len(shown(project, "two")["certificates"]) == 1


def test_many_are_a_table(project: Workspace) -> None:
    project.gitexp("run", "-q", "--temp", "-n", "two", "-S", "seed=2")
    project.gitexp("tag", "-q", "two", "paper")
    done = project.gitexp("reproduce", "--filter", "'paper' in tags", "--here", "--format", "md")
    assert done.stdout.splitlines()[2].split("|")[1:3] == [" two ", " bitwise "]
    put(project, "bad", status=Status.FAILED)
    done = project.gitexp("reproduce", "bad", "two", "--here", "--json", check=False)
    assert done.exit_code == 1
    assert [found["grade"] for found in json.loads(done.stdout)] == [None, "bitwise"]
    found = gitexp.reproduce(Project.open(project.path), "two", here=True)
    assert found.comparison.grade == "bitwise"
