"""`gitexp list`."""

from __future__ import annotations

from pathlib import Path

from gitexp.model import Status
from tests.support.experiments import put
from tests.support.workspace import Workspace


def test_every_long_answer_goes_through_the_pager(repo: Workspace, tmp_path: Path) -> None:
    for number in range(9):
        put(repo, f"exp-{number}")
    env = {"GITEXP_PAGER": f"tee {tmp_path / 'paged'}"}
    assert repo.tty("list", rows=6, env=env).exit_code == 0
    assert len((tmp_path / "paged").read_text().splitlines()) == 9
    repo.tty("list", "--limit", "2", rows=6, env={"GITEXP_PAGER": f"tee {tmp_path / 'short'}"})
    assert not (tmp_path / "short").exists()


def test_names_newest_first(repo: Workspace) -> None:
    put(repo, "first", created="2024-01-01T10:00:00.000Z")
    put(repo, "second", created="2024-01-01T11:00:00.000Z", status=Status.FAILED)
    put(repo, "elsewhere", baseline="HEAD~1", created="2023-01-01T11:00:00.000Z")
    assert repo.gitexp("list").stdout == "second\nfirst\n"
    assert repo.gitexp("list", "-A").stdout == "second\nfirst\nelsewhere\n"
    assert repo.gitexp("list", "-l", "1").stdout == "second\n"
    assert repo.gitexp("list", "--failed").stdout == "second\n"
    assert repo.gitexp("list", "-A", "--no-failed").stdout == "first\nelsewhere\n"


def test_json(repo: Workspace) -> None:
    commit = put(repo, "first")
    put(repo, "damaged", body="{}")
    damaged, first = sorted(repo.json("list"), key=lambda row: str(row["name"]))
    assert first == {
        "name": "first",
        "commit": commit,
        "baseline": repo.git("rev-parse", "HEAD"),
        "status": "done",
        "created": "2024-01-01T10:00:00.000Z",
        "error": None,
    }
    assert damaged["error"]
    assert damaged["commit"] is None


def test_nothing_is_nothing(repo: Workspace) -> None:
    done = repo.gitexp("list")
    assert (done.stdout, done.stderr) == ("", "")


def test_a_filter(repo: Workspace) -> None:
    put(repo, "good", metrics={"metrics.json": {"acc": 0.9}})
    put(repo, "bad", metrics={"metrics.json": {"acc": 0.1}})
    assert repo.gitexp("list", "--filter", "acc > 0.5").stdout == "good\n"
    assert [row["name"] for row in repo.json("list", "--filter", "not acc > 0.5")] == ["bad"]
    assert repo.gitexp("list", "--filter", "acc >", check=False).exit_code == 2
