"""Who does not get in: other users, other pages, other names; and what no text and no path can do."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from gitexp.extras.web.events import Events
from tests.extras.web.conftest import Seen
from tests.support.dashboard import Answer, Dashboard, running
from tests.support.experiments import put
from tests.support.workspace import Workspace

PATHS = (
    "/",
    "/index.html",
    "/static/core.js",
    "/documents/index.json",
    "/events",
    "/nowhere",
    "/experiments/a.html",
)
HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "localhost:{port}.evil.example",
    "127.0.0.1.nip.io:{port}",
    "127.1:{port}",
    "0.0.0.0:{port}",
    "2130706433:{port}",
    "localhost.:{port}",
    "user@localhost:{port}",
    "",
)
ORIGINS = (
    "null",
    "http://evil.example",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:1",
    "http://localhost:{port}.evil.example",
    "file://",
    "chrome-extension://abcdef",
    "http://127.0.0.1:{port}, http://evil.example",
)
# Each with the cookie: a path that leads nowhere, and never to a file of the disk.
ELSEWHERE = (
    "/static/../guard.py",
    "/static/..%2fguard.py",
    "/static/%2e%2e/%2e%2e/guard.py",
    "/static/....//guard.py",
    "/static/core.js/../../guard.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/..\\guard.py",
    "/static/core.js%00.css",
    "/static/%c0%ae%c0%ae/guard.py",
    "/static/.%2e/guard.py",
    "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/.git/config",
    "/.git/HEAD",
    "//etc/passwd",
    "/experiments/../../.git/config.html",
    "/experiments/%2e%2e%2fsecret.html",
    "/experiments/..%2f..%2f.git%2fconfig.html",
    "/experiments/unknown.html",
    "/experiments/%3Cscript%3E.html",
    "/documents/../index.html",
    "/documents/experiments/%2e%2e/files.json",
    "/files/a/code/../../../.git/config",
    "/files/a/code/%2e%2e/%2e%2e/.git/config",
    "/files/a/code//etc/passwd",
    "/files/a/code/.git/config",
    "/files/a/nowhere/x",
    "/files/unknown/code/train.py",
    "/actions/remove",
)


@pytest.fixture
def dashboard(repo: Workspace) -> Iterator[Dashboard]:
    put(repo, "a", metrics={"m.json": {"acc": 0.5}})
    repo.write("secret.txt", "the secret of the workspace")
    with running(repo) as found:
        yield found


def refused(answer: Answer) -> None:
    """Refused, with the headers of all answers, and without a word of what is here."""
    assert 400 <= answer.status < 500, answer
    assert "access-control-allow-origin" not in answer.headers
    for word in (b"acc", b"gitexp =", b"root:", b"the secret", b"[core]", b"refs/heads", b"Traceback"):
        assert word not in answer.body, answer


def hardened(answer: Answer) -> None:
    """The headers that every answer has."""
    assert "default-src" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


def test_nobody_gets_in_without_the_cookie(dashboard: Dashboard) -> None:
    port = dashboard.port
    answers = [dashboard.ask(path) for path in PATHS]
    answers += [dashboard.ask(f"{path}?token={token}") for path in PATHS[:3] for token in ("", "x" * 32)]
    for cookie in ("x", "", '"', "a" * 9000, "\\073", "=; ="):
        answers.append(dashboard.ask("/", {"Cookie": f"gitexp-{port}={cookie}"}))
    answers.append(dashboard.ask("/", {"Cookie": "gitexp-1=x; other=y"}))
    answers.append(dashboard.ask(f"/?token={'a' * 9000}"))
    for answer in answers:
        refused(answer)
        hardened(answer)
    # The link lets one browser in, and only the first one.
    token = dashboard.link.partition("?")[2]
    assert dashboard.ask(f"/?{token}", method="HEAD").status == 403  # what looks at links takes none away
    known = dashboard.cookie()
    refused(dashboard.ask(f"/?{token}"))
    refused(dashboard.ask(f"/static/core.js?{token}"))
    answer = dashboard.ask("/", known)
    assert answer.status == 200
    hardened(answer)
    for path in PATHS[1:4]:
        hardened(dashboard.ask(path, known))
    # With the cookie a used link leads on, to this server and nowhere else.
    onward = dashboard.ask(f"//evil.example/?{token}", known)
    assert onward.headers.get("location", "/").startswith("/evil") or onward.status >= 400


def test_cookies_of_other_programs_shut_nobody_out(dashboard: Dashboard) -> None:
    known = dashboard.cookie()["Cookie"]
    for other in ('a={"b": 1}', "a=b c", "=x", "a@b=1", "x[y]=1", 'a="x', "path=/", "a=" + "x" * 9000):
        for cookies in (f"{other}; {known}", f"{known}; {other}"):
            assert dashboard.ask("/static/icon.svg", {"Cookie": cookies}).status == 200, other[:20]
        refused(dashboard.ask("/static/icon.svg", {"Cookie": f"{other}; x{known}"}))


def test_odd_requests_are_answered(repo: Workspace) -> None:
    put(repo, "a", metrics={"m.json": {"acc": 0.5}})
    put(repo, "b", body="{no record")
    with running(repo) as dashboard:
        known = dashboard.cookie()
        assert dashboard.ask("/events", known, method="HEAD").body == b""  # and not for ever
        news = "/documents/experiments/a/news.json?cursor="
        for path in ("/documents/experiments/b.json", f'{news}{{"x":1e999}}', f'{news}{{"x":{2**70}}}'):
            answer = dashboard.ask(path, known)
            assert answer.status == 404, answer


def test_one_task_looks_for_many_pages_that_come_at_once() -> None:
    looks = list[str]()

    async def look() -> str:
        looks.append("1")
        await asyncio.sleep(0)
        return "1"

    async def come() -> None:
        events = Events(look, looks.append)
        streams = [events.stream() for _ in range(20)]
        await asyncio.gather(*(anext(stream) for stream in streams))

    asyncio.run(come())
    assert len(looks) == 1


def test_a_look_that_fails_is_told_and_tried_again() -> None:
    told, outcomes = list[str](), iter(("1", KeyError("x"), KeyError("x"), "1"))

    async def look() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, str):
            return outcome
        raise outcome

    async def come() -> list[str]:
        stream = Events(look, told.append, tick=0.001).stream()
        return [(await anext(stream)).split("event: ")[1] for _ in range(3)]

    first, stopped, again = asyncio.run(come())
    assert first == again == 'cursor\ndata: "1"\n\n'
    assert stopped == "stopped\ndata: \"KeyError: 'x'\"\n\n"
    assert told == ["Live updates stopped: KeyError: 'x'", "Live updates go on."]


def test_no_value_keeps_a_browser_busy(repo: Workspace, seen: Seen) -> None:
    repo.write("params.yaml", f"long: {'A' * 300_000}\n")
    repo.commit()
    put(repo, "a")
    with running(repo) as dashboard:
        seen.page.goto(dashboard.link)
        seen.page.goto(f"{dashboard.root}experiments/a.html")
        assert "300,000 characters" in seen.page.locator("#panels").inner_text()
        # Among the numbers here, to add one changes nothing.
        assert seen.page.evaluate("gitexp.scales.scale(1e20, 1e20 + 2**16, 0, 9).ticks(5).length") < 15
        seen.check(dashboard.root)


def test_no_other_name_and_no_other_page(dashboard: Dashboard) -> None:
    known, port = dashboard.cookie(), dashboard.port
    for host, path in product(HOSTS, ("/", "/static/core.js", "/documents/index.json")):
        refused(dashboard.ask(path, known, host=host.format(port=port)))
    for origin in ORIGINS:
        refused(dashboard.ask("/", {**known, "Origin": origin.format(port=port)}))
    for site in ("cross-site", "same-site", "", "None", "same-origin, cross-site"):
        refused(dashboard.ask("/documents/index.json", {**known, "Sec-Fetch-Site": site}))
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert dashboard.ask("/", {**known, "Sec-Fetch-Site": "same-origin"}, host=host).status == 200
    # Two names in one request, and an address in place of a path.
    raw = (
        f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example\r\nCookie: {known['Cookie']}\r\n\r\n"
    )
    assert b" 40" in _raw(port, raw)[:20]
    raw = f"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nCookie: {known['Cookie']}\r\n\r\n"
    assert b" 40" in _raw(port, raw)[:20]


def _raw(port: int, text: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(text.encode())
        return connection.recv(4096)


def test_no_path_leads_elsewhere(dashboard: Dashboard) -> None:
    known = dashboard.cookie()
    for path in ELSEWHERE:
        refused(dashboard.ask(path, known))


def test_nothing_is_changed_by_a_dashboard_that_shows(dashboard: Dashboard) -> None:
    known = dashboard.cookie()
    own = {**known, "Content-Type": "application/json", "X-Gitexp": "1", "Origin": dashboard.root.rstrip("/")}
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
        refused(dashboard.ask("/actions/remove", own, method=method, body=b'{"key": "a"}'))


def test_a_change_is_asked_for_by_a_page_of_the_dashboard(repo: Workspace) -> None:
    put(repo, "a", metrics={"m.json": {"acc": 0.5}})
    with running(repo, "--write") as dashboard:
        known, body = dashboard.cookie(), b'{"key": "a", "values": {}}'
        page = {"Content-Type": "application/json", "X-Gitexp": "1", "Origin": dashboard.root.rstrip("/")}
        for left_out in (*page, "Cookie"):
            sent = {name: value for name, value in {**page, **known}.items() if name != left_out}
            refused(dashboard.ask("/actions/remove", sent, method="POST", body=body))
        wrong = {
            "Content-Type": "text/plain",
            "X-Gitexp": "0",
            "Origin": "null",
            "Sec-Fetch-Site": "cross-site",
        }
        for name, value in wrong.items():
            refused(
                dashboard.ask("/actions/remove", {**page, **known, name: value}, method="POST", body=body)
            )
        for method, path in (("GET", "/actions/remove"), ("POST", "/actions/nowhere"), ("POST", "/")):
            refused(dashboard.ask(path, {**page, **known}, method=method, body=body))
        half = b'{"key": "a", "values": {"note": "\\ud800"}}'  # of a character
        refused(dashboard.ask("/actions/note", {**page, **known}, method="POST", body=half))
        for odd in (b"", b"[", b"[]", b'{"key": 5}', b'{"key": "../a"}', b"x" * 200_000, b"[" * 50_000):
            refused(dashboard.ask("/actions/remove", {**page, **known}, method="POST", body=odd))
    assert repo.json("list", "-A")[0]["name"] == "a"


MARKUP = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "<svg/onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- <script> \u2028\u2029 \u202e",
    "'; window.hacked = 1; '",
    "__proto__",
    "constructor",
)


def test_texts_of_the_repository_are_texts(repo: Workspace, seen: Seen) -> None:
    for number, text in enumerate(MARKUP):
        params, metrics = (
            {"params.yaml": {text: text, "p": text}},
            {"m.json": {text: 1.5 + number, "m": text}},
        )
        stage = {"user": text, "host": text, "command": text, "branch": text, "reason": text, "worker": text}
        put(
            repo,
            f"exp-{number}",
            params=params,
            metrics=metrics,
            note=text,
            tags=(text,),
            warnings=(text,),
            **stage,
        )
    odd = "refs/gitexp/exps/<img-src=x-onerror=window.hacked=1>"
    with repo.by_user():
        repo.git("update-ref", odd, "HEAD")
    with running(repo) as dashboard:
        page = seen.page
        page.goto(dashboard.link)
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("button", name="Show all of these").click()
        page.keyboard.press("Escape")
        assert page.locator("tr.line").count() >= len(MARKUP) + 3
        text = page.locator("#runs").inner_text()
        for one in MARKUP[:6]:
            assert one in text
        page.get_by_label("Filter").fill(f"note == '{MARKUP[0]}'")
        assert page.locator("#count").inner_text().startswith("1 of ")
        for address in ("experiments/exp-0.html", "experiments/exp-1.html", "compare.html?exp=exp-0,exp-1"):
            page.goto(f"{dashboard.root}{address}")
            assert page.locator("main").inner_text()
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x], svg[onload]").count() == 0
        seen.check(dashboard.root)


def test_other_machines_get_in_by_https_alone(repo: Workspace, tmp_path: Path) -> None:
    words = {
        ("--host", "0.0.0.0"): "without https",
        ("--tls-cert", "c.pem"): "a certificate and its key",
        ("--tls-cert", "c.pem", "--tls-key", "k.pem"): "cannot be used",
        ("--host", "unknown.invalid", "--insecure"): "cannot listen",
    }
    for options, told in words.items():
        refused = repo.gitexp("ui", "--no-open", *options, check=False)
        assert refused.exit_code == 2
        assert told in refused.stderr
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here: https was not tried")
    files = tmp_path / "c.pem", tmp_path / "k.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*make.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    with running(repo, "--tls-cert", str(files[0]), "--tls-key", str(files[1])) as dashboard:
        assert dashboard.link.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(files[0]))
        connection = http.client.HTTPSConnection("localhost", dashboard.port, context=context)
        connection.request("GET", f"/?{dashboard.link.partition('?')[2]}")
        answer = connection.getresponse()
        assert answer.status == 303
        assert answer.headers["set-cookie"].endswith("; Secure")
        connection.close()
