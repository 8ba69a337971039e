"""A client of a server of another tool: JSON and files over one connection, within limits.

No redirect is followed: it would bring the user's token to another server.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gitexp import errors
from gitexp.extras.integrations.importers.servers.address import ServerAddress

LONGEST_ANSWER = 64 * 1024 * 1024  # bytes of JSON
_TIMEOUT = 60.0  # seconds
_CHUNK = 1024 * 1024  # bytes
_TOKEN = "Set the token or password of the server: docs/import.md names the variables."
_HINT = "Try it again in a moment, or check the address."
_LONGEST_REASON = 200  # characters of the server's own words


class WebClient:
    """A client of one server. Not for several threads."""

    def __init__(self, address: ServerAddress, headers: Mapping[str, str]) -> None:
        self._address = address
        self._headers = {"User-Agent": "gitexp", "Accept": "*/*", **headers}
        self._connection = self._new_connection()
        weakref.finalize(self, self._connection.close)

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The object at a path of the server. Raises SharingError."""
        return self._object("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object that answers an object. Raises SharingError."""
        return self._object("POST", path, json.dumps(body).encode())

    def content(self, path: str, most: int) -> bytes:
        """The file at a path of the server, cut to `most` bytes. Raises SharingError."""
        answer = self._answer("GET", path, None)
        try:
            found = answer.read(most)
        except (http.client.HTTPException, OSError) as error:
            raise self._fault(f"its answer was cut short: {error!r}") from None
        if not answer.isclosed():
            self._connection.close()
        return found

    def put(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Upload a file of a size in bytes; its pieces are sent once. Raises SharingError."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        try:
            self._connection.request("PUT", self._address.path + path, iter(pieces), self._headers | headers)
            answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._fault(f"it cannot be reached: {_reason(error)}") from None
        if answer.status not in (200, 201, 204):
            self._refuse(answer, path)
        answer.read()

    def download(self, path: str, query: Mapping[str, str], target: Path) -> None:
        """Write the file at a path of the server. Raises SharingError and OSError."""
        answer = self._answer("GET", f"{path}?{urlencode(query)}" if query else path, None)
        length = answer.getheader("Content-Length")
        size = 0
        with target.open("wb") as file:
            while content := self._piece(answer):
                file.write(content)
                size += len(content)
        if length is not None and length.isdecimal() and size != int(length):
            raise self._fault(f"its answer was cut short, after {size} of {length} bytes")

    def _piece(self, answer: http.client.HTTPResponse) -> bytes:
        """The next bytes of an answer; b"" at its end. Raises SharingError."""
        try:
            return answer.read(_CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise self._fault(f"its answer was cut short: {error!r}") from None

    def _object(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        answer = self._answer(method, path, body)
        where = path.partition("?")[0]
        try:
            text = answer.read(LONGEST_ANSWER + 1)
            if len(text) > LONGEST_ANSWER:
                raise self._fault(f"its answer to {where} is larger than {LONGEST_ANSWER // 2**20} MB")
            found = json.loads(text)
        except (http.client.HTTPException, OSError) as error:
            raise self._fault(f"its answer was cut short: {error!r}") from None
        except (ValueError, RecursionError):
            raise self._fault(f"its answer to {where} is no JSON") from None
        if not isinstance(found, dict):
            raise self._fault(f"its answer to {where} is no object")
        return found

    def _answer(self, method: str, path: str, body: bytes | None) -> http.client.HTTPResponse:
        """The answer with status 200; a connection closed meanwhile is opened again, once."""
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        for attempt in (1, 2):
            try:
                self._connection.request(method, self._address.path + path, body, headers)
                answer = self._connection.getresponse()
                break
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                was_closed = isinstance(error, ConnectionError | http.client.RemoteDisconnected)
                if attempt == 2 or not was_closed:
                    raise self._fault(f"it cannot be reached: {_reason(error)}") from None
        if answer.status != 200:
            self._refuse(answer, path.partition("?")[0])
        return answer

    def _refuse(self, answer: http.client.HTTPResponse, path: str) -> None:
        """Raise the error of an answer with another status."""
        said = answer.read(_CHUNK).decode("utf-8", "replace")
        if 300 <= answer.status < 400:
            raise self._fault(f"it answers with a redirect ({answer.status}), and none is followed")
        if answer.status in (401, 403):
            raise self._fault(f"it refuses ({answer.status})", _TOKEN)
        raise self._fault(f"it answers {path} with {answer.status}{_words(said)}")

    def _fault(
        self, why: str, hint: str = "Try it again in a moment, or check the address."
    ) -> errors.SharingError:
        return errors.SharingError(f"{self._address}: {why}.", hint, code="server-failed")

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if self._address.scheme == "https":
            secure = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=secure)
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT)


def basic(user: str, password: str) -> dict[str, str]:
    """The header for a name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted, {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _words(said: str) -> str:
    """The server's own words of a fault, if they are JSON."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    if not isinstance(message, str):
        return ""
    plain = "".join(letter if letter.isprintable() else " " for letter in message)
    return f": {plain[:_LONGEST_REASON].rstrip('.')}"
