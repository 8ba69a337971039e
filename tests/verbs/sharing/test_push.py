"""`gitexp push`, `list --remote` and `remove --remote`: what goes where, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.sharing import push as ops
from gitexp.sharing.partner import Contact, Fate
from gitexp.sharing.push import PushRequest, push
from tests.support.clones import Team, assert_whole, clone, make_team, outcomes, refs_of
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Iterator[Team]:
    team = make_team(repo, tmp_path)
    yield team
    team.bob.close()


def refused(team: Team, *args: str) -> dict[str, str]:
    """The reason and the hint of the only one that a push refuses."""
    done = team.ann.gitexp("push", *args, check=False)
    assert done.exit_code == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert_whole(team.ann.path, team.bare)
    return {"told": done.stderr}


# -- which --------------------------------------------------------------------------------------------


def test_what_is_done_on_head_goes(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "failed", status=Status.FAILED)
    put(team.ann, "running", status=Status.RUNNING)
    put(team.ann, "elsewhere", baseline="HEAD~1")
    assert outcomes(team.ann.json("push")) == {"one": "new"}
    assert team.there() == {"one": refs_of(team.ann.path)["one"]}
    assert outcomes(team.ann.json("push")) == {"one": "up-to-date"}
    assert outcomes(team.ann.json("push", "--all")) == {"one": "up-to-date", "elsewhere": "new"}
    assert outcomes(team.ann.json("push", "--filter", "status == 'failed'")) == {"failed": "new"}
    assert_whole(team.bare)


def test_names(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "failed", status=Status.FAILED)
    put(team.ann, "running", status=Status.RUNNING)
    assert outcomes(team.ann.json("push", "fail", "failed")) == {"failed": "new"}
    done = team.ann.json("push", "one", "running", check=False)
    assert done["error"]["code"] == "still-running"
    assert team.there().keys() == {"failed"}
    done = team.ann.json("push", "one", "--all", check=False)
    assert done["error"]["code"] == "usage"


def test_words(team: Team) -> None:
    nothing = team.ann.gitexp("push")
    assert nothing.stderr == "No experiment of HEAD is done. Those of all baselines: gitexp push -A\n"
    assert team.ann.gitexp("push", "-A").stderr == "No experiment is like that.\n"
    put(team.ann, "one")
    assert team.ann.gitexp("push").stderr == "Pushed one to origin.\n"
    assert team.ann.gitexp("push").stderr == "Up to date at origin: one.\n"
    team.ann.gitexp("tag", "-q", "one", "best")
    assert team.ann.gitexp("push").stderr == "Pushed what is new of one to origin.\n"
    team.ann.gitexp("tag", "-q", "one", "other")
    done = team.ann.gitexp("push", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


def test_edits_are_a_fast_forward(team: Team) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    before = team.there()["one"]
    team.ann.gitexp("note", "-q", "one", "-m", "why it matters")
    assert outcomes(team.ann.json("push")) == {"one": "updated"}
    assert team.there()["one"] == refs_of(team.ann.path)["one"] != before


def test_many_go_in_one_push(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_remote, "_MOST_REFSPECS", 3)
    team.reject("cat >> count; echo push >> pushes")
    for number in range(9):
        put(team.ann, f"exp-{number}")
    pushed = ops.push(Project.open(team.ann.path), ops.PushRequest())
    assert {one.fate for one in pushed.experiments} == {Fate.NEW}
    assert team.there() == refs_of(team.ann.path)
    assert (team.bare / "pushes").read_text() == "push\n"
    assert refs_of(team.ann.path, git_remote.OUTGOING) == {}


def test_what_a_killed_push_has_left_goes_nowhere(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_remote, "_MOST_REFSPECS", 1)
    for name in ("one", "two", "old"):
        put(team.ann, name)
    team.ann.git("update-ref", f"{git_remote.OUTGOING}old", "refs/gitexp/exps/old")
    ops.push(Project.open(team.ann.path), ops.PushRequest(names=("one", "two")))
    assert team.there().keys() == {"one", "two"}
    assert refs_of(team.ann.path, git_remote.OUTGOING) == {}


# -- where --------------------------------------------------------------------------------------------


def test_the_remote_is_the_one_that_git_uses(team: Team, tmp_path: Path) -> None:
    put(team.ann, "one")
    team.ann.git("remote", "add", "fork", str(tmp_path / "fork.git"))
    team.ann.git("init", "-q", "--bare", str(tmp_path / "fork.git"))
    assert team.ann.json("push", "--remote", "fork")["remote"] == "fork"
    team.ann.git("config", "branch.main.remote", "fork")
    assert team.ann.json("push")["remote"] == "fork"
    team.ann.git("config", "remote.pushDefault", "origin")
    assert team.ann.json("push")["remote"] == "origin"
    team.ann.git("config", "branch.main.pushRemote", "fork")
    assert team.ann.json("push")["remote"] == "fork"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({}, None),
        ({"remote.a.url": "x"}, "a"),
        ({"remote.a.url": "x", "remote.b.url": "y"}, None),
        ({"remote.a.url": "x", "remote.origin.url": "y"}, "origin"),
        ({"remote.a.url": "x", "remote.b.pushurl": "y", "branch.main.remote": "b"}, "b"),
        ({"remote.a.url": "x", "branch.main.remote": "."}, "a"),
    ],
)
def test_default_remote(configured: dict[str, str], expected: str | None) -> None:
    if expected is None:
        with pytest.raises(errors.SharingError, check=has_code("no-remote")):
            git_remote.default_remote(configured, "refs/heads/main", push=True)
    else:
        assert git_remote.default_remote(configured, "refs/heads/main", push=True) == expected


def test_no_such_remote(team: Team) -> None:
    for args in (("push", "--remote", "orign"), ("pull", "--remote", "orign"), ("list", "--remote", "orign")):
        error = team.ann.json(*args, check=False)["error"]
        assert error["code"] == "no-remote"
        assert "Did you mean origin?" in error["hint"]
    team.ann.git("remote", "remove", "origin")
    error = team.ann.json("push", check=False)["error"]
    assert (error["code"], "git remote add" in error["hint"]) == ("no-remote", True)


def test_what_else_git_is_configured_to_do_is_left(team: Team) -> None:
    """Tags that follow, refs that a mirror would move, refspecs of the remote's own."""
    put(team.ann, "one")
    team.ann.git("tag", "-a", "-m", "annotated", "v1")
    for key, value in {
        "push.followTags": "true",
        "remote.origin.mirror": "true",
        "remote.origin.push": "+refs/heads/*:refs/heads/*",
        "push.recurseSubmodules": "on-demand",
        "push.default": "matching",
    }.items():
        team.ann.git("config", key, value)
    team.ann.git("commit", "-q", "--allow-empty", "-m", "not to be pushed")
    heads = refs_of(team.bare, "refs/heads/")
    team.ann.gitexp("push", "one")
    assert team.there().keys() == {"one"}
    assert refs_of(team.bare, "refs/tags/") == {}
    assert refs_of(team.bare, "refs/heads/") == heads


def test_the_hook_pre_push_runs_as_for_git(team: Team) -> None:
    put(team.ann, "one")
    hook = team.ann.path / ".git" / "hooks" / "pre-push"
    with team.ann.by_user():
        hook.parent.mkdir(exist_ok=True)
        hook.write_text('#!/bin/sh\ngit ls-files "*.py" >&2\necho no, said the hook >&2\nexit 1\n')
        hook.chmod(0o755)
    error = team.ann.json("push", check=False)["error"]
    assert error["code"] == "hook-refused"
    assert team.there() == {}
    with team.ann.by_user():
        hook.write_text('#!/bin/sh\ngit ls-files "*.py" > "$GIT_DIR/seen"\n')
    team.ann.allow("git", "seen")
    team.ann.gitexp("push")
    assert (team.ann.path / ".git" / "seen").read_text() == "train.py\n"
    assert team.there().keys() == {"one"}


# -- what is refused ----------------------------------------------------------------------------------


def test_another_one_of_the_name_is_refused_and_the_others_go(team: Team) -> None:
    put(team.bob, "one", baseline="HEAD~1")
    team.bob.gitexp("push", "-q", "one")
    put(team.ann, "one")
    put(team.ann, "two")
    theirs = team.there()["one"]
    answer = team.ann.json("push", check=False)
    assert outcomes(answer) == {"one": "refused", "two": "new"}
    (one,) = (each for each in answer["experiments"] if each["name"] == "one")
    assert one["reason"] == "another experiment is called so there"
    assert "gitexp rename one" in one["hint"]
    assert team.there()["one"] == theirs
    team.ann.gitexp("rename", "-q", "one", "mine")
    assert outcomes(team.ann.json("push")) == {"mine": "new", "two": "up-to-date"}
    assert_whole(team.bare, team.ann.path)


NOTE, TAG = ("note", "-q", "one", "-m", "words"), ("tag", "-q", "one", "anns")


@pytest.mark.parametrize(
    ("edits", "reason", "hint"),
    [
        ((), "its tags were changed there, and not here", "Take that over: gitexp pull one"),
        ((TAG,), "its tags were changed there as well as here", "gitexp pull one; then: gitexp push one"),
        ((NOTE,), "its tags were changed there, and its note here", "gitexp pull one; then: gitexp"),
        ((NOTE, TAG), "its tags were changed there, and its note and tags here", "gitexp pull one;"),
    ],
)
def test_edits_there_are_to_be_had_first(
    team: Team, edits: Sequence[tuple[str, ...]], reason: str, hint: str
) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("pull", "-q")
    team.bob.gitexp("tag", "-q", "one", "bobs")
    team.bob.gitexp("push", "-q")
    for edit in edits:
        team.ann.gitexp(*edit)
    pushed = push(Project.open(team.ann.path), PushRequest())
    (told,) = pushed.experiments
    assert (told.fate, told.reason) == (Fate.REFUSED, reason)
    assert hint in told.hint
    assert team.ann.gitexp("push", "-q", check=False).exit_code == 1
    team.ann.gitexp("pull", "-q", "one")
    assert team.ann.gitexp("push", "-q", "one").exit_code == 0


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_server_that_refuses_the_namespace(team: Team, hook: str) -> None:
    """As forges have it that know branches and tags alone."""
    ref = '"$1"' if hook == "update" else "x"
    team.reject(
        f"[ {hook} = update ] || read old new ref; [ {hook} = update ] && ref={ref}\n"
        'case "$ref" in refs/heads/*) ;; *) printf "\\033[31mno such refs here\\n" >&2; exit 1;; esac',
        hook,
    )
    put(team.ann, "one")
    done = team.ann.gitexp("push", check=False)
    assert done.exit_code == 1
    assert "one was refused: " in done.stderr
    assert "hook declined" in done.stderr
    assert "origin: \\x1b[31mno such refs here" in done.stderr
    assert "refs/gitexp" in done.stderr
    assert team.there() == {}
    assert_whole(team.ann.path, team.bare)
    assert team.ann.json("show")[2]["pushed"] == []


def test_a_server_that_hides_the_namespace(team: Team) -> None:
    put(team.ann, "one")
    team.bob.git("--git-dir", str(team.bare), "config", "receive.hideRefs", "refs/gitexp")
    done = team.ann.gitexp("push", check=False)
    assert (done.exit_code, "one was refused: deny updating a hidden ref." in done.stderr) == (1, True)
    assert team.there() == {}


def test_a_server_that_another_one_is_at(team: Team) -> None:
    """Or whose Git has died over a ref: its lock is the server's to remove."""
    put(team.ann, "one")
    put(team.ann, "two")
    lock = team.bare / "refs" / "gitexp" / "exps" / "one.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    done = team.ann.gitexp("push", check=False)
    assert (done.exit_code, "one was refused: failed to update ref." in done.stderr) == (1, True)
    assert "Run the command again" in done.stderr
    assert team.there().keys() == {"two"}
    lock.unlink()
    assert outcomes(team.ann.json("push")) == {"one": "new", "two": "up-to-date"}


def test_no_such_repository(team: Team, tmp_path: Path) -> None:
    put(team.ann, "one")
    team.ann.git("remote", "set-url", "origin", str(tmp_path / "nowhere.git"))
    for command in ("push", "pull"):
        error = team.ann.json(command, check=False)["error"]
        assert error["code"] == "remote-failed"
        assert "There is no Git repository at origin" in error["message"]


def test_what_is_configured_and_cannot_be(team: Team) -> None:
    put(team.ann, "one")
    team.ann.git("config", "push.gpgSign", "true")
    error = team.ann.json("push", check=False)["error"]
    assert (error["code"], "signed push" in error["message"]) == ("remote-failed", True)
    assert "configured" in error["message"]


def test_passwords_in_urls_are_not_shown(team: Team) -> None:
    put(team.ann, "one")
    team.ann.git("remote", "set-url", "origin", "http://ann:hunter2@127.0.0.1:1/x.git")
    done = team.ann.gitexp("push", check=False)
    assert done.exit_code == 1
    assert "origin cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_shallow_clone(team: Team, tmp_path: Path) -> None:
    """It can push what stands on commits that the server has, and says so where it has not."""
    shallow = clone(team.bare, tmp_path / "shallow", f"file://{team.bare}", "--depth=1", "--no-local")
    with shallow.by_user():
        shallow.git("fetch", "-q", "--depth=1", f"file://{team.bare}", "main")
        (shallow.path / ".git" / "shallow").write_text(shallow.git("rev-parse", "HEAD") + "\n")
    put(shallow, "one")
    assert outcomes(shallow.json("push")) == {"one": "new"}
    team.bob.git("init", "-q", "--bare", str(tmp_path / "empty.git"))
    shallow.git("remote", "set-url", "origin", str(tmp_path / "empty.git"))
    put(shallow, "two")
    done = shallow.gitexp("push", "two", check=False)
    assert done.exit_code == 1
    assert "shallow" in done.stderr
    assert "git fetch --unshallow" in done.stderr
    assert refs_of(tmp_path / "empty.git") == {}
    assert_whole(tmp_path / "empty.git")
    shallow.close()


def test_what_git_says_meanwhile_is_passed_on(team: Team) -> None:
    put(team.ann, "one")
    said: list[str] = []
    ops.push(Project.open(team.ann.path), ops.PushRequest(), Contact(said.append))
    assert any(line.startswith("Writing objects: 100%") for line in said)


# -- data ---------------------------------------------------------------------------------------------


@pytest.fixture
def stored(team: Team, tmp_path: Path) -> Path:
    """Ann has an experiment on a data set, and a folder as data remote, which is returned."""
    ann = team.ann
    ann.write("data/one.bin", "one")
    ann.allow("files", "*")
    ann.gitexp("add", "-q", "data")
    ann.gitexp("remote", "add", "-q", "store", str(tmp_path / "store"))
    ann.commit("data")
    put(ann, "one")
    return tmp_path / "store"


def test_data_goes_first(team: Team, stored: Path) -> None:
    told = team.ann.json("push")
    assert outcomes(told) == {"one": "new"}
    assert (told["data"]["remote"], told["data"]["objects"]) == ("store", 2)
    assert len([file for file in stored.rglob("*") if file.is_file()]) == 2
    again = team.ann.json("push")
    assert (outcomes(again), again["data"]) == ({"one": "up-to-date"}, None)
    assert team.ann.json("push", "--data")["data"]["objects"] == 0


def test_no_experiment_goes_whose_data_cannot(team: Team, stored: Path) -> None:
    shutil.rmtree(team.ann.path / ".git" / "gitexp" / "objects")
    error = team.ann.json("push", check=False)["error"]
    assert error["code"] == "transfer-failed"
    assert team.there() == {}
    told = team.ann.json("push", "--no-data")
    assert (outcomes(told), told["data"]) == ({"one": "new"}, None)


def test_one_whose_lock_cannot_be_read_keeps_back_no_other(team: Team, stored: Path) -> None:
    good = team.ann.git("rev-parse", "HEAD")
    team.ann.write("gitexp.lock", "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    team.ann.commit("a merge gone wrong")
    put(team.ann, "bad")
    team.ann.git("checkout", "-q", good)
    answer = team.ann.json("push", "--all", check=False)
    assert outcomes(answer) == {"one": "new", "bad": "refused"}
    (bad,) = (one for one in answer["experiments"] if one["name"] == "bad")
    assert ("a merge has left" in bad["reason"], bad["hint"].endswith("gitexp push bad --no-data")) == (
        True,
    ) * 2
    assert outcomes(team.ann.json("push", "--all", "--no-data")) == {"one": "up-to-date", "bad": "new"}
    done = team.ann.gitexp("data", "push", "--all")
    assert "warning: left out: gitexp.lock (" in done.stderr


@pytest.mark.parametrize("words", [(), ("one",), ("--data",)])
def test_data_goes_after_a_push_without_it(team: Team, stored: Path, words: tuple[str, ...]) -> None:
    assert team.ann.json("push", "--no-data")["data"] is None
    put(team.ann, "two")
    told = team.ann.json("push", *words)
    assert outcomes(told)["one"] == "up-to-date"
    assert told["data"]["objects"] == 2
    assert len([file for file in stored.rglob("*") if file.is_file()]) == 2


def test_a_remote_that_has_lost_a_folder_gets_it_again(team: Team, stored: Path) -> None:
    team.ann.gitexp("push")
    shutil.rmtree(stored)
    stored.mkdir()
    assert team.ann.json("push")["data"]["objects"] == 2
    assert team.ann.json("push")["data"] is None


def test_up_to_date_is_not_said_where_the_data_is_nowhere(team: Team, stored: Path) -> None:
    team.ann.gitexp("push", "--no-data")
    shutil.rmtree(team.ann.path / ".git" / "gitexp" / "objects")
    (team.ann.path / "data" / "one.bin").unlink()
    done = team.ann.gitexp("push", "--quiet")
    assert done.stderr == (
        "warning: one: at origin, but its data is neither on this machine nor at the data remote.\n"
        "hint: Whoever has it: gitexp push one\n"
    )
    assert outcomes(team.ann.json("push")) == {"one": "up-to-date"}
    put(team.ann, "two")  # on the same data, which nobody is to be promised
    assert team.ann.json("push", check=False)["error"]["code"] == "transfer-failed"
    assert team.ann.json("push", "one", check=False)["error"]["code"] == "transfer-failed"


def test_data_without_a_data_remote(team: Team) -> None:
    put(team.ann, "one")
    assert team.ann.json("push")["data"] is None
    assert team.ann.json("push", "--data", check=False)["error"]["code"] == "no-data-remote"


def test_words_of_data(team: Team, stored: Path) -> None:
    assert team.ann.gitexp("push").stderr.splitlines()[0].startswith("Pushed 2 objects of data, ")


# -- what is shown ------------------------------------------------------------------------------------


def test_the_table_marks_what_is_pushed(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "two")
    assert [row["pushed"] for row in team.ann.json("show")] == [[], [], [], []]
    team.ann.gitexp("push", "-q", "one")
    assert {row["name"]: row["pushed"] for row in team.ann.json("show")}["one"] == ["origin"]
    shown = team.ann.gitexp("show").stdout
    assert "[one] ↑" in shown
    assert "[two] ↑" not in shown
    assert team.ann.json("tag", "one", "new")["pushed"] == [], "it is not there as it is here"


def test_what_others_have_removed_there_is_marked_no_more(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "two")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("remove", "-y", "-q", "--remote", "origin", "one")
    team.ann.gitexp("push", "-q", "two")
    assert {row["name"]: row["pushed"] for row in team.ann.json("show")}["one"] == []


# -- list --remote and remove --remote ----------------------------------------------------------------


def test_list(team: Team) -> None:
    put(team.ann, "one")
    put(team.ann, "two")
    team.ann.gitexp("push", "-q")
    put(team.ann, "three")
    team.bob.gitexp("pull", "-q", "one")
    team.bob.git("update-ref", "refs/gitexp/exps/a/b", "HEAD")
    team.bob.git("push", "-q", "origin", "refs/gitexp/exps/a/b")
    assert team.bob.gitexp("list", "--remote", "origin").stdout == "one\ntwo\n"
    record = refs_of(team.ann.path)
    assert team.bob.json("list", "--remote", "origin") == [
        {"name": "one", "record": record["one"], "here": "one"},
        {"name": "two", "record": record["two"], "here": None},
    ]
    assert team.bob.gitexp("list", "--remote", "origin", "-A", check=False).exit_code == 2


def test_remove(team: Team) -> None:
    for name in ("one", "two", "three"):
        put(team.ann, name)
    team.ann.gitexp("push", "-q")
    assert team.ann.json("remove", "-y", "--remote", "origin", "on", "two") == {
        "removed": ["one", "two"],
        "refused": [],
    }
    assert team.there().keys() == {"three"}
    assert refs_of(team.ann.path).keys() == {"one", "two", "three"}
    assert refs_of(team.ann.path, "refs/gitexp/trash/") == {}
    error = team.ann.json("remove", "-y", "--remote", "origin", "one", check=False)["error"]
    assert (error["code"], error["hint"]) == ("unknown-experiment", "It has: three.")
    assert team.ann.gitexp("remove", "-y", "--remote", "origin", check=False).exit_code == 2
    assert team.ann.gitexp("remove", "-y", "--remote", "origin", "--failed", check=False).exit_code == 2


def test_what_is_removed_there_and_was_never_here_is_in_the_trash(team: Team) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    team.bob.gitexp("remove", "-y", "-q", "--remote", "origin", "one")
    assert team.there() == {}
    team.bob.gitexp("restore", "-q", "one")
    assert refs_of(team.bob.path) == refs_of(team.ann.path)


def test_a_server_that_lets_nobody_delete(team: Team) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    team.reject('case "$3" in *[!0]*) ;; *) exit 1;; esac', "update")
    done = team.ann.gitexp("remove", "-y", "--remote", "origin", "one", check=False)
    assert done.exit_code == 1
    assert "one was refused: hook declined." in done.stderr
    assert team.there().keys() == {"one"}


def test_what_has_changed_there_since_is_not_removed(team: Team) -> None:
    from gitexp.sharing import elsewhere

    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    project = Project.open(team.ann.path)
    selected = elsewhere.select(project, "origin", ["one"])
    team.bob.gitexp("pull", "-q")
    team.bob.gitexp("tag", "-q", "one", "keep")
    team.bob.gitexp("push", "-q")
    (done,) = elsewhere.remove(project, selected)
    assert (done.fate, done.reason) == (Fate.REFUSED, "it has been changed there just now")
    assert team.there().keys() == {"one"}


def test_removing_asks_first_where_a_terminal_is(team: Team) -> None:
    put(team.ann, "one")
    team.ann.gitexp("push", "-q")
    command = ("remove", "--remote", "origin", "one")
    no = team.ann.tty(*command, keys=[("Go on?", "n\r")])
    assert no.exit_code == 130
    assert no.lines[0] == "This removes one from origin, for all who use it."
    assert team.there().keys() == {"one"}
    assert team.ann.tty(*command, keys=[("Go on?", "y\r")]).exit_code == 0
    assert team.there() == {}
