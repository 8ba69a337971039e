"""What the packages that speak to servers raise, as errors of ours: those that may pass, and the others."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from gitexp import errors
from gitexp.objects.remotes.url import RemoteUrl

# Of packages that may not be there: told by their names. Anything else is tried again.
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
    """Return what a package says as one of ours."""
    where = f"The remote '{name}' ({at.url})"
    status = _status(error)
    if status in (404, 410):
        return not_there(name)
    if (known := _FINAL.get(type(error).__name__)) is not None:
        return errors.DataRemoteError(
            f"{where} cannot be used: {known}.", _credentials(at), code="data-remote-refused"
        )
    if isinstance(error, PermissionError) or status in (401, 403):
        return errors.DataRemoteError(
            f"{where} does not allow this: {_said(error)}.", _credentials(at), code="data-remote-refused"
        )
    if status in (405, 501):
        return errors.DataRemoteError(
            f"{where} can only be read.",
            "To push, use a server with WebDAV, or another remote.",
            code="data-remote-refused",
        )
    if status == 507 or getattr(error, "errno", None) == errno.ENOSPC:
        return errors.DataRemoteError(
            f"{where} is full.", "Make room there: gitexp gc --remote.", code="data-remote-refused"
        )
    if status is not None and 300 <= status < 500 and status not in (408, 423, 425, 429):
        return errors.DataRemoteError(
            f"{where} refuses: {_said(error)}.", "Check its URL and options.", code="data-remote-refused"
        )
    return errors.RemoteUnreachable(
        f"{where} does not answer as it should: {_said(error)}.",
        "Try again: what has been transferred stays.",
    )


def not_there(name: str) -> errors.NotOnRemote:
    """Return the error for an object that a remote does not have."""
    return errors.NotOnRemote(
        f"The remote '{name}' does not have it.", "Whoever has it can push it: gitexp data push."
    )


def _credentials(at: RemoteUrl) -> str:
    return f"Credentials are taken from {at.credentials}."


def _status(error: Exception) -> int | None:
    """Return the status of HTTP that an error is about."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore's
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    found = [getattr(error, "status_code", None), getattr(response, "status_code", response)]
    return next((status for status in found if isinstance(status, int)), None)


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0][:200].rstrip('.')}" if lines else type(error).__name__
