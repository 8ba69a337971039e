"""Two hosts for an ssh engine, ada and bob: both are this machine, each with a cache of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers import Place


@dataclass(frozen=True)
class Lab:
    """The hosts, and what lets gitexp and Git in: `env`. `caches` has a folder for each host.

    `jobs` has the folders of their jobs.
    """

    env: Mapping[str, str]
    caches: Path
    jobs: Path

    def section(self, remote: str = "", **more: object) -> str:
        """The section of gitexp.yaml for an engine `lab`, in which each host does one job at a time."""
        lines = ["engines:", "  lab:", "    kind: ssh", f"    python: {sys.executable}"]
        if remote:
            lines.append(f"    remote: {remote}")
        lines += [f"    {key}: {value}" for key, value in more.items()]
        lines.append("    hosts:")
        for name in ("ada", "bob"):
            setup = f"export XDG_CACHE_HOME={self.caches / name}"
            lines.append(f"    - {{host: {name}, setup: '{setup}'}}")
        return "\n".join(lines) + "\n"

    def clone(self, host: str) -> Path:
        """The only clone that a host has."""
        (found,) = (self.caches / host / "gitexp/clones").glob("*/.git")
        return found.parent


def make_lab(server: Place, folder: Path) -> Lab:
    """A lab behind an `sshd` of the tests."""
    address = urlsplit(server.url)
    config = folder / "ssh_config"
    known = (Path(server.env["HOME"]) / ".ssh/config").read_text()
    host = f"Host ada bob\nHostName {address.hostname}\nHostKeyAlias [{address.hostname}]:{address.port}\n"
    config.write_text(f"{known}{host}Port {address.port}\nUser {address.username}\n")
    words = f"ssh -F {config}"
    caches = folder / "caches"
    for name in ("ada", "bob"):
        (caches / name).mkdir(parents=True)
    return Lab(
        {"GITEXP_SSH_COMMAND": words, "GIT_SSH_COMMAND": words},
        caches,
        Path(server.env["HOME"]) / ".cache/gitexp/jobs",
    )
