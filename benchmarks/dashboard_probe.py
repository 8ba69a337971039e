"""Starts `gitexp ui` where it stands, uses it as browsers do, and prints the seconds of one thing.

    python dashboard_probe.py GITEXP first | request | news | tick | idle | drawn | drawn-again

`first` and `request` print the number of experiments on the page besides. A process of its own, and smaller
than the server: so the peak memory of the largest process is the server's. `drawn` needs Playwright
and Chromium, which is larger.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

REQUESTS = 5
BROWSERS = 100
BROWSER = "chromium"
DRAWN = 5  # times that a page is drawn again
TICKS = 10
TICK = 0.5  # seconds from one look of the server to the next
ROW = b'"experiment"'  # once in the document of the table for each of them
PATIENCE = 60.0  # seconds until an answer has to be there


# Milliseconds from the begin of the navigation to the first frame in which all charts are drawn.
_ALL_DRAWN = """() => new Promise((done) => {
  const look = () => {
    const all = [...document.querySelectorAll("figure.chart .canvas")];
    const drawn = all.length && all.every((one) => one.getAttribute("aria-label"));
    requestAnimationFrame(drawn ? () => done(performance.now()) : look);
  };
  look();
})"""


class Dashboard:
    """A server that runs, and a browser that it has let in."""

    def __init__(self, gitexp: str) -> None:
        argv = [gitexp, "ui", "--port", "0", "--no-open", "--quiet"]
        self.cookie = ""
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        link = urlsplit(self.process.stdout.readline().strip())
        if link.port is None:
            raise SystemExit("gitexp ui has not printed its link")
        self.port = link.port
        answer = self.ask(f"{link.path}?{link.query}")
        answer.read()
        self.cookie = (answer.getheader("set-cookie") or "").partition(";")[0]

    def ask(self, path: str) -> http.client.HTTPResponse:
        """The answer to one request, its body still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        return connection.getresponse()

    def page(self) -> bytes:
        """The page of the table."""
        answer = self.ask("/")
        if answer.status != 200:
            raise SystemExit(f"the page was answered with {answer.status}")
        return answer.read()

    def events(self) -> http.client.HTTPResponse:
        """A stream of events, the first of which has come."""
        stream = self.ask("/events")
        next_event(stream)
        return stream

    def processor(self) -> float:
        """Seconds that all threads of the server have computed, to the nanosecond where Linux says so."""
        found = 0
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            found += int((thread / "schedstat").read_text().split()[0])
        return found / 1e9

    def close(self) -> None:
        """End the server."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)


def next_event(stream: http.client.HTTPResponse) -> str:
    """The data of the next event."""
    while line := stream.readline():
        if line.startswith(b"data:"):
            return line.decode()
    raise SystemExit("the stream of events has ended")


@contextmanager
def dashboard(gitexp: str) -> Iterator[Dashboard]:
    running = Dashboard(gitexp)
    try:
        yield running
    finally:
        running.close()


def first(running: Dashboard) -> str:
    """From the start of the process to the end of the first page."""
    rows = running.page().count(ROW)
    return f"{time.perf_counter() - running.begun:.6f} {rows}"


def request(running: Dashboard) -> str:
    """The page of the table, once it has been made."""
    rows = running.page().count(ROW)
    taken = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        running.page()
        taken.append(time.perf_counter() - begun)
    return f"{median(taken):.6f} {rows}"


def news(running: Dashboard) -> str:
    """From a new experiment to the answer that has it: one is taken away before, and comes back."""
    ref = _git("for-each-ref", "--count=1", "--format=%(refname) %(objectname)", "refs/gitexp/exps/").split()
    running.page()
    stream = running.events()
    name = ref[0].rpartition("/")[2].encode()
    _git("update-ref", "-d", ref[0])
    try:
        cursor = _cursor_of(next_event(stream))
        time.sleep(2 * TICK)
    finally:
        begun = time.perf_counter()
        _git("update-ref", *ref)
    next_event(stream)
    if name not in running.ask(f"/documents/changes.json?since={cursor}").read():
        raise SystemExit("the new experiment is not in the table")
    return f"{time.perf_counter() - begun:.6f}"


def tick(running: Dashboard) -> str:
    """The processor's time of one look that finds nothing new, with one browser."""
    return _idle(running, browsers=1, parts=TICKS)


def idle(running: Dashboard) -> str:
    """The processor's time of one second in which many browsers wait."""
    return _idle(running, browsers=BROWSERS, parts=TICKS * TICK)


def _idle(running: Dashboard, *, browsers: int, parts: float) -> str:
    """The processor's time of `parts` that are as long as all ticks together."""
    running.page()
    streams = [running.events() for _ in range(browsers)]
    time.sleep(4 * TICK)  # repositories that have just changed are looked at twice
    before = running.processor()
    time.sleep(TICKS * TICK)
    taken = running.processor() - before
    for stream in streams:
        stream.close()
    return f"{taken / parts:.6f}"


def drawn(running: Dashboard) -> str:
    """The curves of all experiments beside each other, for the first time: the server reads them."""
    return f"{_drawn(running, 1)[0]:.6f}"


def drawn_again(running: Dashboard) -> str:
    """The same page, when the server has read the curves."""
    return f"{median(_drawn(running, 1 + DRAWN)[1:]):.6f}"


def _drawn(running: Dashboard, times: int) -> list[float]:
    """Seconds until all charts of a comparison are drawn, each time."""
    from playwright.sync_api import sync_playwright  # here, for nothing else needs it

    refs = _git("for-each-ref", "--format=%(refname)", "refs/gitexp/exps/").split()
    root = f"http://127.0.0.1:{running.port}/"
    address = f"{root}compare.html?exp={','.join(ref.rpartition('/')[2] for ref in refs)}"
    name, _, value = running.cookie.partition("=")
    taken = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which(BROWSER), args=options)
        context = browser.new_context(viewport={"width": 1600, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": root}])
        page = context.new_page()
        for _ in range(times):
            page.goto(address)
            taken.append(page.evaluate(_ALL_DRAWN) / 1000)
        browser.close()
    return taken


def _cursor_of(event: str) -> str:
    return event.partition(":")[2].strip().strip('"')


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, env=os.environ)
    return done.stdout


MEASURES: dict[str, Callable[[Dashboard], str]] = {
    "first": first,
    "request": request,
    "news": news,
    "tick": tick,
    "idle": idle,
    "drawn": drawn,
    "drawn-again": drawn_again,
}

if __name__ == "__main__":
    with dashboard(sys.argv[1]) as running:
        print(MEASURES[sys.argv[2]](running))
