"""The units of `gitexp why`: data, comments, binary and removed files; and what no hybrid can have."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import gitexp
from gitexp.catalog import lookup
from gitexp.extras.web.contents import verdict_documents
from gitexp.project.project import Project
from tests.support.experiments import put
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

# acc is what the data says and what the last of many files says, and noise by the seed.
TRAIN = """
function noise(key) { key = sin(key) * 10000; return 2 * (key - int(key)) }
$1 == "seed:" { seed = $2 }
FILENAME == "data.txt" { data = $1 }
$1 == "value" { value[FILENAME] = $3 }
END {
    own = seed + 10 * data + 100 * value["part_1.py"]
    acc = data + value["part_39.py"] + NOISE * noise(seed) + 0.001 * noise(own)
    printf "{\\"acc\\": %.9f}\\n", acc > "metrics.json"
}
"""


def project(repo: Workspace, noise: float = 0.001) -> Workspace:
    repo.write("train.awk", TRAIN.replace("NOISE", str(noise)))
    repo.write("params.yaml", "lr: 0.1  # the rate\nseed: 1\n")
    repo.write("gitexp.yaml", "command: awk -f train.awk params.yaml data.txt part_1.py part_39.py\n")
    repo.write("data.txt", "0.5\n")
    for number in range(40):
        repo.write(f"part_{number}.py", "value = 0.0\n")
    repo.write("old.py", "# read by nobody, in some words that are long enough\nvalue = 1\n")
    repo.write("table.dat", b"\0\1\2")
    repo.writes("data.txt", ".gitignore", "gitexp.lock", "gitexp.yaml")
    repo.gitexp("add", "-q", "data.txt")
    repo.commit("a project")
    return repo


def asked(repo: Workspace, *words: str) -> tuple[int, dict[str, Any]]:
    result = repo.gitexp("why", *words, "--metric", "acc", "--json", check=False)
    return result.exit_code, json.loads(result.stdout)


def guilty(found: dict[str, Any]) -> list[str]:
    return [each["unit"] for each in found["effects"] if each["guilty"]]


def test_one_of_forty_files_is_found(repo: Workspace) -> None:
    """Most are formatted anew; others are binary, renamed and removed, and a comment among params differs."""
    project(repo).gitexp("run", "-q", "--repeat", "3", "--name-template", "a-{seed}")
    for number in range(38):
        repo.write(f"part_{number}.py", "value  =  0.0\n")
    repo.write("part_39.py", "value = 0.25\n")
    repo.write("table.dat", b"\0\3")
    repo.git("mv", "old.py", "new.py")
    repo.git("rm", "-q", "part_38.py")
    repo.write("params.yaml", "lr: 0.1  # the learning rate\nseed: 1\n")
    repo.gitexp("run", "-q", "--temp", "-n", "b")
    status, found = asked(repo, "a-1", "b", "-j", "2")
    told = set(found["units"])
    assert {"table.dat", "old.py → new.py", "part_38.py, removed", "params.yaml"} <= told
    assert (status, len(told), guilty(found)) == (0, 43, ["part_39.py"])
    assert found["begun"] < 30
    told_in_words = repo.gitexp("why", "a-1", "b", "--metric", "acc", "--format", "md").stdout
    assert "+value = 0.25" in told_in_words
    assert "| part\\_39.py | +0.2" in told_in_words
    numbers = repo.gitexp("why", "a-1", "b", "--metric", "acc", "--format", "csv").stdout
    assert re.search(r"^part_39\.py,0\.\d+,0\.\d+,0\.\d+,.*,makes the difference$", numbers, re.MULTILINE)


def test_data_is_a_unit_and_a_killed_search_goes_on(repo: Workspace) -> None:
    project(repo).gitexp("run", "-q", "--repeat", "3", "--name-template", "a-{seed}")
    repo.write("data.txt", "0.8\n")
    repo.gitexp("add", "-q", "data.txt")
    repo.write("part_1.py", "value = 1.0\n")
    repo.write("params.yaml", "lr: 0.2\nseed: 1\n")
    repo.gitexp("run", "-q", "--temp", "-n", "b")
    why = ("why", "a-1", "b", "--metric", "acc")
    kill(repo, "plan:stored", *why)
    kill(repo, "store:after-ref", *why)
    late = repo.gitexp(*why, "--minutes", "0.00001", check=False)
    assert (late.exit_code, "the time is used up" in late.stdout) == (3, True)
    before = len(repo.gitexp("list", "-A").stdout.split())
    for point in ("run:ended", "finish:stored"):  # of a worker, or of the command that puts its run right
        assert repo.gitexp(*why, env={"GITEXP_FAILPOINT": point}, check=False).exit_code in (1, -9)
    status, found = asked(repo, "a-1", "b", "-j", "2")
    assert (status, found["units"]) == (0, ["lr: 0.1 → 0.2", "part_1.py", "data data.txt"])
    assert guilty(found) == ["data data.txt"]
    assert len(repo.gitexp("list", "-A").stdout.split()) == before  # six hybrids, each once
    assert_sound(repo)
    _told_everywhere(repo, found["sentence"])


def _told_everywhere(repo: Workspace, sentence: str) -> None:
    """Python, a report and the page of a comparison tell the answer from the runs that are there."""
    opened = Project.open(repo.path)
    refs = repo.git("for-each-ref")
    assert gitexp.judge(opened, ["a-1", "b"])[0].verdict is gitexp.Verdict.BETTER
    told = gitexp.why(opened, "a-1", "b", "acc")
    assert (told.sentence, told.guilty, told.answer.begun) == (sentence, ["data data.txt"], 0)
    page = verdict_documents.of_points(opened, [lookup.find(opened, name) for name in ("a-1", "b")])
    assert [answer["sentence"] for answer in page["answers"]] == [sentence]
    assert page["sentences"] == [gitexp.judge(opened, ["a-1", "b"])[0].sentence]
    assert (
        verdict_documents.of_points(opened, [lookup.find(opened, name) for name in ("b", "a-1")])["answers"]
        == []
    )
    repo.write("paper.md.j2", "{{ judge('a-1', 'b') }}\n\n{{ why('a-1', 'b', 'acc') }}\n\n{{ sure() }}\n")
    report = repo.gitexp("report", "--sort", "acc", "--max", "--template", "paper.md.j2").stdout
    assert "because of data data.txt." in report
    assert "b is better than each other by more than noise" in report
    assert repo.git("for-each-ref") == refs


def test_a_small_gain_is_found_in_pairs_of_the_same_seeds(repo: Workspace) -> None:
    project(repo, noise=0.1).gitexp("run", "-q", "--repeat", "4", "--name-template", "a-{seed}")
    repo.write("part_39.py", "value = 0.05\n")
    repo.write("part_2.py", "value = 2.0\n")
    repo.gitexp("run", "-q", "--repeat", "4", "--temp", "--name-template", "b-{seed}")
    status, found = asked(repo, "a-1", "b-1", "-j", "2")
    assert (status, guilty(found), found["seeds"]) == (0, ["part_39.py"], ["1", "2", "3", "4"])
    assert found["runs"]["most"] == found["begun"] == 8


@pytest.mark.parametrize("planted", [0.0, 0.3])
def test_what_cannot_be_tried_is_not_blamed_on_what_can(repo: Workspace, planted: float) -> None:
    """The second was run on another machine, and its code has no ancestor in common with the first's."""
    project(repo).gitexp("run", "-q", "--repeat", "3", "--name-template", "a-{seed}")
    repo.write("part_1.py", "value = 1.0\n")
    repo.write("part_39.py", f"value = {planted}\n")
    repo.git("checkout", "-q", "--orphan", "other")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "the same, without its past")
    first = Project.open(repo.path).store.get("a-1")
    assert first is not None
    record = first.record
    metrics = {"metrics.json": {"acc": 0.8}}
    fields = {name: getattr(record, name) for name in ("command", "argv", "params", "platform", "python")}
    put(repo, "b", **fields, metrics=metrics, gpus=record.gpus, cpus=4096)
    status, found = asked(repo, "a-1", "b", "-j", "2")
    assert found["not_tried"] == [f"cpus: {record.cpus} → 4,096".replace(",", "")]
    if planted:
        assert (status, guilty(found), found["rest"]["finding"]) == (0, ["part_39.py"], "no effect")
    else:
        assert (status, found["effects"], found["rest"]["finding"]) == (3, [], "makes the difference")
        assert found["sentence"].endswith("what can be tried does not make it, which leaves cpus: 2 → 4096")


def test_a_param_of_a_file_that_one_record_lacks_is_a_unit(repo: Workspace) -> None:
    repo.write("c.json", '{"m": 3, "n": 1}\n')
    repo.writes("c.json", "metrics.json")
    repo.commit()
    command = ("--", "cp", "c.json", "metrics.json")
    repo.gitexp("run", "-q", "-n", "x", *command)
    repo.gitexp("run", "-q", "-n", "y", "-S", "c.json:m=4", *command)
    told = repo.gitexp("why", "x", "y", "--metric", "m", "--dry-run").stdout
    assert "m: 3 → 4" in told
    assert "only one side" not in told
