"""Runs on two machines of their own, one of which is cut off in the middle and brought back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.clones import refs_of
from tests.support.machines import Machines, machines
from tests.support.processes import until
from tests.support.repositories import git
from tests.support.workspace import Workspace

PROGRAM = """import os, socket, time
open('metrics.json', 'w').write('{"loss": 0.5}')
home = os.environ['HOME']
open(os.path.join(home, 'begun'), 'w').close()
while not os.path.exists(os.path.join(home, 'go-on')): time.sleep(0.02)
print(socket.gethostname())
"""


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Machines]:
    with machines(tmp_path) as found:
        yield found


def test_a_machine_that_is_cut_off_in_the_middle_of_a_run_brings_its_end_later(
    net: Machines, repo: Workspace
) -> None:
    bare = net.home("hub") / "team.git"
    git(net.folder, "init", "--quiet", "--bare", "-b", "main", str(bare))
    repo.git("push", "-q", str(bare), "main")
    repo.git("remote", "add", "origin", f"hub:{bare}")
    repo.write("train.py", PROGRAM)
    repo.write(
        "gitexp.yaml",
        f"engines: {{lab: {{kind: ssh, hosts: [ada, bob], remote: origin, python: {sys.executable}}}}}\n",
    )
    gitexp = net.on_hub(sys.executable, "-m", "gitexp")
    env = {**os.environ, **net.env}

    checked = subprocess.run(
        [*gitexp, "engine", "check", "lab", "--json"], cwd=repo.path, env=env, check=True, stdout=-1
    )
    assert [(one["place"], one["host"], one["ok"]) for one in json.loads(checked.stdout)] == [
        ("ada", "ada", True),
        ("bob", "bob", True),
    ]
    words = ("run", "-S", "train.lr=0.1,0.2", "--engine", "lab", "-j", "2", "--", "python", "train.py")
    running = subprocess.Popen([*gitexp, *words], cwd=repo.path, env=env, stderr=subprocess.PIPE)
    try:
        until(lambda: all((net.home(name) / "begun").exists() for name in ("ada", "bob")))
        net.pull_cable("bob")
        for name in ("ada", "bob"):
            (net.home(name) / "go-on").touch()
        until(lambda: len(refs_of(bare)) == 1)  # ada's has come
        time.sleep(1.0)
        assert running.poll() is None
        net.plug_cable("bob")
        running.communicate(timeout=100)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 0
    found = [one.record for one in Project.open(repo.path).store.readable()]
    assert [(record.status, record.tries) for record in found] == [(Status.DONE, 0)] * 2
    assert {record.host for record in found} == {"ada", "bob"}
    assert refs_of(bare) == refs_of(repo.path)
    assert refs_of(bare, "refs/gitexp/queue/") == {}
