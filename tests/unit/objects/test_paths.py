"""What may be written to is inside the workspace, on every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitexp.objects import paths


@pytest.mark.parametrize(
    "path",
    [
        *(
            "a",
            "data/raw",
            "a b/ü.csv",
            "line\nbreak",
            "\udcff",
            "...",
            "..a",
            "a..",
            ".hidden/x",
            ".gitignore",
        ),
        *("console/x", "nullable", "auxiliary.csv", "com", "com10", "gitexp", "git", "ab:c", "-rf", "%00"),
    ],
)
def test_harmless(path: str) -> None:
    assert paths.fault(path) is None


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\\b",
            "a\0b",
        ),
        *(
            "C:",
            "c:/x",
            ".git",
            ".git/hooks/x",
            "a/.git/x",
            ".GIT/x",
            ".git./x",
            ".git /x",
            "git~1/x",
            "GIT~2",
        ),
        *(".gitexp/x", ".gitexp", "gitexp~1/x", ".g\u200cit/x", "CON", "con", "a/NUL", "aux.txt", "Com1.csv"),
        *("lpt9", "a/prn/b", "nul .x", "conin$", "com¹"),
    ],
)
def test_hostile(path: str) -> None:
    assert paths.fault(path) is not None


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "b", "c/d"], None),
        (["a", "A"], ("a", "A")),
        (["d/x", "D/y"], ("d", "D")),
        (["a", "a/b"], ("a", "a")),
        (["ü", "u\u0308"], ("ü", "u\u0308")),
        (["straße", "STRASSE"], ("straße", "STRASSE")),
        (["a", "a"], ("a", "a")),
    ],
)
def test_clashes(names: list[str], found: tuple[str, str] | None) -> None:
    clash = paths.clash(names)
    assert (clash is None) == (found is None)
    assert found is None or set(clash or ()) == set(found)


def test_parents_that_are_no_folders(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "real" / "link").symlink_to(tmp_path)
    root = str(tmp_path)
    assert paths.foreign_parent(root, "real/deep/new/x") is None
    assert paths.foreign_parent(root, "real/link") is None
    assert paths.foreign_parent(root, "real/link/x") == "real/link"
    assert paths.foreign_parent(root, "file/x") == "file"
