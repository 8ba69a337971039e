"""The language of `--filter`: what it lets through, and what it says of a mistake."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.catalog import rows
from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.filter_syntax import OF_PATTERNS, OPERATORS
from gitexp.catalog.filters import parse
from gitexp.model import Damaged, Experiment, Record, Status
from gitexp.times import parse_duration, parse_moment
from tests.support.codes import has_code

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def row(
    name: str = "one",
    params: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    **fields: Any,
) -> Row:
    record = Record(
        name,
        **{
            "status": Status.DONE,
            "commit": "c" * 40,
            "baseline": "b" * 40,
            "created": "2026-11-20T12:00:00.000Z",
            "params": {"params.yaml": params or {}},
            "metrics": {"metrics.json": metrics or {}},
            **fields,
        },
    )
    return rows.of_one(Experiment(name, "d" * 40, record))


ONE = row(
    params={"train": {"lr": 0.1, "amp": True}, "layers": [{"units": 32}], "sizes": [32, 16], "loss": "mse"},
    metrics={"acc": 0.91, "loss": 0.25, "diverged": math.nan, "zero": 0, "odd key": 1, "3d": 2, "none": None},
    tags=("best", "v1.2"),
    note="a larger step",
    command="python train.py --lr 0.1",
    duration=95.5,
    finished="2026-11-20T12:01:35.500Z",
    branch="main",
    user="ada",
    host="box",
    exit_code=0,
)


@pytest.mark.parametrize(
    "text",
    [
        "acc > 0.9 and train.lr < 0.2 and status == 'done' and 'best' in tags",
        "acc>0.9 and(train.lr<0.2)",
        "0.9 < acc <= 0.91 != 3",
        "not acc < 0.9 and not (acc > 1 or acc == 5)",
        "acc < 0.9 or acc > 0.9 and acc != 7",
        "zero == 0 and zero == -0.0 and acc > -1e-3 and acc < +1.5e3 and acc > .5 and acc < 5.",
        "train.amp and train.amp == true and not train.amp == 1",
        "none == null and not none and finished != null",
        "`odd key` == 1 and `3d` == 2",
        "layers[0].units >= 32 and sizes == [32, 16] and 16 in sizes and 17 not in sizes",
        "params.yaml:train.lr == 0.1 and metrics.json:acc > 0.9",
        "params.train.lr == 0.1 and metrics.acc > 0.9",
        "loss < 0.3 and params.loss == 'mse' and metrics.loss == 0.25",
        "'loss' in metrics and 'acc' not in params and params",
        "status in ['done', 'failed'] and status not in ('running',) and status in ('done', 'failed')",
        "'lr' in command and command ~ 'train[.]py' and command !~ '^train'",
        r"tags ~ '^v\d+\.\d$' and tags !~ 'worst'",
        "name == 'one' and branch == 'main' and user == 'ada' and host == 'box' and exit_code == 0",
        "commit ~ '^cccc' and baseline ~ '^bbbb' and source == 'gitexp' and parent == null",
        "duration < '5 min' and duration > 95 and duration >= '1 m 35.5 s' and duration < '96'",
        "duration in ['1 min 35.5 s', 7] and duration not in ['95 s'] and duration in [95.5]",
        "created > '2 days ago' and '3 weeks ago' < created < 'now' and finished > created",
        "created == '2026-11-20' and created == 'yesterday' and created < 'today'",
        "created >= '2026-11-20' and created <= '2026-11-20' and not created > '2026-11-20'",
        "created > '2026-11-20T11:59Z' and created < '2026-11-20 12:00:01+00:00'",
        "created ~ '^2026-11'",
        r'note == "a larger step" and note != "a \"larger\" step" and note ~ "larger|smaller"',
        # What is not there makes every comparison false; values of different types are unequal.
        "not missing > 1 and not missing == 1 and not missing != 1 and not missing ~ 'x'",
        "not 1 in missing and not missing !~ 'x' and not missing not in tags and not missing",
        "note != 3 and not note > 3 and not note < 3 and not acc < 'x' and not acc in 'x' and not acc ~ '9'",
        "not diverged > 0 and not diverged < 0 and diverged != diverged",
        "True and not False and note != None",
    ],
)
def test_what_holds(text: str) -> None:
    assert parse(text).matches(ONE, NOW)
    assert not parse(f"not ({text})").matches(ONE, NOW)


def test_the_names_of_a_filter() -> None:
    assert parse("a > b.c or `a` == 1 and 'x' in tags").names == ("a", "b.c", "tags")


@pytest.mark.parametrize("name", used_for(Use.FILTER))
def test_every_attribute_is_there_for_every_kind_of_row(name: str) -> None:
    for each in (ONE, row(), Row("workspace", "workspace", None)):
        assert parse(f"{name} == {name} or not {name}").matches(each, NOW)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("acc > > 0.9", 7, "a name, a number or a text in quotes is expected, not '>'"),
        ("acc > 0.9 and", 14, "not the end"),
        ("acc > 0.9 loss", 11, "'and', 'or' or the end is expected, not 'loss'"),
        ("acc AND loss", 5, "not 'AND'"),
        ("acc = 0.9", 5, "perhaps == is meant"),
        ("acc && loss", 5, "perhaps and is meant"),
        ("acc ; loss", 5, "';' means nothing here"),
        ("(acc > 0.9", 11, "')', 'and' or 'or' is expected, not the end"),
        ("acc > 0.9)", 10, "'and', 'or' or the end is expected, not ')'"),
        ("'best'", 7, "an operator such as == or in is expected"),
        ("note == 'best", 9, "the closing ' is missing"),
        ("3d > 1", 1, "backquotes"),
        ("a ~ b", 5, "a regular expression in quotes is expected, not 'b'"),
        ("a in [1, b]", 10, "a number or a text in quotes is expected, not 'b'"),
        ("a in [1 2]", 9, "',' or ']' is expected, not '2'"),
        (
            "status == 'finished'",
            11,
            "a status is queued, running, done, failed, interrupted; not 'finished'",
        ),
        ("created > 'long ago'", 11, "created is compared, by < > == and so on, with '2 days ago'"),
        ("created > '2026-13-01'", 11, "created is compared"),
        ("created > 3", 11, "created is compared"),
        ("created in ['2026-11-01']", 12, "created is compared"),
        ("duration in ['1 s', '1 parsec']", 13, "duration is compared with seconds, '5 min' or '1 h 30 min'"),
        ("'1 parsec' > duration", 1, "duration is compared with seconds, '5 min' or '1 h 30 min'"),
        ("a == " + "9" * 500, 6, "not '999"),
        ("not " * 60 + "a", 205, "too many parentheses or 'not'"),
        ("(" * 60, 52, "too many parentheses or 'not'"),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, at: int, expected: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        parse(text)
    assert caught.value.message.startswith(f"The filter is wrong at character {at}: ")
    assert expected in caught.value.message
    assert "[HERE]" in (caught.value.hint or "")


def test_an_empty_or_endless_filter() -> None:
    with pytest.raises(errors.UsageError, match="empty"):
        parse("  ")
    with pytest.raises(errors.UsageError, match="longer than"):
        parse("a" * 5001)


# -- names that are not there -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("acx > 1", "Did you mean acc?"),
        ("acc > 0 and lr < 1", "Did you mean train.lr"),
        ("stats == 'done'", "Did you mean status"),
        ("zzzzzz", "There are: acc, loss"),
    ],
)
def test_a_name_that_no_experiment_has(text: str, hint: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        parse(text).select([ONE], NOW)
    assert f"'{text.split()[-3 if ' ' in text else 0]}'" in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_name_that_only_others_have_lets_nothing_through() -> None:
    other = row("two", metrics={"f1": 0.5})
    assert parse("f1 > 0").select([ONE], NOW, lambda: [other]) == []
    assert parse("f1 > 0 or acc > 0").select([ONE, other], NOW) == [ONE, other]
    assert parse("f1 > 0").select([], NOW, list) == []
    with pytest.raises(errors.UsageError, match="f2"):
        parse("f2 > 0").select([], NOW, lambda: [other])


def test_one_name_is_one_thing_in_all_rows() -> None:
    """`loss` is the metric; in a row without it, the param of that name does not take its place."""
    failed = row("failed", params={"loss": "mse"})
    assert parse("loss != 0.3").select([ONE, failed], NOW) == [ONE]
    assert parse("params.loss == 'mse'").select([ONE, failed], NOW) == [ONE, failed]


def test_an_experiment_that_cannot_be_read_is_never_let_through() -> None:
    damaged = rows.of_one(Damaged("bad", "d" * 40, "not JSON"))
    assert parse("not tags").select([damaged], NOW) == []
    assert not parse("true").matches(damaged, NOW)


@pytest.mark.parametrize("created", ["", "never", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", None])
def test_a_time_that_is_none_is_neither_before_nor_after(created: str | None) -> None:
    odd = row(created=created)
    for text in ("created < '2000-01-01'", "created > 'yesterday'", "created == 'now'"):
        assert parse(text).matches(odd, NOW) in (True, False)


def test_a_text_that_spells_a_number_is_one_beside_a_number() -> None:
    typed = row(params={"lr": "0.10", "sha": "7e123457", "name": "x"})
    for text in ("lr > 0.05", "lr == 0.1", "lr == 0.10", "lr == '0.10'", "sha == 7e123457", "0.05 < lr"):
        assert parse(text).matches(typed, NOW), text
    for text in ("lr < 0.05", "name > 1", "sha > 1"):
        assert not parse(text).matches(typed, NOW), text


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse("created == '2026-11-20T12:00:00Z'").matches(row(created="2026-11-20T12:00:00"), NOW)


def test_units() -> None:
    assert parse_duration("1 h, 30 min and 5 seconds") == 5405
    assert parse_duration("2d12h") == 2.5 * 86400
    assert [parse_duration(text) for text in ("", "5", "5 x", "min", "9999999999 weeks", "1 m" * 50)] == [
        *(None, 5.0, None, None, None, None)
    ]
    assert parse_moment("3 months ago") is not None
    assert [parse_moment(text) for text in ("", "ago", "3 ago", "x" * 99, "20 centuries ago")] == [None] * 5


# -- everything else that can be typed ----------------------------------------------------------------

_NAMES = ("acc", "loss", "status", "created", "duration", "tags", "train.lr", "`odd key`", "params")
_LITERALS = ("3", "-1e5", "'x'", "'2 days ago'", "'5 min'", "'('", "[1, 'x']", "true", "null", "é")
_MARKS = ("(", ")", "[", "]", ",", "and", "or", "not", *OPERATORS, "=", "'", "\\")
_WORDS = st.sampled_from([*_NAMES, *_LITERALS, *_MARKS, "\0", "\ud800"])


@given(st.lists(_WORDS, max_size=12).map(" ".join) | st.text(max_size=60))
def test_whatever_is_typed_is_a_filter_or_wrong_usage(text: str) -> None:
    with contextlib.suppress(errors.UsageError):
        found = parse(text)
        assert found.matches(ONE, NOW) in (True, False)
        assert len(found.select([ONE, row()], NOW)) <= 2


@pytest.mark.parametrize("part", ["9", "a.", "'", "(", "[1,", "not ", "a<", "a and ", "[0]", " ", "\\", "1e"])
def test_long_input_is_no_slower_than_its_length(part: str) -> None:
    with contextlib.suppress(errors.UsageError):
        parse((part * 5000)[:5000])


_VALUES = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, math.nan, math.inf]),
    st.booleans(),
    st.none(),
    st.sampled_from(["", "a", "ab"]),
    st.lists(st.sampled_from([1, "a"]), max_size=2),
)
_KEYS = st.sampled_from(["p", "q", "r"])


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)


def _type(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: _type(a) is _type(b) and _type(a) in (float, str) and compare(a, b)


def _in(a: Any, b: Any) -> bool:
    if isinstance(b, list):
        return any(_type(a) is _type(item) and a == item for item in b)
    return isinstance(a, str) and isinstance(b, str) and a in b


_REFERENCE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: _type(a) is _type(b) and a == b,
    "!=": lambda a, b: not (_type(a) is _type(b) and a == b),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": _in,
    "not in": lambda a, b: not _in(a, b),
}


def test_the_reference_has_every_operator() -> None:
    assert sorted([*_REFERENCE, *OF_PATTERNS]) == sorted(OPERATORS)


@pytest.mark.parametrize("how", OPERATORS)
def test_an_operator_has_a_meaning_or_a_refusal_for_every_kind_of_value(how: str) -> None:
    kinds = ("created", "duration", "acc", "note", "tags", "status", "params", "none")
    for name in kinds:
        for other in (*kinds, *_LITERALS, "'today'", "'done'"):
            for text in (f"{name} {how} {other}", f"{other} {how} {name}"):
                with contextlib.suppress(errors.UsageError):
                    assert parse(text).matches(ONE, NOW) in (True, False), text


_OF_TIMES = ("==", "!=", "<", "<=", ">", ">=")


@pytest.mark.parametrize("how", sorted({*OPERATORS} - {*OF_PATTERNS}))
def test_an_operator_compares_times_or_refuses_them(how: str) -> None:
    for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
        text = f"created {how} '{day}'"
        if how in _OF_TIMES:
            assert parse(text).matches(ONE, NOW) == _REFERENCE[how]("2026-11-20", day), text
        else:
            with pytest.raises(errors.UsageError, match="created is compared"):
                parse(text)


Reference = tuple[str, Callable[[dict[str, Any]], bool]]  # a condition as text, and what it means


def _comparison(key: str, how: str, other: tuple[str, Any]) -> Reference:
    kind, value = other
    written = value if kind == "key" else _written(value)

    def holds(values: dict[str, Any]) -> bool:
        if key not in values or (kind == "key" and value not in values):
            return False
        return _REFERENCE[how](values[key], values[value] if kind == "key" else value)

    return f"{key} {how} {written}", holds


_OTHERS = st.one_of(
    st.tuples(st.just("key"), _KEYS),
    # Infinity and NaN have no literal; they are compared with as values.
    st.tuples(st.just("value"), _VALUES.filter(lambda v: not isinstance(v, float) or math.isfinite(v))),
)
_CONDITIONS: st.SearchStrategy[Reference] = st.recursive(
    st.one_of(
        st.builds(_comparison, _KEYS, st.sampled_from(sorted(_REFERENCE)), _OTHERS),
        _KEYS.map(lambda key: (key, lambda values: bool(values.get(key)))),
    ),
    lambda part: st.one_of(
        part.map(lambda a: (f"not ({a[0]})", lambda values: not a[1](values))),
        st.tuples(part, part).map(
            lambda two: (f"({two[0][0]}) and {two[1][0]}", lambda v: two[0][1](v) and two[1][1](v))
        ),
        st.tuples(part, part).map(
            lambda two: (f"({two[0][0]} or ({two[1][0]}))", lambda v: two[0][1](v) or two[1][1](v))
        ),
    ),
    max_leaves=6,
)


@given(_CONDITIONS, st.dictionaries(_KEYS, _VALUES))
def test_a_filter_means_what_a_reference_says(condition: Reference, values: dict[str, Any]) -> None:
    text, holds = condition
    assert parse(text).matches(row(metrics=values), NOW) == holds(values), text


@pytest.mark.parametrize(
    ("text", "word"),
    [("status == done", "done"), ("created > today", "today"), ("duration > 0 and not user != me", "me")],
)
def test_a_text_without_quotes_is_told_of(text: str, word: str) -> None:
    with pytest.raises(errors.UsageError, check=has_code("invalid-filter")) as caught:
        parse(text).select([row()], NOW)
    assert caught.value.hint == f"If a text is meant, it stands in quotes: '{word}'"
