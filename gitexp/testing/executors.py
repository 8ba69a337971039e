"""The tests that every executor must pass."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.runs.begin import begin
from gitexp.runs.end import end
from gitexp.runs.execute import execute
from gitexp.runs.executor import Ended, Executor
from gitexp.runs.prepare import prepare
from gitexp.runs.request import RunRequest
from gitexp.testing.repositories import commit_all


class ExecutorContract:
    """The contract of every `Executor`. Fixture: `executor`, to work on this machine's files."""

    @pytest.fixture
    def executor(self) -> Any:
        raise NotImplementedError("a fixture `executor` with an executor")

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        """A repository with a commit of params.yaml and metrics.json."""
        root = tmp_path / "project"
        root.mkdir()
        (root / "params.yaml").write_text("lr: 0.1\n")
        (root / "metrics.json").write_text('{"loss": 9}\n')
        commit_all(root)
        return Project.open(root)

    def test_a_command_runs_in_its_folder_with_its_name(self, project: Project, executor: Executor) -> None:
        program = "import json, os; json.dump({'name': os.environ['GITEXP_NAME']}, open('seen.json', 'w'))"
        ended, experiment = _carried_out(project, executor, program, name="one")
        assert (ended.exit_code, ended.interrupted, ended.signal) == (0, False, None)
        assert experiment.record.status is Status.DONE
        assert json.loads((project.repo.root / "seen.json").read_text()) == {"name": "one"}

    def test_what_it_reads_is_set_and_what_it_writes_is_stored(
        self, project: Project, executor: Executor
    ) -> None:
        program = "text = open('params.yaml').read(); open('metrics.json', 'w').write('{\"loss\": 0.5}')\n"
        program += "assert text == 'lr: 0.2\\n', text"
        _, experiment = _carried_out(project, executor, program, overrides=("lr=0.2",))
        assert experiment.record.exit_code == 0
        assert experiment.record.params == {"params.yaml": {"lr": 0.2}}
        assert experiment.record.metrics == {"metrics.json": {"loss": 0.5}}

    @pytest.mark.parametrize("code", [1, 3, 255])
    def test_the_exit_code_is_passed_on(self, project: Project, executor: Executor, code: int) -> None:
        ended, experiment = _carried_out(project, executor, f"raise SystemExit({code})")
        assert (ended.exit_code, experiment.record.exit_code) == (code, code)
        assert experiment.record.status is Status.FAILED

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_death_by_a_signal_has_the_exit_code_of_a_shell(
        self, project: Project, executor: Executor
    ) -> None:
        ended, experiment = _carried_out(project, executor, "import os; os.kill(os.getpid(), 9)")
        assert (ended.exit_code, experiment.record.exit_code) == (128 + 9, 128 + 9)

    def test_both_outputs_are_logged(self, project: Project, executor: Executor) -> None:
        program = "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)"
        logged: list[bytes] = []
        _carried_out(project, executor, program, lambda ended: logged.append(ended.state.log.read_bytes()))
        assert sorted(logged[0].split(b"\n")) == [b"", b"to stderr", b"to stdout"]

    def test_the_time_and_what_it_ran_on_are_told(self, project: Project, executor: Executor) -> None:
        ended, experiment = _carried_out(project, executor, "import time; time.sleep(0.05)")
        assert 0.05 <= ended.duration < 60
        assert experiment.record.duration == ended.duration

    def test_an_isolated_run_leaves_the_workspace_alone(self, project: Project, executor: Executor) -> None:
        program = "open('params.yaml', 'w').write('lr: 7\\n'); open('new', 'w').close()"
        ended, experiment = _carried_out(project, executor, program, temp=True)
        assert (ended.exit_code, experiment.record.status) == (0, Status.DONE)
        assert (project.repo.root / "params.yaml").read_text() == "lr: 0.1\n"
        assert not (project.repo.root / "new").exists()


def _carried_out(
    project: Project,
    executor: Executor,
    program: str,
    look: Callable[[Ended], object] = lambda ended: None,
    **options: Any,
) -> tuple[Ended, Experiment]:
    """How a Python program ended, and the experiment; `look` sees the end before it is written down."""
    with contextlib.ExitStack() as held:
        null = held.enter_context(Path(os.devnull).open("wb")).fileno()
        request = RunRequest((sys.executable, "-c", program), stdout=null, stderr=null, **options)
        project.local.prepare()
        ready = prepare(project, request, held)
        live = begin(project, request, ready, held)
        ended = execute(live, executor)
        look(ended)
        return ended, end(live, ended)
