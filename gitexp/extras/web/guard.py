"""What stands before every request: only the browser of the person who started the server gets in.

One middleware for every path, and what it does not let in is refused. docs/dashboard.md gives the reasons.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

from gitexp.named_tuple import NamedTuple

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

OWN_HEADER = "x-gitexp"  # of every write: no form and no foreign page can send it
NONCE = "gitexp.nonce"  # in the scope: of the scripts in the page
_TOKEN = "token"
_READS = ("GET", "HEAD")
_MOST_QUERY = 8192  # bytes
_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
# What a file of the user's gets in place of the policy of pages: it is shown, and runs and loads nothing.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Refused(Exception):
    """A refused request, with the status and the sentence of the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Allowed(NamedTuple):
    """The allowed requests.

    Attributes:
        hosts: the exact values of the Host header, in small letters: `localhost:8765`.
        scheme: "http" or "https".
        writes: whether requests may change something.
    """

    hosts: Sequence[str]
    scheme: str = "http"
    writes: bool = False

    @property
    def origins(self) -> list[str]:
        return [f"{self.scheme}://{host}" for host in self.hosts]


class RequestGuard:
    """An ASGI application before another one."""

    def __init__(self, app: App, allowed: Allowed, port: int) -> None:
        self._app = app
        self._allowed = allowed
        # Cookies do not tell ports apart, so the name does: two dashboards of one person.
        self._cookie = f"gitexp-{port}"
        self._secret = secrets.token_urlsafe(32)
        self._tokens: set[str] = set()

    def new_token(self) -> str:
        """A token for the first request of one browser."""
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass an allowed request to the application."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":  # there are no web sockets here
            return await send({"type": "websocket.close", "code": 1008})
        nonce = secrets.token_urlsafe(16)
        try:
            redirect = self._let_in(scope)
        except Refused as refused:
            return await _answer(send, refused.status, refused.sentence, policy(nonce))
        if redirect is not None:
            return await self._welcome(send, redirect, policy(nonce))
        scope[NONCE] = nonce
        return await self._app(scope, receive, _guarded(send, policy(nonce)))

    def _let_in(self, scope: Scope) -> str | None:
        """The address to redirect a new browser to; None for a known browser. Raises Refused."""
        headers = _headers(scope)
        self._check_origin(headers)
        self._check_method(scope["method"], headers)
        token = _token_of(scope)
        if self._is_known(headers):
            if token is None:
                return None
            return _without_token(scope)
        if token is not None and scope["method"] == "GET" and self._takes(token):
            return _without_token(scope)
        if token is not None:
            raise Refused(403, "This link has been used. gitexp ui gives a new one.")
        raise Refused(403, "Open the link that gitexp ui has printed.")

    def _check_origin(self, headers: dict[str, list[str]]) -> None:
        """Raise Refused for the name of another server, or a request from the page of another server."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._allowed.hosts:
            raise Refused(403, "This server does not have that name.")
        site = headers.get("sec-fetch-site", ["none"])
        if site not in (["same-origin"], ["none"]):
            raise Refused(403, "Another page has asked for this.")
        origin = headers.get("origin")
        if origin is not None and (len(origin) != 1 or origin[0].lower() not in self._allowed.origins):
            raise Refused(403, "Another page has asked for this.")

    def _check_method(self, method: str, headers: dict[str, list[str]]) -> None:
        """Raise Refused for a forbidden change."""
        if method in _READS:
            return
        if method != "POST" or not self._allowed.writes:
            raise Refused(405, "This dashboard only shows: gitexp ui --write lets it change something.")
        kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
        if kind != "application/json" or headers.get(OWN_HEADER) != ["1"] or "origin" not in headers:
            raise Refused(403, "A change is JSON, and asked for by a page of this dashboard.")

    def _is_known(self, headers: dict[str, list[str]]) -> bool:
        """Whether the browser has the cookie.

        The other programs on this machine share its cookies, whatever they have put into theirs. So the
        header is cut at its semicolons, and no parser of whole cookies may give up at a stranger's.
        """
        for line in headers.get("cookie", []):
            for pair in line.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._cookie and _same(value, self._secret):
                    return True
        return False

    def _takes(self, token: str) -> bool:
        """Whether a token is valid and unused. The token counts as used from now on."""
        for known in self._tokens:
            if _same(token, known):
                self._tokens.remove(known)
                return True
        return False

    async def _welcome(self, send: Send, path: str, csp: str) -> None:
        """Give the browser its cookie, and redirect to the same address without the token."""
        cookie = f"{self._cookie}={self._secret}; Path=/; HttpOnly; SameSite=Strict"
        if self._allowed.scheme == "https":
            cookie += "; Secure"
        more = [("location", path), ("set-cookie", cookie)]
        await _answer(send, 303, "Go on.", csp, more)


def policy(nonce: str) -> str:
    """The Content-Security-Policy of a page: all from here, and no script without the nonce."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _query(scope: Scope) -> list[tuple[str, str]]:
    raw = scope.get("query_string", b"")
    if len(raw) > _MOST_QUERY:
        raise Refused(414, "The address is too long.")
    return parse_qsl(raw.decode("latin-1"), keep_blank_values=True)


def _token_of(scope: Scope) -> str | None:
    for name, value in _query(scope):
        if name == _TOKEN:
            return value
    return None


def _without_token(scope: Scope) -> str:
    """The address of a request without its token: always an address of this server."""
    left = [(name, value) for name, value in _query(scope) if name != _TOKEN]
    raw: bytes = scope["raw_path"]
    path = "/" + raw.decode("latin-1").lstrip("/\\")
    if left:
        path += f"?{urlencode(left)}"
    return path


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


def _guarded(send: Send, csp: str) -> Send:
    """A `send` with the headers of a page added to each answer, except headers of the answer itself."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            known = {name.lower() for name, _ in headers}
            for name, value in (("content-security-policy", csp), ("cache-control", "no-store"), *_HEADERS):
                if name.encode() not in known:
                    headers.append((name.encode(), value.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def _answer(send: Send, status: int, text: str, csp: str, more: Sequence[tuple[str, str]] = ()) -> None:
    body = f"{text}\n".encode()
    headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body))), *more]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    guarded = _guarded(send, csp)
    await guarded({"type": "http.response.start", "status": status, "headers": raw})
    await guarded({"type": "http.response.body", "body": body})
