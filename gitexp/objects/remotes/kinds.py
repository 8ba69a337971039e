"""The remote of each kind, opened from its name and options in the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitexp import plugins
from gitexp.objects.remotes import url
from gitexp.objects.remotes.failures import needs_package
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import Kind, RemoteUrl


def open_remote(name: str, options: Mapping[str, Any], base: Path) -> DataRemote:
    """The remote `name` with these options, `url` among them, not connected yet.

    A relative folder is below `base`, the project's folder. Raises InvalidRemote for a wrong URL or
    option, BackendMissing if a package has to be installed first.
    """
    at = url.parse(name, options, base)
    if at.kind is Kind.FOLDER:
        return FolderRemote(name, at.url, Path(at.path))
    try:
        opened: Callable[[str, RemoteUrl], DataRemote] = plugins.load("data remote", at.kind)
    except ImportError as error:
        raise needs_package(name, at, error.name or "fsspec") from error
    return opened(name, at)
