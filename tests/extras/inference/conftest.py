"""Workers without the start-up of a Python: the fork server starts them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

import pytest

from gitexp.extras.inference.loop import driver
from gitexp.extras.queue import pool
from gitexp.project.project import Project
from tests.support.forkserver import Background, can_fork
from tests.support.workspace import fork_server


@pytest.fixture(autouse=True)
def _forked_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has commands in this process fork their workers: to start a worker takes longer than its runs."""
    if "repo" not in request.fixturenames or not can_fork(None):
        return
    server = fork_server()  # started before a command that would seem to leave it behind

    def of_pool(
        project: Project, words: Sequence[str], env: Mapping[str, str], *, stdin: int, stderr: IO[bytes]
    ) -> Background:
        assert (words[-2], stdin) == ("--for", subprocess.PIPE)
        return server.start_worker(words[:-2], project.here, env, stderr)

    def of_loop(project: Project, said: IO[bytes]) -> Background:
        return server.start_worker(driver.WORK, project.here, os.environ, said)

    monkeypatch.setattr(pool, "begun", of_pool)
    monkeypatch.setattr(driver, "worker", of_loop)
