"""The number of Git processes grows neither with the experiments nor with the files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitexp.history import apply as ops
from gitexp.history import undo as undo_ops
from gitexp.history.remove import remove
from gitexp.project.project import Project
from gitexp.repo.git import launch
from tests.support.experiments import put
from tests.support.workspace import Workspace

_SPARE = 3  # processes: many questions need one of their own, where few are asked beside others


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Counts the Git processes that are started by a call."""
    calls: list[str] = []
    start = launch._start
    monkeypatch.setattr(launch, "_start", lambda *a, **k: calls.append(a[1][0]) or start(*a, **k))

    def count(work: Callable[[], object]) -> int:
        before = len(calls)
        work()
        return len(calls) - before

    return count


def test_taking_back_a_removal(repo: Workspace, starts: Callable[[Callable[[], object]], int]) -> None:
    for number in range(40):
        put(repo, f"x{number}")
    project = Project.open(repo.path)
    found = project.store.readable()
    counts = []
    for some in (found[:2], found):
        remove(project, some)
        counts.append(starts(lambda: undo_ops.undo(project)))
    assert counts[1] <= counts[0] + _SPARE
    assert len(project.store.names()) == 40


def test_apply_beside_many_experiments(
    repo: Workspace, starts: Callable[[Callable[[], object]], int]
) -> None:
    repo.allow("files", "src/*")
    counts = []
    for files, others in ((2, 1), (60, 30)):
        for number in range(files):
            repo.write(f"src/f{number}.py", "theirs\n")
        repo.gitexp("save", "-q", "-n", f"target-{files}")
        for number in range(others):
            put(repo, f"x{files}-{number}")
        for number in range(files):
            repo.write(f"src/f{number}.py", f"mine {number}\n")
        repo.gitexp("save", "-q", "-n", f"mine-{files}")
        project = Project.open(repo.path)
        counts.append(starts(lambda project=project, name=f"target-{files}": ops.apply(project, name)))
        assert repo.read(f"src/f{files - 1}.py") == "theirs\n"
        counts.append(starts(lambda project=project: undo_ops.undo(project)))
        assert repo.read(f"src/f{files - 1}.py") == f"mine {files - 1}\n"
    assert counts[2] <= counts[0] + _SPARE
    assert counts[3] <= counts[1] + _SPARE


def test_content_of_any_experiment_is_known(repo: Workspace) -> None:
    """In a folder that another experiment has too, under the same name as a file elsewhere."""
    repo.allow("files", "*")
    repo.write("a/b/same.py", "one\n")
    repo.write("same.py", "one\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("a/b/same.py", "two\n")
    repo.gitexp("save", "-q", "-n", "two")
    repo.write("same.py", "two\n")  # of this path, no experiment has it
    refused = repo.gitexp("apply", "one", check=False)
    assert "unsaved changes in same.py." in refused.stderr
    repo.write("same.py", "one\n")
    repo.gitexp("apply", "one")
    assert repo.read("a/b/same.py") == "one\n"
