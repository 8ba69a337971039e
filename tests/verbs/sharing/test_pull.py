"""`gitexp pull`: what arrives, what becomes of edits on both sides, and what is not let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.history import edit
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.repo import operations, records
from gitexp.repo.git import transport_failures
from gitexp.sharing import elsewhere
from gitexp.sharing import pull as ops
from gitexp.sharing.import_ import import_experiment
from tests.support.clones import Team, assert_whole, clone, experiment, make_team, outcomes, refs_of
from tests.support.experiments import put
from tests.support.hostile import Lair
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    yield team
    team.bob.close()


@pytest.fixture
def shared(team: Team) -> Team:
    """With an experiment `one` that both have."""
    put(team.ann, "one", tags=("old", "older"), note="first")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("pull", "-q")
    return team


# -- what arrives -------------------------------------------------------------------------------------


def test_new_ones_appear(team: Team) -> None:
    put(team.ann, "one", run_files={"output.log": b"hello\n"})
    put(team.ann, "two", baseline="HEAD~1")
    team.ann.gitexp("push", "-q", "--all")
    answer = team.bob.json("pull", "-A")
    assert answer["remote"] == "origin"
    assert outcomes(answer) == {"one": "new", "two": "new"}
    assert refs_of(team.bob.path) == refs_of(team.ann.path) == team.there()
    assert team.bob.gitexp("log", "one").stdout == "hello\n"
    assert outcomes(team.bob.json("pull")) == {"one": "up-to-date", "two": "up-to-date"}
    assert {row["name"]: row["pushed"] for row in team.bob.json("show")}["one"] == ["origin"]
    assert_whole(team.bob.path)


def test_words(team: Team) -> None:
    assert team.bob.gitexp("pull").stderr == "There are no experiments at origin.\n"
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    assert team.bob.gitexp("pull").stderr == "Pulled one.\n"
    assert team.bob.gitexp("pull").stderr == "Up to date: one.\n"
    team.ann.gitexp("tag", "-q", "one", "best")
    team.ann.gitexp("push", "-q")
    assert team.bob.gitexp("pull").stderr == "Pulled what is new of one.\n"


def test_more_than_fit_on_a_command_line(team: Team, tmp_path: Path) -> None:
    lair = hostile(team, tmp_path)
    for number in range(300):
        lair.record(f"exp-{number}", note=str(number))
    told = outcomes(team.bob.json("pull", "--remote", "them"))
    assert set(told.values()) == {"new"}
    assert refs_of(team.bob.path) == refs_of(lair.path)
    assert len(told) == 300


def test_by_name(team: Team) -> None:
    for name in ("one", "other", "two"):
        put(team.ann, name)
    team.ann.gitexp("push", "-q")
    assert outcomes(team.bob.json("pull", "tw", "one")) == {"one": "new", "two": "new"}
    assert refs_of(team.bob.path).keys() == {"one", "two"}
    error = team.bob.json("pull", "thr", check=False)["error"]
    assert (error["code"], error["message"]) == (
        "unknown-experiment",
        "There is no experiment 'thr' at origin.",
    )
    error = team.bob.json("pull", "o", check=False)["error"]
    assert error["code"] == "ambiguous-experiment"
    assert team.bob.json("pull", "one", "--all", check=False)["error"]["code"] == "usage"


def test_by_pattern_wherever_another_repository_is_named(team: Team) -> None:
    for name in ("lr-1", "lr-2", "other"):
        put(team.ann, name)
    team.ann.gitexp("push", "-q")
    bob = Project.open(team.bob.path)
    pulled = ops.pull(bob, ops.PullRequest(["LR-*"]))
    assert [one.there for one in pulled.experiments] == ["lr-1", "lr-2"]
    with pytest.raises(errors.ExperimentError, match=r"called like 'x\*'"):
        ops.pull(bob, ops.PullRequest(["x*"]))
    assert import_experiment(bob, str(team.bare), "oth*").experiment.name == "other"
    with pytest.raises(errors.ExperimentError, match="any of 2 experiments"):
        import_experiment(bob, str(team.bare), "lr*")
    elsewhere.remove(bob, elsewhere.select(bob, "origin", ["lr-*"]))
    assert team.there().keys() == {"other"}


def test_what_is_removed_here_stays_so_unless_it_is_asked_for(shared: Team) -> None:
    shared.bob.gitexp("remove", "-y", "-q", "one")
    answer = shared.bob.json("pull")
    assert outcomes(answer) == {"one": "left"}
    assert refs_of(shared.bob.path) == {}
    assert "gitexp pull one" in answer["experiments"][0]["hint"]
    assert outcomes(shared.bob.json("pull", "--removed")) == {"one": "new"}
    shared.bob.gitexp("remove", "-y", "-q", "one")
    assert outcomes(shared.bob.json("pull", "one")) == {"one": "new"}


def test_what_is_called_otherwise_here_is_found_again(shared: Team) -> None:
    shared.bob.gitexp("rename", "-q", "one", "best")
    shared.ann.gitexp("tag", "-q", "one", "new")
    shared.ann.gitexp("push", "-q")
    (told,) = shared.bob.json("pull")["experiments"]
    assert (told["name"], told["here"], told["outcome"]) == ("one", "best", "united")
    assert set(experiment(shared.bob, "best").record.tags) == {"old", "older", "new"}
    assert refs_of(shared.bob.path).keys() == {"best"}


def test_undo(team: Team) -> None:
    put(team.bob, "mine")
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("pull", "-q")
    assert team.bob.gitexp("undo").stderr.startswith("Taken back: pull origin.")
    assert refs_of(team.bob.path).keys() == {"mine"}
    team.bob.gitexp("pull", "-q")
    assert refs_of(team.bob.path).keys() == {"mine", "one"}


# -- edits on both sides ------------------------------------------------------------------------------


def test_tags_and_notes_are_united(shared: Team) -> None:
    shared.ann.gitexp("tag", "-q", "one", "anns", "-d", "old")
    shared.ann.gitexp("push", "-q")
    shared.bob.gitexp("tag", "-q", "one", "bobs", "-d", "older")
    shared.bob.gitexp("note", "-q", "one", "-m", "bob's note")
    assert outcomes(shared.bob.json("pull")) == {"one": "united"}
    record = experiment(shared.bob, "one").record
    assert (set(record.tags), record.note) == ({"anns", "bobs"}, "bob's note")
    # It stands on both, so that it is a fast-forward for either.
    assert outcomes(shared.bob.json("push")) == {"one": "updated"}
    assert outcomes(shared.ann.json("pull")) == {"one": "updated"}
    assert experiment(shared.ann, "one").record == record
    assert outcomes(shared.bob.json("pull")) == {"one": "up-to-date"}
    assert_whole(shared.ann.path, shared.bob.path, shared.bare)


def at(shared: Workspace, when: str, *args: str) -> None:
    shared.gitexp(*args, env={"GIT_COMMITTER_DATE": when})


@pytest.mark.parametrize("anns_is_newer", [True, False])
def test_of_two_notes_the_newer_one_holds(shared: Team, anns_is_newer: bool) -> None:
    days = ["2024-03-01T00:00:00Z", "2024-02-01T00:00:00Z"]
    anns, bobs = days if anns_is_newer else days[::-1]
    at(shared.ann, anns, "note", "-q", "one", "-m", "ann's")
    # A tag that is given later makes no note newer.
    at(shared.ann, "2024-09-01T00:00:00Z", "tag", "-q", "one", "x")
    shared.ann.gitexp("push", "-q")
    at(shared.bob, bobs, "note", "-q", "one", "-m", "bob's")
    told = shared.bob.gitexp("pull").stderr
    newer, older = ("ann's", "bob's") if anns_is_newer else ("bob's", "ann's")
    assert experiment(shared.bob, "one").record.note == newer
    assert f"one: the newer note holds; the older note was: {older}" in told
    assert older in shared.bob.git("log", "--format=%B", "refs/gitexp/exps/one")


def test_a_note_that_goes_because_somebody_else_has_united_is_told(shared: Team) -> None:
    at(shared.ann, "2024-03-01T00:00:00Z", "note", "-q", "one", "-m", "ann's")
    at(shared.bob, "2024-02-01T00:00:00Z", "note", "-q", "one", "-m", "bob's")
    shared.bob.gitexp("push", "-q")
    shared.ann.gitexp("pull", "-q")
    shared.ann.gitexp("push", "-q")
    told = shared.bob.gitexp("pull").stderr
    assert "one: the newer note holds; the note here was: bob's\n" in told
    assert experiment(shared.bob, "one").record.note == "ann's"
    assert "note here" not in shared.bob.gitexp("pull").stderr


def test_both_sides_come_to_the_same(shared: Team) -> None:
    """Also where each unites for itself, and with notes of the same second."""
    shared.bob.git("remote", "add", "ann", str(shared.ann.path))
    shared.ann.git("remote", "add", "bob", str(shared.bob.path))
    shared.ann.gitexp("note", "-q", "one", "-m", "ann's")
    shared.ann.gitexp("tag", "-q", "one", "anns")
    shared.bob.gitexp("note", "-q", "one", "-m", "bob's")
    anns, bobs = (refs_of(each.path)["one"] for each in (shared.ann, shared.bob))
    shared.ann.gitexp("pull", "-q", "--remote", "bob")
    united = refs_of(shared.ann.path)["one"]
    shared.ann.git("update-ref", "refs/gitexp/exps/one", anns, united)
    shared.bob.gitexp("pull", "-q", "--remote", "ann")
    shared.ann.git("update-ref", "refs/gitexp/exps/one", united, anns)
    here, there = (experiment(each, "one").record for each in (shared.ann, shared.bob))
    assert (here.note, set(here.tags)) == (there.note, set(there.tags)) == ("bob's", {*here.tags})
    assert refs_of(shared.bob.path)["one"] not in (united, bobs)
    shared.ann.gitexp("pull", "-q", "--remote", "bob")
    assert outcomes(shared.bob.json("pull", "--remote", "ann")) == {"one": "updated"}
    assert experiment(shared.bob, "one").record.note == "bob's"


def test_what_is_newer_here_stays(shared: Team) -> None:
    shared.bob.gitexp("tag", "-q", "one", "new")
    before = refs_of(shared.bob.path)
    assert outcomes(shared.bob.json("pull")) == {"one": "up-to-date"}
    assert refs_of(shared.bob.path) == before


def test_what_a_later_version_adds_is_kept(shared: Team) -> None:
    project = Project.open(shared.bob.path)
    one = project.store.require("one")
    text = records.encode(one.record, "one").replace('"format":1,', '"format":1,"later":[1],')
    tree = project.repo.resolve(one.id, "tree")
    assert tree is not None
    new = project.repo.write_commit(tree, [one.id], text)
    shared.bob.git("update-ref", "refs/gitexp/exps/one", new)
    shared.ann.gitexp("tag", "-q", "one", "anns")
    shared.ann.gitexp("push", "-q")
    shared.bob.gitexp("pull", "-q")
    assert experiment(shared.bob, "one").record.extra == {"later": [1]}


def test_one_that_stands_there_under_two_names(shared: Team) -> None:
    """Both edits arrive, one at a time, and it stays one experiment here."""
    shared.ann.gitexp("rename", "-q", "one", "best")
    shared.ann.gitexp("tag", "-q", "best", "x")
    shared.ann.gitexp("push", "-q")
    at_first = refs_of(shared.bare)["one"]
    shared.ann.git("update-ref", "refs/gitexp/exps/one", at_first)
    shared.ann.gitexp("tag", "-q", "one", "y")
    shared.ann.gitexp("push", "-q", "one")
    assert sorted(outcomes(shared.bob.json("pull")).values()) == ["left", "updated"]
    shared.bob.gitexp("pull", "-q")
    assert {"x", "y"} <= set(experiment(shared.bob, "one").record.tags)
    assert refs_of(shared.bob.path).keys() == {"one"}


# -- names that are taken -----------------------------------------------------------------------------


def test_another_one_of_the_name_is_kept_beside_it(team: Team) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    put(team.bob, "one", baseline="HEAD~1")
    mine = refs_of(team.bob.path)["one"]
    done = team.bob.gitexp("pull")
    assert done.stderr == "one of origin is one-2 here: one is another experiment here.\n"
    assert refs_of(team.bob.path) == {"one": mine, "one-2": team.there()["one"]}
    # Found again, and edited there: no one-3.
    assert outcomes(team.bob.json("pull")) == {"one": "up-to-date"}
    team.ann.gitexp("tag", "-q", "one", "best")
    team.ann.gitexp("push", "-q")
    assert outcomes(team.bob.json("pull")) == {"one": "updated"}
    assert refs_of(team.bob.path).keys() == {"one", "one-2"}
    assert experiment(team.bob, "one-2").record.tags == ("best",)
    # It is there already, under its own name: it does not go there a second time.
    assert outcomes(team.bob.json("push")) == {"one": "up-to-date"}
    assert team.there().keys() == {"one"}


@pytest.mark.parametrize("which", [(), ("--all",)], ids=["mine stays here", "mine is pushed too"])
def test_an_edit_of_one_under_another_name_goes_to_the_ref_that_it_came_from(
    team: Team, which: tuple[str, ...]
) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    put(team.bob, "one", baseline="HEAD~1")
    team.bob.gitexp("pull", "-q")
    team.bob.gitexp("note", "-q", "one-2", "-m", "from bob")
    done = team.bob.gitexp("push", *which, check=False)
    assert ("one was refused: another experiment is called so there" in done.stderr) == bool(which)
    assert team.there() == {"one": refs_of(team.bob.path)["one-2"]}
    assert outcomes(team.ann.json("pull")) == {"one": "updated"}
    assert experiment(team.ann, "one").record.note == "from bob"
    assert refs_of(team.ann.path).keys() == {"one"}
    # What is edited at both ends is refused under the name there, and united by a pull of it.
    team.ann.gitexp("tag", "-q", "one", "best")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("tag", "-q", "one-2", "worst")
    told = team.bob.gitexp("push", check=False)
    assert "Unite both: gitexp pull one; " in told.stderr
    team.bob.gitexp("pull", "-q", "one")
    team.bob.gitexp("push", check=False)
    assert team.there() == {"one": refs_of(team.bob.path)["one-2"]}
    assert set(experiment(team.bob, "one-2").record.tags) == {"best", "worst"}


def test_names_that_differ_in_case_alone(team: Team) -> None:
    put(team.ann, "One")
    put(team.ann, "one-2")
    team.ann.gitexp("push", "-q")
    put(team.bob, "one", baseline="HEAD~1")
    answer = team.bob.json("pull")
    assert {one["name"]: one["here"] for one in answer["experiments"]} == {"One": "One-3", "one-2": "one-2"}


# -- whatever is configured ---------------------------------------------------------------------------


def test_no_setting_makes_a_pull_overwrite_or_delete(shared: Team) -> None:
    put(shared.bob, "mine")
    shared.bob.gitexp("tag", "-q", "one", "--add", "mine")
    before = refs_of(shared.bob.path)
    put(shared.ann, "two")
    shared.ann.git("tag", "v1")
    shared.ann.git("push", "-q", "origin", "v1")
    shared.ann.gitexp("push", "-q")
    for key, value in {
        "fetch.prune": "true",
        "fetch.pruneTags": "true",
        "remote.origin.prune": "true",
        "remote.origin.tagOpt": "--tags",
        "remote.origin.mirror": "true",
        "fetch.recurseSubmodules": "true",
        "fetch.fsckObjects": "false",
    }.items():
        shared.bob.git("config", key, value)
    shared.bob.git("config", "--replace-all", "remote.origin.fetch", "+refs/*:refs/*")
    shared.bob.gitexp("pull", "-q")
    after = refs_of(shared.bob.path)
    assert after == {**before, "two": shared.there()["two"]}
    assert refs_of(shared.bob.path, "refs/tags/") == {}
    assert not (shared.bob.path / ".git" / "FETCH_HEAD").exists()


def test_what_is_removed_there_stays_here(shared: Team) -> None:
    before = refs_of(shared.bob.path)
    shared.ann.gitexp("remove", "-y", "-q", "--remote", "origin", "one")
    assert shared.bob.json("pull")["experiments"] == []
    assert refs_of(shared.bob.path) == before
    assert {row["name"]: row["pushed"] for row in shared.bob.json("show")}["one"] == []


def test_insteadof_and_worktrees(shared: Team, tmp_path: Path) -> None:
    put(shared.ann, "two")
    shared.ann.gitexp("push", "-q")
    shared.bob.git("remote", "set-url", "origin", "team:x.git")
    shared.bob.git("config", f"url.{shared.bare}.insteadOf", "team:x.git")
    shared.bob.git("worktree", "add", "-q", "--detach", str(tmp_path / "beside"))
    beside = Workspace(tmp_path / "beside")
    assert outcomes(beside.json("pull")) == {"one": "up-to-date", "two": "new"}
    beside.close()


def test_a_partial_clone(team: Team, tmp_path: Path) -> None:
    put(team.ann, "one", run_files={"output.log": b"hello\n"})
    team.ann.gitexp("push", "-q")
    for key in ("allowFilter", "allowAnySHA1InWant"):
        team.ann.git("-C", str(team.bare), "config", f"uploadpack.{key}", "true")
    partial = clone(
        team.bare, tmp_path / "partial", f"file://{team.bare}", "--filter=blob:none", "--no-local"
    )
    assert outcomes(partial.json("pull")) == {"one": "new"}
    assert refs_of(partial.path) == team.there()
    partial.close()


def test_what_a_shallow_clone_has_only_half(team: Team, tmp_path: Path) -> None:
    shallow = clone(team.bare, tmp_path / "shallow", team.url, "--depth=1", "--no-local")
    put(shallow, "half")
    put(shallow, "whole", baseline=shallow.git("commit-tree", "HEAD^{tree}", "-m", "a first commit"))
    team.ann.git("init", "-q", str(tmp_path / "empty"))
    other = Workspace(tmp_path / "empty")
    other.git("remote", "add", "origin", str(shallow.path))
    assert outcomes(other.json("pull", check=False)) == {"half": "refused", "whole": "new"}
    assert_whole(other.path)
    other.close()
    shallow.close()


# -- what is not let in -------------------------------------------------------------------------------


def hostile(team: Team, tmp_path: Path) -> Lair:
    """A repository of somebody else's, which Bob has as a remote `them`."""
    team.bob.git("clone", "-q", str(team.bare), str(tmp_path / "them"))
    lair = Lair(Workspace(tmp_path / "them"), tmp_path)
    team.bob.git("remote", "add", "them", str(lair.path))
    return lair


def test_records_that_cannot_be_are_refused(shared: Team, tmp_path: Path) -> None:
    lair = hostile(shared, tmp_path)
    here = shared.bob.git("rev-parse", "HEAD~1")
    lair.record("damaged", "{}")
    lair.record("later", '{"format": 99}')
    lair.record("going-on", status="running")
    lair.record("way-out", params={"../../etc/passwd": {}})
    lair.record("loose", commit=lair.commit(lair.head_tree, b"elsewhere\n"))
    lair.record("nowhere", commit="1" * 40)
    lair.record("steals", commit=here, tags=["x"])
    lair.record("good")
    lair.ref("refs/gitexp/exps/no-record", lair.head)
    lair.ref("refs/gitexp/exps/head", refs_of(lair.path)["good"])
    lair.ref("refs/gitexp/exps/a/b", refs_of(lair.path)["good"])
    before = refs_of(shared.bob.path)
    answer = shared.bob.json("pull", "--remote", "them", check=False)
    told = outcomes(answer)
    assert told.pop("good") == "new"
    assert set(told.values()) == {"refused"}
    assert len(told) == 10
    assert all(one["reason"] for one in answer["experiments"] if one["outcome"] == "refused")
    assert refs_of(shared.bob.path) == {**before, "good": refs_of(lair.path)["good"]}
    assert not lair.bites()


LEADS_OUT = (
    ".git",
    "..",
    ".",
    ".GIT",
    "git~1",
    ".g\u200cit",
    ".git ",
    ".git.",
    ".git::$INDEX_ALLOCATION",
    ".\\.git",
)


@pytest.mark.parametrize("name", LEADS_OUT)
def test_trees_that_lead_out_are_refused_by_git(team: Team, tmp_path: Path, name: str) -> None:
    lair = hostile(team, tmp_path)
    below = lair.tree(("100644", "config", lair.blob(b"[core]\nfsmonitor=evil\n")))
    lair.record("one", tree=lair.tree(("40000", name, below)))
    done = team.bob.gitexp("pull", "--remote", "them", check=False)
    assert done.exit_code == 1
    assert "one was refused: them has an object that Git refuses: " in done.stderr
    assert refs_of(team.bob.path, "refs/gitexp/") == {}
    assert_whole(team.bob.path)
    assert team.bob.json("import", str(lair.path), "one", check=False)["error"]["code"] == "bad-transfer"
    assert refs_of(team.bob.path, "refs/gitexp/") == {}


def test_a_repository_that_is_damaged(team: Team, tmp_path: Path) -> None:
    lair = hostile(team, tmp_path)
    lair.record("one", tree=lair.tree(("40000", "", lair.head_tree)))
    lair.record("two", tree=lair.tree(("100644", "gone", "1" * 40)))
    lair.record("good")
    answer = team.bob.json("pull", "--remote", "them", check=False)
    assert outcomes(answer) == {"good": "new", "one": "refused", "two": "refused"}
    assert all("damaged" in one["reason"] for one in answer["experiments"] if one["outcome"] == "refused")


def test_hostile_experiments_do_not_keep_the_others_back(team: Team, tmp_path: Path) -> None:
    lair = hostile(team, tmp_path)
    dots = lair.tree(("40000", "..", lair.head_tree))
    bad = {"bad-3", "bad-17", "bad-18"}
    for number in range(20):
        name = f"bad-{number}"
        lair.record(name if name in bad else f"good-{number}", tree=dots if name in bad else "")
    pulled = ops.pull(Project.open(team.bob.path), ops.PullRequest(source="them"))
    told = {one.there: one.fate for one in pulled.experiments}
    assert {name for name, fate in told.items() if fate == "refused"} == bad
    assert refs_of(team.bob.path).keys() == told.keys() - bad
    assert refs_of(team.bob.path, "refs/gitexp/remotes/them/").keys() == told.keys() - bad
    again = ops.pull(Project.open(team.bob.path), ops.PullRequest(source="them"))
    assert {one.there for one in again.experiments if one.fate == "refused"} == bad
    assert_whole(team.bob.path)


def test_where_all_is_hostile_it_is_given_up(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lair = hostile(team, tmp_path)
    for number in range(8):
        lair.record(f"bad-{number}", tree=lair.tree(("40000", "..", lair.head_tree)))
    monkeypatch.setattr("gitexp.repo.git_remote._MOST_FAILURES", 5)
    pulled = ops.pull(Project.open(team.bob.path), ops.PullRequest(source="them"))
    assert {one.fate for one in pulled.experiments} == {"refused"}
    assert len({one.reason for one in pulled.experiments}) == 2


def test_nothing_runs_that_a_repository_brings(team: Team, tmp_path: Path) -> None:
    """Hooks of ours but pre-push stay off; those of the other side are its own business."""
    lair = hostile(team, tmp_path)
    lair.record("one")
    with team.bob.by_user():
        hooks = team.bob.path / ".git" / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-merge", "post-checkout", "pre-auto-gc", "pre-push"):
            (hooks / name).write_bytes(lair.bite.read_bytes())
            (hooks / name).chmod(0o755)
    team.bob.gitexp("pull", "-q", "--remote", "them")
    assert not lair.bites()
    for command in (("show",), ("list", "-A"), ("tag", "one", "x")):
        team.bob.gitexp(*command)
    assert not lair.bites()


def test_a_ref_that_is_broken_here(shared: Team) -> None:
    put(shared.ann, "two")
    shared.ann.gitexp("push", "-q")
    with shared.bob.by_user():
        (shared.bob.path / ".git" / "refs" / "gitexp" / "exps" / "broken").write_text("1" * 40 + "\n")
    error = shared.bob.json("pull", check=False)["error"]
    assert (error["code"], error["hint"]) == ("git-failed", "gitexp doctor says what can be done.")
    assert "refs/gitexp/exps/broken" in error["message"]


def test_names_on_the_screen(team: Team, tmp_path: Path) -> None:
    lair = hostile(team, tmp_path)
    lair.record("one")
    lair.ref("refs/gitexp/exps/\u202eevil", refs_of(lair.path)["one"])
    done = team.bob.gitexp("pull", "--remote", "them", check=False)
    assert done.exit_code == 1
    assert "\u202e" not in done.stderr
    assert "\\u202eevil was refused" in done.stderr


def test_a_disk_that_is_full_here_is_no_cut_connection() -> None:
    full = "fatal: write error: No space left on device\n"
    here = f"remote: Enumerating objects: 3, done.\n{full}fatal: index-pack failed\n"
    assert isinstance(transport_failures.failure("fetch", "origin", 128, here), errors.DiskFull)
    there = f"remote: {full}fatal: the remote end hung up unexpectedly\n"
    assert isinstance(transport_failures.failure("push", "origin", 128, there), errors.SharingError)


def test_an_edit_beside_a_pull_is_not_lost(shared: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    shared.ann.gitexp("tag", "-q", "one", "anns")
    shared.ann.gitexp("push", "-q")
    project = Project.open(shared.bob.path)
    carry_out = operations.carry_out
    raced: list[object] = []

    def race(*args: Any) -> object:
        if not raced:
            raced.append("begun")
            raced.append(edit.tag(Project.open(shared.bob.path), "one", ["raced"]))
        return carry_out(*args)

    monkeypatch.setattr(operations, "carry_out", race)
    ops.pull(project, ops.PullRequest())
    assert len(raced) == 2
    assert {"anns", "raced"} <= set(experiment(shared.bob, "one").record.tags)


def test_an_interrupted_run_can_be_shared(team: Team) -> None:
    put(team.ann, "one", status=Status.INTERRUPTED)
    team.ann.gitexp("push", "-q", "one")
    assert outcomes(team.bob.json("pull")) == {"one": "new"}


# -- forged edits of experiments that are known here --------------------------------------------------

FORGED: dict[str, dict[str, Any]] = {
    "command": {"command": "echo evil", "argv": ("echo", "evil")},
    "metrics": {"metrics": {"m.json": {"acc": 0.99}}},
    "params": {"params": {"params.yaml": {"lr": 1.0}}},
    "status": {"status": Status.FAILED},
    "baseline": {"baseline": "1" * 40},
    "exit_code": {"exit_code": True},
    "extra": {"extra": {"later": 1}},
}


def forge(team: Team, *parents: str, tree: str = "", **fields: Any) -> None:
    """Puts an edit of `one` on the server that no command of gitexp would make."""
    one = experiment(team.ann, "one")
    record = replace(one.record, **fields)
    args = [word for parent in parents or (one.id,) for word in ("-p", parent)]
    message = records.encode(record, "one")
    tree = tree or team.ann.git("rev-parse", f"{one.id}^{{tree}}")
    oid = team.ann.git("commit-tree", tree, *args, "-m", message)
    team.ann.git("push", "-q", "-f", "origin", f"{oid}:refs/gitexp/exps/one")


def refuses(team: Team, *args: str) -> str:
    """The reason why `one` is refused; all that Bob has is as it was."""
    before = refs_of(team.bob.path)
    done = team.bob.json("pull", *args, check=False)
    assert outcomes(done) == {"one": "refused"}
    assert refs_of(team.bob.path) == before
    return str(done["experiments"][0]["reason"])


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_edit_is_refused(shared: Team, what: str) -> None:
    forge(shared, **FORGED[what], note="look")
    assert what in refuses(shared)
    assert experiment(shared.bob, "one").record.note == "first"


def test_a_forged_edit_on_a_line_that_has_parted_is_refused(shared: Team) -> None:
    shared.bob.gitexp("tag", "-q", "one", "--add", "mine")
    forge(shared, **FORGED["metrics"])
    assert "metrics" in refuses(shared)


def test_a_forged_edit_on_no_common_record_is_refused(shared: Team) -> None:
    forge(shared, experiment(shared.ann, "one").record.commit, **FORGED["command"])
    assert "command" in refuses(shared)


def test_a_forged_edit_of_what_is_called_otherwise_here_is_refused(shared: Team) -> None:
    shared.bob.gitexp("rename", "-q", "one", "best")
    forge(shared, **FORGED["command"])
    assert "command" in refuses(shared)


def test_a_forged_log_is_refused(shared: Team) -> None:
    blob = shared.ann.git("hash-object", "-w", "--stdin", input=b"evil\n")
    tree = shared.ann.git("rev-parse", "HEAD^{tree}")
    listed = shared.ann.git("ls-tree", tree) + f"\n100644 blob {blob}\tzz\n"
    forge(shared, tree=shared.ann.git("mktree", input=listed.encode()))
    assert "files" in refuses(shared)


@pytest.mark.parametrize("args", [("--removed",), ("one",)])
def test_a_forged_edit_of_what_is_removed_here_is_refused(shared: Team, args: tuple[str, ...]) -> None:
    shared.bob.gitexp("remove", "-y", "-q", "one")
    forge(shared, **FORGED["metrics"])
    assert "metrics" in refuses(shared, *args)


def test_a_forged_edit_is_not_imported(shared: Team) -> None:
    forge(shared, **FORGED["command"])
    before = refs_of(shared.bob.path)
    error = shared.bob.json("import", str(shared.bare), "one", check=False)["error"]
    assert error["code"] == "bad-record"
    assert "command" in error["message"]
    assert refs_of(shared.bob.path) == before


def test_a_baseline_that_the_commit_does_not_stand_on_is_refused(team: Team, tmp_path: Path) -> None:
    lair = hostile(team, tmp_path)
    lair.record("one", baseline=team.bob.git("rev-parse", "HEAD~1"))
    assert "baseline" in refuses(team, "-A", "--remote", "them")
