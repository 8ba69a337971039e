"""Sheets of results that people keep by hand: CSV and Excel."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.from_sheets.sheets import CSV, EXCEL, Sheets
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.testing import ImporterContract, runs_of
from tests.support.workspace import Workspace

TEXT = """name,lr,batch size,accuracy,date,notes,status
first,0.1,32,0.91,2026-05-31 14:00,a try,done
second,"0.01",64,93.5%,2026-06-01,,failed
third,1e-3,64,,,"with, comma",
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    file = tmp_path / "results.csv"
    file.write_text(TEXT)
    return file


class TestCsv(ImporterContract):
    @pytest.fixture
    def importer(self) -> Sheets:
        return CSV

    @pytest.fixture
    def place(self, sheet: Path) -> Path:
        return sheet


class TestExcel(ImporterContract):
    @pytest.fixture
    def importer(self) -> Sheets:
        return EXCEL

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        book = openpyxl.Workbook()
        assert book.active is not None
        for row in (["name", "lr", "acc", "date"], ["one", 0.1, 0.5, "2026-05-31"], ["two", 1, 0.75, None]):
            book.active.append(row)
        book.save(tmp_path / "results.xlsx")
        return tmp_path / "results.xlsx"

    def test_numbers_are_numbers(self, importer: Sheets, place: Path) -> None:
        one, two = runs_of(importer, place)
        assert (one.params, one.metrics, one.name) == ({"lr": 0.1}, {"acc": 0.5}, "one")
        assert two.params == {"lr": 1}


def test_columns_that_speak_for_themselves(sheet: Path) -> None:
    first, second, third = runs_of(CSV, sheet)
    assert first.params == {"lr": 0.1, "batch size": 32}
    assert (first.metrics, first.note) == ({"accuracy": 0.91}, "a try")
    assert first.created == 1780236000.0
    assert (second.metrics, second.status) == ({"accuracy": 0.935}, Status.FAILED)
    assert (third.metrics, third.params["lr"], third.note) == ({}, 0.001, "with, comma")


def test_other_columns_are_named_once(repo: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("name;aug;top 1;remark\na;flip;0,5;x\nb;none;0,75;\n", "utf-8")
    wrong = repo.gitexp("import", "csv", str(file), check=False)
    assert "Nobody can tell what is in 2 columns of the sheet: aug, top 1." in wrong.stderr
    assert '--column aug=param --column "top 1=param"' in wrong.stderr
    columns = ("--column", "aug=param", "--column", "top 1=metric:top1")
    told = repo.gitexp("import", "csv", str(file), *columns).stderr
    assert "Imported 2 runs" in told
    assert "gitexp show -A --filter \"imported == 'csv'\"\n" in told  # to paste, with nothing behind it
    record = Project.open(repo.path).store.require("b").record
    assert record.params[".gitexp/run/params.json"] == {"aug": "none"}
    assert record.metrics[".gitexp/run/summary.json"] == {"top1": 0.75}
    with file.open("a") as opened:
        opened.write("c;flip;0,8;\n")
    told = repo.gitexp("import", str(file)).stderr
    assert "Imported 1 run of a CSV file; 2 were here already." in told
    file.write_text(file.read_text().replace("0,75", "0,76"))
    assert "1 with more than before brought up to date" in repo.gitexp("import", "csv", str(file)).stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,acc\na,0.5\nb,high\n", "row 3: 'high' in the column 'acc' is no number"),
        ("name,acc,date\na,0.5,yesterday\n", "row 2: 'yesterday' is no time"),
        ("name,acc,status\na,0.5,maybe\n", "row 2: 'maybe' is no status"),
        ('name,acc\na,"1,234"\n', "row 2: '1,234' can be read in two ways"),
        ("name,acc,duration\na,0.5,long\n", "row 2: 'long' is no duration"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    unread = [one for one in CSV.read(tmp_path / "a.csv") if isinstance(one, Unread)]
    assert [why in str(one) for one in unread] == [True]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no row below a header"),
        (b"name,acc\n", "no row below a header"),
        (b"acc,acc\n1,2\n", "two columns called 'acc'"),
        (b"name,run\n1,2\n", "Two columns are name"),
        (b"name,acc\n\xff,2\n", "line 2 has a byte that cannot be read"),
        (b"PK\x03\x04nothing", "no row below a header"),
    ],
)
def test_a_file_that_is_no_sheet(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(errors.UsageError, match=why):
        list(CSV.read(tmp_path / "a.csv"))
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(errors.UsageError, match="cannot be read as an Excel workbook"):
        list(EXCEL.read(tmp_path / "a.xlsx"))


def test_equal_rows_are_different_runs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("lr,acc\n0.1,0.5\n0.1,0.6\n\n0.2,0.7\n")
    runs = [one for one in CSV.read(tmp_path / "a.csv") if isinstance(one, ForeignRun)]
    assert len({run.id for run in runs}) == 3
