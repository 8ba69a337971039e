"""`gitexp checkout`: data and outs as a lock says, and nobody's work destroyed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.checkout import checkout
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.project.project import Project
from gitexp.repo import live
from tests.support.codes import has_code
from tests.support.experiments import copy_of
from tests.support.repositories import copy_repository
from tests.support.stored import store_of
from tests.support.workspace import Workspace

OLD = {"raw/a": "a", "raw/b": "b", "labels": "old labels"}
WRITTEN = ("gitexp.yaml", "gitexp.lock", "*/.gitignore", "sets/*")
NEW = {"raw/a": "a", "raw/c": "c", "labels": "new labels"}


def content(repo: Workspace) -> dict[str, str]:
    top = repo.path / "sets"
    return {
        file.relative_to(top).as_posix(): file.read_text()
        for file in sorted(top.rglob("*"))
        if file.is_file() and file.name != ".gitignore"
    }


def fill(repo: Workspace, files: dict[str, str]) -> None:
    with repo.by_user():
        shutil.rmtree(repo.path / "sets" / "raw", ignore_errors=True)
    for name, text in files.items():
        repo.write(f"sets/{name}", text)


@pytest.fixture(scope="module")
def prepared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits with data, tagged `old` and `new`, and an experiment `first` of the old one."""
    repo = copy_of(template, tmp_path_factory.mktemp("prepared"))
    repo.allow("files", *WRITTEN)
    for tag, files in (("old", OLD), ("new", NEW)):
        fill(repo, files)
        repo.gitexp("add", "-q", "sets/raw", "sets/labels")
        repo.commit(tag)
        repo.git("tag", tag)
        if tag == "old":
            repo.gitexp("save", "-q", "-n", "first")
    return repo.path


@pytest.fixture
def repo(prepared: Path, tmp_path: Path) -> Iterator[Workspace]:
    copy_repository(prepared, tmp_path / "repo")
    repo = Workspace(tmp_path / "repo")
    repo.allow("files", *WRITTEN)
    yield repo
    repo.close()


def test_after_a_switch(repo: Workspace) -> None:
    repo.git("checkout", "-q", "old")
    done = repo.gitexp("checkout")
    assert done.stderr.splitlines() == ["sets/labels: 1 written", "sets/raw: 1 written, 1 removed"]
    assert content(repo) == OLD
    assert repo.git("status", "--porcelain") == ""
    assert repo.gitexp("checkout").stderr == "All is as gitexp.lock says.\n"
    repo.git("checkout", "-q", "new")
    assert repo.json("checkout") == {
        "source": None,
        "changed": [
            {"path": "sets/labels", "written": ["sets/labels"], "removed": [], "stored": None},
            {"path": "sets/raw", "written": ["sets/raw/c"], "removed": ["sets/raw/b"], "stored": None},
        ],
        "kept": [],
    }
    assert content(repo) == NEW


@pytest.mark.parametrize("source", ["first", "old", "HEAD~1"])
def test_of_an_experiment_or_a_revision(repo: Workspace, source: str) -> None:
    lock = repo.read("gitexp.lock")
    done = checkout(Project.open(repo.path), [source])
    assert (done.source, [artifact.path for artifact, _ in done.placed]) == (
        source,
        ["sets/labels", "sets/raw"],
    )
    assert content(repo) == OLD
    assert repo.read("gitexp.lock") == lock, "checkout alone goes back"
    repo.gitexp("checkout", "-q")
    assert content(repo) == NEW


def test_some_paths(repo: Workspace) -> None:
    repo.gitexp("checkout", "-q", "first", "sets/labels")
    assert content(repo) == {**NEW, "labels": OLD["labels"]}
    repo.gitexp("checkout", "-q", "sets/raw")
    assert content(repo) == {**NEW, "labels": OLD["labels"]}
    repo.gitexp("checkout", "-q", "labels", cwd="sets")
    assert content(repo) == NEW
    repo.gitexp("checkout", "-q", "first", "sets")
    assert content(repo) == OLD
    repo.gitexp("checkout", "-q", ".", cwd="sets")
    assert content(repo) == NEW


def test_a_path_comes_before_a_branch(repo: Workspace) -> None:
    repo.git("branch", "sets", "old")
    assert checkout(Project.open(repo.path), ["sets"]).source is None
    assert checkout(Project.open(repo.path), ["first"]).source == "first"
    assert checkout(Project.open(repo.path), ["workspace"]).source is None


def test_what_is_not_there(repo: Workspace) -> None:
    with pytest.raises(errors.ExperimentError, check=has_code("unknown-experiment")):
        checkout(Project.open(repo.path), ["nothing"])
    for words, hint in (
        (["first", "sets/lables"], "sets/labels"),
        (["first", "sets/raw/a"], "sets/raw"),
        (["first", "../outside"], "It has"),
    ):
        with pytest.raises(errors.UsageError) as caught:
            checkout(Project.open(repo.path), words)
        assert hint in (caught.value.hint or "")
    with pytest.raises(errors.DataError, match=r"has no gitexp\.lock"):
        checkout(Project.open(repo.path), ["old~1"])
    assert content(repo) == NEW


def test_without_a_lock(repo: Workspace) -> None:
    repo.git("checkout", "-q", "old~1")
    assert repo.gitexp("checkout").stderr == "gitexp.lock names no data.\n"
    assert content(repo) == NEW


def test_what_git_does_not_ignore_is_named(repo: Workspace) -> None:
    """As after an import: a commit would take it, and a run refuse it for its size."""
    for file in (repo.path / "sets").rglob(".gitignore"):
        with repo.by_user():
            file.unlink()
    shown = repo.gitexp("checkout", "first", cwd="sets").stderr
    assert "warning: Git does not ignore sets/labels, sets/raw: lines in .gitignore keep them" in shown
    assert "does not ignore" not in repo.gitexp("checkout", "first").stderr


# -- nobody's work ------------------------------------------------------------------------------------


def test_unsaved_work_is_not_overwritten(repo: Workspace) -> None:
    """All or nothing: where one artifact is refused, the others stay as well."""
    repo.write("sets/raw/a", "edited")
    repo.write("sets/raw/notes", "mine")
    before = content(repo)
    done = repo.gitexp("checkout", "first", check=False)
    assert done.exit_code == 1
    assert "sets/raw/a, sets/raw/notes would be lost" in done.stderr
    assert content(repo) == before
    repo.gitexp("checkout", "-q", "first", "sets/labels")
    repo.gitexp("checkout", "-q", "first", "--force")
    assert content(repo) == OLD


def test_what_force_overwrites_is_in_the_store(repo: Workspace) -> None:
    repo.write("sets/labels", "an afternoon's work")
    done = repo.gitexp("checkout", "--force")
    _, *back = done.stderr.splitlines()[-1].removeprefix("Before: ").split()
    assert store_of(repo).path(back[1]).read_text() == "an afternoon's work"
    repo.gitexp(*back)
    assert repo.read("sets/labels") == "an afternoon's work"


def test_files_beside_are_not_touched(repo: Workspace) -> None:
    repo.write("sets/beside", "mine")
    repo.gitexp("checkout", "-q", "first")
    assert repo.read("sets/beside") == "mine"


@pytest.mark.usefixtures("not_root")
def test_metrics_that_stand_in_git(repo: Workspace) -> None:
    """They are safe in HEAD and in experiments, though not in the store; and they are never read-only."""
    repo.write("gitexp.yaml", "metrics: [metrics.json]\nlink: hardlink\n")
    repo.write("metrics.json", '{"loss": 1}')
    project = Project.open(repo.path)
    with StatCache(project.local.stat_cache) as cache:
        out = store_of(repo).add(repo.path, "metrics.json", cache)
    lock_file.change(
        project.repo.root,
        project.config,
        project.local,
        lambda lock: Lock(stages={"train": LockedStage(("true",), outs=(out,))}),
    )
    repo.write("metrics.json", '{"loss": 2}')
    repo.commit("the lock is behind")
    repo.allow("files", "metrics.json")
    checkout(Project.open(repo.path))
    assert repo.read("metrics.json") == '{"loss": 1}'
    assert (repo.path / "metrics.json").stat().st_nlink == 1
    repo.write("metrics.json", '{"loss": 3}')
    with pytest.raises(errors.UnsavedChanges) as caught:
        checkout(Project.open(repo.path))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Store it first (gitexp save), or")
    repo.gitexp("save", "-q")
    checkout(Project.open(repo.path))
    assert repo.read("metrics.json") == '{"loss": 1}'


def test_the_way_out_is_one_that_works(repo: Workspace) -> None:
    """`gitexp add` stores what is added, and refuses what a stage or a command makes."""
    project = Project.open(repo.path)
    repo.write("sets/a model.bin", "one")
    with StatCache(project.local.stat_cache) as cache:
        out = store_of(repo).add(repo.path, "sets/a model.bin", cache)
    change = lambda lock: Lock(data=lock.data, outs={out.path: out})  # noqa: E731
    lock_file.change(project.repo.root, project.config, project.local, change)
    repo.write("sets/labels", "edited")
    with pytest.raises(errors.UnsavedChanges) as caught:
        checkout(Project.open(repo.path))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Store it first (gitexp add sets/labels), or")
    repo.write("sets/a model.bin", "two")
    with pytest.raises(errors.UnsavedChanges) as caught:
        checkout(Project.open(repo.path))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Move it away to keep it, or")


def test_beside_a_run(repo: Workspace) -> None:
    project = Project.open(repo.path)
    project.local.prepare()
    with live.workspace(project.local, project.repo.git_dir), pytest.raises(errors.WorkspaceBusy):
        checkout(project)


# -- missing, damaged, hostile ------------------------------------------------------------------------


def test_what_is_nowhere_is_named(repo: Workspace) -> None:
    store = store_of(repo)
    lock = lock_file.read(repo.path, Project.open(repo.path).config)
    raw = next(file for file in store.manifest(lock.data["sets/raw"].hash).files if file.path == "c")
    with repo.by_user():
        (repo.path / "sets" / "raw" / "c").unlink()
    store.remove(raw.hash)
    done = repo.gitexp("checkout", check=False)
    assert done.exit_code == 1
    assert "sets/raw/c cannot be brought here" in done.stderr
    store.remove(lock.data["sets/raw"].hash)
    done = repo.gitexp("checkout", check=False)
    assert "sets/raw cannot be brought here" in done.stderr


def test_what_is_missing_is_fetched(repo: Workspace, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    shutil.copytree(store_of(repo).folder, remote)
    shutil.rmtree(remote / "tmp", ignore_errors=True)
    repo.write("gitexp.yaml", f"{repo.read('gitexp.yaml')}remotes: {{store: {remote}}}\n")
    for hash_, _, _ in list(store_of(repo).hashes()):
        store_of(repo).remove(hash_)
    with repo.by_user():
        shutil.rmtree(repo.path / "sets" / "raw")
    repo.gitexp("checkout", "-q")
    assert content(repo) == NEW
    with repo.by_user():
        (repo.path / "sets" / "labels").unlink()
    repo.gitexp("checkout", "-q", "first")
    assert content(repo) == OLD


def test_a_damaged_object_is_not_brought(repo: Workspace) -> None:
    store = store_of(repo)
    lock = lock_file.read(repo.path, Project.open(repo.path).config)
    path = store.path(lock.data["sets/labels"].hash)
    with repo.by_user():
        (repo.path / "sets" / "labels").unlink()
    path.chmod(0o644)
    path.write_text("new lABels")
    done = repo.gitexp("checkout", check=False)
    assert done.exit_code == 1
    assert f"The object {lock.data['sets/labels'].hash} in the store is damaged" in done.stderr
    assert "labels" not in content(repo)


@pytest.mark.parametrize(
    "path", ["../evil", "/tmp/evil", ".git/hooks/pre-commit", ".gitexp/x", "sets/../../evil", "NUL"]
)
def test_a_lock_of_a_stranger(repo: Workspace, path: str) -> None:
    repo.write("gitexp.lock", repo.read("gitexp.lock").replace("sets/labels", path))
    before = content(repo)
    done = repo.gitexp("checkout", check=False)
    assert done.exit_code == 1
    assert "gitexp.lock" in done.stderr
    assert content(repo) == before


def test_a_lock_that_names_code(repo: Workspace) -> None:
    """What a lock says is data may be a tracked script here: that is not overwritten."""
    repo.write("gitexp.lock", repo.read("gitexp.lock").replace("sets/labels", "train.py"))
    before = repo.read("train.py")
    done = repo.gitexp("checkout", check=False)
    assert "train.py would be lost" in done.stderr
    assert repo.read("train.py") == before


# -- links ----------------------------------------------------------------------------------------------


@pytest.fixture
def linked(repo: Workspace) -> Workspace:
    """A data folder with a link to a file of the workspace, which is data itself."""
    with repo.by_user():
        (repo.path / "sets" / "raw" / "link").symlink_to("../labels")
    repo.gitexp("add", "-q", "sets/raw")
    return repo


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_to_the_content_stays(linked: Workspace) -> None:
    link = linked.path / "sets" / "raw" / "link"
    assert "All is as gitexp.lock says" in linked.gitexp("checkout").stderr
    assert link.is_symlink()
    linked.write("sets/raw/a", "changed")
    linked.gitexp("checkout", "-q", "--force")
    assert (link.is_symlink(), link.read_text()) == (False, "new labels")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_what_changes_does_not_stay(linked: Workspace) -> None:
    """The link has the right content, until the same checkout brings another file to where it leads."""
    linked.write("sets/labels", "newest labels")
    linked.gitexp("add", "-q", "sets/labels")
    linked.write("sets/labels", "new labels")
    linked.gitexp("checkout", "-q")
    assert linked.read("sets/labels") == "newest labels"
    assert linked.read("sets/raw/link") == "new labels"
