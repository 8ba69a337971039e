"""MLflow's experiments and registered models of two clones: what push and pull make of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp.extras.integrations.mlflow.shelf import Shelf, Things, read_things
from gitexp.extras.integrations.mlflow.shelf_union import unite
from gitexp.project.project import Project
from tests.support.clones import Team, assert_whole, make_team
from tests.support.workspace import Workspace

REF = "refs/gitexp/mlflow"
PATH = "registered/iris.json"


def version(made: int, run: str, **more: Any) -> dict[str, Any]:
    return {"created": made, "updated": made, "source": f"runs:/{run}", "run": run, "tags": {}, **more}


def registered(updated: int, versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "iris", "updated": updated, "versions": versions, "aliases": {}, "tags": {}, **more}


def united(base: Things, one: Things, other: Things) -> Things:
    """What both come to; the same whoever unites."""
    found = unite(base, one, other)
    assert unite(base, other, one) == found
    return found.things


def test_a_version_of_each_side_stays_and_takes_its_alias_along() -> None:
    first = version(1, "a")
    ann = registered(5, {"1": first, "2": version(5, "b")}, aliases={"best": "2"})
    bob = registered(4, {"1": first, "2": version(4, "c")}, aliases={"new": "2"})
    found = united({PATH: registered(1, {"1": first})}, {PATH: ann}, {PATH: bob})[PATH]
    assert {number: each["run"] for number, each in found["versions"].items()} == {
        "1": "a",
        "2": "c",
        "3": "b",
    }
    assert found["aliases"] == {"best": "3", "new": "2"}
    more = {**ann, "versions": {"1": first, "2": {**version(5, "b"), "updated": 7, "tags": {"ok": "yes"}}}}
    again = united({PATH: ann}, {PATH: more}, {PATH: found})[PATH]  # Ann went on without that
    assert {number: each["run"] for number, each in again["versions"].items()} == {
        "1": "a",
        "2": "c",
        "3": "b",
    }
    assert (again["aliases"], again["versions"]["3"]["tags"]) == (found["aliases"], {"ok": "yes"})


def test_the_later_one_wins_for_an_alias() -> None:
    versions = {"1": version(1, "a"), "2": version(1, "b")}
    base = registered(1, versions, aliases={"best": "1", "old": "1"}, aliases_set={"best": 1, "old": 1})
    ann = registered(9, versions, aliases={"best": "1", "old": "1"}, aliases_set={"best": 3, "old": 1})
    bob = registered(8, versions, aliases={"best": "2"}, aliases_set={"best": 5, "old": 6})
    found = united({PATH: base}, {PATH: ann}, {PATH: bob})[PATH]
    assert found["aliases"] == {"best": "2"}  # Ann changed something else later; Bob took `old` away
    assert united({}, {PATH: registered(1, versions)}, {PATH: ann})[PATH]["aliases"] == ann["aliases"]


def test_what_one_side_deletes_goes_unless_the_other_has_changed_it() -> None:
    one, two = version(1, "a"), version(2, "b")
    base = registered(2, {"1": one, "2": two}, tags={"kept": "1", "gone": "1"})
    ann = registered(5, {}, tags={"kept": "1"}, description="of Ann")
    bob = registered(4, {"1": one, "2": {**two, "updated": 4, "tags": {"ok": "yes"}}}, tags=base["tags"])
    found = united({PATH: base, "models/m.json": {}}, {PATH: ann}, {PATH: bob, "models/m.json": {}})
    assert list(found) == [PATH]
    assert list(found[PATH]["versions"]) == ["2"]
    assert (found[PATH]["tags"], found[PATH]["description"]) == ({"kept": "1"}, "of Ann")


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    for each in (team.ann, team.bob):
        each.allow("refs", REF)
    yield team
    team.bob.close()


def put(workspace: Workspace, thing: dict[str, Any]) -> None:
    Shelf(Project.open(workspace.path)).change(lambda things: {PATH: thing}, "test")


def things_of(workspace: Workspace) -> Things:
    return Shelf(Project.open(workspace.path)).things()


def test_the_registry_travels_with_push_and_pull(team: Team) -> None:
    first = version(1, "a")
    put(team.ann, registered(1, {"1": first}))
    Shelf(Project.open(team.ann.path)).put_file("m-1/model.pkl", b"model")
    assert "Pushed the registry of mlflow" in team.ann.gitexp("push").stderr
    (pulled,) = team.bob.json("pull")["shared_refs"]
    assert (pulled["name"], pulled["outcome"]) == ("mlflow", "new")
    assert things_of(team.bob) == things_of(team.ann)
    assert team.bob.git("cat-file", "blob", f"{REF}:files/m-1/model.pkl") == "model"

    put(team.ann, registered(5, {"1": first, "2": version(5, "b")}))
    put(team.bob, registered(4, {"1": first, "2": version(4, "c")}))
    team.ann.gitexp("push", "-q")
    refused = team.bob.gitexp("push", check=False)
    assert refused.exit_code == 1
    assert "gitexp pull --remote origin" in refused.stderr
    assert team.bob.json("pull", "--dry-run")["shared_refs"][0]["outcome"] == "united"
    assert len(things_of(team.bob)[PATH]["versions"]) == 2
    told = team.bob.gitexp("pull").stderr
    assert "two versions 2 of iris were made: the later one is version 3 now" in told
    team.bob.gitexp("push", "-q")
    team.ann.gitexp("pull", "-q")
    assert sorted(things_of(team.ann)[PATH]["versions"]) == ["1", "2", "3"]
    assert team.ann.json("push")["shared_refs"][0]["outcome"] == "up-to-date"
    assert_whole(team.ann.path, team.bob.path, team.bare)


def test_nonsense_from_elsewhere_is_no_thing(repo: Workspace) -> None:
    repo.allow("refs", REF)
    shelf = Shelf(Project.open(repo.path))
    wrong = {
        PATH: {"name": "iris", "versions": {"one": {}}},
        "registered/a.json": {"name": "b"},
        "registered/c.json": {"name": "c", "aliases": []},
        "experiments/1.json": {},
    }
    shelf.change(lambda things: {**wrong, "experiments/2.json": {"name": "two"}}, "test")
    project = Project.open(repo.path)
    commit = project.repo.resolve(REF)
    assert commit is not None
    assert read_things(project.repo, commit) == {"experiments/2.json": {"name": "two", "lifecycle": "active"}}
