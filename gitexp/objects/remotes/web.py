"""Servers with WebDAV as remotes, and plain web servers, which can only be read."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from gitexp import errors
from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes import server
from gitexp.objects.remotes.moving import CHUNK, MovingRemote
from gitexp.objects.remotes.url import RemoteUrl
from gitexp.objects.store import StoredObject


class HttpRemote(MovingRemote):
    """WebDAV. A plain web server can be read, by GET and HEAD, but not listed or written."""

    package, class_name = "webdav4.fsspec", "WebdavFileSystem"

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        return ""  # all of it is in the base_url

    def _arguments(self) -> Mapping[str, Any]:
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
            for chunk in answer.iter_bytes(CHUNK):
                writing.write(chunk)
                on_bytes(len(chunk))

    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        with source.open("rb") as reading:
            self._client().upload_fileobj(reading, path, overwrite=True, callback=on_bytes, chunk_size=CHUNK)

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
