"""What `gitexp run` does, through the real command line."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.repo.git import snapshot
from gitexp.repo.git.repository import Repository
from gitexp.repo.live import RunState
from gitexp.runs import run, save
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.runs.request import RunRequest
from tests.support.kills import git
from tests.support.workspace import Workspace

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, shells and terminals")

TRAIN = ("--", "python", "train.py")


def python(script: str, *args: str) -> tuple[str, ...]:
    return ("--", "python", "-c", script, *args)


WRITE_LOSS = python("import json; json.dump({'loss': 0.5}, open('metrics.json', 'w'))")


def latest(repo: Workspace) -> Experiment:
    """The experiment that was made last, as the store has it."""
    found = Project.open(repo.path).store.all()
    return max(found, key=lambda experiment: experiment.record.created)


def names(repo: Workspace) -> list[str]:
    return Project.open(repo.path).store.names()


def wait_for(path: Path, text: str = "") -> None:
    end = time.monotonic() + 30
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


# -- params ---------------------------------------------------------------------------------------


def test_overrides_change_the_file_in_place(repo: Workspace) -> None:
    repo.writes("params.yaml", "metrics.json")
    before = repo.read("params.yaml")
    options = (
        "-S",
        "train.lr=0.2",
        "-S",
        "model.layers[1]=8",
        "-S",
        "+train.warmup=5",
        "-S",
        "~model.dropout",
    )
    repo.gitexp("run", "-q", *options, *TRAIN)
    after = repo.read("params.yaml")
    assert "# Everything a run may change." in after
    assert "  lr: 0.2        # step size\n" in after
    assert "[32, 8]" in after
    assert "  warmup: 5\n" in after
    assert "dropout" not in after
    assert len(after.splitlines()) == len(before.splitlines())
    record = latest(repo).record
    assert record.overrides == options[1::2]
    assert record.params["params.yaml"]["train"] == {"lr": 0.2, "epochs": 3, "optimizer": "sgd", "warmup": 5}
    assert git(repo, "show", f"{record.commit}:params.yaml") == after.rstrip("\n")


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("p.json", '{\n   "lr": 0.1,\n   "seed": 1\n}', '{\n   "lr": 0.2,\n   "seed": 1\n}'),
        ("p.toml", "# why\nlr = 0.1 # step\r\nseed = 1\n", "# why\nlr = 0.2 # step\r\nseed = 1\n"),
        ("p.py", "# why\nLR = 1\nlr = 0.1  # step\n", "# why\nLR = 1\nlr = 0.2  # step\n"),
        ("p.yml", "lr:   0.1 # step\r\nseed: 1", "lr:   0.2 # step\r\nseed: 1"),
    ],
)
def test_every_format_keeps_its_look(repo: Workspace, file: str, before: str, after: str) -> None:
    repo.write("gitexp.yaml", f"params: [{file}]\n")
    repo.write(file, before)
    repo.writes(file)
    repo.gitexp("run", "-q", "-S", "lr=0.2", "--", "true")
    assert (repo.path / file).read_bytes().decode() == after
    record = latest(repo).record
    assert record.params[file]["lr"] == 0.2
    stored = subprocess.run(
        ["git", "show", f"{record.commit}:{file}"], cwd=repo.path, capture_output=True, check=True
    )
    assert stored.stdout.decode() == after


def test_a_number_that_becomes_a_text_is_told(repo: Workspace) -> None:
    """As in `-S 'lr="0.1,0.2"'`, which without the quotes is a sweep."""
    repo.writes("params.yaml")
    said = "train.lr was the number 0.1, now it is the text '0.1,0.2'"
    said += "; without the quotes, several values are several runs"
    done = repo.gitexp("run", "-S", 'train.lr="0.1,0.2"', "-S", "train.epochs=4", "--", "true")
    assert f"warning: {said}\n" in done.stderr
    assert latest(repo).record.warnings == (said,)
    repo.gitexp("run", "-q", "-S", "train.lr=1", "-S", "train.optimizer=lion", "--", "true")
    assert latest(repo).record.warnings == ("train.lr was the text '0.1,0.2', now it is the number 1",)


def test_several_files_and_the_one_that_is_named(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "params: [params.yaml, other.json]\n")
    repo.write("other.json", '{"train": {"lr": 1}, "only": 1}\n')
    repo.write("third.yaml", "deep: {er: 1}\n")
    repo.writes("other.json", "third.yaml")
    repo.gitexp(
        "run", "-q", "-S", "other.json:train.lr=2", "-S", "only=3", "-S", "third.yaml:deep.er=9", "--", "true"
    )
    assert json.loads(repo.read("other.json")) == {"train": {"lr": 2}, "only": 3}
    assert repo.read("third.yaml") == "deep: {er: 9}\n"
    record = latest(repo).record
    assert set(record.params) == {"params.yaml", "other.json", "third.yaml"}
    result = repo.gitexp("run", "-q", "-S", "train.lr=2", "--", "true", check=False)
    assert result.exit_code in (1, 2)
    assert "other.json" in result.stderr


@pytest.mark.parametrize("options", [(), ("--temp",)], ids=["workspace", "temp"])
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("-S", "train.l=0.2", *TRAIN), 1, "train.lr"),
        (("-S", "~train.nothing", *TRAIN), 1, "train.nothing"),
        (("-S", "nowhere.yaml:x=1", *TRAIN), 1, "nowhere.yaml"),
        (("-S", "train.lr", *TRAIN), 2, "train.lr"),
        (("-S", "train.lr=0.2", "--", "no-such-program"), 1, "no-such-program"),
        (("-S", "train.lr=0.2"), 2, "gitexp.yaml"),
        (("-S", "train.lr=0.2", "-n", "taken", *TRAIN), 1, "taken"),
        (("-S", "train.lr=0.2", "-n", "TAKEN", *TRAIN), 1, "taken"),
        (("-S", "train.lr=0.2", "-n", "a..b", *TRAIN), 2, "a..b"),
    ],
)
def test_what_is_refused_has_changed_nothing(
    repo: Workspace, options: tuple[str, ...], arguments: tuple[str, ...], status: int, words: str
) -> None:
    save.save(Project.open(repo.path), "taken")
    result = repo.gitexp("run", *options, *arguments, check=False)
    assert result.exit_code == status, result.stderr
    assert words in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr
    repo.guard.check()
    assert names(repo) == ["taken"]
    assert list((repo.path / ".git" / "gitexp" / "runs").glob("*")) == []


def test_a_workspace_that_is_refused_leaves_the_params_alone(repo: Workspace) -> None:
    repo.write("big.dat", bytes(11 << 20))
    result = repo.gitexp("run", "-S", "train.lr=0.2", *TRAIN, check=False)
    assert (result.exit_code, "big.dat" in result.stderr) == (1, True)
    repo.guard.check()
    assert names(repo) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_params_file_has_one_name(repo: Workspace) -> None:
    repo.write("sub/gitexp.yaml", "params: [p.yaml]\n")
    repo.write("sub/p.yaml", "lr: 1\nseed: 1\n")
    repo.write("p.yaml", "lr: 5\n")
    with repo.by_user():
        (repo.path / "link.yaml").symlink_to("sub/p.yaml")
    repo.writes("sub/p.yaml")
    named = ("-S", "p.yaml:lr=2", "-S", "./p.yaml:seed=3", "-S", "+link.yaml:new=4")
    repo.gitexp("run", "-q", *named, "--", "true", cwd="sub")
    assert repo.read("sub/p.yaml") == "lr: 2\nseed: 3\nnew: 4\n"
    assert set(latest(repo).record.params) == {"sub/p.yaml"}
    repo.write("sub/gitexp.yaml", "params: [link.yaml]\n")
    with repo.by_user():
        (repo.path / "sub/link.yaml").symlink_to("p.yaml")
    repo.gitexp("run", "-q", "-S", "lr=7", "--", "true", cwd="sub")
    assert (latest(repo).record.params["sub/link.yaml"]["lr"], latest(repo).record.warnings) == (7, ())


def test_a_read_only_params_file_is_not_changed(repo: Workspace) -> None:
    repo.write("params.yaml", repo.read("params.yaml"), mode=0o444)
    result = repo.gitexp("run", "-S", "train.lr=0.2", *TRAIN, check=False)
    assert (result.exit_code, "params.yaml" in result.stderr, names(repo)) == (1, True, [])
    repo.gitexp("run", "-q", "--temp", "-S", "train.lr=0.2", "--", "true")


def test_the_params_of_the_record_are_those_of_the_tree(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the user saves the file between the two."""
    take = snapshot.take

    def saved_meanwhile(*args: Any) -> Any:
        repo.write("params.yaml", "train: {lr: 0.9}\n")
        return take(*args)

    monkeypatch.setattr(snapshot, "take", saved_meanwhile)
    run.run(Project.open(repo.path), RunRequest(("true",)))
    assert latest(repo).record.params == {"params.yaml": {"train": {"lr": 0.9}}}


@pytest.mark.parametrize(
    ("text", "line"),
    [("train:\n  lr: [0.1\n", 3), ("lr: 1\n---\nlr: 2\n", 2), ("- 1\n", None), ("lr: 1\nlr: 2\n", 2)],
)
def test_a_broken_params_file_stops_the_run_only_if_somebody_names_it(
    repo: Workspace, text: str, line: int | None
) -> None:
    repo.write("params.yaml", text)
    place = "params.yaml:" if line is None else f"params.yaml:{line}:"
    told = repo.gitexp("run", "-n", "one", "--", "echo", "--x", "1").stderr
    assert f"warning: not read: {place}" in told
    assert latest(repo).record.params == {".gitexp/command": {"args": {"x": 1}}}
    changed = repo.gitexp("run", "-n", "two", "-S", "args.x=2", "--", "echo", "--x", "1").stdout
    assert "--x 2" in changed
    for more in ("-S", "lr=2"), ("-S", "params.yaml:lr=2"):
        refused = repo.gitexp("run", *more, "--", "true", check=False)
        assert (refused.exit_code, f"error: {place}" in refused.stderr) == (1, True)
    repo.write("gitexp.yaml", "params: [params.yaml]\n")
    refused = repo.gitexp("run", "--", "true", check=False)
    assert (refused.exit_code, f"error: {place}" in refused.stderr) == (1, True)
    assert names(repo) == ["one", "two"]


def test_a_value_that_cannot_be_recorded_costs_only_itself(repo: Workspace) -> None:
    repo.write("params.yaml", "train:\n  lr: 0.1  # kept\n  size: !!python/tuple [1, 2]\n")
    repo.allow("files", "params.yaml")
    told = repo.gitexp("run", "-S", "train.lr=0.2", "--", "cat", "params.yaml")
    assert "warning: params.yaml:3: `train.size` is left out: the tag !!python/tuple" in told.stderr
    assert told.stdout.startswith("train:\n  lr: 0.2  # kept\n  size: !!python/tuple [1, 2]\n")
    assert latest(repo).record.params == {"params.yaml": {"train": {"lr": 0.2}}}


def test_a_large_params_file_is_read_when_it_is_asked_for(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "params: [big.json]\n")
    repo.write("big.json", json.dumps({"lr": 0.1, "prompt": "x" * 70_000}))
    repo.gitexp("run", "-q", "-n", "one", "--", "true")
    record = latest(repo).record
    assert (record.params, record.cut_params) == ({}, ("big.json",))
    repo.write("big.json", json.dumps({"lr": 0.2, "prompt": "x" * 70_000}))
    repo.gitexp("run", "-q", "-n", "two", "--", "true")
    assert "0.2" in repo.gitexp("diff", "one", "two").stdout


# -- the experiment -------------------------------------------------------------------------------


def test_what_is_stored(repo: Workspace) -> None:
    repo.writes("metrics.json")
    head = git(repo, "rev-parse", "HEAD")
    repo.write("train.py", repo.read("train.py") + "# changed\n")
    repo.write("new.py", "pass\n")
    result = repo.gitexp("run", "-n", "one", "-m", "a note\nof two lines", "-S", "train.lr=0.1", *TRAIN)
    assert result.stdout == "epoch 1: loss 0.7000\nepoch 2: loss 0.4900\nepoch 3: loss 0.3430\n"
    one = latest(repo)
    record = one.record
    assert git(repo, "rev-parse", "refs/gitexp/exps/one") == one.id
    assert git(repo, "show", "-s", "--format=%P", one.id) == record.commit
    assert git(repo, "show", "-s", "--format=%P", record.commit) == head == record.baseline
    assert git(repo, "show", "-s", "--format=%s", record.commit) == "one: train.lr=0.1"
    assert git(repo, "diff", "--name-only", head, record.commit).split() == [
        "metrics.json",
        "new.py",
        "train.py",
    ]
    added = git(repo, "diff", "--name-status", record.commit, one.id).split("\n")
    assert added == ["A\t.gitexp/run/environment.txt", "A\t.gitexp/run/output.log"]
    assert git(repo, "show", f"{one.id}:.gitexp/run/output.log") == result.stdout.rstrip("\n")
    assert (record.status, record.exit_code, record.process) == (Status.DONE, 0, None)
    assert (record.command, record.argv) == ("python train.py", ("python", "train.py"))
    assert (record.branch, record.note, record.overrides) == (
        "main",
        "a note\nof two lines",
        ("train.lr=0.1",),
    )
    assert record.metrics == {"metrics.json": {"loss": 0.343, "eval": {"acc": 0.744602}}}
    assert record.params["params.yaml"]["model"]["layers"] == [32, 16]
    assert record.finished is not None
    assert record.created < record.finished
    assert record.created.endswith("Z")
    assert record.duration is not None
    assert 0 < record.duration < 30
    assert record.python == ".".join(map(str, sys.version_info[:3]))
    assert record.host
    assert record.user
    assert record.platform
    assert record.cpus
    assert record.gitexp
    assert record.warnings == ()
    assert git(repo, "fsck", "--strict", "--no-dangling", "--no-progress") == ""


def test_the_environment_is_a_requirements_file(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "--", sys.executable, "-c", "pass")
    text = git(repo, "show", f"{latest(repo).id}:.gitexp/run/environment.txt")
    assert "# python " in text
    assert any(line.lower().startswith("gitpython==") for line in text.splitlines())
    assert all(line.startswith("#") or "==" in line for line in text.splitlines())


def test_the_code_that_ran_is_what_is_stored(repo: Workspace) -> None:
    """However the user, or the command itself, changes the files while it runs."""
    before = {name: repo.read(name) for name in ("train.py", "params.yaml")}
    repo.writes("train.py", "params.yaml", "later.py", "metrics.json")
    script = (
        "import json; [open(f, 'a').write('# edited\\n') for f in ('train.py', 'params.yaml', 'later.py')];"
        "json.dump({'loss': 1}, open('metrics.json', 'w'))"
    )
    repo.gitexp("run", "-q", *python(script))
    record = latest(repo).record
    for name, text in before.items():
        assert git(repo, "show", f"{record.commit}:{name}") + "\n" == text
        assert repo.read(name) == text + "# edited\n"
    assert "later.py" not in git(repo, "ls-tree", "--name-only", record.commit)
    assert record.metrics == {"metrics.json": {"loss": 1}}


def test_a_detached_head_and_a_branch_of_another_name(repo: Workspace) -> None:
    repo.git("switch", "-q", "-c", "feature/one")
    repo.gitexp("run", "-q", "-n", "one", "--", "true")
    assert latest(repo).record.branch == "feature/one"
    repo.git("switch", "-q", "--detach", "HEAD~1")
    repo.gitexp("run", "-q", "-n", "two", "--", "true")
    two = latest(repo).record
    assert (two.branch, two.baseline) == (None, git(repo, "rev-parse", "HEAD"))


def test_nobody_has_told_git_a_name(repo: Workspace) -> None:
    person = {f"GIT_{role}_{part}": None for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    repo.gitexp("run", "-q", "--", "true", env=person)
    assert "gitexp" in git(repo, "show", "-s", "--format=%an <%ae>", latest(repo).record.commit)


def test_from_a_folder_below(repo: Workspace) -> None:
    repo.write("sub/params.yaml", "lr: 1\n")
    repo.write("sub/deeper/here.py", "import os, sys; print(os.getcwd(), os.environ['GITEXP_ROOT'])\n")
    repo.writes("sub/params.yaml")
    result = repo.gitexp("run", "-q", "-S", "lr=2", "--", "python", "here.py", cwd="sub/deeper")
    where = repo.path.resolve() / "sub"
    assert result.stdout == f"{where / 'deeper'} {where}\n"
    assert latest(repo).record.params == {"sub/params.yaml": {"lr": 2}}
    temp = repo.gitexp("run", "-q", "--temp", "-S", "lr=3", "--", "python", "here.py", cwd="sub/deeper")
    assert temp.stdout.split()[0].endswith("/sub/deeper")
    assert str(where) not in temp.stdout
    assert repo.read("sub/params.yaml") == "lr: 2\n"


def test_a_path_with_spaces_and_more(repo: Workspace) -> None:
    path = repo.path.parent / "ä path, with 'quotes' and $more"
    subprocess.run(["git", "clone", "-q", str(repo.path), str(path)], check=True)
    other = Workspace(path)
    other.write("gitexp.yaml", "command: python 'mein träning.py'\n")
    other.write("mein träning.py", other.read("train.py"))
    other.writes("metrics.json", "params.yaml")
    other.gitexp("run", "-q", "-S", "train.lr=0.2")
    assert latest(other).record.metrics["metrics.json"]["loss"] == 0.216
    other.gitexp("run", "-q", "--temp", "-S", "train.lr=0.3")
    assert latest(other).record.metrics["metrics.json"]["loss"] == 0.125
    other.close()


# -- the command ----------------------------------------------------------------------------------


def test_the_commands_environment(repo: Workspace) -> None:
    ours = "{k: v for k, v in os.environ.items() if k[:4] in ('GITE', 'DVC_')}"
    script = f"import json, os; print(json.dumps({ours}))"
    told = json.loads(repo.gitexp("run", "-q", "-n", "one", *python(script)).stdout)
    head, root = git(repo, "rev-parse", "HEAD"), str(repo.path.resolve())
    assert told.pop("GITEXP_RUN").startswith(f"{root}/.git/gitexp/runs/")
    assert told == {
        "GITEXP_NAME": "one",
        "GITEXP_BASELINE": head,
        "GITEXP_ROOT": root,
        "DVC_ROOT": root,
        "DVC_EXP_NAME": "one",
        "DVC_EXP_BASELINE_REV": head,
    }


def test_the_command_of_the_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: echo a | tr a b && echo $((1+1))\n")
    assert repo.gitexp("run", "-q").stdout == "b\n2\n"
    assert latest(repo).record.argv is None
    repo.write("gitexp.yaml", "command: [echo, $HOME, 'a b']\n")
    assert repo.gitexp("run", "-q").stdout == "$HOME a b\n"
    assert latest(repo).record.command == "echo '$HOME' 'a b'"
    repo.write("gitexp.yaml", "params: [params.yaml]\n")
    result = repo.gitexp("run", check=False)
    assert (result.exit_code, "gitexp init" in result.stderr) == (2, True)


@pytest.mark.parametrize("code", [0, 1, 3, 77, 255])
def test_the_exit_code_is_passed_on(repo: Workspace, code: int) -> None:
    assert repo.gitexp("run", *python(f"print('said'); exit({code})"), check=False).exit_code == code
    one = latest(repo)
    assert (one.record.status, one.record.exit_code) == (Status.FAILED if code else Status.DONE, code)
    assert git(repo, "show", f"{one.id}:.gitexp/run/output.log") == "said"


def test_a_failing_command_keeps_its_metrics(repo: Workspace) -> None:
    repo.writes("metrics.json")
    script = (
        "import json; json.dump({'loss': 9}, open('metrics.json', 'w')); raise SystemExit('out of memory')"
    )
    result = repo.gitexp("run", *python(script), check=False)
    assert result.exit_code == 1
    one = latest(repo)
    assert one.record.metrics == {"metrics.json": {"loss": 9}}
    assert git(repo, "show", f"{one.record.commit}:metrics.json") == '{"loss": 9}'
    assert repo.gitexp("log", one.name).stdout == "out of memory\n"
    assert "failed (exit 1)" in result.stderr


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_a_command_that_is_killed(repo: Workspace, number: int, code: int) -> None:
    result = repo.gitexp("run", *python(f"import os; os.kill(os.getpid(), {int(number)})"), check=False)
    assert result.exit_code == code
    assert (latest(repo).record.status, latest(repo).record.exit_code) == (Status.FAILED, code)


def test_a_shell_line_whose_program_is_not_there(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: cd . && no-such-program\n")
    assert repo.gitexp("run", check=False).exit_code == 127
    assert latest(repo).record.status is Status.FAILED


WAITS = """
import json, pathlib, sys, time
print('waiting', flush=True)
json.dump({'loss': 0.5}, open('metrics.json', 'w'))
pathlib.Path('started').touch()
time.sleep(60)
"""


@posix
def test_ctrl_c(repo: Workspace) -> None:
    repo.writes("metrics.json", "started")
    assert repo.tty("run", "-n", "one", *python(WAITS), keys=[("waiting", "\x03")]).exit_code == 130
    record = latest(repo).record
    assert record.status is Status.INTERRUPTED
    assert "waiting" in repo.gitexp("log", "one").stdout


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(repo: Workspace, number: int) -> None:
    """gitexp ends by the signal that it was sent, when all is stored."""
    repo.writes("metrics.json", "started")
    process = repo.start("run", "-n", "one", *python(WAITS))
    wait_for(repo.path / "started")
    process.send_signal(number)
    assert process.wait(30) == -number
    record = latest(repo).record
    assert record.status is Status.INTERRUPTED
    assert record.metrics == {"metrics.json": {"loss": 0.5}}
    assert record.warnings == ()
    assert repo.gitexp("log", "one").stdout.startswith("waiting")


@posix
@pytest.mark.parametrize("point", ["store:before-ref", "store:after-ref", "run:created", "run:params"])
def test_ctrl_c_between_the_ref_and_the_command(repo: Workspace, point: str, tmp_path: Path) -> None:
    """It waits until the experiment is written down; then that is interrupted, and all is stored."""
    driver = f"""
import os, signal, sys
from gitexp import failpoints
from gitexp.runs import begin, local
from gitexp.repo import experiments as store
def interrupt(name):
    if name == {point!r}:
        os.kill(os.getpid(), signal.SIGINT)
begin.failpoint = local.failpoint = store.failpoint = interrupt
sys.argv = ["gitexp", "run", "-n", "one", "-S", "train.lr=0.2", "--", "touch", "started"]
from gitexp.cli.main import main
main()
"""
    repo.writes("params.yaml")
    done = subprocess.run(
        [sys.executable, "-c", driver], cwd=repo.path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    one = latest(repo)
    assert (one.name, one.record.status, one.record.process) == ("one", Status.INTERRUPTED, None)
    assert not (repo.path / "started").exists()
    assert list((repo.path / ".git" / "gitexp" / "runs").iterdir()) == []


def test_an_interrupt_while_the_results_are_stored_is_too_late(repo: Workspace) -> None:
    driver = """
import os, signal, sys
from gitexp.runs import end
def interrupt(name):
    if name == "finish:read":
        os.kill(os.getpid(), signal.SIGINT)
end.failpoint = interrupt
sys.argv = ["gitexp", "run", "--json", "-n", "one", "--", "true"]
from gitexp.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", driver], cwd=repo.path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "done"


@posix
def test_whoever_reads_our_messages_may_go(repo: Workspace) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "gitexp", "run", "-n", "one", *TRAIN],
        cwd=repo.path,
        stdout=subprocess.DEVNULL,
        stderr=write,
        timeout=60,
    )
    os.close(write)
    repo.writes("metrics.json")
    assert process.returncode == 0
    assert latest(repo).record.status is Status.DONE


# -- metrics --------------------------------------------------------------------------------------


def test_a_result_of_an_earlier_run_is_not_this_ones(repo: Workspace) -> None:
    repo.write("metrics.json", '{"loss": 0.1}')
    result = repo.gitexp("run", "--", "true")
    record = latest(repo).record
    assert record.metrics == {}
    assert "metrics.json" in record.warnings[0]
    assert record.warnings[0] in result.stderr


def test_a_result_that_is_written_again_is_this_ones(repo: Workspace) -> None:
    repo.writes("metrics.json")
    for _ in range(2):
        repo.gitexp("run", "-q", *WRITE_LOSS)
        record = latest(repo).record
        assert (record.metrics, record.warnings) == ({"metrics.json": {"loss": 0.5}}, ())


@pytest.mark.parametrize(
    ("name", "content", "metrics"),
    [
        ("metrics.json", b'{"a": NaN, "b": [Infinity], "d": "-inf"}', {"a": nan, "b": [inf], "d": -inf}),
        ("metrics.yaml", b"loss: .nan\nacc: 1e-3\n", {"loss": nan, "acc": 0.001}),
        ("metrics.toml", b"loss = 0.5\n[eval]\nacc = inf\n", {"loss": 0.5, "eval": {"acc": inf}}),
        ("metrics.csv", b"epoch,loss\n1,0.5\n2,0.25\n", {"epoch": 2, "loss": 0.25}),
        ("metrics.tsv", b"Name\tValue\tTimestamp\tStep\nloss\t1\t0\t1\nloss\t0.5\t0\t2\n", {"loss": 0.5}),
        ("dvclive/metrics.json", b'{"loss": 0.5, "step": 3}', {"loss": 0.5, "step": 3}),
    ],
)  # fmt: skip
def test_formats(repo: Workspace, name: str, content: bytes, metrics: dict[str, Any]) -> None:
    repo.write(".gitignore", "dvclive/\nmetrics.*\n")
    repo.writes(name)
    script = (
        f"import pathlib; p = pathlib.Path({name!r}); p.parent.mkdir(exist_ok=True);"
        f"p.write_bytes({content!r})"
    )
    repo.gitexp("run", "-q", *python(script))
    record = latest(repo).record
    assert str(record.metrics[name]) == str(metrics)
    stored = ["git", "cat-file", "blob", f"{record.commit}:{name}"]
    assert subprocess.run(stored, cwd=repo.path, capture_output=True, check=True).stdout == content
    row = next(row for row in repo.json("show") if row["kind"] == "experiment")
    assert row["metrics"]


def test_params_that_the_command_writes(repo: Workspace) -> None:
    repo.writes("dvclive/*")
    script = "import os; os.mkdir('dvclive'); open('dvclive/params.yaml', 'w').write('seen: 1\\n')"
    repo.gitexp("run", "-q", *python(script))
    assert latest(repo).record.params["dvclive/params.yaml"] == {"seen": 1}


@pytest.mark.parametrize("content", [b"\0\xff\xfe garbage", b'{"loss": ', b"[" * 100_000, b"[1, 2]", b'"x"'])
def test_metrics_that_cannot_be_read_are_a_warning(repo: Workspace, content: bytes) -> None:
    repo.writes("metrics.json")
    script = f"open('metrics.json', 'wb').write({content!r})"
    result = repo.gitexp("run", *python(script))
    record = latest(repo).record
    assert (record.status, record.metrics) == (Status.DONE, {})
    assert "metrics.json" in record.warnings[0]
    assert "Traceback" not in result.stderr


def test_one_result_that_cannot_be_stored_loses_no_other(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "metrics: [metrics.json]\nouts: [models]\n")
    repo.writes("metrics.json", "models/*")
    script = (
        "import os; os.mkdir('models'); [open(f'models/{n}', 'w').write(n) for n in 'amz'];"
        "os.chmod('models/m', 0);"
        "open('metrics.json', 'w').write('{}')"
    )
    repo.gitexp("run", "-q", *python(script), unreadable=True)
    record = latest(repo).record
    assert record.status is Status.DONE
    (warning,) = (text for text in record.warnings if text.startswith("not stored"))
    assert warning.startswith("not stored: models/m: ")
    assert git(repo, "ls-tree", "--name-only", f"{record.commit}:models").split() == ["a", "z"]
    assert git(repo, "show", f"{record.commit}:metrics.json") == "{}"


# -- the log --------------------------------------------------------------------------------------


def test_a_long_log_keeps_its_head_and_tail(repo: Workspace) -> None:
    script = "print('the first'); [print('x' * 99) for _ in range(130_000)]; print('the last')"
    result = repo.gitexp("run", *python(script))
    assert len(result.stdout) > 13_000_000
    one = latest(repo)
    size = int(git(repo, "cat-file", "-s", f"{one.id}:.gitexp/run/output.log"))
    assert 9 << 20 < size <= 10 << 20
    log = git(repo, "show", f"{one.id}:.gitexp/run/output.log")
    assert log.startswith("the first\n")
    assert log.endswith("\nthe last")
    assert "bytes left out here" in log
    assert any(warning.startswith("log cut:") for warning in one.record.warnings)


# -- output ---------------------------------------------------------------------------------------


def test_json_is_one_document(repo: Workspace) -> None:
    repo.writes("metrics.json")
    result = repo.gitexp("run", "--json", "-n", "one", *TRAIN)
    row = json.loads(result.stdout)
    assert (row["name"], row["status"], row["exit_code"]) == ("one", "done", 0)
    assert row["metrics"] == {"loss": 0.343, "eval.acc": 0.744602}
    assert "epoch 1" in result.stderr
    failed = repo.gitexp("run", "--json", *python("exit(3)"), check=False)
    assert (failed.exit_code, json.loads(failed.stdout)["status"]) == (3, "failed")
    refused = repo.gitexp("run", "--json", "-n", "one", *TRAIN, check=False)
    assert (refused.exit_code, json.loads(refused.stdout)["error"]["code"]) == (1, "name-taken")


def test_quiet_says_name_and_result_in_a_line(repo: Workspace) -> None:
    repo.writes("metrics.json")
    result = repo.gitexp("run", "-q", "-n", "one", *TRAIN)
    assert len(result.stdout.splitlines()) == 3
    assert re.fullmatch(r"one done in \d+\.\d s · loss 0\.343 · eval\.acc 0\.7446\n", result.stderr)


# -- two at once ----------------------------------------------------------------------------------


@posix
def test_a_second_run_in_the_workspace_is_refused(repo: Workspace) -> None:
    repo.writes("metrics.json", "started")
    first = repo.start("run", "-n", "first", *python(WAITS))
    wait_for(repo.path / "started")
    result = repo.gitexp("run", "-S", "train.lr=9", *TRAIN, check=False)
    assert result.exit_code == 1
    assert "first is going on" in result.stderr
    assert "--temp" in result.stderr
    repo.guard.check()
    repo.gitexp("run", "-q", "--temp", "-n", "beside", "-S", "train.lr=0.2", *TRAIN)
    assert repo.gitexp("log", "first").stdout == "waiting\n"
    rows = {row["name"]: row["status"] for row in repo.json("list")}
    assert rows == {"first": "running", "beside": "done"}
    first.send_signal(signal.SIGTERM)
    first.wait(30)


@posix
def test_a_linked_worktree_is_a_workspace_of_its_own(repo: Workspace, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Workspace(tmp_path / "linked")
    repo.writes("metrics.json", "started")
    linked.writes("metrics.json")
    repo.start("run", "-n", "first", *python(WAITS))
    wait_for(repo.path / "started")
    linked.gitexp("run", "-q", "-n", "second", *TRAIN)
    assert set(names(repo)) == {"first", "second"}
    assert names(linked) == names(repo)


# -- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(repo: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """The repository on a file system with 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["git", "clone", "-q", str(repo.path), str(disk / "repo")], check=True)
        workspace = Workspace(disk / "repo")
        workspace.write(".gitignore", "filler\n")
        yield workspace
        workspace.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


FILL = "import json; json.dump({'loss': 0.5}, open('metrics.json', 'w'))\n" + (
    "import pathlib, time\nprint('so far', flush=True)\n"
    "logs, until = pathlib.Path('.git/gitexp/runs'), time.monotonic() + 5\n"
    "while time.monotonic() < until and any(not log.stat().st_size for log in logs.glob('*/output.log')):\n"
    "    time.sleep(0.01)\n"
    "with open('filler', 'wb', 0) as f:\n"
    "    for size in (65536, 4096, 1):\n"
    "        try:\n"
    "            while f.write(bytes(size)): pass\n"
    "        except OSError: pass\n"
)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing can be reserved here")
def test_a_disk_without_room_for_results(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before the command, with nothing left: neither the run's folder nor an open file."""

    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    done = repo.gitexp("run", "--", "true", check=False)
    assert (done.exit_code, "no room for the results" in done.stderr) == (1, True)
    assert not list((repo.path / ".git" / "gitexp" / "runs").iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(RunState, "save", lambda self: full(0, 0, 0))
    repo.gitexp("run", "--", "true", check=False)
    assert not list((repo.path / ".git" / "gitexp" / "runs").iterdir())


def test_a_disk_that_the_command_fills(small_disk: Workspace) -> None:
    """There is room kept for the end."""
    small_disk.writes("metrics.json", "filler")
    result = small_disk.gitexp("run", *python(FILL), check=False)
    assert result.exit_code == 0, result.stderr
    one = latest(small_disk)
    assert (one.record.status, one.record.metrics) == (Status.DONE, {"metrics.json": {"loss": 0.5}})


def test_a_disk_that_is_too_full_for_the_results(small_disk: Workspace) -> None:
    small_disk.writes("metrics.json", "filler")
    rest = "import os, pathlib\nfor p in pathlib.Path('.git/gitexp/runs').glob('*/reserve'): p.unlink()\n"
    # In a process that then is gone: the run is over.
    result = small_disk.gitexp("run", "-n", "one", *python(rest + FILL), check=False, process=True)
    assert result.exit_code == 1
    assert "disk is full" in result.stderr or "No space left" in result.stderr
    assert "one has ended but could not be stored" in result.stderr
    assert "Traceback" not in result.stderr
    assert latest(small_disk).record.status is Status.RUNNING
    assert small_disk.gitexp("list").stdout == "one\n", "reading works on a full disk"
    (small_disk.path / "filler").unlink()
    small_disk.gitexp("show")
    one = latest(small_disk)
    assert one.record.status.ended
    assert one.record.metrics == {"metrics.json": {"loss": 0.5}}
    assert small_disk.gitexp("log", "one").stdout == "so far\n"
    assert git(small_disk, "fsck", "--no-dangling", "--no-progress") == ""


def test_a_disk_that_is_full_before(small_disk: Workspace) -> None:
    small_disk.write("filler", b"")
    subprocess.run(
        [sys.executable, "-c", FILL.split("\n", 1)[1]], cwd=small_disk.path, check=True, capture_output=True
    )
    small_disk.guard.retake()
    result = small_disk.gitexp("run", "-S", "train.lr=0.2", *TRAIN, check=False)
    assert result.exit_code == 1
    assert "disk is full" in result.stderr.lower()
    small_disk.guard.check()
    assert names(small_disk) == []


def test_a_repository_that_cannot_be_written(repo: Workspace) -> None:
    git = repo.path / ".git"
    git.chmod(0o500)
    try:
        result = repo.gitexp("run", "-S", "train.lr=0.2", *TRAIN, check=False, unreadable=True)
        assert result.exit_code == 1
        assert "Cannot write" in result.stderr
        assert "ermission" in result.stderr
        repo.gitexp("show", unreadable=True)
        repo.gitexp("list", unreadable=True)
    finally:
        git.chmod(0o755)
    repo.guard.check()


def test_params_that_somebody_edits_at_that_moment_are_not_lost(repo: Workspace) -> None:
    driver = """
import sys
from pathlib import Path
from gitexp.runs import begin
def edit(name):
    if name == "run:created":
        Path("params.yaml").write_text("mine: 1\\n")
begin.failpoint = edit
sys.argv = ["gitexp", "run", "-S", "train.lr=0.2", "--", "true"]
from gitexp.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", driver], cwd=repo.path, capture_output=True, text=True, timeout=60
    )
    repo.writes("params.yaml")
    assert (done.returncode, repo.read("params.yaml")) == (1, "mine: 1\n")
    assert "changed by somebody else" in done.stderr
    record = latest(repo).record
    assert (record.status, record.exit_code) == (Status.FAILED, 1)
    assert any("changed by somebody else" in warning for warning in record.warnings)


def test_nothing_is_left_to_finish_after_all_that(repo: Workspace) -> None:
    repo.gitexp("run", "-q", "--", "true")
    assert finish_dead_runs(Project.open(repo.path)) == []
    assert list((repo.path / ".git" / "gitexp" / "tmp").iterdir()) == []


def test_a_result_of_an_earlier_run_is_no_part_of_one_that_wrote_none(repo: Workspace) -> None:
    repo.writes("metrics.json", "logs.csv")
    repo.gitexp("run", "-n", "good", "--", "python", "train.py")
    repo.gitexp("run", "-n", "bad", "--", "python", "-c", "raise SystemExit(3)", check=False)
    assert "metrics.json" in repo.git("ls-tree", "--name-only", "refs/gitexp/exps/good^")
    assert "metrics.json" not in repo.git("ls-tree", "--name-only", "refs/gitexp/exps/bad^")
    repo.git("add", "metrics.json")
    repo.git("commit", "-qm", "results belong to the code here")
    repo.gitexp("run", "-n", "tracked", "--", "python", "-c", "pass")
    assert "metrics.json" in repo.git("ls-tree", "--name-only", "refs/gitexp/exps/tracked^")


def test_an_undeclared_input_among_the_outs_is_kept_as_it_was(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [data, lost.txt]\n")
    repo.write(".gitignore", "data/ignored.csv\n")
    for name in ("data/in.csv", "data/ignored.csv", "lost.txt"):
        repo.write(name, "1\n")
    repo.writes("lost.txt")
    repo.gitexp("run", "-q", "-n", "one", "--", "rm", "lost.txt")
    assert repo.git("ls-tree", "--name-only", "refs/gitexp/exps/one^:data") == "in.csv"
    assert "lost.txt" not in repo.git("ls-tree", "--name-only", "refs/gitexp/exps/one^")


def test_what_gitexp_keeps_beside_is_removed_during_the_run(repo: Workspace) -> None:
    repo.writes("metrics.json")
    script = "import runpy, shutil; runpy.run_path('train.py'); shutil.rmtree('.git/gitexp')"
    repo.gitexp("run", "-q", *python(script))
    experiment = latest(repo)
    record = experiment.record
    assert (record.status, record.exit_code) == (Status.DONE, 0)
    assert record.metrics["metrics.json"]["loss"] == 0.343
    assert "log is lost" in record.warnings[-2]
    assert "what was logged is lost" in record.warnings[-1]
    assert b"# python" in (Project.open(repo.path).store.run_file(experiment, "environment.txt") or b"")


def test_objects_that_are_pruned_meanwhile_are_made_again(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.gitexp("run", "-n", "one", "--", "true", env={"GITEXP_FAILPOINT": "run:ended"}, check=False)
    write, calls = Repository.write_commit, []

    def fail_twice(self: Repository, *args: Any, **options: Any) -> str:
        calls.append(args)
        if len(calls) < 3:
            raise errors.GitFailed("not a valid object")
        return write(self, *args, **options)

    monkeypatch.setattr(Repository, "write_commit", fail_twice)
    assert [one.name for one in finish_dead_runs(Project.open(repo.path))] == ["one"]


def test_a_secret_among_the_outs_is_not_stored(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [models/]\n")
    repo.writes("models/*")
    code = "import os; os.makedirs('models'); [open(f'models/{n}', 'w') for n in ('.env', 'a.bin')]"
    result = repo.gitexp("run", "-n", "one", "--", "python", "-c", code)
    assert "models/.env" in result.stderr
    assert repo.git("ls-tree", "--name-only", "refs/gitexp/exps/one^:models") == "a.bin"
