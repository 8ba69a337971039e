"""The door to all remotes: from a name and what the config says of it to something that stores objects.

A folder needs no package. What a server needs is imported when there is one: fsspec and its friends take
longer to import than most commands to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitexp.data import remote_url
from gitexp.data.remote import Remote


def open_remote(name: str, options: Mapping[str, Any], base: Path) -> Remote:
    """Return the remote `name`, with its `url` and what else stands in the config, not connected yet.

    A folder that is not absolute is below `base`, the project's folder. Raises InvalidRemote for what
    cannot be meant, BackendMissing where a package has to be installed first.
    """
    at = remote_url.parse(name, options, base)
    if at.kind is remote_url.Kind.FOLDER:
        from gitexp.data.folder_remote import FolderRemote

        return FolderRemote(name, at.url, Path(at.path))
    from gitexp.data.server_remote import connect

    return connect(name, at)
