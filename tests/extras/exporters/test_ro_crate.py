"""`gitexp export --as ro-crate`: folders and zip files, read by the validator of the RO-Crate community."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import CRATES
from gitexp import errors, testing
from gitexp.extras.integrations.exporters.crates.ro_crate import EXPORTER
from gitexp.project.project import Project
from gitexp.repo import records
from tests.support.clones import experiment
from tests.support.experiments import put
from tests.support.workspace import Workspace

METADATA = "ro-crate-metadata.json"


def graph(place: str) -> dict[str, dict[str, Any]]:
    """The entities of a crate by their ids."""
    if place.endswith(".zip"):
        with zipfile.ZipFile(place) as found:
            text = found.read(METADATA)
    else:
        text = Path(place, METADATA).read_bytes()
    return {one["@id"]: one for one in json.loads(text)["@graph"]}


class TestFolder(testing.ExporterContract):
    @pytest.fixture
    def exporter(self) -> Any:
        return EXPORTER

    def names_in(self, place: str) -> list[str]:
        actions = [one for one in graph(place).values() if one["@type"] == "CreateAction"]
        return sorted(one["name"].removeprefix("Run of ") for one in actions)


class TestZip(TestFolder):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "exported.zip")

    def test_a_killed_export_leaves_no_half_of_a_file_behind(self, project: Project, place: str) -> None:
        left = Path(place).with_name(f".gitexp-new-0-{Path(place).name}")
        left.write_bytes(b"half")
        testing.exported(EXPORTER, project, place)
        assert not left.exists()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return testing.exported_project(tmp_path)


VALIDATE = """
import pathlib, sys
import requests, rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

context = (pathlib.Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()

def get(self, url, *args, **options):  # no network: the context comes from the package rocrate
    found = requests.Response()
    found.url, found.status_code, found._content = url, 404, b""
    if url == "https://w3id.org/ro/crate/1.1/context":
        found.status_code, found._content = 200, context
        found.headers["Content-Type"] = "application/ld+json"
    return found

HttpRequester.get = get
for place in sys.argv[1:]:
    settings = services.ValidationSettings(
        rocrate_uri=place,
        profile_identifier="process-run-crate",
        requirement_severity=models.Severity.REQUIRED,
    )
    for issue in services.validate(settings).get_issues():
        print(place, issue.check.identifier, issue.message, issue.violatingEntity)
"""


def test_the_validator_accepts_folder_and_zip(project: Project, tmp_path: Path) -> None:
    if CRATES.python is None:
        pytest.skip("roc-validator is not installed here: python -m benchmarks.peers crates does that")
    places = [str(tmp_path / "crate"), str(tmp_path / "crate.zip")]
    for place in places:
        testing.exported(EXPORTER, project, place)
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(tmp_path))
    words, own = [CRATES.python, "-c", VALIDATE, *places], {**os.environ, **homes}
    done = subprocess.run(words, env=own, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_crate_has_code_values_curves_and_files(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "crate"
    done = testing.exported(EXPORTER, project, str(place))
    run = place / "experiments" / "ordinary"
    assert json.loads((run / "params.json").read_text())["train.lr"] == 0.1
    assert json.loads((run / "metrics.json").read_text()) == {"loss": 0.25, "val.acc": 0.5}
    assert (run / "output.log").read_text() == "trained: größe\n"
    rows = list(csv.DictReader(io.StringIO((run / "curves.csv").read_text())))
    assert (len(rows), rows[2_499]["step"], float(rows[3]["loss"])) == (2_500, "2499", 0.25)
    assert (place / "experiments" / "large" / "artifacts" / "model.bin").stat().st_size == 1 << 20
    found = graph(str(place))
    action = next(one for one in found.values() if one.get("name") == "Run of ordinary")
    assert found[action["instrument"]["@id"]]["@type"] == ["File", "SoftwareSourceCode"]
    assert (place / action["instrument"]["@id"]).read_text() == "print('trained')\n"
    assert found[action["agent"]["@id"]]["name"] == "Änne O'Neil"
    failed = next(one for one in found.values() if one.get("name") == "Run of failed")
    assert failed["error"] == "failed, with exit code 3"
    assert "Änne" in (place / "ro-crate-preview.html").read_text()
    assert len(done.remarks) == 2  # neither a licence nor authors are known


def test_licence_and_authors_come_from_the_repository(repo: Workspace) -> None:
    repo.write("LICENSE", "Do as you like.\n")
    repo.write("CITATION.cff", "title: A study\nauthors:\n- given-names: Ann\n  family-names: Lee\n")
    repo.write("pyproject.toml", '[project]\nname = "x"\nlicense = "MIT"\n')
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "rights")
    repo.gitexp("save", "-q", "-n", "one")
    repo.allow("files", "crate.zip")
    result = repo.gitexp("export", "--as", "ro-crate", "-o", "crate.zip", "--json")
    assert json.loads(result.stdout) == {
        "tool": "ro-crate",
        "place": "crate.zip",
        "written": 1,
        "known": 0,
        "remarks": [],
    }
    root = graph(str(repo.path / "crate.zip"))["./"]
    assert (root["name"], root["license"]) == ("A study", {"@id": "LICENSE"})
    assert graph(str(repo.path / "crate.zip"))[root["author"]["@id"]]["name"] == "Ann Lee"


def test_what_is_noted_later_comes_into_the_crate(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    repo.allow("files", "crate/*")
    repo.gitexp("export", "--as", "ro-crate", "-o", "crate")
    repo.allow("refs", "*")
    repo.gitexp("note", "one", "-m", "best of all")
    done = repo.gitexp("export", "--as", "ro-crate", "-o", "crate").stderr
    assert "1 experiment written to crate for RO-Crate." in done
    assert "hint: Runs would store crate too, unless a line in .gitignore says otherwise." in done
    assert graph(str(repo.path / "crate"))["experiments/one/"]["description"] == "best of all"


def test_a_crate_of_somebody_else_stays(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "crate"
    place.mkdir()
    (place / METADATA).write_text('{"@graph": [{"@id": "./"}]}')
    with pytest.raises(errors.UsageError, match="not by gitexp"):
        testing.exported(EXPORTER, project, str(place))
    (place / METADATA).write_text("[]")
    with pytest.raises(errors.UsageError, match="no metadata"):
        testing.exported(EXPORTER, project, str(place))
    (place / METADATA).rename(place / "other.json")
    with pytest.raises(errors.UsageError, match="has other files"):
        testing.exported(EXPORTER, project, str(place))


@pytest.mark.parametrize("option", [("--format", "csv"), ("--columns", "acc"), ("--each",)])
def test_words_about_tables_do_not_go_with_a_tool(repo: Workspace, option: tuple[str, ...]) -> None:
    result = repo.gitexp("export", "-A", "--as", "ro-crate", *option, check=False)
    assert result.exit_code == 2
    assert f"{option[0]} is about a table" in result.stderr


def test_an_unknown_tool_and_no_experiments_are_errors(repo: Workspace) -> None:
    assert (
        "no exporter called 'nothing'" in repo.gitexp("export", "-A", "--as", "nothing", check=False).stderr
    )
    assert "no experiment to be exported" in repo.gitexp("export", "--as", "ro-crate", check=False).stderr


def test_odd_names_and_lost_commits_are_said(repo: Workspace, tmp_path: Path) -> None:
    repo.write("train.py", "print('more')\n")
    repo.write("Train.PY", "x\n")
    repo.write(os.fsdecode(b"caf\xe9.txt"), "x\n")
    repo.write("a\nb.txt", "x\n")
    params = {"params.yaml": {"\udcff": 1}}
    repo.gitexp("save", "-q", "-n", "odd")
    lost = put(repo, "lost", params=params)
    head = repo.git("rev-parse", "HEAD")
    record = replace(experiment(repo, "lost").record, baseline="1" * 40)
    tree = repo.git("rev-parse", f"{lost}^{{tree}}")
    text = records.encode(record, "lost").encode("utf-8", "surrogateescape")
    oid = repo.git("commit-tree", tree, "-p", lost, input=text)
    repo.git("update-ref", "refs/gitexp/exps/lost", oid)
    done = testing.exported(EXPORTER, Project.open(repo.path), str(tmp_path / "crate.zip"))
    told = "\n".join(done.remarks)
    assert "lost: its code is left out" in told
    assert "'caf\\udce9.txt' is left out" in told
    assert "'a\\nb.txt' is left out" in told
    assert "is that of another file but for case" in told
    names = zipfile.ZipFile(tmp_path / "crate.zip").namelist()
    assert f"code/{head[:12]}/train.py" in names
    assert "experiments/odd/changed/Train.PY" in names


def test_a_damaged_object_is_left_out(project: Project, tmp_path: Path) -> None:
    for path in project.local.objects.glob("??/*"):
        path.chmod(0o600)
        path.write_bytes(bytes(path.stat().st_size))
    done = testing.exported(EXPORTER, project, str(tmp_path / "crate"))
    assert any("model.bin" in remark for remark in done.remarks), done.remarks
    assert not (tmp_path / "crate/experiments/large/artifacts/model.bin").exists()


def test_data_stands_in_the_crate_once(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("files", ".gitignore", "gitexp.lock", "gitexp.yaml")
    repo.write("raw/a.csv", "a\n")
    repo.write("raw/deep/b.csv", "b\n")
    repo.write("labels.csv", "c\n")
    repo.gitexp("add", "-q", "raw", "labels.csv")
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("save", "-q", "-n", "two")
    place = str(tmp_path / "crate.zip")
    testing.exported(EXPORTER, Project.open(repo.path), place)
    with zipfile.ZipFile(place) as found:
        names = [name for name in found.namelist() if name.startswith("data/") and not name.endswith("/")]
    assert sorted(name.partition("/")[2].partition("/")[2] for name in names) == [
        "a.csv",
        "deep/b.csv",
        "labels.csv",
    ]
    entities = graph(place)
    actions = [one for one in entities.values() if one["@type"] == "CreateAction"]
    data = [[each["@id"] for each in one["object"] if each["@id"].startswith("data/")] for one in actions]
    assert data[0] == data[1]
    assert sorted(entities[each].get("alternateName", entities[each]["name"]) for each in data[0]) == [
        "labels.csv",
        "raw",
    ]
