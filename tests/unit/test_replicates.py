"""Replicates as one row: which experiments are a group, what its values are, and what they look like."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import Any

import pytest

from gitexp.catalog import replicates, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.filters import parse
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.replicates import Replicates, collapsed, mean_of, row_as_json
from gitexp.model import MISSING, Experiment, Mean, Record, Status, Stored
from gitexp.views.columns import Column, Columns, Shown, choose, sort_rows, varied
from gitexp.views.formats import csv
from gitexp.views.numbers import aligned, column_texts
from gitexp.words import show_value
from tests.unit.test_filters import NOW

BY_REPEAT = Replicates.REPEATED


def one(name: str, number: int = 0, seed: int = 0, **fields: Any) -> Experiment:
    """A replicate; without `group` it is one of the group g."""
    record = Record(name, Status.DONE, "c" * 40, "b" * 40, created=f"2026-01-01T10:00:{seed:02}.000Z")
    record = replace(record, group="g", identity=f"i{seed}", replicate=number)
    metrics = fields.pop("metrics", {"acc": 0.9})
    params = {"params.yaml": {"lr": 0.1, "seed": seed}}
    return Experiment(name, "d" * 40, replace(record, params=params, metrics={"m.json": metrics}, **fields))


def built(*experiments: Experiment) -> list[Row]:
    return rows.build([rows.of_experiment(each) for each in experiments])


def group(*experiments: Experiment) -> Row:
    (row,) = collapsed(built(*experiments), Replicates.EVERY)
    return row


def test_which_experiments_are_a_group() -> None:
    same = [one("a"), one("b")]
    assert replicates.groups(same, BY_REPEAT) == {}
    assert list(replicates.groups(same, Replicates.EVERY)) == ["g"]
    assert list(replicates.groups([one("a", 1), one("b", 2)], BY_REPEAT)) == ["g"]
    assert list(replicates.groups([one("a"), one("b", seed=1)], BY_REPEAT)) == ["g"]
    assert replicates.groups([one("a", 1)], Replicates.EVERY) == {}
    assert replicates.groups([one("a", 1), one("b", 2)], Replicates.EACH) == {}
    older = [one("a", group="", identity="i"), one("b", group="i", identity="i")]
    assert list(replicates.groups(older, Replicates.EVERY)) == ["i"]
    unknown = [one("a", group="", identity=""), one("b", group="", identity="")]
    assert replicates.groups(unknown, Replicates.EVERY) == {}


ROW_UNITED = "kind status created params metrics experiment pushed members"
ROW_OF_FIRST = "name commit baseline branch parent changes subject"
RECORD_UNITED = "status created finished duration exit_code tags note"
RECORD_OF_FIRST = """
    name commit baseline branch command argv folder project identity overrides params metrics
    patterns cut_params cut_metrics written_params user host platform python cpus gpus gitexp
    warnings process stages group replicate sweep trial start order worker engine job waits_at seen
    tries limits reason parent resumed_from checkpoints series tables system mlflow alerts protected
    reproduces certificates holdout imported loop extra
"""


def test_it_is_known_of_each_field_whose_it_is_in_a_group() -> None:
    """A new field is that of the first member, unless `catalog/replicates.py` unites it: say above which."""
    assert {*Row._fields} == {*f"{ROW_UNITED} {ROW_OF_FIRST}".split()}
    known = {field.name for field in dataclasses.fields(Record)}
    assert known == {*f"{RECORD_UNITED} {RECORD_OF_FIRST}".split()}


def test_the_members_of_a_group_come_together() -> None:
    a, b, c = one("a", 1), one("b", 2), one("c", 3)
    alone = [one(name, group=name) for name in ("x", "y")]
    every: list[Stored] = [a, alone[0], b, alone[1], c]
    found = replicates.together([alone[0], b, alone[1]], every, BY_REPEAT)
    assert [each.name for each in found] == ["x", "a", "b", "c", "y"]
    assert [replicates.first_rows(found, count, BY_REPEAT) for count in (0, 1, 2, 3, 9)] == [0, 1, 4, 5, 5]
    assert [row.name for row in collapsed(built(a, alone[0], b, c), BY_REPEAT)] == ["a", "x"]


@pytest.mark.parametrize(
    ("values", "count", "mean", "deviation", "text"),
    [
        ([1, 2, 3], 3, 2.0, 1.0, "2 ± 1 (3)"),
        ([0.5, 0.5], 2, 0.5, 0.0, "0.5 ± 0 (2)"),
        ([1.0], 2, 1.0, None, "1 (1 of 2)"),
        ([1, math.nan, 3], 3, 2.0, math.sqrt(2), "2 ± 1.4 (2 of 3)"),
        ([1, math.inf, "x", 3], 5, 2.0, math.sqrt(2), "2 ± 1.4 (2 of 5)"),
        ([1000, 3000], 2, 2000.0, math.sqrt(2_000_000), "2000 ± 1414 (2)"),
        ([1.0], 1, 1.0, None, "1 (1)"),
    ],
)
def test_the_mean(values: list[Any], count: int, mean: float, deviation: float | None, text: str) -> None:
    found = mean_of(values, count)
    assert isinstance(found, Mean)
    assert found == mean
    assert found.deviation == (None if deviation is None else pytest.approx(deviation))
    assert show_value(found, 5) == text


@pytest.mark.parametrize(
    ("values", "count", "found"),
    [
        (["good", "good"], 2, "good"),
        (["good", "bad", "good"], 3, ["good", "bad"]),
        (["good"], 2, ["good"]),
        ([[1, 2], [1, 2]], 2, [1, 2]),
        ([True, False], 2, [True, False]),
        ([1e308, -1e308], 2, [-1e308, 1e308]),
        ([10**400, 1], 2, [1, 10**400]),
    ],
)
def test_what_has_no_mean(values: list[Any], count: int, found: object) -> None:
    assert mean_of(values, count) == found
    assert not isinstance(mean_of(values, count), Mean)


def test_nan_alone_stays_nan() -> None:
    assert math.isnan(mean_of([math.nan, math.nan], 2))
    assert mean_of([], 2) is MISSING


def test_the_row_of_a_group() -> None:
    row = group(
        one("by-hand", seed=9, metrics={"acc": 0.5, "f1": 1.0}, tags=("x",), note="n"),
        one("second", 2, seed=2, metrics={"acc": 0.7, "why": "b"}, duration=3.0),
        one("broken", 1, seed=1, metrics={"acc": 0.0}, status=Status.FAILED, tags=("y",)),
        one("waits", 3, seed=3, metrics={}, status=Status.QUEUED),
    )
    assert (row.kind, row.name, row.status) == ("group", "second", Status.QUEUED)
    assert [member.name for member in row.members] == ["broken", "second", "waits", "by-hand"]
    assert row.params == {"lr": 0.1, "seed": [1, 2, 3, 9]}
    assert {key: show_value(value, 3) for key, value in row.metrics.items()} == {
        "acc": "0.6 ± 0.14 (2)",
        "why": '["b"]',
        "f1": "1 (1 of 2)",
    }
    assert show_value(row.params["seed"]) == "1…9 (4)"
    assert row.record is not None
    assert (row.record.tags, row.record.note, row.record.duration) == (("y", "x"), "", 3.0)
    document = row_as_json(row)
    assert document["metrics"]["acc"] == 0.6
    assert document["replicates"]["states"] == {"queued": 1, "done": 2, "failed": 1}
    assert document["replicates"]["metrics"]["f1"] == {"mean": 1.0, "sd": None, "n": 1, "left_out": 1}


def test_the_times_and_the_state_of_a_group_are_of_all_members() -> None:
    early = one("early", 2, seed=2, finished="2026-01-01T11:00:00.000Z", exit_code=0)
    late = one("late", 1, seed=1, finished="2026-01-01T12:00:00.000Z", exit_code=0)
    bad = one("bad", 3, seed=3, finished="2026-01-01T11:30:00.000Z", exit_code=1, status=Status.FAILED)
    document = row_as_json(group(early, late, bad))
    times = (document["created"], document["finished"])
    assert times == ("2026-01-01T10:00:01.000Z", "2026-01-01T12:00:00.000Z")
    assert (document["status"], document["exit_code"]) == ("failed", None)
    assert document["replicates"]["group"] == "g"
    running = one("late", 1, seed=1, status=Status.RUNNING)
    row = group(early, running)
    assert (row.status, row.record and row.record.finished) == (Status.RUNNING, None)


def test_the_name_of_a_group_stays_when_more_runs_end() -> None:
    first = one("first", 2, seed=2, finished="2026-01-01T11:00:00.000Z")
    running = one("other", 1, seed=1, status=Status.RUNNING)
    ended = one("other", 1, seed=1, finished="2026-01-01T12:00:00.000Z")
    by_hand = one("hand", seed=9, finished="2026-01-01T10:30:00.000Z")
    assert [group(first, other).name for other in (running, ended, by_hand)] == ["first", "first", "hand"]


def test_a_group_of_failed_runs_has_no_metrics() -> None:
    row = group(one("a", 1, status=Status.FAILED), one("b", 2, status=Status.INTERRUPTED))
    assert (row.name, row.status, row.metrics) == ("a", Status.FAILED, {})


def test_filters_and_order_take_the_mean() -> None:
    low = [one(f"l{number}", number, number, metrics={"acc": acc}) for number, acc in ((1, 0.1), (2, 0.9))]
    high = [
        one(f"h{number}", number, number, group="h", metrics={"acc": acc})
        for number, acc in ((1, 0.6), (2, 0.8))
    ]
    found = collapsed(built(*low, *high), BY_REPEAT)
    ordered = sort_rows(found, Column("metric", "acc"), descending=True)
    assert [row.name for row in ordered] == ["h1", "l1"]
    for text, names in (
        ("acc > 0.6", ["h1"]),
        ("m.json:acc < 0.6", ["l1"]),
        ("2 in seed and lr == 0.1", ["l1", "h1"]),
        ("seed == 2", []),
    ):
        assert [row.name for row in parse(text).select(found, NOW)] == names
    assert Column("file", "params.yaml:lr").value(found[0]) == 0.1
    assert Column("file", "params.yaml:seed").value(found[0]) == [1, 2]
    in_file = Column("file", "m.json:acc")
    assert in_file.texts(found, 5, None) == ["0.5 ± 0.57 (2)", "0.7 ± 0.14 (2)"]


def test_no_row_is_lost_where_replicates_are_made_from_each_other() -> None:
    """The first member is the origin of the other experiment, which is the origin of the second member."""
    first = one("first", 1, commit="1" * 40, status=Status.FAILED)
    between = one("between", group="b", commit="2" * 40, baseline="1" * 40)
    second = one("second", 2, commit="3" * 40, baseline="2" * 40)
    lineage = Lineage.of([first, between, second], "b" * 40)
    depths, rows_of = lineage.tree(collapsed(built(first, between, second), BY_REPEAT))
    assert [(row.name, depth) for row, depth in zip(rows_of, depths, strict=True)] == [
        ("second", 0),
        ("between", 1),
    ]


def test_the_texts_of_a_column() -> None:
    texts = column_texts([Mean(0.5, 0.123, 3, 3), 0.25, Mean(0.75, 0.1, 2, 3)], 3)
    assert texts == ["0.50 ± 0.12 (3)", "0.25", "0.75 ± 0.1 (2 of 3)"]
    assert aligned(["10 ± 0.5 (2)*", "2.5", "-"]) == ["10 ± 0.5 (2)*", " 2.5         ", "            -"]


def test_csv_has_the_mean_and_its_spread_in_columns() -> None:
    members = [one(name, number, number, metrics={"acc": number}) for number, name in ((1, "a"), (2, "b"))]
    alone = one("c", group="c", metrics={"acc": 5})
    columns = [Column("metric", "acc"), Column("param", "seed")]
    lines = csv(collapsed(built(*members, alone), BY_REPEAT), columns).splitlines()
    assert lines[0].endswith(",created,acc,acc sd,acc n,seed,members")
    assert lines[1].endswith(',1.5,0.7071067811865476,2,"[1, 2]",a b')
    assert lines[2].endswith(",5,,,0,")


def test_a_mean_has_a_column_though_no_other_row_has_a_value() -> None:
    members = [one(name, number, number, metrics={"acc": 0.5}) for number, name in ((1, "a"), (2, "b"))]
    waiting = one("w", group="w", metrics={}, status=Status.QUEUED)
    acc = Column("metric", "acc")
    assert varied([], collapsed(built(*members, waiting), BY_REPEAT), [acc]) == {acc: 1}
    assert varied([], built(members[0], waiting), [acc]) == {acc: 1}


def test_a_result_that_failed_runs_lack_has_a_column() -> None:
    done, also, failed = one("a", group="a"), one("b", group="b"), one("c", group="c", metrics={})
    failed = failed._replace(record=replace(failed.record, status=Status.FAILED))
    acc, seed = Column("metric", "acc"), Column("param", "seed")
    assert varied([], built(done, failed), [acc, seed]) == {acc: 1}
    assert varied([], built(done, also), [acc, seed]) == {}
    # The only metric has a column, though it does not differ.
    assert acc in choose(Shown([], built(done, also)), Columns()).columns
    assert acc not in choose(Shown([], built(done, also)), Columns(only_changed=True)).columns
