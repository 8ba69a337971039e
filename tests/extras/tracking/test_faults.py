"""Scripts that log where something is wrong: forks, signals, lost folders, full disks, wrong values."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.extras.tracking import series_writer
from gitexp.extras.tracking.lines import LineFile
from gitexp.extras.tracking.run import Run
from gitexp.extras.tracking.run_log import RunLog
from gitexp.extras.tracking.series_writer import SeriesWriter
from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.extras.tracking.test_runs import only, script, series
from tests.support.workspace import Workspace

SUMMARY = ".gitexp/run/summary.json"


def by_name(repo: Workspace) -> dict[str, Experiment]:
    return {each.name: each for each in Project.open(repo.path).store.readable()}


def test_forks_while_a_thread_logs(repo: Workspace) -> None:
    """No lock of the parent's keeps a child waiting, and the end of a child is not that of the run."""
    script(
        repo,
        "import gitexp, os, sys, threading\n"
        "going = True\n"
        "def work():\n    while going:\n        gitexp.log({'thread': 1})\n"
        "with gitexp.start_run('forks') as run:\n"
        "    threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "    [thread.start() for thread in threads]\n"
        "    for number in range(30):\n"
        "        if not (child := os.fork()):\n"
        "            gitexp.log({'child': number})\n"
        "            os._exit(0)\n"
        "        os.waitpid(child, 0)\n"
        "    going = False\n"
        "    [thread.join() for thread in threads]\n"
        "    if not (child := os.fork()):\n        sys.exit(3)\n"
        "    os.waitpid(child, 0)\n"
        "    run.log({'last': 1})\n",
    )
    experiment = only(repo)
    assert (experiment.record.status, experiment.record.warnings) == ("done", ())
    assert experiment.record.metrics[SUMMARY] == {"thread": 1, "child": 29, "last": 1}
    assert len([point for point in series(repo, experiment) if "child" in point]) == 30


def test_two_threads_begin_one_run(repo: Workspace) -> None:
    script(
        repo,
        "import gitexp, threading\n"
        "def work(n):\n    gitexp.log({f'a{n}': n})\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
        "[thread.start() for thread in threads]\n[thread.join() for thread in threads]\n",
    )
    assert only(repo).record.metrics[SUMMARY] == {f"a{n}": n for n in range(4)}


def test_runs_in_runs_whatever_folder_the_script_is_in(repo: Workspace, tmp_path: Path) -> None:
    script(
        repo,
        "import gitexp, os\nfrom contextlib import ExitStack\n"
        "with ExitStack() as stack:\n"
        "    for n in range(5):\n"
        "        stack.enter_context(gitexp.start_run('deep', nested=True)).log({'n': n})\n"
        f"        os.chdir({str(tmp_path)!r})\n"
        "    try:\n        gitexp.start_run()\n"
        "    except gitexp.errors.UsageError as error:\n        print(error)\n",
    )
    found = by_name(repo)
    names = ["deep", "deep-2", "deep-3", "deep-4", "deep-5"]
    assert [found[name].record.metrics[SUMMARY]["n"] for name in names] == [*range(5)]
    assert [found[name].record.parent for name in names] == ["", *names[:4]]


def test_the_live_folder_is_deleted(repo: Workspace) -> None:
    script(
        repo,
        "import gitexp, shutil\n"
        "with gitexp.start_run('one') as run:\n"
        "    run.log({'a': 1})\n    shutil.rmtree('.git/gitexp/runs')\n"
        "    run.log({'a': 2})\n    run.log_text('x', 'y')\n",
    )
    record = only(repo).record
    assert record.status == "done"
    assert "what was logged is lost: somebody has deleted the run's folder" in record.warnings


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGTERM)", "os._exit(0)"])
def test_an_end_that_python_does_not_see(repo: Workspace, how: str) -> None:
    repo.write("train.py", f"import gitexp, os, signal\ngitexp.log({{'a': 1}})\n{how}\n")
    done = subprocess.run([sys.executable, "train.py"], cwd=repo.path, check=False)
    assert done.returncode in (0, -signal.SIGTERM)
    repo.gitexp("list")
    assert (only(repo).record.status, only(repo).record.metrics[SUMMARY]) == ("interrupted", {"a": 1})


def test_closed_descriptors(repo: Workspace) -> None:
    """What the script prints does not end up in its series."""
    repo.write("train.py", "import gitexp\ngitexp.log({'a': 1})\nprint('x')\n")
    subprocess.run(["sh", "-c", f"{sys.executable} train.py <&- >&- 2>&-"], cwd=repo.path, check=True)
    experiment = only(repo)
    assert [point["a"] for point in series(repo, experiment)] == [1]


def test_a_disk_that_takes_no_more(repo: Workspace) -> None:
    """Training goes on; the record says what is missing. A limit on the size of files stands for the disk."""
    printed = script(
        repo,
        "import gitexp, resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "run = gitexp.start_run()\n"
        "before = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))\n"
        "for n in range(2000):\n    run.log({'a': n})\n"
        "run.log_text('large', 'x' * 30_000)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, before)\n"
        "print('went on')\n",
    )
    assert printed == "went on\n"
    record = only(repo).record
    assert record.status == "done"
    assert record.metrics[SUMMARY]["a"] > 100
    assert "logged lines that could not be written: " in " ".join(record.warnings)
    assert "not logged: texts/large.txt: File too large" in record.warnings


def test_two_scripts_at_once(repo: Workspace) -> None:
    repo.write(
        "first.py",
        "import gitexp, subprocess, sys\n"
        "with gitexp.start_run('first'):\n"
        "    gitexp.log({'a': 1})\n"
        "    env = {k: v for k, v in __import__('os').environ.items() if not k.startswith('GITEXP_')}\n"
        "    subprocess.run([sys.executable, 'second.py'], env=env, check=True)\n",
    )
    repo.write("second.py", "import gitexp\ngitexp.start_run('second').log({'b': 2})\n")
    subprocess.run([sys.executable, "first.py"], cwd=repo.path, check=True)
    found = by_name(repo)
    assert found["second"].record.metrics == {SUMMARY: {"b": 2}}
    assert (
        "only what was logged is stored of its results: first is going on"
        in found["second"].record.warnings[0]
    )
    assert found["first"].record.warnings == ()


def test_where_the_script_is_started(repo: Workspace, tmp_path: Path) -> None:
    repo.writes("test_it.py", "*")
    repo.write("test_it.py", "import gitexp\n\ndef test():\n    gitexp.start_run('tested').finish()\n")
    python = [sys.executable, "-P", "-c"]
    code = f"import gitexp; gitexp.start_run('typed', repo={str(repo.path)!r}).log({{'a': 1}})"
    subprocess.run([*python, code], cwd=tmp_path, check=True)
    tested = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    subprocess.run(tested, cwd=repo.path, check=True, capture_output=True)
    typed = "import gitexp\ngitexp.start_run('piped').log({'a': 1})\n"
    subprocess.run([sys.executable], input=typed, text=True, cwd=repo.path, check=True)
    commands = {name: one.record.command for name, one in by_name(repo).items()}
    assert commands.pop("typed", "").startswith("python -P -c 'import gitexp; gitexp.start_run(")  # type: ignore[union-attr]  # a text
    assert commands == {"tested": "python -m pytest -q -p no:cacheprovider test_it.py", "piped": None}


@pytest.mark.parametrize("variable", ["RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"])
def test_all_ranks(repo: Workspace, variable: str) -> None:
    """Under `gitexp run` each rank logs apart; alone only the first does, and the others say so."""
    repo.write(
        "train.py",
        f"import gitexp, os\nrun = gitexp.start_run(all_ranks=True)\n"
        f"run.log({{'loss': int(os.environ[{variable!r}])}})\nrun.log_text('who', 'x')\n",
    )
    ranks = f"for n in 0 1; do {variable}=$n {sys.executable} train.py || exit; done"
    repo.gitexp("run", "-n", "one", "--", "sh", "-c", ranks)
    record = only(repo).record
    assert record.metrics == {SUMMARY: {"loss": 0}}
    assert {"series.jsonl", "rank-1.jsonl"} <= {*record.series}  # and system.jsonl where it takes long
    assert [point["loss"] for point in series(repo, only(repo), "rank-1.jsonl")] == [1]
    names = [each["name"] for each in repo.json("artifacts", "one")["artifacts"]]
    assert names == ["rank-1/texts/who.txt", "texts/who.txt"]
    alone = subprocess.run(
        [sys.executable, "train.py"],
        cwd=repo.path,
        env={**os.environ, variable: "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rank 1 does not log" in alone.stderr
    assert len(by_name(repo)) == 1


def test_values_that_no_record_can_hold(repo: Workspace) -> None:
    printed = script(
        repo,
        "import gitexp\n"
        "run = gitexp.start_run(params={'x': 'y' * 10_000_000, 'z': 1, 'a/b': 2, 'c\\n': 3, 'k' * 250: 4,\n"
        "                               '\\ud800': 5, 'large': 10 ** 5000})\n"
        "run.note('n' * 100_000)\n"
        "run.log({'a/b': 1, 'c\\n': 2, 'm' * 250: 3, '\\ud800': 4, 'd.e': 5})\n"
        "for wrong in (lambda: run.tag('t' * 101), lambda: run.tag('a\\nb'),\n"
        "              lambda: run.log({'huge': 10 ** 5000}), lambda: run.log({5: 1}),\n"
        "              lambda: run.log({'_step': 1}), lambda: run.define('a', 'median')):\n"
        "    try:\n        wrong()\n"
        "    except (ValueError, TypeError) as error:\n        print(type(error).__name__)\n",
    )
    assert printed.split() == ["ValueError"] * 3 + ["TypeError"] * 2 + ["ValueError"]
    record = only(repo).record
    assert set(record.params[".gitexp/run/params.json"]) == {"z", "a/b", "c\n", "k" * 250, "large"}
    assert record.metrics[SUMMARY] == {"a/b": 1, "c\n": 2, "m" * 250: 3, "d": {"e": 5}}
    assert len(record.note) == 65_536
    told = " ".join(record.warnings)
    for word in (
        "left out, together over 1 MiB: x",
        "half of a surrogate pair",
        "the note given in code is cut",
    ):
        assert word in told
    repo.gitexp("show", record.name)


def test_thousands_of_names(repo: Workspace) -> None:
    """They are more than a record has room for: they are read back from its tree."""
    script(
        repo, "import gitexp\nfor n in range(2):\n    gitexp.log({f'm/{k}': k + n for k in range(6000)})\n"
    )
    assert only(repo).record.cut_metrics == (SUMMARY,)
    found = repo.json("show", only(repo).name)[0]["metrics"]
    assert (len(found), found["m/5999"]) == (6000, 6000)


def test_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_writer, "MOST_NAMES", 10)
    lost: list[str] = []
    file = LineFile(tmp_path, "series", lost.append)
    writer = SeriesWriter(file)
    for number in range(15):
        writer.log({f"a{number}": 1})
        writer.log({"a0": number})
    writer.close()
    assert (lost, file.lost) == (["more than 10 different names of metrics"], 5)
    points = [json.loads(line) for line in (tmp_path / "series.jsonl").read_text().splitlines()]
    assert [point["_step"] for point in points if "a0" in point] == [*range(16)]


def test_summary_of_the_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "summary: {acc: best, 'time/*': mean, loss: min}\n")
    repo.commit()
    script(
        repo,
        "import gitexp\nrun = gitexp.start_run(summary={'val/loss': 'last'})\n"
        "for n in (3, 1, 2):\n"
        "    run.log({'val/acc': n, 'time/step': n, 'loss': n, 'val/loss': n, 'other': n})\n",
    )
    assert only(repo).record.metrics[SUMMARY] == {
        "val/acc": 3,
        "time/step": 2.0,
        "loss": 1,
        "val/loss": 2,
        "other": 2,
    }


def test_links_in_a_live_folder(repo: Workspace, tmp_path: Path) -> None:
    """What stands behind a link that came with an archive is nobody's artifact."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/key").write_text("secret")
    script(
        repo,
        "import gitexp, os\n"
        "run = gitexp.start_run('one')\nrun.log({'a': 1})\n"
        "top = run.folder('made')\n"
        f"os.symlink({str(tmp_path / 'secret/key')!r}, top / 'key')\n"
        f"os.symlink({str(tmp_path / 'secret')!r}, top / 'folder')\n"
        "os.mkfifo(top / 'pipe')\n"
        "for name in ('Twice', 'twice', 'gitexp.lock'):\n    (top / name).touch()\n",
    )
    record = only(repo).record
    names = [each["name"] for each in repo.json("artifacts", "one")["artifacts"]]
    assert names == ["made/Twice"]
    assert sorted(text.partition(":")[0] for text in record.warnings) == [
        "not stored, a logged artifact beside one of the same name but for case",
        *["not stored, a logged artifact that is no plain file"] * 3,
        "not stored, a logged artifact whose name is that of a file of gitexp's",
    ]


def test_a_run_that_does_not_log_takes_everything(tmp_path: Path) -> None:
    run = Run()
    run.log({"a": 1})
    run.log_artifact(tmp_path / "nothing")
    run.summary["a"] = 1
    assert (run.summary["a"], run.folder("x"), run.finish(), run.is_on) == (1, None, None, False)
    ended = Run("one", RunLog(tmp_path / "logged"))
    ended.log({"a": 1})
    ended.finish()
    ended.log({"a": 2})
    assert dict(ended.summary) == {"a": 1}


WRONG = """
import gitexp

def why(work):
    try:
        work()
    except Exception as error:
        print(type(error).__name__, error, *getattr(error, "__notes__", ()), sep="|")

why(lambda: gitexp.start_run(repo="gone"))
why(lambda: gitexp.start_run(system_interval="soon"))
assert gitexp.active_run() is None
run = gitexp.start_run("one", tags="solo", system_interval="30 s", params=gitexp.params())
why(lambda: gitexp.start_run("two"))
for wrong in (1.5, True, "3", float("nan")):
    why(lambda: run.log({"loss": 1}, step=wrong))
why(lambda: run.log_text("text", "text", step=0.5))
why(lambda: run.log("loss", 0.3))
run.log({"loss": 1, "v.x": 2, "a..b": 3, "w": 4, "w.x": 5}, step=2.0)
run.log_params({"lr": 0.1, "train": {"seed": 7, "depth": 2}})
run.log_params({"api_key": "hunter", "keys": ["ghp_" + "a" * 20]})
run.summary["password"] = "hunter"
run.finish()
run.log({"loss": 9})
run.log_text("late", "late")
"""


def test_wrong_use_is_said_where_it_happens(repo: Workspace) -> None:
    repo.write("params.yaml", "lr: 0.1\ntrain: {seed: 3}\n")
    repo.write("train.py", WRONG)
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder, interval, second, *steps, text, form = done.stdout.splitlines()
    assert folder == f"RepositoryError|There is no folder {repo.path}/gone."
    assert interval.startswith("ValueError|system_interval must be a duration")
    assert second.startswith("UsageError|A run is on already: one.|hint: End it first: gitexp.finish()")
    assert [line.rpartition(" ")[2] for line in steps] == ["1.5", "True", "'3'", "nan"]
    assert text == "TypeError|the step is an integer, and not 0.5"
    assert form == "TypeError|log takes names with their numbers, log({'loss': 0.5}), and no str"
    assert done.stderr.count("one has ended") == 1
    record = only(repo).record
    assert record.tags == ("solo",)
    # What params.yaml has with the same value is there already.
    masked = "***secret***"
    params = {"train": {"seed": 7, "depth": 2}, "api_key": masked, "keys": masked}
    assert record.params[".gitexp/run/params.json"] == params
    metrics = {"loss": 1, "v": {"x": 2}, "a..b": 3, "w": 4, "w.x": 5, "password": masked}
    assert record.metrics[SUMMARY] == metrics
    assert any("looks like a secret: the value of api_key" in text for text in record.warnings)
    assert "hunter" not in repo.git("show", f"{only(repo).id}:.gitexp/run/params.json")
    assert repo.gitexp("best", "v.x", "--max").stdout == "one\n"
