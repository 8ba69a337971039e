"""`run` knows what has been run already: the same files, params, command and folder."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

import pytest

from gitexp import errors
from gitexp.model import Experiment, ProcessId, Status
from gitexp.project.project import Project
from gitexp.runs import run
from gitexp.runs.checks import earlier
from gitexp.runs.request import RunRequest
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs of POSIX")

TRAIN = ("--", "python", "train.py")
ONCE = ("run", "--once")


@pytest.fixture
def first(repo: Workspace) -> Experiment:
    """What the others may be the same as; its results lie about since."""
    repo.writes("metrics.json")
    repo.gitexp("run", "-q", "-n", "first", *TRAIN)
    return get(repo, "first")


def get(repo: Workspace, name: str) -> Experiment:
    return Project.open(repo.path).store.require(name)


def count(repo: Workspace) -> int:
    return len(Project.open(repo.path).store.names())


def test_it_is_said(repo: Workspace, first: Experiment) -> None:
    said = repo.gitexp("run", "-n", "second", *TRAIN).stderr
    assert said.index("same as first, loss 0.343, eval.acc 0.7446") < said.index("second done")
    assert get(repo, "second").record.identity == first.record.identity
    assert "; --once gives that result" in said
    assert "same as" not in repo.gitexp("run", "-q", *TRAIN).stderr


def test_once_gives_the_result_back(repo: Workspace, first: Experiment) -> None:
    result = repo.gitexp(*ONCE, "-n", "other", *TRAIN)
    assert result.stderr == "same as first, loss 0.343, eval.acc 0.7446: not run again\n"
    assert result.stdout == ""
    answer = repo.json(*ONCE, *TRAIN)
    assert (answer["name"], answer["record"]) == ("first", first.id)
    assert repo.gitexp(*ONCE, "-q", *TRAIN).stderr == result.stderr
    assert count(repo) == 1
    assert (
        repo.gitexp(*ONCE, "-n", "second", "-S", "train.lr=0.2", "--temp", *TRAIN).stderr.count("done") == 1
    )
    # Nothing is run, so nothing is written: -S leaves params.yaml alone.
    assert "same as second" in repo.gitexp(*ONCE, "-S", "train.lr=0.2", *TRAIN).stderr
    assert "lr: 0.1 " in repo.read("params.yaml")
    assert count(repo) == 2


def test_a_dry_run_says_it_for_every_way(repo: Workspace, first: Experiment) -> None:
    for way in (["--temp"], ["--from", "HEAD"], ["--from", "first"]):
        told = repo.gitexp(*ONCE, "--dry-run", *way, *TRAIN).stderr
        assert ("not run again" in told) == ("Run python" not in told)
        assert "not run again" in told
        changed = repo.gitexp("run", "--dry-run", *way, "-S", "train.lr=7", *TRAIN).stderr
        assert changed == "dry run: Run python train.py, with train.lr=7\n"
    assert count(repo) == 1
    assert not (repo.path / ".git" / "gitexp" / "worktrees" / "gitexp-1").exists()


def test_a_script_of_named_runs_can_be_started_anew(repo: Workspace, first: Experiment) -> None:
    assert repo.json(*ONCE, "-n", "first", *TRAIN)["record"] == first.id
    other = repo.json(*ONCE, "-n", "First", "-S", "train.lr=0.2", *TRAIN, check=False)
    assert other["error"]["code"] == "name-taken"  # by another run
    assert "lr: 0.1 " in repo.read("params.yaml")
    assert count(repo) == 1
    assert not list((repo.path / ".git/gitexp/runs").iterdir())


def test_other_ways_to_the_same_run(repo: Workspace, first: Experiment) -> None:
    for args in (("--temp", *TRAIN), ("--from", "first"), ("--from", "HEAD", *TRAIN)):
        assert "same as first" in repo.gitexp(*ONCE, *args).stderr
    repo.write("metrics.json", "{}")
    repo.git("add", "metrics.json")
    repo.git("commit", "-qm", "results do not count, nor does the baseline")
    assert "same as first" in repo.gitexp(*ONCE, *TRAIN).stderr
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.gitexp("run", "-q", "-n", "second")
    assert "same as second" in repo.gitexp(*ONCE, *TRAIN).stderr


def a_param(repo: Workspace) -> tuple[str, ...]:
    return ("-S", "train.lr=0.3", *TRAIN)


def a_file(repo: Workspace) -> tuple[str, ...]:
    repo.write("new.py", "")
    return TRAIN


def a_mode(repo: Workspace) -> tuple[str, ...]:
    with repo.by_user():
        (repo.path / "train.py").chmod(0o755)
    return TRAIN


def an_undeclared_result(repo: Workspace) -> tuple[str, ...]:
    repo.write("model.pt", "x")
    return TRAIN


def a_command(repo: Workspace) -> tuple[str, ...]:
    return (*TRAIN, "--more")


def a_metric(repo: Workspace) -> tuple[str, ...]:
    return ("--metric", "loss2=loss (.*)", *TRAIN)


@pytest.mark.parametrize("change", [a_param, a_file, a_mode, an_undeclared_result, a_command, a_metric])
def test_what_makes_another_run(
    repo: Workspace, first: Experiment, change: Callable[[Workspace], tuple[str, ...]]
) -> None:
    result = repo.gitexp(*ONCE, "--temp", *change(repo))
    assert "same as" not in result.stderr
    assert count(repo) == 2


def test_the_folder_counts(repo: Workspace) -> None:
    repo.write("a/x", "")
    repo.gitexp("run", "-q", "--", "true")
    assert "same as" not in repo.gitexp("run", "--", "true", cwd="a").stderr
    assert "same as" in repo.gitexp("run", "--", "true", cwd="a").stderr


def test_declared_results_at_any_depth_do_not_count(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [out/models/best, deep/er]\nmetrics: [out/m.json]\n")
    repo.write("out/notes.txt", "counts")
    repo.gitexp("run", "-q", "-n", "first", "--", "true")
    for name in ("out/models/best/a.pt", "deep/er/b", "out/m.json"):
        repo.write(name, "{}")
    assert "same as first" in repo.gitexp(*ONCE, "--", "true").stderr
    repo.write("out/models/worst", "counts")
    assert "same as" not in repo.gitexp(*ONCE, "--", "true").stderr


@pytest.mark.parametrize("script", ["exit 3", "kill -INT $PPID; sleep 0.5"])
def test_failed_and_interrupted_ones_run_again(repo: Workspace, script: str) -> None:
    command = ("--", "sh", "-c", script)
    repo.gitexp("run", "-q", *command, check=False, process=True)
    assert "same as" not in repo.gitexp(*ONCE, *command, check=False, process=True).stderr
    assert count(repo) == 2


def test_one_that_is_going_on(repo: Workspace, first: Experiment) -> None:
    repo.gitexp("run", "-q", "-n", "model", "-S", "train.lr=0.7", "--temp", *TRAIN)
    model = get(repo, "model").record
    with repo.by_user():
        repo.git("update-ref", "-d", "refs/gitexp/exps/model")
    process = ProcessId("elsewhere", 1, "x")
    same = {"identity": model.identity, "command": model.command}
    put(repo, "going", baseline=model.commit, status=Status.RUNNING, process=process, **same)
    put(repo, "forged", status=Status.DONE, **same)  # its commit has other files
    args = ("--temp", "-S", "train.lr=0.7", *TRAIN)
    refused = repo.gitexp(*ONCE, *args, check=False)
    assert refused.exit_code == 1
    assert "same as going, which is running" in refused.stderr
    assert "going is running exactly this" in refused.stderr
    assert "same as going" in repo.gitexp("run", "-n", "beside", *args).stderr
    assert "same as beside" in repo.gitexp(*ONCE, *args).stderr  # done is better than going on


def test_it_is_said_at_the_end_where_it_takes_long(
    repo: Workspace, first: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    started = threading.Event()
    read = earlier.Search._read

    def slowly(search: earlier.Search) -> None:
        assert started.wait(60)
        read(search)

    monkeypatch.setattr(earlier.Search, "_read", slowly)
    monkeypatch.setattr(run, "_PATIENCE", 0)

    def on_start(experiment: Experiment) -> None:
        said.append("started")
        started.set()

    request = RunRequest(
        TRAIN[1:], name="second", on_start=on_start, on_same=lambda same: said.append(same.name)
    )
    result = run.run(Project.open(repo.path), request)
    assert said == ["started", "first"]
    assert (result.experiment.name, result.again) == ("second", True)


def test_records_that_are_damaged_or_lie(repo: Workspace, first: Experiment) -> None:
    same = first.record.identity
    put(repo, "not-json", body=f'{{"identity":"{same}"')
    put(repo, "lies", note=f'"identity":"{same}"', identity="x")
    project = Project.open(repo.path)
    given = run.run(project, RunRequest(TRAIN[1:], once=True))
    assert (given.experiment.name, given.exit_code, given.again) == ("first", 0, False)
    with repo.by_user():
        (repo.path / ".git/refs/gitexp/exps/broken").write_text("1" * 40 + "\n")
    assert run.run(project, RunRequest(TRAIN[1:], once=True)).experiment.name == "first"


def test_errors_come_as_ever(repo: Workspace) -> None:
    with pytest.raises(errors.GitexpError, check=has_code("command-not-found")):
        run.run(Project.open(repo.path), RunRequest(("no-such-program",), once=True))


def test_of_many_at_once_one_runs(repo: Workspace) -> None:
    go = repo.path.parent / "go"
    script = f"for i in $(seq 600); do [ -e '{go}' ] && break; sleep 0.05; done"
    started = [repo.start("run", "--temp", "--once", "--json", "--", "sh", "-c", script) for _ in range(4)]
    refused = 0
    while refused < 3:
        refused = sum(process.poll() is not None for process in started)
        time.sleep(0.02)
    go.touch()
    codes = []
    for process in started:
        answer = json.loads(process.communicate(timeout=60)[0])
        codes.append(answer["error"]["code"] if answer["error"] else answer["status"])
    assert sorted(codes) == ["done", "still-running", "still-running", "still-running"]
    assert count(repo) == 1
