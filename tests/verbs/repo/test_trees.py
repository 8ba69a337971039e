"""Trees changed without Git: the same as Git makes, and left to Git where its conversions may count."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitexp import errors
from gitexp.repo.git import plain_files, trees
from gitexp.repo.git.repository import Repository
from tests.support.repositories import git
from tests.support.workspace import Workspace

DEEP = "a/" * 101 + "b"
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and pipes")


@pytest.fixture
def found(repo: Workspace, tmp_path: Path) -> Repository:
    """A repository with a few files in folders, whose disk has been asked."""
    for path in ("a/b/c.txt", "a/b.txt", "a.txt", "out/metrics.json"):
        repo.write(path, path)
    repo.commit()
    found = Repository.find(repo.path)
    scratch = repo.path / ".git/gitexp/tmp"
    scratch.mkdir(parents=True)
    found.ask_disk(scratch)
    return found


def head_tree(repo: Repository) -> str:
    tree = repo.resolve("HEAD", "tree")
    assert tree is not None
    return tree


def files_of(repo: Workspace, tree: str) -> dict[str, str]:
    """Mode and blob of each file by path, as Git lists them."""
    listed = repo.git("ls-tree", "-r", "-z", tree).split("\0")
    found = {}
    for line in filter(None, listed):
        meta, _, path = line.partition("\t")
        mode, _, blob = meta.split()
        found[path] = f"{mode} {blob}"
    return found


# -- changes of trees ------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "a.txt", "a0", "é"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
blobs = st.sampled_from(["x", "y"])


@settings(max_examples=60)
@given(before=st.dictionaries(paths, blobs, max_size=6), after=st.dictionaries(paths, st.none() | blobs))
def test_changed_trees_are_those_of_git(
    shared_repo: Workspace, before: dict[str, str], after: dict[str, str | None]
) -> None:
    """Only files that Git could have beside each other are given: no file is the folder of another."""
    repo = Repository.find(shared_repo.path)
    blob = {text: repo.write_blob(text.encode()) for text in ("x", "y")}
    old = {path: text for path, text in before.items() if not has_parent(path, before)}
    new = {path: text for path, text in after.items() if text is None or not has_parent(path, after)}
    first = trees.changed(repo, repo.write_tree([]), {path: ("100644", blob[t]) for path, t in old.items()})
    assert files_of(shared_repo, first) == {path: f"100644 {blob[text]}" for path, text in old.items()}

    changes = {path: None if text is None else ("100644", blob[text]) for path, text in new.items()}
    second = trees.changed(repo, first, changes)
    expected = {path: text for path, text in old.items() if path not in new and not in_the_way(path, new)}
    expected |= {path: text for path, text in new.items() if text is not None}
    assert files_of(shared_repo, second) == {path: f"100644 {blob[text]}" for path, text in expected.items()}
    shared_repo.git("fsck", "--strict", "--no-dangling", second)
    assert trees.files_in(repo, second, ["."]) == sorted(expected)
    below = [path for path in sorted(expected) if path == "a" or path.startswith("a/")]
    assert trees.files_in(repo, second, ["a", "nothing"]) == below


@pytest.fixture(scope="module")
def shared_repo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("trees")
    git(folder, "init", "-q")
    return Workspace(folder)


def has_parent(path: str, files: dict[str, str] | dict[str, str | None]) -> bool:
    parents = (path[:at] for at, letter in enumerate(path) if letter == "/")
    return any(files.get(parent) is not None for parent in parents)


def in_the_way(path: str, new: dict[str, str | None]) -> bool:
    """Whether a new file stands where the folder of this one was, or the other way round."""
    written = [other for other, text in new.items() if text is not None]
    return any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in written)


def test_a_missing_tree(found: Repository) -> None:
    with pytest.raises(errors.GitFailed, match="no tree"):
        trees.entries(found, "1" * 40)
    with pytest.raises(errors.GitFailed, match="no tree"):
        trees.changed(found, "1" * 40, {"a/b": None})


def test_an_unchanged_tree_is_not_written_again(found: Repository) -> None:
    packs = [*(found.objects / "pack").iterdir()]
    tree = head_tree(found)
    assert plain_files.with_files(found, tree, ["a.txt", "a/b/c.txt"]) == tree
    assert [*(found.objects / "pack").iterdir()] == packs


# -- files from the disk ---------------------------------------------------------------------------------


@posix
def test_plain_files_are_as_git_stores_them(repo: Workspace, found: Repository) -> None:
    repo.write("a/b/c.txt", "changed")
    repo.write("new folder/x.py", "new")
    repo.write("run.sh", "#!/bin/sh\n", 0o755)
    with repo.by_user():
        (repo.path / "out/metrics.json").unlink()
    files = ["a/b/c.txt", "new folder/x.py", "run.sh"]
    tree = plain_files.with_files(found, head_tree(found), files, ["out/metrics.json"])
    assert tree is not None
    repo.git("add", "--all")
    assert tree == repo.git("write-tree").strip()


@posix
def test_given_contents_have_the_mode_of_the_file(repo: Workspace, found: Repository) -> None:
    repo.write("a.txt", "script", 0o755)
    tree = plain_files.with_files(found, head_tree(found), ["a.txt"], contents={"a.txt": b"1", "b.txt": b"2"})
    assert tree is not None
    listed = files_of(repo, tree)
    assert listed["a.txt"].startswith("100755")
    assert listed["b.txt"].startswith("100644")
    assert repo.git("show", f"{tree}:a.txt") == "1"


def _link(repo: Workspace) -> None:
    (repo.path / "a.txt").unlink()
    (repo.path / "a.txt").symlink_to("train.py")


def _folder_link(repo: Workspace) -> None:
    (repo.path / "a").rename(repo.path / "elsewhere")
    (repo.path / "a").symlink_to("elsewhere")


def _pipe(repo: Workspace) -> None:
    (repo.path / "a.txt").unlink()
    os.mkfifo(repo.path / "a.txt")


def _attributes_of_folder(repo: Workspace) -> None:
    repo.write("a/b/.gitattributes", "*.txt text eol=crlf\n")


def _ignored_attributes(repo: Workspace) -> None:
    repo.write(".git/info/exclude", ".gitattributes\n")
    repo.write(".gitattributes", "*.txt ident\n")


def _attributes_of_head(repo: Workspace) -> None:
    repo.write("a/.gitattributes", "*.txt ident\n")
    repo.commit()
    (repo.path / "a/.gitattributes").unlink()


def _attributes_of_repository(repo: Workspace) -> None:
    repo.write(".git/info/attributes", "*.txt ident\n")


def _attributes_of_user(repo: Workspace) -> None:
    repo.write(".git/attributes", "*.txt ident\n")
    repo.git("config", "core.attributesFile", str(repo.path / ".git/attributes"))


def _attributes_of_a_tree(repo: Workspace) -> None:
    repo.git("config", "attr.tree", "HEAD")


def _line_ends(repo: Workspace) -> None:
    repo.git("config", "core.autocrlf", "input")


@posix
@pytest.mark.parametrize(
    "unusual",
    [
        _link,
        _folder_link,
        _pipe,
        _attributes_of_folder,
        _ignored_attributes,
        _attributes_of_head,
        _attributes_of_repository,
        _attributes_of_user,
        _attributes_of_a_tree,
        _line_ends,
    ],
)
def test_what_git_may_convert_or_refuse_is_left_to_git(
    repo: Workspace, found: Repository, unusual: Callable[[Workspace], None]
) -> None:
    with repo.by_user():
        unusual(repo)
    again = Repository.find(repo.path)
    again.ask_disk(repo.path / ".git/gitexp/tmp")
    assert plain_files.with_files(again, head_tree(again), ["a.txt", "a/b/c.txt"]) is None


@pytest.mark.parametrize(
    "name", [".git", "x/.GIT/y", "git~1", ".gitattributes", "a\\.git", "..", "é", "a:b", DEEP]
)
def test_names_that_git_may_refuse_are_left_to_git(found: Repository, name: str) -> None:
    assert plain_files.with_files(found, head_tree(found), [], contents={name: b""}) is None


def test_many_or_large_files_are_left_to_git(
    repo: Workspace, found: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("large.bin", "x" * 101)
    monkeypatch.setattr(plain_files, "MOST_BYTES", 100)
    assert plain_files.with_files(found, head_tree(found), ["large.bin"]) is None
    assert plain_files.with_files(found, head_tree(found), ["a.txt"]) is not None
    monkeypatch.setattr(plain_files, "MOST_FILES", 1)
    assert plain_files.with_files(found, head_tree(found), ["a.txt", "a/b.txt"]) is None
