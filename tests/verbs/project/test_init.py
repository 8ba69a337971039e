"""`gitexp init`: what it finds, and what it writes."""

from __future__ import annotations

import sys

import pytest

from gitexp import errors
from gitexp.project import config_loading
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
        "With another value: gitexp run -S train.lr=0.2",
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
    assert config_loading.load(repo.path, repo.path).command is None


@pytest.mark.parametrize("text", ["stages: {a: {cmd: x, metrics: [m.json]}}", "stages: {a: {"])
def test_the_stages_of_a_dvc_yaml_are_left_to_it(repo: Workspace, text: str) -> None:
    repo.write("dvc.yaml", text)
    repo.allow("files", "gitexp.yaml")
    told = repo.gitexp("init").stderr
    assert "command  the stages of dvc.yaml" in told
    assert "Next: gitexp run\n" in told
    assert "# stages: as in dvc.yaml" in (repo.path / "gitexp.yaml").read_text()
    found = config_loading.load(repo.path, repo.path)
    assert (found.command, found.pipeline_file) == (None, "dvc.yaml")
    assert ("m.json" in found.metrics) == ("m.json" in text)
    assert repo.json("init", "--force", "--command", "make")["command"] == "make"


def test_a_folder_below_is_a_project_of_its_own(repo: Workspace) -> None:
    repo.write("sub dir/main.py", "")
    repo.allow("files", "sub dir/gitexp.yaml")
    assert repo.json("init", cwd="sub dir")["command"] == "python main.py"
    found = config_loading.load(repo.path, repo.path / "sub dir")
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
        ({"train.py": "x", "uv.lock": ""}, "uv run python train.py", ()),
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
    assert config_loading.load(repo.path, repo.path).command == command


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


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('print("loss: %.4f, acc=%d%%" % (loss, acc))', ["loss", "acc"]),
        ('print("val_loss: {:.4f} f1={}".format(loss, f1))', ["val_loss", "f1"]),
        ('print("loss: " + str(loss) + " acc: " + str(acc))', ["loss", "acc"]),
        ('logger.info("loss: %f acc: %s", loss, acc)', ["loss", "acc"]),
        ('tqdm.write(f"loss: {loss:.2f}")', ["loss"]),
        ('print("done %s" % x, "100%"); print("saved: ok")', []),
    ],
)
def test_all_ways_to_print(repo: Workspace, line: str, names: list[str]) -> None:
    repo.write("train.py", f"loss = acc = f1 = 0\n{line}\n")
    repo.allow("files", "gitexp.yaml")
    assert list(ops.init(repo.path).printed) == names


LIGHTNING = "import lightning as L\n{logger}L.Trainer(max_epochs=3)\n"
ARGPARSE = "import argparse\np.add_argument('-l', '--lr', type=float, default=0.1)"


@pytest.mark.parametrize(
    ("script", "more", "folder", "with_value"),
    [
        (LIGHTNING.format(logger=""), {}, "lightning_logs", ""),
        (LIGHTNING.format(logger="CSVLogger('logs', name='x')\n"), {}, "logs/x", ""),
        (ARGPARSE, {"uv.lock": ""}, "", "gitexp run -- uv run python train.py --lr 0.2"),
        ("", {"params.yaml": "name: x\nlr: 0.5\n"}, "", "gitexp run -S lr=1.0"),
        ("", {"params.yaml": "seed: 7\nunits: 16\n"}, "", "gitexp run -S units=32"),
        ("", {"params.yaml": "seed: 0\n"}, "", "gitexp run -S seed=1"),
        ("import mlflow\nmlflow.log_metric('loss', 1)", {"poetry.lock": ""}, "", ""),
    ],
)
def test_the_first_run_uses_what_was_found(
    repo: Workspace, script: str, more: dict[str, str], folder: str, with_value: str
) -> None:
    repo.git("rm", "-q", "params.yaml")
    for name, text in {"train.py": script, **more}.items():
        repo.write(name, text)
    repo.allow("files", "gitexp.yaml")
    found = ops.init(repo.path)
    assert found.with_value == with_value
    assert ("MLflow" in found.tools) == ("mlflow" in script)
    loaded = config_loading.load(repo.path, repo.path).patterns
    expected = ((f"{folder}/*/metrics.csv",), (f"{folder}/*/hparams.yaml",)) if folder else ((), ())
    assert (loaded.metrics, loaded.params) == expected


def test_a_rehearsal_says_what_would_be_written(repo: Workspace) -> None:
    repo.write("train.py", "import argparse\np.add_argument('--units', default=16)\n")
    told = repo.gitexp("init", "--dry-run").stderr
    assert told.startswith("dry run: Would write gitexp.yaml:\n")
    assert "options  are params, too: --units 16 is args.units\n" in told
    repo.write("train.py", "import argparse\np.add_argument('--name')\n")
    assert "options  are params, too\n" in repo.gitexp("init", "--dry-run").stderr


def test_force_keeps_what_is_not_looked_for(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    mine = (
        "# mine\ncommand: old\ndata: [raw]\nremotes: {s: ../s}\nparams: [extra.yaml]  # more\nlink: [copy]\n"
    )
    repo.write("gitexp.yaml", mine)
    done = repo.gitexp("init", "--force")
    text = repo.read("gitexp.yaml")
    assert "# mine" in text
    found = config_loading.load(repo.path, repo.path)
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
    assert config_loading.load(repo.path, repo.path).command is None
    assert "stages: {a: {cmd: 'true'}}" in repo.read("gitexp.yaml")


def test_the_config_of_hydra_is_changed_among_the_words(repo: Workspace) -> None:
    repo.write("src/conf/main.yaml", "lr: 1\n")
    repo.write("src/train.py", "@hydra.main(config_path='conf', config_name='main')\ndef f(cfg): pass\n")
    repo.git("rm", "-q", "train.py")
    repo.allow("files", "gitexp.yaml")
    repo.git("rm", "-q", "params.yaml")
    told = repo.gitexp("init").stderr
    assert "  params   what Hydra composes\n" in told
    assert "With another value: gitexp run -S lr=2\n" in told
    assert "params:" not in repo.read("gitexp.yaml")


def test_several_scripts_are_named(repo: Workspace) -> None:
    repo.allow("files", "gitexp.yaml")
    repo.write("main.py", "print(f'acc: {acc}')\n")
    repo.write("train_big.py", "")
    told = repo.gitexp("init").stderr
    assert "  command  python train.py\n" in told
    assert "  not      main.py, train_big.py: gitexp init --force --command 'python main.py'\n" in told
    found = repo.json("init", "--force", "--command", "python main.py")
    assert found["other_scripts"] == ["train.py", "train_big.py"]
    assert list(found["metrics_from_output"]) == ["acc"]  # of the script that is run


def test_of_two_unusual_scripts_none_is_taken(repo: Workspace) -> None:
    repo.git("rm", "-q", "train.py")
    for name in ("a.py", "b.py", "uv.lock"):
        repo.write(name, "")
    told = repo.gitexp("init", "--dry-run").stderr
    assert "  command  none found" in told
    assert "  not      a.py, b.py: gitexp init --force --command 'uv run python a.py'" in told


def test_a_dry_run_asks_nothing(repo: Workspace) -> None:
    screen = repo.tty("init", "--dry-run")
    assert screen.exit_code == 0
    assert "Training command" not in "".join(screen.lines)
    assert not (repo.path / "gitexp.yaml").exists()


def test_a_person_is_asked_for_the_command(repo: Workspace) -> None:
    repo.write("main.py", "")
    repo.allow("files", "gitexp.yaml")
    screen = repo.tty("init", keys=[("Training command", "make train\r")])
    assert screen.exit_code == 0
    assert "Scripts here that may train too: main.py" in screen.lines
    assert config_loading.load(repo.path, repo.path).command == "make train"
