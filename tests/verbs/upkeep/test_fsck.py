"""`gitexp fsck`: whatever happens to an object is noticed, and mended if that can be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitexp.model import Artifact
from gitexp.project.project import Project
from gitexp.upkeep import fsck
from tests.support.stored import overwrite, put_object, store_of, write_lock_of
from tests.support.workspace import Workspace


@pytest.fixture
def data(repo: Workspace) -> Artifact:
    """A folder in the store, which an experiment and the workspace refer to, and is not in the workspace."""
    artifact = put_object(repo, "data", {"a.txt": "alpha", "deep/b.txt": "beta"})
    write_lock_of(repo, artifact)
    repo.gitexp("save", "-q", "-n", "one")
    for name in ("data/a.txt", "data/deep/b.txt"):
        (repo.path / name).unlink()
    repo.guard.retake()
    return artifact


def checked(repo: Workspace) -> fsck.FsckReport:
    return fsck.check(Project.open(repo.path))


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    overwrite(file, bytes(content))


def object_of(repo: Workspace, content: str) -> Path:
    """The file of the object that has this content."""
    (file,) = [f for f in store_of(repo).folder.glob("??/*") if f.read_bytes() == content.encode()]
    return file


def manifest_of(repo: Workspace, data: Artifact) -> Path:
    return store_of(repo).path(data.hash)


# -- what is found ------------------------------------------------------------------------------------


def test_all_in_order(repo: Workspace, data: Artifact) -> None:
    report = checked(repo)
    assert (report.objects, report.findings, report.healthy) == (3, (), True)
    assert "3 objects" in repo.gitexp("fsck").stderr
    assert "all in order" in repo.gitexp("fsck").stderr


def test_a_damaged_object_is_moved_aside_and_told_with_whom_it_concerns(
    repo: Workspace, data: Artifact
) -> None:
    file = object_of(repo, "beta")
    name = file.parent.name + file.name
    flip(file)
    answer = repo.gitexp("fsck", check=False)
    assert answer.exit_code == 1
    assert "problem: data/deep/b.txt: damaged" in answer.stdout
    assert f"{name[:12]}, of one, the workspace" in answer.stdout
    assert not file.exists()
    aside = Project.open(repo.path).local.root / "broken" / name
    assert aside.read_bytes() != b"beta"
    # It is missing now, for the same.
    again = repo.json("fsck", check=False)
    assert again["healthy"] is False
    assert again["findings"] == [
        {
            "object": name,
            "state": "missing",
            "path": "data/deep/b.txt",
            "holders": ["one", "the workspace"],
            "mended": None,
            "unsure": False,
        }
    ]


def test_a_damaged_object_that_nobody_refers_to_is_no_problem(repo: Workspace) -> None:
    put_object(repo, "spare", "nobody wants it")
    flip(object_of(repo, "nobody wants it"))
    report = checked(repo)
    assert report.healthy
    ((finding),) = report.findings
    assert (finding.damaged, finding.holders) == (True, ())
    assert checked(repo).findings == ()


@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_a_folder_s_list_of_files(repo: Workspace, data: Artifact, damage: Callable[[Path], None]) -> None:
    damage(manifest_of(repo, data))
    ((finding),) = checked(repo).findings
    assert (finding.hash, finding.path, finding.problem) == (data.hash, "data", True)
    assert finding.holders == ("one", "the workspace")


def test_of_what_a_damaged_list_may_name_nobody_says_that_nothing_refers_to_it(
    repo: Workspace, data: Artifact
) -> None:
    flip(object_of(repo, "beta"))
    flip(manifest_of(repo, data))
    told = repo.gitexp("fsck", check=False).stdout.splitlines()
    assert any(line.endswith(": damaged; whether anything refers to it is not known") for line in told)
    assert "problem: data: damaged" in told


def test_a_list_and_a_file_of_it_are_had_from_the_workspace(repo: Workspace, data: Artifact) -> None:
    repo.allow("files", "data/**")
    repo.gitexp("checkout")
    flip(object_of(repo, "beta"))
    flip(manifest_of(repo, data))
    report = checked(repo)
    assert report.healthy
    assert {finding.mended for finding in report.findings} == {"the workspace"}
    assert len(report.findings) == 2
    assert checked(repo).findings == ()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_what_cannot_be_read_is_said_and_stays_where_it_is(repo: Workspace, data: Artifact) -> None:
    store = store_of(repo)
    hashes = store.contents(data.hash)
    for hash_ in hashes:
        store.path(hash_).chmod(0)
    answer = repo.json("fsck", check=False, unreadable=True)
    told = [f"The object {hash_} cannot be read: Permission denied." for hash_ in hashes]
    assert (answer["healthy"], answer["findings"], sorted(answer["complaints"])) == (False, [], sorted(told))
    for hash_ in hashes:
        store.path(hash_).chmod(0o444)
    assert repo.json("fsck")["healthy"]
    assert all(map(store.verify, hashes))


def test_a_lock_that_cannot_be_read_is_said(repo: Workspace) -> None:
    repo.write("gitexp.lock", "format: 99\n")
    answer = repo.gitexp("fsck", check=False)
    assert (answer.exit_code, "later gitexp" in answer.stderr) == (1, True)


# -- what is mended -----------------------------------------------------------------------------------


def test_what_the_workspace_has_is_stored_again(repo: Workspace) -> None:
    artifact = put_object(repo, "data", {"a.txt": "alpha", "deep/b.txt": "beta"})
    write_lock_of(repo, artifact)
    flip(object_of(repo, "alpha"))
    object_of(repo, "beta").unlink()
    report = checked(repo)
    assert report.healthy
    assert [finding.mended for finding in report.findings] == ["the workspace", "the workspace"]
    assert checked(repo).findings == ()


def test_what_the_workspace_has_changed_is_not_taken_for_it(repo: Workspace) -> None:
    artifact = put_object(repo, "data", {"a.txt": "alpha"})
    write_lock_of(repo, artifact)
    flip(object_of(repo, "alpha"))
    repo.write("data/a.txt", "omega")
    assert not checked(repo).healthy
    assert not (store_of(repo).folder / "tmp").is_dir() or checked(repo).objects == 1


def test_what_stands_in_git_too_is_stored_again(repo: Workspace) -> None:
    artifact = put_object(repo, "scores.json", "{}")
    (repo.path / ".git" / "info" / "exclude").write_text("")
    repo.guard.retake()
    write_lock_of(repo, artifact)
    repo.gitexp("save", "-q", "-n", "one")
    for name in ("scores.json", "gitexp.lock"):
        (repo.path / name).unlink()
    repo.guard.retake()
    flip(object_of(repo, "{}"))
    report = checked(repo)
    assert report.healthy
    assert [finding.mended for finding in report.findings] == ["Git"]
    object_of(repo, "{}").unlink()
    repo.git("update-ref", "-d", "refs/gitexp/exps/one")
    assert checked(repo).findings == ()  # and nobody refers to it


@pytest.fixture
def remote(repo: Workspace, data: Artifact) -> Path:
    """A folder as a data remote that has all that the store has."""
    folder = repo.path.parent / "remote"
    store = store_of(repo)
    for hash_, _, _ in store.hashes():
        target = folder / hash_[:2] / hash_[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(store.path(hash_).read_bytes())
    repo.write("gitexp.yaml", f"remotes:\n  team: {{url: '{folder.as_posix()}'}}\n")
    return folder


@pytest.mark.usefixtures("remote")
def test_what_is_damaged_is_had_from_a_remote(repo: Workspace, data: Artifact) -> None:
    for file in (manifest_of(repo, data), object_of(repo, "alpha")):
        flip(file)
    answer = repo.gitexp("fsck")
    assert "note: data/a.txt: damaged, had again from the remote 'team'" in answer.stdout
    assert "note: data: damaged, had again from the remote 'team'" in answer.stdout
    assert all(map(store_of(repo).verify, store_of(repo).contents(data.hash)))
    assert checked(repo).findings == ()


@pytest.mark.usefixtures("remote")
def test_only_the_remote_that_is_named_is_asked(repo: Workspace, data: Artifact) -> None:
    repo.write("gitexp.yaml", repo.read("gitexp.yaml") + "  far: {url: 'http://127.0.0.1:9/'}\n")
    flip(manifest_of(repo, data))
    answer = repo.gitexp("fsck", "--data-remote", "team")
    assert "had again from the remote 'team'" in answer.stdout
    wrong = repo.json("fsck", "--data-remote", "tema", check=False)["error"]
    assert (wrong["code"], wrong["hint"]) == ("no-data-remote", "Did you mean team?")


@pytest.mark.usefixtures("remote")
def test_what_was_never_fetched_is_no_problem_and_is_not_fetched(repo: Workspace, data: Artifact) -> None:
    object_of(repo, "alpha").unlink()
    report = checked(repo)
    assert (report.healthy, report.elsewhere, report.findings) == (True, 1, ())
    assert "1 more on a remote alone" in repo.gitexp("fsck").stderr
    assert len([*store_of(repo).hashes()]) == 2


def test_a_remote_that_has_it_damaged_too_is_no_help(repo: Workspace, data: Artifact, remote: Path) -> None:
    file = object_of(repo, "alpha")
    flip(file)
    flip(remote / file.parent.name / file.name)
    answer = repo.gitexp("fsck", check=False)
    assert answer.exit_code == 1
    assert "problem: data/a.txt: damaged" in answer.stdout
    assert "on the remote 'team' is damaged" in answer.stderr


def test_a_remote_that_cannot_be_asked_is_said(repo: Workspace, data: Artifact) -> None:
    repo.write("gitexp.yaml", "remotes:\n  far: {url: 'http://127.0.0.1:9/'}\n")
    object_of(repo, "alpha").unlink()
    answer = repo.json("fsck", check=False)
    assert [finding["state"] for finding in answer["findings"]] == ["missing"]
    assert len(answer["complaints"]) == 1
