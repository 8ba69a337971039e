"""Data remotes in gitexp.yaml: add, open and remove them. The rest of the file stays as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gitexp import errors
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit
from gitexp.model import MISSING, Value
from gitexp.objects.remotes import url as remote_url
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.kinds import open_remote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.project import whole_file
from gitexp.project.change import editing
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.words import did_you_mean

_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def add(project: Project, name: str, url: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Add a remote to gitexp.yaml, and return its URL and options. A missing gitexp.yaml is made.

    The folder of a remote is made below a present parent: nothing else makes the folder later. Raises
    InvalidName, RemoteExists, InvalidRemote; ParseError if the file cannot be edited; StorageError.
    """
    project = project.at_home()
    if not _NAME.fullmatch(name):
        raise errors.InvalidName(
            f"'{name}' cannot be the name of a remote.", "Letters, digits and . _ - will do."
        )
    if name in project.config.remotes:
        raise errors.UsageError(
            f"There is a remote '{name}' already: {project.config.remotes[name]['url']}",
            f"To change it: gitexp remote remove {name}, then add it again.",
            code="remote-exists",
        )
    described: dict[str, Any] = {"url": url}
    described.update((key, _plain(value)) for key, value in options.items())
    at = remote_url.parse(name, described, project.folder)
    if at.kind is remote_url.Kind.FOLDER and not project.dry_run:
        with contextlib.suppress(OSError):  # the first use says so
            Path(at.path).mkdir()
    _change(project, ("remotes", name), described if options else url, f"remote add {name}")
    return described


def absence(project: Project, name: str, described: Mapping[str, Any]) -> errors.RemoteUnreachable | None:
    """The error of a remote whose folder is missing; None for other remotes."""
    at = remote_url.parse(name, described, project.at_home().folder)
    if at.kind is not remote_url.Kind.FOLDER:
        return None
    try:
        FolderRemote(name, at.url, Path(at.path)).require()
    except errors.RemoteUnreachable as error:
        return error
    return None


def remove(project: Project, name: str) -> str:
    """Remove a remote from gitexp.yaml, and return its URL. The stored objects stay.

    Raises NoDataRemote; ParseError if the file cannot be edited; StorageError.
    """
    remotes = project.config.remotes
    require_remote(project, name)
    key = ("remotes", name)
    _change(project, key if len(remotes) > 1 else key[:1], MISSING, f"remote remove {name}")
    return str(remotes[name]["url"])


def _no_remote(project: Project, name: str) -> errors.UsageError:
    remotes = project.config.remotes
    known = f"There is {', '.join(remotes)}." if remotes else "There is none at all."
    return errors.UsageError(
        f"There is no data remote '{name}'.",
        did_you_mean(name, remotes, known, most=1),
        code="no-data-remote",
    )


def _plain(text: str) -> int | str:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    return text


def _change(project: Project, key: tuple[str, ...], value: Value, summary: str) -> None:
    """Set a key of gitexp.yaml, as an operation. The value MISSING removes the key."""
    file = project.folder / CONFIG_FILE
    before = read_limited(file) if file.is_file() else None
    text, _ = edit(CONFIG_FILE, before or b"", key, value)
    if project.dry_run:
        return
    with editing(project.repo, project.local, summary, [project.config_file]):
        whole_file.write(project.repo.root, project.config_file, text, project.local, original=before)


def require_remote(project: Project, name: str) -> None:
    """Raise NoDataRemote if gitexp.yaml has no data remote of this name."""
    if name not in project.config.remotes:
        raise _no_remote(project, name)


def remote_of(project: Project, name: str | None = None) -> DataRemote:
    """The data remote of this name; by default the first one of the config.

    Raises NoDataRemote, BackendMissing; ConfigError for wrong options in the config; RemoteUnreachable for
    a missing folder.
    """
    remotes = project.config.remotes
    if not remotes:
        raise errors.UsageError(
            "There is no data remote.",
            "Add one: gitexp remote add NAME URL, where URL may be a folder.",
            code="no-data-remote",
        )
    if name is not None:
        require_remote(project, name)
    chosen = name or next(iter(remotes))
    try:
        found = open_remote(chosen, remotes[chosen], project.folder)
    except errors.InvalidRemote as error:
        file = str(PurePosixPath(project.config.folder, CONFIG_FILE))
        raise errors.ConfigError(error.message, error.hint, file=file) from error
    found.require()
    found.recover()
    return found
