"""The remote of each kind, opened from its name and options in the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitexp.objects.remotes import url
from gitexp.objects.remotes.bucket import AzureRemote, GsRemote, S3Remote
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.moving import HttpRemote, SshRemote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import Kind, RemoteUrl

_SERVERS: Mapping[Kind, Callable[[str, RemoteUrl], DataRemote]] = {
    Kind.SSH: SshRemote,
    Kind.S3: S3Remote,
    Kind.GS: GsRemote,
    Kind.AZURE: AzureRemote,
    Kind.HTTP: HttpRemote,
}


def open_remote(name: str, options: Mapping[str, Any], base: Path) -> DataRemote:
    """The remote `name` with these options, `url` among them, not connected yet.

    A relative folder is below `base`, the project's folder. Raises InvalidRemote for a wrong URL or
    option, BackendMissing if a package has to be installed first.
    """
    at = url.parse(name, options, base)
    if at.kind is Kind.FOLDER:
        return FolderRemote(name, at.url, Path(at.path))
    return _SERVERS[at.kind](name, at)
