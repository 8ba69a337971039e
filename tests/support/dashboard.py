"""A dashboard that runs, and what asks it for pages as no browser would."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.workspace import Workspace


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Dashboard(NamedTuple):
    """A dashboard that runs, with the link that it has printed."""

    link: str

    @property
    def port(self) -> int:
        found = urlsplit(self.link).port
        assert found is not None
        return found

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
        host: str | None = None,
    ) -> Answer:
        """Sends one request as it is given, the path too; `host` is the value of the header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", f"127.0.0.1:{self.port}" if host is None else host)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def cookie_of(self, cookies: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The header of a browser with these cookies."""
        return {"Cookie": "; ".join(f"{one['name']}={one['value']}" for one in cookies)}

    def cookie(self) -> dict[str, str]:
        """The header of a browser that has opened the link."""
        parts = urlsplit(self.link)
        answer = self.ask(f"{parts.path}?{parts.query}")
        assert answer.status == 303, answer
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


@contextmanager
def running(repo: Workspace, *options: str) -> Iterator[Dashboard]:
    """A dashboard on a repository, ended as by Ctrl-C."""
    process = repo.start("ui", "--no-open", "--port", "0", *options)
    assert process.stdout is not None
    assert process.stderr is not None
    link = process.stdout.readline().decode().strip()
    assert link.startswith("http"), process.stderr.read().decode()
    yield Dashboard(link)
    process.send_signal(signal.SIGINT)
    told = process.stderr.read().decode()
    assert process.wait(20) == 0, told
    assert "Traceback" not in told, told
