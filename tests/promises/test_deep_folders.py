"""A folder of any depth is a result like any other, and stops no command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitexp.folders import clear_away
from tests.support.deep import make_deep
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths are short there")

DEEP = 1050  # Python calls itself a thousand times
BEYOND = (30, "d" * 200)  # longer than any path may be
SCRIPT = "import sys; sys.path.insert(0, {tests!r}); from tests.support.deep import make_deep; "
SCRIPT += "from pathlib import Path; make_deep(Path('o'), {depth}, {name!r})"


def makes(depth: int, name: str = "d") -> tuple[str, ...]:
    tests = str(Path(__file__).parents[2])
    return ("python", "-c", SCRIPT.format(tests=tests, depth=depth, name=name))


@pytest.fixture
def declared(repo: Workspace) -> Iterator[Workspace]:
    """A repository with the result `o`; what is there in the end is removed, for pytest could not."""
    repo.write("gitexp.yaml", "outs: [o]\n")
    repo.commit()
    yield repo
    clear_away(repo.path / "o")
    for name in ("left", "worktrees"):
        clear_away(repo.path / ".git" / "gitexp" / name)


def files_of(repo: Workspace, name: str) -> list[str]:
    return repo.git("ls-tree", "-r", "--name-only", f"{name}^", "--", "o").splitlines()


def test_a_deep_result_is_stored_and_comes_back(declared: Workspace) -> None:
    declared.gitexp("run", "-q", "-n", "one", "--", *makes(DEEP))
    end = "o/" + "d/" * DEEP + "end"
    assert declared.gitexp("list").stdout == "one\n"
    assert declared.gitexp("doctor").exit_code == 0
    clear_away(declared.path / "o")
    assert files_of(declared, "refs/gitexp/exps/one") == [end]
    declared.gitexp("apply", "-q", "one")
    assert (declared.path / end).is_file()
    declared.gitexp("undo", "-q")
    assert not (declared.path / "o").exists()


def test_what_git_cannot_reach_is_named(declared: Workspace) -> None:
    result = declared.gitexp("run", "-n", "one", "--", *makes(*BEYOND))
    assert "not stored, file name too long: o/ddd" in result.stderr
    assert max(map(len, result.stderr.splitlines())) < 1000
    assert "not stored" in declared.gitexp("show", "one").stdout
    clear_away(declared.path / "o")


def test_a_deep_folder_that_nobody_declared_is_kept(declared: Workspace) -> None:
    declared.write("gitexp.yaml", "outs: []\n")
    result = declared.gitexp("run", "--temp", "-n", "one", "--", *makes(DEEP))
    assert "moved to .git/gitexp/left/one" in result.stderr
    assert (declared.path / ".git/gitexp/left/one" / ("o/" + "d/" * DEEP + "end")).is_file()


def test_after_a_folder_that_nobody_can_move_the_next_isolated_run_works(declared: Workspace) -> None:
    declared.gitexp("run", "-q", "--temp", "-n", "one", "--", *makes(*BEYOND))
    declared.gitexp("run", "-q", "--temp", "-n", "two", "--", "true")
    assert sorted(declared.gitexp("list").stdout.split()) == ["one", "two"]


def test_deep_data(declared: Workspace) -> None:
    declared.allow("files", "data/*", "gitexp.*", ".gitignore")
    make_deep(declared.path / "data", DEEP)
    declared.gitexp("add", "-q", "data")
    clear_away(declared.path / "data")
    declared.gitexp("checkout", "-q")
    assert (declared.path / ("data/" + "d/" * DEEP + "end")).is_file()
    assert "up to date" in declared.gitexp("status").stdout
    clear_away(declared.path / "data")


def test_a_deep_out_of_a_stage_is_removed_before_it_runs_again(repo: Workspace) -> None:
    command = " ".join(f'"{word}"' if " " in word else word for word in makes(DEEP))
    repo.write("gitexp.yaml", f"stages:\n  s:\n    cmd: >-\n      {command}\n    outs: [o]\n")
    repo.write(".gitignore", "/o\n")
    repo.commit()
    repo.allow("files", "o/*", "gitexp.lock", ".gitignore")
    repo.gitexp("run", "-q")
    repo.gitexp("run", "-q", "--force")
    clear_away(repo.path / "o")


def test_a_deep_leftover_of_a_dead_process_stops_nothing(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one")
    left = repo.path / ".git" / "gitexp" / "tmp" / "left"
    make_deep(left, DEEP)
    os.utime(left, (0, 0))
    repo.gitexp("save", "-q", "-n", "two")
    assert not left.exists()
