"""Secrets on a command line are not stored, and are asked for when the run is repeated."""

from __future__ import annotations

import sys

import pytest

from tests.support.workspace import Workspace

PRINT = "import os, sys; print(os.environ.get('API_KEY'), sys.argv[1:])"


def everything(repo: Workspace) -> str:
    """All commits and all files that the refs of experiments and of operations reach."""
    log = repo.git("log", "--all", "--glob=refs/gitexp", "--format=%B", "-p", "--text")
    return log.replace("+" + PRINT, "")


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        (("--api-key", "S3CRET", "--lr", "0.1"), "args.lr"),
        (("--db-password=S3CRET",), "--db-password=***secret***"),
        (("+wandb.api_key=S3CRET",), "wandb.api_key"),
        (("--url", "https://user:S3CRET@host/x"), "--url"),
        (("ghp_S3CRETS3CRETS3CRETS3CRET",), "train.py"),
    ],
)
def test_a_secret_is_nowhere(repo: Workspace, args: tuple[str, ...], kept: str) -> None:
    repo.write("train.py", "print('quiet')")
    done = repo.gitexp("run", "-n", "a", "--", sys.executable, "train.py", *args)
    assert done.stderr.count("not stored, it looks like a secret: the value of") == 1
    assert "S3CRET" not in everything(repo) + done.stderr
    assert kept in repo.gitexp("show", "a").stdout


def test_a_secret_for_a_params_file_is_told(repo: Workspace) -> None:
    repo.write("train.py", "")
    repo.write("params.yaml", "api_key: x\n")
    repo.writes("params.yaml")
    done = repo.gitexp("run", "-S", "api_key=S3CRET", "--", sys.executable, "train.py")
    assert "stored with the params file, though it looks like a secret: api_key" in done.stderr


def test_what_no_name_calls_a_secret_is_stored(repo: Workspace) -> None:
    repo.write("train.py", "")
    words = ["--max-tokens", "512", "--tokenizer", "gpt2", "--sort-key", "acc", "--password-file", "p.txt"]
    done = repo.gitexp("run", "-n", "a", "--", sys.executable, "train.py", *words)
    assert "secret" not in done.stderr
    assert " ".join(words) in repo.json("show", "a")[0]["command"]


def test_a_repeated_run_asks_for_it(repo: Workspace) -> None:
    repo.write("train.py", PRINT)
    repo.gitexp("run", "-n", "a", "--", sys.executable, "train.py", "--api-key", "S3CRET")
    done = repo.gitexp("run", "--from", "a", check=False)
    assert done.exit_code == 2
    assert "hint: Give it: gitexp run --from a -S args.api-key=VALUE" in done.stderr
    done = repo.gitexp("run", "--from", "a", "-S", "args.api-key=OTH3R", "-n", "b")
    assert "['--api-key', 'OTH3R']" in done.stdout
    assert repo.json("show", "b")[0]["overrides"] == ["args.api-key=***secret***"]
    assert repo.gitexp("run", "--once", "--", sys.executable, "train.py", "--api-key", "X").stdout == ""


def test_a_variable_comes_from_the_environment(repo: Workspace) -> None:
    repo.write("train.py", PRINT)
    repo.gitexp("run", "-n", "a", "--", "env", "API_KEY=S3CRET", sys.executable, "train.py")
    done = repo.gitexp("run", "--from", "a", check=False)
    assert "API_KEY=VALUE gitexp run --from a" in done.stderr
    assert "OTH3R []" in repo.gitexp("run", "--from", "a", env={"API_KEY": "OTH3R"}).stdout


def test_a_param_is_said_to_be_stored(repo: Workspace) -> None:
    repo.write("params.yaml", "train: {lr: 1}\nopenai: {api_key: none}\n")
    repo.allow("files", "params.yaml")
    done = repo.gitexp("run", "-n", "a", "-S", "openai.api_key=abc", "--", sys.executable, "-c", "")
    assert "stored with the params file, though it looks like a secret: openai.api_key" in done.stderr
    assert repo.git("log", "-1", "--format=%s", "refs/gitexp/exps/a") == "a: openai.api_key=***secret***"


def test_an_untracked_file_with_a_key_in_it_is_left_out(repo: Workspace) -> None:
    repo.write("tracked.txt", "")
    repo.commit()
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    for name in ("tracked.txt", "notes.md", "sub/login", "fine.md", "kept.md"):
        repo.write(name, "see sk-learn, hf_x\n" if name == "fine.md" else key)
    repo.write(".gitexpignore", "!kept.md\n")
    done = repo.gitexp("run", "-n", "a", "--", sys.executable, "-c", "")
    assert "left out, has a key or token in it: notes.md, sub/login" in done.stderr
    stored = repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/exps/a").split()
    assert {"tracked.txt", "fine.md", "kept.md"} <= set(stored)
    assert not {"notes.md", "sub/login"} & set(stored)


@pytest.mark.parametrize("url", ["http://user:S3CRET@127.0.0.1:1/x", "user:S3CRET@host/x", "../x"])
@pytest.mark.parametrize("args", [("push", "--remote"), ("pull", "--remote"), ("list", "--remote")])
def test_a_url_in_place_of_a_remote_is_not_repeated(repo: Workspace, url: str, args: tuple[str, ...]) -> None:
    done = repo.gitexp(*args, url, check=False)
    assert done.exit_code == 1
    assert "S3CRET" not in done.stderr
    assert "hint: Give it a name: git remote add NAME URL" in done.stderr
