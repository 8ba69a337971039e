"""Isolated workspaces: the snapshot and nothing else, whatever the last run in them has left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.repo import worktrees
from gitexp.repo.git.repository import Repository
from tests.support.processes import unprivileged
from tests.support.repositories import git, submodule
from tests.support.snapshots import Tree, on_disk, stored
from tests.support.workspace import GITEXP, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


def checked_out(repo: Workspace, commit: str, *share: str) -> tuple[Tree, Path]:
    """What a run would find, and where."""
    found = Repository.find(repo.path)
    with worktrees.checkout(found, commit) as worktree:
        worktrees.share(found, worktree, commit, share)
        assert share or worktree.run("status", "--porcelain", "--ignored") == b""
        assert worktree.resolve("HEAD") == commit
        return on_disk(worktree.root), worktree.root


def rich(repo: Workspace) -> str:
    """A commit with one of everything."""
    repo.write("run.sh", "#!/bin/sh\n", mode=0o755)
    repo.write("pkg/deep/a.py", "a\n")
    repo.write("new\nline", "x")
    repo.write("latin\udce9", "x")
    with repo.by_user():
        (repo.path / "link").symlink_to("pkg")
        (repo.path / "dangling").symlink_to("nowhere")
    return repo.commit("rich")


def test_it_holds_the_commit_and_nothing_else(repo: Workspace) -> None:
    commit = rich(repo)
    repo.write("untracked.py", "not in the commit\n")
    assert checked_out(repo, commit)[0] == stored(repo, commit)
    assert checked_out(repo, repo.git("rev-parse", "main~2"))[0] == stored(repo, "main~2")


@pytest.mark.parametrize("settings", [(), ("extensions.worktreeConfig",)], ids=["ours", "Git's own"])
def test_git_knows_it_whole(repo: Workspace, settings: tuple[str, ...]) -> None:
    """Also one that Git had better make, for it may have settings of its own."""
    for name in settings:
        repo.git("config", name, "true")
    _, root = checked_out(repo, repo.git("rev-parse", "HEAD"))
    listed = repo.git("worktree", "list", "--porcelain").split("\n\n")[1].splitlines()
    assert listed[:3] == [f"worktree {root}", f"HEAD {repo.git('rev-parse', 'HEAD')}", "detached"]
    assert listed[3].split()[0] == "locked"
    assert repo.git("-C", str(root), "status", "--porcelain") == ""
    assert repo.git("fsck", "--strict", "--no-dangling", "--no-progress") == ""


def test_a_run_in_it_has_the_workspace_as_it_stood(repo: Workspace) -> None:
    rich(repo)
    repo.git("rm", "-q", "--cached", "run.sh")
    with repo.by_user():
        (repo.path / "pkg/deep/a.py").unlink()
    repo.write("untracked.sh", "#!/bin/sh\n", mode=0o755)
    repo.gitexp(
        "run", "--temp", "-n", "one", "--", "sh", "-c", "find . -path ./.git -o -type f -print0 > /dev/null"
    )
    assert stored(repo, "refs/gitexp/exps/one^") == on_disk(repo.path)
    repo.gitexp("run", "--temp", "--", "sh", "-c", "test ! -e pkg && test -x untracked.sh && test -x run.sh")


# -- what a run may leave --------------------------------------------------------------------------


def junk(root: Path) -> None:
    (root / "junk/deep").mkdir(parents=True)
    (root / "junk/deep/x").write_text("x")
    (root / "ignored.bin").write_text("x")
    (root / "empty").mkdir()
    os.mkfifo(root / "pipe")
    (root / "elsewhere").symlink_to("/etc")


def changed_files(root: Path) -> None:
    (root / "run.sh").chmod(0o644)
    (root / "train.py").chmod(0o755)
    same = (root / "params.yaml").stat()
    (root / "params.yaml").write_bytes(b"x" * same.st_size)
    os.utime(root / "params.yaml", ns=(same.st_atime_ns, same.st_mtime_ns))
    shutil.rmtree(root / "pkg")
    (root / "link").unlink()
    (root / "link").mkdir()
    (root / "dangling").unlink()
    (root / "dangling").write_text("nowhere")


def git_at_work(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "left-by-a-run")
    (root / "train.py").write_text("committed")
    git(root, "rm", "-q", "run.sh")
    git(root, "commit", "-q", "-a", "-m", "left by a run")
    (root / "train.py").write_text("staged")
    git(root, "add", ".")


def flags_in_the_index(root: Path) -> None:
    git(root, "update-index", "--assume-unchanged", "train.py")
    git(root, "update-index", "--skip-worktree", "params.yaml", "run.sh")
    (root / "train.py").write_text("assumed")
    (root / "params.yaml").write_text("skipped")
    (root / "run.sh").unlink()


def repositories(root: Path) -> None:
    for name in ("nested", "pkg/nested", "run.sh"):
        if (root / name).is_file():
            (root / name).unlink()
        git(root, "init", "-q", name)
        (root / name / "x").write_text("x")
    git(root / "nested", "add", ".")
    git(root / "nested", "commit", "-q", "-m", "one")


def locks(root: Path) -> None:
    for name in ("index.lock", "HEAD.lock"):
        Path(git(root, "rev-parse", "--git-path", name)).touch()


def a_damaged_index(root: Path) -> None:
    Path(git(root, "rev-parse", "--git-path", "index")).write_bytes(b"DIRC broken")


def no_index(root: Path) -> None:
    Path(git(root, "rev-parse", "--git-path", "index")).unlink()


def an_unfinished_merge(root: Path) -> None:
    git(root, "checkout", "-q", "--detach", "HEAD~1")
    (root / "params.yaml").write_text("lr: 5\n")
    git(root, "commit", "-q", "-a", "-m", "other")
    subprocess.run(["git", "merge", "main"], cwd=root, check=False, capture_output=True)


def read_only_folders(root: Path) -> None:
    (root / "closed/in").mkdir(parents=True)
    (root / "closed/in/x").write_text("x")
    (root / "closed/in").chmod(0o000)
    (root / "closed").chmod(0o500)
    (root / "pkg/deep").chmod(0o555)
    (root / "train.py").chmod(0o000)


def lost_git_file(root: Path) -> None:
    (root / ".git").unlink()


def misleading_git_file(root: Path) -> None:
    (root / ".git").write_text(f"gitdir: {root.parents[2]}\n")


def lost_administration(root: Path) -> None:
    shutil.rmtree(git(root, "rev-parse", "--git-dir"))


def half_lost_administration(root: Path) -> None:
    Path(git(root, "rev-parse", "--git-dir"), "HEAD").unlink()


def lost_folder(root: Path) -> None:
    shutil.rmtree(root)


def a_file_in_place_of_the_folder(root: Path) -> None:
    shutil.rmtree(root)
    root.write_text("a file")


def removed_by_force(root: Path) -> None:
    git(root.parents[2], "worktree", "remove", "-f", "-f", str(root))


LEFT_BEHIND: list[Callable[[Path], None]] = [
    *(junk, changed_files, git_at_work, flags_in_the_index, repositories, locks, a_damaged_index, no_index),
    *(an_unfinished_merge, lost_git_file, misleading_git_file, lost_administration),
    *(half_lost_administration, lost_folder, a_file_in_place_of_the_folder, removed_by_force),
]


@pytest.mark.parametrize("leave", LEFT_BEHIND, ids=lambda leave: leave.__name__)
def test_whatever_a_run_left_is_gone(repo: Workspace, leave: Callable[[Path], None]) -> None:
    commit = rich(repo)
    first, root = checked_out(repo, commit)
    leave(root)
    assert checked_out(repo, commit) == (first, root)
    if leave is git_at_work:
        repo.allow("refs", "refs/heads/left-by-a-run")
        repo.allow("reflogs", "refs/heads/left-by-a-run")


def test_read_only_folders_are_no_hindrance(repo: Workspace) -> None:
    rich(repo)
    _, root = checked_out(repo, repo.git("rev-parse", "HEAD"))
    read_only_folders(root)
    # As somebody for whom permissions count.
    result = repo.gitexp("run", "--temp", "--", "sh", "-c", "ls; cat train.py > /dev/null", unreadable=True)
    assert "closed" not in result.stdout
    subprocess.run(unprivileged([*GITEXP, "show"]), cwd=repo.path, check=True, capture_output=True)


def test_files_that_did_not_change_are_not_written_again(repo: Workspace) -> None:
    commit = rich(repo)
    _, root = checked_out(repo, commit)
    before = {path: (root / path).lstat() for path in on_disk(root)}
    repo.write("train.py", "print('other')\n")
    checked_out(repo, repo.commit())
    after = {path: (root / path).lstat() for path in on_disk(root)}
    assert {path for path in after if after[path] != before[path]} == {"train.py"}


def test_outputs_that_nobody_declared_are_moved_aside(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [models]\nshare: [data]\n")
    repo.write("data/x.csv", "1\n")
    script = (
        "mkdir -p models deep __pycache__; touch models/m deep/a.txt b.bin __pycache__/c.pyc; git add deep"
    )
    result = repo.gitexp("run", "--temp", "-n", "one", "--", "sh", "-c", script)
    told = (
        "not stored, moved to .git/gitexp/left/one: b.bin, deep/a.txt; declare them under outs: to keep them"
    )
    assert told in " ".join(result.stderr.split())
    left = repo.path / ".git/gitexp/left/one"
    assert sorted(path.relative_to(left).as_posix() for path in left.rglob("*") if path.is_file()) == [
        *("b.bin", "deep/a.txt")
    ]
    assert "models/m" in stored(repo, "refs/gitexp/exps/one^")
    assert repo.read("data/x.csv") == "1\n"


def test_a_file_of_the_code_that_a_run_has_rewritten_is_moved_aside(repo: Workspace) -> None:
    """Also one that the run has committed; not one with the content that is stored."""
    for name in ("model.dat", "given.dat", "same.dat", "crlf.txt", "metrics.json"):
        repo.write(name, "{}\n")
    repo.write("crlf.txt", "{}\r\n")
    repo.write(".gitattributes", "crlf.txt text\n")
    repo.write("real/x.csv", "1\n")
    with repo.by_user():
        (repo.path / "data").symlink_to("real")
        (repo.path / "link").symlink_to("same.dat")
    repo.commit()
    script = (
        "echo 2 > model.dat; echo 2 > given.dat; git commit -qm x given.dat; echo {} > same.dat;"
        " printf '{}\\r\\n' > crlf.txt; echo '{\"acc\": 1}' > metrics.json; ln -sf same.dat link;"
        " rm -r data real; mkdir real"
    )
    result = repo.gitexp("run", "--temp", "-n", "one", "-S", "train.lr=0.5", "--", "sh", "-c", script)
    assert "moved to .git/gitexp/left/one: given.dat, model.dat; declare" in " ".join(result.stderr.split())
    left = repo.path / ".git/gitexp/left/one"
    assert {path.name: path.read_text() for path in left.iterdir()} == {
        "given.dat": "2\n",
        "model.dat": "2\n",
    }
    assert repo.json("show", "one")[0]["metrics"] == {"acc": 1}


def test_what_lies_behind_a_shared_folder_is_not_moved(repo: Workspace) -> None:
    """A file of it is tracked too, and the run writes it through the link."""
    repo.write("gitexp.yaml", "share: [data]\n")
    repo.write("data/x.csv", "1\n")
    repo.commit()
    repo.allow("files", "data/x.csv")
    result = repo.gitexp("run", "--temp", "-n", "one", "--", "sh", "-c", "echo 2 > data/x.csv")
    assert (repo.read("data/x.csv"), "moved" in result.stderr) == ("2\n", False)


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("cp .dvc/cache/ab/c model.bin", ["model.bin"]),
        ("ln -s .dvc/cache/ab/c model.bin", [".dvc/cache/ab/c", "model.bin"]),
    ],
)
def test_dvcs_own_files_are_moved_only_where_an_output_needs_them(
    repo: Workspace, output: str, left: list[str]
) -> None:
    script = f"mkdir -p .dvc/tmp .dvc/cache/ab; touch .dvc/tmp/lock; echo 1 > .dvc/cache/ab/c; {output}"
    repo.gitexp("run", "-q", "--temp", "-n", "one", "--", "sh", "-c", script)
    target = repo.path / ".git/gitexp/left/one"
    found = [path for path in target.rglob("*") if path.is_symlink() or path.is_file()]
    assert sorted(path.relative_to(target).as_posix() for path in found) == left


# -- the user's own worktrees ------------------------------------------------------------------------


def test_a_worktree_of_the_users_with_the_same_name_is_safe(repo: Workspace, tmp_path: Path) -> None:
    theirs = tmp_path / "gitexp-0"
    repo.git("worktree", "add", "-q", str(theirs))
    (theirs / "train.py").write_text("theirs\n")
    commit = rich(repo)
    first = checked_out(repo, commit)
    shutil.rmtree(first[1])
    assert checked_out(repo, commit) == first
    assert (theirs / "train.py").read_text() == "theirs\n"
    assert git(theirs, "status", "--porcelain") == "M train.py"


def test_list_and_prune_leave_it_alone(repo: Workspace) -> None:
    commit = rich(repo)
    _, root = checked_out(repo, commit)
    assert f"worktree {root}\nHEAD {commit}\ndetached\nlocked" in repo.git("worktree", "list", "--porcelain")
    repo.git("worktree", "prune", "--expire", "now")
    assert git(root, "status", "--porcelain") == ""


def test_a_prune_while_it_is_made(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git gc` prunes too, and deletes the folder of worktrees while it is empty."""
    commit, rename, tries = rich(repo), Path.rename, []

    def late_rename(made: Path, target: Path) -> Path:
        if target.parent.name == "worktrees" and len(tries) < 3:
            tries.append(target)
            git(repo.path, "worktree", "prune")
            assert not target.parent.exists()
        return rename(made, target)

    monkeypatch.setattr(Path, "rename", late_rename)
    _, root = checked_out(repo, commit)
    assert len(tries) == 3
    assert git(root, "status", "--porcelain") == ""


def test_a_prune_that_saw_the_old_one_go_leaves_the_new_one(repo: Workspace) -> None:
    """Git looks at a name and deletes it later: so the new folder has another name."""
    commit, found = rich(repo), set()
    for _ in range(3):
        _, root = checked_out(repo, commit)
        found.add(git(root, "rev-parse", "--git-dir"))
        shutil.rmtree(root)
    assert len(found) == 3


def test_a_moved_repository_takes_it_along(repo: Workspace, tmp_path: Path) -> None:
    commit = rich(repo)
    first, root = checked_out(repo, commit)
    moved = Workspace(repo.path.rename(tmp_path / "moved"))
    again, new_root = checked_out(moved, commit)
    assert (again, new_root) == (first, moved.path / root.relative_to(repo.path))
    assert str(repo.path) not in moved.git("worktree", "list")
    moved.path.rename(repo.path)


def test_a_copied_repository_has_its_own(repo: Workspace, tmp_path: Path) -> None:
    commit = rich(repo)
    _, root = checked_out(repo, commit)
    shutil.copytree(repo.path, tmp_path / "copy", symlinks=True)
    copy = Workspace(tmp_path / "copy")
    _, new_root = checked_out(copy, commit)
    assert Path(git(new_root, "rev-parse", "--git-dir")).is_relative_to(copy.path)
    assert git(root, "status", "--porcelain") == ""


def test_no_reflog_keeps_removed_experiments(repo: Workspace) -> None:
    commit = rich(repo)
    _, root = checked_out(repo, commit)
    checked_out(repo, repo.git("rev-parse", "HEAD~1"))
    assert not Path(git(root, "rev-parse", "--git-path", "logs/HEAD")).exists()


# -- at the same time ----------------------------------------------------------------------------------


def test_two_at_once_have_one_each(repo: Workspace) -> None:
    commit, other = rich(repo), repo.git("rev-parse", "HEAD~1")
    git_repo = Repository.find(repo.path)
    with ExitStack() as stack:
        one = stack.enter_context(worktrees.checkout(git_repo, commit))
        two = stack.enter_context(worktrees.checkout(git_repo, other))
        assert one.root != two.root
        assert on_disk(one.root) == stored(repo, commit)
        assert on_disk(two.root) == stored(repo, other)


def test_two_runs_at_once(repo: Workspace) -> None:
    command = ("run", "--temp", "--", "sh", "-c", "sleep 0.5; pwd")
    outs = [process.communicate()[0] for process in [repo.start(*command), repo.start(*command)]]
    assert len({out.decode() for out in outs}) == 2
    assert len(repo.git("for-each-ref", "refs/gitexp/exps").splitlines()) == 2


# -- shared paths --------------------------------------------------------------------------------------


def test_shared_paths_are_linked_and_outlive_the_worktree(repo: Workspace) -> None:
    repo.write(".gitignore", "data/\n.venv\n")
    commit = repo.commit()
    repo.write("data/train/x.csv", "1,2\n")
    repo.write("data/y.csv", "3\n")
    share = ("data/train", "data/y.csv", ".venv", "train.py")
    for _ in range(2):
        found, root = checked_out(repo, commit, *share)
        assert (root / "data/train/x.csv").read_text() == "1,2\n"
        assert (root / "data/y.csv").is_symlink()
        assert not os.path.lexists(root / ".venv")
        assert found["train.py"] == stored(repo, commit)["train.py"]
    found, root = checked_out(repo, commit)
    assert not (root / "data").exists()
    assert repo.read("data/train/x.csv") == "1,2\n"


def test_a_shared_path_behind_a_tracked_link_is_not_made_elsewhere(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "disk/raw").mkdir(parents=True)
    with repo.by_user():
        (repo.path / "inputs").symlink_to("../disk")
    commit = repo.commit()
    _, root = checked_out(repo, commit, "inputs/raw")
    assert os.readlink(root / "inputs") == "../disk"  # noqa: PTH115
    assert sorted(path.name for path in root.parent.iterdir()) == ["gitexp-0"]


def test_submodules_are_refused_unless_shared(repo: Workspace) -> None:
    submodule(repo)
    commit = repo.git("rev-parse", "HEAD")
    with pytest.raises(errors.SnapshotRefused, match="library") as refusal:
        checked_out(repo, commit)
    assert refusal.value.paths == ("library",)
    for _ in range(2):
        _, root = checked_out(repo, commit, "library/")
        assert (root / "library/lib.py").read_text() == "1\n"
    refused = repo.gitexp("run", "--temp", "--", "touch", "canary", check=False)
    assert (refused.exit_code, "library" in refused.stderr) == (1, True)
    assert not repo.git("for-each-ref", "refs/gitexp")
    assert (repo.path / "library/lib.py").read_text() == "1\n"


def test_a_submodule_without_gitmodules_is_refused_too(repo: Workspace) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    repo.git("commit", "-q", "-m", "a bare gitlink")
    with pytest.raises(errors.SnapshotRefused, match="vendor"):
        checked_out(repo, repo.git("rev-parse", "HEAD"))


def test_settings_of_the_user_do_not_reach_it(repo: Workspace) -> None:
    commit = rich(repo)
    for setting in ("submodule.recurse=true", "core.trustctime=false", "core.checkStat=minimal"):
        repo.git("config", *setting.split("="))
    repo.git("sparse-checkout", "set", "--no-cone", "/train.py")
    first, root = checked_out(repo, commit)
    assert first == stored(repo, commit)
    time.sleep(1.1)  # Git compares whole seconds
    changed_files(root)
    os.utime(git(root, "rev-parse", "--git-path", "index"))
    assert checked_out(repo, commit)[0] == first


def test_there_is_an_end_to_the_slots(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktrees, "_SLOTS", 1)
    git_repo = Repository.find(repo.path)
    head = git_repo.head().commit
    with worktrees.checkout(git_repo, head), pytest.raises(errors.WorkspaceBusy, match="isolated"):
        checked_out(repo, head)
