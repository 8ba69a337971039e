"""What a browser has seen of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import browser  # noqa: F401
from tests.support.pictures import drawing  # noqa: F401


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
def seen(browser: Browser) -> Iterator[Seen]:  # noqa: F811
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    yield Seen(context.new_page())
    context.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"
