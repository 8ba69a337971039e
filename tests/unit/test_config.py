"""`gitexp.yaml`: what it may say, and what is said of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp import errors
from gitexp.project import config_loading
from gitexp.project.config import Config
from tests.support.workspace import Workspace


def load(folder: Path, text: str | None, here: str = "") -> Config:
    if text is not None:
        (folder / "gitexp.yaml").write_text(text, "utf-8")
    (folder / here).mkdir(parents=True, exist_ok=True)
    return config_loading.load(folder, folder / here)


def test_without_one_the_conventions_hold(tmp_path: Path) -> None:
    found = load(tmp_path, None)
    assert found == Config()
    assert "params.yaml" in found.params
    assert "dvclive/metrics.json" in found.metrics
    assert found.results == (*found.metrics, *found.plots)
    assert load(tmp_path, "") == load(tmp_path, "# nothing\n") == found


def test_every_key(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "command: [python, train.py, 3, 0.5]\nparams: p.yaml\nmetrics: [m.json, ./m.json, sub/../n.csv]\n"
        "plots: []\nouts: [models/]\nshare: [data, .venv]\nmax_untracked: 1.5 GB\n"
        "metrics_from_output: {loss: 'x(.*)', a.b: y}\nname_template: ' lr={lr} '\n",
    )
    assert found.command == ("python", "train.py", "3", "0.5")
    assert found.params == ("p.yaml",)
    assert found.metrics == ("m.json", "n.csv")
    assert found.plots == ()
    assert (found.outs, found.share) == (("models",), ("data", ".venv"))
    assert found.max_untracked == int(1.5 * 1024**3)
    assert found.metrics_from_output == {"loss": "x(.*)", "a.b": "y"}
    assert found.name_template == "lr={lr}"
    assert found.declared == {"p.yaml", "m.json", "n.csv"}


def test_null_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    assert load(tmp_path, "command:\nparams: ~\n") == Config()


@pytest.mark.parametrize(
    ("text", "metrics", "directions"),
    [
        ("{loss: min, acc: max}", None, {"loss": "min", "acc": "max"}),
        ("[m.json, {loss: min}, {acc: max}]", ("m.json",), {"loss": "min", "acc": "max"}),
        ("m.json", ("m.json",), {}),
        ("[{loss: min}]", None, {"loss": "min"}),
        ("~", None, {}),
    ],
)
def test_metrics_are_files_and_directions(
    tmp_path: Path, text: str, metrics: tuple[str, ...] | None, directions: dict[str, str]
) -> None:
    found = load(tmp_path, f"metrics: {text}\n")
    assert found.metrics == (metrics or Config().metrics)
    assert found.declared == frozenset(metrics or ())
    assert found.directions == directions


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("10k", 10240), ("10 MB", 10 << 20), ("1 GiB", 1 << 30), ("2T", 2 << 40), ("0", 0)],
)
def test_sizes(tmp_path: Path, text: str, size: int) -> None:
    assert load(tmp_path, f"max_untracked: {text}\n").max_untracked == size


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("comand: x\n", "gitexp.yaml:1: there is no key 'comand'", "Did you mean command?"),
        ("params: [a]\n\nxyzzy: 1\n", "gitexp.yaml:3: there is no key 'xyzzy'", "The keys are: command, "),
        ("command: {a: 1}\n", "gitexp.yaml:1: 'command' must be", "command: python train.py"),
        ("command: ''\n", "gitexp.yaml:1: 'command' must be", ""),
        ("command: [a, true]\n", "gitexp.yaml:1: 'command' must be", ""),
        ('command: "a\\0b"\n', "gitexp.yaml:1: 'command' must be", ""),
        ("# x\nparams: {a: b}\n", "gitexp.yaml:2: 'params' must be a list of paths", "params: [some/path]"),
        ("metrics: [1]\n", "gitexp.yaml:1: 'metrics' must be a list of paths", ""),
        (
            "metrics: {loss: low}\n",
            "gitexp.yaml:1: of the metric 'loss' either min or max",
            "{loss: min, acc: max}",
        ),
        ("metrics: [../x]\n", "gitexp.yaml:1: '../x' is not inside the repository", ""),
        ("outs: [/etc]\n", "gitexp.yaml:1: '/etc' is not inside the repository", ""),
        ("outs: ['C:/x']\n", "gitexp.yaml:1: 'C:/x' is not inside the repository", ""),
        ("outs: [.git/hooks]\n", "gitexp.yaml:1: '.git/hooks' is not inside", ""),
        ("outs: [.]\n", "gitexp.yaml:1: '.' is not inside", ""),
        ('outs: ["a\\0b"]\n', "gitexp.yaml:1: 'a\0b' is not inside", ""),
        ("max_untracked: lots\n", "gitexp.yaml:1: 'max_untracked' must be a size", "50 MB"),
        ("max_untracked: -1\n", "gitexp.yaml:1: 'max_untracked' must be a size", ""),
        ("max_untracked: true\n", "gitexp.yaml:1: 'max_untracked' must be a size", ""),
        ("\nmetrics_from_output: [x]\n", "gitexp.yaml:2: 'metrics_from_output' must", "val_bpb: '"),
        ("metrics_from_output: {a: 1}\n", "gitexp.yaml:1: 'metrics_from_output' must", ""),
        ("metrics_from_output: {a: '('}\n", "gitexp.yaml:1: The pattern of a is no regular", "example"),
        ("metrics_from_output: {'': x}\n", "gitexp.yaml:1: `` cannot be the name of a metric", ""),
        ("name_template: [x]\n", "gitexp.yaml:1: 'name_template' must be a text", "lr={train.lr}"),
        ("name_template: ''\n", "gitexp.yaml:1: 'name_template' must be a text", ""),
        ("hydra: conf\n", "gitexp.yaml:1: 'hydra' must be a map", "config_dir: conf"),
        ("\nhydra: {config_dr: a}\n", "gitexp.yaml:2: 'hydra' has no 'config_dr'", "config_dir"),
        ("hydra: {config_name: a}\n", "gitexp.yaml:1: 'config_dir' must be a path", ""),
        ("hydra: {config_dir: ../a}\n", "gitexp.yaml:1: 'config_dir' must be a path", ""),
        ("hydra: {config_dir: a, config_name: [b]}\n", "gitexp.yaml:1: 'config_name' must", ""),
        ("hydra: {config_dir: a, params_file: b.json}\n", "gitexp.yaml:1: 'params_file' must end", ""),
        ("hydra: {config_dir: a, imports: {b: c}}\n", "gitexp.yaml:1: 'imports' must be a list", ""),
        ("a: [\n", "gitexp.yaml:2:1: ", ""),
        ("- a\n", "gitexp.yaml", ""),
        ("command: a\ncommand: b\n", "gitexp.yaml:2:1: ", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(errors.FileError) as caught:
        load(tmp_path, text)
    assert caught.value.message.startswith(message)
    assert hint in (caught.value.hint or "")


def test_the_nearest_folder_with_a_config_is_the_project(repo: Workspace) -> None:
    repo.write("a/gitexp.yaml", "metrics: [../shared.json, m.json]\n")
    repo.write("a/b/metrics.json", "{}")
    repo.write("c/params.yaml", "x: 1\n")
    found = config_loading.load(repo.path, repo.path / "a/b")
    assert (found.folder, found.metrics) == ("a", ("shared.json", "a/m.json"))
    assert config_loading.load(repo.path, repo.path / "c").folder == "c"
    assert config_loading.load(repo.path, repo.path).folder == ""


def test_a_config_that_cannot_be_read(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: x\n", mode=0o000)
    done = repo.gitexp("save", check=False, unreadable=True)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: gitexp.yaml: cannot be read: Permission denied")
    repo.write("gitexp.yaml", "command: x\n", mode=0o644)


@pytest.mark.parametrize("text", ["a: b: c\n", "comand: x\n"])
def test_a_wrong_config_hinders_only_what_needs_it(repo: Workspace, text: str) -> None:
    repo.gitexp("run", "-q", "-n", "one", "--", "true")
    repo.write("gitexp.yaml", text)
    for args in (
        *(("list",), ("show",), ("diff", "one"), ("log", "one")),
        *(("note", "one", "-m", "x"), ("tag", "one", "t"), ("rename", "one", "two"), ("remove", "-y", "two")),
        *(("restore", "two"), ("undo",), ("undo",), ("apply", "two"), ("undo",)),
    ):
        done = repo.gitexp(*args, check=False)
        assert done.exit_code == 0, (args, done.stderr)
        assert done.stderr.count("warning: gitexp.yaml:1") == 1, args
    for args in (("save",), ("run", "--", "true")):
        assert repo.json(*args, check=False)["error"]["file"] == "gitexp.yaml"
