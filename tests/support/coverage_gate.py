"""Coverage of the whole suite, told and enforced before pytest's own closing line.

Acts in the main process of `coverage run -m pytest`. Its workers and every gitexp process leave data
files of their own (`patch = subprocess` in pyproject.toml), which are complete only once the workers
have ended; hence `trylast`, after pytest-xdist has waited for them.
"""

from __future__ import annotations

import io
import warnings

import pytest
from coverage import Coverage
from coverage.exceptions import CoverageWarning

_REPORT = pytest.StashKey[str]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    measuring = Coverage.current()
    if measuring is None or hasattr(session.config, "workerinput"):
        return
    # With workers, this process has no reason to import gitexp, and a warning would close the output.
    measuring.set_option("run:disable_warnings", ["module-not-imported", "no-data-collected"])
    measuring.stop()
    measuring.save()
    coverage = Coverage()
    with warnings.catch_warnings():
        # A process that a test kills while it writes its data leaves a file that is none.
        warnings.simplefilter("ignore", CoverageWarning)
        coverage.combine()
    coverage.save()
    report = io.StringIO()
    total = coverage.report(file=report)
    least = coverage.get_option("report:fail_under")
    if total < least:
        report.write(f"FAILED: {total:.1f} % of gitexp is covered, less than {least:g} %\n")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
    session.config.stash[_REPORT] = report.getvalue()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if report := terminalreporter.config.stash.get(_REPORT, ""):
        terminalreporter.section("coverage")
        terminalreporter.write(report)
