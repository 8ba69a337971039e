"""Errors of the packages that speak to servers, as our errors: temporary ones and final ones."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from gitexp import errors
from gitexp.objects.remotes.url import RemoteUrl

# By name: the packages of these errors may not be installed. Any other error is tried again.
_FINAL = {
    "NoCredentialsError": "no credentials were found",
    "PartialCredentialsError": "the credentials are not complete",
    "ProfileNotFound": "there is no such profile",
    "DefaultCredentialsError": "no credentials were found",
    "RefreshError": "the credentials are not valid any more",
    "ClientAuthenticationError": "the credentials were not taken",
    "PermissionDenied": "it does not let you in",
    "HostKeyNotVerifiable": "its host key is not in ~/.ssh/known_hosts",
    "KeyExchangeFailed": "it and this client have no cipher in common",
}


def as_remote_error(name: str, at: RemoteUrl, error: Exception) -> errors.DataRemoteError:
    """The error of a package, in our terms."""
    where = f"The remote '{name}' ({at.url})"
    status = _status(error)
    if status in (404, 410):
        return not_there(name)
    if (known := _FINAL.get(type(error).__name__)) is not None:
        return _refused(f"{where} cannot be used: {known}.", _credentials(at))
    if isinstance(error, PermissionError) or status in (401, 403):
        return _refused(f"{where} does not allow this: {_said(error)}.", _credentials(at))
    if status in (405, 501):
        return _refused(f"{where} can only be read.", "To push, use a server with WebDAV, or another remote.")
    if status == 507 or getattr(error, "errno", None) == errno.ENOSPC:
        return _refused(f"{where} is full.", f"Make room there: gitexp gc --data-remote {name}")
    if status is not None and 300 <= status < 500 and status not in (408, 423, 425, 429):
        return _refused(f"{where} refuses: {_said(error)}.", "Check its URL and options.")
    return errors.RemoteUnreachable(
        f"{where} does not answer as it should: {_said(error)}.",
        "Try again: what has been transferred stays.",
    )


def not_there(name: str) -> errors.NotOnRemote:
    """The error for an object that a remote does not have."""
    return errors.NotOnRemote(
        f"The remote '{name}' does not have it.", "Whoever has it can push it: gitexp data push."
    )


def needs_package(name: str, at: RemoteUrl, module: str) -> errors.DataRemoteError:
    """The error for a remote that needs the package of a module; the package is not installed."""
    return errors.DataRemoteError(
        f"The remote '{name}' ({at.url}) needs the package {module.partition('.')[0]}.",
        f"pip install 'gitexp[{at.kind}]'",
        code="backend-missing",
    )


def _refused(message: str, hint: str) -> errors.DataRemoteError:
    return errors.DataRemoteError(message, hint, code="data-remote-refused")


def _credentials(at: RemoteUrl) -> str:
    return f"Credentials are taken from {at.credentials}."


def _status(error: Exception) -> int | None:
    """The HTTP status in an error, if any."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore's
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    for status in (getattr(error, "status_code", None), getattr(response, "status_code", response)):
        if isinstance(status, int):
            return status
    return None


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0][:200].rstrip(".")
