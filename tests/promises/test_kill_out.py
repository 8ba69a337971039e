"""Kill tests of what is written for others: the file of `-o`, the folder of `--export`. See test_kill.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.experiments import put
from tests.support.kills import KILLED, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

EXPORTS = ("export:written", "export:told", "export:moved@1", "export:moved@20", "export:removed")
POINTS = {"out-file:written", *EXPORTS}


def test_an_earlier_file_stays_whole(repo: Workspace) -> None:
    put(repo, "one")
    repo.write("all.csv", "mine\n", mode=0o640)
    done = repo.gitexp("export", "-o", "all.csv", check=False, env={"GITEXP_FAILPOINT": "out-file:written"})
    assert done.exit_code in (KILLED, -9)
    assert repo.read("all.csv") == "mine\n"
    assert sorted(path.name for path in repo.path.glob("*all*")) == ["all.csv"]
    repo.allow("files", "all.csv")
    repo.gitexp("export", "-o", "all.csv")
    assert repo.read("all.csv").splitlines()[1].startswith("one,done,")
    assert (repo.path / "all.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("point", EXPORTS)
def test_an_export_is_the_old_one_or_the_new_one_or_says_what_it_is(
    repo: Workspace, tmp_path: Path, point: str
) -> None:
    site = tmp_path / "site"
    export = ("ui", "--export", str(site))
    kill(repo, point, *export)  # the first one: nothing yet, or half of it
    assert not (site / "index.html").exists() or is_half_written(site)
    for number in range(30):
        put(repo, f"old-{number}")
    repo.gitexp(*export)
    old = files_of(site)
    repo.gitexp("remove", "-q", "--yes", "old-1")
    put(repo, "new")
    kill(repo, point, *export)
    assert is_half_written(site) or files_of(site) == old
    repo.gitexp(*export)
    assert not is_half_written(site)
    found = files_of(site)
    assert "experiments/new.html" in found
    assert "experiments/old-1.html" not in found
    assert {path.name for path in site.iterdir()} == {
        *(".gitexp-dashboard", "compare.html", "documents", "experiments", "index.html"),
        *("models.html", "pipeline.html", "queue.html", "static", "sweeps.html"),
    }


def is_half_written(site: Path) -> bool:
    return "Half" in (site / "documents/export.js").read_text("utf-8")


def files_of(site: Path) -> dict[str, bytes]:
    """The files of an export that a browser can ask for."""
    found = {}
    for folder in (site, site / "documents", site / "experiments", site / "static"):
        for path in folder.rglob("*"):
            name = path.relative_to(site).as_posix()
            if path.is_file() and not name.startswith(".gitexp"):
                found[name] = path.read_bytes()
    return found
