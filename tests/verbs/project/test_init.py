"""`gitexp init`: what it finds, and what it writes."""

from __future__ import annotations

import sys

import pytest

from gitexp import errors
from gitexp.project import config
from gitexp.project import init as ops
from tests.support.codes import has_code
from tests.support.kills import kill
from tests.support.workspace import Workspace


def test_it_finds_the_script_and_the_files(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    done = repo.gitexp("init")
    assert done.stderr.splitlines() == [
        "Wrote gitexp.yaml:",
        "  command  python train.py",
        "  params   params.yaml",
        "  metrics  metrics.json",
        "Next: gitexp run",
    ]
    assert repo.read("gitexp.yaml").splitlines() == [
        "# How gitexp runs this project; every key is optional.",
        "command: python train.py",
        "params: [params.yaml]",
        "metrics: [metrics.json]",
    ]
    repo.writes("metrics.json")
    assert repo.json("run")["command"] == "python train.py"


def test_a_file_that_is_there_stays(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: mine\n")
    done = repo.gitexp("init", check=False)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    repo.allow("files", "gitexp.yaml")
    assert repo.json("init", "--force")["command"] == "python train.py"


def test_a_link_to_nowhere_is_in_the_way(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "gitexp.yaml").symlink_to("/nowhere/else.yaml")
    assert repo.gitexp("init", check=False).exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_kill_leaves_no_half_of_it(repo: Workspace) -> None:
    kill(repo, "whole-file:written", "init")
    assert not (repo.path / "gitexp.yaml").exists()
    repo.allow("files", "gitexp.yaml")
    repo.gitexp("init")
    written = repo.read("gitexp.yaml")
    kill(repo, "whole-file:written", "init", "--force", "--command", "make")
    assert repo.read("gitexp.yaml") == written


def test_nothing_found(repo: Workspace) -> None:
    repo.git("rm", "-q", "train.py", "params.yaml")
    repo.allow("files", "gitexp.yaml")
    done = repo.gitexp("init")
    assert "none found: write it into the file" in done.stderr
    assert "# command: python train.py" in repo.read("gitexp.yaml")
    assert config.load(repo.path, repo.path).command is None


@pytest.mark.parametrize("text", ["stages: {a: {cmd: x, metrics: [m.json]}}", "stages: {a: {"])
def test_the_stages_of_a_dvc_yaml_are_left_to_it(repo: Workspace, text: str) -> None:
    repo.write("dvc.yaml", text)
    repo.allow("files", "gitexp.yaml")
    told = repo.gitexp("init").stderr
    assert "command  the stages of dvc.yaml" in told
    assert "Next: gitexp run\n" in told
    assert "# stages: as in dvc.yaml" in (repo.path / "gitexp.yaml").read_text()
    found = config.load(repo.path, repo.path)
    assert (found.command, found.pipeline_file) == (None, "dvc.yaml")
    assert ("m.json" in found.metrics) == ("m.json" in text)
    assert repo.json("init", "--force", "--command", "make")["command"] == "make"


def test_a_folder_below_is_a_project_of_its_own(repo: Workspace) -> None:
    repo.write("sub dir/main.py", "")
    repo.allow("files", "sub dir/gitexp.yaml")
    assert repo.json("init", cwd="sub dir")["command"] == "python main.py"
    found = config.load(repo.path, repo.path / "sub dir")
    assert found.folder == "sub dir"
    assert "sub dir/metrics.json" in found.metrics


def test_quiet(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    done = repo.gitexp("init", "-q")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("files", "command", "metrics"),
    [
        ({"fit.py": ""}, "python fit.py", ()),
        ({"one.py": "", "two.py": ""}, None, ()),
        ({"setup.py": "", "test_x.py": "", "fit it.py": ""}, 'python "fit it.py"', ()),
        ({"train.sh": ""}, "sh train.sh", ()),
        ({"src/train.py": ""}, "python src/train.py", ()),
        ({"train.py": "open('metrics.csv')"}, "python train.py", ("metrics.csv",)),
        ({"train.py": "import dvclive"}, "python train.py", ("dvclive/metrics.json",)),
        ({"train.py": "x", "uv.lock": ""}, "uv run train.py", ()),
        ({"train.py": "x", "poetry.lock": ""}, "poetry run python train.py", ()),
        ({"train.py": "x", "metrics.yaml": "a: 1"}, "python train.py", ("metrics.yaml",)),
    ],
)
def test_what_is_looked_for(
    repo: Workspace, files: dict[str, str], command: str | None, metrics: tuple[str, ...]
) -> None:
    repo.git("rm", "-q", "train.py")
    for name, text in files.items():
        repo.write(name, text)
    repo.allow("files", "gitexp.yaml")
    found = ops.init(repo.path)
    assert (found.command, found.metrics) == (command, metrics)


def test_ignored_data_is_shared(repo: Workspace) -> None:
    repo.write("data/big.csv", "x")
    repo.allow("files", "gitexp.yaml")
    assert ops.init(repo.path).share == ("data",)


@pytest.mark.parametrize(
    "command", ["true", "a: b", "x # y", "'quoted'", "ünï", "echo 1\techo", "- x", "{a}", "1e5", "a  b", "&x"]
)
def test_every_command_is_read_back(repo: Workspace, command: str) -> None:
    repo.allow("files", "gitexp.yaml")
    ops.init(repo.path, command=command)
    assert config.load(repo.path, repo.path).command == command


def test_outside_a_repository(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(errors.RepositoryError, check=has_code("not-a-repository")):
        ops.init(tmp_path_factory.mktemp("outside"))


PRINTS = """
import argparse
for epoch in range(3):
    print(f"epoch: {epoch} loss: {loss:.3f}, acc={acc}")
print("val/f1:", f1, "done")
print(f"metrics.x is {x}")
"""


def test_printed_metrics_are_found_and_none_are_invented(repo: Workspace) -> None:
    repo.write("train.py", PRINTS)
    repo.allow("files", "gitexp.yaml")
    found = repo.json("init")
    assert found["metrics"] == []
    assert list(found["metrics_from_output"]) == ["loss", "acc", "val/f1"]
    repo.write("train.py", "print('epoch: 1 loss: 0.250, acc=1e-3'); print('val/f1:', 0.5, 'done')")
    done = repo.gitexp("run", "-n", "a")
    assert "warning" not in done.stderr
    assert repo.json("show", "a")[0]["metrics"] == {"loss": 0.25, "acc": 0.001, "val/f1": 0.5}


def test_force_keeps_what_is_not_looked_for(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    mine = (
        "# mine\ncommand: old\ndata: [raw]\nremotes: {s: ../s}\nparams: [extra.yaml]  # more\nlink: [copy]\n"
    )
    repo.write("gitexp.yaml", mine)
    done = repo.gitexp("init", "--force")
    text = repo.read("gitexp.yaml")
    assert "# mine" in text
    found = config.load(repo.path, repo.path)
    assert (found.command, found.data, list(found.remotes)) == ("python train.py", ("raw",), ["s"])
    assert found.params == ("extra.yaml", "params.yaml")
    assert found.link == ("copy",)
    assert "kept     data, remotes, link" in done.stderr
    repo.gitexp("undo")
    assert repo.read("gitexp.yaml") == mine


def test_stages_stay_in_place_of_a_command(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    repo.write("gitexp.yaml", "stages: {a: {cmd: 'true'}}\n")
    repo.gitexp("init", "--force")
    assert config.load(repo.path, repo.path).command is None
    assert "stages: {a: {cmd: 'true'}}" in repo.read("gitexp.yaml")


def test_the_config_of_hydra_has_params(repo: Workspace) -> None:
    repo.write("src/conf/main.yaml", "lr: 1\n")
    repo.write("src/train.py", "@hydra.main(config_path='conf', config_name='main')\ndef f(cfg): pass\n")
    repo.git("rm", "-q", "train.py")
    repo.allow("files", "gitexp.yaml")
    assert repo.json("init")["params"] == ["params.yaml", "src/conf/main.yaml"]


def test_a_person_is_asked_for_the_command(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    screen = repo.tty("init", keys=[("Training command", "make train\r")])
    assert screen.exit_code == 0
    assert config.load(repo.path, repo.path).command == "make train"
