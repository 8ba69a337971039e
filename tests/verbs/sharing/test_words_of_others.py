"""What hooks, filters and Git's fsck say reaches the user as it is, and is not taken for something else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clones import Team, make_team
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    yield team
    team.bob.close()


@pytest.mark.parametrize(
    "said",
    [
        "fatal: does not exist",
        "error: could not resolve host",
        "error: 403",
        "hung up",
        "no space left on device",
    ],
)
@pytest.mark.parametrize("to", ["", " >&2"])
def test_a_hook_that_refuses_a_push(team: Team, said: str, to: str) -> None:
    put(team.ann, "one")
    hook = team.ann.path / ".git" / "hooks" / "pre-push"
    with team.ann.by_user():
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho '{said}'{to}\necho 'Ask Bob first.'{to}\nexit 1\n")
        hook.chmod(0o755)
    done = team.ann.gitexp("push", check=False)
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[:3] == [
        said,
        "Ask Bob first.",
        "error: The hook pre-push of this repository refused the push.",
    ]
    assert team.ann.json("push", check=False)["error"]["said"] == [said, "Ask Bob first."]


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_hook_of_the_server(team: Team, hook: str) -> None:
    put(team.ann, "one")
    team.reject("echo 'does not exist: could not resolve host'; exit 1", hook)
    done = team.ann.gitexp("push", check=False)
    assert "origin: does not exist: could not resolve host" in done.stderr
    assert "one was refused" in done.stderr
    assert "hook" in done.stderr


@pytest.mark.parametrize("key", ["clean", "process"])
@pytest.mark.parametrize("args", [("save",), ("run", "--", "true"), ("diff",)])
def test_a_filter_that_is_not_installed_is_named(repo: Workspace, args: tuple[str, ...], key: str) -> None:
    repo.git("config", "filter.big.required", "true")
    repo.git("config", f"filter.big.{key}", "git-nowhere clean")
    repo.write(".gitattributes", "*.dat filter=big\n")
    repo.write("x.dat", "1\n")
    done = repo.gitexp(*args, check=False)
    assert done.exit_code == 1
    assert "ilter" in done.stderr
    assert "git-nowhere" in done.stderr
    if key == "clean":  # of a process, Git names neither
        assert "filter 'big' (git-nowhere clean) of .gitattributes for x.dat" in done.stderr
    assert "hint: Install its program" in done.stderr


def test_an_object_that_fsck_refuses_is_named_with_a_way_out(team: Team, tmp_path: Path) -> None:
    put(team.ann, "one")
    blob = team.ann.git("hash-object", "-w", "train.py")
    bad = b"0100644 a.py\0" + bytes.fromhex(blob)
    file = tmp_path / "tree"
    file.write_bytes(bad)
    tree = team.ann.git("hash-object", "-t", "tree", "--literally", "-w", str(file))
    commit = team.ann.git("commit-tree", tree, "-p", "HEAD", "-m", "one: put here")
    body = team.ann.git("show", "-s", "--format=%B", "refs/gitexp/exps/one")
    old = team.ann.json("show", "one")[0]["commit"]
    record = team.ann.git("commit-tree", tree, "-p", commit, input=body.replace(old, commit))
    team.ann.git("update-ref", "refs/gitexp/exps/one", record)
    team.ann.gitexp("push", "one")
    done = team.bob.gitexp("pull", check=False)
    assert f"object {tree}: zeroPaddedFilemode: " in done.stderr
    way = "git config fetch.fsck.zeroPaddedFilemode ignore"
    assert way in done.stderr
    team.bob.git(*way.split()[1:])
    team.bob.gitexp("pull")
    team.bob.git("rev-parse", "refs/gitexp/exps/one")
