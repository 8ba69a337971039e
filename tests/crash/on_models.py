"""Scenarios: a model is registered, here and at a Git remote, and put into a stage."""

from __future__ import annotations

from tests.crash.on_sharing import SERVER, serve, unlock
from tests.crash.scenario import Changes, Scenario, with_two
from tests.support.clones import assert_whole, refs_of
from tests.support.workspace import Workspace

_TAGS = "refs/tags/"
_HERE: Changes = (("refs", f"{_TAGS}clf*"), ("refs", f"{_TAGS}clf*.lock"))
_THERE: Changes = (
    ("git", "team.git/objects/*"),
    ("git", f"team.git/{_TAGS}*"),
    *(("git", f"team.git/packed-refs.{rest}") for rest in ("lock", "new")),
)


def _with_a_version(repo: Workspace) -> None:
    with_two(repo)
    repo.allow("refs", f"{_TAGS}clf*")
    serve(repo)
    repo.gitexp("model", "register", "-q", "one:train.py", "clf", "--push")


def _with_a_server(repo: Workspace) -> None:
    with_two(repo)
    serve(repo)


def _registered(repo: Workspace) -> None:
    assert sorted(refs_of(repo.path, _TAGS)) == ["clf@v0.0.1"]


def _promoted(repo: Workspace) -> None:
    here, there = refs_of(repo.path, _TAGS), refs_of(repo.path / SERVER, _TAGS)
    assert sorted(here) == ["clf#prod#1", "clf@v0.0.1"]
    assert here == there
    assert_whole(repo.path / SERVER)


def _pushed(repo: Workspace) -> None:
    _registered(repo)
    assert refs_of(repo.path, _TAGS) == refs_of(repo.path / SERVER, _TAGS)
    assert_whole(repo.path / SERVER)


SCENARIOS = (
    Scenario(
        "model register",
        ("model", "register", "one:train.py", "clf"),
        with_two,
        _HERE,
        refused=("version-exists",),
        holds=_registered,
        same=False,
    ),
    Scenario(
        "model register, pushed",
        ("model", "register", "one:train.py", "clf", "--push"),
        _with_a_server,
        (*_HERE, *_THERE),
        refused=("version-exists",),
        holds=_pushed,
        same=False,
        meanwhile=unlock,
    ),
    Scenario(
        "model promote, pushed",
        ("model", "promote", "clf@v0.0.1", "prod", "--push"),
        _with_a_version,
        (*_HERE, *_THERE),
        refused=("version-exists",),
        holds=_promoted,
        same=False,
        meanwhile=unlock,
    ),
)
