"""A kill while the cache of records is written leaves a table as it was, and a cache that is whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gitexp.repo import record_cache
from tests.support.experiments import copy_of, put_many
from tests.support.kills import copied, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = ("records:file", "records:file@2", "records:kept")
TABLE = ("show", "-A", "--json")


@pytest.fixture(scope="module")
def many(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    repo = copy_of(template, tmp_path_factory.mktemp("many"))
    put_many(repo, record_cache.MANY)
    return repo


@pytest.mark.parametrize("point", POINTS)
def test_a_table_of_many(many: Workspace, tmp_path: Path, point: str) -> None:
    with copied(many.path, tmp_path) as repo:
        kill(repo, point, *TABLE)
        left = len(list((repo.path / ".git/gitexp/records").iterdir()))
        assert left == {"records:file": 0, "records:file@2": 1, "records:kept": 2}[point]
        first = json.loads(repo.gitexp(*TABLE).stdout)
        assert len([row for row in first if row["kind"] == "experiment"]) == record_cache.MANY
        assert json.loads(repo.gitexp(*TABLE).stdout) == first
        assert len(list((repo.path / ".git/gitexp/records").iterdir())) == 2
