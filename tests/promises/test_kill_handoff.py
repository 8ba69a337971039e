"""Kill tests of `gitexp model export`: a folder is there whole, or as it was before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"model:export-written", "model:export-replaced", "model:exported"}


@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_killed_export_leaves_no_half_a_folder(repo: Workspace, tmp_path: Path, point: str) -> None:
    repo.allow("refs", "refs/tags/*")
    repo.write("model.txt", "tree\n")
    repo.commit()
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("model", "register", "-q", "one:model.txt", "clf")
    place = tmp_path / "out"
    words = ("model", "export", "clf", "--as", "mlflow", "-o", str(place), "--force")
    repo.gitexp(*words)
    whole = sorted(path.name for path in place.iterdir())
    kill(repo, point, *words)
    if point == "model:export-replaced":
        assert not place.exists()  # the only moment without the folder
    else:
        assert sorted(path.name for path in place.iterdir()) == whole
    repo.gitexp(*words)
    assert sorted(path.name for path in place.iterdir()) == whole
    assert_sound(repo)
