"""The server of the dashboard. The one user of starlette and uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gitexp.errors import GitexpError
from gitexp.extras.web import pages
from gitexp.extras.web.answers import ANSWERS, Document, DocumentRequest, do, file_of
from gitexp.extras.web.contents import previews
from gitexp.extras.web.documents import Documents, as_text
from gitexp.extras.web.events import Events
from gitexp.extras.web.guard import NONCE, SANDBOX, Allowed, RequestGuard
from gitexp.extras.web.pages import PAGES, Page
from gitexp.named_tuple import NamedTuple

SHOWN = {*previews.IMAGES, *previews.SOUNDS}  # endings of files that a page shows; others are saved
_MOST_BODY = 100_000  # bytes of a request that does something
_FOREVER = "private, max-age=31536000, immutable"


class Dashboard(NamedTuple):
    """The dashboard as an ASGI application, which begins with the guard, and its events."""

    guard: RequestGuard
    events: Events


def application(documents: Documents, allowed: Allowed, port: int, tell: Callable[[str], None]) -> Dashboard:
    """The dashboard at a port. `tell`: tells the user in the terminal."""
    events = Events(lambda: run_in_threadpool(documents.follow), tell)
    routes = [
        Route("/", _page(PAGES[0], documents, allowed)),
        Route("/events", _events(events)),
        Route("/documents/changes.json", _changes(documents)),
        Route("/static/{name}", _static),
    ]
    for page in PAGES:
        routes.append(Route(f"/{page.path}", _page(page, documents, allowed)))
        routes.append(
            Route(f"/documents/{page.path.removesuffix('.html')}.json", _documents(page, documents))
        )
    for path, make in ANSWERS.items():
        routes.append(Route(f"/documents/{path}.json", _answer(make, documents)))
    routes.append(Route("/files/{key}/{place}/{path:path}", _file(documents)))
    if allowed.writes:
        routes.append(Route("/actions/{name}", _action(documents), methods=["POST"]))
    app = Starlette(routes=routes)
    return Dashboard(RequestGuard(app, allowed, port), events)


def _page(page: Page, documents: Documents, allowed: Allowed) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        """The page; starlette calls a plain function in a thread."""
        key = request.path_params.get("key", "")

        def text() -> str:
            documents.look()
            nonce = request.scope[NONCE]
            return pages.html(page, documents, key, nonce=nonce, live=True, writes=allowed.writes)

        return _made(text, "page", "text/html")

    return answer


def _made(make: Callable[[], str], what: str, kind: str = "application/json") -> Response:
    """The answer with a text; a sentence about why it cannot be made."""
    try:
        return Response(make(), media_type=kind)
    except (LookupError, GitexpError, OSError) as error:
        return _refusal(error, what)


def _refusal(error: Exception, what: str) -> Response:
    if isinstance(error, LookupError):
        return PlainTextResponse(f"There is no such {what}.\n", 404)
    if isinstance(error, GitexpError):
        return PlainTextResponse(f"{error}\n", 404)
    return PlainTextResponse(f"It cannot be read: {error}\n", 503)


def _documents(page: Page, documents: Documents) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        """The documents of a page alone, for an open page."""
        key = request.path_params.get("key", "")
        return _made(lambda: as_text(page.documents(documents, key)), "document")

    return answer


def _answer(
    make: Callable[[Documents, DocumentRequest], Document], documents: Documents
) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        """A document for an open page."""
        query: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            query.setdefault(name, []).append(value)
        asked = DocumentRequest(request.path_params.get("key", ""), query)

        def text() -> str:
            documents.require_readable()
            return as_text(make(documents, asked))

        return _made(text, "experiment")

    return answer


def _changes(documents: Documents) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        """The changes of the table since the cursor of a page."""
        cursor = request.query_params.get("since", "")
        return _made(lambda: documents.table_since(cursor), "document")

    return answer


def _file(documents: Documents) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        """A file of an experiment, sandboxed by the browser: the file may be a stranger's."""
        words = request.path_params
        try:
            file = file_of(documents, words["key"], words["place"], words["path"])
        except (LookupError, GitexpError, OSError) as error:
            return _refusal(error, "experiment")
        ending = PurePosixPath(file.path).suffix.lower()
        headers = {"content-security-policy": SANDBOX, "content-length": str(file.size)}
        if ending not in SHOWN:
            headers["content-disposition"] = "attachment"
        kind = previews.TYPES.get(ending, "application/octet-stream")
        return StreamingResponse(file.pieces(), media_type=kind, headers=headers)

    return answer


def _action(documents: Documents) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        """Do the action of a page; the guard has allowed the request."""
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BODY:
                return PlainTextResponse("That is too much.\n", 413)
        try:
            found = await run_in_threadpool(do, documents, request.path_params["name"], body)
        except LookupError:
            return PlainTextResponse("There is no such experiment.\n", 404)
        except GitexpError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except OSError as error:  # the folder is gone, or no process can be started
            return PlainTextResponse(f"It cannot be done: {error}\n", 503)
        return Response(as_text(found), media_type="application/json")

    return answer


def _events(events: Events) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        """The cursors of the repository in server-sent events."""
        if request.method == "HEAD":  # it has no body to wait for
            return Response(media_type="text/event-stream")
        return StreamingResponse(events.stream(), media_type="text/event-stream")

    return answer


def _static(request: Request) -> Response:
    """A static file of pages, from a fixed list: no path leads to any other file."""
    name = request.path_params["name"]
    content = pages.static_files().get(name)
    if content is None:
        return PlainTextResponse("There is no such file.\n", 404)
    kind = pages.TYPES["." + name.rpartition(".")[2]]
    headers = {}
    if request.query_params.get("v") == pages.version_of(name):
        headers["cache-control"] = _FOREVER
    return Response(content, media_type=kind, headers=headers)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OSError if the port is taken."""
    family = socket.AF_INET
    if ":" in host:
        family = socket.AF_INET6
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(256)  # from here on a browser waits, and is not refused
    except OSError:
        found.close()
        raise
    return found


class _EventServer(uvicorn.Server):
    """A server with an end of the streams of events at shutdown: they would go on for ever."""

    def __init__(self, config: uvicorn.Config, events: Events) -> None:
        super().__init__(config)
        self._events = events

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all streams and requests."""
        self._events.end()
        await super().shutdown(sockets)


def serve(app: Dashboard, listener: socket.socket, tls: tuple[str, str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM. `tls`: the files of a certificate and its key."""
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app.guard,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        h11_max_incomplete_event_size=32768,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    _EventServer(config, app.events).run([listener])


class Server:
    """The functions of this module for `gitexp ui`."""

    application = staticmethod(application)
    listening = staticmethod(listening)
    serve = staticmethod(serve)
