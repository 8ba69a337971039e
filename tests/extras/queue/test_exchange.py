"""A queue at a Git remote: runs wait there for the workers of every clone, and each is run once."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitexp.extras.queue import queue_refs, shared
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.extras.queue.queue_refs import QUEUE, RemoteRun
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.times import now
from tests.support.clones import Team, assert_whole, clone, make_team, refs_of
from tests.support.workspace import Workspace

RUN = ("run", "--queue", "-q")
TRAIN = ("--", "python", "train.py")


@pytest.fixture
def team(repo: Workspace, tmp_path: Path) -> Team:
    """Ann has two queued runs."""
    team = make_team(repo, tmp_path)
    repo.gitexp(*RUN, "-S", "train.lr=0.3,0.5", "--name-template", "lr={train.lr}", *TRAIN)
    return team


def experiments(repo: Workspace) -> dict[str, Experiment]:
    return {one.name: one for one in Project.open(repo.path).store.readable()}


def at(repo: Workspace) -> RemoteQueue:
    return RemoteQueue(Project.open(repo.path), "origin")


def test_what_is_handed_over_waits_there_and_not_here(team: Team) -> None:
    told = team.ann.gitexp("queue", "push")
    assert "2 runs now wait at origin." in told.stderr
    waiting = refs_of(team.bare, QUEUE)
    assert waiting == {name: one.id for name, one in experiments(team.ann).items()}
    assert {one.record.waits_at for one in experiments(team.ann).values()} == {"origin"}
    team.ann.gitexp("queue", "work")
    assert {one.record.status for one in experiments(team.ann).values()} == {Status.QUEUED}
    assert "0 runs now wait" in team.ann.gitexp("queue", "push").stderr
    assert "2 runs now wait here." in team.ann.gitexp("queue", "pull").stderr
    assert refs_of(team.bare, QUEUE) == {}
    team.ann.gitexp("queue", "work")
    assert {one.record.status for one in experiments(team.ann).values()} == {Status.DONE}


def claimed(repo: Workspace, run: RemoteRun) -> str:
    """The record commit of a run as it goes on in a clone."""
    project = Project.open(repo.path)
    record = replace(run.experiment.record, status=Status.RUNNING, worker=repo.path.name, seen=now())
    tree = project.repo.resolve(run.experiment.id, "tree")
    assert tree is not None
    return project.store.replacing(run.experiment, record, tree).new or ""


def test_of_two_clones_one_claims(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    looked = [(person, at(person), at(person).runs()[0]) for person in (team.ann, team.bob)]
    assert [there.claim(run, claimed(person, run)) for person, there, run in looked] == [True, False]
    told = team.ann.gitexp("queue", "pull", check=False)
    assert (told.exit_code, "1 run now waits here." in told.stderr) == (1, True)
    assert "lr-0.3 was taken at origin; gitexp pull brings what came of it." in told.stderr


def test_a_claim_of_what_was_taken_back_is_none(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    there, run = at(team.bob), at(team.bob).runs()[0]
    team.ann.gitexp("queue", "pull", "-q")
    assert there.claim(run, claimed(team.bob, run)) is False
    assert there.requeue(run, run.experiment) is False
    assert refs_of(team.bare, QUEUE) == {}
    assert experiments(team.bob) == {}


def test_what_is_forged_there_is_left_out(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    first, second = (team.ann.git("rev-parse", f"refs/gitexp/exps/lr-{lr}") for lr in ("0.3", "0.5"))
    main = team.ann.git("rev-parse", "main")
    for name, commit in (("code", main), ("-x", first), ("lr-0.5", f"{second}^")):
        team.ann.git("push", "-q", "origin", f"+{commit}:{QUEUE}{name}")
    assert [run.experiment.name for run in at(team.bob).runs()] == ["lr-0.3"]
    assert experiments(team.bob) == {}


def test_a_run_whose_name_is_taken_here_waits_for_somebody_else(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    team.bob.gitexp("save", "-q", "-n", "LR-0.3")
    told = team.bob.gitexp("queue", "work", "--remote", "origin", check=False)
    assert (told.exit_code, "Another experiment is called LR-0.3 here" in told.stderr) == (1, True)
    assert set(experiments(team.bob)) == {"LR-0.3", "lr-0.5"}
    assert list(refs_of(team.bare, QUEUE)) == ["lr-0.3"]
    assert_whole(team.bob.path, team.bare)


def test_a_run_that_cannot_begin_here_waits_for_somebody_else(team: Team, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "only-anns").symlink_to("/bin/true")
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    team.ann.gitexp("run", "--queue", "-q", "-n", "tool", "--", "only-anns", env=path)
    team.ann.gitexp("queue", "push", "-q")
    told = team.bob.gitexp("queue", "work", "--remote", "origin", check=False)
    assert (told.exit_code, "tool cannot begin here" in told.stderr) == (1, True)
    assert list(refs_of(team.bare, QUEUE)) == ["tool"]
    assert {one.record.status for one in experiments(team.bob).values()} == {Status.DONE}
    team.ann.gitexp("queue", "work", "--remote", "origin", env=path)
    assert refs_of(team.bare, QUEUE) == {}


def test_nothing_of_somebody_else_is_run_unasked(team: Team) -> None:
    """Whatever stands at the remote: a pull and a worker without `--remote` run nothing of it."""
    team.ann.gitexp("queue", "push", "-q", "lr-0.5")
    plain = team.ann.git("rev-parse", "refs/gitexp/exps/lr-0.3")
    team.ann.git("push", "-q", "origin", f"{plain}:{QUEUE}lr-0.3")  # it does not say that it waits there
    killed = team.ann.start("queue", "work", env={"GITEXP_FAILPOINT": "run:ended"})
    killed.communicate()
    team.ann.gitexp("list")
    lost = team.ann.git("rev-parse", "refs/gitexp/exps/lr-0.3")
    assert experiments(team.ann)["lr-0.3"].record.status is Status.INTERRUPTED
    team.ann.git("push", "-q", "origin", f"{lost}:refs/gitexp/exps/lr-0.3")
    team.bob.gitexp("pull", "-q")
    before = experiments(team.bob)
    stopped = team.bob.start("queue", "work", "--remote", "origin", env={"GITEXP_FAILPOINT": "queue:ready"})
    stopped.communicate()
    team.bob.gitexp("queue", "work")
    assert experiments(team.bob) == before
    assert before["lr-0.3"].record.status is Status.INTERRUPTED


def test_another_clone_runs_what_was_handed_over(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    assert [row["status"] for row in team.bob.json("queue", "list", "--remote", "origin")] == ["queued"] * 2
    team.bob.gitexp("queue", "start", "--remote", "origin", "-j", "2")
    assert refs_of(team.bare, QUEUE) == {}
    assert team.ann.json("queue", "list", "--remote", "origin") == []
    team.ann.gitexp("note", "lr-0.3", "-m", "watch this")
    told = team.ann.gitexp("pull").stderr
    assert "2 experiments" in told
    here, there = experiments(team.ann), experiments(team.bob)
    assert here["lr-0.5"] == there["lr-0.5"]
    assert (here["lr-0.3"].record.status, here["lr-0.3"].record.note) == (Status.DONE, "watch this")
    assert here["lr-0.3"].record == replace(there["lr-0.3"].record, note="watch this")
    again = team.ann.gitexp("run", "-S", "train.lr=0.3,0.5", "-j", "2", *TRAIN)
    assert "2 runs" in again.stderr
    assert len(experiments(team.ann)) == 2
    for person in (team.ann, team.bob):
        assert person.gitexp("doctor").exit_code == 0


def test_a_push_that_is_refused_for_rights_ends_the_worker(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    team.reject("echo 'no rights' >&2; exit 1")
    told = team.bob.gitexp("queue", "work", "--remote", "origin", check=False)
    assert (told.exit_code, "refuses the claim of lr-0.3" in told.stderr) == (1, True)
    assert experiments(team.bob) == {}


def test_an_end_that_cannot_be_pushed_is_pushed_later(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    team.reject("grep -q refs/gitexp/exps/ && exit 1; exit 0")
    told = team.bob.gitexp("queue", "work", "--remote", "origin", check=False)
    assert (told.exit_code, "could not be pushed" in told.stderr) == (1, True)
    assert {one.record.status for one in experiments(team.bob).values()} == {Status.DONE}
    assert [row["status"] for row in team.ann.json("queue", "list", "--remote", "origin")] == ["running"] * 2
    (team.bare / "hooks/pre-receive").unlink()
    team.bob.gitexp("queue", "work", "--remote", "origin")
    assert refs_of(team.bare, QUEUE) == {}
    assert team.there() == {name: one.id for name, one in experiments(team.bob).items()}


def test_a_run_without_a_sign_of_life_is_run_by_somebody_else(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.ann.gitexp("queue", "push", "-q", "lr-0.3")
    killed = team.bob.start("queue", "work", "--remote", "origin", env={"GITEXP_FAILPOINT": "run:created"})
    killed.communicate()
    cora = clone(team.bare, tmp_path / "cora")
    cora.gitexp("queue", "work", "--remote", "origin")
    assert experiments(cora) == {}  # it may be alive
    monkeypatch.setattr(queue_refs, "SILENCE", -1.0)
    cora.gitexp("queue", "work", "--remote", "origin")
    assert experiments(cora)["lr-0.3"].record.tries == 1
    assert experiments(cora)["lr-0.3"].record.status is Status.DONE
    team.bob.gitexp("queue", "work", "--remote", "origin")
    team.bob.gitexp("pull", "-q")
    found = experiments(team.bob)  # the lost try is kept
    assert found["lr-0.3"].record.status is Status.INTERRUPTED
    assert found["lr-0.3-2"].record == replace(experiments(cora)["lr-0.3"].record, name="lr-0.3-2")


def test_signs_of_life_come_while_a_run_goes_on(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "SIGN_EVERY", 0.1)
    signs = list[Experiment]()
    give = RemoteQueue.sign_of_life

    def noted(there: RemoteQueue, claimed: Experiment) -> Experiment | None:
        signs.append(claimed)
        return give(there, claimed)

    monkeypatch.setattr(RemoteQueue, "sign_of_life", noted)
    team.ann.gitexp("run", "--queue", "-q", "-n", "slow", "--", "sleep", "1")
    team.ann.gitexp("queue", "push", "-q", "slow")
    team.bob.gitexp("queue", "work", "--remote", "origin")
    assert len({one.id for one in signs}) > 1
    assert team.there() == {"slow": experiments(team.bob)["slow"].id}
    assert refs_of(team.bare, QUEUE) == {}


def test_what_is_retried_goes_another_round(team: Team) -> None:
    team.ann.gitexp("run", "--queue", "-q", "-n", "bad", "--", "false")
    team.ann.gitexp("queue", "push", "-q", "bad")
    team.bob.gitexp("queue", "work", "--remote", "origin")
    team.ann.gitexp("pull", "-q", "bad")
    assert experiments(team.ann)["bad"].record.status is Status.FAILED
    team.ann.gitexp("queue", "retry", "-q", "bad")
    team.ann.gitexp("queue", "push", "-q", "bad")
    first = experiments(team.bob)["bad"]
    team.bob.gitexp("queue", "work", "--remote", "origin")
    assert experiments(team.bob)["bad"].id != first.id
    assert refs_of(team.bare, QUEUE) == {}


def test_copies_of_an_end_block_no_pull(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q", "lr-0.3")
    team.bob.gitexp("queue", "work", "--remote", "origin")
    end = team.bob.git("rev-parse", "refs/gitexp/exps/lr-0.3")
    team.bob.git("push", "-q", "origin", f"{end}:refs/gitexp/exps/best")
    for _ in range(2):
        team.ann.gitexp("pull", "-q")
    assert experiments(team.ann)["lr-0.3"].record.status is Status.DONE


def test_a_stub_is_neither_removed_nor_moved_in_the_queue(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q")
    for words in (("remove", "lr-0.3"), ("move", "lr-0.3", "--first"), ("retry", "lr-0.3")):
        assert team.ann.gitexp("queue", *words, check=False).exit_code == 1
    told = team.ann.gitexp("queue", "remove", "lr-0.3", check=False).stderr
    assert "lr-0.3 is queued at origin" in told
    assert "gitexp queue pull lr-0.3" in told


def test_a_sign_whose_answer_was_lost_ends_no_other(team: Team) -> None:
    team.ann.gitexp("queue", "push", "-q", "lr-0.3")
    there, (run,) = at(team.bob), at(team.bob).runs()
    commit = claimed(team.bob, run)
    assert there.claim(run, commit)
    running = Experiment("lr-0.3", commit, replace(run.experiment.record, status=Status.RUNNING))
    first = there.sign_of_life(running)
    again = there.sign_of_life(running)  # which has never heard of the first
    assert first is not None
    assert again is not None
    assert again.id == first.id


def test_what_waits_long_for_a_sign_can_be_taken_back(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.ann.gitexp("queue", "push", "-q", "lr-0.3")
    there, (run,) = at(team.bob), at(team.bob).runs()
    assert there.claim(run, claimed(team.bob, run))
    monkeypatch.setattr(queue_refs, "SILENCE", -1.0)
    team.ann.gitexp("queue", "pull", "-q", "lr-0.3")
    assert refs_of(team.bare, QUEUE) == {}


def test_the_owner_ends_a_run_of_a_dead_worker(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was lost too often, which no worker queues again."""
    team.ann.gitexp("queue", "push", "-q", "lr-0.3")
    there, (run,) = at(team.bob), at(team.bob).runs()
    commit = claimed(team.bob, run)
    assert there.claim(run, commit)
    told = team.ann.gitexp("queue", "pull", "lr-0.3", check=False)
    assert (told.exit_code, "gitexp queue pull lr-0.3 --force" in told.stderr) == (1, True)
    assert "needs the names" in team.ann.gitexp("queue", "pull", "--force", check=False).stderr
    with monkeypatch.context() as later:
        later.setattr(queue_refs, "SILENCE", -1.0)
        team.ann.gitexp("queue", "work", "--remote", "origin", "--max-retries", "0")
        assert "life for an hour: lr-0.3." in team.ann.gitexp("queue", "list", "--remote", "origin").stderr
    team.ann.gitexp("queue", "pull", "-q", "lr-0.3", "--force")
    assert refs_of(team.bare, QUEUE) == {}
    assert there.sign_of_life(run.experiment._replace(id=commit)) is None
    team.ann.gitexp("queue", "remove", "-q", "lr-0.3")
    assert list(experiments(team.ann)) == ["lr-0.5"]


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_worker_that_was_thought_dead_brings_its_end_if_nobody_else_has_the_run(
    team: Team, tmp_path: Path, is_taken: bool
) -> None:
    go_on = tmp_path / "go-on"
    slow = f"until [ -e {go_on} ]; do sleep 0.05; done"
    team.ann.gitexp("run", "--queue", "-q", "-n", "slow", "--", "sh", "-c", slow)
    team.ann.gitexp("queue", "push", "-q", "slow")
    worker = team.bob.start("queue", "work", "--remote", "origin")
    there, end = at(team.ann), time.monotonic() + 60
    while (run := there.runs()[0]).experiment.record.status is not Status.RUNNING:
        assert time.monotonic() < end
    assert there.requeue(run, run.experiment)
    (waiting,) = there.runs()
    if is_taken:
        assert there.claim(waiting, claimed(team.ann, waiting))
    go_on.touch()
    told = worker.communicate()[1]
    found = experiments(team.bob)["slow"]
    assert (found.record.status, found.record.tries) == (Status.DONE, 0)
    assert team.there() == ({} if is_taken else {"slow": found.id})
    assert ("slow is somebody else's meanwhile" in str(told)) is is_taken
    assert worker.returncode == int(is_taken)
    assert list(refs_of(team.bare, QUEUE)) == (["slow"] if is_taken else [])
