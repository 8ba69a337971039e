"""Whole processes: killed, two that write one run; and what gitexp makes of the runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.mlflow import run_script, script
from tests.support.workspace import Workspace

UNDER_RUN = """
import mlflow

with mlflow.start_run(run_name="outer"):
    mlflow.log_param("depth", 3)
    mlflow.log_metric("acc", 0.5, step=1)
    with mlflow.start_run(nested=True, run_name="inner"):
        mlflow.log_metric("acc", 0.25)
"""

KILLED = """
import os, signal, mlflow

mlflow.set_tracking_uri("gitexp:")
mlflow.start_run(run_name="killed")
for step in range(5):
    mlflow.log_metric("loss", 1 / (step + 1), step=step)
mlflow.log_text("so far", "notes.txt")
os.kill(os.getpid(), signal.SIGKILL)
"""

TWO = """
import os, mlflow

reads, writes = os.pipe()
child = os.fork()
client = mlflow.MlflowClient("gitexp:")
if child:
    run = client.create_run("0", run_name="shared").info.run_id
    client.log_metric(run, "loss", 1.0, step=0)
    client.log_param(run, "a", 1)
    os.write(writes, run.encode())
    assert os.waitpid(child, 0)[1] == 0
    client.log_metric(run, "loss", 0.25, step=2)  # after the end
    found = client.get_run(run)
    history = [each.value for each in client.get_metric_history(run, "loss")]
    print(found.info.status, found.data.params, history)
else:  # the second client logs, and ends the run
    run = os.read(reads, 32).decode()
    client.log_metric(run, "loss", 0.5, step=1)
    client.log_param(run, "b", 2)
    client.set_terminated(run)
"""

FILE_STORE = """
import mlflow
from sklearn.linear_model import LinearRegression

mlflow.set_experiment("old")
with mlflow.start_run(run_name="kept") as run:
    mlflow.log_params({"lr": 0.1, "name": "sgd"})
    for step in range(3):
        mlflow.log_metric("loss", 3 - step, step=step)
    mlflow.set_tag("team", "vision")
    mlflow.log_text("hello", "notes/a.txt")
    model = LinearRegression().fit([[0], [1]], [0, 1])
    info = mlflow.sklearn.log_model(model, name="model", input_example=[[0]])
    mlflow.log_input(mlflow.data.from_numpy(__import__("numpy").zeros(3), name="zeros"))
with mlflow.start_run() as gone:
    pass
mlflow.delete_run(gone.info.run_id)
client = mlflow.MlflowClient()
for source in (f"runs:/{run.info.run_id}/model", info.model_uri):
    version = mlflow.register_model(source, "line").version
client.set_registered_model_alias("line", "champion", version)
client.set_model_version_tag("line", version, "ok", "yes")
client.create_model_version("line", "elsewhere", None)
client.delete_model_version("line", 3)
print(run.info.run_id, info.model_id)
"""

LOOK = """
import sys, mlflow

run_id, model_id, folder = sys.argv[1:]
mlflow.set_tracking_uri("gitexp:")
run = mlflow.get_run(run_id)
assert mlflow.get_experiment(run.info.experiment_id).name == "old"
assert (run.data.params, run.data.tags["team"]) == ({"lr": "0.1", "name": "sgd"}, "vision")
assert run.info.status == "FINISHED"
history = [each.value for each in mlflow.MlflowClient().get_metric_history(run_id, "loss")]
assert sorted(set(history)) == [1, 2, 3]  # log_model logs one of them again
assert run.inputs.dataset_inputs[0].dataset.name == "zeros"
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
assert mlflow.get_logged_model(model_id).source_run_id == run_id
assert mlflow.sklearn.load_model(f"models:/{model_id}").predict([[2]])[0] > 1.9
client = mlflow.MlflowClient()
found = client.get_model_version_by_alias("line", "champion")
assert (int(found.version), found.tags, found.run_id) == (2, {"ok": "yes"}, run_id), found
assert [int(each.version) for each in client.search_model_versions("name = 'line'")] == [2, 1]
for version in (1, "2"):
    assert mlflow.sklearn.load_model(f"models:/line/{version}").predict([[2]])[0] > 1.9
"""


def experiment(repo: Workspace, name: str) -> Experiment:
    return Project.open(repo.path).store.require(name)


def test_a_killed_client_keeps_what_it_has_logged(repo: Workspace) -> None:
    repo.write("train.py", KILLED)
    done = script(repo.path, "train.py")
    assert done.returncode == -9
    repo.gitexp("list")
    found = experiment(repo, "killed")
    assert found.record.status is Status.INTERRUPTED
    assert found.record.metrics[".gitexp/run/summary.json"] == {"loss": 0.2}
    assert repo.git("cat-file", "blob", f"{found.id}:.gitexp/run/artifacts/notes.txt") == "so far"


def test_two_clients_write_one_run(repo: Workspace) -> None:
    repo.write("train.py", TWO)
    printed = run_script(repo.path, "train.py")
    assert printed.split(" ", 1) == ["FINISHED", "{'a': '1', 'b': '2'} [1.0, 0.5, 0.25]\n"]
    record = experiment(repo, "shared").record
    assert (record.status, record.metrics[".gitexp/run/summary.json"]) == (Status.DONE, {"loss": 0.25})


def test_gitexp_works_on_the_runs(repo: Workspace, tmp_path: Path) -> None:
    """The code is exact, also what is not committed; a branch has it, and a push sends all of the run."""
    repo.write("train.py", UNDER_RUN)
    run_script(repo.path, "train.py", env={"MLFLOW_TRACKING_URI": "gitexp:"})
    assert "+import mlflow" in repo.gitexp("diff", "HEAD", "outer", "--code").stdout
    repo.allow("refs", "refs/heads/best")
    repo.allow("reflogs", "refs/heads/best")
    repo.gitexp("branch", "outer", "best")
    assert "import mlflow" in repo.git("show", "best:train.py")
    there = tmp_path / "team.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(there)], check=True)
    repo.git("remote", "add", "team", str(there))
    repo.allow("refs", "refs/gitexp/remotes/team/outer")
    repo.gitexp("push", "outer", "--remote", "team")
    assert "acc" in repo.gitexp("show", "outer").stdout


def test_a_folder_of_the_file_store_is_imported(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(FILE_STORE)
    old = {"MLFLOW_TRACKING_URI": f"file://{tmp_path}/mlruns", "MLFLOW_ALLOW_FILE_STORE": "true"}
    run_id, model_id = run_script(tmp_path, "old.py", env=old).split()
    repo.allow("refs", "refs/gitexp/mlflow")
    told = repo.gitexp("import", "mlflow", str(tmp_path / "mlruns"))
    assert "Imported 1 run of MLflow; 1 left out, deleted there." in told.stderr
    record = experiment(repo, "kept").record
    assert record.params[".gitexp/run/params.json"] == {"lr": 0.1, "name": "sgd"}
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 1}
    (tmp_path / "look.py").write_text(LOOK)
    run_script(repo.path, str(tmp_path / "look.py"), run_id, model_id, str(tmp_path))
    assert (
        "0 runs of MLflow; 1 were here already"
        in repo.gitexp("import", "mlflow", str(tmp_path / "mlruns")).stderr
    )
    wrong = repo.gitexp("import", "mlflow", str(tmp_path), check=False)
    assert "is no folder of MLflow's file store" in wrong.stderr
