"""Real applications of Hydra, unchanged."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any

import pytest

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.kills import assert_put_right, kill
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

# To import it here would take half a second, in each of pytest's processes.
pytestmark = pytest.mark.skipif(
    find_spec("hydra") is None, reason="Hydra is missing: pip install 'gitexp[hydra]'"
)

PYTHON = sys.executable
APP = """\
import json
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="config")
def train(cfg):
    with open("metrics.json", "w") as file:
        json.dump({"loss": cfg.lr * cfg.db.timeout}, file)

if __name__ == "__main__":
    train()
"""
# All that is hard to see from outside: configuration in code, a folder of its own, work in that folder.
IN_CODE = """\
import dataclasses, json, sys
import hydra
from hydra.core.config_store import ConfigStore

@dataclasses.dataclass
class Config:
    lr: float = 0.1
    rest: int = 1

ConfigStore.instance().store(name="mine", node=Config)

@hydra.main(version_base=None, config_path=None, config_name="mine")
def train(cfg):
    with open("metrics.json", "w") as file:
        json.dump({"loss": cfg.lr}, file)

print("begun")
train()
"""
IN_FOLDER = ("hydra.job.chdir=true", "hydra.run.dir=logs/${now:%Y-%m-%d_%H-%M-%S}_${lr}")
CONFIG = "defaults: [{db: mysql}, _self_]\nlr: 0.1\nunits: 16\n"


@pytest.fixture
def app(repo: Workspace) -> Workspace:
    for name, text in {
        "app.py": APP,
        "in_code.py": IN_CODE,
        "conf/config.yaml": CONFIG,
        "conf/db/mysql.yaml": "timeout: 10\n",
        "conf/db/pg.yaml": "timeout: 20\n",
        ".gitignore": "outputs/\n",
        "gitexp.yaml": "params: [conf/config.yaml, params.yaml]\nmetrics: [metrics.json]\n",
    }.items():
        repo.write(name, text)
    repo.commit()
    repo.writes("outputs", "outputs/*", "logs", "logs/*", "multirun", "multirun/*", "metrics.json")
    return repo


def experiments(repo: Workspace) -> list[Experiment]:
    return Project.open(repo.path).store.readable()


def params(repo: Workspace, name: str) -> dict[str, Any]:
    shown: list[dict[str, Any]] = repo.json("show", name)
    return dict(shown[0]["params"])


def test_its_configuration_is_the_params(app: Workspace) -> None:
    app.gitexp("run", "-q", "-n", "one", "--", PYTHON, "app.py", "lr=0.2")
    app.gitexp("run", "-q", "-n", "two", "-S", "lr=0.5", "-S", "db=pg", "--", PYTHON, "app.py", "lr=0.2")
    found = {one.name: one.record for one in experiments(app)}
    assert params(app, "one") | {"lr": 0.2, "units": 16, "db.timeout": 10} == params(app, "one")
    assert params(app, "two") | {"lr": 0.5, "db.timeout": 20, "args.db": "pg"} == params(app, "two")
    assert "args.lr" not in params(app, "one")
    assert found["two"].command == f"{PYTHON} app.py lr=0.5 db=pg"
    assert found["two"].metrics == {"metrics.json": {"loss": 10.0}}
    assert app.read("conf/config.yaml") == CONFIG
    # Git ignores outputs/. What Hydra composed is part of the run all the same.
    # (The first run: a second in the same second of the clock has the same folder, and an empty log stays.)
    kept = [path for path in stored(app, experiment_commit(app, "one")) if path.startswith("outputs/")]
    assert {PurePosixPath(path).name for path in kept} == {
        *("config.yaml", "hydra.yaml", "overrides.yaml", "app.log"),
    }
    # What is left there is no later run's.
    app.gitexp("run", "-q", "-n", "three", "--", PYTHON, "-c", "pass")
    assert "db.timeout" not in params(app, "three")
    # A file is named where the file is meant.
    in_file = app.json("run", "--dry-run", "-S", "conf/config.yaml:lr=3", "--", PYTHON, "app.py")
    assert in_file["params"]["lr"] == 3
    assert in_file["command"] == f"{PYTHON} app.py"


def test_each_job_is_an_experiment(app: Workspace) -> None:
    line = (PYTHON, "app.py", "-m", "units=8", "lr=0.1,0.2", "db=glob(p*)")
    rows = json.loads(app.gitexp("run", "-j", "2", "--json", "--", *line).stdout)
    shown = [(row["params"]["lr"], row["params"]["args.db"], row["params"]["units"]) for row in rows]
    assert shown == [(0.1, "pg", 8), (0.2, "pg", 8)]
    assert [row["metrics"]["loss"] for row in rows] == [2, 4]
    assert [row["warnings"] for row in rows] == [[], []]
    assert rows[1]["command"] == f"{PYTHON} app.py units=8 lr=0.2 db=pg"
    assert {row["status"] for row in rows} == {Status.DONE}
    assert not (app.path / "multirun").exists()
    assert not (app.path / "metrics.json").exists()
    grid = ("-S", "lr=0.1,0.2", "-S", "db=pg", "--", PYTHON, "app.py", "units=8")
    assert "2 runs, 2 of them known already" in app.gitexp("run", *grid).stderr
    points = ("--dry-run", "-S", "units=1,2", "-S", "db=glob(m*)", "--", PYTHON, "app.py")
    assert app.gitexp("run", *points).stdout == "units=1  db=mysql\nunits=2  db=mysql\n"
    for many in (
        ("--", PYTHON, "app.py", "hydra.mode=MULTIRUN"),
        ("-S", "hydra.mode=MULTIRUN", "--", PYTHON, "app.py"),
    ):
        assert app.gitexp("run", "--dry-run", *many, "lr=1,2").stdout == "lr=1\nlr=2\n"
    one = ("run", "--dry-run", "--", PYTHON, "app.py", "-m", "lr=1")
    assert app.gitexp(*one).stdout == f"{PYTHON} app.py lr=1\n"
    assert len(experiments(app)) == 2


def test_what_only_the_script_knows(app: Workspace) -> None:
    app.write("gitexp.yaml", "metrics: [metrics.json]\n")
    line = (PYTHON, "-u", "in_code.py", *IN_FOLDER)
    app.gitexp("run", "-q", "-n", "one", "-S", "lr=0.3", "--", *line)
    record = experiments(app)[0].record
    (folder,) = (app.path / "logs").iterdir()
    assert record.metrics == {f"logs/{folder.name}/metrics.json": {"loss": 0.3}}
    assert params(app, "one") | {"lr": 0.3, "rest": 1} == params(app, "one")
    app.gitexp("run", "-q", "--", *line, "--multirun", "lr=1,2", "rest=2")
    losses = [row["metrics"]["loss"] for row in app.json("show") if row["kind"] == "experiment"]
    assert sorted(losses) == [0.3, 1, 2]
    assert " logs/2" not in app.gitexp("show").stdout  # no changed files


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("db=sqlite",), "Could not find 'db/sqlite'.\nhint: db has: mysql, pg."),
        (("dbb=glob(*)",), "dbb=glob(*) has no value, so Hydra has no job to run.\nhint: Did you mean db?"),
        (("lr=3", "db=glob(z*)"), "hint: db has: mysql, pg."),
        (("hydra.sweeper._target_=optuna.Sweeper", "lr=1,2"), "the sweeper optuna.Sweeper"),
    ],
)
def test_jobs_that_hydra_or_gitexp_refuses(app: Workspace, words: tuple[str, ...], said: str) -> None:
    refused = app.gitexp("run", "--", PYTHON, "app.py", "-m", *words, check=False)
    assert refused.exit_code in (1, 2)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert experiments(app) == []


def test_many_jobs_in_one_experiment(app: Workspace) -> None:
    done = app.gitexp("run", "-n", "all", "--", "sh", "-c", f"{PYTHON} app.py -m lr=1,2")
    assert "the run had 2 jobs of Hydra" in done.stderr
    assert "db.timeout" not in params(app, "all")
    stage = f"stages: {{fit: {{cmd: '{PYTHON} app.py -m lr=1,2', deps: [app.py]}}}}\n"
    app.write("gitexp.yaml", app.read("gitexp.yaml") + stage)
    app.writes("gitexp.lock")
    done = app.gitexp("run", "-n", "stage")
    assert "all jobs of Hydra in stage fit are one experiment" in done.stderr


# -- a configuration that is composed for the run ---------------------------------------------------------

TRAIN = """\
lines = dict(line.strip().split(": ") for line in open("params.yaml") if line[0] != "#")
open("metrics.json", "w").write('{"loss": %s}' % (float(lines["lr"]) * int(lines["twice"])))
"""
RESOLVER = "from omegaconf import OmegaConf\nOmegaConf.register_new_resolver('double', lambda x: 2 * x)\n"
SETTINGS = "hydra: {config_dir: conf, imports: [resolver]}\nmetrics: [metrics.json]\n"


@pytest.fixture
def composed(repo: Workspace) -> Workspace:
    for name, text in {
        "fit.py": TRAIN,
        "resolver.py": RESOLVER,
        "conf/config.yaml": "defaults: [{size: small}, _self_]\nlr: 0.1\ntwice: ${double:${units}}\n",
        "conf/size/small.yaml": "# @package _global_\nunits: 10\n",
        "conf/size/big.yaml": "# @package _global_\nunits: 20\n",
        "gitexp.yaml": SETTINGS,
    }.items():
        repo.write(name, text)
    repo.git("rm", "-q", "params.yaml")
    repo.commit()
    repo.writes("metrics.json", "params.yaml")
    return repo


def test_a_params_file_is_composed_before_the_run(composed: Workspace) -> None:
    line = ("--", PYTHON, "fit.py")
    composed.gitexp("run", "-q", "-n", "one", "-S", "size=big", *line)
    assert params(composed, "one") == {"units": 20, "lr": 0.1, "twice": 40}
    big = composed.read("params.yaml")
    assert '# With: ["size=big"]' in big
    composed.gitexp("run", "-q", "-n", "two", "-S", "lr=0.5", *line)  # the choice stands
    assert params(composed, "two") == {"units": 20, "lr": 0.5, "twice": 40}
    composed.gitexp("run", "-q", "-n", "three", "--from", "two", "-S", "size=small", *line)
    assert params(composed, "three") == {"units": 10, "lr": 0.5, "twice": 20}
    composed.gitexp("undo", "-q")
    assert composed.read("params.yaml") == big
    composed.gitexp("undo", "-q")
    assert not (composed.path / "params.yaml").exists()


@pytest.mark.parametrize(("point", "is_there"), [("params:temporary", False), ("params:written", True)])
def test_a_kill_while_the_file_is_made(composed: Workspace, point: str, is_there: bool) -> None:
    kill(composed, point, "run", "-n", "one", "--", PYTHON, "fit.py")
    assert (composed.path / "params.yaml").exists() == is_there
    assert_put_right(composed, point, Status.INTERRUPTED)
    composed.gitexp("undo", "-q")
    assert not (composed.path / "params.yaml").exists()
    assert composed.gitexp("doctor").exit_code == 0


def test_a_grid_of_groups(composed: Workspace) -> None:
    grid = ("-S", "size=glob(*)", "-S", "lr=1", "-j", "2", "--json", "--", PYTHON, "fit.py")
    rows = json.loads(composed.gitexp("run", *grid).stdout)
    assert [row["params"] for row in rows] == [
        {"units": 20, "lr": 1, "twice": 40},
        {"units": 10, "lr": 1, "twice": 20},
    ]
    assert [row["metrics"]["loss"] for row in rows] == [40, 20]
    assert not (composed.path / "params.yaml").exists()
    composed.gitexp("run", "-q", "-S", "lr=2", "--", PYTHON, "fit.py")
    more = composed.gitexp("run", "--dry-run", "-S", "size=glob(*)", "-S", "lr=1,2", "--", PYTHON, "fit.py")
    known = [line.endswith(", done)") for line in more.stdout.splitlines()]
    assert known == [True, False, True, True]  # whatever comments the composed file has


@pytest.mark.parametrize(
    ("files", "args", "said"),
    [
        ({"params.yaml": "lr: 3\n"}, (), "error: params.yaml: this file is not as Hydra composed it"),
        (
            {"params.yaml": ""},
            ("-S", "params.yaml:lr=3"),
            "Hydra composes that file.\nhint: Leave the file out",
        ),
        ({"gitexp.yaml": "hydra: {config_dir: cnf}\n"}, (), "gitexp.yaml: there is no folder cnf"),
        (
            {"gitexp.yaml": "hydra: {config_dir: conf, config_name: nil}\n"},
            (),
            "Cannot find primary config 'nil'",
        ),
        ({"gitexp.yaml": "hydra: {config_dir: conf, params_file: no/p.yaml}\n"}, (), "there is no folder no"),
        ({"resolver.py": "import nothing_of_that_name\n"}, (), "No module named 'nothing_of_that_name'"),
        ({}, ("-S", "sise=glob(*)"), "no job to run.\nhint: Did you mean size?"),
        ({}, ("-S", "size=huge"), "Could not find 'size/huge'.\nhint: size has: big, small."),
    ],
)
def test_what_cannot_be_composed(
    composed: Workspace, files: dict[str, str], args: tuple[str, ...], said: str
) -> None:
    for name, text in files.items():
        composed.write(name, text)
    refused = composed.gitexp("run", *args, "--", PYTHON, "fit.py", check=False)
    assert refused.exit_code in (1, 2)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert experiments(composed) == []
