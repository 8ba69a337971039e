"""Push and pull with real servers: ssh, http, git daemon; without rights there, and with connections cut."""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.clones import Team, assert_whole, make_team, outcomes, refs_of
from tests.support.experiments import put
from tests.support.servers import Place, Server, free_port
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="servers of POSIX")

Make = Callable[..., Team]


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a connection that breaks leaves behind ends with the process."""
    monkeypatch.setattr(Workspace, "own_process", True)


@pytest.fixture
def team_at(repo: Workspace, tmp_path: Path) -> Iterator[Make]:
    """Makes a team whose bare repository is served from a folder."""
    made: list[Team] = []

    def make(url: str, folder: Path) -> Team:
        bare = folder / tmp_path.name / "team.git"
        made.append(make_team(repo, tmp_path, f"{url}/{tmp_path.name}/team.git", bare))
        return made[0]

    yield make
    for team in made:
        team.bob.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Starts `git daemon` over a folder, for reading, or with `--enable=receive-pack` for writing too."""
    servers = []

    def start(*options: str) -> Place:
        port, folder = free_port(), tmp_path / "served"
        folder.mkdir()
        program = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip()) / "git-daemon"
        where = ("--listen=127.0.0.1", f"--port={port}", f"--base-path={folder}", "--reuseaddr")
        command = [str(program), "--export-all", "--timeout=20", *where, *options]
        servers.append(Server(port, [command], tmp_path / "daemon.log"))
        servers[0].start()
        return Place(servers[0], f"git://127.0.0.1:{port}", folder)

    yield start
    for server in servers:
        server.kill()


class Cutter:
    """A port that passes on to another one, until so many bytes have gone there or come back."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.there = self.back = math.inf
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                self._threads.append(threading.Thread(target=self._relay, args=(client,)))
                self._threads[-1].start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            ways = ((client, server, self.there), (server, client, self.back))
            pumps = [threading.Thread(target=_pump, args=way) for way in ways]
            for pump in pumps:
                pump.start()
            for pump in pumps:
                pump.join()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()


def _pump(source: socket.socket, target: socket.socket, most: float) -> None:
    with suppress(OSError):
        while chunk := source.recv(1000):
            most -= len(chunk)
            if most < 0:
                break
            target.sendall(chunk)
    for one in (target,) if most >= 0 else (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_WR if most >= 0 else socket.SHUT_RDWR)


def exchange_all(team: Team, env: Mapping[str, str]) -> None:
    """Push, list, pull, unite and remove."""
    put(team.ann, "one")
    put(team.ann, "two")
    assert outcomes(team.ann.json("push", env=env)) == {"one": "new", "two": "new"}
    assert team.there() == refs_of(team.ann.path)
    assert outcomes(team.ann.json("push", env=env)) == {"one": "up-to-date", "two": "up-to-date"}
    assert team.bob.gitexp("list", "--remote", "origin", env=env).stdout == "one\ntwo\n"
    assert outcomes(team.bob.json("pull", env=env)) == {"one": "new", "two": "new"}
    team.bob.gitexp("tag", "-q", "one", "bobs")
    team.bob.gitexp("push", "-q", env=env)
    team.ann.gitexp("tag", "-q", "one", "anns")
    assert outcomes(team.ann.json("push", env=env, check=False))["one"] == "refused"
    assert outcomes(team.ann.json("pull", env=env))["one"] == "united"
    assert outcomes(team.ann.json("push", env=env))["one"] == "updated"
    team.ann.gitexp("remove", "-y", "-q", "--remote", "origin", "two", env=env)
    assert team.there() == {"one": refs_of(team.ann.path)["one"]}
    team.bob.gitexp("import", "-q", team.url, "one", "--name", "imported", env=env, check=False)
    assert_whole(team.ann.path, team.bob.path, team.bare)


def error_of(workspace: Workspace, *args: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    error: dict[str, str] = workspace.json(*args, env=env, check=False)["error"]
    return error


# -- ssh ----------------------------------------------------------------------------------------------


def test_ssh(team_at: Make, ssh_server: Place) -> None:
    exchange_all(team_at(ssh_server.url, ssh_server.folder), ssh_server.env)


def test_the_ssh_command_of_the_config(team_at: Make, ssh_server: Place) -> None:
    team = team_at(ssh_server.url, ssh_server.folder)
    put(team.ann, "one")
    team.ann.git("config", "core.sshCommand", ssh_server.env["GIT_SSH_COMMAND"])
    assert outcomes(team.ann.json("push")) == {"one": "new"}


def test_an_ssh_that_stays_in_the_background(team_at: Make, tmp_path: Path) -> None:
    """As ControlPersist makes one, which keeps our end of standard error: it is not waited for."""
    script = tmp_path / "ssh"
    pid = tmp_path / "pid"
    script.write_text(f'#!/bin/sh\nsleep 100 </dev/null >/dev/null &\necho $! > {pid}\nexec sh -c "$2"\n')
    script.chmod(0o755)
    team = team_at(f"somewhere:{tmp_path}", tmp_path)
    put(team.ann, "one")
    env = {"GIT_SSH_COMMAND": str(script), "GIT_SSH_VARIANT": "simple"}
    assert outcomes(team.ann.json("push", env=env)) == {"one": "new"}
    assert pid.exists()
    subprocess.run(["sh", "-c", f"kill $(cat {pid})"], check=True)


def test_ssh_without_a_key(team_at: Make, ssh_server: Place, tmp_path: Path) -> None:
    team = team_at(ssh_server.url, ssh_server.folder)
    put(team.ann, "one")
    plain = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no"
    known = tmp_path / "known"
    env = {"GIT_SSH_COMMAND": f"{plain} -o UserKnownHostsFile={known} -o IdentityFile=none"}
    for command in ("push", "pull"):
        error = error_of(team.ann, command, env=env)
        assert error["code"] == "remote-failed"
        assert "origin does not know who you are" in error["message"]
        assert "Permission denied (publickey)" in error["message"]
    strict = {"GIT_SSH_COMMAND": "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes"}
    error = error_of(team.ann, "push", env=strict)
    assert "The key of the server of origin is not known" in error["message"]
    assert team.there() == {}


# -- http ---------------------------------------------------------------------------------------------


@pytest.fixture
def web_team(team_at: Make, web_server: Place) -> Team:
    if shutil.which("fcgiwrap", path=os.environ["PATH"] + os.pathsep + "/usr/sbin") is None:
        pytest.skip("fcgiwrap is not installed: apt-get install fcgiwrap")
    git = web_server.folder.parent / "git"
    return team_at(web_server.url.replace("/dav", "/git"), git)


def test_http(web_team: Team) -> None:
    exchange_all(web_team, {})


def test_http_without_the_right_to_push(web_team: Team) -> None:
    put(web_team.ann, "one")
    web_team.bob.git("--git-dir", str(web_team.bare), "config", "http.receivepack", "false")
    error = error_of(web_team.ann, "push")
    assert (error["code"], "You have no right to do that at origin" in error["message"]) == (
        "remote-failed",
        True,
    )
    assert web_team.there() == {}
    assert outcomes(web_team.ann.json("pull")) == {}


def test_http_that_asks_who_one_is(web_team: Team, web_server: Place) -> None:
    """Without a terminal nobody is asked, and nobody waits."""
    closed = web_server.url.replace("/dav", "/closed")
    web_team.ann.git("remote", "set-url", "origin", f"{closed}/x.git")
    error = error_of(web_team.ann, "pull")
    assert "origin does not know who you are" in error["message"]
    seen = web_team.ann.tty("pull", keys=[("Username for", "ann\r"), ("Password for", "wrong\r")])
    assert seen.exit_code == 1
    assert any("origin does not know who you are" in line for line in seen.lines)


def test_http_without_a_repository(web_team: Team) -> None:
    web_team.ann.git("remote", "set-url", "origin", web_team.url.replace("team.git", "nowhere.git"))
    assert "There is no Git repository at origin" in error_of(web_team.ann, "pull")["message"]


# -- git daemon ---------------------------------------------------------------------------------------


def test_git_daemon(team_at: Make, daemon: Callable[..., Place]) -> None:
    place = daemon("--enable=receive-pack")
    exchange_all(team_at(place.url, place.folder), {})


def test_git_daemon_for_reading(team_at: Make, daemon: Callable[..., Place]) -> None:
    place = daemon()
    team = team_at(place.url, place.folder)
    put(team.ann, "one")
    error = error_of(team.ann, "push")
    assert error["code"] == "remote-failed"
    assert_whole(team.ann.path, team.bare)
    team.ann.git("push", "-q", str(team.bare), "refs/gitexp/exps/*:refs/gitexp/exps/*")
    assert outcomes(team.bob.json("pull")) == {"one": "new"}


def test_a_server_that_is_down(team_at: Make, daemon: Callable[..., Place]) -> None:
    place = daemon()
    team = team_at(place.url, place.folder)
    place.server.kill()
    for command in ("push", "pull"):
        put(team.ann, f"for-{command}")
        error = error_of(team.ann, command)
        assert (error["code"], "origin cannot be reached" in error["message"]) == ("remote-failed", True)


# -- a connection that is cut -------------------------------------------------------------------------


@pytest.fixture
def cut(team_at: Make, daemon: Callable[..., Place]) -> Iterator[tuple[Team, Cutter]]:
    """A team, Ann with experiments of some 200 kB, and what cuts the connections of both."""
    place = daemon("--enable=receive-pack")
    cutter = Cutter(place.server.port)
    team = team_at(f"git://127.0.0.1:{cutter.port}", place.folder)
    for name in ("one", "two"):
        put(team.ann, name, run_files={"output.log": os.urandom(100_000)})
    yield team, cutter
    cutter.close()


@pytest.mark.parametrize("most", [500, 20_000, 150_000])
def test_a_push_that_is_cut(cut: tuple[Team, Cutter], most: int) -> None:
    team, cutter = cut
    before = refs_of(team.ann.path)
    cutter.there = most
    error = error_of(team.ann, "push")
    assert (error["code"], "was cut" in error["message"]) == ("remote-failed", True), error
    assert team.there() == {}
    assert_whole(team.ann.path, team.bare)
    cutter.there = math.inf
    assert outcomes(team.ann.json("push")) == {"one": "new", "two": "new"}
    assert team.there() == before == refs_of(team.ann.path)
    assert_whole(team.bare)


def test_a_push_whose_answer_is_cut(cut: tuple[Team, Cutter]) -> None:
    """The server has it all, and we do not know; the next push does."""
    team, cutter = cut
    there = len(subprocess.check_output(["git", "ls-remote", team.url], cwd=team.ann.path))
    cutter.back = there + 1000  # what it says it has, and not that it has taken anything
    team.reject("sleep 0.2", "post-receive")
    done = team.ann.gitexp("push", check=False)
    assert done.exit_code in (0, 1)
    assert "Traceback" not in done.stderr
    cutter.back = math.inf
    assert set(outcomes(team.ann.json("push")).values()) <= {"up-to-date", "new"}
    assert team.there() == refs_of(team.ann.path)
    assert_whole(team.ann.path, team.bare)


@pytest.mark.parametrize("most", [900, 20_000, 150_000])
def test_a_pull_that_is_cut(cut: tuple[Team, Cutter], most: int) -> None:
    team, cutter = cut
    team.ann.gitexp("push", "-q")
    cutter.back = most
    error = error_of(team.bob, "pull")
    assert (error["code"], "was cut" in error["message"]) == ("remote-failed", True), error
    assert refs_of(team.bob.path) == {}
    assert_whole(team.bob.path, team.bare)
    cutter.back = math.inf
    assert outcomes(team.bob.json("pull")) == {"one": "new", "two": "new"}
    assert_whole(team.bob.path)
