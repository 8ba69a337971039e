"""The summaries of metrics: those of many lines together are those of each line by itself."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gitexp import nofollow
from gitexp.files.lines.line_columns import columns
from gitexp.files.lines.series import ReadLine, read_line
from gitexp.files.lines.series_summary import MetricSummaries

_NO_POINTS = [
    *(b"\n", b"no JSON\n", b"[1]\n", b"1\n", b"{}\n", b'{"_step":1}\n', b"\xff\n", b" {}\r\n"),
    b'{"_step":1,"_time":1,"loss":1},{"_step":2,"_time":1,"loss":2}\n',
    b'{"_step":1,"_time":1,"loss":[{}\n',  # with the next line one object, and no line by itself
    b'{}],"loss":1}\n',
    b'{"_step":1,"_time":1,"lo}\n',
    b'{ss":1}\n',
    b'{"_step":1,"_time":1,"loss":' + b"9" * 5000 + b"}\n",
    b'{"_step":1,"_ti',
]
_OTHER_POINTS = [
    b'{"_step":1,"_time":1,"loss":1,"loss":2}\n',
    b'{"_step":1,"_time":1,"loss":NaN,"acc":-Infinity}\n',
    b'{"loss":1,"_time":1,"_step":4}\r\n',
]
_names = st.sampled_from(["loss", "acc", "val}", 'a"\u00e9'])
_largest = st.sampled_from([2**1023, -(2**1023), 2**1023 - 1, 1 - 2**1023])
_numbers = st.floats() | st.integers(-(10**20), 10**20) | st.sampled_from(["nan", "inf", "-inf"])
_steps = st.sampled_from([2**63, 2**63 - 1, -(2**63), 1.0, True, "1"])
_times = st.integers(0, 9) | st.sampled_from([2**1024, "1", math.nan])


@st.composite
def _line(draw: st.DrawFn) -> bytes:
    """A point; seldom a line that is none."""
    kind = draw(st.integers(0, 29))
    if kind == 0:
        return draw(st.sampled_from(_NO_POINTS + _OTHER_POINTS))
    metrics = draw(st.dictionaries(_names, _numbers, max_size=3))
    if kind == 1:
        metrics["acc"] = draw(_largest | st.sampled_from(["text", True, None, [1]]))
    step = draw(_steps) if kind == 2 else draw(st.integers(-3, 9))
    time = draw(_times) if kind == 3 else 1000.5
    return json.dumps({"_step": step, "_time": time, **metrics}).encode() + b"\n"


def _one_by_one(data: bytes) -> str:
    summaries = MetricSummaries()
    for line in data.splitlines(keepends=True):
        summaries.add_line(ReadLine(line, read_line(line)))
    return _told(summaries)


def _together(data: bytes, size: int) -> str:
    summaries = MetricSummaries()
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + size) + 1 or len(data)
        summaries.add_lines(data[at:end])
        at = end
    return _told(summaries)


def _told(summaries: MetricSummaries) -> str:
    return repr((list(summaries.by_name.items()), summaries.damaged, summaries.is_cut))


@given(st.lists(_line(), max_size=40), st.integers(0, 2000))
def test_many_lines_together_are_as_each_by_itself(lines: list[bytes], size: int) -> None:
    data = b"".join(lines)
    assert _together(data, size) == _one_by_one(data)


def test_lines_that_are_no_points_stay_lines() -> None:
    for first, second in product(_NO_POINTS + _OTHER_POINTS, repeat=2):
        data = first + second + b'{"_step":3,"_time":2.5,"loss":0.5}\n'
        assert _together(data, len(data)) == _one_by_one(data), (first, second)


def test_points_of_ordinary_runs_are_read_together() -> None:
    found = columns(b'{"_step":0,"_time":1.5,"a":1}\n{"_step":0,"_time":2,"b":"nan","a":2.5}\n')
    assert found is not None
    assert repr({name: tuple(column) for name, column in found.items()}) == repr(
        {"a": ([0, 0], [1.5, 2], [1, 2.5]), "b": ([0], [2], [math.nan])}
    )


def test_integers_too_large_together_have_a_mean() -> None:
    lines = [json.dumps({"_step": at, "_time": 1, "a": 2**1023 - 1}).encode() for at in range(3)]
    summaries = MetricSummaries()
    summaries.add_lines(b"\n".join([*lines, b'{"_step":3,"_time":1,"a":0.5}\n']))
    assert summaries.by_name["a"].number("mean") == math.inf
    assert _told(summaries) == _one_by_one(b"\n".join([*lines, b'{"_step":3,"_time":1,"a":0.5}\n']))


def test_a_file_comes_in_pieces_of_whole_lines(tmp_path: Path) -> None:
    lines = [b"%d " % at + b"x" * (at % 977) + b"\n" for at in range(3000)]
    long = b"y" * (17 << 20)
    (tmp_path / "file").write_bytes(b"".join([*lines, long, b"\nlast"]))
    with nofollow.opened(tmp_path) as folder:
        pieces = list(folder.pieces("file"))
    assert b"".join(pieces) == b"".join([*lines, long, b"\nlast"])
    assert max(map(len, pieces)) <= 16 << 20 | 256 << 10
    assert [piece[-1:] for piece in pieces].count(b"\n") == len(pieces) - 2
