"""The values of the table in a page are those of `gitexp show`: as numbers, and as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from gitexp.extras.web import pages
from gitexp.extras.web.cells import cell
from gitexp.extras.web.documents import Documents
from gitexp.model import MISSING
from gitexp.project.project import Project
from gitexp.times import show_duration
from gitexp.views.numbers import column_texts
from gitexp.words import PRECISION, show_value
from tests.support.experiments import put
from tests.support.workspace import Workspace

ODD = [0.1, 1.0, 1e-5, 1e16, 0.0, -0.0, 2**53, 2**60 + 1, -3, True, None, "text", "a\x1bb", [1, 2.5, "x"], {}]


def decoded(found: Any) -> Any:
    """The value of a cell as `show --json` has it."""
    if not isinstance(found, dict):
        return found
    if "list" in found:
        return [decoded(one) for one in found["list"]]
    if "s" in found:
        return found["s"]
    if "map" in found:
        return {}
    return int(found["t"]) if found["t"].lstrip("-").isdigit() else found["v"]


def test_the_document_has_the_values_of_show(repo: Workspace) -> None:
    for number, value in enumerate(ODD):
        put(repo, f"e{number}", params={"params.yaml": {"odd": value}}, metrics={"m.json": {"m": math.nan}})
    repo.gitexp("tag", "e3", "one", "two")
    document = Documents(lambda: Project.open(repo.path)).table_document()
    columns: dict[str, dict[int, Any]] = {}
    for column in document["columns"]:
        at = column.get("at", range(len(document["rows"]["key"])))
        columns[column["id"]] = dict(zip(at, column["values"], strict=True))
    told = {row["name"]: row for row in repo.json("show", "-A", "--each")}
    for line, name in columns["name"].items():
        for kind in ("params", "metrics"):
            for key, value in told[name][kind].items():
                assert repr(decoded(columns[f"{kind}.{key}"][line])) == repr(value), (name, key)
        assert columns["tags"].get(line, []) == told[name].get("tags", [])
        assert columns["status"].get(line) == told[name]["status"]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    found = context.new_page()
    for name in ("core", "cells"):
        found.add_script_tag(content=pages.static_files()[f"{name}.js"].decode())
    yield found
    context.close()


floats = st.one_of(
    st.floats(-1000, 1000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1e-9, 1e-9),
    st.integers(-4000, 4000).map(lambda number: number / 8),  # such as end in a 5 where they are cut
)
values = st.one_of(
    floats, floats, st.integers(-(10**20), 10**20), st.sampled_from([True, None, "text", MISSING])
)


@settings(max_examples=30, phases=[Phase.generate])
@given(columns=st.lists(st.lists(values, min_size=1, max_size=8), min_size=10, max_size=20))
def test_a_column_of_metrics_is_written_as_in_the_terminal(page: Page, columns: list[list[Any]]) -> None:
    cells = [
        [{"t": "-", "absent": True} if one is MISSING else cell(one) for one in column] for column in columns
    ]
    found = page.evaluate(
        """(columns) => columns.map((cells) =>
            gitexp.cells.columnTexts(cells.map((cell) => (cell?.absent ? undefined : cell)))
                .map((text, at) => (cells[at]?.absent ? "-" : text)))""",
        cells,
    )
    for column, texts in zip(columns, found, strict=True):
        assert texts == column_texts(column, PRECISION), column


@settings(max_examples=20, phases=[Phase.generate])
@given(
    numbers=st.lists(values.filter(lambda one: one is not MISSING), min_size=20),
    seconds=st.lists(st.floats(0, 1e6)),
)
def test_params_and_durations_are_written_as_in_the_terminal(
    page: Page, numbers: list[Any], seconds: list[float]
) -> None:
    found = page.evaluate("(cells) => cells.map(gitexp.cells.textOf)", [cell(one) for one in numbers])
    assert found == [show_value(one, longest=None) for one in numbers]
    found = page.evaluate("(numbers) => numbers.map(gitexp.cells.durationText)", seconds)
    assert found == [show_duration(one) for one in seconds]
