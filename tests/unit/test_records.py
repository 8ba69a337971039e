"""A record as text and back: everything round trips, and nothing hostile does more than be an error."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitexp import errors
from gitexp.model import Experiment, ProcessId, Record, Status
from gitexp.repo import record_cache, records
from gitexp.repo.many_records import decode_together

ID, BASE = "a" * 40, "b" * 40
MINIMAL: dict[str, Any] = {"format": 1, "status": "done", "commit": ID, "baseline": BASE}

# File names that are not UTF-8 come as lone surrogates.
texts = st.text(st.characters(), max_size=20)
finite = st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | finite | texts
trees = st.dictionaries(
    texts,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_size=4,
)
names = st.lists(
    st.text(st.characters(exclude_characters="/\0\n", exclude_categories=["Cs"]), min_size=1, max_size=9)
    | st.sampled_from(["caf\udce9", "..a", ".gitexp", "a.git"]),
    min_size=1,
    max_size=3,
).map("/".join)
plain_names = names.filter(lambda name: not {".", "..", ".git"} & set(name.lower().split("/")))
files = st.dictionaries(plain_names, trees, max_size=3)
tuples = st.lists(texts, max_size=3).map(tuple)
FIELDS = {
    "name": st.just("one"),
    "status": st.sampled_from(Status),
    "commit": st.just(ID),
    "baseline": st.just(BASE) | st.just("0" * 64),
    "branch": st.none() | texts,
    "command": st.none() | texts,
    "argv": st.none() | tuples,
    "folder": st.just("") | plain_names,
    "project": st.none() | st.just("") | plain_names,
    "identity": texts,
    "overrides": tuples,
    "params": files,
    "metrics": files.filter(lambda found: not any(word in str(found).lower() for word in ("nan", "inf"))),
    "patterns": st.dictionaries(texts, texts, max_size=3),
    "cut_params": st.lists(plain_names, max_size=3, unique=True).map(sorted).map(tuple),
    "cut_metrics": st.lists(plain_names, max_size=3, unique=True).map(sorted).map(tuple),
    "written_params": st.lists(plain_names, max_size=3).map(tuple),
    "created": texts,
    "finished": st.none() | texts,
    "duration": st.none() | st.floats(0, 1e9),
    "exit_code": st.none() | st.integers(-(2**31), 2**31),
    "user": texts,
    "host": texts,
    "platform": texts,
    "python": st.none() | texts,
    "cpus": st.none() | st.integers(0, 10_000),
    "gpus": tuples,
    "gitexp": texts,
    "tags": tuples,
    "note": texts,
    "warnings": tuples,
    "process": st.none() | st.builds(ProcessId, texts, st.integers(1, 2**31), texts),
    "stages": st.dictionaries(texts, st.fixed_dictionaries({"state": texts, "seconds": leaves}), max_size=3),
    "group": texts,
    "replicate": st.integers(0, 100),
    "sweep": texts,
    "trial": st.just({})
    | st.fixed_dictionaries(
        {
            "number": st.integers(0, 10_000),
            "point": st.dictionaries(texts, texts, max_size=3),
            "space": st.dictionaries(texts, texts, max_size=3),
            "method": texts,
            "objectives": st.dictionaries(texts, texts, max_size=2),
            "code": texts,
        }
    ),
    "start": st.just("") | st.just(ID),
    "order": st.integers(0, 2**63 - 1),
    "worker": texts,
    "engine": texts,
    "job": texts,
    "waits_at": texts,
    "seen": texts,
    "tries": st.integers(0, 100),
    "limits": st.dictionaries(texts, st.floats(0, 1e12), max_size=2),
    "reason": texts,
    "parent": texts,
    "resumed_from": st.just({})
    | st.fixed_dictionaries(
        {"experiment": texts, "commit": st.just(ID), "record": st.just(BASE), "step": st.integers(-9, 9)}
    ),
    "checkpoints": st.lists(plain_names, max_size=2).map(tuple),
    "imported": st.dictionaries(
        st.sampled_from(["from", "id", "state", "group", "parent"]), texts, max_size=3
    ),
    "tables": st.lists(st.sampled_from(["logs.csv", "a/b.tsv"]), max_size=2).map(tuple),
    "series": st.lists(st.sampled_from(["series.jsonl", "system.jsonl"]), max_size=2).map(tuple),
    "alerts": st.lists(
        st.fixed_dictionaries({"time": texts, "level": texts, "title": texts, "text": texts}), max_size=2
    ).map(tuple),
    "protected": st.just({})
    | st.fixed_dictionaries({"at": st.just(ID), "hash": texts, "changed": st.lists(texts, max_size=2)}),
    "reproduces": st.just({}) | st.fixed_dictionaries({"experiment": texts, "commit": st.just(ID)}),
    "certificates": st.lists(
        st.fixed_dictionaries(
            {"commit": st.just(ID)}
            | dict.fromkeys(("grade", "by", "host", "time", "experiment", "environment"), texts)
        ),
        max_size=2,
    ).map(tuple),
    "holdout": st.just({})
    | st.fixed_dictionaries(
        {
            "commit": st.just(ID),
            "command": texts,
            "timeout": st.floats(0, 9),
            "metrics": st.just({"m": {"x": 0.5}}),
        }
    ),
    "system": st.dictionaries(texts, st.floats(0, 1e12), max_size=2),
    "mlflow": st.dictionaries(st.sampled_from(["run", "experiment"]), texts, max_size=2),
    "loop": st.just({}) | st.fixed_dictionaries({"id": texts, "round": st.integers(0, 99), "edit": texts}),
    "extra": st.dictionaries(texts.map("later_{}".format), leaves, max_size=3),
}
complete_records = st.builds(Record, **FIELDS)


def body(message: str) -> bytes:
    """What `git for-each-ref` gives as the body of such a message."""
    subject, blank, rest = message.split("\n", 2)
    assert subject
    assert blank == ""
    return rest.encode("utf-8", "surrogateescape")


@given(complete_records)
def test_a_record_round_trips(record: Record) -> None:
    assert records.decode(body(records.encode(record, "subject")), "one") == record


@given(st.lists(complete_records, min_size=1, max_size=4))
def test_records_round_trip_as_columns(made: list[Record]) -> None:
    """The cache of records gives each back as it was."""
    given_ = [Experiment("one", ID, replace(record, process=None)) for record in made]
    contents = list(record_cache._files(given_))
    found = [one for content in contents for one in record_cache._experiments(content)]
    assert repr([one.record for one in found]) == repr([one.record for one in given_])
    assert found == given_


def test_the_round_trip_has_every_field() -> None:
    assert FIELDS.keys() == {field.name for field in fields(Record)}


def test_a_record_is_written_without_the_keys_of_few_runs() -> None:
    """A new key of the record is in `_SELDOM`, or it stands here because every run has it."""
    written = json.loads(body(records.encode(Record("one", Status.DONE, ID, BASE), "subject")))
    assert set(written) == {
        *("format", "name", "status", "commit", "baseline", "branch", "command", "argv", "folder", "project"),
        *("identity", "overrides", "params", "metrics", "patterns", "cut_params", "cut_metrics"),
        *("written_params", "created", "finished", "duration", "exit_code", "user", "host", "platform"),
        *("python", "cpus", "gpus", "gitexp", "tags", "note", "warnings"),
    }


@given(st.text(st.characters(codec="utf-8")))
@example("\x00\x1b]0;title\x07‮\r\n\n")
def test_a_message_is_three_lines_whatever_is_in_it(text: str) -> None:
    record = Record("one", Status.DONE, ID, BASE, note=text, command=text, params={"p": {text: text}})
    message = records.encode(record, "subject")
    assert message.count("\n") == 3
    assert "\0" not in message
    assert "\x1b" not in message
    assert records.decode(body(message), "one") == record


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_that_are_no_numbers_are_numbers_again(value: float) -> None:
    record = Record(
        "one", Status.DONE, ID, BASE, metrics={"m": {"loss": value, "all": [value, {"x": value}]}}
    )
    message = records.encode(record, "subject")
    json.loads(body(message), parse_constant=pytest.fail)
    found = records.decode(body(message), "one").metrics["m"]
    assert [str(v) for v in (found["loss"], found["all"][0], found["all"][1]["x"])] == [str(value)] * 3


def test_params_that_say_nan_stay_as_they_were_written() -> None:
    record = Record("one", Status.DONE, ID, BASE, params={"p": {"on": "nan"}}, metrics={"m": {"loss": 1.0}})
    assert records.decode(body(records.encode(record, "s")), "one").params == {"p": {"on": "nan"}}


def test_a_large_file_is_cut_and_named() -> None:
    large = {"layers": list(range(20_000))}
    record = Record(
        "one",
        Status.DONE,
        ID,
        BASE,
        params={"big.yaml": large, "params.yaml": {"lr": 1}},
        metrics={"m": large},
    )
    found = records.decode(body(records.encode(record, "subject")), "one")
    kept = replace(record, params={"params.yaml": {"lr": 1}}, metrics={})
    assert found == replace(kept, cut_params=("big.yaml",), cut_metrics=("m",))


def test_of_many_warnings_the_last_says_how_many_more() -> None:
    record = Record("one", Status.DONE, ID, BASE, warnings=tuple(f"warning {at}" for at in range(100_000)))
    found = records.decode(body(records.encode(record, "subject")), "one").warnings
    assert (len(found), found[98], found[99]) == (100, "warning 98", "and 99,901 more warnings")


def test_what_a_later_version_adds_survives_an_edit() -> None:
    data = {**MINIMAL, "mood": {"is": ["fine", None]}, "extra": 1, "note": None}
    found = records.decode(json.dumps(data).encode(), "one")
    extra = {"mood": {"is": ["fine", None]}, "extra": 1}
    assert found == Record("one", Status.DONE, ID, BASE, extra=extra)
    edited = json.loads(body(records.encode(replace(found, note="new"), "subject")))
    assert (edited["mood"], edited["extra"], edited["note"]) == (data["mood"], 1, "new")


@pytest.mark.parametrize(
    "name",
    [
        *("", "/etc/passwd", "../x", "a/../b", "a/..", "./a", "a//b", "a/", ".git/config", "a/.GIT"),
        *("a\0", "a\nb", "\ud800", "a\udc7f", "\udd00"),
    ],
)
@pytest.mark.parametrize("key", ["params", "metrics", "cut_params", "cut_metrics"])
def test_a_file_name_that_is_no_plain_path_is_refused(key: str, name: str) -> None:
    value = [name] if key.startswith("cut") else {name: {}}
    with pytest.raises(errors.BadRecord, match=f"'{key}'"):
        records.decode(json.dumps({**MINIMAL, key: value}).encode(), "one")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("status", value) for value in ("over", 1, None, ["done"], {})),
        *(("commit", value) for value in ("", "main", "A" * 40, "a" * 39, "-" * 40, 0, None, [ID])),
        ("baseline", "../../etc/passwd"),
        ("name-is-the-refs", None),
        *(("params", value) for value in ([], "x", {"params.yaml": 1}, {"params.yaml": None}, {"p": []})),
        ("metrics", {"metrics.json": "loss"}),
        *(("duration", value) for value in ("1", True, [], float("1e300"))),
        *(("exit_code", value) for value in ("1", 1.5, True)),
        *(("tags", value) for value in ("one", [1], {"a": 1}, [None])),
        *(("note", value) for value in (1, [], {})),
        *(("process", value) for value in ({}, [], "1", {"host": "h", "pid": "1", "started": ""})),
        *(("argv", value) for value in ("rm", [["rm"]])),
        *(("cut_params", value) for value in ("x", [1])),
        ("created", 5),
    ],
)
def test_a_field_of_the_wrong_type_is_named(key: str, value: object) -> None:
    if key == "name-is-the-refs":
        data = {**MINIMAL, "name": ["../x"]}
        assert records.decode(json.dumps(data).encode(), "one").name == "one"
        return
    with pytest.raises(errors.BadRecord, match=key):
        records.decode(json.dumps({**MINIMAL, key: value}).encode(), "one")


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "1", '"text"', "{", "{}", "not JSON", '{"format": 1}', '{"format": "1"}'),
        *('{"format": true}', '{"format": 0}', '{"format": -1}', '{"format": 1e3}', "NaN", "\0", "\ufeff{}"),
        json.dumps({**MINIMAL, "format": 2}),
        json.dumps(MINIMAL)[:-1] + ',"metrics":{"m":{"x":NaN}}}',
        json.dumps(MINIMAL)[:-1] + ',"duration":1e999}',
        json.dumps(MINIMAL)[:-1] + ',"duration":' + "9" * 5000 + "}",
        json.dumps(MINIMAL)[:-1] + ',"params":{"p":' + '{"a":' * 150 + "1" + "}" * 150 + "}}",
        json.dumps(MINIMAL)[:-1] + ',"params":{"p":{"a":' + "[" * 900 + "]" * 900 + "}}}",
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps({**MINIMAL, "note": "x" * (17 << 20)}),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_record_is_an_error(text: str) -> None:
    with pytest.raises(errors.BadRecord, match="of one"):
        records.decode(text.encode(), "one")


@given(st.binary(max_size=200))
def test_bytes_are_a_record_or_an_error(data: bytes) -> None:
    with pytest.raises(errors.BadRecord):
        records.decode(data, "one")


anything = st.recursive(leaves, lambda i: st.lists(i, max_size=3) | st.dictionaries(texts, i, max_size=3))


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Record)]), anything))
def test_fields_of_any_type_are_a_record_or_an_error(data: dict[str, Any]) -> None:
    try:
        found = records.decode(json.dumps({**MINIMAL, **data}).encode(), "one")
    except errors.BadRecord:
        return
    assert records.decode(body(records.encode(found, "subject")), "one") == found


def test_records_that_are_parsed_together_are_parsed_as_alone() -> None:
    body = records.encode(Record("one", Status.DONE, "a" * 40, "b" * 40), "one").partition("\n\n")[2].encode()
    together = records.parse_together([body, body])
    assert [records.decode(body, "one", parsed) for parsed in together] == [records.decode(body, "one")] * 2
    for bad in (b"", b"{", b'{},"x",{}', b"\xff", b"[" * 100_000, b"NaN"):
        assert set(records.parse_together([body, bad])) == {records.UNPARSED}
    halves = [b'{"a":1},{"b":2', b'"c":3}', b"{}"]
    assert set(records.parse_together(halves)) == {records.UNPARSED}
    assert set(records.parse_together([b"{},{}", body, b"{"])) == {records.UNPARSED}
    assert records.parse_together([b'{},"x",{}', body]) == [records.UNPARSED] * 2


def _alone(body: bytes) -> str:
    try:
        return repr(records.decode(body, "one"))
    except errors.BadRecord as error:
        return repr(error.message)


# Values of a kind that a record may have, so that most of the records are sound.
usual = st.sampled_from(
    ["", "nan", None, 0, 1, True, 2**70, [], ["a"], {}, {"m": {"x": "nan", "y": ["inf"]}}]
)


@given(
    st.lists(st.sampled_from([*(field.name for field in fields(Record)), "format", "later"]), max_size=9),
    st.data(),
)
def test_records_decoded_together_are_as_decoded_alone(keys: list[str], data: st.DataObject) -> None:
    bodies = []
    for _ in range(data.draw(st.integers(8, 12))):
        changed = {key: data.draw(usual | anything) for key in data.draw(st.sampled_from([keys, []]))}
        bodies.append(json.dumps({**MINIMAL, **dict.fromkeys(keys), "format": 1, **changed}).encode())
    bodies += data.draw(
        st.lists(st.sampled_from([b"{", b"[]", b"\xff", bodies[0][:-1] + b',"note":"a","note":"b"}']))
    )
    found = []
    for one in decode_together(bodies, ["one"] * len(bodies)):
        found.append(repr(one) if isinstance(one, Record) else repr(one.message))
    assert found == [_alone(body) for body in bodies]


def test_many_like_records_are_decoded_together() -> None:
    record = Record("one", Status.DONE, ID, BASE, metrics={"m": {"loss": math.inf}}, tags=("a",), cpus=8)
    text = body(records.encode(record, "subject"))
    many = [text] * 20
    assert decode_together(many, ["one"] * 20) == [record] * 20
    spoilt = [*many, text.replace(b'"cpus":8', b'"cpus":"8"')]
    assert decode_together(spoilt, ["one"] * 21)[:20] == [record] * 20
