"""`gitexp show EXP`: the series of an experiment."""

from __future__ import annotations

import json
import math

import pytest

from gitexp.cli.kit.terminal.render import cell_width
from gitexp.views import series_details
from tests.support.experiments import put
from tests.support.workspace import Workspace


def logged(count: int, **values: float) -> bytes:
    """Points in which each metric goes from 0 to its value."""
    lines = []
    for step in range(count):
        point = {name: step / max(count - 1, 1) * value for name, value in values.items()}
        lines.append(json.dumps({"_step": step, "_time": 1000 + step, **point}))
    return "\n".join([*lines, ""]).encode()


def put_series(repo: Workspace, name: str, **files: bytes) -> None:
    named = {f"{file.replace('_', '-')}.jsonl": content for file, content in files.items()}
    put(repo, name, run_files=named, series=tuple(named))


@pytest.mark.parametrize("width", [80, 160])
def test_curves_fit_the_terminal(repo: Workspace, width: int) -> None:
    put_series(repo, "one", series=logged(3000, loss=1, acc=-2, **{"a" * 250: 5}))
    lines = repo.tty("show", "one", cols=width).lines
    head = next(line for line in lines if line.startswith("Series"))
    assert head.split() == ["Series", "values", "steps", "last"]
    loss = next(line for line in lines if line.startswith("loss"))
    assert loss.split()[1:4] == ["3,000", "0…2,999", "1"]
    drawn = loss.split()[4]
    assert set(drawn) <= set(map(chr, range(0x2801, 0x2900)))
    assert len(drawn) == (15 if width == 80 else 60)
    assert max(map(cell_width, lines)) <= width


def test_in_a_pipe_and_for_programs(repo: Workspace) -> None:
    put_series(repo, "one", series=logged(2, loss=4), rank_1=logged(3, loss=1), system=logged(1, cpu=9))
    shown = repo.gitexp("show", "one").stdout
    assert "Further series: of rank-1, system: 2. All: gitexp show one --json" in shown
    (document,) = repo.json("show", "one")
    assert [(each["of"], each["name"], each["values"]) for each in document["series"]] == [
        ("run", "loss", 2),
        ("rank-1", "loss", 3),
        ("system", "cpu", 1),
    ]
    assert document["series"][0] == {
        "name": "loss",
        "of": "run",
        "values": 2,
        "first_step": 0,
        "last_step": 1,
        "last": 4,
        "min": 0,
        "max": 4,
    }
    plain = repo.gitexp("show", "one", env={"PYTHONIOENCODING": "ascii"}, process=True).stdout
    assert "\\u28" not in plain


def test_values_that_are_no_numbers(repo: Workspace) -> None:
    put_series(repo, "one", series=logged(2, loss=math.nan))
    assert "nan" in repo.gitexp("show", "one").stdout
    assert repo.json("show", "one")[0]["series"][0]["last"] == "nan"


def test_thousands_of_series(repo: Workspace) -> None:
    put_series(repo, "one", series=logged(2, **{f"m{n}": 1 for n in range(500)}))
    assert "480 more" in repo.gitexp("show", "one").stdout
    assert len(repo.json("show", "one")[0]["series"]) == 500


def test_a_file_that_would_take_long(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    put_series(repo, "one", series=logged(100, loss=1))
    monkeypatch.setattr(series_details.stored_series, "LARGEST", 100)
    done = repo.gitexp("show", "one")
    assert "Series" not in done.stdout
    assert 'gitexp.experiment("one").history()' in done.stderr


def test_an_experiment_without_series(repo: Workspace) -> None:
    put(repo, "one")
    assert "Series" not in repo.gitexp("show", "one").stdout
    assert repo.json("show", "one")[0]["series"] == []
