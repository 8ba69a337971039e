"""What a dispatcher does when the engine, a job, the user or another process does not do as it should."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from gitexp import errors
from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.extras.engines.engine import JobState
from gitexp.extras.engines.workforces import EnginePool
from gitexp.extras.queue import queue
from gitexp.model import Record, Status
from gitexp.project.project import Project
from tests.support.engines import ScriptedEngine, dispatcher_of, experiments_of, steps
from tests.support.processes import until
from tests.support.workspace import TIMEOUT, Workspace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups of POSIX")

# Counts itself, and goes on until it may end.
SLOW = """
import os, pathlib, time
folder = pathlib.Path(os.environ['SEEN'])
with (folder / 'begun').open('a') as begun:
    begun.write(os.environ['GITEXP_NAME'] + chr(10))
while not (folder / 'go-on').exists():
    time.sleep(0.02)
"""
TRAIN = ("--", "python", "train.py")


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    made = ScriptedEngine()
    yield made
    made.close()


@pytest.fixture
def repo(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """With three queued runs that go on until they may end, the first and the last of them."""
    seen = repo.path.parent / "seen"
    seen.mkdir()
    monkeypatch.setenv("SEEN", str(seen))
    repo.write("train.py", SLOW)
    for name in ("one", "two", "three"):
        repo.gitexp("run", "--queue", "-q", "-n", name, "-S", f"train.lr=0.{len(name)}{ord(name[0])}", *TRAIN)
    return repo


def let_end(repo: Workspace) -> None:
    (repo.path.parent / "seen" / "go-on").touch()


def begun(repo: Workspace) -> list[str]:
    """The names of the runs that were begun, once for each time."""
    file = repo.path.parent / "seen" / "begun"
    return sorted(file.read_text().split()) if file.exists() else []


def record(repo: Workspace, name: str) -> Record:
    return experiments_of(repo)[name].record


def opened(repo: Workspace, engine: ScriptedEngine, *names: str) -> Dispatcher:
    """A dispatcher that was given some experiments."""
    at_work = dispatcher_of(Project.open(repo.path), engine)
    at_work.give(names)
    return at_work


def going_on(repo: Workspace, engine: ScriptedEngine, at_work: Dispatcher, name: str) -> None:
    """Begin the job of an experiment, and wait until its command is at work."""
    engine.begin(name)
    steps(at_work, lambda: name in begun(repo))


def test_an_engine_that_is_away_is_asked_again_and_records_are_believed_meanwhile(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    engine.is_away = True
    with pytest.raises(errors.EngineAway):
        opened(repo, engine, "one", "two")
    engine.is_away = False
    at_work = opened(repo, engine, "one", "two")
    going_on(repo, engine, at_work, "one")
    engine.is_away = True
    let_end(repo)
    steps(at_work, lambda: at_work.away and at_work.names == ["two"])
    at_work.give(["three"])
    assert (at_work.names, engine.submitted("three")) == (["two", "three"], 0)
    engine.is_away = False
    steps(at_work, lambda: engine.submitted("three"))
    assert at_work.away == ""
    for name in ("two", "three"):
        assert engine.begin(name).wait(TIMEOUT) == 0
    steps(at_work, lambda: not at_work.names)
    assert begun(repo) == ["one", "three", "two"]


def test_an_order_to_end_reaches_an_engine_that_was_away(repo: Workspace, engine: ScriptedEngine) -> None:
    at_work = opened(repo, engine, "one")
    going_on(repo, engine, at_work, "one")
    engine.is_away = True
    at_work.end_now()
    assert engine.cancelled == []
    engine.is_away = False
    steps(at_work, lambda: engine.cancelled == [engine.id_of("one")])


def test_a_job_that_is_forgotten_is_given_again_and_then_given_up(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one")
    engine.says.clear()
    steps(at_work, lambda: engine.submitted("one") == 2)
    for _ in range(2):
        engine.says.clear()
        tries = engine.submitted("one")
        steps(at_work, lambda tries=tries: engine.submitted("one") > tries or at_work.failed)
    steps(at_work, lambda: engine.says.clear() or not at_work.names)
    with pytest.raises(errors.GitexpError, match="No job could begin one: what it has said"):
        at_work.require_well()
    assert record(repo, "one").status is Status.QUEUED


def test_a_run_that_goes_on_is_not_lost_whatever_the_engine_says(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one")
    going_on(repo, engine, at_work, "one")
    engine.say("one", JobState.ENDED)
    asked = engine.asked
    steps(at_work, lambda: engine.asked > asked + 5)
    assert (record(repo, "one").status, at_work.names) == (Status.RUNNING, ["one"])
    let_end(repo)
    steps(at_work, lambda: not at_work.names)
    assert (record(repo, "one").status, record(repo, "one").tries) == (Status.DONE, 0)
    assert (begun(repo), engine.submitted("one")) == (["one"], 1)


def test_the_command_of_a_killed_job_ends_before_the_run_is_tried_again(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one")
    going_on(repo, engine, at_work, "one")
    process = record(repo, "one").process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    engine.say("one", JobState.ENDED)
    asked = engine.asked
    steps(at_work, lambda: engine.asked > asked + 5)
    assert engine.submitted("one") == 1
    let_end(repo)
    steps(at_work, lambda: engine.submitted("one") == 2)
    engine.begin("one")
    steps(at_work, lambda: not at_work.names)
    assert (record(repo, "one").status, record(repo, "one").tries) == (Status.DONE, 1)


def test_a_preempted_run_becomes_a_job_again_and_one_that_the_user_has_stopped_does_not(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one", "two")
    for name in ("one", "two"):
        going_on(repo, engine, at_work, name)
    process = record(repo, "one").process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    engine.say("one", JobState.ENDED, is_preempted=True)
    steps(at_work, lambda: engine.submitted("one") == 2)
    repo.gitexp("stop", "two")
    engine.say("two", JobState.ENDED)
    steps(at_work, lambda: at_work.names == ["one"])
    let_end(repo)
    engine.begin("one")
    steps(at_work, lambda: not at_work.names)
    found = {name: one.record.status for name, one in experiments_of(repo).items()}
    assert found == {"one": Status.DONE, "two": Status.INTERRUPTED, "three": Status.QUEUED}
    assert (begun(repo), engine.submitted("two")) == (["one", "one", "two"], 1)


def test_jobs_of_runs_that_are_removed_or_taken_by_others_end(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one", "two", "three")
    steps(at_work, lambda: engine.asked)
    repo.gitexp("remove", "one", "-y")
    let_end(repo)
    repo.gitexp("queue", "work")
    steps(at_work, lambda: not at_work.names)
    steps(at_work, lambda: len(engine.cancelled) == 3)
    assert begun(repo) == ["three", "two"]
    assert engine.begin("three").wait(TIMEOUT) == 0
    assert begun(repo) == ["three", "two"]


def test_a_run_that_a_worker_has_is_left_to_it(repo: Workspace, engine: ScriptedEngine) -> None:
    at_work = opened(repo, engine, "one")
    worker = repo.start("queue", "work")
    steps(at_work, lambda: "one" in begun(repo))
    assert engine.begin("one").wait(TIMEOUT) == 0
    engine.say("one", JobState.ENDED)
    steps(at_work, lambda: not at_work.names)
    let_end(repo)
    assert worker.wait(TIMEOUT) == 0
    assert begun(repo) == ["one", "three", "two"]


def test_a_refused_batch_is_told_and_the_next_dispatcher_takes_on_what_is_left(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one")
    engine.refuses = "The account has no more hours."
    with pytest.raises(errors.GitexpError, match="no more hours"):
        at_work.give(["two"])
    engine.begin("one")
    engine.refuses = ""
    again = opened(repo, engine, "one", "two")
    assert (again.names, engine.submitted("one"), engine.submitted("two")) == (["one", "two"], 1, 1)
    let_end(repo)
    engine.begin("two")
    steps(again, lambda: not again.names)
    assert begun(repo) == ["one", "two"]


def test_the_third_ctrl_c_waits_for_nothing(repo: Workspace, engine: ScriptedEngine) -> None:
    at_work = opened(repo, engine, "one", "two")
    going_on(repo, engine, at_work, "one")
    remarks = list[str]()
    assert EnginePool(at_work, [1.0, 2.0, 3.0]).wait(lambda: None, remarks.append)
    assert remarks == [
        "The present runs are finished first; Ctrl-C again ends them now.",
        "The present runs are asked to end.",
    ]
    assert {engine.id_of("one"), engine.id_of("two")} == set(engine.cancelled)
    assert record(repo, "one").status is Status.RUNNING
    let_end(repo)


def test_ctrl_c_lets_the_present_run_finish_and_once_more_ends_it(repo: Workspace) -> None:
    start = ("queue", "start", "--engine", "local", "-j", "1")
    first = repo.start(*start)
    until(lambda: begun(repo) == ["one"])
    first.send_signal(signal.SIGINT)
    let_end(repo)
    assert first.wait(TIMEOUT) == -signal.SIGINT
    assert [record(repo, name).status for name in ("one", "two")] == [Status.DONE, Status.QUEUED]
    (repo.path.parent / "seen" / "go-on").unlink()
    second = repo.start(*start)
    until(lambda: begun(repo) == ["one", "two"])
    for _ in range(2):
        second.send_signal(signal.SIGINT)
        time.sleep(0.5)  # two at once are one
    assert second.wait(TIMEOUT) == -signal.SIGINT
    assert [record(repo, name).status for name in ("two", "three")] == [Status.INTERRUPTED, Status.QUEUED]
    assert begun(repo) == ["one", "two"]


def test_a_job_that_its_engine_begins_again_goes_on_with_its_own_run(
    repo: Workspace, engine: ScriptedEngine
) -> None:
    at_work = opened(repo, engine, "one", "two")
    going_on(repo, engine, at_work, "one")
    process = record(repo, "one").process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    second = engine.begin("one")  # while the first one still stores what it has
    let_end(repo)
    assert second.wait(TIMEOUT) == 0
    assert (record(repo, "one").status, record(repo, "one").tries) == (Status.DONE, 1)
    assert record(repo, "one").job == engine.id_of("one")
    assert (begun(repo), record(repo, "two").status) == (["one", "one"], Status.QUEUED)


def test_what_has_ended_is_not_kept_in_the_file(repo: Workspace, engine: ScriptedEngine) -> None:
    let_end(repo)
    at_work = opened(repo, engine, "one", "two")
    (file,) = (repo.path / ".git" / "gitexp" / "engines").iterdir()
    assert set(json.loads(file.read_text())) == {"one", "two"}
    engine.begin("one")
    engine.begin("two").wait(TIMEOUT)
    steps(at_work, lambda: not at_work.names)
    another = opened(repo, engine, "three")  # the first one has died without a word
    assert set(json.loads(file.read_text())) == {"three"}
    engine.begin("three")
    steps(another, lambda: not another.names)
    another.finish()
    assert json.loads(file.read_text()) == {}


def test_hundreds_of_jobs_are_asked_about_at_once_and_seldom(
    repo: Workspace, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step looks at all records once, and the engine is asked once in its interval."""
    repo.write("train.py", "")
    repo.gitexp("run", "--queue", "-q", "-S", f"args.n={','.join(map(str, range(300)))}", *TRAIN, "--n", "0")
    project = Project.open(repo.path)
    names = [one.name for one in queue.queued(project)]
    monkeypatch.setattr(engine, "interval", 3600.0)
    at_work = dispatcher_of(project, engine)
    looks = list[int]()
    look = at_work._reach.look

    def counted(names: set[str], *, fresh: bool = False) -> object:
        looks.append(len(names))
        return look(names, fresh=fresh)

    monkeypatch.setattr(at_work._reach, "look", counted)
    at_work.give(names)
    for _ in range(3):
        at_work._look_due = 0.0
        at_work.step()
    assert (len(engine.jobs), engine.asked) == (303, 0)
    at_work._ask_due = 0.0
    engine.says.clear()
    for _ in range(2):  # for the second time, all are gone, and become jobs again
        at_work._look_due = at_work._ask_due = 0.0
        at_work.step()
    assert (len(engine.jobs), engine.asked) == (606, 2)
    assert len(looks) < 12
