"""Servers as remotes: the one module that knows fsspec and the packages that it speaks through.

All of these are extras, and imported when there is such a remote: a folder is one without them.

Each protocol is one class that says what differs. What the packages raise becomes a DataRemoteError:
RemoteRefused where it will be the same next time, else RemoteUnreachable, and then the connection is made
anew for the next call.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import posixpath
import secrets
import threading
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.data.hashing import OnBytes
from gitexp.data.remote import TEMPORARY, Remote
from gitexp.data.remote_failures import as_remote_error, not_there
from gitexp.data.remote_url import Kind, RemoteUrl

_PATIENCE = 60  # seconds without a byte
_CONNECT = 15  # seconds
_CHUNK = 1 << 20
_PART = 8 << 20  # of an object that is uploaded in parts; so many times jobs are in memory
_MOST_PARTS = 9000  # S3 takes 10,000
_MODIFIED = ("mtime", "LastModified", "last_modified", "modified", "updated")


def connect(name: str, at: RemoteUrl) -> Remote:
    """Return the remote at a server, not connected yet; raises BackendMissing."""
    remote: Any = _REMOTES[at.kind]
    try:
        package = importlib.import_module(remote.package)
    except ImportError as error:
        raise errors.BackendMissing(
            f"The remote '{name}' ({at.url}) needs the package {remote.package.partition('.')[0]}.",
            f"pip install 'gitexp[{at.kind}]'",
        ) from error
    made: Remote = remote(name, at, getattr(package, remote.class_name))
    return made


class _ServerRemote(Remote):
    """What the protocols have in common: a file system of fsspec's, and paths in it below `base`."""

    jobs = 16
    package = ""  # of Python, that has the file system
    class_name = ""

    def __init__(self, name: str, at: RemoteUrl, file_system: Any) -> None:
        super().__init__(name, at.url)
        self._at = at
        self._base = self._path_of(at)
        self._class = file_system
        self._lock = threading.Lock()
        self._connected: Any = None
        self._made: set[str] = set()  # folders

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        """Return what the paths of the file system begin with."""
        return f"{at.host}{at.path}"

    @abstractmethod
    def _arguments(self) -> Mapping[str, Any]:
        """Return what the file system is made with."""

    def _fs(self) -> Any:
        with self._lock:
            if self._connected is None:
                self._connected = self._class(skip_instance_cache=True, **self._arguments())
            return self._connected

    @contextlib.contextmanager
    def _translated(self, here: Path | None = None) -> Iterator[None]:
        """Turn what a package raises into DataRemoteError; DiskFull if that is about `here`."""
        try:
            yield
        except errors.GitexpError:
            raise
        except FileNotFoundError as error:
            raise not_there(self.name) from error
        except Exception as error:
            if here is not None and getattr(error, "errno", None) == errno.ENOSPC:
                raise errors.DiskFull("The disk is full.", f"Make room in {here.parent}.") from error
            translated = as_remote_error(self.name, self._at, error)
            if isinstance(translated, errors.RemoteUnreachable):
                self._disconnect()
            raise translated from error

    def _disconnect(self) -> None:
        with self._lock:
            self._connected = None
            self._made.clear()

    def close(self) -> None:
        self._disconnect()

    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        try:
            with self._translated():
                self._upload(source, self._path(hash_), on_bytes)
        except errors.NotOnRemote as error:
            raise errors.RemoteRefused(
                f"The remote '{self.name}' ({self.url}) has no such bucket or folder.",
                "Make it there first, or correct its URL.",
            ) from error

    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        with self._translated(here=target):
            self._download(self._path(hash_), target, on_bytes)

    def remove(self, hash_: str) -> None:
        with self._translated(), contextlib.suppress(FileNotFoundError):
            self._fs().rm_file(self._path(hash_))

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        """Upload to where the object belongs; here for protocols that do it in one step or not at all."""
        # Whole mebibytes, which Google wants.
        part = max(_PART, -(-source.stat().st_size // _MOST_PARTS >> 20) << 20)
        self._fs().put_file(str(source), path, callback=_callback(on_bytes), chunksize=part)

    def _download(self, path: str, target: Path, on_bytes: OnBytes) -> None:
        self._fs().get_file(path, str(target), callback=_callback(on_bytes))

    def _path(self, hash_: str) -> str:
        return posixpath.join(self._base, hash_[:2], hash_[2:])

    def _size(self, hash_: str) -> int | None:
        try:
            with self._translated():
                found = self._fs().info(self._path(hash_))
        except errors.NotOnRemote:
            return None
        return _size_of(found) if found.get("type") == "file" else None

    def _folders(self) -> Collection[str]:
        return [_name(entry) for entry in self._ls(self._base) if entry.get("type") == "directory"]

    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        entries = self._ls(posixpath.join(self._base, folder))
        return [(_name(e), _size_of(e), _mtime_of(e)) for e in entries if e.get("type") == "file"]

    def _ls(self, path: str) -> list[dict[str, Any]]:
        try:
            with self._translated():
                found: list[dict[str, Any]] = self._fs().ls(path, detail=True)
        except errors.NotOnRemote:
            return []
        return found


class _S3(_ServerRemote):
    package, class_name = "s3fs", "S3FileSystem"

    def _arguments(self) -> Mapping[str, Any]:
        options = self._at.options
        region = {"region_name": options["region"]} if "region" in options else {}
        return {
            "endpoint_url": options.get("endpoint_url"),
            "profile": options.get("profile"),
            "client_kwargs": region,
            "config_kwargs": {
                "connect_timeout": _CONNECT,
                "read_timeout": _PATIENCE,
                "max_pool_connections": 2 * self.jobs,
                "retries": {"max_attempts": 1},
            },
            "max_concurrency": 2,
            "use_listings_cache": False,
        }


class _Gs(_ServerRemote):
    package, class_name = "gcsfs", "GCSFileSystem"

    def _arguments(self) -> Mapping[str, Any]:
        return {"use_listings_cache": False, **self._at.options}


class _Azure(_ServerRemote):
    package, class_name = "adlfs", "AzureBlobFileSystem"

    def _arguments(self) -> Mapping[str, Any]:
        return {"use_listings_cache": False, "anon": False, **self._at.options}

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        self._fs().put_file(str(source), path, callback=_callback(on_bytes), overwrite=True)


class _MovingRemote(_ServerRemote):
    """Where half an upload can be seen: it goes to a temporary name and is then moved."""

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
                if 0 < mtime < before:
                    with contextlib.suppress(FileNotFoundError):
                        self._fs().rm_file(posixpath.join(self._base, TEMPORARY, name))

    @abstractmethod
    def _make(self, folder: str) -> None:
        """Make a folder, and those above it; one that is there is no error."""

    @abstractmethod
    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        """Upload a file."""

    @abstractmethod
    def _move(self, temporary: str, path: str) -> None:
        """Give a file its name in one step, in place of another one."""


class _Ssh(_MovingRemote):
    """SFTP. The host must be known, unlike with sshfs' own defaults; the rest is ~/.ssh/config's."""

    # fsspec's own SFTP is paramiko's, which trusts any host and knows no ~/.ssh/config.
    package, class_name = "sshfs", "SSHFileSystem"
    jobs = 8

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        # /~/ is the home folder, as in Git's URLs: what does not begin with a slash.
        return at.path[3:] or "." if f"{at.path}/".startswith("/~/") else at.path

    def _arguments(self) -> Mapping[str, Any]:
        options = self._at.options
        return {
            "host": self._at.host.strip("[]"),
            **({"port": int(options["port"])} if "port" in options else {}),
            **({"username": options["user"]} if "user" in options else {}),
            "known_hosts": (),
            "connect_timeout": _CONNECT,
            "login_timeout": _PATIENCE,
            "keepalive_interval": _PATIENCE / 4,
        }

    def _make(self, folder: str) -> None:
        try:  # one question, where makedirs has one for each folder of the path
            self._fs().mkdir(folder, create_parents=False)
        except Exception:  # it is there, or the one above it is not; nearly all servers say only "Failure"
            self._fs().makedirs(folder, exist_ok=True)

    def _write(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        with source.open("rb", buffering=0) as reading, self._fs().open(path, "wb") as writing:
            while chunk := reading.read(_CHUNK):
                writing.write(chunk)
                on_bytes(len(chunk))

    def _move(self, temporary: str, path: str) -> None:
        self._fs().mv(temporary, path)


class _Http(_MovingRemote):
    """WebDAV; a plain web server is read the same way, by GET and HEAD, and has nothing else."""

    package, class_name = "webdav4.fsspec", "WebdavFileSystem"

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        return ""  # all of it is in the base_url

    def _arguments(self) -> Mapping[str, Any]:
        import httpx

        return {
            "base_url": self._at.url.rstrip("/"),
            "auth": _netrc(),
            "retry": False,
            "timeout": httpx.Timeout(_PATIENCE, connect=_CONNECT),
            "headers": {"Accept-Encoding": "identity"},
            "follow_redirects": False,
        }

    def _disconnect(self) -> None:
        self._made.clear()  # its connections are made anew by themselves

    def close(self) -> None:
        if self._connected is not None:
            self._client().http.close()
            self._connected = None

    def _client(self) -> Any:
        return self._fs().client

    def can_list(self) -> bool:
        with self._translated():
            return any(self._client().detected_features.dav_compliances)

    def _size(self, hash_: str) -> int | None:
        try:
            with self._translated():
                url = self._client().join_url(self._path(hash_))
                answer = self._client().http.head(url, follow_redirects=True)
                answer.raise_for_status()
        except errors.NotOnRemote:
            return None
        length = answer.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() and len(length) < 20 else -1

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
        if answer.status_code == 409 and url.path.strip("/"):  # the one above it is not there
            self._mkcol(url.copy_with(path=posixpath.dirname(url.path.rstrip("/")).rstrip("/") + "/"))
            answer = self._client().http.request("MKCOL", url)
        if answer.status_code != 405:  # it is there
            answer.raise_for_status()


_REMOTES: Mapping[Kind, type[_ServerRemote]] = {
    Kind.SSH: _Ssh,
    Kind.S3: _S3,
    Kind.GS: _Gs,
    Kind.AZURE: _Azure,
    Kind.HTTP: _Http,
}


def _netrc() -> Any:
    """Return what tells a password for a host, as curl and Git have it; None without ~/.netrc."""
    import httpx

    try:
        return httpx.NetRCAuth()
    except (OSError, SyntaxError):  # of netrc, if the file is wrong
        return None


def _callback(on_bytes: OnBytes) -> Any:
    """Return fsspec's way to be told of bytes for ours."""
    from fsspec.callbacks import Callback

    seen = 0

    def told(size: int | None, value: int, **_: Any) -> None:
        nonlocal seen
        more, seen = value - seen, value
        if more:
            on_bytes(more)

    return Callback(hooks={"": told})


def _name(entry: Mapping[str, Any]) -> str:
    return posixpath.basename(str(entry.get("name", "")).rstrip("/"))


def _size_of(entry: Mapping[str, Any]) -> int:
    size = entry.get("size")
    return size if isinstance(size, int) else -1


def _mtime_of(entry: Mapping[str, Any]) -> float:
    """Return when an object was written, in whichever of their ways a package says it; 0 if it does not."""
    value = next((entry[key] for key in _MODIFIED if entry.get(key)), 0)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) else 0
