"""Kill tests of `gitexp export --as TOOL` and of the import of a bundle: whole runs, or gone on with."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

from gitexp.project.project import Project
from tests.support.experiments import put
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {
    *("crate:part", "crate:named", "crate:top", "crate:zip"),
    *("bundle:made", "bundle:written", "bundle:named", "bundle:git", "bundle:objects"),
}
NAMES = {"one", "two"}
METADATA = "ro-crate-metadata.json"


@pytest.fixture
def several(repo: Workspace) -> Workspace:
    for name in sorted(NAMES):
        put(repo, name, run_files={"output.log": b"printed\n"})
    return repo


def in_crate(text: bytes) -> set[str]:
    actions = [one for one in json.loads(text)["@graph"] if one["@type"] == "CreateAction"]
    return {one["name"].removeprefix("Run of ") for one in actions}


@pytest.mark.parametrize(
    "point", ["crate:part", "crate:part@2", "crate:named@3", "crate:top@2", "crate:top@4"]
)
def test_a_crate_in_a_folder(several: Workspace, tmp_path: Path, point: str) -> None:
    place = tmp_path / "crate"
    words = ("export", "-A", "--as", "ro-crate", "-o", str(place))
    kill(several, point, *words)
    for folder in place.glob("experiments/*"):
        assert (folder / "record.json").exists()
    several.gitexp(*words)
    assert in_crate((place / METADATA).read_bytes()) == NAMES
    assert not [path for path in place.iterdir() if path.name.startswith(".gitexp")]
    assert "2 were there already" in several.gitexp(*words).stderr


@pytest.mark.parametrize("point", ["crate:part", "crate:zip"])
def test_a_crate_in_a_file(several: Workspace, tmp_path: Path, point: str) -> None:
    place = tmp_path / "crate.zip"
    words = ("export", "-A", "--as", "ro-crate", "-o", str(place))
    kill(several, point, *words)
    assert not place.exists()
    several.gitexp(*words)
    with zipfile.ZipFile(place) as found:
        assert in_crate(found.read(METADATA)) == NAMES
    assert list(tmp_path.glob("*.zip")) == [place]


@pytest.mark.parametrize("point", ["bundle:made", "bundle:written", "bundle:named"])
def test_a_bundle(several: Workspace, tmp_path: Path, point: str) -> None:
    place = tmp_path / "all.gitexp"
    words = ("export", "-A", "--as", "bundle", "-o", str(place))
    kill(several, point, *words)
    assert place.exists() == (point == "bundle:named")
    several.gitexp(*words)
    assert "2 were there already" in several.gitexp(*words).stderr
    assert list(tmp_path.glob("*all.gitexp")) == [place]


@pytest.mark.parametrize("point", ["bundle:git", "bundle:objects", "pull:planned"])
def test_an_import_of_a_bundle(several: Workspace, tmp_path: Path, point: str) -> None:
    place = tmp_path / "all.gitexp"
    several.gitexp("export", "-q", "-A", "--as", "bundle", "-o", str(place))
    for name in NAMES:
        several.git("update-ref", "-d", f"refs/gitexp/exps/{name}")
    store = Project.open(several.path).store
    kill(several, point, "import", str(place))
    assert store.names() == []
    several.gitexp("import", str(place))
    assert set(store.names()) == NAMES
    assert_sound(several)
