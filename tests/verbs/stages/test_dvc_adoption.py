"""A project of DVC's moves over: what dvc.lock has is not computed again, and data comes from DVC's cache."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gitexp.datasets import dvc_index
from gitexp.project.project import Project
from gitexp.stages import dvc_adoption, status
from gitexp.stages.dvc_adoption import Adopted
from tests.support import dvc_project
from tests.support.dvc_project import DVC_2, DVC_3, MODEL, RAW, WRITTEN, keep, keep_folder, make, ran
from tests.support.stored import store_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stages written in sh")


@pytest.fixture(params=[DVC_3, DVC_2], ids=["DVC 3", "DVC 2"])
def theirs(repo: Workspace, request: pytest.FixtureRequest) -> Workspace:
    make(repo, cache=request.param)
    repo.allow("files", *WRITTEN, "data/raw")
    return repo


@pytest.fixture
def moved(repo: Workspace) -> Workspace:
    """A project of DVC 3 that has been taken over."""
    make(repo)
    repo.allow("files", *WRITTEN, "data/raw")
    repo.gitexp("init")
    return repo


def init(repo: Workspace, *, force: bool = False) -> Adopted:
    with repo.by_user():
        return dvc_adoption.init(repo.path, command=None, force=force, ask=None, dry_run=False)[1]


def states(repo: Workspace) -> dict[str, str]:
    found = status.status(Project.open(repo.path))
    return {
        **{stage.name: stage.text for stage in found.stages},
        **{path: str(state) for path, state in found.data.items()},
    }


def objects(repo: Workspace) -> list[str]:
    """The files in gitexp's own store, without lists of folders."""
    return [hash_ for hash_, _, _ in store_of(repo).hashes() if not hash_.endswith(".dir")]


def drop(repo: Workspace, *names: str) -> None:
    with repo.by_user():
        for name in names:
            path = repo.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()


UP_TO_DATE = {"prepare": "up to date", "train": "up to date", "data/raw": "up to date"}


def test_nothing_is_computed_again_and_nothing_copied(theirs: Workspace) -> None:
    done = theirs.gitexp("init")
    assert "2 as in dvc.lock" in done.stderr
    assert "data/raw, from .dvc files" in done.stderr
    assert states(theirs) == UP_TO_DATE
    theirs.gitexp("run", "-q")
    assert ran(theirs) == []
    assert len(objects(theirs)) <= 1  # the metrics, which DVC's cache does not have


def test_undo_takes_all_of_it_back(moved: Workspace) -> None:
    moved.gitexp("undo")
    assert not (moved.path / "gitexp.yaml").exists()
    assert not (moved.path / "gitexp.lock").exists()


def test_a_dry_run_only_says_it(repo: Workspace) -> None:
    make(repo)
    told = repo.json("init", "--dry-run")
    assert (told["data"], told["adopted"]) == (["data/raw"], ["prepare", "train"])
    assert not (repo.path / "gitexp.lock").exists()


def test_only_what_has_changed_runs(moved: Workspace) -> None:
    moved.write("params.yaml", "train: {lr: 0.2}\n")
    assert states(moved)["train"] == "params train.lr changed 0.1 → 0.2"
    moved.gitexp("run", "-q")
    assert ran(moved) == ["train"]


def test_a_data_set_that_dvc_calls_an_artifact_is_data(repo: Workspace) -> None:
    make(repo)
    artifacts = "artifacts: {raw: {path: data/raw}, live: {path: live.pt, type: model}}\n"
    repo.write("dvc.yaml", dvc_project.PIPELINE + artifacts)
    repo.write("live.pt", "weights")
    repo.write("live.pt.dvc", json.dumps({"outs": [{"md5": keep(repo, "weights"), "path": "live.pt"}]}))
    repo.allow("files", *WRITTEN)
    assert init(repo).data == ["data/raw"]


def test_changed_data_is_seen(repo: Workspace) -> None:
    make(repo)
    repo.write("data/raw", "another\n")
    repo.allow("files", *WRITTEN)
    init(repo)
    found = states(repo)
    assert found["data/raw"] == "changed"
    assert found["prepare"] == "data/raw changed"


def test_outs_and_data_come_back_from_dvcs_cache(theirs: Workspace) -> None:
    drop(theirs, "data/raw", "model", "prepared")
    theirs.gitexp("init", "-q")
    found = states(theirs)
    assert found["train"] == "out model is missing, would be restored"
    assert found["data/raw"] == "restorable"
    theirs.gitexp("checkout")
    assert (theirs.read("data/raw"), theirs.read("model")) == (RAW, MODEL)
    assert theirs.read("prepared/one") == "a\n"
    assert states(theirs) == UP_TO_DATE
    assert ran(theirs) == []


def test_an_isolated_run_finds_them_too(repo: Workspace) -> None:
    make(repo, present=False)
    repo.allow("files", "gitexp.lock", "gitexp.yaml")
    init(repo)
    done = repo.gitexp("run", "--temp")
    assert done.stderr.count(": restored") == 2


def test_a_run_needs_no_init(repo: Workspace) -> None:
    make(repo)
    repo.allow("files", *WRITTEN)
    assert states(repo)["train"] == "never run, would be restored from dvc.lock"
    repo.gitexp("run", "-q")
    assert ran(repo) == []
    repo.write("params.yaml", "train: {lr: 0.2}\n")
    repo.gitexp("run", "-q")
    assert ran(repo) == ["train"]


def test_a_clone_needs_only_a_remote_in_a_folder(repo: Workspace, tmp_path: Path) -> None:
    make(repo)
    with repo.by_user():
        shutil.move(repo.path / ".dvc/cache", tmp_path / "remote")
    repo.write(".dvc/config", f"['remote \"store\"']\n    url = {tmp_path / 'remote'}\n")
    repo.allow("files", *WRITTEN, "data/raw")
    repo.gitexp("init", "-q")
    drop(repo, "data/raw", "model")
    with repo.by_user():  # as in a clone, whose index is empty
        (repo.path / ".git/gitexp" / dvc_index.NAME).unlink()
    assert (states(repo)["prepare"], states(repo)["data/raw"]) == ("up to date", "restorable")
    repo.gitexp("checkout")
    assert (repo.read("data/raw"), repo.read("model")) == (RAW, MODEL)


def test_a_clone_asks_dvcs_server_for_what_is_missing(repo: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("webdav4")
    make(repo)
    repo.allow("files", *WRITTEN, "data/raw")
    repo.gitexp("init", "-q")
    with repo.by_user():
        shutil.move(repo.path / ".dvc/cache", tmp_path / "remote")
        (repo.path / ".git/gitexp" / dvc_index.NAME).unlink()
        for hash_ in [each.hash for each in store_of(repo).hashes()]:
            store_of(repo).remove(hash_)
    drop(repo, "data/raw", "model", "prepared")
    with served(tmp_path / "remote") as url:
        repo.write(".dvc/config", f"['remote \"store\"']\n    url = {url}\n")
        repo.gitexp("checkout", "data/raw", "model", "prepared")
    assert (repo.read("data/raw"), repo.read("model"), repo.read("prepared/one")) == (RAW, MODEL, "a\n")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A plain web server for a folder; its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_push_takes_what_it_needs(moved: Workspace, tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    moved.gitexp("remote", "add", "store", str(tmp_path / "remote"))
    moved.gitexp("data", "push")
    assert sum(1 for file in (tmp_path / "remote").rglob("*") if file.is_file()) >= 5


# -- nothing silently wrong ---------------------------------------------------------------------------


def damage(repo: Workspace, content: str) -> None:
    name = dvc_project.md5(content)
    repo.write(f"{DVC_3}/{name[:2]}/{name[2:]}", "something else\n")


def test_a_damaged_file_of_the_cache_is_not_taken(repo: Workspace) -> None:
    make(repo, present=False)
    damage(repo, MODEL)
    repo.allow("files", *WRITTEN)
    said = " ".join(init(repo).warnings)
    assert "damaged in DVC's cache" in said
    assert "train: not here as in dvc.lock, nor in DVC's cache: model" in said
    assert states(repo)["train"] == "never run"


def test_a_file_damaged_later_is_not_brought(moved: Workspace) -> None:
    drop(moved, "model")
    damage(moved, MODEL)
    assert moved.gitexp("checkout", "model", check=False).exit_code == 1
    assert not (moved.path / "model").exists()
    moved.gitexp("run", "-q")
    assert ran(moved) == ["train"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"schema": "3.0", "stages": {}}', "its schema is '3.0'"),
        ('{"schema": "2.0", "stages": {"train": {}}}', "has no command"),
        ("{", "not used: dvc.lock"),
    ],
)
def test_a_dvc_lock_that_cannot_be_used_is_named(repo: Workspace, text: str, why: str) -> None:
    make(repo)
    repo.write("dvc.lock", text)
    repo.allow("files", *WRITTEN)
    adopted = init(repo)
    assert why in " ".join(adopted.warnings)
    assert adopted.stages == []
    assert states(repo)["train"].startswith("never run")


def test_no_path_leads_out(repo: Workspace) -> None:
    make(repo, present=False)
    bad = ("../out", "/etc/passwd", ".git/config", "a/../../b")
    for at, path in enumerate(bad):
        repo.write(f"bad{at}.dvc", json.dumps({"outs": [{"md5": keep(repo, "x"), "path": path}]}))
        folder = keep_folder(repo, {path: "x"})
        repo.write(f"set{at}.dvc", json.dumps({"outs": [{"md5": folder, "path": f"set{at}"}]}))
    repo.write("gone.dvc", json.dumps({"outs": [{"md5": "0" * 32, "hash": "md5", "path": "gone"}]}))
    repo.allow("files", *WRITTEN)
    adopted = init(repo)
    said = "\n".join(adopted.warnings)
    assert list(adopted.data) == ["data/raw"]
    for at in range(len(bad)):
        assert f"not used: bad{at}.dvc: the path" in said
        assert f"set{at}: the list of files" in said
    assert "gone: not here" in said


def test_a_link_in_the_place_of_data_is_not_followed_out(repo: Workspace, tmp_path: Path) -> None:
    make(repo, present=False)
    (tmp_path / "secret").write_text(RAW)
    with repo.by_user():
        (repo.path / "data/raw").symlink_to(tmp_path / "secret")
    repo.allow("files", *WRITTEN)
    init(repo)
    assert objects(repo) == [] or all(store_of(repo).verify(each) for each in objects(repo))
