"""The browser that is here, and what it says of a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_BROWSER = "there is no Chromium here: the pages were not looked at"

# Nothing is asked for again, and nobody reads what axe says of elements that are in order: half of its time.
_AXE = {"preload": False, "resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of a module: to start it takes longer than most of them."""
    if BROWSER is None:
        pytest.skip(NO_BROWSER)
    home = str(tmp_path_factory.mktemp("b"))  # the path of a socket there must be short
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu"],
            env={"HOME": home, "TMPDIR": home},
        )
        yield found
        found.close()


def require_access(page: Page, within: str | None = None) -> None:
    """Nothing that axe finds wrong for people who need help, in the element of a selector or in all."""
    found: dict[str, Any] = Axe().run(page, within, _AXE).response
    told = [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]]
    assert told == [], (page.url, page.viewport_size)
