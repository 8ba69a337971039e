"""`import gitexp`: exactly these names, and next to nothing to pay for them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer import main

import gitexp
from gitexp import plugins
from gitexp.cli.main import app
from gitexp.cli.registry import COMMANDS, Root
from tests.support.experiments import put
from tests.support.workspace import Workspace

NAMES = [
    "MISSING",
    "Added",
    "Applied",
    "Artifact",
    "BadObject",
    "Change",
    "CheckedOut",
    "Cleanup",
    "Column",
    "Columns",
    "Contact",
    "Dag",
    "Damaged",
    "DataTransfer",
    "Details",
    "Diff",
    "EngineChoice",
    "Experiment",
    "Fate",
    "FileChange",
    "Found",
    "FsckReport",
    "Garbage",
    "GridResult",
    "Group",
    "History",
    "Imported",
    "Judgement",
    "Log",
    "OpenedExperiment",
    "Operation",
    "Params",
    "Pipeline",
    "Placed",
    "Point",
    "Project",
    "Promotion",
    "PullRequest",
    "Pulled",
    "PushRequest",
    "Pushed",
    "Query",
    "Record",
    "Removed",
    "Replicates",
    "Reproduced",
    "Request",
    "Result",
    "Row",
    "Run",
    "RunArtifact",
    "RunRequest",
    "Selection",
    "Series",
    "Shared",
    "Stage",
    "StageListener",
    "StageResult",
    "StageSelection",
    "Status",
    "SweepResult",
    "Table",
    "Taken",
    "Trashed",
    "Undone",
    "Verdict",
    "WhyResult",
    "WorkspaceStatus",
    "__version__",
    "active_run",
    "add",
    "alert",
    "apply",
    "autolog",
    "best",
    "branch",
    "callback",
    "checkout",
    "columns",
    "current_run",
    "dag",
    "dataframe",
    "details",
    "diff",
    "errors",
    "experiment",
    "experiments",
    "finish",
    "follow",
    "fsck",
    "gc",
    "import_experiment",
    "init",
    "judge",
    "log",
    "log_artifact",
    "log_audio",
    "log_confusion",
    "log_figure",
    "log_params",
    "log_table",
    "log_text",
    "note",
    "output",
    "params",
    "patch",
    "points",
    "pull",
    "pull_data",
    "push",
    "push_data",
    "queue",
    "redo",
    "redoable",
    "remove",
    "rename",
    "reproduce",
    "restore",
    "run_experiment",
    "save_workspace",
    "select",
    "start_run",
    "status",
    "sweep",
    "sweeps",
    "table",
    "tag",
    "trashed",
    "undo",
    "undoable",
    "why",
]


def test_the_names_are_these() -> None:
    assert gitexp.__all__ == NAMES
    assert set(NAMES) <= set(dir(gitexp))
    for name in NAMES:
        assert getattr(gitexp, name) is not None or name == "MISSING"


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        gitexp.nope  # noqa: B018


def _modules_of(program: str) -> set[str]:
    script = f"import sys; {program}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_is_cheap() -> None:
    heavy = {"gitdb", "rich", "typer", "yaml", "tomlkit", "pathspec", "gitexp.runs", "gitexp.repo"}
    assert not heavy & _modules_of("import gitexp")
    assert not {"rich", "typer", "optuna"} & _modules_of("import gitexp; gitexp.sweep; gitexp.queue.start")


ARGUMENTS = {"version": ["--version"], "help": ["--help"], "no command": [], "completion": []}


@pytest.mark.parametrize("asked", ARGUMENTS)
def test_what_is_said_of_all_commands_loads_none(asked: str) -> None:
    program = (
        "import atexit, os, sys; atexit.register(lambda: os.write(2, ' '.join(sys.modules).encode())); "
        "from gitexp.cli.main import main; main()"
    )
    environment = dict(os.environ)
    if asked == "completion":
        environment |= {"_GITEXP_COMPLETE": "complete_bash", "COMP_WORDS": "gitexp re", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *ARGUMENTS[asked]],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert ("rename" in done.stdout.split()) == (asked != "version")
    assert not loaded & {"gitdb", "rich", "yaml", "tomlkit", "pathspec", "gitexp.model", "gitexp.repo"}
    assert not [name for name in loaded if name.startswith("gitexp.cli.commands")]


def test_the_lines_about_the_commands_are_their_own() -> None:
    group = main.get_command(app)
    assert isinstance(group, Root)
    lines = {}
    for name in COMMANDS:
        command = group.get_command(None, name)
        lines[name] = inspect.cleandoc(command.help).splitlines()[0]
    assert lines == plugins.COMMANDS


def test_the_names_are_the_same_things() -> None:
    from gitexp.model import Status
    from gitexp.runs.run import run

    assert gitexp.run_experiment is run
    assert gitexp.Status is Status
    assert gitexp.errors.GitexpError.code == "error"


def test_the_whole_job_from_python(repo: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    repo.writes("metrics.json", "params.yaml")
    repo.allow("refs", "refs/heads/best")
    repo.allow("reflogs", "refs/heads/best")
    project = gitexp.Project.open(repo.path)
    request = gitexp.Request(("python", "train.py"), ["train.lr=0.3"], name="one")
    result = gitexp.run_experiment(project, request)
    assert (result.exit_code, result.experiment.record.status) == (0, gitexp.Status.DONE)
    assert gitexp.save_workspace(project, "two").name == "two"
    assert "epoch 3" in capfd.readouterr().out
    table = gitexp.table(project, gitexp.Query(sort="eval.acc", descending=True))
    assert {row.name for row in table.experiments} == {"one", "two"}
    assert gitexp.best(project, "eval.acc").name == table.experiments[0].name
    found = gitexp.diff(project, *gitexp.points(project, "one", None))
    assert [change.key for change in found.params] == ["train.lr"]
    assert b"epoch 1" in gitexp.output(project, "one").output
    assert b"".join(gitexp.follow(project, "one")) == gitexp.output(project, "one").output
    assert gitexp.branch(project, "one", "best").branch == "best"


def test_a_subfolder_is_enough_to_open(repo: Workspace) -> None:
    put(repo, "one")
    repo.write("below/x.txt", "")
    project = gitexp.Project.open(Path(repo.path, "below"))
    assert [found.name for found in gitexp.experiments(project, gitexp.Query())[0]] == ["one"]


def test_data_is_looked_after_from_python(repo: Workspace, tmp_path: Path) -> None:
    repo.write("big.bin", "x" * 1000)
    repo.allow("files", "gitexp.*", ".gitignore")
    project = gitexp.Project.open(repo.path)
    gitexp.add(project, ["big.bin"])
    gitexp.save_workspace(project, "one")
    repo.gitexp("remote", "add", "store", str(tmp_path / "store"))
    project = gitexp.Project.open(repo.path)
    pushed = gitexp.push_data(project, ["one"])
    assert (pushed.remote, pushed.objects, pushed.failed) == ("store", 1, {})
    assert gitexp.push_data(project, query=gitexp.Query()).objects == 0
    (stored,) = [each for each in (repo.path / ".git/gitexp/objects").rglob("*") if each.is_file()]
    stored.unlink()
    assert gitexp.fsck(project._replace(dry_run=True)).elsewhere == 1
    assert gitexp.pull_data(project).objects == 1
    assert gitexp.fsck(project).healthy
    kept = gitexp.gc(project, older_than="30d")
    assert (len(kept.garbage.used), kept.removed) == (1, gitexp.Removed(()))
    assert gitexp.gc(project._replace(dry_run=True)).removed is None
