"""URLs as they are shown and stored: without the secrets in them. For every room."""

from __future__ import annotations

import re

from gitexp.regex import regex

# The user and password of a URL, up to its last "@": a password may hold an "@", and people forget to
# write a slash as %2F. After "host:8080/" an "@" belongs to the path.
_LOGIN = regex(
    r"""(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*)://([^/?\#\s]*@|[^/\s:@]+:(?![0-9]*[/\s])\S*@)"""
)
_QUERY = regex(
    r"([?&][^=&\s]*(?:pass|secret|token|key|sig|auth|credential)[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE
)
_SHELL = regex(r"(?:git\+)?ssh|sftp", re.IGNORECASE)  # their user is an address, and no secret


def without_credentials(text: str) -> str:
    """The text, its URLs without user and password (with the user for SSH), and without keys in the query."""
    if "://" not in text:
        return text
    return _QUERY.sub(r"\1…", _LOGIN.sub(_without_login, text))


def _without_login(found: re.Match[str]) -> str:
    scheme, login = found[1], found[2]
    user, colon, _ = login.partition(":")
    if _SHELL.fullmatch(scheme):
        return f"{scheme}://{user}@" if colon else found[0]
    return f"{scheme}://"
