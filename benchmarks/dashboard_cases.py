"""What is measured of the dashboard: its start, its table, and the export of all pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.case import BARE, GITEXP, Case
from benchmarks.lab import Lab
from benchmarks.measure import CommandError, Side

SMALL, LARGE, EXPORTED = 1_000, 10_000, 1_000
REQUESTS = 10

# Starts the dashboard, asks for the table so many times as a browser does, and ends it.
_ASK = """
import http.cookiejar, signal, subprocess, sys, urllib.request
command = [sys.executable, "-m", "gitexp", "ui", "--no-open", "--port", "0", "--quiet"]
process = subprocess.Popen(command, stdout=subprocess.PIPE)
link = process.stdout.readline().decode().strip()
jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
opener = urllib.request.build_opener(jar)
page = opener.open(link).read()
for _ in range(int(sys.argv[1])):
    page = opener.open(link.partition("?")[0]).read()
process.send_signal(signal.SIGTERM)
process.wait()
print(page.count(b'"experiment"'))
"""
_NOTHING = "import http.cookiejar, signal, subprocess, sys, urllib.request; print(0)"


def _start(lab: Lab) -> Case:
    """From the command to the first page."""
    folder = lab.experiments(SMALL)
    sides = {
        GITEXP: _script(lab, _ASK, SMALL, folder, 0),
        BARE: _script(lab, _NOTHING, 0, folder, 0),
    }
    return Case(f"start of the dashboard with {SMALL:,} experiments, to the first page", sides, goal=1.0)


def _table(lab: Lab) -> Case:
    """The table of a dashboard that runs already: more requests than those of the other side."""
    folder = lab.experiments(LARGE)
    sides = {
        GITEXP: _script(lab, _ASK, LARGE, folder, REQUESTS),
        BARE: _script(lab, _ASK, LARGE, folder, 0),
    }
    work = f"{REQUESTS} tables of {LARGE:,} experiments from a dashboard that runs"
    return Case(work, sides, goal=REQUESTS * 0.5)


def _export(lab: Lab) -> Case:
    """All pages as a folder, written again each time."""
    folder, site = lab.experiments(EXPORTED), lab.scratch / "site"
    argv = [lab.python, "-m", "gitexp", "ui", "--export", str(site), "--quiet"]
    sides = {GITEXP: Side(lambda: argv, folder, lab.env)}
    return Case(f"the dashboard with {EXPORTED:,} experiments as a folder", sides, goal=5.0)


def _script(lab: Lab, script: str, expected: int, folder: Path, requests: int) -> Side:
    argv = [lab.python, "-c", script, str(requests)]
    return Side(lambda: argv, folder, lab.env, check=partial(_has_printed, expected))


def _has_printed(expected: int, output: bytes) -> None:
    if int(output) < expected:
        raise CommandError(f"the page has {output!r} experiments, not {expected}")


CASES: dict[str, Callable[[Lab], Case]] = {
    "dashboard-start": _start,
    "dashboard-table-10000": _table,
    "dashboard-export-1000": _export,
}
