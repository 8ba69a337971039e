"""Workspaces that cannot be stored exactly: refused by name, before the command has run.

Each story ends with `gitexp run` of a command that would leave a file. It must not have run, and
nothing may have been written: no ref, no trace of a run, no changed params.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.support.repositories import git, link, remove, submodule
from tests.support.workspace import Result, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and names of POSIX")

Story = Callable[[Workspace], None]


@dataclass(frozen=True)
class Shape:
    """A story, what the one sentence of the refusal names, and the circumstances."""

    story: Story
    named: tuple[str, ...]
    hint: str = ""
    unreadable: bool = False
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)


SHAPES: list[Shape] = []


def refused(*named: str, **options: object) -> Callable[[Story], Story]:
    def register(story: Story) -> Story:
        SHAPES.append(Shape(story, named, **options))  # type: ignore[arg-type]
        return story

    return register


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.story.__name__)
def test_refused_before_the_command(repo: Workspace, shape: Shape) -> None:
    shape.story(repo)
    args = ("run", "-S", "train.lr=0.7", "--", "touch", "canary")
    refusal = repo.gitexp(*args, check=False, unreadable=shape.unreadable, env=shape.env, cwd=shape.cwd)
    is_a_refusal(refusal, shape)
    nothing_written(repo)
    saving = repo.gitexp("save", check=False, unreadable=shape.unreadable, env=shape.env, cwd=shape.cwd)
    if "-S" not in shape.hint:
        is_a_refusal(saving, shape)
        nothing_written(repo)


def is_a_refusal(result: Result, shape: Shape) -> None:
    assert (result.exit_code, result.stdout) == (1, ""), result
    message, _, hint = result.stderr.partition("\n")
    for name in shape.named:
        assert name in " ".join(result.stderr.split()), result.stderr
    assert message.startswith("error: "), message
    assert hint.startswith("hint: "), hint
    assert shape.hint in " ".join(hint.split())
    assert "Traceback" not in result.stderr
    assert "Unexpected" not in result.stderr


def nothing_written(repo: Workspace) -> None:
    # What has changed in the workspace, the canary and params.yaml included, the fixture tells.
    repo.guard.check()
    own = repo.path / ".git/gitexp"
    if own.is_dir():
        assert not list((own / "runs").iterdir())
        assert not list((own / "tmp").iterdir())
    assert not repo.git("for-each-ref", "refs/gitexp")


# -- what cannot be read -----------------------------------------------------------------------------


@refused("secret", "Permission denied", unreadable=True)
def an_untracked_file_that_cannot_be_read(repo: Workspace) -> None:
    repo.write("secret", "s", mode=0o000)


@refused("train.py", "Permission denied", unreadable=True)
def a_tracked_file_that_cannot_be_read(repo: Workspace) -> None:
    repo.write("train.py", "print('changed')\n", mode=0o000)


@refused("private/", "Permission denied", unreadable=True)
def a_folder_that_cannot_be_listed(repo: Workspace) -> None:
    repo.write("private/x", "x")
    with repo.by_user():
        (repo.path / "private").chmod(0o000)


@refused("pkg", "Permission denied", unreadable=True)
def a_tracked_folder_that_cannot_be_entered(repo: Workspace) -> None:
    repo.write("pkg/a.py", "a\n")
    repo.commit()
    with repo.by_user():
        (repo.path / "pkg").chmod(0o600)


@refused("new", "Permission denied", unreadable=True)
def an_untracked_folder_that_cannot_be_entered(repo: Workspace) -> None:
    repo.write("new/a.py", "a\n")
    with repo.by_user():
        (repo.path / "new").chmod(0o600)


@refused("train.py")
def a_pipe_where_a_tracked_file_was(repo: Workspace) -> None:
    remove(repo, "train.py")
    with repo.by_user():
        os.mkfifo(repo.path / "train.py")


# -- other repositories ------------------------------------------------------------------------------


@refused("nested/", hint=".gitexpignore")
def a_repository_inside(repo: Workspace) -> None:
    repo.write("nested/a.py", "a\n")
    with repo.by_user():
        git(repo.path / "nested", "init", "-q")
        git(repo.path / "nested", "add", ".")
        git(repo.path / "nested", "commit", "-q", "-m", "one")


@refused("deep/nested/")
def a_repository_inside_without_a_commit(repo: Workspace) -> None:
    repo.write("deep/nested/a.py", "a\n")
    repo.write("deep/b.py", "b\n")
    with repo.by_user():
        git(repo.path / "deep/nested", "init", "-q")


@refused("linked/")
def a_worktree_inside(repo: Workspace) -> None:
    repo.git("worktree", "add", "-q", "linked")


@refused("train.py")
def a_repository_where_a_tracked_file_was(repo: Workspace) -> None:
    remove(repo, "train.py")
    repo.write("train.py/a.py", "a\n")
    with repo.by_user():
        git(repo.path / "train.py", "init", "-q")


@refused("library", hint="Commit inside the submodule")
def a_submodule_with_a_change(repo: Workspace) -> None:
    submodule(repo)
    repo.write("library/lib.py", "changed\n")
    repo.git("config", "diff.ignoreSubmodules", "all")


@refused("library")
def a_submodule_with_a_new_file(repo: Workspace) -> None:
    submodule(repo)
    repo.write("library/new.py", "new\n")
    repo.git("config", "submodule.library.ignore", "untracked")


@refused("library")
def a_submodule_with_a_staged_change_and_a_new_commit(repo: Workspace) -> None:
    submodule(repo)
    with repo.by_user():
        git(repo.path / "library", "commit", "-q", "--allow-empty", "-m", "two")
    repo.write("library/lib.py", "staged\n")
    with repo.by_user():
        git(repo.path / "library", "add", ".")


@refused("library/params.yaml", hint="without -S")
def params_to_be_changed_in_a_submodule(repo: Workspace) -> None:
    library = submodule(repo)
    with repo.by_user():
        (library / "params.yaml").write_text(repo.read("params.yaml"))
        git(library, "add", ".")
        git(library, "commit", "-q", "-m", "params")
    remove(repo, "params.yaml")
    link(repo, "params.yaml", "library/params.yaml")


# -- merges --------------------------------------------------------------------------------------------


def conflict(repo: Workspace) -> None:
    repo.git("checkout", "-q", "-b", "other", "HEAD~1")
    repo.write("params.yaml", "train:\n  lr: 5\n")
    repo.commit("other")


@refused("params.yaml")
def an_unfinished_merge(repo: Workspace) -> None:
    conflict(repo)
    repo.git("merge", "main", check=False)
    repo.write("params.yaml", "train:\n  lr: 5\n")


@refused("params.yaml")
def an_unfinished_rebase(repo: Workspace) -> None:
    conflict(repo)
    repo.git("rebase", "main", check=False)
    repo.write("params.yaml", "train:\n  lr: 5\n")


@refused("train.py")
def an_unfinished_stash_pop(repo: Workspace) -> None:
    repo.write("train.py", "print('stashed')\n")
    repo.git("stash")
    repo.write("train.py", "print('committed')\n")
    repo.commit()
    repo.git("stash", "pop", check=False)


# -- conversions ---------------------------------------------------------------------------------------


@refused("data.raw", "the filter 'big' (false)")
def a_required_filter_that_fails(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.raw filter=big\n")
    repo.git("config", "filter.big.clean", "false")
    repo.git("config", "filter.big.required", "true")
    repo.write("data.raw", "data\n")


@refused("data.raw")
def a_required_filter_that_is_not_installed(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.raw filter=big\n")
    repo.git("config", "filter.big.process", "no-such-program filter-process")
    repo.git("config", "filter.big.required", "true")
    repo.write("data.raw", "data\n")


@refused("mixed.txt")
def line_ends_that_would_not_survive(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.git("config", "core.safecrlf", "true")
    repo.write("mixed.txt", b"one\r\ntwo\n")


@refused("broken.txt")
def an_encoding_that_the_bytes_are_not_in(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.txt working-tree-encoding=UTF-16\n")
    repo.write("broken.txt", b"no byte order mark\n")


# -- names and sizes -----------------------------------------------------------------------------------


@refused("git~1")
def a_name_that_git_does_not_allow(repo: Workspace) -> None:
    repo.write("git~1", "a name of .git on Windows\n")


@refused("big.raw (11 MB)", "other.raw (10 MB)", hint="max_untracked")
def untracked_files_above_the_limit(repo: Workspace) -> None:
    repo.write("big.raw", bytes(11 << 20))
    repo.write("other.raw", bytes((10 << 20) + 1))
    repo.write("just.raw", bytes(10 << 20))


@refused("data.raw (2.0 kB)")
def a_limit_of_ones_own(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "max_untracked: 1kB\n")
    repo.write("data.raw", bytes(2048))


# -- the repository itself ---------------------------------------------------------------------------


@refused("no commit")
def no_commit_yet(repo: Workspace) -> None:
    repo.git("checkout", "-q", "--orphan", "fresh")


@refused("Not inside a Git repository", cwd="../elsewhere")
def no_repository(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path.parent / "elsewhere").mkdir()


@refused("without a workspace", cwd=".git")
def inside_the_git_folder(repo: Workspace) -> None:
    pass


@refused("without a workspace", cwd="../bare.git")
def a_bare_repository(repo: Workspace) -> None:
    git(repo.path.parent, "clone", "-q", "--bare", str(repo.path), "bare.git")


@refused("Not inside a Git repository", env={"GIT_DIR": "/nowhere"})
def a_git_dir_that_is_not_there(repo: Workspace) -> None:
    pass


@refused("Cannot write in", ".git", unreadable=True)
def a_read_only_repository(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / ".git").chmod(0o555)


@refused("cannot be written", unreadable=True)
def objects_that_cannot_be_written(repo: Workspace) -> None:
    repo.write("new.py", "new\n")
    with repo.by_user():
        objects = repo.path / ".git/objects"
        for folder in (objects, *(path for path in objects.iterdir() if path.is_dir())):
            folder.chmod(0o555)


@refused("index")
def a_damaged_index(repo: Workspace) -> None:
    with repo.by_user():
        index = repo.path / ".git/index"
        index.write_bytes(b"DIRC" + bytes(100))
