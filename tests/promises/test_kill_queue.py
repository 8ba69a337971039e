"""A kill while runs are queued, taken and run: none is lost, and none runs twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitexp.extras.queue import workers
from gitexp.extras.queue.exchange import QUEUE
from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.clones import make_team, refs_of
from tests.support.kills import assert_sound, experiments, kill
from tests.support.workspace import Workspace

TRAIN = ("--", "python", "train.py")
GRID = ("run", "--queue", "-q", "-S", "train.lr=0.3,0.5", *TRAIN)

PLANNING = ("plan:stored", "store:before-ref", "store:after-ref")
WORKING = (
    *("queue:ready", "live:folder", "live:saved", "run:live", "store:before-ref", "store:after-ref"),
    *("run:created", "run:ended", "finish:read", "finish:commit", "finish:stored", "finish:forgotten"),
)
SHARED = ("exchange:claimed", "run:created", "finish:stored", "exchange:delivered")
POINTS = {
    *PLANNING,
    *WORKING,
    *SHARED,
    "requeue:stored",
    "exchange:marked",
    "exchange:handed",
    "exchange:deleted",
}


def statuses(repo: Workspace) -> list[Status]:
    return [one.record.status for one in experiments(repo)]


@pytest.mark.parametrize("point", PLANNING)
def test_planning(repo: Workspace, point: str) -> None:
    kill(repo, point, *GRID)
    repo.gitexp(*GRID)
    assert statuses(repo) == [Status.QUEUED] * 2
    assert len({one.record.identity for one in experiments(repo)}) == 2
    assert_sound(repo)


@pytest.mark.parametrize("point", WORKING)
def test_working(repo: Workspace, point: str) -> None:
    repo.gitexp(*GRID)
    kill(repo, point, "queue", "work")
    repo.guard.check()
    repo.gitexp("queue", "work")
    found = experiments(repo)
    assert [one.record.status for one in found] == [Status.DONE] * 2
    assert sorted(one.record.metrics["metrics.json"]["loss"] for one in found) == [0.125, 0.343]
    project = Project.open(repo.path)
    assert not [*project.local.runs.glob("*/state.json")]
    assert repo.gitexp("doctor").exit_code == 0
    assert_sound(repo)


def test_a_run_whose_workers_always_die_is_given_up(repo: Workspace) -> None:
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    for _ in range(workers.MAX_RETRIES + 1):
        kill(repo, "run:ended", "queue", "work")
    repo.gitexp("queue", "work")
    (one,) = experiments(repo)
    assert (one.record.status, one.record.tries) == (Status.INTERRUPTED, workers.MAX_RETRIES)
    repo.gitexp("queue", "retry", "one", "-q")
    repo.gitexp("queue", "work")
    assert statuses(repo) == [Status.DONE]


def test_putting_back(repo: Workspace) -> None:
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    kill(repo, "run:ended", "queue", "work")
    kill(repo, "requeue:stored", "queue", "work")
    repo.gitexp("queue", "work")
    assert statuses(repo) == [Status.DONE]


def test_workers_beside_each_other(repo: Workspace) -> None:
    """Each run is begun once, however many workers there are."""
    log = repo.path.parent / "begun"
    repo.write("mark.sh", f"echo $1 >> {log}\n")
    numbers = ",".join(map(str, range(24)))
    repo.gitexp("run", "--queue", "-q", "-S", f"args.n={numbers}", "--", "sh", "mark.sh", "--n", "0")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: repo.gitexp("queue", "work", process=True), range(8)))
    assert statuses(repo) == [Status.DONE] * 24
    assert sorted(log.read_text().split()) == ["--n"] * 24
    assert len({one.record.overrides for one in experiments(repo)}) == 24
    assert_sound(repo)


@pytest.mark.parametrize("point", SHARED)
def test_working_for_others(repo: Workspace, tmp_path: Path, point: str) -> None:
    """Each run is at the remote once, whoever was killed, and with the same command all are."""
    team = make_team(repo, tmp_path)
    repo.gitexp(*GRID)
    repo.gitexp("queue", "push", "-q")
    kill(team.bob, point, "queue", "work", "--remote", "origin")
    team.bob.gitexp("queue", "work", "--remote", "origin")
    assert refs_of(team.bare, QUEUE) == {}
    repo.gitexp("pull", "-q")
    assert experiments(repo) == experiments(team.bob)
    assert statuses(repo) == [Status.DONE] * 2
    for person in (repo, team.bob):
        assert person.gitexp("doctor").exit_code == 0
        assert_sound(person)


def test_handing_over_and_taking_back(repo: Workspace, tmp_path: Path) -> None:
    team = make_team(repo, tmp_path)
    repo.gitexp(*GRID)
    kill(repo, "exchange:marked", "queue", "push")
    repo.gitexp("queue", "work")  # whoever takes a run that may wait there would run it twice
    assert (statuses(repo), refs_of(team.bare, QUEUE)) == ([Status.QUEUED] * 2, {})
    kill(repo, "exchange:handed", "queue", "push", "--remote", "origin")
    repo.gitexp("queue", "push", "-q", "--remote", "origin")
    assert len(refs_of(team.bare, QUEUE)) == 2
    kill(repo, "exchange:deleted", "queue", "pull")
    assert len(refs_of(team.bare, QUEUE)) == 1
    repo.gitexp("queue", "pull", "-q")
    assert refs_of(team.bare, QUEUE) == {}
    repo.gitexp("queue", "work")
    assert statuses(repo) == [Status.DONE] * 2
