"""The page with the table, from a server and from the disk, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extras.web.conftest import Seen
from tests.support.dashboard import running
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def stored(repo: Workspace) -> Workspace:
    """A repository with a few experiments, one with a hostile note, param and name of a param."""
    for number, acc in enumerate((0.5, 0.9125, 0.7)):
        params = {"params.yaml": {"train": {"lr": 0.1 / 10**number, "optimizer": "adam"}}}
        created = f"2024-01-01T10:0{number}:00.000Z"
        put(repo, f"exp-{number}", params=params, metrics={"m.json": {"acc": acc}}, created=created)
    hostile = "</script><img src=x onerror=alert(1)>"
    put(repo, "odd", params={"params.yaml": {hostile: hostile}}, note=hostile, tags=(hostile,))
    return repo


def names(seen: Seen) -> list[str]:
    return seen.page.locator("tr.line .name").all_inner_texts()


def test_the_page_is_the_same_from_a_server_and_from_the_disk(
    stored: Workspace, seen: Seen, site: Path
) -> None:
    expected = ["workspace", "main", "exp-2", "exp-1", "exp-0", "odd"]
    with running(stored) as dashboard:
        seen.page.goto(dashboard.link)
        assert seen.page.url == dashboard.root
        assert names(seen) == expected
        assert seen.page.locator("td.best").inner_text().startswith("0.9125")
        seen.check(dashboard.root)
        served = seen.page.locator("table").inner_text()
    stored.gitexp("ui", "--export", str(site))
    seen.asked.clear()
    seen.page.goto((site / "index.html").as_uri())
    assert seen.page.locator("table").inner_text() == served
    seen.check(site.as_uri())
    stored.gitexp("ui", "--export", str(site))  # again, over the same pages


def test_an_export_goes_into_no_folder_of_something_else(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    refused = repo.gitexp("ui", "--export", str(tmp_path), check=False)
    assert refused.exit_code == 2, refused
    assert "other files" in refused.stderr
