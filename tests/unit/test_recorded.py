"""An environment.txt as requirements: what is from no index, what cannot be had, what a stranger wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitexp.extras.reproduction import recorded

HEAD = "# python 3.11.7\n# manager venv\n"


def text(*packages: str, **direct: dict[str, str]) -> str:
    lines = [f"# direct {json.dumps({'name': name, **told})}\n" for name, told in direct.items()]
    return HEAD + "".join(lines) + "".join(f"{package}\n" for package in packages)


def test_each_package_is_asked_for_where_it_came_from(tmp_path: Path) -> None:
    commit = "1" * 40
    found = recorded.read(
        text(
            *("a==1", "far==1", "archive==1", "local==1", "own==1", "dirty==1", "gone==1", "pip==26"),
            far={"url": "https://host/far", "vcs": "git", "commit": commit},
            archive={"url": "https://host/a.whl", "hash": "sha256:abc"},
            local={"url": f"file://{tmp_path}", "editable": "yes", "commit": commit},
            own={"url": f"file://{tmp_path}", "editable": "yes", "here": "yes"},
            dirty={"url": f"file://{tmp_path}", "editable": "yes", "commit": commit, "dirty": "yes"},
            gone={"url": f"file://{tmp_path}/gone", "commit": commit},
        )
    )
    lines, lacking = recorded.requirements(found)
    assert lines == [
        "a==1",
        f"far @ git+https://host/far@{commit}",
        "archive @ https://host/a.whl#sha256=abc",
        f"local @ git+file://{tmp_path}@{commit}",
    ]
    assert [each.name for each in lacking] == ["dirty", "gone"]
    assert recorded.own_code(found)
    assert found.python == "3.11.7"


@pytest.mark.parametrize(
    "direct", [{"url": "file:///gone"}, {"url": "file:///x", "editable": "yes", "dirty": "yes"}]
)
def test_gitexp_itself_is_that_of_here(direct: dict[str, str]) -> None:
    (line,), lacking = recorded.requirements(recorded.read(text("gitexp==0.3.0", gitexp=direct)))
    assert lacking == []
    name, _, url = line.partition(" @ ")
    assert name == "gitexp"
    assert (Path(url.removeprefix("file://")) / "gitexp" / "__main__.py").exists()


def test_a_known_commit_of_gitexp_is_asked_for(tmp_path: Path) -> None:
    direct = {"url": f"file://{tmp_path}", "commit": "1" * 40}
    lines, _ = recorded.requirements(recorded.read(text("gitexp==0.3.0", gitexp=direct)))
    assert lines == [f"gitexp @ git+file://{tmp_path}@{'1' * 40}"]


def test_a_record_of_a_stranger_gives_uv_no_options() -> None:
    found = recorded.read(
        text("--index-url=http://evil==1", "-r /etc/passwd==1", "a b==1", "ok==1 ; x", "fine==1")
    )
    assert recorded.requirements(found) == (["fine==1"], [])
    assert recorded.read("# direct [1]\n# direct nonsense\n").direct == {}


def test_indexes_and_the_backend_of_torch(tmp_path: Path) -> None:
    lines = (
        f"# index https://i/simple\n# extra-index https://e/simple\n# extra-index file://{tmp_path}/gone\n"
    )
    found = recorded.read(HEAD + lines + "torch==2.1.2+cu118\n")
    extra = [
        "--index",
        "https://e/simple",
        "--index-strategy",
        "unsafe-best-match",
        "--torch-backend",
        "cu118",
    ]
    assert list(recorded.index_options(found, has_own_index=True)) == extra
    options = list(recorded.index_options(found, has_own_index=False))
    assert options == ["--default-index", "https://i/simple", *extra]


def test_uv_goes_on_to_the_next_index(tmp_path: Path) -> None:
    """The record has indexes of pip's settings, too; uv by itself stops at the first that knows a package."""
    lines = f"# manager uv\n# extra-index file://{tmp_path}\n"
    options = [*recorded.index_options(recorded.read(f"# python 3.11.7\n{lines}a==1\n"), has_own_index=True)]
    assert options == ["--index", f"file://{tmp_path}", "--index-strategy", "unsafe-first-match"]
