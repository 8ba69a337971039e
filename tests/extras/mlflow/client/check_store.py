"""What MLflow expects of any tracking store."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path

import mlflow
import pytest
from conftest import Repository
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.server import handlers
from mlflow.store.model_registry.abstract_store import AbstractStore as AbstractRegistry
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.tracking._tracking_service import client as tracking_client

from gitexp.extras.integrations.mlflow import late_additions
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions
from gitexp.extras.integrations.mlflow.stores.registry_store import GitRegistryStore
from gitexp.extras.integrations.mlflow.stores.tracking_store import GitTrackingStore
from gitexp.extras.integrations.mlflow.stores.unkept import unanswered
from gitexp.project.project import Project

# What MLflow keeps elsewhere than in a store of runs, whatever the store is.
NOT_OURS = re.compile(r".*(deprecated|host_creds|job|workspace|webhook|promptlab).*")


def test_every_method_that_mlflow_calls_is_answered() -> None:
    """The names are read from the installed MLflow: a new version may call more."""
    called = set()
    for module in (handlers, tracking_client):
        called |= set(re.findall(r"store(?:\(\))?\.(\w+)\(", inspect.getsource(module)))
    for name in sorted(called):
        owner = GitRegistryStore if hasattr(AbstractRegistry, name) else GitTrackingStore
        assert hasattr(owner, name) or NOT_OURS.match(name), f"MLflow calls {name}, and nothing answers"
    for store, base in ((GitTrackingStore, AbstractStore), (GitRegistryStore, AbstractRegistry)):
        assert unanswered(store, base) == []


def test_what_is_not_kept_is_empty_or_says_so(client: MlflowClient) -> None:
    store = client._tracking_client.store
    assert [*client.search_traces(experiment_ids=["0"])] == []
    assert [*store.list_scorers("0")] == []
    with pytest.raises(MlflowException, match="gitexp keeps runs"):
        store.start_trace(None)


def test_experiments(client: MlflowClient) -> None:
    first = client.create_experiment("shapes", tags={"team": "vision"})
    with pytest.raises(MlflowException, match="already exists"):
        client.create_experiment("shapes")
    with pytest.raises(MlflowException, match="artifact_location"):
        client.create_experiment("elsewhere", artifact_location="s3://bucket")
    client.set_experiment_tag(first, "owner", "ada")
    client.rename_experiment(first, "forms")
    found = client.get_experiment_by_name("forms")
    assert (found.experiment_id, found.tags) == (first, {"team": "vision", "owner": "ada"})
    assert [each.name for each in client.search_experiments(filter_string="name LIKE 'for%'")] == ["forms"]
    client.delete_experiment(first)
    assert "forms" not in [each.name for each in client.search_experiments()]
    assert [each.name for each in client.search_experiments(ViewType.DELETED_ONLY)] == ["forms"]
    with pytest.raises(MlflowException):
        client.create_run(first)
    client.restore_experiment(first)
    assert client.get_experiment("0").name == "Default"
    with pytest.raises(MlflowException):
        client.get_experiment("12345")


def test_a_run_is_an_experiment_of_gitexp_from_its_first_moment(
    repo: Repository, client: MlflowClient, experiment: str
) -> None:
    (repo.path / "train.py").write_text("print('changed, not committed')\n")
    run = client.create_run(experiment, run_name="First try!", tags={"stage": "draft"})
    name = run.data.tags["gitexp.name"]
    assert (name, run.info.status, run.info.run_name) == ("First-try", "RUNNING", "First try!")
    record = repo.record(name)
    assert repo.git("show", f"{record.commit}:train.py") == "print('changed, not committed')"
    client.log_param(run.info.run_id, "lr", 0.1)
    client.log_metric(run.info.run_id, "loss", 0.5, step=3, timestamp=1_700_000_000_123)
    client.set_terminated(run.info.run_id)
    record = repo.record(name)
    assert (record.status, record.tags) == ("done", ("stage=draft",))
    assert record.params[".gitexp/run/params.json"] == {"lr": 0.1}
    assert record.metrics[".gitexp/run/summary.json"] == {"loss": 0.5}
    (point,) = client.get_metric_history(run.info.run_id, "loss")
    assert (point.step, point.timestamp, point.value) == (3, 1_700_000_000_123, 0.5)
    repo.git("checkout", "--", "train.py")


@pytest.mark.parametrize("ended", [False, True])
def test_metrics(client: MlflowClient, experiment: str, ended: bool) -> None:
    run_id = client.create_run(experiment).info.run_id
    if ended:
        client.set_terminated(run_id)
    client.log_batch(
        run_id,
        metrics=[
            Metric("loss", value, 1000 + at, step)
            for at, (value, step) in enumerate([(3, 2), (1, 0), (2, 1)])
        ],
    )
    client.log_metric(run_id, "odd/name with space", math.nan)
    client.log_metric(run_id, "up", math.inf, step=-1)
    data = client.get_run(run_id).data
    assert data.metrics["loss"] == 3  # of the highest step, not the latest
    assert math.isnan(data.metrics["odd/name with space"])
    assert data.metrics["up"] == math.inf
    assert [(each.step, each.value) for each in client.get_metric_history(run_id, "loss")] == [
        (2, 3),
        (0, 1),
        (1, 2),
    ]
    assert client.get_metric_history(run_id, "unknown") == []
    with pytest.raises(MlflowException):
        client.log_metric(run_id, "", 1)
    with pytest.raises(MlflowException):
        client.log_metric(run_id, "_step", 1)


@pytest.mark.parametrize("ended", [False, True])
def test_params_do_not_change(client: MlflowClient, experiment: str, ended: bool) -> None:
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "lr", "0.10")
    if ended:
        client.set_terminated(run_id)
    client.log_param(run_id, "lr", "0.10")
    with pytest.raises(MlflowException, match="Changing param values"):
        client.log_param(run_id, "lr", "0.2")
    with pytest.raises(MlflowException):
        client.log_batch(run_id, params=[Param("a", "1"), Param("a", "2")])
    client.log_batch(run_id, params=[Param("long", "x" * 6000), Param("a/b", "2")], tags=[RunTag("t", "1")])
    params = client.get_run(run_id).data.params
    assert (params["lr"], len(params["long"]), params["a/b"]) == ("0.10", 6000, "2")


def test_tags_and_names(client: MlflowClient, experiment: str) -> None:
    run_id = client.create_run(experiment, run_name="one").info.run_id
    client.set_tag(run_id, "a", "1")
    client.set_tag(run_id, "a", 2)
    client.set_tag(run_id, "mlflow.runName", "two")
    client.delete_tag(run_id, "a")
    with pytest.raises(MlflowException, match="No tag with name"):
        client.delete_tag(run_id, "a")
    assert client.get_run(run_id).info.run_name == "two"
    client.update_run(run_id, status="FAILED", name="three")
    client.set_tag(run_id, "late", "yes")
    found = client.get_run(run_id)
    assert (found.info.run_name, found.info.status, found.data.tags["late"]) == ("three", "FAILED", "yes")
    assert "a" not in found.data.tags


def test_search(client: MlflowClient, experiment: str) -> None:
    ids = []
    for number in range(5):
        run = client.create_run(experiment, start_time=1000 + number, tags={"even": str(number % 2 == 0)})
        client.log_metric(run.info.run_id, "acc", math.nan if number == 4 else number / 10)
        client.log_param(run.info.run_id, "n", number)
        client.set_terminated(run.info.run_id, "FAILED" if number == 3 else "FINISHED")
        ids.append(run.info.run_id)

    def found(text: str = "", **options: object) -> list[int]:
        return [ids.index(run.info.run_id) for run in client.search_runs([experiment], text, **options)]

    assert found() == [4, 3, 2, 1, 0]
    assert found("metrics.acc > 0.05 and tags.even = 'True'") == [2]
    assert found("attributes.status = 'FAILED'") == [3]
    name = client.get_run(ids[1]).info.run_name
    assert found(f"attributes.run_name = '{name}'", order_by=["attributes.end_time DESC"]) == [1]
    assert found("params.n != '0'", order_by=["params.n ASC"]) == [1, 2, 3, 4]
    assert found(order_by=["metrics.acc DESC"])[:4] == [3, 2, 1, 0]
    first = client.search_runs([experiment], max_results=2)
    second = client.search_runs([experiment], max_results=2, page_token=first.token)
    assert [ids.index(run.info.run_id) for run in [*first, *second]] == [4, 3, 2, 1]
    with pytest.raises(MlflowException):
        client.search_runs([experiment], "nonsense !")


def test_pages_leave_out_a_run_that_only_its_facts_say_is_deleted(
    repo: Repository, client: MlflowClient, experiment: str
) -> None:
    ids = []
    for number in range(4):
        ids.append(client.create_run(experiment, start_time=1000 + number).info.run_id)
        client.set_terminated(ids[-1])
    project = Project.open(repo.path)
    marked = project.store.require(client.get_run(ids[2]).data.tags["gitexp.name"])
    deleted = LateAdditions({"run": {"lifecycle": "deleted"}})  # as a killed client leaves it
    late_additions.add(project, marked, deleted)

    def pages(view: int) -> list[int]:
        new, found, token = MlflowClient(repo.uri), [], None
        while True:
            page = new.search_runs([experiment], "", view, 1, ["start_time DESC"], token)
            found += [ids.index(run.info.run_id) for run in page]
            token = page.token
            if not token:
                return found

    assert (pages(ViewType.ACTIVE_ONLY), pages(ViewType.DELETED_ONLY)) == ([3, 1, 0], [2])
    assert pages(ViewType.ALL) == [3, 2, 1, 0]


def test_removed_runs_are_in_the_trash(repo: Repository, client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment, run_name="gone")
    run_id = run.info.run_id
    client.delete_run(run_id)  # it goes on
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run_id)
    client.set_terminated(run_id)
    client.delete_run(run_id)
    assert repo.git("for-each-ref", "refs/gitexp/exps/gone") == ""
    assert client.search_runs([experiment]) == []
    assert [each.info.run_id for each in client.search_runs([experiment], "", ViewType.DELETED_ONLY)] == [
        run_id
    ]
    with pytest.raises(MlflowException, match="active"):
        client.log_metric(run_id, "late", 1)
    client.restore_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    with pytest.raises(MlflowException):
        client.get_run("0" * 32)


@pytest.mark.parametrize("ended", [False, True])
def test_artifacts(client: MlflowClient, experiment: str, ended: bool, tmp_path: Path) -> None:
    run = client.create_run(experiment)
    run_id = run.info.run_id
    if ended:
        client.set_terminated(run_id)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "b.txt").write_text("b")
    (tmp_path / "a.bin").write_bytes(bytes(20))
    client.log_artifact(run_id, str(tmp_path / "a.bin"))
    client.log_artifacts(run_id, str(tmp_path / "in"), "folder")
    client.log_text(run_id, "text", "notes/c.txt")
    listed = {each.path: (each.is_dir, each.file_size) for each in client.list_artifacts(run_id)}
    assert listed == {"a.bin": (False, 20), "folder": (True, None), "notes": (True, None)}
    assert [each.path for each in client.list_artifacts(run_id, "folder")] == ["folder/deep"]
    got = client.download_artifacts(run_id, "folder", str(tmp_path))
    assert Path(got, "deep", "b.txt").read_text() == "b"
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/c.txt") == "text"
    with pytest.raises(MlflowException):
        client.log_text(run_id, "text", "notes/.git/c.txt")
    with pytest.raises((MlflowException, OSError)):
        client.download_artifacts(run_id, "unknown.txt", str(tmp_path))


def test_a_run_that_goes_on_again(repo: Repository, experiment: str) -> None:
    with mlflow.start_run(experiment_id=experiment, run_name="again") as run:
        mlflow.log_metric("loss", 2, step=0)
    with mlflow.start_run(run_id=run.info.run_id):
        assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("loss", 1, step=1)
    found = mlflow.get_run(run.info.run_id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 1})
    assert repo.record("again").metrics[".gitexp/run/summary.json"] == {"loss": 1}


def test_nested_runs_name_their_parent(repo: Repository, experiment: str) -> None:
    with mlflow.start_run(experiment_id=experiment, run_name="outer") as outer:
        for number in range(2):
            with mlflow.start_run(nested=True, run_name=f"inner-{number}"):
                mlflow.log_metric("score", number)
        mlflow.log_metric("best", 1)
    assert repo.record("inner-1").parent == "outer"
    found = mlflow.search_runs([experiment, "0"], f"tags.`mlflow.parentRunId` = '{outer.info.run_id}'")
    assert sorted(found["metrics.score"]) == [0, 1]


def test_a_uri_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match="Git repository"):
        MlflowClient(f"gitexp://{tmp_path}").search_experiments()
    with pytest.raises(MlflowException, match="names a machine"):
        MlflowClient("gitexp://host/path").search_experiments()
