"""Machines of their own: network namespaces with an sshd each, whose cables can be pulled.

The hub is where the user sits, and has the Git remote; ada and bob are where runs go. Each has a home, a host
name and an address of its own. Where namespaces may not be made, the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers import find_program, user_name

NAMES = ("hub", "ada", "bob")
_PORT = 2022
_PATIENCE = 20.0  # seconds


@dataclass(frozen=True)
class Machines:
    """The hub, ada and bob, made by `machines`.

    `env` lets programs on the hub in everywhere: Git and gitexp.
    """

    folder: Path
    tag: str
    env: Mapping[str, str]

    def home(self, name: str) -> Path:
        return self.folder / name

    def on_hub(self, *words: str) -> list[str]:
        """The words of a command that runs on the hub."""
        return [*_inside(self.tag, "hub"), *words]

    def pull_cable(self, name: str) -> None:
        _ip("-n", f"{self.tag}hub", "link", "set", f"to-{name}", "down")

    def plug_cable(self, name: str) -> None:
        _ip("-n", f"{self.tag}hub", "link", "set", f"to-{name}", "up")


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """The machines, until the end of the block."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("machines of their own need Linux, root and iproute2")
    sshd, keygen = find_program("sshd", "openssh-server"), find_program("ssh-keygen", "openssh-client")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    tag, servers = f"gx{os.getpid()}", list[subprocess.Popen[bytes]]()
    try:
        _wire(tag)
        for key in ("host", "user"):
            _run(keygen, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(folder / key))
        config = _client_config(folder)
        words = f"ssh -F {config}"
        for name in NAMES:
            (folder / name).mkdir()
            file = folder / f"sshd-{name}"
            file.write_text(
                f"Port {_PORT}\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\nUsePAM no\n"
                f"AuthorizedKeysFile {folder / 'user.pub'}\nPasswordAuthentication no\nMaxStartups 100\n"
                f'SetEnv HOME={folder / name} "GIT_SSH_COMMAND={words}"\n'
            )
            named = ["unshare", "--uts", "sh", "-c", f"hostname {name} && exec {sshd} -D -e -f {file}"]
            with (folder / f"{name}.log").open("wb") as log:
                servers.append(
                    subprocess.Popen(
                        [*_inside(tag, name), *named], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                    )
                )
        found = Machines(folder, tag, {"GIT_SSH_COMMAND": words, "GITEXP_SSH_COMMAND": words})
        for name in NAMES:
            _until_it_answers(found, name)
        yield found
    finally:
        for server in servers:
            server.kill()
            server.wait()
        for name in NAMES:
            for pid in _run("ip", "netns", "pids", f"{tag}{name}", check=False).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            _run("ip", "netns", "del", f"{tag}{name}", check=False)


def _wire(tag: str) -> None:
    """Make the namespaces, and a cable from the hub's switch to each."""
    made = subprocess.run(["ip", "netns", "add", f"{tag}hub"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
    hub = ("-n", f"{tag}hub")
    _ip(*hub, "link", "set", "lo", "up")
    bridged = subprocess.run(
        ["ip", *hub, "link", "add", "switch", "type", "bridge"], capture_output=True, text=True, check=False
    )
    if bridged.returncode != 0:
        _run("ip", "netns", "del", f"{tag}hub", check=False)
        pytest.skip(f"no switch between namespaces here: {bridged.stderr.strip()}")
    _ip(*hub, "addr", "add", "10.77.0.1/24", "dev", "switch")
    _ip(*hub, "link", "set", "switch", "up")
    for number, name in enumerate(NAMES[1:], 2):
        _ip("netns", "add", f"{tag}{name}")
        own = ("-n", f"{tag}{name}")
        _ip(
            *hub, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", f"{tag}{name}"
        )
        _ip(*hub, "link", "set", f"to-{name}", "master", "switch", "up")
        _ip(*own, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
        _ip(*own, "link", "set", "eth0", "up")
        _ip(*own, "link", "set", "lo", "up")


def _client_config(folder: Path) -> Path:
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(
        "".join(f"[10.77.0.{number}]:{_PORT} {key}\n" for number in (1, 2, 3))
    )
    blocks = [
        f"IdentityFile {folder / 'user'}\nUserKnownHostsFile {folder / 'known_hosts'}\n"
        f"StrictHostKeyChecking yes\nBatchMode yes\nPort {_PORT}\nUser {user_name()}\n"
    ]
    for number, name in enumerate(NAMES, 1):
        blocks.append(f"Host {name}\nHostName 10.77.0.{number}\n")
    config = folder / "ssh_config"
    config.write_text("".join(blocks))
    return config


def _until_it_answers(found: Machines, name: str) -> None:
    words = found.on_hub(*found.env["GITEXP_SSH_COMMAND"].split(), name, "true")
    until = time.monotonic() + _PATIENCE
    while (tried := subprocess.run(words, capture_output=True, text=True, check=False)).returncode != 0:
        log = (found.folder / f"{name}.log").read_text()
        assert time.monotonic() < until, f"{name} does not answer: {tried.stderr}\n{log}"
        time.sleep(0.05)


def _inside(tag: str, name: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{tag}{name}"]


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout
