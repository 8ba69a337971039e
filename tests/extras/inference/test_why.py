"""`gitexp why` on experiments: a planted hunk is found, planted noise is called noise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitexp.extras.inference.units import hunks, with_hunks
from tests.support.workspace import Workspace

# acc is 0.5, more by what `tuning.py` says, and noise by the seed.
TRAIN = """
function noise(key) { key = sin(key) * 10000; return key - int(key) }
{ value[$1] = $NF }
/return part_3/ { borrowed = 1 }
FILENAME == "part_3.py" && $1 == "return" { steps = $2 }
END {
    if (borrowed && !steps) exit 1
    if (!borrowed) steps = value["steps"]
    own = value["seed:"] + 10 * value["lr:"] + 100 * value["depth"] + 1000 * value["width"]
    printf "{\\"acc\\": %.9f}\\n", 0.5 + steps / 100 + 0.002 * noise(own) > "metrics.json"
}
"""
TUNING = """depth = {depth}


def gain():
    # The number of steps.
    steps = {steps}
    return steps / 100


width = {width}
"""


@pytest.fixture
def project(repo: Workspace) -> Workspace:
    repo.write("train.awk", TRAIN)
    repo.write("tuning.py", TUNING.format(depth=1, steps=1, width=1))
    repo.write("params.yaml", "lr: 0.1\nbatch: 8\nmodel: {units: 4, act: relu}\nseed: 1\n")
    repo.write("gitexp.yaml", "command: awk -f train.awk params.yaml tuning.py part_3.py\n")
    for number in range(11):
        repo.write(f"part_{number}.py", f"value = {number}\n")
    repo.commit("a project")
    repo.gitexp("run", "-q", "--repeat", "3", "--name-template", "a-{seed}")
    return repo


def asked(repo: Workspace, *words: str) -> tuple[int, dict[str, Any]]:
    result = repo.gitexp("why", *words, "--metric", "acc", "--json", check=False)
    return result.exit_code, json.loads(result.stdout)


def change_all(repo: Workspace, steps: int) -> None:
    """Twelve changed files and four changed params; the second hunk of tuning.py alone has an effect."""
    repo.write("tuning.py", TUNING.format(depth=2, steps=steps, width=3))
    repo.write("params.yaml", "lr: 0.2\nbatch: 16\nmodel: {units: 8, act: tanh}\nseed: 1\n")
    for number in range(11):
        repo.write(f"part_{number}.py", f"value  =  {number}\n")


def test_a_hunk_among_twelve_files_and_four_params_is_found(project: Workspace) -> None:
    change_all(project, steps=20)
    project.gitexp("run", "-q", "--temp", "-n", "b")
    refs = project.git("for-each-ref")
    tried = project.gitexp("why", "a-1", "b", "--metric", "acc", "--dry-run").stdout
    assert project.git("for-each-ref") == refs
    assert "16 units from a-1 to b" in tried
    status, found = asked(project, "a-1", "b", "-j", "2")
    assert status == 0
    assert [each["unit"] for each in found["effects"] if each["guilty"]] == ["tuning.py"]
    assert [each["unit"] for each in found["hunks"] if each["guilty"]] == ["tuning.py:6"]
    assert "+    steps = 20" in found["patch"]
    assert "+width" not in found["patch"]
    assert found["sentence"].endswith("because of tuning.py:6")
    begun, again = found["begun"], asked(project, "a-1", "b")[1]
    assert 4 <= begun <= 30
    assert again["begun"] == 0  # all is there already
    assert again["effects"] == found["effects"]
    assert project.git("status", "--porcelain").count("\n") >= 12  # the workspace is as the user left it


def test_a_planted_nothing_is_called_noise_and_nothing_is_run(project: Workspace) -> None:
    change_all(project, steps=1)
    project.gitexp("run", "-q", "--temp", "-n", "b")
    before = project.gitexp("list", "-A").stdout
    status, found = asked(project, "a-1", "b")
    assert (status, found["judgement"]["verdict"], found["begun"]) == (4, "no telling", 0)
    assert "there is nothing to explain" in found["sentence"]
    assert project.gitexp("list", "-A").stdout == before


def test_the_one_thing_that_differs_is_named_without_a_run(project: Workspace) -> None:
    project.write("tuning.py", TUNING.format(depth=1, steps=20, width=1))
    project.gitexp("run", "-q", "--temp", "-n", "b")
    status, found = asked(project, "a-1", "b")
    assert (status, found["begun"]) == (0, 0)
    assert "tuning.py is all that differs" in found["sentence"]


def test_a_budget_ends_it_and_the_same_command_goes_on(project: Workspace) -> None:
    project.write("tuning.py", TUNING.format(depth=1, steps=20, width=1))
    project.write("part_1.py", "value = 2\n")
    project.write("part_2.py", "")
    project.gitexp("run", "-q", "--temp", "-n", "b")
    status, found = asked(project, "a-1", "b", "--budget", "2")
    assert (status, found["begun"]) == (3, 0)
    assert "beyond the budget" in found["stopped"]
    status, found = asked(project, "a-1", "b", "--budget", "6")
    assert (status, found["begun"]) == (0, 6)
    assert found["sentence"].endswith("because of tuning.py:6")


def test_hybrids_that_cannot_run_are_no_evidence(project: Workspace) -> None:
    """tuning.py calls what part_3.py has only from now on: one without the other fails."""
    project.write("part_3.py", "value = 3\n\n\ndef steps():\n    return 20\n")
    project.write(
        "tuning.py", "import part_3\ndepth = width = 1\n\n\ndef gain():\n    return part_3.steps() / 100\n"
    )
    project.write("params.yaml", "lr: 0.2\nbatch: 8\nmodel: {units: 4, act: relu}\nseed: 1\n")
    project.gitexp("run", "-q", "--temp", "-n", "b")
    _, found = asked(project, "a-1", "b")
    told = {each["unit"].partition(":")[0]: each["finding"] for each in found["effects"]}
    assert told["lr"] == "no effect"
    assert told["tuning.py"] == "only together with others" or told["tuning.py"] == "makes the difference"


def test_hunks_put_together_are_the_second_file() -> None:
    before = b"a\nb\nc\nd\ne\nf"
    after = b"a\nB\nc\nd\nnew\ne\nf\n"
    found = hunks(before, after)
    assert len(found) == 3
    assert with_hunks(before, found) == after
    assert with_hunks(before, []) == before
    assert with_hunks(before, [found[1]]) == b"a\nb\nc\nd\nnew\ne\nf"


def test_what_cannot_be_asked_is_said(project: Workspace) -> None:
    for words, told in (
        (("a-1", "HEAD"), "HEAD"),
        (("a-1", "a-2"), "replicates of each other"),
        (("a-1", "nobody"), "nobody"),
    ):
        result = project.gitexp("why", *words, "--metric", "acc", check=False)
        assert result.exit_code in (1, 2)
        assert told in result.stderr
