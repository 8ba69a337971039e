"""The `remotes:` of gitexp.yaml, checked: the kind of each remote, its place and its options.

gitexp.yaml is shared, and may come from a stranger. So it holds no password, and no option can name a file of
the user or run anything: credentials come from the places that the tools of each protocol use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.words import did_you_mean


class Kind(StrEnum):
    """The kind of a remote. The value names the extra of gitexp to be installed, if any."""

    FOLDER = ""
    SSH = "ssh"
    S3 = "s3"
    GS = "gs"
    AZURE = "azure"
    HTTP = "http"


class _Scheme(NamedTuple):
    """What all remotes with a scheme have in common.

    Attributes:
        credentials: the place for them.
        options: the keys that such a remote may have beside `url` -> the help.
    """

    kind: Kind
    credentials: str
    options: Mapping[str, str] = MappingProxyType({})


_SSH = _Scheme(
    Kind.SSH,
    "the SSH agent or ~/.ssh/config",
    {
        "port": "ssh, sftp: the port, if it is neither 22 nor in ~/.ssh/config.",
        "user": "ssh, sftp: the user, if it is not in ~/.ssh/config.",
    },
)
_S3 = _Scheme(
    Kind.S3,
    "AWS_ACCESS_KEY_ID and the like, or ~/.aws",
    {
        "endpoint_url": "s3: the address of a server that is not Amazon's, such as https://minio.example.com.",
        "region": "s3: the region of the bucket.",
        "profile": "s3: the profile of ~/.aws/config and ~/.aws/credentials to use.",
    },
)
_GS = _Scheme(
    Kind.GS,
    "GOOGLE_APPLICATION_CREDENTIALS, or gcloud auth application-default login",
    {"project": "gs: the project that is billed."},
)
_AZURE = _Scheme(
    Kind.AZURE,
    "AZURE_STORAGE_ACCOUNT_KEY and the like, or az login",
    {"account_name": "az: the storage account."},
)
_HTTP = _Scheme(Kind.HTTP, "~/.netrc")
_FOLDER = _Scheme(Kind.FOLDER, "the system's permissions")
_SCHEMES: Mapping[str, _Scheme] = {
    "file": _FOLDER,
    "ssh": _SSH,
    "sftp": _SSH,
    "s3": _S3,
    "gs": _GS,
    "az": _AZURE,
    "http": _HTTP,
    "https": _HTTP,
}
OPTIONS: Mapping[str, str] = MappingProxyType(
    {name: help for scheme in _SCHEMES.values() for name, help in scheme.options.items()}
)
_HIDDEN = regex(r"pass|secret|token|key|credential|auth|sas|cert", re.IGNORECASE)
_DRIVE = regex(r"[A-Za-z]:[\\/]")
_SCHEME = regex(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = regex(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")
_WORD = regex(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}")
_CONTROL = regex("[\x00-\x1f\x7f]")
SCHEMES = ", ".join(f"{name}://" for name in _SCHEMES)  # for people


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """The place of a remote.

    Attributes:
        url: as in gitexp.yaml.
        host: a server or a bucket; "" for a folder.
        path: on the host, without a slash at its end; for a folder, an absolute path of this machine.
        options: the other keys of the remote, as text.
    """

    kind: Kind
    url: str
    host: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def credentials(self) -> str:
        """The place from which this kind of remote takes passwords and keys."""
        return next(scheme.credentials for scheme in _SCHEMES.values() if scheme.kind is self.kind)


def parse(name: str, options: Mapping[str, Any], base: Path) -> RemoteUrl:
    """The place of the remote `name` with these options, `url` among them. A relative folder is below `base`.

    Raises InvalidRemote for a wrong URL or option, and for a password in one.
    """
    url = options.get("url")
    if not isinstance(url, str) or not url.strip() or _CONTROL.search(url):
        raise _invalid(name, "has no URL that could be one", f"For example s3://bucket/folder; {SCHEMES}")
    url = url.strip()
    if _split(url) is None:
        raise _invalid(name, f"has a URL that cannot be read: {url}", "Check its brackets.")
    is_path = _SCHEME.match(url) is None or _DRIVE.match(url) is not None
    scheme = _FOLDER if is_path else _SCHEMES.get(url.partition(":")[0].lower())
    if scheme is None:
        raise _invalid(name, f"has a URL of an unknown kind: {url}", f"There are {SCHEMES} and folders.")
    given = _options(name, {key: value for key, value in options.items() if key != "url"}, scheme)
    if is_path:
        return RemoteUrl(Kind.FOLDER, url, "", _folder(url, base), given)
    if scheme is _FOLDER:
        return RemoteUrl(Kind.FOLDER, url, "", _file_url(name, url, base), given)
    return _server(name, url, scheme, given)


def _options(name: str, given: Mapping[str, Any], scheme: _Scheme) -> dict[str, str]:
    """The options as text. Raises InvalidRemote for an option that this kind of remote does not have."""
    for key, value in given.items():
        if key not in scheme.options:
            raise _unknown_option(name, str(key), scheme)
        if isinstance(value, bool) or not isinstance(value, str | int) or not _fits(key, str(value)):
            raise _invalid(name, f"has an option {key} that cannot be meant: {value!r}", OPTIONS[key])
    return {key: str(value) for key, value in given.items()}


def _unknown_option(name: str, key: str, scheme: _Scheme) -> errors.InvalidRemote:
    if _HIDDEN.search(key):
        return _invalid(
            name,
            f"is given '{key}', and what is secret does not belong into a shared file",
            f"Credentials are taken from {scheme.credentials}.",
        )
    known = f"It may have {', '.join(sorted(scheme.options))}." if scheme.options else "It may have none."
    return _invalid(name, f"has an unknown option '{key}'", did_you_mean(key, scheme.options, known, most=1))


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None if it cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed
        return None


def _fits(key: str, value: str) -> bool:
    if key == "port":
        return value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536
    if key == "endpoint_url":
        return _is_endpoint(value)
    return _WORD.fullmatch(value) is not None


def _is_endpoint(url: str) -> bool:
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return False
    if parts.query or parts.fragment or _CONTROL.search(url):
        return False
    return _HOST.fullmatch(parts.netloc.rpartition(":")[0] or parts.netloc) is not None


def _folder(path: str, base: Path) -> str:
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:  # there is no such user
        expanded = Path(path)
    return str((base / expanded).absolute())


def _file_url(name: str, url: str, base: Path) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise _invalid(name, f"has a URL without a path: {url}", "Write file:///path/to/folder")
    path = unquote(parts.path)
    return _folder(path[1:] if _DRIVE.match(path[1:]) else path, base)


def _server(name: str, url: str, scheme: _Scheme, options: dict[str, str]) -> RemoteUrl:
    parts = urlsplit(url)
    user, at, address = parts.netloc.rpartition("@")
    user, colon, _ = user.partition(":")
    if colon or (at and scheme.kind is not Kind.SSH):
        raise _invalid(
            name,
            "has a password or key in its URL, which does not belong into a shared file",
            f"Credentials are taken from {scheme.credentials}.",
        )
    if parts.query or parts.fragment:
        raise _invalid(name, "has a URL with a ? or # in it", "Give the URL of the folder alone.")
    host, port = address, ""
    if scheme.kind in (Kind.SSH, Kind.HTTP) and (found := re.fullmatch(r"(.*):(\d+)", address)):
        host, port = found[1], found[2]
    in_url = {key: value for key, value in (("user", user), ("port", port)) if value}
    if not _HOST.fullmatch(host) or not all(_fits(key, value) for key, value in in_url.items()):
        raise _invalid(name, f"has a URL that names no server or bucket: {url}", "Write SCHEME://HOST/FOLDER")
    path = _path_on_server(name, url, scheme)
    if scheme.kind is Kind.SSH:
        return RemoteUrl(scheme.kind, url, host, path, in_url | options)
    if scheme.kind is Kind.HTTP:
        return RemoteUrl(scheme.kind, url, address, path, options)
    return RemoteUrl(scheme.kind, url, host, path, options)


def _path_on_server(name: str, url: str, scheme: _Scheme) -> str:
    path = urlsplit(url).path
    if scheme.kind is not Kind.HTTP:
        path = unquote(path)
    if ".." in PurePosixPath(path).parts or _CONTROL.search(path):
        raise _invalid(name, f"has a URL with .. in it: {url}", "Give the path as it is.")
    if scheme.kind is Kind.SSH and path in ("", "/"):
        raise _invalid(name, "has a URL without a folder", f"Write {url.rstrip('/')}/path/to/folder")
    return path.rstrip("/")


def _invalid(name: str, what: str, hint: str) -> errors.InvalidRemote:
    return errors.InvalidRemote(f"The remote '{name}' {what}.", hint)
