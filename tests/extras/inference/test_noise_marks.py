"""Differences inside the noise: marked everywhere, and `best --sure`, which names no lucky run."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.noise import NoiseFloor
from gitexp.extras.inference.selection import may_be_best
from gitexp.model import Status
from tests.extras.inference.test_judge import values
from tests.support.experiments import put
from tests.support.workspace import Workspace

# Groups of 0.90 and 0.95, each ± 0.01, and single runs: one as good as the best, one far below.
VALUES = {
    "a": [0.90, 0.91, 0.89],
    "b": [0.955, 0.945, 0.95],
    "c": [0.957],
    "d": [0.80],
}
ACC_OF_99 = {"metrics.json": {"acc": 0.99}}


def test_what_is_inside_the_noise_is_marked(repo: Workspace) -> None:
    values(repo, VALUES)
    _a_table_marks_what_may_be_as_good_as_the_best(repo)
    _a_comparison_marks_what_is_inside_the_noise(repo)
    _best_is_sure_only_beyond_the_noise(repo)
    _one_with_replicates_shows_their_mean(repo)


def _a_table_marks_what_may_be_as_good_as_the_best(judged: Workspace) -> None:
    table = judged.gitexp("show", "--sort", "acc", "--desc")
    rows = {line.split("[")[1][0]: line for line in table.stdout.splitlines() if "[" in line}
    assert "0.957*" in rows["c"]
    assert "± 0.005 (3)≈" in rows["b"]
    assert "≈" not in rows["a"] + rows["d"]
    assert "≈: may be as good as the best" in table.stdout
    assert "(3)≈ |" in judged.gitexp("show", "--format", "md").stdout
    assert r"$\approx$" in judged.gitexp("show", "--format", "latex").stdout
    assert "≈" not in judged.gitexp("show", "--format", "csv").stdout + judged.gitexp("show", "--json").stdout


def _a_comparison_marks_what_is_inside_the_noise(judged: Workspace) -> None:
    same = judged.gitexp("diff", "b-1", "c-1")
    assert "+0.002 ≈" in same.stdout
    assert "≈: inside the noise" in same.stderr
    found = json.loads(judged.gitexp("diff", "b-1", "c-1", "--json").stdout)["metrics"][0]
    assert found["noise"]["inside"] is True
    assert found["noise"]["low"] < 0.0 < found["noise"]["high"]
    other = judged.gitexp("diff", "d-1", "b-1", "--group", "replicates")
    assert "≈" not in other.stdout + other.stderr
    assert "≈" not in judged.gitexp("diff", "b-1", "c-1", "--format", "csv").stdout
    side_by_side = judged.gitexp("compare", "b-1", "c-1", "a-1", "--group", "replicates")
    assert side_by_side.stdout.count("≈") == 1
    assert "beside b-1" in side_by_side.stderr
    told = judged.gitexp("compare", "b-1", "c-1", "a-1", "--group", "replicates", "--json").stdout
    noise = json.loads(told)["metrics"][0]["noise"]
    assert {name: one["inside"] for name, one in noise.items()} == {"c-1": True, "a-1": False}


def _best_is_sure_only_beyond_the_noise(judged: Workspace) -> None:
    result = judged.gitexp("best", "acc", "--sure", check=False)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "2 of 4 may have the best acc: c-1 0.957, b-1 0.95 ± 0.005 (3)" in result.stderr
    assert "gitexp judge b-1 c-1 --metric acc --run" in result.stderr
    told = json.loads(judged.gitexp("best", "acc", "--sure", "--json", check=False).stdout)
    assert (told["experiment"], told["sure"]) == (None, False)
    assert [one["experiment"] for one in told["may_be_best"]] == ["c-1", "b-1"]
    assert judged.gitexp("best", "acc", "--sure", "--filter", "lr != 'c'").stdout == "b-1\n"
    assert judged.gitexp("best", "acc", "--sure", "--min").stdout == "d-1\n"


def _one_with_replicates_shows_their_mean(judged: Workspace) -> None:
    assert "0.955  0.95 ± 0.005 (3)" in judged.gitexp("show", "b-1").stdout
    (found,) = json.loads(judged.gitexp("show", "b-1", "--json").stdout)
    assert found["replicates"]["metrics"]["acc"]["n"] == 3
    (single,) = json.loads(judged.gitexp("show", "c-1", "--json").stdout)
    assert "replicates" not in single


@pytest.mark.parametrize("status", [Status.INTERRUPTED, Status.FAILED, Status.RUNNING])
def test_what_cannot_be_judged_is_never_surely_the_best(repo: Workspace, status: Status) -> None:
    values(repo, VALUES)
    put(repo, "broken", params={"params.yaml": {"lr": "e", "seed": 1}}, metrics=ACC_OF_99, status=status)
    told = repo.gitexp("best", "acc", "--sure", check=False)
    assert (told.exit_code, told.stdout) == (4, "")
    assert f"broken 0.99 ({status}), c-1 0.957, b-1" in told.stderr
    assert "gitexp judge b-1 c-1 --metric acc --run" in told.stderr
    assert repo.gitexp("judge", "b-1", "broken", check=False).exit_code == 1
    alone = repo.gitexp("best", "acc", "--sure", "--filter", "lr == 'e'", check=False)
    assert (alone.exit_code, alone.stdout) == (4, "")
    for command in (["diff", "b-1", "broken"], ["compare", "b-1", "broken"]):
        assert '"noise"' not in repo.gitexp(*command, "--json").stdout  # there is in other comparisons
    report = repo.gitexp("report").stdout
    assert "by more than noise" not in report
    if status is not Status.RUNNING:  # in a table, a running experiment has no result yet
        assert f"broken is {status}" in report


def test_a_run_with_a_bad_end_and_a_bad_number_hides_no_best(repo: Workspace) -> None:
    values(repo, VALUES)
    metrics = {"metrics.json": {"acc": 0.1}}
    put(repo, "broken", params={"params.yaml": {"lr": "e"}}, metrics=metrics, status=Status.FAILED)
    assert repo.gitexp("best", "acc", "--sure", "--filter", "lr != 'c'").stdout == "b-1\n"
    report = repo.gitexp("report", "--filter", "lr != 'c'").stdout
    assert "b-1 is better than each other by more than noise" in report


def test_replicates_without_the_metric_say_nothing_about_its_noise(repo: Workspace) -> None:
    values(repo, {"a": [0.80], "b": [0.90]})
    for number in (1, 2):
        same = {"group": "twin", "identity": f"twin-{number}", "replicate": number}
        put(repo, f"twin-{number}", params={"params.yaml": {"lr": "t"}}, metrics={}, **same)
    assert repo.gitexp("best", "acc", "--sure", check=False).exit_code == 4
    assert "noise" not in repo.gitexp("report").stdout


def test_a_report_weighs_the_experiments_beyond_its_limit(repo: Workspace) -> None:
    values(repo, VALUES)
    report = repo.gitexp("report", "--sort", "acc", "--desc", "--limit", "1").stdout
    assert "Inside the noise, and perhaps as good as c-1: b-1." in report


def test_without_replicates_nothing_is_marked_and_no_statistics_are_loaded(repo: Workspace) -> None:
    values(repo, {"a": [0.90], "b": [0.901]})
    assert "≈" not in repo.gitexp("show").stdout + repo.gitexp("diff", "a-1", "b-1").stdout
    assert "noise" not in repo.gitexp("diff", "a-1", "b-1", "--json").stdout
    told = repo.gitexp("best", "acc", "--sure", check=False)
    assert told.exit_code == 4
    assert "nothing says how far apart equal runs are" in told.stderr
    loaded = "import sys; from gitexp.cli.main import main; main()"
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", loaded, "show"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "gitexp.views.uncertainty" in process.stderr
    assert "gitexp.extras.inference" not in process.stderr


def test_the_true_best_is_left_out_in_one_of_twenty_cases_at_most() -> None:
    chance, lost, rounds = random.Random(5), 0, 400
    for _ in range(rounds):
        samples = []
        for count in (1, 1, 1, 4, 4, 8):
            samples.append(Sample([chance.gauss(0.5, 0.1) for _ in range(count)]))
        floor = NoiseFloor(0.1, runs=1_000, groups=10)
        found = may_be_best(samples, floor)
        assert found is not None
        lost += not found[1]  # all are equally good: each may be the best
    assert lost / rounds <= 0.05
    sure = [Sample([0.9, 0.91, 0.9]), Sample([0.5]), Sample([]), Sample([0.4, 0.42])]
    assert may_be_best(sure, NoiseFloor(0.01, 20, 5)) == [True, False, False, False]
    assert may_be_best(sure, NoiseFloor(0.01, 20, 5), lowest=True) == [False, False, False, True]
    assert may_be_best([Sample([0.9]), Sample([0.5])], None) is None
