"""Coverage of the whole suite, told and enforced before pytest's own closing line.

Acts in the main process of `coverage run -m pytest`. Its workers and every gitexp process leave data
files of their own (`patch = subprocess` in pyproject.toml), which are complete only once the workers
have ended; hence `trylast`, after pytest-xdist has waited for them.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from coverage import Coverage

import gitexp

_REPORT = pytest.StashKey[str]()

# A process of gitexp's does not look for files that nothing has run: the main process does that once. And a
# fork goes on with what its server has started: to start anew costs more than most commands do.
_OF_A_PROCESS = """\
[run]
parallel = true
sigterm = true
include = {package}/*
data_file = {data}
"""


def of_processes(folder: Path) -> Mapping[str, str]:
    """The variables with which processes of gitexp's measure coverage, if this one does."""
    measuring = Coverage.current()
    if measuring is None:
        return {}
    settings = folder / "coverage.ini"
    data = Path(measuring.config.data_file).absolute()
    settings.write_text(_OF_A_PROCESS.format(package=Path(gitexp.__file__).parent, data=data), "utf-8")
    return {"COVERAGE_PROCESS_START": str(settings)}


TOO_LITTLE = 10  # an exit code that pytest has not: to run failed tests again does not mend it


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    measuring = Coverage.current()
    if measuring is None or hasattr(session.config, "workerinput"):
        return
    # With workers, this process has no reason to import gitexp, and a warning would close the output.
    measuring.set_option("run:disable_warnings", ["module-not-imported", "no-data-collected"])
    measuring.stop()
    measuring.save()
    parts = _combine_by_parts(Path(measuring.config.data_file))
    coverage = Coverage()
    coverage.combine(parts)  # not what a process leaves that a test has killed while it wrote its data
    coverage.save()
    report = io.StringIO()
    total = coverage.report(file=report)
    least = coverage.get_option("report:fail_under")
    if total < least:
        report.write(f"FAILED: {total:.1f} % of gitexp is covered, less than {least:g} %\n")
        session.exitstatus = TOO_LITTLE
    session.config.stash[_REPORT] = report.getvalue()


def _combine_by_parts(data: Path) -> list[str]:
    """Leave a few data files of thousands, made side by side: one after the other they take minutes."""
    files = sorted(str(file) for file in data.parent.glob(f"{data.name}.*"))
    parts = os.cpu_count() or 1
    started = []
    for number in range(parts):
        if some := files[number::parts]:
            options = ["--quiet", f"--data-file={data}.part-{number}"]
            # Without those of what runs it: it would be measured itself.
            environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
            command = [sys.executable, "-m", "coverage", "combine", *options]
            # A process that a test kills while it writes its data leaves a file that is none.
            started.append(subprocess.Popen([*command, *some], env=environment, stderr=subprocess.DEVNULL))
    for process in started:
        process.wait()
    return [str(part) for part in sorted(data.parent.glob(f"{data.name}.part-*"))]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if report := terminalreporter.config.stash.get(_REPORT, ""):
        terminalreporter.section("coverage")
        terminalreporter.write(report)
