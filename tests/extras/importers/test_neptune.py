"""Exports of Neptune. The service is closed, so the files are written here by the exporter's schema."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.importers.from_neptune.neptune import IMPORTER, Neptune
from gitexp.model import Status
from gitexp.testing import ImporterContract, runs_of

SCHEMA: dict[str, Any] = {
    "project_id": polars.String,
    "run_id": polars.String,
    "attribute_path": polars.String,
    "attribute_type": polars.String,
    "step": polars.Decimal(18, 6),
    "timestamp": polars.Datetime("ms", "UTC"),
    "int_value": polars.Int64,
    "float_value": polars.Float64,
    "string_value": polars.String,
    "bool_value": polars.Boolean,
    "datetime_value": polars.Datetime("ms", "UTC"),
    "string_set_value": polars.List(polars.String),
    "file_value": polars.Struct({"path": polars.String}),
    "histogram_value": polars.Struct(
        {
            "type": polars.String,
            "edges": polars.List(polars.Float64),
            "values": polars.List(polars.Float64),
        }
    ),
}
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


def row(path: str, kind: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(SCHEMA)
    known = {"project_id": "team/digits", "run_id": "DIG-1", "attribute_path": path, "attribute_type": kind}
    return {**empty, **known, **values}


def export(folder: Path, rows: list[dict[str, Any]], name: str = "DIG-1_part_0.parquet") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    polars.DataFrame(rows, schema=SCHEMA).write_parquet(folder / name, compression="snappy")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    rows = [
        row("sys/name", "string", string_value="first"),
        row("sys/creation_time", "datetime", datetime_value=NOON),
        row("sys/tags", "string_set", string_set_value=["paper", "x"]),
        row("sys/failed", "bool", bool_value=True),
        row("sys/owner", "string", string_value="ann"),
        row("config/lr", "float", float_value=0.1),
        row("config/layers", "int", int_value=3),
        row("test/acc", "float", float_value=0.75),
        row("model", "file", file_value={"path": "digits/model.txt"}),
        row("lost", "file", file_value={"path": "../outside.txt"}),
        row("weights", "histogram_series", step=Decimal(1), timestamp=NOON),
        row("monitoring/stdout", "string_series", step=Decimal(0), timestamp=NOON, string_value="printed"),
    ]
    for step in range(50):
        at = {"step": Decimal(step), "timestamp": NOON}
        rows.append(row("train/loss", "float_series", float_value=1 / (step + 1), **at))
        rows.append(row("monitoring/cpu", "float_series", float_value=50.0, **at))
    data = tmp_path / "exports" / "data"
    export(data / "digits", rows)
    export(
        data / "digits", [row("train/acc", "float_series", step=Decimal(7), float_value=0.5)], "p_1.parquet"
    )
    files = tmp_path / "exports" / "files" / "digits"
    files.mkdir(parents=True)
    (files / "model.txt").write_text("weights")
    (tmp_path / "exports" / "outside.txt").write_text("a secret")
    return data


class TestNeptune(ImporterContract):
    @pytest.fixture
    def importer(self) -> Neptune:
        return IMPORTER

    @pytest.fixture
    def place(self, exported: Path) -> Path:
        return exported


def test_everything_comes_along(exported: Path) -> None:
    (run,) = runs_of(IMPORTER, exported)
    assert (run.name, run.group, run.status, run.user) == ("DIG-1", "first", Status.FAILED, "ann")
    assert run.created == NOON.timestamp()
    assert run.params == {"config": {"lr": 0.1, "layers": 3}}
    assert run.metrics == {"test/acc": 0.75}
    assert run.tags == ("paper", "x")
    assert run.log == b"printed\n"
    assert {name: path.name for name, path in run.files.items() if isinstance(path, Path)} == {
        "model": "model.txt"
    }
    assert [remark.rpartition(" ")[2] for remark in run.remarks] == ["lost", "weights"]
    points = list(run.points())
    assert [point.step for point in points] == list(range(50))
    assert points[7].values == {"train/acc": 0.5, "train/loss": 0.125}
    assert {tuple(point.values) for point in run.system()} == {("monitoring/cpu",)}


def test_steps_with_fractions_keep_their_distances(tmp_path: Path) -> None:
    rows = [row("loss", "float_series", step=Decimal(step), float_value=1.0) for step in ("0.5", "1", "2.25")]
    export(tmp_path / "data", rows)
    (run,) = runs_of(IMPORTER, tmp_path / "data")
    assert [point.step for point in run.points()] == [50, 100, 225]
    assert run.remarks == ("its steps have fractions: they are 100 times as large here",)


def test_another_parquet_file_is_said(exported: Path) -> None:
    polars.DataFrame({"a": [1]}).write_parquet(exported / "other.parquet")
    (exported / "broken.parquet").write_bytes(b"PAR1nothing")
    unread = [str(one) for one in IMPORTER.read(exported) if isinstance(one, Unread)]
    assert [Path(text.partition(":")[0]).name for text in unread] == ["broken.parquet", "other.parquet"]
