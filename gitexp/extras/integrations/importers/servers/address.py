"""The address of a server of another tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from gitexp import errors

_SUCH = "An address is such as http://localhost:5000"


@dataclass(frozen=True)
class ServerAddress:
    """The address of a server.

    Attributes:
        scheme: `http` or `https`.
        host: the name of the machine.
        port: None for the usual port.
        path: the path without a slash at the end.
        user, password: from the URL, and never shown.
    """

    scheme: str
    host: str
    port: int | None = None
    path: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The last word for a list: the host."""
        return self.host

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}://{host}{port}{self.path}"


def is_address(text: str) -> bool:
    """Whether a text is a URL of a web server."""
    return text.lower().startswith(("http://", "https://"))


def parse(text: str) -> ServerAddress:
    """The address in a URL. Raises UsageError."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise errors.UsageError(
            f"'{text}' is no address: {error}.", "Such as http://localhost:5000"
        ) from None
    if not parts.hostname:
        raise errors.UsageError(f"'{text}' names no server.", _SUCH)
    return ServerAddress(
        parts.scheme.lower(),
        parts.hostname,
        port,
        parts.path.rstrip("/"),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
