"""Servers on which half an upload is visible: it goes to a temporary name and is then moved."""

from __future__ import annotations

import contextlib
import posixpath
import re
import secrets
from abc import abstractmethod
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes import server
from gitexp.objects.remotes.remote import CHEAPLY, TEMPORARY
from gitexp.objects.remotes.server import ServerRemote
from gitexp.objects.remotes.url import RemoteUrl
from gitexp.objects.store import StoredObject

_CHUNK = 1 << 20
# The name of an unfinished upload: `tmp` may hold files of other people, too.
_OURS = re.compile(r"[0-9a-f]{62}(\.dir)?\.[0-9a-f]{8}")


class MovingRemote(ServerRemote):
    """A server with visible uploads: they go to a temporary name and are then moved."""

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        temporary = self._temporary(path)
        for folder in (posixpath.dirname(temporary), posixpath.dirname(path)):
            if folder not in self._made:
                self._make(folder)
                self._made.add(folder)
        try:
            self._write(source, temporary, on_bytes)
            self._move(temporary, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs().rm_file(temporary)
            raise

    def _temporary(self, path: str) -> str:
        return posixpath.join(self._base, TEMPORARY, f"{posixpath.basename(path)}.{secrets.token_hex(4)}")

    def remove_leftovers(self, before: float) -> None:
        with self._translated():
            for name, _, mtime in self._entries(TEMPORARY):
                if _OURS.fullmatch(name) and 0 < mtime < before:
                    with contextlib.suppress(FileNotFoundError):
                        self._fs().rm_file(posixpath.join(self._base, TEMPORARY, name))

    @abstractmethod
    def _make(self, folder: str) -> None:
        """Make a folder and its parents. A present folder is no error."""

    @abstractmethod
    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        """Upload a file."""

    @abstractmethod
    def _move(self, temporary: str, path: str) -> None:
        """Give a file its name in one step, in place of a file of this name."""


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
        from fsspec.asyn import sync  # an extra, which remotes of other kinds do without

        with self._translated(), self._fs().open(self._path(hash_), "rb") as file:
            sync(file.loop, file._file.utime)

    def _make(self, folder: str) -> None:
        try:  # one question; makedirs asks one for each folder of the path
            self._fs().mkdir(folder, create_parents=False)
        except Exception:  # it is there, or its parent is not: nearly all servers say only "Failure"
            self._fs().makedirs(folder, exist_ok=True)

    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        with source.open("rb", buffering=0) as reading, self._fs().open(path, "wb") as writing:
            while chunk := reading.read(_CHUNK):
                writing.write(chunk)
                on_bytes(len(chunk))

    def _move(self, temporary: str, path: str) -> None:
        self._fs().mv(temporary, path)


class HttpRemote(MovingRemote):
    """WebDAV. A plain web server can be read, by GET and HEAD, but not listed or written."""

    package, class_name = "webdav4.fsspec", "WebdavFileSystem"

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        return ""  # all of it is in the base_url

    def _arguments(self) -> Mapping[str, Any]:
        import httpx  # an extra, which remotes of other kinds do without

        try:
            passwords = httpx.NetRCAuth()  # of ~/.netrc, which curl and Git use, too
        except (OSError, SyntaxError):  # the file is missing, or wrong
            passwords = None
        return {
            "base_url": self._at.url.rstrip("/"),
            "auth": passwords,
            "retry": False,
            "timeout": httpx.Timeout(server.PATIENCE, connect=server.CONNECT),
            "headers": {"Accept-Encoding": "identity"},
            "follow_redirects": False,
        }

    def _disconnect(self) -> None:
        self._made.clear()  # httpx renews its connections itself

    def close(self) -> None:
        if self._connected is not None:
            self._client().http.close()
            self._connected = None

    def _client(self) -> Any:
        return self._fs().client

    def can_list(self) -> bool:
        with self._translated():
            return any(self._client().detected_features.dav_compliances)

    def _look_at(self, hash_: str) -> StoredObject | None:
        try:
            with self._translated():
                url = self._client().join_url(self._path(hash_))
                answer = self._client().http.head(url, follow_redirects=True)
                answer.raise_for_status()
        except errors.NotOnRemote:
            return None
        length = answer.headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() and len(length) < 20 else -1
        return StoredObject(hash_, size, _seconds(answer.headers.get("Last-Modified", "")))

    def _download(self, path: str, target: Path, on_bytes: OnBytes) -> None:
        client = self._client()
        got = client.http.stream("GET", client.join_url(path), follow_redirects=True)
        with got as answer, target.open("wb") as writing:
            answer.raise_for_status()
            for chunk in answer.iter_bytes(_CHUNK):
                writing.write(chunk)
                on_bytes(len(chunk))

    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        with source.open("rb") as reading:
            self._client().upload_fileobj(reading, path, overwrite=True, callback=on_bytes, chunk_size=_CHUNK)

    def _move(self, temporary: str, path: str) -> None:
        self._client().move(temporary, path, overwrite=True)

    def _make(self, folder: str) -> None:
        self._mkcol(self._client().join_url(folder, add_trailing_slash=True))

    def _mkcol(self, url: Any) -> None:
        answer = self._client().http.request("MKCOL", url)
        if answer.status_code == 409 and url.path.strip("/"):  # its parent is not there
            self._mkcol(url.copy_with(path=posixpath.dirname(url.path.rstrip("/")).rstrip("/") + "/"))
            answer = self._client().http.request("MKCOL", url)
        if answer.status_code != 405:  # it is there
            answer.raise_for_status()


def _seconds(date: str) -> float:
    """The seconds since 1970 of an HTTP date; 0 for no date."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return 0
