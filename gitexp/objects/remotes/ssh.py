"""Servers with SSH as remotes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsspec.asyn import sync

from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes import server
from gitexp.objects.remotes.moving import CHUNK, MovingRemote
from gitexp.objects.remotes.remote import CHEAPLY
from gitexp.objects.remotes.url import RemoteUrl


class SshRemote(MovingRemote):
    """SFTP. The host must be known, unlike with the defaults of sshfs; ~/.ssh/config says the rest."""

    # The SFTP of fsspec itself uses paramiko, trusts any host and does not read ~/.ssh/config.
    package, class_name = "sshfs", "SSHFileSystem"
    jobs = 8
    stale_after = CHEAPLY

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        if not f"{at.path}/".startswith("/~/"):
            return at.path
        return at.path[3:] or "."  # relative to the home folder, as in the URLs of Git

    def _arguments(self) -> Mapping[str, Any]:
        arguments: dict[str, Any] = {
            "host": self._at.host.strip("[]"),
            "known_hosts": (),
            "connect_timeout": server.CONNECT,
            "login_timeout": server.PATIENCE,
            "keepalive_interval": server.PATIENCE / 4,
        }
        if "port" in self._at.options:
            arguments["port"] = int(self._at.options["port"])
        if "user" in self._at.options:
            arguments["username"] = self._at.options["user"]
        return arguments

    def renew(self, hash_: str) -> None:
        with self._translated(), self._fs().open(self._path(hash_), "rb") as file:
            sync(file.loop, file._file.utime)

    def _make(self, folder: str) -> None:
        try:  # one question; makedirs asks one for each folder of the path
            self._fs().mkdir(folder, create_parents=False)
        except Exception:  # it is there, or its parent is not: nearly all servers say only "Failure"
            self._fs().makedirs(folder, exist_ok=True)

    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        with source.open("rb", buffering=0) as reading, self._fs().open(path, "wb") as writing:
            while chunk := reading.read(CHUNK):
                writing.write(chunk)
                on_bytes(len(chunk))

    def _move(self, temporary: str, path: str) -> None:
        self._fs().mv(temporary, path)
