"""Scenarios: experiments go to another repository, and come from there.

The other one stands in `.git`, so that it is copied with this one, and is struck as well: Git's own
processes write there while this one pushes.
"""

from __future__ import annotations

import shutil

from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from tests.crash.on_data import hashes, on_both_sides, stores, with_a_remote, with_data_added
from tests.crash.scenario import Changes, Scenario, make_folders, names, one, with_two
from tests.support.clones import assert_whole, refs_of
from tests.support.workspace import Workspace

SERVER = ".git/team.git"
OTHER = ".git/other"  # of somebody else on this machine, with a workspace

_LEFT = ("lock", "new")  # by a Git that was killed
_EXPERIMENTS = "refs/gitexp/exps/"
_THERE: Changes = (
    ("git", "team.git/objects/*"),
    ("git", f"team.git/{_EXPERIMENTS}*"),
    ("git", "team.git/refs/gitexp/*"),
    *(("git", f"team.git/packed-refs.{rest}") for rest in _LEFT),
)


def _with_a_server(repo: Workspace) -> None:
    with_two(repo)
    serve(repo)


def serve(repo: Workspace) -> None:
    """Make an empty bare repository inside, the remote origin."""
    repo.git("init", "--quiet", "--bare", SERVER)
    with repo.by_user():
        make_folders(repo.path / SERVER / "objects")
    repo.git("remote", "add", "origin", SERVER)


def _with_data_to_push(repo: Workspace) -> None:
    """One experiment that refers to data, which has to go first, and one that is there already."""
    with_a_remote(repo)
    with_two(repo)
    serve(repo)
    repo.git("push", "--quiet", "origin", f"{_EXPERIMENTS}two")
    repo.gitexp("tag", "-q", "two", "mine")


def _pushed(repo: Workspace) -> None:
    there = refs_of(repo.path / SERVER)
    assert there == refs_of(repo.path)
    assert sorted(there) == ["one", "two"]
    on_both_sides(repo)
    rows = {row["name"]: row["pushed"] for row in repo.json("show", "--all") if row["kind"] == "experiment"}
    assert rows == {"one": ["origin"], "two": ["origin"]}


def unlock(repo: Workspace) -> None:
    """As whoever keeps a server does where a Git has died over a ref: nobody else can know that it has."""
    for ending in _LEFT:
        for file in (repo.path / SERVER).rglob(f"*.{ending}"):
            file.unlink()


def _with_some_to_pull(repo: Workspace) -> None:
    """One is new here, the other one was changed on both sides; what was changed there is not here."""
    _with_a_server(repo)
    tip = repo.git("rev-parse", f"{_EXPERIMENTS}two")
    repo.gitexp("tag", "-q", "two", "theirs")
    repo.git("push", "--quiet", "origin", f"{_EXPERIMENTS}*:{_EXPERIMENTS}*")
    _forget(repo)
    repo.git("fetch", "--quiet", "--no-write-fetch-head", "origin", f"{_EXPERIMENTS}two")
    repo.git("update-ref", f"{_EXPERIMENTS}two", tip)
    repo.gitexp("tag", "-q", "two", "mine")
    _prune(repo)


def _forget(repo: Workspace) -> None:
    """Have nothing of any experiment here."""
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/gitexp").splitlines():
        repo.git("update-ref", "-d", ref)
    _prune(repo)


def _prune(repo: Workspace) -> None:
    repo.git("prune", "--expire=now")
    make_folders(repo.path / ".git" / "objects")


def _pulled(repo: Workspace) -> None:
    assert names(repo) == (["one", "two"], [])
    assert set(one(repo, "two").record.tags) == {"mine", "theirs"}
    assert refs_of(repo.path)["one"] == refs_of(repo.path / SERVER)["one"]
    assert_whole(repo.path / SERVER)


def _with_another_repository(repo: Workspace) -> None:
    """It has two experiments, and the data that they refer to; here is nothing of all that."""
    with_data_added(repo)
    with_two(repo)
    aside = repo.path.with_name("aside")
    shutil.copytree(repo.path, aside, symlinks=True)
    with repo.by_user():
        shutil.move(aside, repo.path / OTHER)
    _forget(repo)
    shutil.rmtree(Project.open(repo.path).local.objects)
    repo.guard.retake()


def _imported(repo: Workspace) -> None:
    other = repo.path / OTHER
    assert refs_of(repo.path) == {"one": refs_of(other)["one"]}
    here, _ = stores(repo)
    assert hashes(here) == hashes(ObjectStore(other / ".git" / "gitexp" / "objects"))
    assert all(map(here.verify, hashes(here)))
    assert_whole(other)


def _with_one_there_alone(repo: Workspace) -> None:
    """One that is to go there is nowhere else."""
    _with_a_server(repo)
    repo.git("push", "--quiet", "origin", f"{_EXPERIMENTS}*:{_EXPERIMENTS}*")
    _forget(repo)


def _removed_there(repo: Workspace) -> None:
    """It is in the trash, or still where it was fetched to."""
    assert list(refs_of(repo.path / SERVER)) == ["two"]
    assert names(repo) == ([], ["one"]) or list(refs_of(repo.path, "refs/gitexp/remotes/origin/")) == ["one"]
    assert_whole(repo.path / SERVER)


SCENARIOS = (
    Scenario(
        "push",
        ("push",),
        _with_data_to_push,
        (*_THERE, ("files", "remote.bin/*")),
        holds=_pushed,
        reports=True,
        meanwhile=unlock,
    ),
    Scenario("pull", ("pull",), _with_some_to_pull, holds=_pulled, reports=True),
    Scenario("import", ("import", OTHER, "one"), _with_another_repository, holds=_imported),
    Scenario(
        "remove --remote",
        ("remove", "--remote", "origin", "-y", "one"),
        _with_one_there_alone,
        _THERE,
        ("unknown-experiment",),
        holds=_removed_there,
        reports=True,
        meanwhile=unlock,
    ),
)
