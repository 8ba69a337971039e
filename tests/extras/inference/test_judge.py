"""`gitexp judge` on experiments: replicates, single runs, commits, and what cannot be judged."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from scipy import stats

from gitexp.model import Status
from tests.support.experiments import put
from tests.support.workspace import Workspace


def values(repo: Workspace, of: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Store runs of each lr with the seeds 1, 2, … and its values; the name of the first run of each."""
    for lr, found in of.items():
        for seed, value in enumerate(found, 1):
            params = {"params.yaml": {"lr": lr, "seed": seed}}
            metrics = {"metrics.json": {"acc": value}}
            same = {"group": lr, "identity": f"{lr}-{seed}", "replicate": seed}
            put(repo, f"{lr}-{seed}", params=params, metrics=metrics, **same)
    return {lr: f"{lr}-1" for lr in of}


def judged(repo: Workspace, *words: str) -> tuple[int, list[dict[str, Any]]]:
    result = repo.gitexp("judge", *words, "--json", check=False)
    return result.exit_code, json.loads(result.stdout)


def test_five_seeds_each_are_judged_as_a_statistician_would(repo: Workspace) -> None:
    chance = random.Random(1)
    noise = [chance.gauss(0, 0.01) for _ in range(10)]
    first = [0.90 + value for value in noise[:5]]
    second = [0.93 + value for value in noise[5:]]
    names = values(repo, {"a": first, "b": second})
    status, (found,) = judged(repo, names["a"], names["b"])
    expected = stats.ttest_rel(second, first)
    assert (status, found["verdict"], found["manner"]) == (0, "better", "paired by seed")
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["better"] == pytest.approx(1 - expected.pvalue / 2)
    assert judged(repo, names["b"], names["a"])[0] == 3
    told = repo.gitexp("judge", names["a"], names["b"]).stdout
    assert told.startswith("b-1 is better than a-1: acc +0.0")
    table = repo.gitexp("judge", names["a"], names["b"], "--format", "md").stdout
    assert "(5) | b-1 | 0.9" in table
    assert repo.gitexp("judge", names["a"], names["b"], "--min", check=False).exit_code == 3


def test_a_difference_inside_the_noise_is_none_and_says_how_many_runs_it_takes(repo: Workspace) -> None:
    names = values(repo, {"a": [0.90, 0.93, 0.91], "b": [0.92, 0.90, 0.925], "c": [0.905]})
    status, (found,) = judged(repo, names["a"], names["b"])
    assert (status, found["verdict"]) == (4, "no telling")
    assert found["low"] < 0 < found["high"]
    assert found["needed"] > 10
    told = repo.gitexp("judge", names["a"], "c-1", check=False).stdout
    assert "no telling between c-1 and a-1" in told
    assert "runs of each would be needed" in told


def test_several_are_corrected_for_their_number(repo: Workspace) -> None:
    names = values(
        repo, {"a": [0.90, 0.91, 0.92, 0.91], "b": [0.92, 0.93, 0.935, 0.92], "c": [0.9, 0.92, 0.91]}
    )
    _, (alone,) = judged(repo, names["a"], names["b"])
    _, both = judged(repo, names["a"], names["b"], names["c"])
    assert [one["second"]["name"] for one in both] == ["b-1", "c-1"]
    assert both[0]["p"] == pytest.approx(min(2 * alone["p"], 1.0))
    assert both[0]["high"] - both[0]["low"] > alone["high"] - alone["low"]


def test_runs_without_a_finite_number_are_left_out_and_said(repo: Workspace) -> None:
    names = values(repo, {"a": [0.9, float("nan"), 0.91, 0.92], "b": [0.95, 0.96, 0.97, 0.95]})
    status, (found,) = judged(repo, names["a"], names["b"])
    assert (status, found["first"]["missing"], found["manner"]) == (0, 1, "Welch")
    assert "1 run without a finite number for acc" in repo.gitexp("judge", "a-1", "b-1").stderr


def test_what_cannot_be_judged_is_said(repo: Workspace) -> None:
    names = values(repo, {"a": [0.9, 0.91], "b": [0.95]})
    put(repo, "bad", status=Status.FAILED)
    for words, told in (
        (("a-1",), "One alone cannot be judged"),
        (("a-1", "a-2"), "replicates of each other"),
        (("a-1", "bad"), "bad is failed"),
        (("a-1", "b-1", "--metric", "acd"), "There is no metric 'acd'"),
        (("a-1", "none"), "none"),
        (("a-1", "HEAD"), "no metric has a direction"),
    ):
        result = repo.gitexp("judge", *words, check=False)
        assert result.exit_code in (1, 2)
        assert told.lower() in result.stderr.lower()
    assert judged(repo, names["a"], names["b"])[1][0]["manner"] == "noise floor"


def test_a_first_run_of_all_cannot_be_told_from_another(repo: Workspace) -> None:
    values(repo, {"a": [0.9], "b": [0.95]})
    result = repo.gitexp("judge", "a-1", "b-1", check=False)
    assert result.exit_code == 4
    assert "no experiment here has a replicate" in result.stdout


# By seed, the same noise for each gain, and a little for each run.
NOISY = """
function noise(key) { key = sin(key) * 10000; return key - int(key) }
{ param[$1] = $2 }
END {
    acc = 2 * noise(param["seed:"]) + 0.1 * noise(param["seed:"] + 99 * param["gain:"]) + param["gain:"]
    printf "{\\"acc\\": %.9f}\\n", acc > "metrics.json"
}
"""


def test_more_runs_are_made_until_it_is_decided(repo: Workspace) -> None:
    repo.write("train.awk", NOISY)
    repo.write("params.yaml", "gain: 0.0\nseed: 1\n")
    repo.write("gitexp.yaml", "command: awk -f train.awk params.yaml\n")
    repo.commit("noisy")
    for name, gain in (("a", "0.0"), ("b", "0.6"), ("c", "0.001")):
        repo.gitexp("run", "-q", "--temp", "-n", name, "-S", f"gain={gain}")
    before = repo.gitexp("list").stdout
    assert judged(repo, "a", "b")[1][0]["manner"] == "none"
    refs = repo.git("for-each-ref")
    tried = repo.gitexp("judge", "a", "b", "--metric", "acc", "--run", "--dry-run").stdout
    assert "a  -S seed=2" in tried
    assert "b  -S seed=2" in tried
    assert repo.git("for-each-ref") == refs
    status, (found,) = judged(repo, "a", "b", "--metric", "acc", "--run", "-j", "2")
    assert (status, found["verdict"], found["manner"]) == (0, "better", "sequential")
    made = len(repo.gitexp("list").stdout.split()) - len(before.split())
    assert 4 <= made <= 16
    again = judged(repo, "a", "b", "--metric", "acc", "--run")
    assert again == (status, [found])  # decided already: nothing is run
    status, (found,) = judged(repo, "a", "c", "--metric", "acc", "--run", "--budget", "5")
    assert (status, found["verdict"]) == (4, "no telling")
    assert repo.git("status", "--porcelain") == ""


def test_what_cannot_be_run_again_is_said(repo: Workspace) -> None:
    for name, lr in (("a", 0.1), ("b", 0.2)):
        params = {"params.yaml": {"train": {"lr": lr}}}
        put(repo, name, params=params, metrics={"metrics.json": {"loss": 1.0}}, group=name)
    for words, told in (
        (("a", "b", "--run"), "no param that is a seed"),
        (("a", "b", "HEAD", "--run"), "between two experiments"),
    ):
        result = repo.gitexp("judge", *words, "--metric", "loss", check=False)
        assert result.exit_code == 2
        assert told in result.stderr
