from __future__ import annotations

import contextlib
import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import plugins
from gitexp.errors import ParseError
from gitexp.files import parse_metrics
from gitexp.files.merging import united
from gitexp.files.scalars import same


def short(value: object) -> str:
    """The beginning of a value, for the name of a test; some values have millions of bytes."""
    return repr(value[:30] if isinstance(value, bytes) else value)[:30]


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
        ("m.csv", b"a,b\n1,2\n3,0.", {"a": 1, "b": 2}),  # of 0.7, say
        ("m.csv", b"a,b\n1,2\n3,1.5e-", {"a": 1, "b": 2}),
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
    ids=short,
)
def test_metrics(name: str, data: bytes, tree: object) -> None:
    found = parse_metrics(name, data)
    assert same(found.tree, tree)
    assert found.complaints == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.json", b"[1]"),
        ("m.json", b'{"a": 1'),
        ("m.jsonl", b'{"a": 1}\n{"a":\n'),
        ("m.csv", b"a\n\xff\n"),
        ("m.csv", b"a\n" + b"x" * 200_000 + b"\n"),
        ("m.csv", b"a,b\n1,2\n" * (9 << 20)),
        ("m.txt", b""),
    ],
    ids=short,
)
def test_metrics_refused(name: str, data: bytes) -> None:
    with pytest.raises(ParseError, match=name):
        parse_metrics(name, data)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            "epoch,loss\n0,0.9\n1,0.8\nepoch,loss,val\n2,0.5,0.7\n3,0.3,0.8\n",
            {"epoch": 3, "loss": 0.3, "val": 0.8},
        ),
        ("epoch,loss\n0,0.9\nepoch,loss\n1,0.8\n", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss,val\n0,0.9,1\nepoch,loss\n1,0.8\n", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss\n0,0.9\nstep,acc\n5,0.8\n", {"step": 5, "acc": 0.8}),
        ("epoch,loss\n0,0.9\nepoch,loss,val\n", {"epoch": 0, "loss": 0.9}),
        ("epoch,loss\n0,0.9\nepoch,loss\n1,", {"epoch": 0, "loss": 0.9}),
        ("epoch,loss\n-,nats\n0,0.9\n", {"epoch": 0, "loss": 0.9}),
        ('"loss","acc"\n"1",0.7,0.5\n"2",0.5,0.8\n', {"loss": 0.5, "acc": 0.8}),
        ('"loss"\n"1",0.7\n"2",0.5\n', {"loss": 0.5}),
        ('"loss" "acc"\n"1" 0.7 0.5\n"2" 0.5 0.8\n', {"loss": 0.5, "acc": 0.8}),
        ("loss,acc\n1,0.7,0.5\n2,0.5,0.8\n", {"loss": 0.5, "acc": 0.8}),
        ('"loss"\n"1",0.7\n"loss","val"\n"2",0.5,0.9\n', {"loss": 0.5, "val": 0.9}),
        (",0,1\n0,0.5,0.6\n1,0.4,0.7\n", {"0": 0.4, "1": 0.7}),
        ("epoch,loss\n0,0.9,\n1,0.8,\n", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss,\n0,0.9\n1,0.8\n", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss,\n0,0.9,\n1,0.8,", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss\n0,0.9\n,\n,\n", {"epoch": 0, "loss": 0.9}),
        ("epoch;loss\n0;0,9\n1;0,8\n", {"epoch": 1, "loss": 0.8}),
        ("epoch;loss\n0;0.9\n1;0.8\n", {"epoch": 1, "loss": 0.8}),
        ("sep=;\nepoch;loss\n0;1.234,5\n", {"epoch": 0, "loss": 1234.5}),
        ('epoch,loss\n0,"0,9"\n1,"0,8"\n', {"epoch": 1, "loss": 0.8}),
        ('epoch,n,loss\n0,"1,000",0.9\n', {"epoch": 0, "n": 1000, "loss": 0.9}),
        ("epoch\tloss\n0\t0,9\n", {"epoch": 0, "loss": 0.9}),
        ("epoch|loss\n0|0.9\n", {"epoch": 0, "loss": 0.9}),
        ("  epoch  loss\n    0   0.9\n   10   0.8\n", {"epoch": 10, "loss": 0.8}),
        ("# run 3\nepoch,loss\n0,0.9\n# resumed\n1,0.8\n", {"epoch": 1, "loss": 0.8}),
        ("# epoch,loss\n0.0,9e-1\n1.0,8e-1\n", {"epoch": 1.0, "loss": 0.8}),
        ("\ufeffepoch;loss\r\n0;0,9\r\n1;0,8\r\n", {"epoch": 1, "loss": 0.8}),
        ("epoch,loss\r0,0.9\r1,0.8\r", {"epoch": 1, "loss": 0.8}),
        ('epoch, "train, loss" , acc\n0, 0.9 , "0.50"\n', {"epoch": 0, "train, loss": 0.9, "acc": 0.5}),
        ("metric,value\nacc,0.5\nloss,3\nacc,0.6\n", {"acc": 0.6, "loss": 3}),
        ("epoch,loss,sha\n1,-nan(ind),7e123457\n", {"epoch": 1, "loss": math.nan, "sha": "7e123457"}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_tables_of_other_forms(text: str, tree: object) -> None:
    found = parse_metrics("m.csv", text.encode())
    assert same(found.tree, tree)
    assert found.complaints == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("epoch,loss\n0,0.9\n1,0.8,0.7\n", 3),
        ("epoch,loss,val\n0,0.9,1\n1,0.8\n", 3),
        ("epoch,loss\n1,0,9\n2,0,8\n", 3),
        ("loss\n0,9\n0,8\n", 3),
        ("0,0.9\n1,0.8\n", 1),
        ("train,0.5\nval,0.6\n", 1),
        ("Experiment 3\n\nepoch,loss\n0,0.9\n", 1),
        ('epoch,msg\n0,ok\n1,"open\n2,ok\n', 4),
    ],
)
def test_tables_that_cannot_be_read_are_named_with_the_line(text: str, line: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_metrics("m.csv", text.encode())
    assert (caught.value.file, caught.value.line) == ("m.csv", line)


@pytest.mark.parametrize(
    ("text", "tree", "complaint"),
    [
        ("epoch,loss\n0,0.9\n1,0.8,0.7\n2,0.6\n", {"epoch": 2, "loss": 0.6}, "m.csv:3: this row has 3 cells"),
        ("epoch,loss,loss\n0,0.9,1\n", {"epoch": 0}, "m.csv:1: the column `loss` stands here twice"),
        ('epoch,n\n0,"1,000"\n', {"epoch": 0}, "m.csv:2: `n` is 1,000, which may be one of two numbers"),
        ("a;n\n0,5;1.234\n", {"a": 0.5}, "m.csv:2: `n` is 1.234, which may be one of two numbers"),
        ("name,value\nacc,1\nloss,2,3\n", {"acc": 1}, "m.csv:3: this row has 3 cells"),
    ],
)
def test_what_is_left_out_of_a_table_is_named(text: str, tree: object, complaint: str) -> None:
    found = parse_metrics("m.csv", text.encode())
    assert same(found.tree, tree)
    (said,) = found.complaints
    assert said.startswith(complaint)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_cells_far_above_the_end_of_a_large_table(end: str) -> None:
    rows = ["epoch,loss,once,val,note", "0,1,9,,", "1,1,,0.5,", *["2,0.25,,,"] * 100_000, ""]
    tree = {"epoch": 2, "loss": 0.25, "once": 9, "val": 0.5}
    assert parse_metrics("m.csv", end.join(rows).encode()).tree == tree
    rows[2] = '1,1,,"0.5",'
    assert parse_metrics("m.csv", end.join(rows).encode()).tree == tree
    names = ["name,value", "once,9", *["acc1,1", "acc2,2"] * 50_000, "acc1,3", ""]
    assert parse_metrics("m.csv", end.join(names).encode()).tree == {"once": 9, "acc1": 3, "acc2": 2}


def test_a_header_far_above_the_end_of_a_large_table() -> None:
    quoted = 'epoch,loss,msg\n0,0.9,"\nepoch,acc,msg\n"\n'
    resumed = "epoch,loss,val\n" + "3,0.3,0.8\n" * 100_000
    tree = {"epoch": 3, "loss": 0.3, "val": 0.8}
    assert parse_metrics("m.csv", (quoted + resumed).encode()).tree == tree
    with pytest.raises(ParseError, match="rows without a number"):
        parse_metrics(
            "m.csv", b"a,b\n" + b"".join(b"%x_,x\n" % n for n in range(200_000)).replace(b"0", b"o")
        )


@pytest.mark.parametrize(
    ("tree", "left", "complaint"),
    [
        ({"acc": 1, "cm": [[0] * 100] * 100}, {"acc": 1}, "`cm` is left out: with its 10,000 values"),
        ({"acc": 1, "cm": [[0] * 1000] * 1000}, {"acc": 1}, "`cm` is left out: with its 1,000,000 values"),
        (
            {"acc": 1, "by": {"f1": 2, "cm": {str(n): dict.fromkeys("abcdefghij", 0) for n in range(1000)}}},
            {"acc": 1, "by": {"f1": 2}},
            "`by.cm` is left out",
        ),
        (
            {"a": 1, "few": [0] * 4000, "as": [0] * 4000, "many": [0] * 4000},
            {"a": 1, "few": [0] * 4000, "as": [0] * 4000},
            "the file has more than 10,000 values, left out: many",
        ),
        (
            {str(n): n for n in range(10_001)},
            {str(n): n for n in range(10_000)},
            "the file has more than 10,000 values, left out: 10000",
        ),
    ],
)
def test_a_value_too_large_costs_only_itself(tree: object, left: object, complaint: str) -> None:
    found = parse_metrics("m.json", json.dumps(tree).encode())
    assert found.tree == left
    (said,) = found.complaints
    assert said.startswith(f"m.json: {complaint}")


def test_a_value_too_deep_costs_only_itself() -> None:
    deep = b"[" * 90 + b'"]"' + b"]" * 90
    found = parse_metrics("m.json", b'{"deep": ' + deep + b', "acc": 1}')
    assert found.tree == {"acc": 1}
    assert "`deep` is left out" in found.complaints[0]


BYTES = (
    st.binary(max_size=40)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
    | st.sampled_from([b"acc = zzz\n", b"acc", b"=", b"[1", b"\xff"])
)


@pytest.mark.parametrize("ending", [*plugins.names("metrics"), *plugins.names("reader")])
@given(data=BYTES)
def test_any_bytes_are_metrics_or_a_parse_error(ending: str, data: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_metrics(f"m{ending}", data)


def test_json_lines_with_different_keys() -> None:
    data = b'{"step": 1, "train": {"loss": 0.9, "acc": 1}}\n{"n": 7}\n{"step": 2, "train": {"loss": 0.5}}\n'
    tree = {"step": 2, "train": {"loss": 0.5, "acc": 1}, "n": 7}
    assert parse_metrics("m.jsonl", data).tree == tree
    long = data + b'{"step": 3, "train": {"loss": 0.4}}\n' * 5_000
    assert parse_metrics("m.jsonl", long).tree == {**tree, "step": 3, "train": {"loss": 0.4, "acc": 1}}
    history = b"[" + b",".join(data.splitlines()) + b"]"
    assert parse_metrics("m.json", history).tree == tree


def test_trees_of_any_depth_are_united() -> None:
    old, new = {"a": {"b": {"c": 1, "d": 2}}, "e": 3}, {"e": {"f": 4}, "a": {"b": {"c": 5}}}
    assert united(old, new) == {"a": {"b": {"c": 5, "d": 2}}, "e": {"f": 4}}
    assert old == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
    deep, other = {"x": 1}, {"y": 2}
    for _ in range(5_000):
        deep, other = {"k": deep}, {"k": other}
    found = united(deep, other)
    for _ in range(5_000):
        found = found["k"]
    assert found == {"x": 1, "y": 2}


def test_lines_that_are_no_json_are_named() -> None:
    found = parse_metrics("m.jsonl", b'starting\n{"a": 1}\n[1]\n{"b": 2}\n')
    assert found.tree == {"a": 1, "b": 2}
    assert found.complaints == ("m.jsonl:3: this line and 1 more are no JSON objects and are left out",)


def test_large_table_is_read_from_its_end() -> None:
    data = b"epoch,loss\n" + b"1,0.25\n" * (8 << 20)
    spent = time.process_time()
    assert parse_metrics("m.csv", data).tree == {"epoch": 1, "loss": 0.25}
    assert time.process_time() - spent < 10, "it grows faster than its input"
