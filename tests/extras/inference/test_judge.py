"""`gitexp judge` on experiments: replicates, single runs, commits, and what cannot be judged."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from scipy import stats

from tests.support.workspace import Workspace

SCRIPT = """
import json, re, sys
text = open("params.yaml").read()
seed, lr = (re.search(name + r": (\\S+)", text).group(1) for name in ("seed", "lr"))
print(json.dumps({"acc": json.load(open("values.json"))[lr][seed]}), file=open("metrics.json", "w"))
"""


@pytest.fixture
def results(repo: Workspace) -> Workspace:
    """A project whose runs have the results of values.json, by lr and seed."""
    repo.write("train.py", SCRIPT)
    repo.write("params.yaml", "lr: a\nseed: 1\n")
    repo.write("gitexp.yaml", "command: python train.py\n")
    return repo


def values(repo: Workspace, of: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """Run each lr with the seeds 1, 2, … and its values; the name of the first run of each."""
    table = {lr: {str(seed): value for seed, value in enumerate(found, 1)} for lr, found in of.items()}
    repo.write("values.json", json.dumps(table))
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "values")
    names = {}
    for lr, found in of.items():
        repo.gitexp(
            "run", "-q", "-S", f"lr={lr}", "--repeat", str(len(found)), "--name-template", "{lr}-{seed}"
        )
        names[lr] = f"{lr}-1"
    return names


def judged(repo: Workspace, *words: str) -> tuple[int, list[dict[str, Any]]]:
    result = repo.gitexp("judge", *words, "--json", check=False)
    return result.exit_code, json.loads(result.stdout)


def test_five_seeds_each_are_judged_as_a_statistician_would(results: Workspace) -> None:
    chance = random.Random(1)
    noise = [chance.gauss(0, 0.01) for _ in range(10)]
    first = [0.90 + value for value in noise[:5]]
    second = [0.93 + value for value in noise[5:]]
    names = values(results, {"a": first, "b": second})
    status, (found,) = judged(results, names["a"], names["b"])
    expected = stats.ttest_rel(second, first)
    assert (status, found["verdict"], found["manner"]) == (0, "better", "paired by seed")
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["better"] == pytest.approx(1 - expected.pvalue / 2)
    assert judged(results, names["b"], names["a"])[0] == 3
    told = results.gitexp("judge", names["a"], names["b"]).stdout
    assert told.startswith("b-1 is better than a-1: acc +0.0")
    table = results.gitexp("judge", names["a"], names["b"], "--format", "md").stdout
    assert "(5) | b-1 | 0.9" in table
    assert results.gitexp("judge", names["a"], names["b"], "--min", check=False).exit_code == 3


def test_a_difference_inside_the_noise_is_none_and_says_how_many_runs_it_takes(results: Workspace) -> None:
    names = values(results, {"a": [0.90, 0.93, 0.91], "b": [0.92, 0.90, 0.925], "c": [0.905]})
    status, (found,) = judged(results, names["a"], names["b"])
    assert (status, found["verdict"]) == (4, "no telling")
    assert found["low"] < 0 < found["high"]
    assert found["needed"] > 10
    told = results.gitexp("judge", names["a"], "c-1", check=False).stdout
    assert "no telling between c-1 and a-1" in told
    assert "runs of each would be needed" in told


def test_several_are_corrected_for_their_number(results: Workspace) -> None:
    names = values(
        results, {"a": [0.90, 0.91, 0.92, 0.91], "b": [0.92, 0.93, 0.935, 0.92], "c": [0.9, 0.92, 0.91]}
    )
    _, (alone,) = judged(results, names["a"], names["b"])
    _, both = judged(results, names["a"], names["b"], names["c"])
    assert [one["second"]["name"] for one in both] == ["b-1", "c-1"]
    assert both[0]["p"] == pytest.approx(min(2 * alone["p"], 1.0))
    assert both[0]["high"] - both[0]["low"] > alone["high"] - alone["low"]


def test_runs_without_a_finite_number_are_left_out_and_said(results: Workspace) -> None:
    names = values(results, {"a": [0.9, float("nan"), 0.91, 0.92], "b": [0.95, 0.96, 0.97, 0.95]})
    status, (found,) = judged(results, names["a"], names["b"])
    assert (status, found["first"]["missing"], found["manner"]) == (0, 1, "Welch")
    assert "1 run without a finite number for acc" in results.gitexp("judge", "a-1", "b-1").stderr


def test_what_cannot_be_judged_is_said(results: Workspace) -> None:
    names = values(results, {"a": [0.9, 0.91], "b": [0.95]})
    results.gitexp("run", "-q", "-n", "bad", "--", "false", check=False)
    for words, told in (
        (("a-1",), "One alone cannot be judged"),
        (("a-1", "a-2"), "replicates of each other"),
        (("a-1", "bad"), "bad is failed"),
        (("a-1", "b-1", "--metric", "acd"), "There is no metric 'acd'"),
        (("a-1", "none"), "none"),
        (("a-1", "HEAD"), "no metric has a direction"),
    ):
        result = results.gitexp("judge", *words, check=False)
        assert result.exit_code in (1, 2)
        assert told.lower() in result.stderr.lower()
    assert judged(results, names["a"], names["b"])[1][0]["manner"] == "noise floor"


def test_a_first_run_of_all_cannot_be_told_from_another(results: Workspace) -> None:
    values(results, {"a": [0.9], "b": [0.95]})
    result = results.gitexp("judge", "a-1", "b-1", check=False)
    assert result.exit_code == 4
    assert "no experiment here has a replicate" in result.stdout


NOISY = """
import json, random, re
text = open("params.yaml").read()
seed, gain = (float(re.search(name + r": (\\S+)", text).group(1)) for name in ("seed", "gain"))
hard = random.Random(seed).gauss(0, 1)
own = random.Random(f"{seed} {gain}").gauss(0, 0.1)
json.dump({"acc": hard + own + gain}, open("metrics.json", "w"))
"""


def test_more_runs_are_made_until_it_is_decided(repo: Workspace) -> None:
    repo.write("train.py", NOISY)
    repo.write("params.yaml", "gain: 0.0\nseed: 1\n")
    repo.write("gitexp.yaml", "command: python train.py\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "noisy")
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
    for name, lr in (("a", "0.1"), ("b", "0.2")):
        repo.gitexp("run", "-q", "--temp", "-n", name, "-S", f"train.lr={lr}", "--", "python", "train.py")
    for words, told in (
        (("a", "b", "--run"), "no param that is a seed"),
        (("a", "b", "HEAD", "--run"), "between two experiments"),
    ):
        result = repo.gitexp("judge", *words, "--metric", "loss", check=False)
        assert result.exit_code == 2
        assert told in result.stderr
