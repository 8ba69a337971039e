"""No secret gets into a record or onto the screen: values of files that are left out, passwords in URLs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.experiments import put
from tests.support.workspace import Workspace

URL = "https://u:s3@cret@127.0.0.1:9/x"


@pytest.mark.parametrize("where", [(), ("--temp",)])
def test_the_values_of_a_result_that_is_refused_are_not_recorded(
    repo: Workspace, where: tuple[str, ...]
) -> None:
    repo.write("gitexp.yaml", "metrics: [m.json, secrets.json]\n")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "metrics")
    if not where:
        repo.writes("m.json", "secrets.json")
    script = "echo '{\"token\": 54321}' >secrets.json; echo '{\"acc\": 1}' >m.json"
    done = repo.gitexp("run", "-n", "x", *where, "--", "sh", "-c", script)
    assert "looks like a secret: secrets.json" in done.stderr
    assert "not this run's" not in done.stderr
    record = json.loads(repo.git("log", "-1", "--format=%b", "refs/gitexp/exps/x"))
    assert record["metrics"] == {"m.json": {"acc": 1}}
    assert "secrets.json" not in repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/exps/x")


def test_no_command_shows_the_password_of_a_url(repo: Workspace, tmp_path: Path) -> None:
    put(repo, "one")
    repo.git("clone", "-q", "--mirror", ".", str(tmp_path / "other"))
    put(repo, "two")
    repo.git("config", f"url.{tmp_path / 'other'}.insteadOf", URL)
    repo.git("config", "remote.bad.url", URL + "y/z")
    told = []
    for args in (
        ("import", URL, "nope"),
        ("import", URL, "one"),
        ("import", "https://u:s3@cret@127.0.0.1:1/x", "one"),
        ("import", ".", "one", "--data-from", URL),
        ("pull", "--remote", "bad"),
        ("pull", "--remote", URL),
        ("push", "--remote", "bad"),
        ("remote", "add", "z", "foo://u:s3@cret@h/x"),
        ("remote", "add", "z", URL),
        ("undo", "--list"),
        ("doctor",),
    ):
        for json_ in ((), ("--json",)):
            done = repo.gitexp(*args, *json_, check=False)
            told.append((args, done.stdout + done.stderr))
    repo.write("gitexp.yaml", f"remotes:\n  z: {URL}\n")
    for args in (
        ("remote", "list"),
        ("remote", "list", "--json"),
        ("data", "status"),
    ):
        done = repo.gitexp(*args, check=False)
        told.append((args, done.stdout + done.stderr))
    assert [one for one in told if "s3@" in one[1] or "cret" in one[1]] == []
    assert "cret" not in repo.git("log", "--all", "--format=%B")


@pytest.mark.parametrize("command", [("save",), ("run", "--", "true"), ("run", "--temp", "--", "true")])
def test_a_secret_that_is_named_on_purpose_is_stored_with_a_word(
    repo: Workspace, command: tuple[str, ...]
) -> None:
    repo.write("gitexp.yaml", "params: [params.yaml, secrets.yaml]\n")
    repo.write(".gitignore", "secrets.yaml\n")
    repo.commit()
    repo.write("secrets.yaml", "token: abc\n")
    first, *rest = command
    told = repo.gitexp(first, "-n", "one", *rest).stderr
    assert "stored as declared, looks like a secret: secrets.yaml" in told
    repo.git("add", "-f", "secrets.yaml")
    again = repo.gitexp(first, "-n", "two", *rest).stderr
    assert "looks like a secret" not in again  # Git has it already


def test_a_secret_that_an_option_changes_is_stored_with_a_word(repo: Workspace) -> None:
    repo.write("secrets.yaml", "token: abc\n")
    repo.writes("secrets.yaml")
    told = repo.gitexp("run", "-n", "one", "-S", "secrets.yaml:token=x", "--", "true").stderr
    assert "stored as declared, looks like a secret: secrets.yaml" in told


def test_a_secret_laid_over_a_commit_is_stored_with_a_word(repo: Workspace) -> None:
    repo.write(".gitexpignore", "private/\n")
    repo.write("key.pem", "tracked\n")
    repo.commit()
    repo.write("key.pem", "mine\n")
    repo.write(".env", "TOKEN=abc\n")
    repo.write("private/x", "mine\n")
    names = (".env", "private/x", "key.pem")
    options = [word for name in names for word in ("--with", name)]
    told = repo.gitexp("run", "-n", "one", "--from", "HEAD", *options, "--", "true").stderr
    assert "stored as declared, looks like a secret: .env" in told
    assert "stored as declared, named in .gitexpignore: private/x" in told
    assert "key.pem" not in told
