"""`gitexp export`: what each format has of the same experiments, read by other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from gitexp.cli.commands.looking.export import ExportFormat
from gitexp.model import Status
from tests.support.experiments import put
from tests.support.workspace import Workspace

HUGE = 2**60 + 1
STARTED = datetime(2024, 1, 1, 10, tzinfo=UTC)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)")


@pytest.fixture
def several(repo: Workspace) -> Workspace:
    """Three experiments: ordinary, odd and failed."""
    put(
        repo,
        "one",
        params={"params.yaml": {"lr": 0.1, "layers": [64, 32], "warm": True, "mixed": 1, "seed": 1}},
        metrics={"metrics.json": {"acc": 0.1 + 0.2, "steps": 100}},
        tags=("best", "paper"),
        note='=cmd|"/c calc"!A1 <b>x</b>\nsecond',
        duration=12.5,
    )
    put(
        repo,
        "two",
        params={"params.yaml": {"lr": 0.2, "mixed": "auto", "seed": HUGE, "none": None}},
        metrics={"metrics.json": {"acc": math.nan, "steps": HUGE, "most": math.inf}},
        duration=1.0,
    )
    put(repo, "three", params={"params.yaml": dict(zip("abcd", FORMULAS, strict=True))}, status=Status.FAILED)
    repo.allow("files", "out.*")
    return repo


def excel(path: Path) -> list[dict[str, Any]]:
    head, *rows = openpyxl.load_workbook(path)["experiments"].iter_rows()
    titles = [cell.value for cell in head]
    assert all(cell.data_type != "f" for row in rows for cell in row)  # no formula, anywhere
    return [dict(zip(titles, [cell.value for cell in row], strict=True)) for row in rows]


def test_csv_and_json_lines_have_every_column(several: Workspace) -> None:
    text = several.gitexp("export", "--sort", "lr").stdout
    first, second, third = csv.DictReader(io.StringIO(text))
    assert [first["name"], second["name"], third["name"]] == ["one", "two", "three"]
    assert (first["acc"], first["steps"], second["acc"]) == ("0.30000000000000004", "100", "nan")
    assert (second["seed"], first["layers"], first["warm"]) == (str(HUGE), "[64, 32]", "true")
    assert (first["created"], first["duration"]) == ("2024-01-01T10:00:00.000Z", "12.5")
    assert (first["tags"], second["tags"], third["a"]) == ("best, paper", "", "'=1+1")
    assert {"status", "command", "commit", "baseline", "note"} >= {"status", "commit", "baseline", "note"}
    several.gitexp("export", "--sort", "lr", "-o", "out.jsonl")
    one, two, three = map(json.loads, several.read("out.jsonl").splitlines())
    assert (one["layers"], one["warm"], one["tags"]) == ([64, 32], True, ["best", "paper"])
    assert (two["seed"], two["acc"], two["most"]) == (HUGE, "nan", "inf")
    assert "acc" not in three  # no value has no key
    assert [three[key] for key in "abcd"] == list(FORMULAS)
    assert several.json("export", "--sort", "lr") == [one, two, three]


def test_excel_has_texts_as_texts_and_says_what_it_cannot_hold(several: Workspace) -> None:
    done = several.gitexp("export", "--sort", "lr", "-o", "out.xlsx")
    one, two, three = excel(several.path / "out.xlsx")
    assert (one["lr"], one["steps"], one["warm"], one["mixed"], two["mixed"]) == (0.1, 100, True, 1, "auto")
    assert one["created"].replace(tzinfo=UTC) == STARTED
    assert (two["seed"], two["steps"]) == (str(HUGE), str(HUGE))
    assert (two["acc"], two["most"], three["acc"]) == ("nan", "inf", None)
    assert [three[key] for key in "abcd"] == list(FORMULAS)
    assert one["note"] == '=cmd|"/c calc"!A1 <b>x</b>\nsecond'
    assert "2 whole numbers beyond 2^53 in out.xlsx: text" in done.stderr
    assert "2 numbers in out.xlsx that are NaN or infinite: text" in done.stderr


def test_parquet_has_types_and_says_which_columns_are_text(several: Workspace) -> None:
    done = several.json("export", "--sort", "lr", "-o", "out.parquet", process=True)  # polars keeps threads
    found = pl.read_parquet(several.path / "out.parquet")
    assert done["rows"] == found.height == 3
    assert [column["name"] for column in done["columns"]] == found.columns
    kinds = {"lr": pl.Float64, "steps": pl.Int64, "warm": pl.Boolean, "note": pl.String, "mixed": pl.String}
    assert {name: found.schema[name] for name in kinds} == kinds
    assert found["created"].to_list() == [STARTED] * 3
    assert found["steps"].to_list() == [100, HUGE, None]  # exact
    assert math.isnan(found["acc"][1])
    assert found["layers"].to_list() == ["[64, 32]", None, None]
    assert done["remarks"] == ["mixed: values of several types, which are texts in out.parquet."]
    # An integer that a float beside it would change.
    put(several, "four", metrics={"metrics.json": {"steps": 0.5}})
    done = several.json("export", "--columns", "steps", "-o", "out.parquet", process=True)
    assert done["remarks"] == ["steps: whole numbers too large to be exact, which are texts in out.parquet."]
    assert str(HUGE) in pl.read_parquet(several.path / "out.parquet")["steps"].to_list()


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [*map(json.loads, path.read_text("utf-8").splitlines())]


def csv_rows(path: Path) -> list[dict[str, Any]]:
    return [*csv.DictReader(io.StringIO(path.read_text("utf-8")))]


READERS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "csv": csv_rows,
    "jsonl": json_lines,
    "parquet": lambda path: pl.read_parquet(path).to_dicts(),
    "xlsx": excel,
}


@pytest.mark.parametrize("form", ExportFormat)
def test_every_format_has_every_experiment_with_its_values(several: Workspace, form: ExportFormat) -> None:
    several.gitexp("export", "--sort", "lr", "-o", f"out.{form}", process=form is ExportFormat.PARQUET)
    rows = READERS[form](several.path / f"out.{form}")
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    assert [float(row["lr"]) for row in rows[:2]] == [0.1, 0.2]


@pytest.mark.parametrize("ending", ExportFormat)
def test_the_same_experiments_are_the_same_bytes(several: Workspace, ending: str) -> None:
    for name in ("out.one", "out.two"):
        several.gitexp("export", "-q", "--format", ending, "-o", name, process=ending == "parquet")
    one, two = ((several.path / name).read_bytes() for name in ("out.one", "out.two"))
    assert one == two


def test_replicates_are_their_means_if_asked_for(repo: Workspace) -> None:
    for seed, acc in ((1, 0.5), (2, 0.7)):
        metrics = {"metrics.json": {"acc": acc}}
        put(repo, f"s{seed}", group="g", replicate=seed, metrics=metrics, params={"p.yaml": {"seed": seed}})
    (row,) = repo.json("export", "--group", "replicates", "--columns", "acc,seed")
    assert row["acc"] == pytest.approx(0.6)
    assert row["acc sd"] == pytest.approx(0.1414, abs=1e-4)
    assert (row["acc n"], row["seed"], sorted(row["members"])) == (2, [1, 2], ["s1", "s2"])
    assert len(repo.json("export")) == 2


def test_what_is_refused_and_what_is_empty(several: Workspace) -> None:
    refused = several.gitexp("export", "--format", "parquet", check=False)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "gitexp export -o experiments.parquet --format parquet" in refused.stderr
    assert several.gitexp("export", "-o", "out.doc", check=False).exit_code == 2
    missing = several.gitexp("export", "-o", "no/such/out.csv", check=False)
    assert "no/such/out.csv could not be written" in missing.stderr
    assert several.gitexp("export", "--filter", "lr > 5").stdout == "name,status,created,duration\n"
    for ending in ("xlsx", "parquet"):
        several.gitexp("export", "--filter", "lr > 5", "-o", f"out.{ending}", process=ending == "parquet")
    assert several.gitexp("export", "one", "--hide", "*", "--format", "csv").stdout == "name\none\n"


def test_an_unreadable_experiment_is_reported(several: Workspace) -> None:
    put(several, "broken", body="{")
    done = several.gitexp("export", "--columns", "status")
    assert "broken,failed" in done.stdout
    assert "broken cannot be read" in done.stderr
