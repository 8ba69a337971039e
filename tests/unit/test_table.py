"""The table's layout: what it looks like, and that it fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp.catalog import rows
from gitexp.catalog.fields import FACTS, Row
from gitexp.catalog.rows import Draft
from gitexp.cli.kit.tables.table_layout import Layout, constants, lay_out
from gitexp.cli.kit.terminal.render import cell_width
from gitexp.model import MISSING, Experiment, Record, Status
from gitexp.views.best import best_value
from gitexp.views.columns import Column, Columns
from gitexp.views.table import Group, Table, choice

DAY = "2020-10-23T10:00:00.000Z"


def experiment(name: str, params: dict[str, Any], metrics: dict[str, Any], **fields: Any) -> Draft:
    record = Record(name, Status.DONE, (name.encode().hex() * 40)[:40], "b" * 40, created=DAY)
    record = replace(record, params={"params.yaml": params}, metrics={"metrics.json": metrics}, **fields)
    return rows.of_experiment(Experiment(name, "0" * 40, record))


def table(*drafts: Draft, sort: Column | None = None) -> Table:
    workspace = Draft(partial(Row, "workspace", "workspace", None), {"params.yaml": {"lr": 0.2}}, {})
    head = Draft(partial(Row, "baseline", "main", "b" * 40, created=DAY), {"params.yaml": {"lr": 0.1}}, {})
    first, second, *others = rows.build([workspace, head, *drafts])
    best = best_value(sort, others, {}) if sort is not None else MISSING
    return Table(first, [Group(second, "", others)], sort=sort, best=best)


def texts(layout: Layout) -> list[str]:
    return ["".join(text for text, _ in line) for line in layout.lines]


def laid_out(of: Table, width: int | None = None, **wanted: Sequence[str]) -> Layout:
    return lay_out(of, choice(of, Columns(**wanted)), width=width)  # type: ignore[arg-type]


def shown(of: Table, width: int | None = None, only: Sequence[str] = ()) -> list[str]:
    return texts(laid_out(of, width, only=only))


THREE = (
    experiment("exp-333c9", {"lr": 0.2}, {"loss": 0.251834, "acc": 0.9137}),
    experiment("exp-55e90", {"lr": 0.15}, {"loss": 0.257841, "acc": 0.9084}),
    experiment("exp-2b728", {"lr": 9.9}, {}, status=Status.FAILED, exit_code=1),
)


def test_the_table_of_the_readme() -> None:
    assert shown(table(*THREE, sort=Column("metric", "acc"))) == [
        "Experiment               Created         loss      acc    lr",
        "workspace                -                  -        -  0.2",
        "main                     2020-10-23         -        -  0.1",
        "├── 6578702 [exp-333c9]  2020-10-23  0.25183*  0.9137*  0.2",
        "├── 6578702 [exp-55e90]  2020-10-23  0.25784   0.9084   0.15",
        "└── 6578702 [exp-2b728]  2020-10-23 failed (exit 1)     9.9",
    ]


def test_a_state_runs_over_only_what_is_empty() -> None:
    lines = shown(table(*THREE), only=["lr", "loss"])
    assert lines[-1] == "└── 6578702 [exp-2b728]  2020-10-23 failed (exit 1)  9.9"
    assert lines[0].index("lr") == lines[-1].index("9.9") + 2


def test_where_it_is_narrow_the_state_is_a_word() -> None:
    failed = experiment("bad", {}, {"loss": 1.0}, status=Status.FAILED, exit_code=137)
    assert "2020-10-23 failed (exit 137)     1" in shown(table(failed))[-1]
    assert shown(table(failed), 40, ["loss"])[-1] == "└── 6261646 [bad]  failed     1"
    assert shown(table(failed), 28, ["loss"])[-1] == "└── bad     failed     1"


def test_the_column_that_is_sorted_by_is_never_left_out() -> None:
    metrics = {f"metric_{at}": 0.5 for at in range(20)}
    sort = Column("metric", "metric_19")
    layout = laid_out(table(experiment("one", {}, metrics), sort=sort), 80)
    assert "metric_19" in texts(layout)[0]
    assert "metric_18" in layout.left_out


def test_metrics_and_params_are_left_out_by_turns() -> None:
    two = []
    for name, lr in (("one", 0.3), ("two", 0.4)):
        metrics = {f"metric_{at}": lr + at for at in range(6)}
        params = {"lr": lr, "width": lr, "depth": lr}
        two.append(experiment(name, params, metrics, note="why it was done"))
    layout = laid_out(table(*two), 80)
    assert texts(layout)[0].split()[2:] == ["metric_0", "metric_1", "metric_2", "lr", "width", "depth"]
    assert layout.left_out == ["metric_3", "metric_4", "metric_5", "note"]
    assert texts(laid_out(table(*two), 30))[0].split()[1:] == ["metric_0", "lr"]


MANY = [
    experiment(
        name,
        {"group": {f"param_{at}": (at + 1) * lr for at in range(9)}},
        {"val": {"loss": lr}, "test": {"loss": lr}},
    )
    for name, lr in (("one", 0.123456), ("two", 0.2))
]


def test_what_is_asked_for_is_shown_with_a_shorter_head_first() -> None:
    asked = ["val.loss", "group.param_1", "note"]
    rows = {width: shown(table(*MANY), width, asked)[3] for width in (60, 56, 46)}
    assert rows[60].startswith("├── 6f6e656 [one]  2020-10-23  0.12346*")
    assert rows[56].startswith("├── 6f6e656 [one]  0.12346*")
    assert rows[46].startswith("├── one     0.12346*")


def test_then_values_are_abbreviated_and_titles_keep_apart() -> None:
    lines = shown(table(*MANY), 42, ["val.loss", "test.loss", "group.param_1"])
    assert lines[0].split() == ["Experiment", "val.loss", "test.loss", "param_1"]
    assert lines[3].split() == ["one", "0.1235*", "0.1235*", "0.2469"]
    narrow = shown(table(*MANY), 36, ["val.loss", "group.param_1", "note"])
    assert narrow[0].split()[1:] == ["val.loss", "param_1", "note"]  # test.loss is not shown


def test_values_that_differ_at_their_ends_stay_apart() -> None:
    two = [experiment(name, {"model": f"resnet-50-variant-{name}"}, {}) for name in "ab"]
    long = "x" * 90
    far = [experiment(name, {"model": long + name}, {}) for name in "ab"]
    assert [line[-6:] for line in shown(table(*far), 40, ["model"])[3:]] == ["xxxxxa", "xxxxxb"]
    lines = shown(table(*two), 40, ["created", "model"])
    assert [line.split() for line in lines[3:]] == [
        ["a", "2020-10-23", "resnet-5…t-a"],
        ["b", "2020-10-23", "resnet-5…t-b"],
    ]


def test_then_rows_wrap_into_blocks() -> None:
    layout = laid_out(table(*MANY), 40, only=["*"])
    lines = texts(layout)
    assert layout.left_out == []
    blocks = "\n".join(lines).split("\n\n")
    titles = [title for block in blocks for title in block.split("\n")[0].split()[1:]]
    assert titles == ["val.loss", "test.loss", "lr", *(f"param_{at}" for at in range(9))]
    assert all(len(block.split("\n")) == 5 for block in blocks)
    assert all(len(line) <= 40 for line in lines)


def test_long_names_that_are_cut_stay_apart() -> None:
    same = "a-name-that-goes-on-and-on-and-on"
    two = [experiment(f"{same}-{at}-{same}", {"lr": at}, {"acc": 1.0}) for at in (1, 2)]
    for width in (80, 50, 30):
        names = [line.split("  ")[0] for line in shown(table(*two), width)[3:5]]
        assert names[0] != names[1]
    assert len({line.split()[0] for line in shown(table(*two), 60, ["acc", "lr"])[3:5]}) == 2


@pytest.mark.parametrize(
    ("hidden", "line"),
    [
        (["created"], "├── 6f6e656 [one]  0.12346*"),
        (["time", "commit"], "├── one     0.12346*"),
        (["created", "commit", "tree"], "one         0.12346*"),
        (["created", "name"], "├── 6f6e656     0.12346*"),
    ],
)
def test_the_parts_of_the_head_can_be_hidden(hidden: list[str], line: str) -> None:
    assert texts(laid_out(table(*MANY), only=["val.loss"], hide=hidden))[3] == line


def test_what_is_the_same_in_all_is_one_line() -> None:
    params = {"seed": 1, "deep": {"layers": [2, 3]}, "name": "x" * 40}
    of = table(*(experiment(str(at), {**params, "lr": at}, {"acc": 0.5, "f1": 1}) for at in (1, 2)))
    told = choice(of, Columns())
    assert shown(of)[0].split() == ["Experiment", "Created", "lr"]
    assert (
        constants(of, told, None)
        == f"Without a difference: acc=0.5, f1=1, seed=1, deep.layers=[2, 3], name={'x' * 40}"
    )
    assert constants(of, told, 60) == "Without a difference: acc=0.5, f1=1, seed=1 and 2 more"
    assert constants(of, choice(of, Columns(["lr"])), None) == ""
    assert constants(of, choice(of, Columns(only_changed=True)), None) == ""
    assert "seed" not in constants(of, choice(of, Columns(hide=["s*"])), None)


def test_baselines_have_the_subject_of_their_commit() -> None:
    of = subject(table(*THREE), "Normalise the images")
    assert "main                     2020-10-23 Normalise the images" in shown(of)[2]
    assert "2020-10-23 Normalise the ima…" in shown(of, 60)[2]


def subject(of: Table, words: str) -> Table:
    """The table with the subject of its baseline."""
    head = of.groups[0].head
    assert head is not None
    return replace(of, groups=[replace(of.groups[0], head=head._replace(subject=words))])


@pytest.mark.parametrize("words", ["Fix", "Normalise", "Normalise the images of the set"])
@pytest.mark.parametrize("hide", [["created"], ["created", "status"], ["created", "commit", "tree"]])
@pytest.mark.parametrize("drafts", [THREE, THREE[:2]], ids=["with a failed one", "all done"])
def test_without_times_the_columns_stay_below_each_other(
    words: str, hide: list[str], drafts: Sequence[Draft]
) -> None:
    for width in (None, 100, 60, 50):
        lines = texts(laid_out(subject(table(*drafts), words), width, hide=hide))
        assert lines[2].endswith("  0.1")
        assert lines[1].rindex("0.2") == lines[2].rindex("0.1")
        assert width or words[:20] in lines[2]


def test_a_subject_stands_in_one_block_only() -> None:
    of = subject(table(*MANY), "Fixed")
    lines = shown(of, 40, only=["*"])
    assert [line for line in lines if "Fixed" in line] == [lines[2]]
    assert lines[2].startswith("main Fixed  ")


@pytest.mark.parametrize("width", [None, 100, 60, 50, 40])
def test_a_subject_stands_in_no_column_of_values(width: int | None) -> None:
    """The baseline has no value in the first column of the table."""
    lines = shown(subject(table(*MANY), "Fixed"), width, ["val.loss", "group.param_1"])
    assert "Fixed" in lines[2]
    assert lines[2].index("Fixed") < lines[0].index("val.loss")


def test_wide_characters_take_two_cells() -> None:
    lines = shown(table(experiment("one", {"批量大小": "数据"}, {"精度": 0.5})))
    ends = {cell_width(line[: line.index(text)]) for line, text in ((lines[0], "批"), (lines[3], "数"))}
    assert len(ends) == 1


def test_a_param_that_is_called_as_a_metric_says_so() -> None:
    assert "loss (param)" in shown(table(experiment("one", {"loss": "mse"}, {"loss": 1.0})))[0]


def test_nothing_to_show() -> None:
    assert shown(table()) == [
        "Experiment  Created      lr",
        "workspace   -           0.2",
        "main        2020-10-23  0.1",
    ]


def test_only_numbers_are_best() -> None:
    of = table(experiment("one", {}, {"acc": "good"}), sort=Column("metric", "acc"))
    assert "*" not in "".join(shown(of))


_VALUES = st.one_of(st.floats(), st.integers(), st.text(max_size=90), st.none(), st.lists(st.integers()))
_FLAT = st.dictionaries(st.text(min_size=1, max_size=30), _VALUES, max_size=6)
_STATES = st.sampled_from(list(Status))


@settings(max_examples=60)
@given(st.lists(st.tuples(_FLAT, _FLAT, _STATES), max_size=4), st.integers(1, 200))
def test_every_table_fits_and_no_column_is_lost(
    found: list[tuple[dict[str, Any], dict[str, Any], Status]], width: int
) -> None:
    drafts = [
        experiment(f"exp-{at}", params, metrics, status=status, exit_code=137)
        for at, (params, metrics, status) in enumerate(found)
    ]
    of = table(*drafts)
    layout = laid_out(of, width)
    assert all(cell_width(line) <= width for line in texts(layout))
    assert len(layout.lines) == len(drafts) + 3
    assert laid_out(of).left_out == []
    asked = laid_out(of, width, only=["*"])
    assert all(cell_width(line) <= width for line in texts(asked))
    assert asked.left_out == []


@pytest.mark.parametrize("width", [1, 5, 20])
def test_a_terminal_too_narrow_for_the_names_cuts_them(width: int) -> None:
    lines = shown(table(*THREE), width=width)
    assert all(cell_width(line) <= width for line in lines)
    assert lines[0].startswith("Experiment"[: width - 1])


# -- experiments on experiments -----------------------------------------------------------------------


def chain(*depths: int) -> Table:
    """Experiments that stand on one another: a, b, c, …, each as deep as said."""
    found = rows.build([experiment(chr(ord("a") + at), {}, {}) for at in range(len(depths))])
    head = Row("baseline", "main", "b" * 40)
    return Table(Row("workspace", "workspace", None), [Group(head, "", found, depths)])


def stems(of: Table, width: int | None = None) -> list[str]:
    return [re.split(r" [0-9a-f]{7} | \[?[a-z]", line)[0] for line in shown(of, width)[3:]]


def test_experiments_on_experiments_are_deeper_branches() -> None:
    assert stems(chain(0, 1, 2, 1, 0, 1)) == [
        "├──",
        "│   ├──",
        "│   │   └──",
        "│   └──",
        "└──",
        "    └──",
    ]


def test_a_long_line_stays_readable() -> None:
    """Below a depth that fits the width, further branches have it in figures."""
    assert stems(chain(0, 1, 2, 3, 4, 5, 3, 1), width=80) == [
        "└──",
        "    ├──",
        "    │   ├──",
        "    │   ├─3─",
        "    │   ├─4─",
        "    │   ├─5─",
        "    │   └─3─",
        "    └──",
    ]
    assert max(map(len, stems(chain(*range(25))))) == 8 * 4 + 5


@given(st.lists(st.integers(0, 12), max_size=26))
def test_a_rail_goes_down_to_each_next_branch_and_no_further(steps: list[int]) -> None:
    depths: list[int] = []
    for step in steps:
        depths.append(min(step, depths[-1] + 1 if depths else 0))
    drawn = [min(depth, 8) for depth in depths]
    for at, stem in enumerate(stems(chain(*depths))):
        for level in range(drawn[at] + 1):
            below = next((depth for depth in drawn[at + 1 :] if depth <= level), -1)
            assert (stem[4 * level] in "│├") == (below == level)


def test_tags_and_notes_stand_behind_the_values() -> None:
    of = table(
        experiment("one", {"lr": 0.1, "new": 1}, {"acc": 1.0}, tags=("best", "v1"), note="a\nb"),
        experiment("two", {"lr": 0.1, "new": 2}, {"acc": 2.0}),
    )
    lines = shown(of)
    assert lines[0].split() == ["Experiment", "Created", "acc", "new", "tags", "note"]
    assert lines[3].split()[4:] == ["1", "1", "best,", "v1", r"a\nb"]
    assert "tags" not in shown(table(experiment("one", {}, {})))[0]
    assert shown(of, only=["note"])[0].split() == ["Experiment", "Created", "note"]


def test_a_note_is_cut_to_what_room_there_is() -> None:
    of = table(experiment("one", {"lr": 0.3}, {"acc": 1.0}, note="a note that goes on and on and on"))
    assert shown(of, 60)[3].endswith("  a note that goes on and…")
    assert shown(of, 40)[3].endswith("  a note that goes …")
    assert "a note that goes on and on and on" in shown(of)[3]
    assert "note" in laid_out(of, 30).left_out


def test_experiments_of_another_program_say_so() -> None:
    record = Record("theirs", Status.DONE, "d" * 40, "b" * 40, created=DAY)
    row = rows.of_one(Experiment("theirs", "0" * 40, record, source="dvc"))
    of = Table(Row("workspace", "workspace", None), [Group(None, "", [row])])
    assert shown(of)[-1] == "ddddddd [theirs] dvc  2020-10-23"


def test_each_fact_of_an_experiment_has_a_place_of_its_own() -> None:
    assert [field.fact for field in FACTS] == [*range(1, len(FACTS) + 1)]
