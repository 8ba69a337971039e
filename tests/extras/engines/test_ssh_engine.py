"""The engine of hosts that ssh reaches: the contract, wrong settings, and hosts that do not answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.engines.by_ssh.ssh import SshEngine
from gitexp.extras.engines.by_ssh.ssh_hosts import OF_HOST, OPTIONS, hosts_of
from gitexp.extras.engines.engine import GONE, EngineSettings, Job, JobState
from gitexp.extras.engines.settings import KEYS
from gitexp.testing import EngineContract
from tests.support.lab import Lab, make_lab
from tests.support.processes import until
from tests.support.servers import Place, sshd
from tests.support.workspace import Workspace


def settings(hosts: Any, most: int = 0, **options: Any) -> EngineSettings:
    return EngineSettings("lab", "ssh", {"hosts": hosts, **options}, most=most)


@pytest.fixture
def lab(ssh_server: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = make_lab(ssh_server, tmp_path)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


class TestContract(EngineContract):
    @pytest.fixture
    def engine(self, lab: Lab) -> Iterator[SshEngine]:
        made = SshEngine(settings([{"host": "ada", "jobs": 8}, {"host": "bob", "jobs": 8}]))
        yield made
        made.close()


def ended(engine: SshEngine, *ids: str) -> bool:
    polled = engine.poll(ids)
    return all(polled.get(id, GONE).state is JobState.ENDED for id in ids)


def test_slots_are_filled_in_turn_and_gpus_are_dealt_out(lab: Lab, tmp_path: Path) -> None:
    told = "import os, sys; open(sys.argv[1], 'w').write(os.environ.get('CUDA_VISIBLE_DEVICES', 'none'))"
    go = "while not os.path.exists('go'): __import__('time').sleep(0.02)"
    engine = SshEngine(settings([{"host": "ada", "gpus": [0, 3]}, "bob"]))
    try:
        jobs = []
        for name in ("one", "two", "three", "four"):
            jobs.append(Job(name, [sys.executable, "-c", f"{told}\n{go}", name], str(tmp_path)))
        ids = engine.submit(jobs)

        def all_begun() -> bool:
            engine.poll(ids)  # fills a host that was slow to answer
            return all((tmp_path / name).exists() for name in ("one", "two", "three"))

        until(all_begun)
        assert engine.poll(ids)[ids[3]].state is JobState.WAITING
        (tmp_path / "go").touch()
        until(lambda: ended(engine, *ids))
        assert {name: (tmp_path / name).read_text() for name in ("one", "two", "three")} == {
            "one": "0",
            "two": "none",
            "three": "3",
        }
    finally:
        engine.close()


def test_a_job_outlives_the_process_that_began_it_and_is_found_again(lab: Lab, tmp_path: Path) -> None:
    program = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nprint('over', flush=True)"
    first = SshEngine(settings(["ada", "bob"]))
    (id,) = first.submit([Job("one", [sys.executable, "-c", program], str(tmp_path))])
    until(lambda: first.poll([id])[id].state is JobState.RUNNING and not first._hosts[0].call)
    first.close()
    second = SshEngine(settings(["bob", "ada"]))
    try:
        assert second.poll([id, "other"])[id].state is JobState.RUNNING
        (tmp_path / "go").touch()
        until(lambda: ended(second, id))
        assert second.log(id) == "over\n"
    finally:
        second.close()


def test_a_host_that_does_not_answer_keeps_no_other_waiting(tmp_path: Path, monkeypatch: Any) -> None:
    server = sshd(tmp_path / "server")
    for name, value in make_lab(server, tmp_path).env.items():
        monkeypatch.setenv(name, value)
    engine = SshEngine(settings(["nowhere.invalid", "ada"]))
    job = Job("one", [sys.executable, "-c", "import time; time.sleep(60)"], str(tmp_path))
    try:
        (id,) = engine.submit([job])
        until(lambda: engine.poll([id])[id].state is JobState.RUNNING)
        (stuck,) = engine.submit([job._replace(place="nowhere.invalid")])
        assert engine.poll([stuck])[stuck].is_stuck
        server.server.kill()
        until(lambda: "ada" in engine.poll([id])[id].reason)
        with pytest.raises(errors.EngineAway, match="ada"):
            engine.cancel([id])
        with pytest.raises(errors.EngineAway, match="No host of lab answers"):
            SshEngine(settings(["ada"])).submit([job])
        server.server.start()
        until(lambda: ended(engine, id))  # it was not forgotten that this one is to end
    finally:
        engine.close()
        server.server.kill()


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        (None, "it has no list of hosts"),
        (["-oProxyCommand=touch x"], "cannot be the name of a host"),
        (["ada; id"], "cannot be the name of a host"),
        ([{"host": "ada", "job": 1}], "a host has no option 'job'"),
        ([{"host": "ada", "jobs": "two"}], "jobs of ada must be a number"),
        ([{"host": "ada", "gpus": ["0;id"]}], "gpus of ada must be a list"),
        (["ada", "ada"], "stands there twice"),
        ([{"jobs": 2}], "cannot be the name of a host"),
    ],
)
def test_what_cannot_be_a_host_is_refused(hosts: Any, told: str) -> None:
    with pytest.raises(errors.UsageError, match=told):
        hosts_of(settings(hosts))


def test_the_listing_reaches_no_host(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "engines: {lab: {kind: ssh, hosts: [ada, bob], jobs: 3}}\n")
    assert "lab  ssh  2 hosts by ssh: ada, bob, 3 jobs at a time" in repo.gitexp("engine").stdout


def test_the_options_are_documented() -> None:
    text = (Path(__file__).parents[3] / "docs/engines.md").read_text("utf-8")
    for key in (*KEYS, *OPTIONS, *OF_HOST):
        assert f"| `{key}` |" in text
