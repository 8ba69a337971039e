"""The report says plainly what was met and what was not."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import report
from benchmarks.cases import BARE, DVC, FLOOR, GITEXP, Case
from benchmarks.measure import Sample
from benchmarks.report import Outcome

ABOUT = {"processor": "a slow one"}


def outcome(seconds: float, *, goal: float | None = 0.4, memory_goal: float | None = None) -> Outcome:
    samples = {
        GITEXP: Sample((seconds,) * 3, 50),
        DVC: Sample((2.0,), 90),
        FLOOR: Sample((0.01,), 9),
    }
    return Outcome("it", Case("some work", {}, "git", goal, memory_goal), samples)


def test_a_goal_is_met_by_the_median_and_by_the_memory() -> None:
    assert outcome(0.4).met is True
    assert outcome(0.41).met is False
    assert outcome(0.4, memory_goal=49).met is False
    assert outcome(9, goal=None).met is None


def test_what_failed_has_met_nothing() -> None:
    failed = Outcome("it", Case("some work", {}, goal=0.4), {}, "gitexp show: exit status 1")
    assert failed.met is False


def test_the_bare_command_is_taken_off_both_tools_and_not_off_git() -> None:
    given = outcome(0.5)
    overhead = Outcome("it", given.case, {**given.samples, BARE: Sample((0.1, 0.2, 0.3), 9)})
    assert [overhead.net(side).median for side in (GITEXP, DVC, FLOOR)] == [0.3, 1.8, 0.01]  # type: ignore[union-attr]
    assert overhead.met is True


def test_both_files_say_the_same(tmp_path: Path) -> None:
    failed = Outcome("other", Case("other work", {}, goal=0.4), {}, "gitexp show: exit status 1")
    text = report.write(tmp_path, [outcome(0.2), outcome(0.5), failed], ABOUT, "all cases")
    assert (tmp_path / report.RESULTS_MD).read_text() == text
    assert "| some work | 0.200 (0.200-0.200) x 3 | 2.00 x 1 | 10.0 | 0.010 (git) | ≤ 0.40 | yes |" in text
    assert text.count("**NOT MET**") == 2
    assert "- other work: `gitexp show: exit status 1`" in text
    cases = json.loads((tmp_path / report.RESULTS_JSON).read_text())["cases"]
    assert [case["met"] for case in cases] == [True, False, False]
    assert cases[0]["sides"]["dvc"] == {"seconds": [2.0], "memory": 90}


def test_the_machine_is_described_and_not_named() -> None:
    about = report.machine(with_dvc=True)
    versions = {"Python", "Git", "gitexp", "DVC"}
    assert set(about) == versions | {"processor", "cores", "memory", "system"}
