"""`gitexp gc`: what anybody refers to stays, whatever refers to it; what nobody does goes, when it is old."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.datasets.sync import push
from gitexp.model import Artifact
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.objects.sweep import put_back, remove_unused
from gitexp.pipeline.lock import Lock, LockedStage, read_lock, write_lock
from gitexp.project.project import Project
from gitexp.upkeep import gc, in_use
from tests.support.codes import has_code
from tests.support.repositories import lose
from tests.support.stored import LONG_AGO, age, lock_of, put_object, store_of, write_lock_of
from tests.support.workspace import Workspace


def hashes(repo: Workspace) -> set[str]:
    return {hash_ for hash_, _, _ in store_of(repo).hashes()}


def collected(repo: Workspace, **how: bool) -> set[str]:
    """What gc removes."""
    project = Project.open(repo.path)
    return {each.hash for each in gc.collect(project, gc.find(project, **how)).objects}  # type: ignore[arg-type]


def forget_lock(repo: Workspace) -> None:
    """Takes the workspace's own gitexp.lock away, so that only what was made of it refers to data."""
    (repo.path / "gitexp.lock").unlink()
    repo.guard.retake()


@pytest.fixture
def data(repo: Workspace) -> Artifact:
    """A folder in the store, and a gitexp.lock in the workspace that refers to it."""
    artifact = put_object(repo, "data", {"a.txt": "a", "deep/b.txt": "b"})
    write_lock_of(repo, artifact)
    return artifact


# -- who refers to data -------------------------------------------------------------------------------


def _by_nobody(repo: Workspace) -> None:
    forget_lock(repo)


def _by_an_experiment(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    forget_lock(repo)


def _by_one_in_the_trash(repo: Workspace) -> None:
    _by_an_experiment(repo)
    repo.gitexp("remove", "-y", "-q", "one")


def _by_what_undo_brings_back(repo: Workspace) -> None:
    repo.allow("files", "gitexp.lock")
    other = repo.read("gitexp.lock")
    repo.write("gitexp.lock", lock_of())
    repo.gitexp("save", "-q", "-n", "empty")
    repo.write("gitexp.lock", other)
    repo.gitexp("apply", "--force", "-q", "empty")
    assert "data" not in repo.read("gitexp.lock")


def _by_a_branch(repo: Workspace) -> None:
    repo.git("checkout", "-q", "-b", "other")
    repo.commit()
    repo.git("checkout", "-q", "main")


def _by_a_tag(repo: Workspace) -> None:
    repo.git("checkout", "-q", "--detach")
    repo.commit()
    repo.git("tag", "-a", "-m", "v1", "v1")
    repo.git("checkout", "-q", "main")


def _by_what_was_fetched(repo: Workspace) -> None:
    _by_an_experiment(repo)
    repo.git("update-ref", "refs/gitexp/remotes/origin/one", "refs/gitexp/exps/one")
    repo.git("update-ref", "-d", "refs/gitexp/exps/one")


def _by_the_index_of_files(repo: Workspace) -> None:
    """The workspace alone: the lock is in no commit."""


def _by_the_index_alone(repo: Workspace) -> None:
    repo.git("add", "gitexp.lock")
    repo.write("gitexp.lock", lock_of())


def _by_an_older_stash(repo: Workspace) -> None:
    repo.git("add", "gitexp.lock")
    repo.git("stash", "push", "-q")
    repo.write("params.yaml", "another: stash\n")
    repo.git("stash", "push", "-q")
    assert repo.git("show", "stash@{1}:gitexp.lock")


def _by_the_index_of_a_stash(repo: Workspace) -> None:
    repo.git("add", "gitexp.lock")
    repo.write("gitexp.lock", lock_of())
    repo.git("stash", "push", "-q")


def _by_a_stash_of_files_that_git_does_not_know(repo: Workspace) -> None:
    repo.git("stash", "push", "-q", "--include-untracked")
    assert repo.git("show", "stash^3:gitexp.lock")


def _by_a_commit_that_was_amended(repo: Workspace) -> None:
    repo.commit()
    repo.git("rm", "-q", "gitexp.lock")
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "without")


def _by_a_commit_that_was_reset_in_another_worktree(repo: Workspace) -> None:
    _by_the_head_of_another_worktree(repo)
    beside = Workspace(repo.path.parent / "beside")
    beside.git("reset", "-q", "--hard", "HEAD~1")
    repo.guard.retake()


def _by_a_stage_that_a_merge_has_mixed(repo: Workspace) -> None:
    """It counts as not run; but the one or the other side has made what it names."""
    data = read_lock("gitexp.lock", repo.read("gitexp.lock").encode() + b"\n").data["data"]
    text = write_lock(Lock({"make": LockedStage(("make",), outs=(data,))})).decode()
    repo.write("gitexp.lock", text.replace("cmd: make", "cmd: make all"))


def _by_another_worktree(repo: Workspace) -> None:
    repo.git("worktree", "add", "-q", "--detach", "../beside")
    (repo.path / "gitexp.lock").rename(repo.path.parent / "beside" / "gitexp.lock")
    repo.guard.retake()


def _by_the_head_of_another_worktree(repo: Workspace) -> None:
    repo.git("worktree", "add", "-q", "--detach", "../beside")
    (repo.path / "gitexp.lock").rename(repo.path.parent / "beside" / "gitexp.lock")
    beside = Workspace(repo.path.parent / "beside")
    beside.commit()
    (beside.path / "gitexp.lock").unlink()
    repo.guard.retake()


def _by_a_folder_of_its_own(repo: Workspace) -> None:
    (repo.path / "part").mkdir()
    text = repo.read("gitexp.lock").replace("data:\n  data:", "data:\n  ../data:")
    forget_lock(repo)
    repo.write("part/gitexp.lock", text)
    repo.commit()
    repo.git("rm", "-q", "part/gitexp.lock")
    repo.gitexp("save", "-q", "-n", "without")


HOLDERS = (
    _by_an_experiment,
    _by_one_in_the_trash,
    _by_what_undo_brings_back,
    _by_a_branch,
    _by_a_tag,
    _by_what_was_fetched,
    _by_the_index_of_files,
    _by_the_index_alone,
    _by_an_older_stash,
    _by_the_index_of_a_stash,
    _by_a_stash_of_files_that_git_does_not_know,
    _by_a_commit_that_was_amended,
    _by_a_commit_that_was_reset_in_another_worktree,
    _by_a_stage_that_a_merge_has_mixed,
    _by_another_worktree,
    _by_the_head_of_another_worktree,
    _by_a_folder_of_its_own,
)


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_is_referred_to_stays(
    repo: Workspace, data: Artifact, holder: Callable[[Workspace], None]
) -> None:
    spare = put_object(repo, "spare", "nobody wants it")
    before = hashes(repo)
    holder(repo)
    assert collected(repo) == {spare.hash}
    assert hashes(repo) == before - {spare.hash}


def test_what_nobody_refers_to_goes(repo: Workspace, data: Artifact) -> None:
    _by_nobody(repo)
    assert len(collected(repo)) == 3
    assert hashes(repo) == set()


def test_who_refers_to_it_is_known_by_name(repo: Workspace, data: Artifact) -> None:
    for holder in (_by_a_branch, _by_one_in_the_trash):
        write_lock_of(repo, data)
        holder(repo)
    write_lock_of(repo, data)
    repo.gitexp("save", "-q", "-n", "two")
    found = in_use.find(Project.open(repo.path))
    assert found.complaints == ()
    assert sorted(found.holders([data.hash])[data.hash]) == [
        "branch other",
        "one (removed)",
        "the workspace",
        "two",
    ]


def test_of_a_branch_the_last_commit_counts_or_with_history_all(repo: Workspace, data: Artifact) -> None:
    repo.commit()
    repo.git("rm", "-q", "gitexp.lock")
    repo.commit()
    project = Project.open(repo.path)
    assert gc.find(project, history=True).unused == ()
    assert len(gc.find(project).unused) == 3


# -- what is too young --------------------------------------------------------------------------------


def test_what_was_stored_just_now_stays(repo: Workspace) -> None:
    young = put_object(repo, "young", "young", old=False)
    project = Project.open(repo.path)
    garbage = gc.find(project)
    assert ([each.hash for each in garbage.young], garbage.unused) == ([young.hash], ())
    assert collected(repo) == set()


def test_what_seems_to_be_from_the_future_stays(repo: Workspace) -> None:
    """The clock has been set back, or was wrong when it was stored."""
    artifact = put_object(repo, "data", "some")
    next_year = time.time() + 365 * 86400
    os.utime(store_of(repo).path(artifact.hash), (next_year, next_year))
    assert collected(repo) == set()


def test_what_is_stored_again_is_young_again(repo: Workspace) -> None:
    artifact = put_object(repo, "data", "some")
    with StatCache(Project.open(repo.path).local.stat_cache) as cache:
        store_of(repo).add(repo.path, "data", cache)
    assert collected(repo) == set()
    assert hashes(repo) == {artifact.hash}


def test_one_that_is_used_while_gc_is_at_it_stays(repo: Workspace) -> None:
    artifact = put_object(repo, "data", "some")
    project = Project.open(repo.path)
    garbage = gc.find(project)
    assert [each.hash for each in garbage.unused] == [artifact.hash]
    with StatCache(project.local.stat_cache) as cache:
        store_of(repo).add(repo.path, "data", cache)
    assert gc.collect(project, garbage).objects == ()
    assert hashes(repo) == {artifact.hash}


def test_what_a_workspace_has_as_a_hard_link_stays(repo: Workspace) -> None:
    artifact = put_object(repo, "data", "some")
    os.link(store_of(repo).path(artifact.hash), repo.path.parent / "linked")
    assert collected(repo) == set()


def test_a_run_that_goes_on_keeps_what_was_stored_since_it_began(repo: Workspace) -> None:
    artifact = put_object(repo, "data", "some")
    yesterday = time.time() - 86400
    os.utime(store_of(repo).path(artifact.hash), (yesterday, yesterday))
    project = Project.open(repo.path)
    assert len(gc.find(project, older_than=gc.LEAST_AGE).unused) == 1
    run = repo.start("run", "--", "python", "-c", "import time; print('here', flush=True); time.sleep(60)")
    assert run.stdout is not None
    assert run.stdout.readline() == b"here\n"
    (state,) = project.local.runs.glob("*/state.json")
    state.write_text(json.dumps(json.loads(state.read_text()) | {"started": yesterday - 60}))
    assert gc.find(project, older_than=gc.LEAST_AGE).unused == ()


def test_an_age_at_which_data_may_be_half_stored_is_refused(repo: Workspace) -> None:
    for text in ("1h", "0s"):
        refused = repo.gitexp("gc", "--dry-run", "--older-than", text, check=False)
        assert (refused.exit_code, "about to be used" in refused.stderr) == (2, True)
    for text in ("14", "soon", ""):
        refused = repo.gitexp("gc", "--dry-run", "--older-than", text, check=False)
        assert (refused.exit_code, "is no time" in refused.stderr) == (2, True)


# -- what cannot be told ------------------------------------------------------------------------------


def _conflict(repo: Workspace) -> None:
    repo.write("gitexp.lock", "<<<<<<< ours\nformat: 1\n=======\n>>>>>>> theirs\n")


def _later_format(repo: Workspace) -> None:
    repo.write("gitexp.lock", "format: 99\n")


def _damaged_tree(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    lose(repo.path, "refs/gitexp/exps/one^{tree}")


def _broken_ref(repo: Workspace) -> None:
    ref = repo.path / ".git" / "refs" / "gitexp" / "exps" / "broken"
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_bytes(b"")


def _damaged_manifest(repo: Workspace) -> None:
    store = store_of(repo)
    (folder,) = [hash_ for hash_ in hashes(repo) if hash_.endswith(".dir")]
    store.path(folder).chmod(0o600)
    store.path(folder).write_bytes(b"gitexp-folder 1\n")
    age(store.path(folder))


def _manifest_moved_aside(repo: Workspace) -> None:
    _damaged_manifest(repo)
    shutil.rmtree(repo.path / "data")
    repo.guard.retake()
    repo.gitexp("fsck", check=False)
    assert not any(hash_.endswith(".dir") for hash_ in hashes(repo))


@pytest.mark.parametrize(
    "damage",
    [_conflict, _later_format, _damaged_tree, _broken_ref, _damaged_manifest, _manifest_moved_aside],
)
def test_nothing_is_deleted_as_long_as_it_cannot_be_told_what_is_in_use(
    repo: Workspace, data: Artifact, damage: Callable[[Workspace], None]
) -> None:
    put_object(repo, "spare", "nobody wants it")
    damage(repo)
    before = hashes(repo)
    with pytest.raises(errors.DataError, check=has_code("use-unknown"), match="Nothing is deleted"):
        gc.find(Project.open(repo.path))
    assert hashes(repo) == before


def test_a_conflict_that_somebody_has_committed_stops_nothing_and_loses_neither_side(
    repo: Workspace, data: Artifact
) -> None:
    ours = put_object(repo, "ours", {"x": "1"})
    theirs = put_object(repo, "theirs", "2")
    spare = put_object(repo, "spare", "nobody wants it")
    head, *lines = lock_of(data).splitlines()
    sides = ["<<<<<<< ours", *lock_of(ours).splitlines()[3:], "=======", *lock_of(theirs).splitlines()[3:]]
    repo.write("gitexp.lock", "\n".join([head, *lines, *sides, ">>>>>>> theirs", ""]))
    repo.git("add", "-f", "gitexp.lock")
    repo.git("commit", "-qm", "a conflict")
    repo.git("branch", "careless")
    write_lock_of(repo, data)
    repo.git("add", "-f", "gitexp.lock")
    repo.git("commit", "-qm", "resolved")
    found = gc.find(Project.open(repo.path))
    assert [each.hash for each in found.unused] == [spare.hash]
    (doubt,) = in_use.find(Project.open(repo.path)).doubts
    assert doubt.endswith("(branch careless)")


def test_who_has_the_lock_that_cannot_be_read_is_said(repo: Workspace) -> None:
    repo.write("gitexp.lock", "format: 99\n")
    repo.gitexp("save", "-q", "-n", "one")
    forget_lock(repo)
    with pytest.raises(errors.DataError, check=has_code("use-unknown"), match=r"later gitexp.* \(one\)"):
        gc.find(Project.open(repo.path))


# -- removing -----------------------------------------------------------------------------------------


def test_what_a_dead_gc_had_taken_out_is_judged_anew(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    with StatCache(tmp_path / "cache") as cache:
        (tmp_path / "file").write_text("some")
        artifact = store.add(tmp_path, "file", cache)
        aside = store.folder / "tmp" / f"gc-{artifact.hash}"
        store.path(artifact.hash).replace(aside)
        put_back(store)
        assert store.verify(artifact.hash)
        store.path(artifact.hash).replace(aside)
        store.add(tmp_path, "file", cache)
        put_back(store)
        assert store.verify(artifact.hash)
        assert not aside.exists()
    assert remove_unused(store, artifact.hash, LONG_AGO) is False
    age(store.path(artifact.hash))
    assert remove_unused(store, artifact.hash, LONG_AGO + 1) is True
    assert remove_unused(store, artifact.hash, LONG_AGO + 1) is False


def test_what_is_stored_while_gc_is_at_it_is_there_afterwards(tmp_path: Path) -> None:
    """Each object is old and spare when gc begins, and is used again at some moment until it ends."""
    store, count = ObjectStore(tmp_path / "objects"), 60
    for number in range(count):
        (tmp_path / str(number)).write_text(f"content {number}")

    def add(numbers: Iterable[int]) -> None:
        with StatCache(tmp_path / "cache") as cache:
            for number in numbers:
                store.add(tmp_path, str(number), cache)

    add(range(count))
    wanted = [hash_ for hash_, _, _ in store.hashes()]
    for _ in range(8):
        for hash_ in wanted:
            age(store.path(hash_))
        with ThreadPoolExecutor(2) as pool:
            adding = pool.submit(add, range(count))
            for _ in pool.map(lambda hash_: remove_unused(store, hash_, LONG_AGO + 1), wanted):
                pass
            adding.result()
        assert all(map(store.verify, wanted))
        assert not list((store.folder / "tmp").glob("gc-*"))


def test_gc_removes_an_object_at_the_very_moment_when_it_is_made_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, make_fresh = ObjectStore(tmp_path / "objects"), os.utime
    (tmp_path / "file").write_text("content")
    time.sleep(0.05)  # so that the cache trusts the file's times
    with StatCache(tmp_path / "cache") as cache:
        hash_ = store.add(tmp_path, "file", cache).hash
        age(store.path(hash_))

        def too_late(*args: Any, **options: Any) -> None:
            monkeypatch.undo()
            assert remove_unused(store, hash_, LONG_AGO + 1)
            make_fresh(*args, **options)

        for name in ("supports_fd", "supports_follow_symlinks"):
            monkeypatch.setattr(os, name, {*getattr(os, name), too_late})
        monkeypatch.setattr(os, "utime", too_late)
        store.add(tmp_path, "file", cache)
    assert os.utime is make_fresh
    assert store.verify(hash_)


def test_a_colleague_comes_while_gc_removes_from_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the colleague finds at the very moment when an object is out of sight: nothing is lost."""
    (tmp_path / "file").write_text("content")
    with StatCache(tmp_path / "cache") as cache:
        hash_ = ObjectStore(tmp_path / "remote").add(tmp_path, "file", cache).hash
    there = ObjectStore(tmp_path / "remote")
    with FolderRemote("a", "", there.folder) as ours, FolderRemote("b", "", there.folder) as other:

        def removed_beside(does: Callable[[], object]) -> bool:
            age(there.path(hash_))

            def failpoint(name: str) -> None:
                if name == "gc:aside":
                    does()

            monkeypatch.setattr("gitexp.objects.sweep.failpoint", failpoint)
            return ours.remove_unused(hash_, LONG_AGO + 1)

        assert removed_beside(other.recover) is False
        assert there.verify(hash_)

        def send() -> None:
            with pytest.raises(errors.NotOnRemote):
                other.renew(hash_)
            other.put(hash_, tmp_path / "file", lambda count: None)
            other.flush()
            other.recover()

        assert removed_beside(send) is False
        assert there.verify(hash_)
        assert there.path(hash_).stat().st_mtime > LONG_AGO + 1
        (tmp_path / "backup").hardlink_to(there.path(hash_))
        assert removed_beside(lambda: None) is True
    assert [file.name for file in there.folder.rglob("*")] == [hash_[:2], "tmp"]


# -- the command --------------------------------------------------------------------------------------


def test_the_command_deletes_nothing_until_told_to(repo: Workspace, data: Artifact) -> None:
    put_object(repo, "spare", "nobody wants it")
    before = hashes(repo)
    told = repo.gitexp("gc", "--dry-run").stderr
    assert "1 object (15 B) that nothing refers to" in told
    refused = repo.gitexp("gc", "--older-than", "3d", check=False)
    assert refused.exit_code == 2
    assert "To do it: gitexp gc --yes --older-than 3d; " in refused.stderr
    assert hashes(repo) == before
    answer = repo.json("gc", "--dry-run")
    assert answer == {
        "remote": None,
        "unused": {"objects": 1, "size": 15},
        "young": {"objects": 0, "size": 0},
        "used": {"objects": 3, "size": answer["used"]["size"]},
        "deleted": None,
        "failed": [],
        "dry_run": True,
    }
    assert repo.json("gc", "--yes")["deleted"] == {"objects": 1, "size": 15}
    assert len(hashes(repo)) == 3


def test_without_a_store_there_is_nothing_to_delete(repo: Workspace) -> None:
    assert "Nothing to delete" in repo.gitexp("gc", "--dry-run").stderr
    assert repo.json("gc", "--yes")["deleted"] == {"objects": 0, "size": 0}


# -- on a remote --------------------------------------------------------------------------------------


@pytest.fixture
def remote(repo: Workspace, data: Artifact) -> Path:
    """A folder as a remote: it has all that the store has, and one object more, all of it old."""
    put_object(repo, "spare", "nobody wants it")
    folder = repo.path.parent / "remote"
    store = store_of(repo)
    for hash_ in hashes(repo):
        target = folder / hash_[:2] / hash_[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.path(hash_).read_bytes())
        age(target)
    repo.write("gitexp.yaml", f"remotes:\n  team: {{url: '{folder.as_posix()}'}}\n")
    return folder


def on(folder: Path) -> set[str]:
    return {file.parent.name + file.name for file in folder.glob("??/*")}


def test_a_remote_is_cleared_up_by_the_same_rules(repo: Workspace, data: Artifact, remote: Path) -> None:
    here, wanted = hashes(repo), set(store_of(repo).contents(data.hash))
    assert (
        "does not know of counts as unused" in repo.gitexp("gc", "--dry-run", "--data-remote", "team").stderr
    )
    assert on(remote) == here
    assert repo.json("gc", "--data-remote", "team", "--yes")["deleted"]["objects"] == 1
    assert on(remote) == wanted
    assert hashes(repo) == here


def test_a_folder_that_only_the_remote_has_keeps_its_files_there(
    repo: Workspace, data: Artifact, remote: Path
) -> None:
    wanted = set(store_of(repo).contents(data.hash))
    for hash_ in wanted:
        store_of(repo).remove(hash_)
    repo.json("gc", "--data-remote", "team", "--yes")
    assert on(remote) == wanted


def test_what_is_young_on_a_remote_stays(repo: Workspace, remote: Path) -> None:
    before = on(remote)
    for file in remote.glob("??/*"):
        os.utime(file)
    repo.json("gc", "--data-remote", "team", "--yes")
    assert on(remote) == before


def test_what_is_pushed_again_is_young_again(repo: Workspace, remote: Path) -> None:
    """Nothing is uploaded, since it is there; but the experiment that it belongs to is about to come."""
    repo.write("gitexp.lock", lock_of(spare := put_object(repo, "spare", "nobody wants it")))
    project = Project.open(repo.path)
    garbage = gc.find(project, remote="team")
    assert {each.hash for each in garbage.used} == {spare.hash}
    forget_lock(repo)
    garbage = gc.find(project, remote="team")
    assert spare.hash in {each.hash for each in garbage.unused}
    push(project, [spare])
    removed = gc.collect(project, garbage)
    assert removed.failed == ()
    assert on(remote) == {spare.hash}
    assert [each.hash for each in gc.find(project, remote="team").young] == [spare.hash]


def test_on_a_remote_gc_spares_what_a_push_would_not_make_fresh(repo: Workspace, remote: Path) -> None:
    before = on(remote)
    refused = repo.gitexp("gc", "--data-remote", "team", "--older-than", "2d", "--yes", check=False)
    assert (refused.exit_code, "4d or more" in refused.stderr) == (2, True)
    assert on(remote) == before


@pytest.mark.usefixtures("remote")
def test_a_remote_that_is_not_there_is_an_error(repo: Workspace) -> None:
    answer = repo.gitexp("gc", "--dry-run", "--data-remote", "nope", check=False)
    assert (answer.exit_code, "no data remote 'nope'" in answer.stderr) == (2, True)


def test_a_folder_that_cannot_be_deleted_keeps_its_files(repo: Workspace, data: Artifact) -> None:
    forget_lock(repo)
    garbage = gc.find(Project.open(repo.path))
    asked = []

    def remove(hash_: str) -> bool:
        asked.append(hash_)
        raise PermissionError(13, "Permission denied")

    removed = gc._removed(garbage.unused, remove)
    assert (removed.objects, removed.failed) == ((), ((data.hash, "Permission denied"),))
    assert asked == [data.hash]


def test_what_cannot_be_deleted_is_said_in_words(repo: Workspace, data: Artifact) -> None:
    forget_lock(repo)
    shutil.rmtree(store_of(repo).folder / "tmp")
    (store_of(repo).folder / "tmp").write_text("in the way")
    done = repo.gitexp("gc", "--yes", check=False)
    told = [line.partition(" could not be deleted: ")[2] for line in done.stderr.splitlines()[1:]]
    assert (done.exit_code, told) == (1, ["File exists"])
    assert hashes(repo) == set(store_of(repo).contents(data.hash))


# -- what is not in sight -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD"])
def test_what_git_goes_back_to_or_on_with_counts(repo: Workspace, data: Artifact, name: str) -> None:
    commit = repo.commit()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    shutil.rmtree(repo.path / ".git/logs")
    for other in ("ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD"):
        (repo.path / ".git" / other).unlink(missing_ok=True)
    (repo.path / ".git" / name).write_text(commit + "\n")
    repo.guard.retake()
    assert collected(repo) == set()


def test_a_lock_in_a_folder_that_git_ignores_counts(repo: Workspace, data: Artifact) -> None:
    repo.write("ignored/deep/gitexp.lock", repo.read("gitexp.lock"))
    repo.write(".gitignore", "ignored/\n")
    forget_lock(repo)
    assert collected(repo) == set()


@pytest.mark.parametrize("locked", [True, False])
def test_a_worktree_whose_disk_is_not_mounted(repo: Workspace, data: Artifact, locked: bool) -> None:
    repo.git("worktree", "add", "-q", "--detach", *(["--lock"] if locked else []), "../beside")
    beside = repo.path.parent / "beside"
    shutil.copy(repo.path / "gitexp.lock", beside)
    repo.git("-C", "../beside", "add", "gitexp.lock")
    beside.rename(repo.path.parent / "away")
    forget_lock(repo)
    if locked:
        with pytest.raises(errors.DataError, match="locked and not there"):
            collected(repo)
    else:
        assert collected(repo) == set()
