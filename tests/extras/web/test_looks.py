"""The table for everybody: both themes, wide and narrow, and what axe knows of people who need help."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from gitexp.extras.plots.palette import COLOURS
from gitexp.extras.web import pages
from gitexp.model import Status
from tests.extras.web.conftest import Seen
from tests.support.browser import require_access
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace


def fill(repo: Workspace) -> None:
    """Experiments in every state, a group of replicates, and long texts."""
    for number, status in enumerate(Status):
        params = {"params.yaml": {"lr": 0.1 / 3**number, "name": "a rather long text of a param " * number}}
        metrics = {"m.json": {"acc": 0.5 + number / 10, "loss": 1e-7 * number}} if status.ended else {}
        put(
            repo,
            f"exp-{status}",
            params=params,
            metrics=metrics,
            status=status,
            created=f"2024-01-0{number + 1}",
        )
    for seed in range(3):
        given: dict[str, Any] = {"group": "a" * 40, "identity": f"{seed}" * 40, "replicate": seed + 1}
        metrics = {"m.json": {"acc": 0.7 + seed / 100}}
        put(repo, f"seed-{seed}", params={"params.yaml": {"seed": seed}}, metrics=metrics, **given)


@pytest.fixture(scope="module")
def site(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported pages of a repository with all that a table can show."""
    folder = tmp_path_factory.mktemp("looks")
    repo = copy_of(template, folder)
    fill(repo)
    repo.gitexp("ui", "--export", str(folder / "site"))
    repo.close()
    return folder / "site"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_the_table(browser: Browser, site: Path, theme: Any) -> None:
    context = browser.new_context(color_scheme=theme)
    seen = Seen(context.new_page())
    page = seen.page
    for width in (1600, 400):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((site / "index.html").as_uri())
        page.get_by_role("button", name="Open seed-0").click()
        page.get_by_role("checkbox", name="Select exp-done").check()
        require_access(page)
        page.get_by_role("button", name="Columns").click()
        require_access(page, "#columns")
        page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("html").get_attribute("data-theme") == theme
    page.get_by_role("button", name="Change between light and dark").click()
    assert page.locator("html").get_attribute("data-theme") != theme
    page.reload()
    assert page.locator("html").get_attribute("data-theme") != theme
    seen.check(site.as_uri())
    context.close()


def test_a_run_has_one_colour_in_tables_and_charts() -> None:
    style = pages.static_files()["style.css"].decode()
    found = dict(re.findall(r"\.c(\d) \{ color: (#\w+); \}", style))
    assert found == {str(number): colour for number, colour in enumerate(COLOURS)}
