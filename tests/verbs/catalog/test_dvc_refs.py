"""What stands below refs/exps and is no experiment, or one that nobody made in good faith."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.extras.integrations.dvc import DvcSource
from gitexp.model import Damaged, Experiment
from gitexp.project.project import Project
from gitexp.repo.git import launch
from gitexp.testing import SourceContract
from tests.support.codes import has_code
from tests.support.dvc import put
from tests.support.workspace import Workspace


def _found(repo: Workspace) -> dict[str, Experiment]:
    return {experiment.name: experiment for experiment in sources.experiments(Project.open(repo.path))}


def _only(repo: Workspace) -> Experiment:
    (found,) = _found(repo).values()
    return found


class TestContract(SourceContract):
    name, prefix = "dvc", "refs/exps/"

    @pytest.fixture
    def source(self) -> DvcSource:
        return DvcSource()

    @pytest.fixture
    def project(self, repo: Workspace) -> Project:
        for name in ("second", "first", "third"):
            put(repo, name, {"metrics.json": f'{{"name": "{name}"}}'})
        repo.commit("another baseline")
        put(repo, "elsewhere")
        return Project.open(repo.path)


def _place(repo: Workspace, name: str) -> str:
    head = repo.git("rev-parse", "HEAD")
    return f"refs/exps/{head[:2]}/{head[2:]}/{name}"


def test_an_experiment_is_a_commit_on_its_baseline(repo: Workspace) -> None:
    commit = put(repo, "good", {"metrics.json": '{"acc": 1}'}, message="why\n\nbecause")
    found = _only(repo)
    record = found.record
    assert (found.name, found.id, record.commit, found.source) == ("good", commit, commit, "dvc")
    assert record.baseline == repo.git("rev-parse", "HEAD")
    assert record.created == "2023-11-14T22:13:20.000Z"
    assert record.note == "why\n\nbecause"
    assert record.metrics == {"metrics.json": {"acc": 1}}
    assert record.params["params.yaml"]["train"]["lr"] == 0.1
    assert record.command is None


@pytest.mark.parametrize(
    "ref",
    [
        *("exec/EXEC_HEAD", "stash", "apply/ORIG_HEAD", "apply/stash", "celery/stash", "celery/failed"),
        *("temp/abcdef", "zz/" + "0" * 38 + "/x", "ab/cdef/x", "ab/" + "0" * 38, "AB/" + "0" * 38 + "/x"),
        *("ab/" + "0" * 38 + "/a/b", "ab/" + "0" * 39 + "/x", "x"),
    ],
)
def test_other_refs_are_passed_over(repo: Workspace, ref: str) -> None:
    put(repo, "good")
    repo.git("update-ref", f"refs/exps/{ref}", "HEAD")
    assert _found(repo).keys() == {"good"}


@pytest.mark.parametrize("what", ["HEAD:params.yaml", "HEAD^{tree}", "v1"])
def test_what_is_no_commit_is_passed_over(repo: Workspace, what: str) -> None:
    put(repo, "good")
    repo.git("tag", "--annotate", "-m", "x", "v1")
    repo.git("update-ref", _place(repo, "odd"), what)
    assert _found(repo).keys() == {"good"}
    assert [row["name"] for row in repo.json("show")[2:]] == ["good"]
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")):
        lookup.require(Project.open(repo.path), "odd")


def test_a_commit_that_is_gone_or_damaged_hides_no_other(repo: Workspace) -> None:
    put(repo, "good")
    damaged = put(repo, "damaged", {"x": "1"})
    with repo.by_user():
        path = repo.path / ".git" / _place(repo, "gone")
        path.write_text("1234" * 10 + "\n")
        repo_objects = repo.path / ".git" / "objects"
        _unpack(repo_objects)
        broken = repo_objects / damaged[:2] / damaged[2:]
        broken.chmod(0o600)
        broken.write_bytes(b"no object at all")
    found = _found(repo)
    assert {name for name, found_one in found.items() if isinstance(found_one, Experiment)} == {"good"}
    assert found["gone"].error == "The commit of gone is not in this repository."
    assert isinstance(found["damaged"], Damaged)
    with pytest.raises(errors.BadRecord):
        lookup.require(Project.open(repo.path), "gone")
    assert repo.gitexp("show", "-A").exit_code == 0


def test_a_baseline_that_is_gone_is_no_crash(repo: Workspace) -> None:
    put(repo, "stray", ref="refs/exps/12/" + "34" * 19 + "/stray")
    assert _only(repo).record.baseline == "12" + "34" * 19
    assert "stray" in repo.gitexp("show", "-A").stdout
    done = repo.gitexp("diff", "stray", check=False)
    assert done.exit_code in (0, 1)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        b"\xc2\x9b31mred",  # the C1 form of an escape sequence
        "‮txt.exe".encode(),
        b"\xff\xfe",
        b"-rf",
        b"$(touch${IFS}x)",
        b"'; touch x; '",
        b"<b>&amp;",
        "größe-😀".encode(),
    ],
)
def test_no_name_reaches_the_screen_as_more_than_text(repo: Workspace, name: bytes) -> None:
    ref = _place(repo, "").encode() + name.replace(b" ", b"_")
    put(repo, "", ref=os.fsdecode(ref))
    for command in (
        ("show", "-A"),
        ("list", "-A"),
        ("show", "--json"),
        ("show", "--format", "csv"),
        ("show", "--format", "md"),
    ):
        out = repo.gitexp(*command).stdout
        assert not set(out) & {"\x1b", "\x9b", "‮", "\x00"}
        out.encode()
    assert len(_found(repo)) == 1


def test_a_ref_file_with_an_escape_sequence_in_its_name_is_no_ref(repo: Workspace) -> None:
    commit = put(repo, "good")
    with repo.by_user():
        (repo.path / ".git" / _place(repo, "\x1b[31mred")).write_text(commit + "\n")
    assert _found(repo).keys() == {"good"}


_CANARY = "/etc/passwd"


@pytest.mark.parametrize(
    "dvc_yaml",
    [
        "stages: {a: {cmd: x, wdir: ../.., params: [lr], metrics: [secret.json]}}",
        f"metrics: [{_CANARY}, ../secret.json, .git/config]\nparams: [{_CANARY}]",
        "metrics: [train.py, params.yaml/x, '', no-such.json, 'a\\nb']",
        "stages: []\nmetrics: {a: 1}\nparams: 7\nvars: x",
        "stages: {a: 1, b: [], c: {metrics: 1, params: {x: y}, wdir: [], cmd: {}}}",
        "stages: {a: {foreach: 1, do: []}, b: {matrix: {x: 1, y: {}}}, c: {foreach: {x: 1}}}",
        "a: &a [*a]",
        "not: [closed",
        b"\xff\xfe\x00",
        "x: " + "y" * (10 << 20),
    ],
)
def test_a_hostile_dvc_yaml_costs_its_own_values_at_most(repo: Workspace, dvc_yaml: str | bytes) -> None:
    put(repo, "good")
    put(repo, "odd", {"dvc.yaml": dvc_yaml, "metrics.json": '{"acc": 1}'})
    (repo.path.parent / "secret.json").write_text('{"secret": 1}')
    found = _found(repo)
    assert isinstance(found["odd"], Experiment)
    assert found["odd"].record.params["params.yaml"] == found["good"].record.params["params.yaml"]
    assert "secret" not in str(found["odd"].record.metrics)
    assert repo.gitexp("show", "-A").exit_code == 0


def test_what_cannot_be_read_is_named(repo: Workspace) -> None:
    large = '{"x": "' + "y" * (1 << 20) + '"}'
    put(repo, "odd", {"dvc.yaml": "a: [", "metrics.json": large, "params.yaml": "a: 1\na: 2"})
    warnings = _only(repo).record.warnings
    assert [warning.split(": ")[1] for warning in warnings] == [
        "dvc.yaml:2:1",
        "metrics.json",
        "params.yaml:2:1",
    ]
    assert all(warning.startswith("not read: ") for warning in warnings)
    assert "metrics.json: this file is larger than 1 MiB (in odd)" in repo.gitexp("diff", "odd").stderr
    put(repo, "odd", {"dvc.yaml": "a: " + "b" * (10 << 20)})
    assert _only(repo).record.warnings == ("not read: dvc.yaml: this file is larger than 1 MiB",)


def test_a_commit_with_an_endless_message_is_told(repo: Workspace) -> None:
    put(repo, "good")
    put(repo, "long", message="x" * (2 << 20))
    found = _found(repo)["long"]
    assert isinstance(found, Damaged)
    assert found.error.startswith("The commit of long is too large: 2,097,")


def test_a_dvc_yaml_in_a_folder_of_the_checkout_counts(repo: Workspace) -> None:
    repo.write("sub/dvc.yaml", "metrics: [m.json]\n")
    repo.commit()
    put(repo, "one", {"sub/m.json": '{"acc": 1}'})
    assert _only(repo).record.metrics == {"sub/m.json": {"acc": 1}}
    assert [row["metrics"] for row in repo.json("show") if row["name"] == "one"] == [{"acc": 1}]


def test_a_metric_in_dvcs_cache_is_read_there_and_nowhere_else(repo: Workspace, tmp_path: Path) -> None:
    md5 = "0123456789abcdef0123456789abcdef"
    lock = "stages: {train: {cmd: x, outs: [{path: m.json, md5: %s}]}}"
    files = {"dvc.yaml": "stages: {train: {cmd: x, metrics: [m.json]}}"}
    put(repo, "one", {**files, "dvc.lock": lock % md5})
    assert _only(repo).record.metrics == {}
    repo.write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", '{"acc": 1}')
    assert _only(repo).record.metrics == {"m.json": {"acc": 1}}
    assert _only(repo).record.command == "x"
    (tmp_path / "secret").write_text('{"acc": 2}')
    put(repo, "one", {**files, "dvc.lock": lock % "../../../../../../secret"})
    assert _only(repo).record.metrics == {}


FOLDER, FILE = "11" * 16, "22" * 16
LISTED = f'[{{"md5": "{FILE}", "relpath": "m.json"}}, {{"md5": "../../../etc", "relpath": "n.json"}}]'


@pytest.mark.parametrize("place", [".dvc/cache/files/md5", ".dvc/cache", "shared/files/md5"])
def test_a_metric_in_a_folder_of_dvcs_cache_is_read(repo: Workspace, place: str) -> None:
    lock = f"stages: {{train: {{cmd: x, outs: [{{path: out, md5: {FOLDER}.dir, nfiles: 2}}]}}}}"
    metrics = "metrics: [out/m.json, out/n.json]\nstages: {train: {cmd: x, outs: [out]}}"
    put(repo, "one", {"dvc.yaml": metrics, "dvc.lock": lock})
    absent = "its content is not in DVC's cache here: dvc pull, or dvc exp pull, brings it"
    assert _only(repo).record.warnings == tuple(f"not read: out/{name}.json: {absent}" for name in "mn")
    repo.write(".dvc/config", "[cache]\n    dir = ../shared\n")
    repo.write(f"{place}/{FOLDER[:2]}/{FOLDER[2:]}.dir", LISTED)
    repo.write(f"{place}/{FILE[:2]}/{FILE[2:]}", '{"acc": 1}')
    assert _only(repo).record.metrics == {"out/m.json": {"acc": 1}}
    commit = repo.git("rev-parse", _only(repo).id)
    repo.write("dvc.yaml", metrics)
    project = Project.open(repo.path)
    assert project.read_at([commit])[commit].metrics == {"out/m.json": {"acc": 1}}


def test_what_gitexps_own_config_declares_is_read_too(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "metrics: [mine.json]\nparams: [mine.yaml]\n")
    files = {
        "dvc.yaml": "metrics: [m.json]\n",
        "m.json": '{"a": 1}',
        "mine.json": '{"b": 2}',
        "mine.yaml": "c: 3",
    }
    put(repo, "one", files)
    record = _only(repo).record
    assert record.metrics == {"mine.json": {"b": 2}, "m.json": {"a": 1}}
    assert record.params["mine.yaml"] == {"c": 3}


def test_the_dvc_yaml_of_the_workspace_serves_gitexp_too(repo: Workspace) -> None:
    repo.write("m.json", '{"acc": 1}')
    repo.write("dvc.yaml", 'metrics: ["${name}.json"]\nvars: [{name: m}]\nparams: [other.json]\n')
    repo.write("other.json", '{"depth": 3}')
    config = Project.open(repo.path).config
    assert config.metrics[-1] == "m.json"
    assert config.params[-1] == "other.json"
    assert (config.outs, config.share) == (("dvc.lock",), (".dvc/cache",))
    assert repo.json("show")[0]["metrics"] == {"acc": 1}
    repo.write("gitexp.yaml", "metrics: [mine.json]\nouts: [m]\nshare: [data]\n")
    config = Project.open(repo.path).config
    assert (config.metrics, config.outs, config.share) == (
        ("mine.json",),
        ("m", "dvc.lock"),
        ("data", ".dvc/cache"),
    )
    assert config.params[-1] == "other.json"
    repo.write("dvc.yaml", "metrics: [")
    assert Project.open(repo.path).config.metrics == ("mine.json",)


def test_without_any_nothing_is_looked_for(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.open(repo.path)
    calls = []
    start = launch._start
    monkeypatch.setattr(launch, "_start", lambda *a, **k: calls.append(a[1][0]) or start(*a, **k))
    assert sources.experiments(project) == []
    assert calls == []


def _unpack(objects: Path) -> None:
    """Make loose objects of what `git fast-import` has packed."""
    for pack in list((objects / "pack").glob("*.pack")):
        moved = objects.parent / pack.name
        pack.rename(moved)
        for beside in (objects / "pack").glob(f"{pack.stem}.*"):
            beside.unlink()
        with moved.open("rb") as data:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=objects.parent, stdin=data, check=True)
        moved.unlink()
