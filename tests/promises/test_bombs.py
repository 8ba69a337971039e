"""Small things that would cost much: numbers, records and objects of somebody else's, and one's own."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import zlib
from dataclasses import replace
from typing import Any

import pytest

from gitexp import errors
from gitexp.history import edit
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.git import launch, values
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="resource")

HUGE = 10**400
LONGEST = 10**4299


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A repository with the experiment `plain`."""
    repo.gitexp("save", "-q", "-n", "plain")
    return repo


def add(repo: Workspace, name: str, tree: str = "", **fields: Any) -> None:
    """Add an experiment with a record that is like that of `plain`, but for its tree and some fields."""
    ref = "refs/gitexp/exps/plain"
    body = json.loads(repo.git("log", "-1", "--format=%B", ref).split("\n", 2)[2])
    tree = tree or repo.git("rev-parse", f"{ref}^{{tree}}")
    commit = repo.git("commit-tree", tree, "-p", f"{ref}^^", input=f"{name}\n")
    text = f"{name}\n\n{json.dumps({**body, 'commit': commit, **fields})}\n"
    repo.git(
        "update-ref", f"refs/gitexp/exps/{name}", repo.git("commit-tree", tree, "-p", commit, input=text)
    )


def test_numbers_that_no_float_holds(repo: Workspace) -> None:
    repo.writes("metrics.json")
    add(repo, "huge", metrics={"metrics.json": {"acc": HUGE}})
    add(repo, "low", metrics={"metrics.json": {"acc": -LONGEST}})
    add(repo, "high", metrics={"metrics.json": {"acc": LONGEST}})
    add(repo, "small", metrics={"metrics.json": {"acc": 0.5}})
    assert repo.gitexp("best", "acc").stdout == "high\n"
    assert repo.gitexp("best", "acc", "--min").stdout == "low\n"
    for command in (
        ("show", "--sort", "acc"),
        ("show", "--sort", "acc", "--filter", "acc > 1"),
        ("show", "--format", "csv"),
        ("show", "--json"),
        ("show", "huge"),
        ("diff", "huge", "small"),
        ("diff", "small", "huge"),
        ("diff", "low", "high"),
        ("diff", "low", "high", "--json"),
    ):
        repo.gitexp(*command)
    repo.gitexp(
        "run",
        "-q",
        "-n",
        "own",
        "--",
        "python",
        "-c",
        "open('metrics.json','w').write('{\"acc\": 1%0400d}' % 0)",
    )
    assert repo.gitexp("best", "acc", "--filter", "name == 'own'").stdout == "own\n"


@pytest.mark.parametrize("field", ["params", "metrics"])
def test_fifty_thousand_values(repo: Workspace, field: str) -> None:
    """What is quadratic takes minutes; this takes a second."""
    add(repo, "many", **{field: {"x.json": {f"k{number}": number for number in range(50_000)}}})
    for command in (("show", "-A"), ("show", "many")):
        repo.gitexp(*command)


def test_a_record_that_is_too_large_is_not_read(repo: Workspace) -> None:
    add(repo, "large", note="x" * (17 << 20))
    add(repo, "larger", note="x" * (values.LARGEST + 100))
    told = repo.gitexp("show", "-A").stdout
    assert told.count("unreadable record") == 2
    found = repo.gitexp("show", "larger", check=False)
    assert "too large" in found.stderr
    repo.gitexp("tag", "-q", "plain", "t")


def zeros(repo: Workspace, size: int) -> str:
    """A blob of zeros, small on the disk; its id."""
    with repo.by_user():
        content = b"blob %d\0" % size + bytes(size)
        oid = hashlib.sha1(content).hexdigest()
        file = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(content, 9))
    return oid


def test_a_blob_that_is_small_in_its_pack_is_not_read(repo: Workspace) -> None:
    oid = zeros(repo, 200 << 20)
    run = repo.git("mktree", input=f"100644 blob {oid}\toutput.log\n100644 blob {oid}\tenvironment.txt\n")
    own = repo.git("mktree", input=f"040000 tree {run}\trun\n")
    entries = f"040000 tree {own}\t.gitexp\n"
    for name in ("gitexp.lock", "metrics.json", "params.yaml"):
        entries += f"100644 blob {oid}\t{name}\n"
    tree = repo.git("mktree", input=entries)
    add(repo, "bomb", tree, cut_metrics=["metrics.json"], cut_params=["params.yaml"], command="x")
    repo.git("update-ref", "refs/heads/bomb", repo.git("commit-tree", tree, input="bomb\n"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "output.log of bomb is too large" in repo.gitexp("log", "bomb", check=False).stderr
    assert "larger than" in repo.gitexp("show", "bomb").stderr
    assert "larger than" in repo.gitexp("checkout", "bomb", check=False).stderr
    repo.gitexp("show", "-A")
    repo.gitexp("status")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) < (150 << 10)  # kB


def test_what_is_written_can_be_read(repo: Workspace) -> None:
    project = Project.open(repo.path)
    plain = project.store.get("plain")
    assert isinstance(plain, Experiment)
    files = {f"m{number}.json": {"k": "x" * 60_000} for number in range(400)}
    record = replace(
        plain.record,
        params=files,
        metrics=files,
        warnings=("x" * 100_000,) * 200,
        stages={f"s{number}": {"reasons": ["x" * 10_000]} for number in range(2000)},
    )
    body = records.encode(record, "x").encode().partition(b"\n\n")[2]
    read = records.decode(body, "plain")
    assert 400 == len(read.params) + len(read.cut_params) == len(read.metrics) + len(read.cut_metrics)
    assert read.stages == {}
    assert "not recorded" in read.warnings[0]
    running = replace(plain.record, command="x" * (9 << 20), status=Status.RUNNING)
    with pytest.raises(errors.ExperimentError, match="would be too large"):
        records.encode(running, "x")


def test_a_note_that_no_record_holds_is_refused(repo: Workspace) -> None:
    before = repo.git("rev-parse", "refs/gitexp/exps/plain")
    project = Project.open(repo.path)
    with pytest.raises(errors.ExperimentError, match="would be too large"):
        edit.note(project, "plain", "x" * (17 << 20))
    assert repo.git("rev-parse", "refs/gitexp/exps/plain") == before


def test_a_long_line_of_a_server_is_joined_once() -> None:
    said: list[str] = []
    text = launch._tell_lines(iter([b"x" * 1000] * 100_000), said.append)
    assert (len(text), said) == (100_000_000, [])


def test_a_tree_of_any_depth(repo: Workspace) -> None:
    feed = "blob\nmark :1\ndata 2\nx\n\ncommit refs/heads/deep\ncommitter a <a@b> 0 +0000\ndata 1\nx\n"
    feed += "M 100644 :1 " + "d/" * 1500 + "end\n\n"
    with repo.by_user():
        subprocess.run(["git", "fast-import", "--quiet"], cwd=repo.path, input=feed.encode(), check=True)
    add(repo, "deep", repo.git("rev-parse", "deep^{tree}"))
    for command in (
        ("show", "-A"),
        ("show", "deep"),
        ("diff", "plain", "deep"),
        ("doctor",),
        (
            "gc",
            "--dry-run",
        ),
        ("fsck",),
    ):
        assert "Unexpected" not in repo.gitexp(*command, check=False).stderr
