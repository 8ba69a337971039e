"""Pages with pictures of many experiments, in a real browser: axes move, marks choose, nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from gitexp.extras.plots.of_many.many import ManyKind, ManyOptions, pictures
from gitexp.extras.plots.of_many.plotted_experiments import PlottedExperiment
from gitexp.extras.plots.rendering import Rendering

HOSTILE = '<img src="https://example.org/x.png">'
DOTS = [
    PlottedExperiment(
        f"exp-{at}",
        {"lr": 0.1 * at, "opt": "ab"[at % 2], "image": HOSTILE, "acc": 1.0 - at / 10},
        ("lr", "opt", "image"),
        metrics=("acc",),
    )
    for at in range(8)
]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    charts = []
    for kind, columns in (
        (ManyKind.PARALLEL, ("lr", "opt", "image", "acc")),
        (ManyKind.SCATTER, ("lr", "image", "acc")),
        (ManyKind.PROGRESS, ("acc",)),
    ):
        charts += [picture.chart for picture in pictures(kind, DOTS, ManyOptions(columns))]
    file = tmp_path / "page.html"
    file.write_bytes(Rendering.page("many", charts))
    page = browser.new_page(viewport={"width": 1000, "height": 1200}, color_scheme="dark")
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri())
    page.wait_for_selector("#chart-2 svg")
    yield page
    assert wrong == []
    page.close()


def _middle(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)  # Vega draws in the next frame


def test_axes_move_and_marks_choose(page: Page) -> None:
    chart = page.locator("#chart-0")
    lr, opt, acc = (chart.get_by_text(name, exact=True).first for name in ("lr", "opt", "acc"))
    bright = chart.locator("path[stroke-opacity='0.75']")
    assert bright.count() == len(DOTS)
    _drag(page, _middle(lr), (_middle(opt)[0] + 30, _middle(lr)[1]))
    assert _middle(opt)[0] < _middle(lr)[0] < _middle(acc)[0]
    across, down = _middle(opt)
    _drag(page, (across, down + 10), (across, down + 100))  # the upper half: b
    assert bright.count() == 4
    page.mouse.click(across, down + 60)
    page.wait_for_timeout(100)
    assert bright.count() == len(DOTS)


def test_texts_stay_texts_where_the_pointer_stands(page: Page) -> None:
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 28)"
    page.locator("#chart-2 path[aria-roledescription='point']").first.hover()
    assert "exp-0" in page.locator("#vg-tooltip-element").inner_text()
    page.locator("#chart-0").get_by_text("lr", exact=True).first.hover()
    line = page.locator("#chart-0 path[stroke-opacity='0.75']").first
    line.dispatch_event("pointermove", {"bubbles": True})
    line.dispatch_event("mousemove", {"bubbles": True})
    shown = page.locator("#vg-tooltip-element")
    page.wait_for_timeout(100)
    assert HOSTILE in shown.inner_text()
    assert shown.locator("img").count() == 0
