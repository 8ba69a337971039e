"""A file of series that is followed while it grows."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from gitexp.cli.kit.terminal.braille import curve
from gitexp.files.lines.series_tail import SeriesTail, finite, last_values


def line(step: int, **values: object) -> bytes:
    return json.dumps({"_step": step, "_time": 1000 + step, **values}).encode() + b"\n"


def test_only_what_is_new_is_read_and_a_line_that_is_cut_waits(tmp_path: Path) -> None:
    file = tmp_path / "series.jsonl"
    file.write_bytes(line(0, loss=4) + line(1, loss=2)[:-5])
    tail = SeriesTail()
    fd = os.open(file, os.O_RDONLY)
    try:
        assert [point.step for point in tail.read(fd)] == [0]
        assert tail.read(fd) == []
        with file.open("ab") as more:
            more.write(line(1, loss=2)[-5:] + b"no point\n" + line(2, loss="nan", acc=0.5))
        assert [point.step for point in tail.read(fd)] == [1, 2]
        assert tail.last["acc"].value == 0.5
        assert finite(tail.curves["loss"].all()) == [(0, 4), (1, 2)]
        assert tail.pace == 1.0
        assert not tail.is_sampled
        assert last_values(fd)["acc"].step == 2
    finally:
        os.close(fd)


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "series.jsonl"
    file.write_bytes(b"".join(line(step, loss=100_000 - step) for step in range(100_000)))
    read = 0
    tail = SeriesTail()
    fd = os.open(file, os.O_RDONLY)
    try:
        read = len(tail.read(fd))
    finally:
        os.close(fd)
    assert read < 30_000
    assert tail.is_sampled
    assert tail.last["loss"].value == 1
    points = tail.curves["loss"].all()
    assert points[0] == (0, 100_000)
    assert points[-1] == (99_999, 1)
    assert all(value == 100_000 - step for step, value in points)
    assert max(later[0] - sooner[0] for sooner, later in itertools.pairwise(points)) < 1000


def test_a_curve_in_braille() -> None:
    assert curve([(0, 0), (1, 1)], 2, 1) == ["⡠⠊"]
    assert curve([(0, 1), (1, 1)], 2, 1) == ["⠤⠤"]
    assert curve([(3, 7.0)], 1, 1) == ["⠐"] or curve([(3, 7.0)], 1, 1) == ["⠄"]
    assert curve([], 2, 2) == ["⠀⠀", "⠀⠀"]
    assert len(curve([(0, -1.7e308), (1, 1.7e308)], 4, 2)) == 2
