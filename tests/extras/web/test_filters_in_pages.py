"""A filter in a page lets through what it does on the command line: the same cases in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from gitexp import errors
from gitexp.catalog import replicates, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.filter_syntax import OF_PATTERNS, OPERATORS
from gitexp.catalog.filters import parse
from gitexp.catalog.replicates import Replicates
from gitexp.extras.web import pages
from gitexp.extras.web.table_document import lines_of, table_document
from gitexp.model import Damaged, Experiment, Record, Status
from gitexp.views.columns import Choice
from gitexp.views.table import Group, Table

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SCRIPTS = ("core", "cells", "values", "moments", "filter_syntax", "filters", "table_model")


def row(name: str, params: Any, metrics: Any, **fields: Any) -> Row:
    created = fields.pop("created", "2026-11-20T12:00:00.000Z")
    files = {"params": {"params.yaml": params}, "metrics": {"metrics.json": metrics}}
    given = {"status": Status.DONE, "commit": "c" * 40, "baseline": "b" * 40, "created": created, **files}
    record = Record(name, **{**given, **fields})
    return rows.of_one(Experiment(name, f"{abs(hash(name)):040x}", record))


def made() -> list[Row]:
    """Rows with values of every kind."""
    found = [
        row(
            "a", {"lr": 0.1, "train": {"opt": "adam"}, "n": 3}, {"acc": 0.9, "loss": math.nan}, tags=("best",)
        ),
        row("b", {"lr": 1e-5, "n": 3.0, "opt": "Straße\n"}, {"acc": 1, "loss": math.inf}, duration=90.5),
        row("c", {"lr": "0.10", "n": 2**60 + 1, "seed": [1, 2.5, "x"]}, {"acc": -0.0}, note="größer 7"),
        row("d", {"lr": None, "n": True, "deep": {}}, {"acc": "0.5", "loss": 0.25}, exit_code=0, user="ada"),
        row(
            "e", {"lr": False, "n": "3", "opt": "İ😀"}, {}, status=Status.FAILED, exit_code=1, reason="memory"
        ),
        row("f", {"n": -3, "opt": ""}, {"acc": 0.9000000001, "only": 1}, created="2026-11-21T09:30:00+02:00"),
        row(
            "g", {"n": 2**60, "lr": 123456789012}, {"acc": 1e300, "loss": 5e-324}, created="2024-02-29T00:00Z"
        ),
        row(
            "h", {}, {}, status=Status.RUNNING, created="", branch="main", command="python train.py --lr 0.1"
        ),
    ]
    for number, status in enumerate((Status.DONE, Status.DONE, Status.FAILED)):
        params = {"lr": 0.3, "seed": number}
        more = {"status": status, "exit_code": number // 2, "group": "g" * 40, "replicate": number + 1}
        found.append(row(f"r{number}", params, {"acc": 0.5 + number / 10, "rare": 2}, **more))
    found.append(
        Row("experiment", "broken", None, status=Status.FAILED, experiment=Damaged("broken", "1" * 40, "odd"))
    )
    return replicates.collapsed(found, Replicates.REPEATED)


ROWS = made()
NAMES = (
    "lr",
    "n",
    "acc",
    "loss",
    "opt",
    "train.opt",
    "seed",
    "deep",
    "only",
    "rare",
    "metrics.acc",
    "params.lr",
)
FIELDS = ("name", "status", "created", "finished", "duration", "exit_code", "tags", "note", "user", "command")
MORE = (
    "params",
    "metrics",
    "branch",
    "reason",
    "replicate",
    "system.cpu",
    "nowhere",
    "`lr`",
    "`odd key`",
    "constructor",
    "`__proto__`",
    "größe",
)
TEXTS = (
    "best",
    "ad",
    "adam",
    "0.1",
    "nan",
    "Straße",
    "done",
    "failed",
    "😀",
    "",
    "lr",
    "acc",
    "it\\'s",
    "a\\\\b",
)
TIMES = ("2 days ago", "today", "yesterday", "now", "2026-11-20", "2026-11-21 08:00", "20240229", "1 h ago")
DURATIONS = ("90", "1 min 30 s", "2h", "1.5 min")
NUMBERS = (
    "3",
    "0.1",
    "-3",
    "1e-5",
    "1152921504606846976",
    "1152921504606846977",
    "+.5",
    "0.9",
    "1e300",
    "5.",
)
PATTERNS = (
    "^a",
    "ad.*m$",
    r"\d+",
    r"(?i)STRASSE|adam",
    r"\w+\b",
    r"[^\W\d]",
    r"tr(?P<x>a)in",
    r"\Atr",
    "x{2,}",
    "[]a]",
)

names = st.sampled_from([*NAMES * 3, *FIELDS * 2, *MORE])
quotes = st.sampled_from("'\"")
texts = st.builds(lambda text, quote: f"{quote}{text}{quote}", st.sampled_from(TEXTS), quotes)
moments = st.sampled_from([f"'{text}'" for text in (*TIMES, *DURATIONS)])
literals = st.one_of(st.sampled_from(NUMBERS), texts, moments, st.sampled_from(["true", "False", "null"]))
lists = st.lists(literals, max_size=3).map(lambda found: f"[{', '.join(found)}]")
operands = st.one_of(names, names, literals)
orders = st.sampled_from([how for how in OPERATORS if how not in (*OF_PATTERNS, "in", "not in")])
compared = st.one_of(
    st.builds("{} {} {}".format, operands, orders, operands),
    st.builds("{} {} {} {} {}".format, literals, orders, names, orders, operands),
    st.builds("{} {} {}".format, operands, st.sampled_from(["in", "not in"]), st.one_of(operands, lists)),
    st.builds("{} {} '{}'".format, names, st.sampled_from(OF_PATTERNS), st.sampled_from(PATTERNS)),
    st.builds("{} == {}".format, names, lists),
    names,
)
conditions = st.recursive(
    compared,
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("not {}".format, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=4,
)
# Mistakes: something is missing, or stands where it does not belong.
broken = st.builds(
    lambda text, at, more: text[: at % (len(text) + 1)] + more + text[at % (len(text) + 1) + 1 :],
    conditions,
    st.integers(0, 60),
    st.sampled_from(["", " ", "=", "'", "(", ")", "&", "5", "😀", ",", "[", "é"]),
)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(timezone_id="UTC")
    found = context.new_page()
    for name in SCRIPTS:
        found.add_script_tag(content=pages.static_files()[f"{name}.js"].decode())
    table = Table(Row("workspace", "workspace", None), [Group(None, "", ROWS)])
    found.evaluate(
        """([table, now]) => {
            const model = new gitexp.tableModel.Table(table);
            window.passing = (text) => {
                try {
                    const filter = new gitexp.filters.Filter(text, model, now);
                    const lines = [...model.rows.key.keys()];
                    const passing = lines.filter((line) => model.isCandidate(line) && filter.passes(line));
                    return passing.map((line) => model.name(line));
                } catch (error) {
                    if (!(error instanceof gitexp.filters.FilterError)) throw error;
                    return error.message;
                }
            };
        }""",
        [table_document(table, lines_of(table), Choice([])), NOW.timestamp() * 1000],
    )
    assert len(lines_of(table)) == len(ROWS) + 4  # the workspace, and the members of the group
    yield found
    context.close()


def here(text: str) -> list[str] | str:
    """The names that a filter lets through on the command line, or the sentence of its mistake."""
    try:
        return [found.name for found in parse(text).select(ROWS, NOW, lambda: every())]
    except errors.UsageError as error:
        return error.message


def every() -> list[Row]:
    found = []
    for one in ROWS:
        found += one.members or [one]
    return found


def same(mine: list[str] | str, other: list[str] | str) -> bool:
    if isinstance(mine, str) and isinstance(other, str):
        # What is wrong with a regular expression, each says in its own words.
        mine, other = (re.sub("(expression is wrong), .*", r"\1", one) for one in (mine, other))
    return mine == other


# Not shrunk: the failure says which of the texts it is, and a browser is slow to ask.
@settings(max_examples=25, phases=[Phase.generate])
@given(texts=st.lists(st.one_of(conditions, conditions, conditions, broken), min_size=20, max_size=40))
def test_the_same_experiments_pass(page: Page, texts: list[str]) -> None:
    found = page.evaluate("(texts) => texts.map(passing)", texts)
    for text, theirs in zip(texts, found, strict=True):
        assert same(here(text), theirs), (text, here(text), theirs)


def test_a_page_knows_each_operator(page: Page) -> None:
    texts = []
    for how in OPERATORS:
        for name in ("acc", "opt", "tags", "created"):
            for other in ("0.9", "'adam'", "'today'", "['best', 1]", "lr"):
                texts.append(f"{name} {how} {other}")
    found = page.evaluate("(texts) => texts.map(passing)", texts)
    for text, theirs in zip(texts, found, strict=True):
        assert same(here(text), theirs), (text, here(text), theirs)


def test_what_the_page_does_not_know_it_says(page: Page) -> None:
    told = page.evaluate("passing('changes ~ \"train\"')")
    assert "does not know which files were changed" in told
    assert "this page does not know the escape" in page.evaluate(r"passing('name ~ \'\\N\'')")
