"""DVC's remotes on servers, read through gitexp's own data remotes: an object has the same name on both,
below `files/md5` of a remote of DVC 3, and at the top of a remote of DVC 2."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote

_VERSIONS = ("/files/md5", "")
_SCHEMES = {"azure://": "az://", "webdav://": "http://", "webdavs://": "https://"}
_OPTIONS = {
    "endpointurl": "endpoint_url",
    "region": "region",
    "profile": "profile",
    "port": "port",
    "user": "user",
    "account_name": "account_name",
    "projectname": "project",
}
_MOST = 1 << 30  # bytes of a list of files


class DvcServers:
    """Some remotes of DVC's, each by its settings there. A remote that cannot be asked is asked once.

    Attributes:
        complaints: a sentence for each remote that could not be asked.
    """

    def __init__(self, remotes: Sequence[Mapping[str, str]], base: Path) -> None:
        self._remotes = remotes
        self._base = base
        self._opened: list[DataRemote] | None = None
        self._silent = set[str]()
        self.complaints: list[str] = []

    def get(self, md5: str, target: Path) -> bool:
        """Whether a remote has an object, now in the file `target`; its content is not verified."""
        for remote in self._open():
            if remote.name in self._silent:
                continue
            try:
                remote.get(md5, target, lambda count: None)
                return True
            except errors.NotOnRemote:
                continue
            except errors.DataError as error:
                self._silent.add(remote.name)
                self.complaints.append(f"DVC's remote {remote.name} cannot be asked: {error.message}")
        return False

    def read(self, md5: str) -> bytes | None:
        """The content of an object; None if no remote has it."""
        with tempfile.TemporaryDirectory(prefix="gitexp-") as folder:
            target = Path(folder, "object")
            if not self.get(md5, target) or target.stat().st_size > _MOST:
                return None
            return target.read_bytes()

    def _open(self) -> list[DataRemote]:
        if self._opened is None:
            self._opened = []
            for remote in self._remotes:
                for version in _VERSIONS:
                    options = _options(remote, version)
                    try:
                        self._opened.append(open_remote(remote["name"], options, self._base))
                    except errors.GitexpError as error:
                        self.complaints.append(f"DVC's remote {remote['name']}: {error.message}")
                        break
        return self._opened


def _options(remote: Mapping[str, str], version: str) -> dict[str, str]:
    """The settings of a remote of DVC's as settings of a data remote."""
    url = remote["url"].rstrip("/")
    for scheme, ours in _SCHEMES.items():
        if url.startswith(scheme):
            url = ours + url.removeprefix(scheme)
    found = {"url": url + version}
    for key, ours in _OPTIONS.items():
        with contextlib.suppress(KeyError):
            found[ours] = remote[key]
    return found
