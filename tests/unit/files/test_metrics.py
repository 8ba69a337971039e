from __future__ import annotations

import math
import time

import pytest

from gitexp.errors import ParseError
from gitexp.files import parse_metrics
from gitexp.files.scalars import same


@pytest.mark.parametrize(
    ("name", "data", "tree"),
    [
        (
            "m.json",
            b'{"a": "NaN", "b": NaN, "c": ["-inf"], "d": "x"}',
            {"a": math.nan, "b": math.nan, "c": [-math.inf], "d": "x"},
        ),
        ("m.json", b'[{"a": 1}, {"a": 2}]', {"a": 2}),
        ("m.json", b"[]", {}),
        ("m.json", b"", {}),
        ("m.yaml", b"a: nan\nb: {c: Infinity}\n", {"a": math.nan, "b": {"c": math.inf}}),
        ("m.toml", b"a = 0.5\n", {"a": 0.5}),
        ("m.jsonl", b'{"a": 1}\n{"a": 2}\n', {"a": 2}),
        ("m.jsonl", b'{"a": 1}\r\n{"a": 2}\r\n{"a":', {"a": 2}),
        ("m.jsonl", b'{"a": 1}', {"a": 1}),
        ("m.jsonl", b"\n", {}),
        ("m.csv", b"", {}),
        ("m.csv", b"a,b\n", {}),
        ("m.csv", b"a,b\n1,0.5\n2,x\n", {"a": 2, "b": "x"}),
        ("m.csv", b"a,b\n1,2", {"a": 1, "b": 2}),
        ("m.csv", b"a,b\n1,2\n3", {"a": 1, "b": 2}),
        ("m.csv", b"a,b\n1,2\n3,", {"a": 1, "b": 2}),
        ("m.csv", b"a,b\n1,2\n3,\n", {"a": 3, "b": 2}),
        ("m.csv", b"\xef\xbb\xbfa,b\r\n1,nan\r\n\r\n", {"a": 1, "b": math.nan}),
        ("m.csv", b',"a, b"\n0,"x\ny"\n', {"a, b": "x\ny"}),
        ("m.csv", b"a\n1_000\n", {"a": "1_000"}),
        ("m.tsv", b"a\tb\n1\t-inf\n", {"a": 1, "b": -math.inf}),
        ("m.csv", b"Step,NAME,value\n1,acc,0.5\n1,loss,3\n2,acc,0.6\n2,lo", {"acc": 0.6, "loss": 3}),
        ("m.csv", b"Name,Value,Timestamp,Step\nacc,1,2,3\n", {"acc": 1}),
        (
            "m.csv",
            b"epoch,train,val,once\n0,,,9\n" + b"1,0.5,,\n" * 20_000 + b"2,,0.7,\n",
            {"epoch": 2, "train": 0.5, "val": 0.7, "once": 9},
        ),
        ("m.csv", b'a,b\n1,"' + b"x\n" * 40_000 + b'"\n2,y\n', {"a": 2, "b": "y"}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_metrics(name: str, data: bytes, tree: object) -> None:
    assert same(parse_metrics(name, data), tree)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.json", b"[1]"),
        ("m.json", b'{"a": 1'),
        ("m.jsonl", b'{"a": 1}\n{"a":\n'),
        ("m.csv", b"a,a\n1,2\n"),
        ("m.csv", b"a\n\xff\n"),
        ("m.csv", b"a\n" + b"x" * 200_000 + b"\n"),
        ("m.csv", b"a," * 10_001 + b"a"),
        ("m.csv", b"a,b\n1,2\n" * (9 << 20)),
        ("m.txt", b""),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_metrics_refused(name: str, data: bytes) -> None:
    with pytest.raises(ParseError, match=name):
        parse_metrics(name, data)


def test_large_table_is_read_from_its_end() -> None:
    data = b"epoch,loss\n" + b"1,0.25\n" * (8 << 20)
    spent = time.process_time()
    assert parse_metrics("m.csv", data) == {"epoch": 1, "loss": 0.25}
    assert time.process_time() - spent < 10, "it grows faster than its input"
