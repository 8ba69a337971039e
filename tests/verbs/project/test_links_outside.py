"""A params.yaml or gitexp.yaml that is a link to outside: what it says is not recorded, and not shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

SECRET = "s3cret-4711"


@pytest.fixture
def linked(repo: Workspace, tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    outside = tmp_path / "outside.yaml"
    outside.write_text(f"train: {{lr: {SECRET}}}\n{SECRET}: 1\n")
    with repo.by_user():
        (repo.path / request.param).unlink(missing_ok=True)
        (repo.path / request.param).symlink_to(outside)
    return repo


@pytest.mark.parametrize("linked", ["params.yaml", "gitexp.yaml", "metrics.yaml"], indirect=True)
@pytest.mark.parametrize(
    "args",
    [("show",), ("show", "--json"), ("diff",), ("diff", "--json"), ("status",), ("save",), ("best", "x")],
)
def test_nothing_says_what_it_says(linked: Workspace, args: tuple[str, ...]) -> None:
    done = linked.gitexp(*args, check=False)
    assert SECRET not in done.stdout + done.stderr
    if args[0] in ("show", "save"):
        assert "a link to outside" in done.stderr


@pytest.mark.parametrize(
    ("linked", "args"),
    [
        ("gitexp.yaml", ("run", "--", "true")),
        ("gitexp.yaml", ("init", "--force", "--yes")),
        (".gitexpignore", ("run", "--", "true")),
    ],
    indirect=["linked"],
)
def test_what_changes_something_refuses_it(linked: Workspace, args: tuple[str, ...]) -> None:
    done = linked.gitexp(*args, check=False)
    assert ": is a link to outside the repository" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("limit", [8, 10])
def test_too_many_open_files_have_their_own_hint(repo: Workspace, limit: int) -> None:
    script = f'ulimit -n {limit}; exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "gitexp", "show"]
    done = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "folder you stand in" not in done.stderr
    assert "ulimit -n" in done.stderr
