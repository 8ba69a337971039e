"""Notes, tags, names, the trash: all of it can be taken back, and nothing of an experiment is lost."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.history import edit, remove, restore, undo
from gitexp.model import Experiment, Status
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import operations, trash
from gitexp.repo.git.values import RefChange
from gitexp.repo.operations import Operation
from tests.support.clones import make_team
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace


@pytest.fixture
def project(repo: Workspace) -> Project:
    """With two experiments, `one` done and `two` failed."""
    put(repo, "one", tags=("first",))
    put(repo, "two", status=Status.FAILED, exit_code=1)
    return Project.open(repo.path)


def one(project: Project) -> Experiment:
    return project.store.require("one")


def test_a_note_and_tags(repo: Workspace, project: Project) -> None:
    before = one(project)
    assert "one has the note: better" in repo.gitexp("note", "one", "-m", " better\n").stderr
    assert len(repo.gitexp("note", "two", "-m", "long " * 1000).stderr) < 250
    assert repo.gitexp("note", "two", "-m", "").stderr == "two has no note now.\n"
    assert "one has the tags first, best." in repo.gitexp("tag", "one", "best", "first").stderr
    after = one(project)
    assert (after.record.note, after.record.tags) == ("better", ("first", "best"))
    assert repo.git("rev-parse", f"{after.id}~2") == before.id
    assert repo.git("rev-parse", f"{after.id}^{{tree}}") == repo.git("rev-parse", f"{before.id}^{{tree}}")
    assert repo.gitexp("tag", "one").stdout == "first\nbest\n"
    assert repo.json("tag", "one", "-d", "first")["tags"] == ["best"]
    assert repo.json("note", "one", "-m", "")["note"] == ""


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "\x1b[31m", "x" * 101])
def test_what_is_no_tag(project: Project, tag: str) -> None:
    with pytest.raises(errors.UsageError, match="cannot be a tag"):
        edit.tag(project, "one", [tag])
    with pytest.raises(errors.UsageError, match="has no tag 'nope'") as caught:
        edit.tag(project, "one", remove=["nope"])
    assert caught.value.hint == "Its tags: first."


def test_saying_the_same_again_changes_nothing(project: Project) -> None:
    before = one(project)
    assert edit.tag(project, "one", ["first"]) == before
    assert edit.rename(project, "one", "one") == before
    assert undo.undoable(project) == []


def test_an_edit_of_what_changes_meanwhile_is_done_on_top(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a run ends in the very moment."""
    real = Transaction.move
    raced: list[str] = []

    def race(transaction: Transaction, *changes: RefChange) -> Operation:
        if not raced:
            raced.append(transaction.summary)
            edit.tag(project, "one", ["theirs"])
        return real(transaction, *changes)

    monkeypatch.setattr(Transaction, "move", race)
    assert edit.note(project, "one", "mine").record.tags == ("first", "theirs")
    assert one(project).record.note == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_note_in_the_editor(repo: Workspace, tmp_path: Path) -> None:
    put(repo, "one", note="as it was")
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\ngrep -q "$1" "$2" || exit 3\nprintf "one line\\n# no\\n" >"$2"\n')
    editor.chmod(0o755)
    environment = {"GIT_EDITOR": f"'{editor}' was", "COVERAGE_PROCESS_START": None}
    ended = repo.tty("note", "one", env=environment)
    assert ended.exit_code == 0
    assert Project.open(repo.path).store.require("one").record.note == "one line"
    assert repo.tty("note", "one", env={"GIT_EDITOR": "false"}).exit_code == 1


def note_of(repo: Workspace) -> str:
    (row,) = [row for row in repo.json("show", "-A") if row["name"] == "one"]
    return str(row["note"])


def test_the_editor_is_the_users(repo: Workspace, tmp_path: Path) -> None:
    """The settings of a repository may be a stranger's, and come with an archive."""
    repo.gitexp("save", "-q", "-n", "one")
    for name in ("theirs", "mine", "by-variable"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} >"$1"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "more").write_text(f"[core]\n\teditor = {tmp_path}/theirs\n")
    with repo.by_user():
        repo.git("config", "core.editor", f"{tmp_path}/theirs")
        repo.git("config", "include.path", str(tmp_path / "more"))
    settings = {"GIT_CONFIG_GLOBAL": str(tmp_path / "global"), "GIT_EDITOR": None, "VISUAL": None}
    variable = {"EDITOR": f"{tmp_path}/by-variable"}
    assert repo.tty("note", "one", env={**settings, **variable}).exit_code == 0
    assert note_of(repo) == "by-variable"
    (tmp_path / "global").write_text(f"[core]\n\teditor = {tmp_path}/mine\n")
    assert repo.tty("note", "one", env={**settings, **variable}).exit_code == 0
    assert note_of(repo) == "mine"
    repo.tty("note", "one", env={**settings, **variable, "GIT_EDITOR": f"{tmp_path}/by-variable"})
    assert note_of(repo) == "by-variable"
    refused = repo.gitexp("note", "one", check=False)
    assert (refused.exit_code, "-m" in refused.stderr) == (2, True)


def test_rename(repo: Workspace, project: Project) -> None:
    before = one(project)
    repo.gitexp("rename", "one", "better")
    assert project.store.names() == ["better", "two"]
    renamed = project.store.require("better")
    assert renamed.record.commit == before.record.commit
    assert renamed.record.name == "better"
    for name in ("two", "TWO", "Better"):
        with pytest.raises(errors.NameTaken):
            edit.rename(project, "better", name)
    with pytest.raises(errors.InvalidName):
        edit.rename(project, "better", "a/b")
    undo.undo(project)
    assert one(project) == before
    undo.redo(project)
    assert project.store.require("better") == renamed


def test_a_running_experiment_keeps_its_name_and_place(repo: Workspace, project: Project) -> None:
    put(repo, "going", status=Status.RUNNING)
    for refused in (
        lambda: edit.rename(project, "going", "gone"),
        lambda: remove.select(project, remove.Selection(["going"])),
    ):
        with pytest.raises(errors.ExperimentError, match="running"):
            refused()
    others = remove.Selection(["two"], everything=True, keep=True)
    assert [e.name for e in remove.select(project, others)] == ["one"]
    assert edit.note(project, "going", "hm").record.note == "hm"


def test_remove_and_restore(repo: Workspace, project: Project) -> None:
    before = one(project)
    assert "Removed one." in repo.gitexp("remove", "-y", "one").stderr
    assert project.store.names() == ["two"]
    (line,) = repo.gitexp("restore", "--list").stdout.splitlines()
    assert line.split()[-2:] == [before.record.commit[:7], "one"]
    (listed,) = repo.json("restore", "--list")
    assert (listed["name"], listed["record"]) == ("one", before.id)
    repo.git("gc", "-q", "--prune=now")
    assert repo.gitexp("restore", "on", "--dry-run").stderr.startswith("dry run: one is back: commit ")
    assert " is back as other: commit " in repo.gitexp("restore", "on", "--name", "other", "--dry-run").stderr
    assert repo.json("restore", "on")["name"] == "one"
    assert one(project) == before
    assert restore.trashed(project) == []


def test_restore_beside_another_of_the_name(repo: Workspace, project: Project) -> None:
    first = one(project)
    remove.remove(project, [first])
    put(repo, "one", note="the second")
    second = one(project)
    with pytest.raises(errors.NameTaken) as caught:
        restore.restore(project, "one")
    assert "--name" in (caught.value.hint or "")
    restored = restore.restore(project, "one", "other")
    assert (restored.name, restored.record.name) == ("other", "other")
    assert restored.record.commit == first.record.commit
    remove.remove(project, [second])
    remove.remove(project, [restored])
    assert restore.restore(project, "one") == second
    with pytest.raises(
        errors.ExperimentError, check=has_code("unknown-experiment"), match="in the trash"
    ) as unknown:
        restore.restore(project, "othr")
    assert unknown.value.hint == "Did you mean other?"


def test_what_has_lain_in_the_trash_for_long_goes_with_the_next_removal(project: Project) -> None:
    old = datetime.now(UTC) - timedelta(days=trash.DAYS, hours=1)
    project.repo.update_refs(trash.removal([one(project)], old))
    for days in range(0, 30, 7):
        trash.look(project.repo, old + timedelta(days=days))
    assert [gone.experiment.name for gone in restore.trashed(project)] == ["one"]
    remove.remove(project, [project.store.require("two")])
    assert [gone.experiment.name for gone in restore.trashed(project)] == ["two"]


def test_which_experiments_are_removed(repo: Workspace, project: Project) -> None:
    put(repo, "elsewhere", baseline="HEAD~1", status=Status.FAILED)

    def names(*args: str) -> list[str]:
        removed: list[str] = sorted(repo.json("remove", "-y", *args)["removed"])
        if removed:
            undo.undo(project)
        return removed

    assert names("--failed") == ["two"]
    assert names("--failed", "-A") == ["elsewhere", "two"]
    assert names("--keep", "one") == ["two"]
    assert names("--keep", "one", "-A") == ["elsewhere", "two"]
    assert names("one", "--failed") == ["one", "two"]
    assert names("--filter", "status == 'done'") == ["one"]
    assert names("--failed", "--filter", "status == 'done'") == []
    for both in (("--failed",), ("--filter", "loss > 1")):
        assert repo.json("remove", "-y", "--keep", "one", *both, check=False)["error"]["code"] == "usage"
    assert names("--failed", "--filter", "name not in ['two']") == []
    refused = repo.gitexp("remove", "-y", check=False)
    assert (refused.exit_code, "Name them" in refused.stderr) == (2, True)


def test_a_damaged_experiment_can_be_removed(repo: Workspace, project: Project) -> None:
    put(repo, "bad", body="no JSON")
    repo.gitexp("remove", "-y", "bad")
    assert project.store.names() == ["one", "two"]
    undo.undo(project)
    assert project.store.names() == ["bad", "one", "two"]


def test_a_damaged_experiment_goes_by_its_name_only(repo: Workspace, project: Project) -> None:
    put(repo, "bad", body='{"format": 2}')
    for choice in (("--failed",), ("--keep", "one")):
        assert repo.json("remove", "-y", *choice)["removed"] == ["two"]
        undo.undo(project)


def test_a_damaged_experiment_is_restored_as_it_was(repo: Workspace, project: Project) -> None:
    put(repo, "bad", body="no JSON")
    before = repo.git("rev-parse", "refs/gitexp/exps/bad")
    repo.gitexp("remove", "-y", "bad")
    with pytest.raises(errors.BadRecord):
        restore.restore(project, "bad", "good")
    restore.restore(project, "bad")
    assert repo.git("rev-parse", "refs/gitexp/exps/bad") == before


def test_remove_asks_where_somebody_can_answer(repo: Workspace, project: Project) -> None:
    no = repo.tty("remove", "one", "two", keys=[("Go on?", "n\n")])
    assert no.exit_code == 130
    assert "2 experiments: one, two" in no.raw.decode()
    assert project.store.names() == ["one", "two"]
    assert repo.tty("remove", "one", keys=[("Go on?", "\x03")]).raw.endswith(b"\r\n")
    assert repo.tty("remove", "one", keys=[("Go on?", "y\n")]).exit_code == 0
    assert repo.tty("remove", "two", "-y").exit_code == 0
    assert project.store.names() == []


def test_a_removal_of_what_has_changed_meanwhile_removes_nothing(project: Project) -> None:
    chosen = project.store.all()
    edit.note(project, "two", "new")
    with pytest.raises(
        errors.ExperimentError, check=has_code("changed-meanwhile"), match="changed or removed just now"
    ):
        remove.remove(project, chosen)
    assert project.store.names() == ["one", "two"]


# -- undo ---------------------------------------------------------------------------------------------


def test_undo_goes_back_and_forth(repo: Workspace, project: Project) -> None:
    repo.allow("refs", "refs/heads/*")
    repo.allow("reflogs", "refs/heads/*")
    repo.gitexp("note", "one", "-m", "x")
    repo.gitexp("branch", "one", "promoted")
    assert "Taken back: branch one promoted." in repo.gitexp("undo").stderr
    assert repo.git("branch", "--list", "promoted") == ""
    assert [step["summary"] for step in repo.json("redo", "--list")] == ["branch one promoted"]
    assert "Done again: branch one promoted." in repo.gitexp("redo").stderr
    assert [step["touches"] for step in repo.json("undo", "--list")] == [["branch promoted"], ["one"]]
    shown = repo.gitexp("undo", "--list").stdout
    assert [line.split("  ")[-1] for line in shown.splitlines()] == ["(branch promoted)", "(one)"]
    repo.gitexp("undo", "1")
    assert one(project).record.note == ""
    assert repo.git("branch", "--list", "promoted") != ""
    with pytest.raises(errors.GitexpError, check=has_code("nothing-to-undo")):
        undo.undo(project, 1)


def test_a_branch_that_is_checked_out_is_not_undone(repo: Workspace, project: Project) -> None:
    repo.allow("refs", "refs/heads/*")
    repo.allow("reflogs", "refs/heads/*")
    repo.gitexp("branch", "one", "promoted")
    repo.git("switch", "-q", "promoted")
    with pytest.raises(
        errors.GitexpError, check=has_code("nothing-to-undo"), match="promoted is checked out"
    ):
        undo.undo(project)
    repo.commit("work on it")
    repo.git("switch", "-q", "main")
    with pytest.raises(errors.GitexpError, check=has_code("nothing-to-undo"), match="has been changed since"):
        undo.undo(project)


def test_what_has_been_changed_since_is_not_undone(project: Project) -> None:
    edit.note(project, "one", "1")
    edit.note(project, "one", "2")
    with pytest.raises(errors.GitexpError, check=has_code("nothing-to-undo"), match="has been changed since"):
        undo.undo(project, 1)
    undo.undo(project)
    undo.undo(project)
    assert one(project).record.note == ""
    with pytest.raises(errors.GitexpError, match="taken back already"):
        undo.undo(project, 1)
    for text in ("1", "2"):
        undo.redo(project)
        assert one(project).record.note == text
    with pytest.raises(errors.GitexpError, match="nothing to do again"):
        undo.redo(project)
    undo.undo(project)
    assert one(project).record.note == "1"


def test_a_name_that_differs_in_case_alone_is_not_brought_back(repo: Workspace, project: Project) -> None:
    remove.remove(project, [one(project)])
    put(repo, "ONE")
    with pytest.raises(errors.GitexpError, check=has_code("nothing-to-undo"), match="changed since"):
        undo.undo(project)
    assert project.store.names() == ["ONE", "two"]


def test_nothing_to_undo(repo: Workspace, project: Project) -> None:
    refused = repo.gitexp("undo", "--json", check=False)
    assert refused.exit_code == 1
    assert '"nothing-to-undo"' in refused.stdout
    assert repo.json("undo", "--list") == []


def test_only_the_newest_operations_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_MOST", 3)
    for number in range(5):
        edit.note(project, "one", str(number))
    assert [operation.number for operation in undo.undoable(project)] == [5, 4, 3]


def test_operations_are_kept_for_thirty_days(project: Project) -> None:
    for days in (37, 31, 24, 17, 10, 3):
        then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        operations.carry_out(project.repo, project.local, Operation("old", then))
    edit.note(project, "one", "last")
    assert [operation.number for operation in undo.undoable(project)] == [7, 6, 5, 4, 3]


@pytest.mark.parametrize("years", [-50, -1, 1, 50])
def test_a_clock_that_jumps_forgets_no_operation(
    project: Project, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    edit.note(project, "one", "before")
    with monkeypatch.context() as patch:
        jumped = datetime.now(UTC) + timedelta(days=365 * years)
        patch.setattr(operations, "_now", lambda: jumped)
        for summary in ("ahead or behind", "again"):
            operations.carry_out(project.repo, project.local, Operation(summary, jumped.isoformat()))
    edit.note(project, "one", "after")
    assert [operation.number for operation in undo.undoable(project)] == [4, 3, 2, 1]


HOSTILE: dict[str, Callable[[str], str]] = {
    "a branch of Git's own": lambda text: text.replace("refs/gitexp/exps/one", "refs/remotes/origin/x"),
    "no JSON": lambda text: text.replace("{", "["),
    "a later format": lambda text: text.replace('"format":1', '"format":2'),
    "a number": lambda text: text.split("\n\n")[0] + "\n\n3\n",
    "an id that is none": lambda text: text.replace(
        '["refs/gitexp/exps/one","', '["refs/gitexp/exps/one","--'
    ),
    "nothing": lambda text: "subject\n",
}


@pytest.mark.parametrize("change", HOSTILE)
def test_an_operation_that_cannot_be_is_passed_over(repo: Workspace, project: Project, change: str) -> None:
    edit.note(project, "one", "x")
    ref = "refs/gitexp/undo/00000001"
    text = HOSTILE[change](repo.git("show", "-s", "--format=%B", ref))
    tree = repo.git("rev-parse", f"{ref}^{{tree}}")
    repo.git("update-ref", ref, repo.git("commit-tree", tree, input=text))
    repo.git("update-ref", "refs/gitexp/undo/not-a-number", "HEAD")
    repo.git("update-ref", "refs/gitexp/undo/00000007", repo.git("rev-parse", "HEAD:params.yaml"))
    assert undo.undoable(project) == []
    edit.note(project, "one", "y")
    assert [operation.number for operation in undo.undoable(project)] == [8]


def test_a_read_only_repository(repo: Workspace) -> None:
    put(repo, "one")
    git_dir = repo.path / ".git"
    with repo.by_user():
        os.chmod(git_dir, 0o555)  # noqa: PTH101 - as a user would
    try:
        refused = repo.gitexp("note", "one", "-m", "x", unreadable=True, check=False)
        assert refused.exit_code == 1
        assert "Cannot write" in refused.stderr
    finally:
        with repo.by_user():
            git_dir.chmod(0o755)


def test_params_that_a_run_has_changed_come_back(repo: Workspace) -> None:
    put(repo, "one")
    repo.write("conf/a.yaml", "x: 1  # mine\n")
    repo.allow("files", "params.yaml", "conf/a.yaml", "gitexp.yaml")
    before = repo.read("params.yaml")
    repo.gitexp("note", "one", "-m", "x")
    args = ("-S", "train.lr=7", "-S", "conf/a.yaml:x=2")
    repo.gitexp("run", "-q", "-n", "r", *args, "--", sys.executable, "-c", "")
    after = repo.read("params.yaml")
    assert repo.json("undo", "--list")[0]["touches"] == ["conf/a.yaml", "params.yaml"]
    assert "Taken back: run r: wrote conf/a.yaml, params.yaml." in repo.gitexp("undo").stderr
    assert (repo.read("params.yaml"), repo.read("conf/a.yaml")) == (before, "x: 1  # mine\n")
    repo.gitexp("redo")
    assert (repo.read("params.yaml"), repo.read("conf/a.yaml")) == (after, "x: 2  # mine\n")
    repo.write("params.yaml", after + "# an edit\n")
    assert "unsaved changes in params.yaml" in repo.gitexp("undo", check=False).stderr
    repo.write("params.yaml", after)
    repo.gitexp("undo")
    assert "Taken back: note one" in repo.gitexp("undo").stderr


@pytest.mark.parametrize(
    "args", [("init",), ("add", "data"), ("remote", "add", "store", "../store"), ("remote", "remove", "old")]
)
def test_edits_of_gitexps_own_files_come_back(repo: Workspace, args: tuple[str, ...]) -> None:
    repo.allow("files", "gitexp.yaml", "gitexp.lock", ".gitignore")
    repo.write("data/x", "1")
    if args[0] == "remote":
        repo.write("gitexp.yaml", "remotes: {old: ../old}  # mine\n")
    names = ("gitexp.yaml", "gitexp.lock", ".gitignore")

    def state() -> list[bytes | None]:
        files = [repo.path / name for name in names]
        return [file.read_bytes() if file.exists() else None for file in files]

    before = state()
    repo.gitexp(*args)
    after = state()
    assert after != before
    repo.gitexp("undo")
    assert state() == before
    repo.gitexp("redo")
    assert state() == after


def test_a_removal_on_a_remote_is_out_of_reach(repo: Workspace, tmp_path: Path) -> None:
    make_team(repo, tmp_path).bob.close()
    put(repo, "one")
    repo.gitexp("note", "one", "-m", "x")
    repo.gitexp("push", "one")
    repo.gitexp("remove", "-y", "--remote", "origin", "one")
    done = repo.gitexp("undo", check=False)
    assert done.exit_code == 1
    assert "'remove one from origin' is out of reach of undo" in done.stderr
    assert "'note one': gitexp undo 1" in done.stderr
    assert "out of reach" in repo.gitexp("undo", "--list").stdout
    repo.gitexp("undo", "1")


def test_tags_for_several_experiments(repo: Workspace, project: Project) -> None:
    put(repo, "exp-12345")
    repo.gitexp("tag", "one", "-d", "first")
    repo.gitexp("tag", "one", "two", "exp-123", "keep", "x")
    for name in ("one", "two", "exp-12345"):
        assert project.store.require(name).record.tags == ("keep", "x")
    repo.gitexp("tag", "one", "two", "-d", "x")
    assert project.store.require("two").record.tags == ("keep",)
    repo.gitexp("undo")
    assert project.store.require("one").record.tags == ("keep", "x")
    assert repo.gitexp("tag", "one", "two", "-d", "nope", check=False).exit_code == 2
    repo.gitexp("tag", "one", "--add", "two")
    assert project.store.require("one").record.tags == ("keep", "x", "two")


@pytest.mark.parametrize("which", [["-A"], ["--filter", "tags"], ["*"]])
def test_a_tag_is_taken_from_all_that_have_it(repo: Workspace, project: Project, which: list[str]) -> None:
    assert edit.tag(project, "two", ["x"]).record.tags == ("x",)
    told = repo.gitexp("tag", *which, "-d", "x").stderr
    assert told == "two has no tags now.\n"
    assert project.store.require("one").record.tags == ("first",)
    wrong = repo.gitexp("tag", *which, "-d", "x", check=False)
    assert "None of these experiments has the tag 'x'" in wrong.stderr
    repo.gitexp("tag", *which, "-d", "first", "--add", "last")
    assert project.store.require("one").record.tags == ("last",)


@pytest.mark.parametrize(
    ("args", "told"),
    [(("one", "two"), "and no tag is given"), (("one", "keep", "two"), "stands behind the tag 'keep'")],
)
def test_an_experiment_is_never_taken_for_a_tag(repo: Workspace, args: tuple[str, ...], told: str) -> None:
    put(repo, "one")
    put(repo, "two")
    done = repo.gitexp("tag", *args, check=False)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "--add two" in done.stderr


def test_before_the_first_commit(repo: Workspace, tmp_path: Path) -> None:
    repo.git("init", "--quiet", str(tmp_path / "new"))
    new = Workspace(tmp_path / "new")
    new.write("data.txt", "some data")
    new.writes("gitexp.yaml", "gitexp.lock", ".gitignore")
    new.gitexp("init", "--yes")
    new.gitexp("add", "data.txt")
    new.gitexp("undo")
    new.gitexp("undo")
    assert sorted(path.name for path in new.path.iterdir()) == [".git", "data.txt"]
    new.gitexp("redo")
    assert new.path.joinpath("gitexp.yaml").is_file()
