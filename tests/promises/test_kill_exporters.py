"""Kill tests of `gitexp export --as TOOL`: whole runs at the place, and the next export brings the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitexp import plugins
from gitexp.extras.integrations.importers.foreign import ForeignRun
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"export:made", "export:put"}
NAMES = ["one", "two"]


def names_at(kind: str, place: Path) -> list[str]:
    """The names of the runs at a place; each of them is whole."""
    importer = plugins.load("importer", kind)
    found = []
    for run in importer.read(place):
        assert isinstance(run, ForeignRun), run
        assert not run.remarks
        found.append(run.name)
    return sorted(found)


@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
@pytest.mark.parametrize("point", sorted(POINTS))
def test_an_export(repo: Workspace, tmp_path: Path, point: str, kind: str) -> None:
    place = tmp_path / "exported"
    for name in NAMES:
        repo.gitexp("save", "-q", "-n", name)
    kill(repo, f"{point}@2", "export", "--as", kind, "-o", str(place))
    assert_sound(repo)
    assert names_at(kind, place) in (["one"], NAMES)
    repo.gitexp("export", "--as", kind, "-o", str(place))
    assert names_at(kind, place) == NAMES
    assert not list(place.rglob(".gitexp-new*"))
    assert "0 experiments written" in repo.gitexp("export", "--as", kind, "-o", str(place)).stderr


@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_newer_state(repo: Workspace, tmp_path: Path, point: str) -> None:
    """A run that is brought up to date is there before or after, or missing until the next export."""
    place = tmp_path / "exported"
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("export", "--as", "tensorboard", "-o", str(place))
    repo.gitexp("note", "one", "-m", "better")
    kill(repo, point, "export", "--as", "tensorboard", "-o", str(place))
    repo.gitexp("export", "--as", "tensorboard", "-o", str(place))
    assert names_at("tensorboard", place) == ["one"]
    assert len(list(place.rglob("events.*"))) == 1
