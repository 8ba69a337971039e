"""`gitexp export --as dvc`: experiments as refs of DVC's, with a dvc.yaml and a dvc.lock that fit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gitexp import errors, files
from gitexp.catalog import lookup
from gitexp.extras.integrations.exporters.dvc_export import EXPORTER
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, RunExporter
from gitexp.files.dvc_lock import read_stages
from gitexp.model import Experiment, Status, readable
from gitexp.project.project import Project
from gitexp.testing import ExporterContract
from tests.support.dvc import put
from tests.support.dvc_project import DVC_3, MODEL, PREPARED, WRITTEN, make, md5
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stages written in sh")


def refs(project: Project) -> dict[str, str]:
    """The commits of DVC's experiments by name."""
    found = {}
    for ref, oid in project.repo.refs("refs/exps/", fields=("refname", "objectname")):
        found[ref.decode().rpartition("/")[2]] = oid.decode()
    return found


class TestDvcExport(ExporterContract):
    """The place is the repository itself, so nothing of another program can be in the way."""

    @pytest.fixture
    def exporter(self) -> RunExporter:
        return EXPORTER

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "project")

    @pytest.fixture
    def experiments(self, project: Project) -> list[Experiment]:
        done = [one for one in readable(project.store.all()) if one.record.status is Status.DONE]
        return sorted(done, key=lambda one: one.record.created)

    def names_in(self, place: str) -> list[str]:
        return sorted(refs(Project.open(Path(place))))

    def check_project(self, project: Project, before: object) -> None:
        assert not project.repo.run("status", "--porcelain")

    def test_a_dry_run_writes_nothing(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        done = exporter.write(project._replace(dry_run=True), experiments, place, lambda count: None)
        assert done.written == len(experiments)
        assert refs(project) == {}

    def test_an_export_that_is_stopped_is_gone_on_with(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        """A batch is there whole or not at all: tests/promises/test_kill_dvc.py."""

    def test_what_is_missing_here_is_said_and_keeps_back_nothing_else(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        """Logged files are not for DVC; see below for outs."""

    def test_a_foreign_file_stays(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        with pytest.raises(errors.UsageError):
            exporter.write(project, experiments, f"{place}/elsewhere", lambda count: None)

    def test_an_unwritable_place_is_an_error(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        """The place is the repository."""


@pytest.fixture
def mine(repo: Workspace) -> Workspace:
    """A project of DVC's with an experiment of gitexp's."""
    make(repo)
    repo.allow("files", *WRITTEN, "params.yaml", ".dvc/cache/*")
    repo.allow("refs", "refs/exps/*")
    repo.gitexp("init", "-q")
    repo.gitexp("run", "-q", "-n", "mine", "-S", "train.lr=0.2", "-m", "a note")
    return repo


def export(repo: Workspace) -> ExportedRuns:
    project = Project.open(repo.path)
    with repo.by_user():
        return EXPORTER.write(project, readable(project.store.all()), ".", lambda count: None)


def test_dvcs_lock_has_the_run_and_its_cache_the_outs(mine: Workspace) -> None:
    done = export(mine)
    assert (done.written, list(done.remarks)) == (1, [])
    commit = refs(Project.open(mine.path))["mine"]
    stages = read_stages("dvc.lock", mine.git("show", f"{commit}:dvc.lock").encode())
    assert stages["train"].params == {"params.yaml": {"train.lr": 0.2}}
    model = PREPARED["all"] + "train: {lr: 0.2}\nother: 1\n"
    (out,) = [out for out in stages["train"].outs if out["path"] == "model"]
    assert (out["md5"], out["size"]) == (md5(model), len(model))
    assert (mine.path / DVC_3 / out["md5"][:2] / out["md5"][2:]).read_text() == model
    assert stages["prepare"] == read_stages("dvc.lock", mine.read("dvc.lock").encode())["prepare"]
    assert model != MODEL


def test_it_is_listed_once_and_taken_back(mine: Workspace) -> None:
    export(mine)
    assert [one.name for one in lookup.experiments(Project.open(mine.path))] == ["mine"]
    mine.gitexp("note", "mine", "-m", "another note")
    assert (export(mine).written, export(mine).known) == (1, 1)
    commit = refs(Project.open(mine.path))["mine"]
    assert mine.git("log", "-1", "--format=%s", commit) == "another note"
    for _ in range(3):
        mine.gitexp("undo")
    assert refs(Project.open(mine.path)) == {}


def test_a_name_of_dvcs_stays(mine: Workspace) -> None:
    put(mine, "mine", {"params.yaml": "a: 1\n"}, baseline="HEAD")
    done = export(mine)
    assert "mine is mine-2 there: DVC has one of that name" in done.remarks
    assert sorted(refs(Project.open(mine.path))) == ["mine", "mine-2"]


def test_values_without_a_file_get_one(repo: Workspace) -> None:
    repo.allow("files", "metrics.json")
    repo.gitexp("run", "-q", "-n", "one", "--", "sh", "-c", "echo acc=0.5 # --lr 0.3")
    repo.gitexp("run", "-q", "-n", "bad", "--", "false", check=False)
    done = export(repo)
    assert any("bad is failed, and left out" in remark for remark in done.remarks)
    commit = refs(Project.open(repo.path))["one"]
    named = files.parse("dvc.yaml", repo.git("show", f"{commit}:dvc.yaml").encode())
    assert "params.yaml" in named["params"]
    for name in (*named["params"], *named.get("metrics", ())):
        assert repo.git("cat-file", "-t", f"{commit}:{name}") == "blob"


def test_values_of_a_file_that_dvc_cannot_read_get_one_too(repo: Workspace) -> None:
    repo.allow("files", "m.csv")
    repo.write("gitexp.yaml", "metrics: [m.csv]\nparams: [params.yaml]\n")
    repo.gitexp("run", "-q", "-n", "one", "--", "sh", "-c", "printf 'step,acc\\n1,0.5\\n2,0.75\\n' > m.csv")
    export(repo)
    commit = refs(Project.open(repo.path))["one"]
    named = files.parse("dvc.yaml", repo.git("show", f"{commit}:dvc.yaml").encode())
    assert named["metrics"] == ["gitexp-metrics.json"]
    assert json.loads(repo.git("show", f"{commit}:gitexp-metrics.json"))["acc"] == 0.75


def test_missing_content_is_said(mine: Workspace) -> None:
    with mine.by_user():
        for file in (mine.path / ".git/gitexp/objects").rglob("*"):
            if file.is_file():
                file.unlink()
    done = export(mine)
    assert done.written == 1
    assert any("lacks the stage train" in remark for remark in done.remarks)


def test_a_cache_that_takes_nothing_ends_the_export(mine: Workspace) -> None:
    name = md5(PREPARED["all"] + "train: {lr: 0.2}\nother: 1\n")
    with mine.by_user():
        (mine.path / DVC_3 / name[:2]).write_text("in the way")
    with pytest.raises((OSError, errors.GitexpError)):
        export(mine)
    assert refs(Project.open(mine.path)) == {}


def test_a_damaged_dvc_yaml_is_said(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.write("dvc.yaml", "stages: {")
    repo.commit()
    repo.allow("files", "metrics.json")
    repo.gitexp("run", "-q", "-n", "one", "--", "true", check=False)
    if not Project.open(repo.path).store.names():
        pytest.skip("no run beside a damaged dvc.yaml")
    assert any("DVC will not show its values" in remark for remark in export(repo).remarks)
    assert json.dumps(refs(Project.open(repo.path)))
