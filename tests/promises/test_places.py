"""A day's work in repositories of every kind; where something cannot work, one sentence says why.

What is stored in each of these places, byte for byte, is for `tests.promises.test_snapshot_places`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises.test_snapshot_places import PLACES, clone, fresh
from tests.support.repositories import git
from tests.support.workspace import Result, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and mounts of POSIX")

Place = Callable[[Workspace, Path], Path]

MORE: list[Place] = []


def place(story: Place) -> Place:
    MORE.append(story)
    return story


@place
def a_sparse_checkout_of_folders(repo: Workspace, place: Path) -> Path:
    _with_folders(repo)
    clone(repo, place)
    git(place, "sparse-checkout", "set", "--cone", "in")
    return place


@place
def a_sparse_checkout_of_patterns(repo: Workspace, place: Path) -> Path:
    _with_folders(repo)
    clone(repo, place)
    git(place, "sparse-checkout", "set", "--no-cone", "/*.py", "/in/")
    return place


@place
def a_partial_and_shallow_clone(repo: Workspace, place: Path) -> Path:
    _with_folders(repo)
    repo.git("config", "uploadpack.allowFilter", "true")
    return clone(repo, place, "--filter=blob:none", "--depth=1")


@place
def a_partial_clone_with_a_sparse_checkout(repo: Workspace, place: Path) -> Path:
    _with_folders(repo)
    repo.git("config", "uploadpack.allowFilter", "true")
    return clone(repo, place, "--filter=blob:none", "--sparse")


@place
def a_partial_clone_without_large_files(repo: Workspace, place: Path) -> Path:
    repo.write("large.txt", "x" * 5000)
    repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    return clone(repo, place, "--filter=blob:limit=1k", "--no-checkout", "-c", "core.sparseCheckout=false")


@place
def a_sha256_repository_with_a_linked_worktree(repo: Workspace, place: Path) -> Path:
    first = fresh(place.parent / "first", "--object-format=sha256")
    git(first, "worktree", "add", "-q", str(place))
    return place


@place
def a_worktree_of_a_bare_repository(repo: Workspace, place: Path) -> Path:
    bare = place.parent / "bare.git"
    git(repo.path, "clone", "-q", "--bare", str(repo.path), str(bare))
    git(bare, "worktree", "add", "-q", str(place), "main")
    return place


@place
def a_detached_head(repo: Workspace, place: Path) -> Path:
    clone(repo, place)
    git(place, "checkout", "-q", "--detach", "HEAD~1")
    return place


@pytest.mark.parametrize("place", [*PLACES, *MORE], ids=lambda place: place.__name__)
def test_a_days_work(repo: Workspace, tmp_path: Path, place: Place) -> None:
    folder = place(repo, tmp_path / "place")
    if not (folder / "train.py").exists():
        git(folder, "checkout", "-q", "HEAD", "--", ".")
    repo.guard.retake()
    repo.allow("files", "library/*", "data/inner/*")
    repo.allow("git", "modules/library/*")
    repo.allow("refs", "refs/heads/promoted")
    repo.allow("reflogs", "refs/heads/promoted")
    work(Workspace(folder))


def work(here: Workspace, **options: object) -> None:
    """Tries every kind of command, and the way there and back."""

    def gitexp(*args: str) -> Result:
        return here.gitexp(*args, **options)  # type: ignore[arg-type]

    here.allow("refs", "refs/heads/promoted")
    here.allow("reflogs", "refs/heads/promoted")
    here.write("train.py", "print('one')\n")
    here.write("params.yaml", "lr: 0.1\n")
    gitexp("save", "-q", "-n", "first")
    here.write("train.py", "print('second')\n")
    here.write("params.yaml", "lr: 0.2\n")
    here.write("new.py", "new\n")
    gitexp("run", "-q", "-n", "second", "--", "echo", "printed")
    assert gitexp("log", "second").stdout == "printed\n"
    gitexp("run", "-q", "--temp", "-n", "apart", "--", "true")
    names = {row["name"]: row for row in here.json("show", **options)}
    assert {"first", "second"} <= names.keys()
    assert names["second"]["params"] == {"lr": 0.2}
    assert "new.py" in gitexp("diff", "first", "second").stdout
    assert "+print('second')" in gitexp("diff", "--code", "first", "workspace").stdout
    gitexp("tag", "second", "best")
    gitexp("rename", "second", "renamed")
    gitexp("branch", "first", "promoted")
    assert here.git("show", "promoted:train.py") == "print('one')"
    with here.by_user():
        gitexp("apply", "first")
        assert here.read("train.py") == "print('one')\n"
        assert here.read("params.yaml") == "lr: 0.1\n"
        gitexp("undo")
        assert here.read("train.py") == "print('second')\n"
        assert here.read("new.py") == "new\n"
    gitexp("remove", "-y", "renamed")
    assert "renamed" not in gitexp("list", "-A").stdout.split()
    gitexp("undo")
    assert "renamed" in gitexp("list", "-A").stdout.split()
    assert here.git("fsck", "--no-dangling") == ""
    here.close()


def test_git_dir_and_work_tree_are_set(repo: Workspace, tmp_path: Path) -> None:
    here = Workspace(clone(repo, tmp_path / "place", f"--separate-git-dir={tmp_path}/elsewhere.git"))
    (here.path / ".git").unlink()
    (here.path / "sub").mkdir()
    env = {"GIT_DIR": str(tmp_path / "elsewhere.git"), "GIT_WORK_TREE": str(here.path)}
    for name, cwd in (("one", "."), ("two", "sub")):
        here.gitexp("save", "-q", "-n", name, env=env, cwd=cwd)
        (here.path / "train.py").write_text(f"{name}\n")
        assert name in here.gitexp("show", env=env, cwd=cwd).stdout
        assert f"+{name}" in here.gitexp("diff", "--code", name, "workspace", env=env, cwd=cwd).stdout
        here.gitexp("branch", name, env=env, cwd=cwd)
    here.gitexp("apply", "--force", "one", env=env, cwd="sub")
    here.gitexp("undo", env=env)
    assert here.read("train.py") == "two\n"
    one_sentence(here.gitexp("show", check=False))  # without the variables there is no repository


def test_a_subdirectory_is_no_other_place(repo: Workspace) -> None:
    repo.write("sub/deep/code.py", "first\n")
    work(repo, cwd="sub/deep")


# -- where something cannot work -----------------------------------------------------------------------

READS = (("show",), ("show", "-A", "--json"), ("list", "-A"), ("diff", "one"), ("log", "one"))
WRITES = (
    ("save", "-n", "two"),
    ("run", "--", "true"),
    ("branch", "one", "promoted"),
    ("tag", "one", "best"),
    ("remove", "-y", "one"),
    ("apply", "one"),
)


def one_sentence(done: Result) -> None:
    assert done.exit_code == 1
    assert done.stdout == ""
    assert 1 <= len(done.stderr.rstrip("\n").splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert "Unexpected" not in done.stderr


@contextmanager
def mounted(*args: str, at: Path) -> Iterator[None]:
    done = subprocess.run(["mount", *args, str(at)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def test_a_file_system_that_can_only_be_read(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "-n", "one", "--", "echo", "x")
    repo.write("train.py", "print('other')\n")
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    with mounted("--bind", str(repo.path), at=repo.path):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(repo.path)], check=True)
        for args in READS:
            done = repo.gitexp(*args, check=False)
            if done.exit_code != 0:
                one_sentence(done)
                assert args[0] == "diff"
        for args in WRITES:
            one_sentence(repo.gitexp(*args, check=False))
    assert set(repo.gitexp("list", "-A").stdout.split()) == {"one"}


def test_a_repository_of_another_user(repo: Workspace) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(repo.path, 12345, 12345)
    os.chown(repo.path / ".git", 12345, 12345)
    for args in (("show",), ("save",), ("list",), ("diff",), ("branch", "one", "x"), ("run", "--", "true")):
        done = repo.gitexp(*args, check=False)
        one_sentence(done)
        assert "safe.directory" in done.stderr
    os.chown(repo.path, 0, 0)
    os.chown(repo.path / ".git", 0, 0)


@pytest.fixture
def folds_case(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system to which `a` and `A` are one name."""
    here = tmp_path / "folding"
    here.mkdir()
    if (tmp_path / "FOLDING").exists():
        yield here
        return
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if sys.platform != "linux" or os.geteuid() != 0 or mkfs is None:
        pytest.skip("only root can mount, and make what to mount")
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    made = subprocess.run(
        [mkfs, "-q", "-O", "casefold", str(disk)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no such file system can be made here: {made.stderr.strip()}")
    with mounted("-o", "loop", str(disk), at=here):
        top = here / "top"
        top.mkdir()
        subprocess.run(["chattr", "+F", str(top)], check=True)
        yield top


def test_a_file_system_that_folds_case(repo: Workspace, folds_case: Path) -> None:
    here = Workspace(clone(repo, folds_case / "place"))
    assert here.git("config", "core.ignoreCase") == "true"
    work(here)
    here.gitexp("save", "-q", "-n", "Mixed")
    one_sentence(here.gitexp("save", "-n", "mixed", check=False))
    assert here.gitexp("log", "MIXED", check=False).exit_code == 1  # it has none, but it is found
    # A file whose name has another case on disk than in Git is the same file.
    with here.by_user():
        (here.path / "train.py").rename(here.path / "Train.py")
    here.gitexp("save", "-q", "-n", "renamed-on-disk")
    tree = here.git("ls-tree", "--name-only", "refs/gitexp/exps/renamed-on-disk^").splitlines()
    assert [name.lower() for name in tree].count("train.py") == 1


def _with_folders(repo: Workspace) -> None:
    repo.write("in/code.py", "in\n")
    repo.write("out/code.py", "out\n")
    repo.commit()
