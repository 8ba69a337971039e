"""One browser for all tests of a module: to start it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.dashboard import BROWSER, NO_BROWSER


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip(NO_BROWSER)
    home = tmp_path_factory.mktemp("browser")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=BROWSER,
            args=["--no-sandbox", "--disable-gpu"],
            env={"HOME": str(home), "TMPDIR": str(home)},
        )
        yield found
        found.close()


class Seen:
    """A page with all that went wrong in it, and all that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def check(self, root: str) -> None:
        """Nothing has gone wrong, and nobody else was asked for anything."""
        assert self.wrong == []
        assert [url for url in self.asked if not url.startswith((root, "data:"))] == []


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    yield Seen(context.new_page())
    context.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"
