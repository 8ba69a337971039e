"""`gitexp import`: one experiment from another repository, which need not be a remote."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clones import assert_whole, experiment, refs_of
from tests.support.experiments import copy_of, put
from tests.support.hostile import Lair
from tests.support.workspace import Workspace


@pytest.fixture
def other(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """Another project, on commits of its own, with an experiment."""
    (tmp_path / "other").mkdir()
    other = copy_of(template, tmp_path / "other")
    other.write("theirs.py", "print('theirs')\n")
    other.commit("another project")
    put(other, "one", note="theirs", metrics={"metrics.json": {"acc": 0.9}})
    put(other, "two")
    yield other
    other.close()


def test_by_path(repo: Workspace, other: Workspace) -> None:
    done = repo.gitexp("import", "../other/repo", "one")
    assert (done.stdout, done.stderr) == ("", "Imported one.\n")
    assert refs_of(repo.path) == {"one": refs_of(other.path)["one"]}
    assert repo.git("show", f"{experiment(repo, 'one').record.commit}:theirs.py") == "print('theirs')"
    assert_whole(repo.path)
    row = repo.json("import", str(other.path), "one")
    assert (row["name"], row["note"], row["metrics"]) == ("one", "theirs", {"acc": 0.9})
    assert repo.gitexp("import", "../other/repo", "one").stderr == "one is here already.\n"


def test_by_url_and_from_below(repo: Workspace, other: Workspace) -> None:
    repo.gitexp("import", "-q", f"file://{other.path}", "two")
    repo.write("sub/file", "x")
    repo.gitexp("import", "-q", "../../other/repo", "one", cwd="sub")
    assert refs_of(repo.path) == refs_of(other.path)


def test_names(repo: Workspace, other: Workspace) -> None:
    put(repo, "one")
    mine = refs_of(repo.path)["one"]
    done = repo.gitexp("import", str(other.path), "one")
    assert done.stderr == "Imported as one-2: one is another experiment here.\n"
    assert refs_of(repo.path) == {"one": mine, "one-2": refs_of(other.path)["one"]}
    repo.gitexp("import", str(other.path), "tw", "--name", "theirs")
    assert refs_of(repo.path)["theirs"] == refs_of(other.path)["two"]
    done = repo.gitexp("import", "-q", str(other.path), "two", "--name", "ours")
    assert done.stderr == (
        "warning: It is here already as theirs, and keeps that name.\n"
        "hint: To give it the other: gitexp rename theirs ours\n"
    )
    for name, code in (("one", "name-taken"), ("a/b", "invalid-name")):
        error = repo.json("import", str(other.path), "two", "-n", name, check=False)["error"]
        assert error["code"] == code
    error = repo.json("import", str(other.path), "on3", check=False)["error"]
    assert (error["code"], "one" in error["hint"]) == ("unknown-experiment", True)


def test_edits_there_are_taken_over(repo: Workspace, other: Workspace) -> None:
    repo.gitexp("import", "-q", str(other.path), "one")
    repo.gitexp("tag", "-q", "one", "--add", "mine")
    other.gitexp("tag", "-q", "one", "theirs")
    done = repo.gitexp("import", str(other.path), "one")
    assert done.stderr == "one is here already; its note and tags were brought up to date.\n"
    assert set(experiment(repo, "one").record.tags) == {"mine", "theirs"}
    assert repo.gitexp("undo").stderr.startswith("Taken back: import ")


def test_what_was_removed_here_comes_back(repo: Workspace, other: Workspace) -> None:
    repo.gitexp("import", "-q", str(other.path), "one")
    repo.gitexp("remove", "-y", "-q", "one")
    repo.gitexp("import", "-q", str(other.path), "one")
    assert refs_of(repo.path).keys() == {"one"}


def test_nothing_there(repo: Workspace, tmp_path: Path) -> None:
    error = repo.json("import", str(tmp_path / "nowhere"), "one", check=False)["error"]
    assert error["code"] == "remote-failed"
    repo.git("init", "-q", str(tmp_path / "empty"))
    error = repo.json("import", str(tmp_path / "empty"), "one", check=False)["error"]
    assert (error["code"], "There are no experiments at" in error["message"]) == ("unknown-experiment", True)
    # Git's own rule: a helper that runs a command is no address.
    done = repo.gitexp("import", f"ext::sh -c 'touch {tmp_path}/ran'", "one", check=False)
    assert done.exit_code == 1
    done = repo.gitexp("import", "--", f"--upload-pack=touch {tmp_path}/ran", "one", check=False)
    assert done.exit_code == 1
    assert not (tmp_path / "ran").exists()


def test_a_repository_of_another_kind(repo: Workspace, tmp_path: Path) -> None:
    repo.git("init", "-q", "--object-format=sha256", str(tmp_path / "sha256"))
    other = Workspace(tmp_path / "sha256")
    other.commit("start")
    put(other, "one")
    done = repo.gitexp("import", str(other.path), "one", check=False)
    assert done.exit_code == 1
    assert "another kind of object ids" in done.stderr
    other.close()


def test_what_cannot_be_a_record(repo: Workspace, other: Workspace, tmp_path: Path) -> None:
    lair = Lair(other, tmp_path)
    lair.record("damaged", "{}")
    error = repo.json("import", str(other.path), "damaged", check=False)["error"]
    assert error["code"] == "bad-record"
    assert refs_of(repo.path) == {}


# -- data ---------------------------------------------------------------------------------------------


@pytest.fixture
def trained(other: Workspace) -> Workspace:
    """The other project with an experiment on a data set that is in its store."""
    other.write("data/one.bin", "one")
    other.write("data/two.bin", "two")
    other.allow("files", "*")
    other.gitexp("add", "-q", "data")
    other.commit("data")
    put(other, "trained")
    return other


def objects(workspace: Workspace) -> set[str]:
    folder = workspace.path / ".git" / "gitexp" / "objects"
    return {file.parent.name + file.name for file in folder.rglob("*") if file.is_file()}


def test_data_comes_from_the_other_store(repo: Workspace, trained: Workspace) -> None:
    assert objects(trained)
    done = repo.gitexp("import", str(trained.path), "trained")
    assert done.stderr == "Imported trained.\n"
    assert objects(repo) >= objects(trained)


def test_data_that_is_gone_is_named(repo: Workspace, trained: Workspace) -> None:
    shutil.rmtree(trained.path / ".git" / "gitexp" / "objects", ignore_errors=True)
    done = repo.gitexp("import", str(trained.path), "trained")
    assert "Imported trained." in done.stderr
    assert "warning: data is not here: " in done.stderr
    assert refs_of(repo.path).keys() == {"trained"}


@pytest.fixture
def published(trained: Workspace, tmp_path: Path) -> str:
    """The URL of a bare repository with the other project, whose data is at a data remote, `store`."""
    trained.gitexp("remote", "add", "-q", "store", str(tmp_path / "store"))
    trained.commit("a data remote")
    put(trained, "published")
    trained.gitexp("data", "push", "-q")
    trained.git("clone", "-q", "--mirror", str(trained.path), str(tmp_path / "published.git"))
    return f"file://{tmp_path}/published.git"


def test_data_from_where_the_user_says(
    repo: Workspace, trained: Workspace, published: str, tmp_path: Path
) -> None:
    done = repo.gitexp("import", published, "published")
    assert "warning: data is not here: " in done.stderr
    assert not objects(repo)
    done = repo.gitexp("import", published, "published", "--data-from", "../store")
    assert done.stderr == "published is here already.\n"
    assert objects(repo) == objects(trained)


def test_data_from_a_remote_of_this_project(
    repo: Workspace, trained: Workspace, published: str, tmp_path: Path
) -> None:
    repo.allow("files", "gitexp.yaml")
    for name in ("mine", "theirs"):
        repo.gitexp("remote", "add", "-q", name, str(tmp_path / ("store" if name == "theirs" else name)))
    error = repo.json("import", published, "published", "--data-from", "thiers", check=False)["error"]
    assert (error["code"], error["hint"]) == ("no-data-remote", "Did you mean theirs?")
    assert refs_of(repo.path) == {}
    repo.gitexp("import", "-q", published, "published", "--data-from", "theirs")
    assert objects(repo) == objects(trained)


def test_a_data_remote_of_theirs_is_shown_and_not_asked(repo: Workspace, trained: Workspace) -> None:
    """It may belong to somebody who only wants to know who comes, or to be sent credentials."""
    shutil.rmtree(trained.path / ".git" / "gitexp" / "objects", ignore_errors=True)
    trained.write(
        "gitexp.yaml",
        "remotes:\n  folder: store\n  bucket: s3://bucket/x\n  secret: https://me:pass@host/\n  1: [x]\n"
        "  odd: {url: ssh://-oProxyCommand=evil/x}\n  none:\ndata: [data]\n",
    )
    trained.commit("data remotes")
    put(trained, "stranger")
    done = repo.gitexp("import", str(trained.path), "stranger")
    hints = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    folder = trained.path.resolve() / "store"
    assert hints == [
        f"hint: Its data remote folder is {folder}; if you trust that: --data-from {folder}",
        "hint: Its data remote bucket is s3://bucket/x; if you trust that: --data-from s3://bucket/x",
    ]


def test_data_that_cannot_be_asked_for(repo: Workspace, published: str, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").mkdir()
    done = repo.gitexp("import", published, "published", "--data-from", str(tmp_path / "store"))
    assert "warning: data is not here: " in done.stderr
    assert f"'{tmp_path / 'store'}'" in done.stderr
    assert refs_of(repo.path).keys() == {"published"}
