"""`holdout:` in gitexp.yaml: an evaluation that the code of a run cannot have written."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from gitexp import errors
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.repo.experiments import revealed
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from tests.support.kills import KILLED, assert_put_right, experiments
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, and SIGKILL")

POINTS = {"holdout:measured", "holdout:stored"}
CONFIG = """command: python train.py
outs: [model.json, large]
max_untracked: 1 KB
protected: [evaluate.py]
holdout: {cmd: python evaluate.py, from: main, timeout: 20 s}
"""
TRAIN = """import json, pathlib
json.dump({"w": 2}, open("model.json", "w"))
pathlib.Path("large").write_text("7" * 5000)
json.dump({"acc": 0.99}, open("metrics.json", "w"))
"""
EVALUATE = """import json, os
w = json.load(open("model.json"))["w"]
large = len(open("large").read())
assert os.environ["GITEXP_HOLDOUT"] and not os.stat("model.json").st_mode & 0o222
print("secret")
json.dump({"acc": w / 10, "large": large}, open("metrics.json", "w"))
"""


@pytest.fixture
def held(repo: Workspace) -> Workspace:
    repo.write("gitexp.yaml", CONFIG)
    repo.write("train.py", TRAIN)
    repo.write("evaluate.py", EVALUATE)
    repo.commit()
    repo.git("branch", "-f", "held", "HEAD")
    repo.write("gitexp.yaml", CONFIG.replace("main", "held"))
    repo.commit()
    repo.writes("metrics.json", "model.json", "large")
    repo.allow("files", "gitexp.lock")
    return repo


def ran(repo: Workspace, **request: Any) -> Experiment:
    return run(Project.open(repo.path), RunRequest(stdout=2, **request)).experiment


def state(one: Experiment) -> tuple[str, str]:
    assert one.record.status is Status.DONE
    return one.record.holdout["state"], one.record.holdout.get("told", "")


@pytest.mark.parametrize("isolated", [False, True])
def test_its_metrics_stand_apart(held: Workspace, isolated: bool) -> None:
    one = ran(held, temp=isolated)
    assert state(one) == ("done", "")
    assert one.record.holdout["metrics"] == {"metrics.json": {"acc": 0.2, "large": 5000}}
    assert one.record.metrics == {"metrics.json": {"acc": 0.99}}
    known = revealed(one)
    assert isinstance(known, Experiment)
    assert known.record.metrics[".gitexp/holdout"] == {"holdout": {"acc": 0.2, "large": 5000}}
    log = Project.open(held.path).store.run_file(one, "holdout.log")
    assert log == b"secret\n"


CHEATS = {
    "another evaluation": {"evaluate.py": "import json; json.dump({'acc': 1}, open('metrics.json', 'w'))\n"},
    "another command": {"gitexp.yaml": CONFIG.replace("python evaluate.py", "echo").replace("main", "held")},
    "no holdout": {"gitexp.yaml": "command: python train.py\nouts: [model.json, large]\n"},
    "the evaluation is an out": {
        "gitexp.yaml": CONFIG.replace("model.json", "model.json, evaluate.py"),
        "train.py": TRAIN + "open('evaluate.py', 'w').write('1')\n",
    },
    "the evaluation is shared": {
        "gitexp.yaml": CONFIG + "share: [evaluate.py]\n",
        "evaluate.py": "import json; json.dump({'acc': 1}, open('metrics.json', 'w'))\n",
    },
    "metrics are an out": {"gitexp.yaml": CONFIG.replace("[model.json", "[model.json, metrics.json")},
    "a module of that name": {
        "json.py": "raise SystemExit('mine')\n",
        "train.py": "import sys; sys.path.pop(0)\n" + TRAIN,
    },
}


@pytest.mark.parametrize("name", CHEATS)
def test_the_experiment_has_no_say(held: Workspace, name: str) -> None:
    for path, content in CHEATS[name].items():
        held.write(path, content)
    held.writes("evaluate.py")
    one = ran(held)
    assert one.record.holdout["metrics"] == {"metrics.json": {"acc": 0.2, "large": 5000}}


def test_a_checkout_that_git_was_told_to_change_is_seen(held: Workspace) -> None:
    held.git("config", "filter.evil.smudge", "sed s,w/10,1,; echo 1=1")
    held.write(".git/info/attributes", "evaluate.py filter=evil\n")
    one = ran(held, temp=True)
    assert one.record.holdout["state"] == "not run"
    assert "evaluate.py" in one.record.holdout["told"]


def test_links_among_the_outputs_are_not_taken(held: Workspace) -> None:
    held.write("secret.json", '{"w": 10}')
    change = "import os; os.remove('model.json'); os.symlink(os.path.abspath('secret.json'), 'model.json')\n"
    held.write("train.py", TRAIN + change)
    one = ran(held)
    assert one.record.holdout["state"] == "failed"
    assert "model.json" in one.record.holdout["told"] or "status 1" in one.record.holdout["told"]


def test_what_goes_wrong_is_told_and_the_run_is_done(held: Workspace) -> None:
    held.write("train.py", TRAIN.replace('{"w": 2}', '{"w": "x"}'))
    assert state(ran(held)) == ("failed", "its command ended with status 1")
    held.write(
        "gitexp.yaml",
        CONFIG.replace("main", "held").replace("python evaluate.py", "sleep 60").replace("20 s", "0.3 s"),
    )
    held.commit()
    one = ran(held)
    assert state(one) == ("timeout", "it took longer than its timeout")
    assert any("timeout" in text for text in one.record.warnings)
    held.write("train.py", "raise SystemExit(3)\n")
    assert "state" not in ran(held).record.holdout


def test_a_commit_that_is_not_there_is_said_before_the_run(held: Workspace) -> None:
    held.write("gitexp.yaml", CONFIG.replace("main", "nowhere"))
    held.commit()
    with pytest.raises(errors.ExperimentError, match="nowhere"):
        ran(held)
    assert experiments(held) == []
    assert not [*Project.open(held.path).local.runs.glob("*/state.json")]


def test_the_commands(held: Workspace) -> None:
    """In the queue, and hidden from whoever does not ask."""
    held.gitexp("run", "--queue", "-n", "one")
    held.gitexp("queue", "start", "-j", "1")
    for hidden in (
        ("show", "--json"),
        ("show", "one", "--json"),
        ("diff", "one", "--json"),
        ("show",),
        ("log", "one"),
    ):
        said = held.gitexp(*hidden).stdout
        assert not any(text in said for text in ("holdout.acc", '"large": 5000', "secret"))
    assert held.json("show", "one", "--reveal")[0]["metrics"] == {
        "acc": 0.99,
        "holdout.acc": 0.2,
        "holdout.large": 5000,
    }
    assert held.json("best", "holdout.acc", "--reveal")["value"] == 0.2
    assert "holdout.acc" in held.gitexp("diff", "one", "--reveal").stdout
    assert held.gitexp("best", "holdout.acc", check=False).exit_code == 2


@pytest.mark.parametrize("point", sorted(POINTS))
def test_killed_meanwhile_the_run_stays(held: Workspace, point: str) -> None:
    result = held.gitexp("run", "-n", "one", env={"GITEXP_FAILPOINT": point}, check=False)
    assert result.exit_code == KILLED
    assert_put_right(held, point, Status.DONE)
    (one,) = experiments(held)
    assert "state" not in one.record.holdout
    assert json.dumps(dict(one.record.metrics)) == '{"metrics.json": {"acc": 0.99}}'
    assert (held.path / "model.json").exists()
