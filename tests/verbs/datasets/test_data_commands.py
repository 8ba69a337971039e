"""`gitexp remote` and `gitexp data` as people and programs meet them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.cli.kit.terminal.meter import Meter, described
from gitexp.datasets import remotes, sync
from gitexp.datasets import status as datasets_status
from gitexp.objects.remotes.transfer import Progress
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from tests.outside.test_docs import DOCS, fields
from tests.support.codes import has_code
from tests.support.processes import run_with_pty
from tests.support.servers import free_port
from tests.support.stored import forget_store, lock_of, put_object, store_of, write_lock_of
from tests.support.workspace import Workspace

CONFIG = "# what it is\ncommand: python train.py  # as ever\n"


@pytest.fixture
def store(repo: Workspace, tmp_path: Path) -> Path:
    """The folder that `store`, the remote of `repo`, is."""
    folder = tmp_path / "store"
    folder.mkdir()
    repo.write("gitexp.yaml", f"remotes: {{store: '{folder.as_posix()}'}}\n")
    return folder


def opened(repo: Workspace) -> Project:
    return Project.open(repo.path)


def objects(folder: Path) -> set[str]:
    return {hash_ for hash_, _, _ in ObjectStore(folder).hashes()}


# -- remote -------------------------------------------------------------------------------------------


def test_remotes_are_added_listed_and_removed_and_the_rest_of_the_file_stays(repo: Workspace) -> None:
    repo.write("gitexp.yaml", CONFIG)
    repo.allow("files", "gitexp.yaml")
    assert repo.json("remote", "list") == []
    repo.gitexp("remote", "add", "store", "../store")
    s3 = ("s3://bucket/x", "--option", "endpoint_url=http://127.0.0.1:9000", "--option", "region=eu-1")
    added = repo.json("remote", "add", "cloud", *s3)
    assert added == {
        "name": "cloud",
        "url": "s3://bucket/x",
        "endpoint_url": "http://127.0.0.1:9000",
        "region": "eu-1",
    }
    assert repo.read("gitexp.yaml") == CONFIG + (
        'remotes:\n  store: "../store"\n  cloud:\n    url: s3://bucket/x\n'
        "    endpoint_url: http://127.0.0.1:9000\n    region: eu-1\n"
    )
    assert repo.json("remote", "list") == [{"name": "store", "url": "../store"}, added]
    assert repo.json("remote", "list", "--limit", "1") == [{"name": "store", "url": "../store"}]
    assert repo.gitexp("remote", "list").stdout.splitlines() == [
        "store  ../store",
        "cloud  s3://bucket/x  endpoint_url=http://127.0.0.1:9000  region=eu-1",
    ]
    assert repo.json("remote", "remove", "store") == {"removed": "store", "url": "../store"}
    assert repo.gitexp("remote", "remove", "cloud").stdout == ""
    assert repo.read("gitexp.yaml").startswith(CONFIG)
    assert opened(repo).config.remotes == {}


def test_the_first_remote_makes_gitexp_yaml_where_the_project_is(repo: Workspace) -> None:
    repo.write("sub/code.py", "")
    repo.allow("files", "gitexp.yaml")
    repo.gitexp("remote", "add", "store", "../store", cwd="sub")
    assert repo.read("gitexp.yaml") == 'remotes:\n  store: "../store"\n'
    with remotes.remote_of(Project.open(repo.path / "sub")) as at:
        assert at.url == "../store"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("add", "store", "/elsewhere"), errors.UsageError),
        (("add", "-x", "/elsewhere"), errors.UsageError),
        (("add", "a b", "/elsewhere"), errors.InvalidName),
        (("add", "new", "s3://key:secret@bucket/x"), errors.InvalidRemote),
        (("add", "new", "s3://bucket/x", "--option", "secret=x"), errors.InvalidRemote),
        (("add", "new", "s3://bucket/x", "--option", "region"), errors.UsageError),
        (("remove", "stor"), errors.UsageError),
        ((), errors.UsageError),
    ],
    ids=str,
)
def test_what_remote_refuses(
    repo: Workspace, store: Path, args: tuple[str, ...], code: type[errors.GitexpError]
) -> None:
    before = repo.read("gitexp.yaml")
    done = repo.gitexp("remote", *args, check=False)
    assert (done.exit_code, done.stdout) == (code.exit_code, "")
    assert re.fullmatch(r"error: .+\nhint: .+\n", done.stderr)
    assert "secret@" not in done.stderr
    assert repo.read("gitexp.yaml") == before


def test_a_config_that_holds_a_password_is_not_used(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "remotes: {store: 's3://key:hunter2@bucket/x'}\n")
    write_lock_of(repo, put_object(repo, "data", {"a": "1"}))
    done = repo.gitexp("data", "push", check=False)
    assert (done.exit_code, done.stdout) == (errors.ConfigError.exit_code, "")
    assert done.stderr.startswith("error: gitexp.yaml: The remote 'store' has a password")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(("inside", "error"), [(True, errors.StorageError), (False, errors.ConfigError)])
def test_a_link_is_not_written_through(
    repo: Workspace, tmp_path: Path, inside: bool, error: type[errors.GitexpError]
) -> None:
    other = (repo.path if inside else tmp_path) / "other.yaml"
    with repo.by_user():
        other.write_text("command: x\n")
        (repo.path / "gitexp.yaml").symlink_to(other)
    with pytest.raises(error):
        remotes.add(opened(repo), "store", "/store", {})
    assert other.read_text() == "command: x\n"


# -- data ---------------------------------------------------------------------------------------------


def test_push_and_pull_and_what_is_where(repo: Workspace, store: Path) -> None:
    folder = put_object(repo, "data", {"a": "1", "sub/b": "22", "c": "1"})
    model = put_object(repo, "model.bin", "model")
    write_lock_of(repo, folder, model)
    page = DOCS / "configuration.md"
    before = repo.json("data", "status")
    assert repo.json("data", "status", "--limit", "0") == []
    assert list(before[0]) == fields(page, "data status")
    assert [(each["path"], each["missing_here"], each["missing_there"]) for each in before] == [
        ("data", 0, 3),
        ("model.bin", 0, 1),
    ]
    pushed = repo.json("data", "push")
    assert list(pushed) == fields(page, "data push, data pull")
    assert (pushed["remote"], pushed["artifacts"], pushed["objects"], pushed["failed"]) == ("store", 2, 4, [])
    assert objects(store) == objects(repo.path / ".git" / "gitexp" / "objects")
    assert repo.gitexp("data", "push").stderr == "Up to date with store: nothing to transfer.\n"
    forget_store(repo)
    status = repo.gitexp("data", "status").stdout.splitlines()
    assert status[0].split() == ["data", "4", "B", "4", "missing", "here,", "on", "the", "remote"]
    done = repo.gitexp("data", "pull")
    assert re.fullmatch(r"Pulled 4 objects \(\d+ B\) from store\.\n", done.stderr)
    assert done.stdout == ""
    assert all(store_of(repo).verify(hash_) for hash_ in objects(store))
    assert [each["missing_here"] for each in repo.json("data", "status")] == [0, 0]


def test_the_data_of_experiments_and_revisions(repo: Workspace, store: Path) -> None:
    one, two, three = (put_object(repo, name, name) for name in ("one", "two", "three"))
    write_lock_of(repo, one)
    repo.gitexp("save", "-q", "-n", "first")
    write_lock_of(repo, two)
    repo.commit("second")
    write_lock_of(repo, three)
    assert repo.json("data", "push", "first")["objects"] == 1
    assert objects(store) == {one.hash}
    repo.gitexp("data", "push", "-q", "HEAD")
    assert objects(store) == {one.hash, two.hash}
    repo.gitexp("data", "push", "-q", "--all")
    assert objects(store) == {one.hash, two.hash, three.hash}
    assert repo.gitexp("data", "push", "firs", "--all", check=False).exit_code == 2
    assert "unknown-experiment" in repo.gitexp("data", "pull", "nope", "--json", check=False).stdout


def test_what_fails_is_named_and_the_rest_arrives(repo: Workspace, store: Path) -> None:
    folder = put_object(repo, "data", {name: name for name in "abcd"})
    write_lock_of(repo, folder)
    repo.gitexp("data", "push", "-q")
    for name in "bc":
        hash_ = next(file.hash for file in store_of(repo).manifest(folder.hash).files if file.path == name)
        victim = store / hash_[:2] / hash_[2:]
        victim.chmod(0o644)
        victim.write_text("?")
    forget_store(repo)
    done = repo.gitexp("data", "pull", check=False)
    assert done.exit_code == errors.TransferFailed.exit_code
    assert [line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("warning")] == [
        "data/b",
        "data/c",
    ]
    assert "error: 2 files could not be transferred (data/b, data/c)" in done.stderr
    failed = repo.gitexp("data", "pull", "--json", check=False)
    assert failed.exit_code == errors.TransferFailed.exit_code
    assert '"path": "data/b"' in failed.stdout
    assert '"code": "damaged-object"' in failed.stdout
    assert [each["missing_here"] for each in repo.json("data", "status")] == [2]


def test_a_folder_that_holds_more_than_the_remote_keeps_it(repo: Workspace, store: Path) -> None:
    """`tmp` below it may be anybody's: `gitexp remote add home ~`."""
    (store / "tmp" / "thesis").mkdir(parents=True)
    (store / "tmp" / "thesis" / "chapter").write_text("a year's work")
    for path in (store / "tmp" / "thesis" / "chapter", store / "tmp" / "thesis"):
        os.utime(path, (0, 0))
    write_lock_of(repo, put_object(repo, "data", {"a": "a"}))
    repo.gitexp("data", "push", "-q")
    assert [path.name for path in (store / "tmp").iterdir()] == ["thesis"]
    assert (store / "tmp" / "thesis" / "chapter").read_text() == "a year's work"


def test_without_a_remote_and_without_data(repo: Workspace) -> None:
    done = repo.gitexp("data", "push", check=False)
    assert (done.exit_code, done.stderr.count("gitexp remote add")) == (errors.UsageError.exit_code, 1)
    assert repo.gitexp("data", "status").stderr == "No gitexp.lock names any data.\n"
    write_lock_of(repo, put_object(repo, "data", {"a": "1"}))
    [standing] = repo.json("data", "status")
    assert (standing["missing_here"], standing["missing_there"]) == (0, None)
    repo.write("gitexp.yaml", "remotes: {store: /nowhere}\n")
    with pytest.raises(errors.UsageError, check=has_code("no-data-remote"), match="no data remote 'other'"):
        remotes.remote_of(opened(repo), "other")


def test_the_remote_that_is_named(repo: Workspace, store: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    repo.write("gitexp.yaml", f"remotes:\n  store: '{store}'\n  other: '{tmp_path / 'other'}'\n")
    write_lock_of(repo, artifact := put_object(repo, "data", "content"))
    repo.gitexp("data", "push", "-q", "--data-remote", "other", "-j", "2")
    assert (objects(store), objects(tmp_path / "other")) == (set(), {artifact.hash})
    assert repo.json("data", "status", "--data-remote", "other")[0]["missing_there"] == 0


def test_a_package_that_is_missing_is_one_sentence(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("gitexp.yaml", "remotes: {cloud: 's3://bucket/x'}\n")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(errors.DataRemoteError, check=has_code("backend-missing")) as missing:
        datasets_status.status(opened(repo), [])
    assert missing.value.hint == "pip install 'gitexp[s3]'"


# -- fetch, for other commands ------------------------------------------------------------------------


def test_fetch_gets_what_is_missing_and_says_what_cannot_be_had(repo: Workspace, store: Path) -> None:
    folder, model = put_object(repo, "data", {"a": "1", "b": "2"}), put_object(repo, "model", "m")
    write_lock_of(repo, folder, model)
    assert sync.fetch(opened(repo), [folder.hash, model.hash]) == {}
    assert not objects(store)
    repo.gitexp("data", "push", "-q")
    forget_store(repo)
    lost = "ab" * 32
    failed = sync.fetch(opened(repo), {folder.hash: None, model.hash: model.size, lost: 3})
    assert failed.keys() == {lost}
    assert store_of(repo).missing([*store_of(repo).contents(folder.hash), model.hash]) == []
    [part] = [file.hash for file in store_of(repo).manifest(folder.hash).files if file.path == "b"]
    (store / part[:2] / part[2:]).unlink()
    forget_store(repo)
    failed = sync.fetch(opened(repo), [folder.hash, model.hash])
    assert failed.keys() == {folder.hash}
    assert isinstance(failed[folder.hash], errors.NotOnRemote)


@pytest.mark.parametrize(
    "described", ["", "remotes: {store: 'http://127.0.0.1:9/x'}", "remotes: {store: 's3://a:b@c/d'}"]
)
def test_fetch_never_raises_for_a_remote_that_cannot_be_used(
    repo: Workspace, described: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitexp.objects.remotes.transfer._FIRST_WAIT", 0.01)
    repo.write("gitexp.yaml", described)
    assert sync.fetch(opened(repo), ["ab" * 32]).keys() == {"ab" * 32}


def test_fetch_does_not_wait_twice_for_a_remote_that_is_silent(repo: Workspace) -> None:
    repo.write("gitexp.yaml", f"remotes: {{store: 'http://127.0.0.1:{free_port()}/x'}}")
    [first] = sync.fetch(opened(repo), ["ab" * 32]).values()
    [second] = sync.fetch(opened(repo), ["cd" * 32]).values()
    assert second is first
    assert isinstance(first, errors.RemoteUnreachable)


def test_a_lock_that_cannot_be_read_is_an_error_with_its_commit(repo: Workspace, store: Path) -> None:
    repo.write("gitexp.lock", lock_of() + "data: {'../x': 1}\n")
    commit = repo.commit("hostile")
    (repo.path / "gitexp.lock").unlink()
    repo.guard.retake()
    done = repo.gitexp("data", "pull", "HEAD", check=False)
    assert done.exit_code == errors.LockError.exit_code
    assert f"gitexp.lock ({commit[:7]})" in done.stderr


# -- progress -----------------------------------------------------------------------------------------


def test_progress_in_words() -> None:
    assert described(Progress(0, 10, 0, 2048, 0.0)) == "0 B of 2.0 kB · 0 of 10 objects"
    half = Progress(1200, 10_002, 512 << 20, 1 << 30, 4.0)
    assert described(half) == "512 MB of 1.0 GB · 1,200 of 10,002 objects · 128 MB/s · 4 s left"
    assert described(Progress(1, 2, 1 << 20, 1 << 40, 1.0)).endswith(" left")
    assert " h " in described(Progress(1, 2, 1 << 20, 1 << 40, 1.0))
    assert described(Progress(2, 2, 8, 8, 1.0)).endswith("8 B/s")


def test_progress_is_drawn_where_a_person_watches_and_wiped() -> None:
    program = (
        "from gitexp.cli.kit.terminal.meter import Meter\n"
        "from gitexp.objects.remotes.transfer import Progress\n"
        "with Meter('Pushing') as meter:\n"
        "  meter(Progress(1, 2, 1024, 2048, 1.0)); meter(Progress(2, 2, 2048, 2048, 2.0))\n"
        "print('done')"
    )
    seen = run_with_pty([sys.executable, "-c", program], cols=40)
    assert seen.exit_code == 0
    assert b"Pushing: 1.0 kB of 2.0 kB" in seen.raw
    assert b"2 of 2 o" in seen.raw
    assert seen.lines == ["done"]


def test_no_progress_for_what_is_quick_or_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    for quiet, seconds in ((False, 0.1), (True, 9.0)):
        with Meter("Pushing", quiet=quiet) as meter:
            meter(Progress(1, 2, 1, 2, seconds))
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_is_not_there_is_made_once_and_missed_later(repo: Workspace, tmp_path: Path) -> None:
    """A disk that is not mounted is no new remote: what is pushed to its place helps nobody."""
    folder = tmp_path / "my store"
    repo.allow("files", "gitexp.yaml")
    assert repo.gitexp("remote", "add", "store", str(folder)).stderr.endswith(
        "To commit: git add gitexp.yaml\n"
    )
    write_lock_of(repo, put_object(repo, "data", "content"))
    repo.gitexp("data", "push", "-q")
    folder.rename(tmp_path / "unmounted")
    for command in (("data", "push"), ("data", "status"), ("gc", "--dry-run", "--data-remote", "store")):
        done = repo.gitexp(*command, check=False)
        assert done.exit_code == errors.RemoteUnreachable.exit_code
        assert f"error: The folder of the remote 'store' is not there: {folder}\n" in done.stderr
        assert f"mkdir '{folder}'" in done.stderr
    assert not folder.exists()


def test_folders_above_are_not_made(repo: Workspace, tmp_path: Path) -> None:
    repo.allow("files", "gitexp.yaml")
    done = repo.gitexp("remote", "add", "store", str(tmp_path / "typo" / "store"))
    assert "warning: The folder of the remote 'store' is not there" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_without_data_nothing_is_said_of_a_remote(repo: Workspace) -> None:
    told = repo.gitexp("data", "pull").stderr
    assert told == "Nothing to transfer: no gitexp.lock names any data.\n"
