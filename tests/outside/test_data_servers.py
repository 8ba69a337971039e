"""`gitexp data` from the command line, by real servers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.servers import Place
from tests.support.stored import forget_store, put_object, write_lock_of
from tests.support.workspace import Workspace


@pytest.mark.parametrize("kind", ["ssh_server", "web_server", "s3_server"])
def test_the_command_line_by_a_real_server(
    kind: str, repo: Workspace, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """In a process of its own, warnings being errors."""
    place: Place = request.getfixturevalue(kind)
    repo.allow("files", "gitexp.yaml")
    repo.gitexp("remote", "add", "server", f"{place.url}/{tmp_path.name}")
    write_lock_of(repo, put_object(repo, "data", {"a": "1", "b": "2"}))
    pushed = repo.gitexp("data", "push", env=place.env, process=True)
    assert re.fullmatch(r"Pushed 3 objects \(\d+ B\) to server\.\n", pushed.stderr)
    forget_store(repo)
    assert repo.json("data", "pull", env=place.env, process=True)["objects"] == 3
    assert repo.json("data", "status", env=place.env, process=True)[0]["missing_there"] == 0
