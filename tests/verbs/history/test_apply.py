"""`gitexp apply` and `gitexp undo`: an experiment into the workspace, and all of it back."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.history import apply as ops
from gitexp.history import undo as undo_ops
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import checkout
from tests.support.guard import fingerprint
from tests.support.workspace import Workspace

TOUCHED = ("params.yaml", "metrics.json", "train.py", "new*", "old*", "sub*", "link*", ".gitattributes")


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    repo.allow("files", *TOUCHED)
    return repo


def project(repo: Workspace) -> Project:
    return Project.open(repo.path)


def save(repo: Workspace, name: str) -> None:
    repo.gitexp("save", "-q", "-n", name)


def back_to_head(repo: Workspace) -> None:
    repo.git("checkout", "-q", "--", ".")
    repo.git("clean", "-fdq")


def files(repo: Workspace) -> dict[str, str]:
    """Name -> mode and digest of all files."""
    return fingerprint(repo.path)["files"]


def test_an_experiment_comes_into_the_workspace_and_goes_again(repo: Workspace) -> None:
    repo.write("old.py", "pass\n")
    repo.commit("a file to go")
    repo.write("train.py", repo.read("train.py") + "# better\n")
    repo.write("sub/new é.py", "print(1)\n", mode=0o755)
    (repo.path / "link").symlink_to("train.py")
    (repo.path / "old.py").unlink()
    repo.guard.retake()
    save(repo, "one")
    wanted = files(repo)
    back_to_head(repo)
    before = files(repo)
    told = repo.gitexp("apply", "one").stderr
    assert "wrote link, sub/new é.py, train.py; removed old.py" in told
    assert files(repo) == wanted
    assert repo.git("diff", "--cached") == ""
    repo.gitexp("undo")
    assert files(repo) == before
    repo.gitexp("redo")
    assert files(repo) == wanted
    assert "All that one changed" in repo.gitexp("apply", "one").stderr


def test_what_the_user_changed_and_the_experiment_did_not_stays(repo: Workspace) -> None:
    repo.write("new.py", "1\n")
    save(repo, "one")
    back_to_head(repo)
    repo.write("train.py", "mine\n")
    repo.write("new-mine.txt", "mine\n")
    answer = repo.json("apply", "one")
    assert answer["written"] == ["new.py"]
    assert answer["kept"] == ["train.py"]
    assert (repo.read("train.py"), repo.read("new-mine.txt")) == ("mine\n", "mine\n")


@pytest.mark.parametrize("state", ["modified", "untracked", "ignored", "staged"])
def test_unsaved_changes_are_not_overwritten(repo: Workspace, state: str) -> None:
    name = "train.py" if state in ("modified", "staged") else "new.py"
    repo.write(name, "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    repo.write(name, "mine\n")
    if state == "ignored":
        repo.write(".git/info/exclude", "new.py\n")
    if state == "staged":
        repo.git("add", name)
    refused = repo.gitexp("apply", "one", check=False)
    assert refused.exit_code == 1
    assert name in refused.stderr
    assert "gitexp save" in refused.stderr
    assert repo.read(name) == "mine\n"
    repo.gitexp("apply", "one", "--force")
    assert repo.read(name) == "theirs\n"
    repo.gitexp("undo")
    assert repo.read(name) == "mine\n"


def test_changes_that_are_in_an_experiment_are_saved(repo: Workspace) -> None:
    repo.write("train.py", "one\n")
    save(repo, "one")
    repo.write("train.py", "two\n")
    save(repo, "two")
    repo.gitexp("apply", "one")
    assert repo.read("train.py") == "one\n"
    repo.gitexp("apply", "two")
    assert repo.read("train.py") == "two\n"


def test_what_another_run_left_of_params_and_results_does_not_stay(repo: Workspace) -> None:
    save(repo, "bare")
    repo.gitexp("run", "-q", "-n", "first", "--", "python", "train.py")
    before = repo.read("params.yaml")
    repo.gitexp("run", "-q", "-n", "second", "-S", "train.lr=0.5", "--", "python", "train.py")
    second = (repo.read("params.yaml"), repo.read("metrics.json"))
    repo.gitexp("apply", "first")
    assert repo.read("params.yaml") == before
    repo.gitexp("apply", "second")
    assert (repo.read("params.yaml"), repo.read("metrics.json")) == second
    repo.gitexp("apply", "bare")
    assert repo.read("params.yaml") == before
    assert not (repo.path / "metrics.json").exists()
    assert repo.git("status", "--short") == ""


def test_params_that_the_user_is_editing_are_no_leftovers(repo: Workspace) -> None:
    repo.write("new.py", "1\n")
    save(repo, "one")
    back_to_head(repo)
    mine = repo.read("params.yaml") + "# mine\n"
    repo.write("params.yaml", mine)
    assert repo.json("apply", "one")["kept"] == ["params.yaml"]
    assert repo.read("params.yaml") == mine
    assert repo.json("apply", "one", "--force")["written"] == ["params.yaml"]
    assert repo.git("status", "--short") == "?? new.py"
    repo.gitexp("undo")
    assert repo.read("params.yaml") == mine


def test_what_was_committed_since_the_baseline_is_not_reverted(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    repo.write("train.py", "committed\n")
    repo.commit()
    with pytest.raises(errors.UnsavedChanges, match=r"what was committed to train\.py") as caught:
        ops.apply(project(repo), "one")
    assert caught.value.paths == ("train.py",)
    ops.apply(project(repo), "one", force=True)
    assert repo.read("train.py") == "theirs\n"


def test_a_file_that_the_user_deleted_comes_back(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    (repo.path / "train.py").unlink()
    repo.guard.retake()
    repo.gitexp("apply", "one")
    assert repo.read("train.py") == "theirs\n"
    repo.gitexp("undo")
    assert not (repo.path / "train.py").exists()


def test_a_file_in_place_of_a_folder_and_the_reverse(repo: Workspace) -> None:
    repo.write("sub/a.py", "a\n")
    repo.write("old", "file\n")
    repo.commit()
    (repo.path / "sub/a.py").unlink()
    (repo.path / "sub").rmdir()
    (repo.path / "old").unlink()
    repo.guard.retake()
    repo.write("sub", "now a file\n")
    repo.write("old/b.py", "b\n")
    save(repo, "one")
    repo.git("rm", "-rqf", "--cached", "sub", "old")
    (repo.path / "sub").unlink()
    (repo.path / "old/b.py").unlink()
    (repo.path / "old").rmdir()
    repo.git("reset", "-q", "--hard")
    before = files(repo)
    repo.gitexp("apply", "one")
    assert (repo.read("sub"), repo.read("old/b.py")) == ("now a file\n", "b\n")
    repo.gitexp("undo")
    assert files(repo) == before


def test_what_stands_in_the_way_is_named(repo: Workspace, tmp_path: Path) -> None:
    repo.write("sub/a.py", "a\n")
    save(repo, "one")
    back_to_head(repo)
    (repo.path / "sub").symlink_to(tmp_path)
    repo.guard.retake()
    with pytest.raises(errors.UnsavedChanges, match=r"Something else stands .* written: sub"):
        ops.apply(project(repo), "one", force=True)
    assert not (tmp_path / "a.py").exists()
    (repo.path / "sub").unlink()
    repo.git("init", "-q", "sub")
    with pytest.raises(errors.UnsavedChanges, match="sub/"):
        ops.apply(project(repo), "one", force=True)
    assert project(repo).store.names() == ["one"]
    assert undo_ops.undoable(project(repo)) == []


def test_permissions_line_ends_and_times_of_other_files(repo: Workspace) -> None:
    repo.write("old.sh", "#!/bin/sh\n", mode=0o700)
    repo.write("old.bat", "dir\r\n")
    repo.write(".gitattributes", "*.bat text eol=crlf\n")
    repo.commit()
    repo.write("old.sh", "#!/bin/sh\ntrue\n")
    repo.write("old.bat", "dir\r\ncd\r\n")
    save(repo, "one")
    back_to_head(repo)
    (repo.path / "old.sh").chmod(0o700)
    repo.guard.retake()
    other = (repo.path / "train.py").stat()
    repo.gitexp("apply", "one")
    assert stat.S_IMODE((repo.path / "old.sh").stat().st_mode) == 0o700
    assert repo.read("old.bat") == "dir\r\ncd\r\n"
    assert (repo.path / "train.py").stat() == other
    repo.gitexp("undo")
    assert stat.S_IMODE((repo.path / "old.sh").stat().st_mode) == 0o700
    assert repo.read("old.bat") == "dir\r\n"


def test_permissions_of_a_removed_file_come_back(repo: Workspace) -> None:
    repo.write("old.txt", "secret\n")
    repo.commit()
    (repo.path / "old.txt").unlink()
    repo.guard.retake()
    save(repo, "one")
    back_to_head(repo)
    (repo.path / "old.txt").chmod(0o600)
    repo.guard.retake()
    repo.gitexp("apply", "one")
    repo.gitexp("undo")
    assert stat.S_IMODE((repo.path / "old.txt").stat().st_mode) == 0o600


def test_undo_keeps_what_was_done_since(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    repo.write("new.py", "new\n")
    save(repo, "one")
    back_to_head(repo)
    repo.gitexp("apply", "one")
    repo.write("train.py", "more of mine\n")
    refused = repo.gitexp("undo", check=False)
    assert "train.py" in refused.stderr
    assert (repo.read("train.py"), repo.read("new.py")) == ("more of mine\n", "new\n")
    repo.gitexp("undo", "--force")
    assert not (repo.path / "new.py").exists()
    repo.gitexp("redo")
    assert (repo.read("train.py"), repo.read("new.py")) == ("more of mine\n", "new\n")


def test_what_undo_has_overwritten_can_be_had_back_by_its_number(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    repo.gitexp("apply", "one")
    repo.write("train.py", "nowhere else\n")
    repo.gitexp("undo", "--force")
    repo.gitexp("tag", "one", "x")
    assert [(each["number"], each["summary"]) for each in repo.json("undo", "--list")] == [(3, "tag one")]
    refused = repo.gitexp("redo", check=False)
    assert "'tag one' was done since the last undo." in refused.stderr
    assert "gitexp redo 1" in refused.stderr
    repo.gitexp("redo", "1")
    assert repo.read("train.py") == "nowhere else\n"


@pytest.mark.parametrize("how", ["autocrlf", "ident", "filter"])
def test_what_git_would_convert_comes_back_byte_for_byte(repo: Workspace, how: str) -> None:
    attributes = {"autocrlf": "", "ident": "new.txt ident\n", "filter": "new.txt filter=upper\n"}
    repo.write(".gitattributes", attributes[how])
    content = "$Id: mine $ first\n"
    repo.write("new.txt", content)
    repo.commit()
    if how == "autocrlf":
        repo.git("config", "core.autocrlf", "true")
    if how == "filter":
        repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    repo.write("new.txt", "theirs\n")
    save(repo, "one")
    repo.write("new.txt", content)
    repo.gitexp("apply", "one", "--force")
    assert repo.read("new.txt") != content
    repo.gitexp("undo")
    assert repo.read("new.txt") == content
    repo.gitexp("redo")
    repo.gitexp("undo")
    assert repo.read("new.txt") == content


def test_a_folder_without_files_is_not_in_the_way(repo: Workspace) -> None:
    repo.write("sub", "now a file\n")
    save(repo, "one")
    with repo.by_user():
        (repo.path / "sub").unlink()
        (repo.path / "sub" / "empty").mkdir(parents=True)
    repo.gitexp("apply", "one")
    assert repo.read("sub") == "now a file\n"


def test_the_way_out_for_what_git_ignores_is_another(repo: Workspace) -> None:
    repo.write("new.log", "theirs\n")
    save(repo, "one")
    repo.write(".gitignore", "*.log\n")
    repo.write("new.log", "mine\n")
    with pytest.raises(errors.UnsavedChanges) as caught:
        ops.apply(project(repo), "one")
    assert "Git ignores it" in (caught.value.hint or "")


def test_the_trash_of_git_cannot_take_what_undo_needs(repo: Workspace) -> None:
    repo.write("new-mine.py", "theirs\n")
    save(repo, "one")
    repo.write("new-mine.py", "nowhere else\n")
    repo.gitexp("apply", "one", "--force")
    repo.git("gc", "-q", "--prune=now")
    repo.gitexp("undo")
    assert repo.read("new-mine.py") == "nowhere else\n"


def test_another_worktree_is_left_alone(repo: Workspace, tmp_path: Path) -> None:
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    repo.git("worktree", "add", "-q", str(tmp_path / "other"))
    repo.gitexp("apply", "one")
    refused = repo.gitexp("undo", cwd=os.path.relpath(tmp_path / "other", repo.path), check=False)
    assert "nothing to undo" in refused.stderr
    assert repo.read("train.py") == "theirs\n"


def test_of_an_experiment_made_from_another_come_the_changes_of_both(repo: Workspace) -> None:
    repo.write("new.py", "parent\n")
    save(repo, "parent")
    back_to_head(repo)
    script = "open('metrics.json', 'w').write('{\"x\": 1}')"
    repo.gitexp("run", "-q", "--from", "parent", "-n", "child", "--", "python", "-c", script)
    repo.gitexp("apply", "child")
    assert (repo.read("new.py"), repo.read("metrics.json")) == ("parent\n", '{"x": 1}')
    repo.gitexp("undo")
    repo.git("merge", "-q", "--ff-only", project(repo).store.require("parent").record.commit)
    assert repo.json("apply", "child")["written"] == ["metrics.json"]


def test_a_file_that_is_saved_in_that_very_moment(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("new.py", "theirs\n")
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    real = checkout.with_plan

    def meanwhile(*args: Any) -> str:
        repo.write("train.py", "just saved\n")
        return real(*args)

    monkeypatch.setattr(checkout, "with_plan", meanwhile)
    with pytest.raises(errors.StorageError, match="changed by somebody else just now"):
        ops.apply(project(repo), "one")
    assert repo.read("train.py") == "just saved\n"
    monkeypatch.undo()
    undo_ops.undo(project(repo), force=True)
    assert not (repo.path / "new.py").exists()


def test_a_repository_that_was_moved_can_still_be_undone(repo: Workspace, tmp_path: Path) -> None:
    repo.write("train.py", "theirs\n")
    save(repo, "one")
    back_to_head(repo)
    before = repo.read("train.py")
    repo.gitexp("apply", "one")
    repo.path.rename(tmp_path / "moved")
    undo_ops.undo(Project.open(tmp_path / "moved"))
    (tmp_path / "moved").rename(repo.path)
    assert repo.read("train.py") == before


def test_not_while_a_run_goes_on(repo: Workspace) -> None:
    save(repo, "one")
    here = project(repo)
    with live.workspace(here.local, here.repo.git_dir), pytest.raises(errors.WorkspaceBusy) as caught:
        ops.apply(here, "one")
    assert caught.value.hint == "Wait for it to end, then try again."


def test_a_submodule_is_named_and_left(repo: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    repo.git("init", "-q", str(other))
    repo.git("-C", str(other), "commit", "-q", "--allow-empty", "-m", "1")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    repo.commit()
    repo.git("-C", "sub", "commit", "-q", "--allow-empty", "-m", "2")
    repo.write("new.py", "1\n")
    repo.git("add", "sub")
    save(repo, "one")
    repo.git("reset", "-q", "--hard")
    repo.git("submodule", "-q", "update", "--init")
    repo.git("clean", "-fdq")
    told = repo.gitexp("apply", "one").stderr
    assert "not taken over, a submodule: sub" in told
    assert (repo.path / "new.py").exists()
