"""The tests that every engine must pass."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gitexp.extras.engines.engine import GONE, Engine, Job, JobState


class EngineContract:
    """The contract of every `Engine`. Fixture: `engine`, whose jobs see this machine's files.

    Attributes:
        patience: seconds for a job to be begun, or to end.
    """

    patience = 60.0

    @pytest.fixture
    def engine(self) -> Any:
        raise NotImplementedError("a fixture `engine` with an engine")

    def test_jobs_run_with_their_words_in_their_folder_with_their_variables(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        folder = tmp_path / "a folder"
        folder.mkdir()
        program = "import json, os, sys; open(sys.argv[1], 'w').write("
        program += "json.dumps([sys.argv[2:], os.getcwd(), os.environ['OWN'], os.environ['GITEXP_JOB'], "
        program += "os.environ['GITEXP_ENGINE'] != '']))"
        odd = ["a b", "$HOME `id` 'x\"", "", "-n", "é\n%s"]
        jobs = []
        for name in ("one", "two"):
            words = [sys.executable, "-c", program, f"{name}.json", name, *odd]
            jobs.append(Job(name, words, str(folder), {"OWN": f"{name}'s"}))
        ids = engine.submit(jobs)
        self.wait(engine, ids)
        for job, id in zip(jobs, ids, strict=True):
            seen = json.loads((folder / f"{job.name}.json").read_text())
            assert seen == [[job.name, *odd], str(folder), f"{job.name}'s", id, True]

    def test_a_job_is_told_of_while_it_runs_and_has_ended_whatever_its_status(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        go_on = tmp_path / "go-on"
        program = "import os, sys, time\nprint('has begun', flush=True)\n"
        program += "while not os.path.exists(sys.argv[1]): time.sleep(0.02)\nsys.exit(3)"
        (id,) = engine.submit([Job("one", [sys.executable, "-c", program, str(go_on)], str(tmp_path))])
        self.wait(engine, [id], JobState.RUNNING)
        assert id in engine.poll([id, "unknown"])
        go_on.touch()
        self.wait(engine, [id])
        assert "has begun" in engine.log(id)
        assert engine.submit([]) in ([], ())
        assert engine.poll([]) == {}
        assert engine.capacity() >= 0

    def test_a_running_job_is_ended_by_sigterm(self, engine: Engine, tmp_path: Path) -> None:
        program = "import signal, sys, time\ndef end(*_): open(sys.argv[1] + '-told', 'w'); sys.exit()\n"
        program += "signal.signal(signal.SIGTERM, end); open(sys.argv[1], 'w')\nwhile True: time.sleep(0.05)"
        begun = tmp_path / "begun"
        words = [sys.executable, "-c", program, str(begun)]
        (id,) = engine.submit([Job("one", words, str(tmp_path))])
        _until(begun.exists, self.patience)
        engine.cancel([id, "unknown"])
        self.wait(engine, [id])
        _until((tmp_path / "begun-told").exists, self.patience)

    def test_of_many_jobs_all_are_run_and_those_that_wait_can_be_dropped(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        program = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(0.2)"
        jobs = []
        for number in range(40):
            words = [sys.executable, "-S", "-c", program, f"job-{number}"]
            jobs.append(Job(str(number), words, str(tmp_path)))
        ids = engine.submit(jobs)
        assert len(set(ids)) == 40
        engine.cancel(ids[16:])
        self.wait(engine, ids)
        names = {path.name for path in tmp_path.iterdir()}
        assert names.issuperset(f"job-{number}" for number in range(16))
        assert "job-39" not in names

    def wait(self, engine: Engine, ids: Sequence[str], state: JobState = JobState.ENDED) -> None:
        """Wait until all jobs are in a state; fails after the patience of the contract."""

        def is_so() -> bool:
            reports = engine.poll(ids)
            return all(reports.get(id, GONE).state is state for id in ids)

        _until(is_so, self.patience, engine.interval)


def _until(is_so: Callable[[], object], patience: float, interval: float = 0.02) -> None:
    """Wait until something is so; fails after some seconds."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(interval)
