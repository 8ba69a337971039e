"""The options that choose, order and format experiments do the same on every command that has them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.clones import make_team
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def three(repo: Workspace) -> Workspace:
    """Three experiments with acc 0.1, 0.3 and 0.2; the last one failed."""
    for at, (name, acc) in enumerate((("a", 0.1), ("b", 0.3), ("c", 0.2))):
        status = Status.FAILED if name == "c" else Status.DONE
        params = {"params.yaml": {"lr": at, "same": 1}}
        put(repo, name, status=status, metrics={"metrics.json": {"acc": acc}}, params=params)
    return repo


def test_list_in_an_order_and_with_values(three: Workspace) -> None:
    by_acc = ("list", "--sort", "acc")
    assert (
        three.gitexp(*by_acc).stdout.split()
        == three.gitexp(*by_acc, "--asc").stdout.split()
        == ["a", "c", "b"]
    )
    assert three.gitexp(*by_acc, "--desc", "-l", "2").stdout.split() == ["b", "c"]
    told = three.gitexp(*by_acc, "--columns", "acc,lr", "--no-failed").stdout
    assert told == "a\t0.1\t0\nb\t0.3\t1\n"
    assert three.gitexp(*by_acc, "--columns", "acc", "--hide", "name", "-l", "1").stdout == "0.1\n"
    assert three.json(*by_acc, "--columns", "acc", "-l", "1")[0]["values"] == {"acc": 0.1}
    rows = list(csv.DictReader(io.StringIO(three.gitexp(*by_acc, "--format", "csv").stdout)))
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert three.gitexp("list", "--columns", "nope", check=False).exit_code == 2


def test_compare_a_choice_in_an_order(three: Workspace) -> None:
    def points(*args: str) -> list[str]:
        return [point["name"] for point in three.json("compare", *args)["points"]]

    assert points("--sort", "acc", "--desc") == ["b", "c", "a"]
    assert points("--no-failed", "--sort", "acc") == ["a", "b"]
    assert points("--filter", "acc > 0.15", "--sort", "acc") == ["c", "b"]
    found = three.json("compare", "a", "b", "--columns", "same,l*", "--hide", "lr")
    assert ([item["key"] for item in found["params"]], found["metrics"]) == (["same"], [])
    assert three.gitexp("compare", "a", "b", "--hide", "same", check=False).exit_code == 0
    assert (
        three.json("compare", "a", "b", "--columns", "nope", check=False)["error"]["code"] == "unknown-column"
    )
    assert three.gitexp("compare", "a", "--failed", check=False).exit_code == 2


def test_compare_by_a_direction(three: Workspace) -> None:
    text = three.gitexp("compare", "a", "b", "--sort", "acc", "--min", "--format", "md").stdout
    assert "| Params | a | b |" in text
    assert "| acc | **0.1** | 0.3 |" in text
    assert [point["name"] for point in three.json("compare", "--sort", "acc", "--max")["points"]] == [*"bca"]
    assert three.gitexp("compare", "a", "b", "--min", check=False).exit_code == 2


def test_show_by_a_direction(three: Workspace) -> None:
    def names(*args: str) -> list[str]:
        rows = three.json("show", "--sort", "acc", *args)
        return [row["name"] for row in rows if row["kind"] == "experiment"]

    assert names("--max") == names("--desc") == ["b", "c", "a"]
    assert names("--min") == names() == ["a", "c", "b"]
    assert names("--min", "--desc") == ["b", "c", "a"]
    assert "0.1*" in three.gitexp("show", "--sort", "acc", "--min").stdout
    assert three.gitexp("show", "--min", check=False).exit_code == 2


def test_a_table_for_latex(three: Workspace) -> None:
    put(three, "d", note="50 % of #1_x --lr", params={"params.yaml": {"lr": "[1]\\x"}})
    lines = three.gitexp("show", "--columns", "note,lr,acc", "--format", "latex").stdout.splitlines()
    assert lines[1:3] == [r"\begin{tabular}{lllllr}", r"\toprule"]
    assert any(r"50 \% of \#1\_x -{}-lr & {[}1{]}\textbackslash{}x & - \\" in line for line in lines)
    assert next(line for line in lines if r"\textbf" in line).endswith(r"\textbf{0.3} \\")
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    for command in (("compare", "a", "b"), ("diff", "a", "b")):
        assert r" & 0.1 & \textbf{0.3}" in three.gitexp(*command, "--format", "latex").stdout
        assert " | 0.1 | **0.3** |" in three.gitexp(*command, "--format", "md").stdout


def test_means_for_latex(repo: Workspace) -> None:
    for at, acc in enumerate((0.5, 0.7, 0.9)):
        of = {"group": "g"} if at else {}
        put(repo, f"r{at}", replicate=at, metrics={"m.json": {"acc": acc}}, **of)
    assert r"& \textbf{0.8 $\pm$ 0.14 (2)}" in repo.gitexp("show", "--format", "latex").stdout


def test_a_command_in_csv(three: Workspace) -> None:
    told = three.gitexp("diff", "a", "b", "--format", "csv").stdout
    assert told.splitlines()[:2] == ["part,key,old,new,change,percent", "params,lr,0,1,,"]


def test_best_and_diff_of_what_has_failed(three: Workspace) -> None:
    assert three.gitexp("best", "acc", "--failed").stdout == "c\n"
    assert three.json("diff", "a", "--best", "acc", "--failed")["b"]["name"] == "c"
    assert three.gitexp("diff", "a", "--failed", check=False).exit_code == 2


def test_tags_for_a_choice(three: Workspace) -> None:
    three.gitexp("tag", "--filter", "acc > 0.15", "good", "--no-failed")
    three.gitexp("tag", "--failed", "bad")
    tags = {row["name"]: row["tags"] for row in three.json("show", "-A") if row["kind"] == "experiment"}
    assert tags == {"a": [], "b": ["good"], "c": ["bad"]}
    assert three.gitexp("tag", check=False).exit_code == 2


def test_push_of_what_has_failed(three: Workspace, tmp_path: Path) -> None:
    team = make_team(three, tmp_path)
    three.gitexp("push", "-q", "--failed")
    assert team.there().keys() == {"c"}
    team.bob.close()


def test_an_old_spelling_answers_programs_in_json(repo: Workspace) -> None:
    error = repo.json("show", "-n", "5", "--json", check=False)["error"]
    assert (error["code"], error["hint"]) == ("usage", "The same now: gitexp show --limit 5 --json --json")


def test_listings_have_a_limit(three: Workspace) -> None:
    three.gitexp("remove", "-y", "-q", "a")
    three.gitexp("remove", "-y", "-q", "b")
    assert [row["name"] for row in three.json("restore", "--list", "--limit", "1")] == ["b"]
    assert (
        three.gitexp("undo", "--list", "-l", "1", "--format", "csv").stdout.splitlines()[1].split(",")[1]
        == "remove b"
    )
    assert three.gitexp("undo", "--limit", "1", check=False).exit_code == 2
