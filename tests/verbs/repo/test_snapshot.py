"""Workspaces that a snapshot must hold exactly: one function tells how each came to be.

The story is told in a repository with a committed training script, `gitexp save` stores it, and plain
Git must then check out of the experiment exactly the files that stood on disk, modes and links
included. That nothing of the user's was touched is seen to by the `repo` fixture.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pytest

from gitexp.process.liveness import current_process
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import indexes
from gitexp.repo.git.repository import Repository
from gitexp.repo.scope import Scope
from gitexp.runs.save import save
from tests.support.repositories import git, link, remove, submodule
from tests.support.snapshots import experiment_commit, on_disk, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and names of POSIX")

Story = Callable[[Workspace], None]


@dataclass(frozen=True)
class Shape:
    """A story, and where what is stored is not simply all files on disk.

    `without` are on disk but not stored, `beyond` stored but not on disk (a sparse checkout), and
    `warns` is a word in each warning of the record. `raw`: the bytes are in the blob, and what a
    checkout makes of them is the attributes' doing. `env` is around gitexp only.
    """

    story: Story
    without: Collection[str] = ()
    beyond: Collection[str] = ()
    warns: Collection[str] = ()
    raw: bool = False
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)


SHAPES: list[Shape] = []


def shape(**options: object) -> Callable[[Story], Story]:
    def register(story: Story) -> Story:
        SHAPES.append(Shape(story, **options))  # type: ignore[arg-type]
        return story

    return register


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.story.__name__)
def test_stored_exactly(repo: Workspace, shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    shape.story(repo)
    with monkeypatch.context() as patch:
        for name, value in shape.env.items():
            patch.setenv(name, value.format(root=repo.path))
        saved = save(Project.open(repo.path / shape.cwd))
    disk, kept = on_disk(repo.path), stored(repo, experiment_commit(repo, saved.name), raw=shape.raw)
    expected = {path: entry for path, entry in disk.items() if path not in shape.without}
    assert {path for path in kept if path not in disk} == set(shape.beyond)
    assert {path: entry for path, entry in kept.items() if path in disk} == expected
    assert set(shape.without) <= disk.keys()
    warnings = saved.record.warnings
    assert len(warnings) == len(shape.warns), warnings
    assert all(word in text for word, text in zip(shape.warns, warnings, strict=True)), warnings
    assert os.listdir(repo.path / repo.git("rev-parse", "--git-common-dir") / "gitexp/tmp") == []  # noqa: PTH208


@shape(
    without=[".aws/config", ".env/lib/a.py", "credentials/prod.json", "conf/secrets.ini", "prod.env"],
    warns=["looks like a secret"],
)
def secrets_in_folders(repo: Workspace) -> None:
    """At any depth of the path, but code is code, and so is what is tracked."""
    repo.write(".ssh/config", "tracked\n")
    repo.git("add", ".ssh/config")
    for name in (".aws/config", ".env/lib/a.py", "credentials/prod.json", "conf/secrets.ini", "prod.env"):
        repo.write(name, "s\n")
    for name in ("credentials/store.py", "secrets.py", "keys.py", "environment/x", "docker/Dockerfile"):
        repo.write(name, "code\n")


# -- changes of tracked files ----------------------------------------------------------------------


@shape()
def nothing_changed(repo: Workspace) -> None:
    pass


@shape()
def modified(repo: Workspace) -> None:
    repo.write("train.py", "print('other')\n")


@shape()
def staged(repo: Workspace) -> None:
    repo.write("train.py", "print('staged')\n")
    repo.git("add", "train.py")


@shape()
def staged_then_modified(repo: Workspace) -> None:
    repo.write("train.py", "print('staged')\n")
    repo.git("add", "train.py")
    repo.write("train.py", "print('later, and longer')\n")


@shape()
def staged_then_deleted(repo: Workspace) -> None:
    repo.write("new.py", "new\n")
    repo.git("add", "new.py")
    remove(repo, "new.py")


@shape()
def staged_deletion_with_the_file_back(repo: Workspace) -> None:
    repo.git("rm", "-q", "--cached", "train.py")


@shape()
def deleted(repo: Workspace) -> None:
    remove(repo, "train.py")


@shape()
def everything_deleted(repo: Workspace) -> None:
    remove(repo, "train.py", "params.yaml")


@shape()
def renamed_by_git(repo: Workspace) -> None:
    repo.git("mv", "train.py", "fit.py")


@shape()
def made_executable(repo: Workspace) -> None:
    repo.write("train.py", repo.read("train.py"), mode=0o755)


@shape()
def no_longer_executable(repo: Workspace) -> None:
    repo.write("run.sh", "#!/bin/sh\n", mode=0o755)
    repo.commit()
    repo.write("run.sh", "#!/bin/sh\n", mode=0o644)


@shape()
def a_file_became_a_folder(repo: Workspace) -> None:
    remove(repo, "train.py")
    repo.write("train.py/__main__.py", "main\n")


@shape()
def a_folder_became_a_file(repo: Workspace) -> None:
    repo.write("pkg/a.py", "a\n")
    repo.write("pkg/b.py", "b\n")
    repo.commit()
    remove(repo, "pkg/a.py", "pkg/b.py", "pkg")
    repo.write("pkg", "now a file\n")


@shape()
def a_file_became_a_link(repo: Workspace) -> None:
    remove(repo, "train.py")
    link(repo, "train.py", "params.yaml")


@shape()
def a_folder_became_a_link_to_a_folder_like_it(repo: Workspace) -> None:
    repo.write("pkg/a.py", "a\n")
    repo.commit()
    with repo.by_user():
        (repo.path / "pkg").rename(repo.path / "moved")
    link(repo, "pkg", "moved")


@shape()
def a_link_became_a_file(repo: Workspace) -> None:
    link(repo, "latest", "params.yaml")
    repo.commit()
    remove(repo, "latest")
    repo.write("latest", "params.yaml")  # the same bytes as the link's target


@shape()
def a_link_became_a_folder(repo: Workspace) -> None:
    link(repo, "latest", "params.yaml")
    repo.commit()
    remove(repo, "latest")
    repo.write("latest/one", "1")


# -- links -------------------------------------------------------------------------------------------


@shape()
def links_dangling_looping_absolute_and_leading_out(repo: Workspace) -> None:
    link(repo, "dangling", "nowhere")
    link(repo, "itself", "itself")
    link(repo, "a", "b")
    link(repo, "b", "a")
    link(repo, "up", "..")
    link(repo, "absolute", "/etc/hostname")
    link(repo, "odd//target/./x", "//params.yaml/.")


@shape()
def params_is_a_link_inside(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "conf").mkdir()
        (repo.path / "params.yaml").rename(repo.path / "conf/base.yaml")
    link(repo, "params.yaml", "conf/base.yaml")


@shape(warns=["a link to outside the repository: params.yaml"])
def params_is_a_link_to_outside(repo: Workspace) -> None:
    (repo.path.parent / "outside.yaml").write_text("lr: 1\n")
    remove(repo, "params.yaml")
    link(repo, "params.yaml", "../outside.yaml")


# -- untracked and ignored ------------------------------------------------------------------------


@shape()
def untracked_files_in_nested_folders(repo: Workspace) -> None:
    repo.write("src/deep/er/model.py", "model\n")
    repo.write("src/run.sh", "#!/bin/sh\n", mode=0o755)
    repo.write("empty", "")
    repo.write("nul", b"\0\xff\r\n")


@shape()
def empty_folders(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "empty/er").mkdir(parents=True)


@shape(without=["out.log", "cache/x", "mine.tmp", "everywhere.bak"])
def ignored_in_each_way(repo: Workspace) -> None:
    repo.write(".gitignore", "*.log\ncache/\n")
    repo.write(".git/info/exclude", "*.tmp\n")
    (repo.path.parent / "excludes").write_text("*.bak\n")
    repo.git("config", "core.excludesFile", str(repo.path.parent / "excludes"))
    for name in ("out.log", "cache/x", "mine.tmp", "everywhere.bak"):
        repo.write(name, "ignored\n")


@shape()
def ignored_but_tracked_and_modified(repo: Workspace) -> None:
    repo.write("weights.log", "1\n")
    repo.commit()
    repo.write(".gitignore", "*.log\n")
    repo.write("weights.log", "2\n")


@shape(without=["b.txt"])
def gitignore_changed_but_not_committed(repo: Workspace) -> None:
    repo.write(".gitignore", "a.txt\n")
    repo.commit()
    repo.write(".gitignore", "b.txt\n")
    repo.write("a.txt", "a")
    repo.write("b.txt", "b")


@shape()
def untracked_files_hidden_from_status(repo: Workspace) -> None:
    repo.git("config", "status.showUntrackedFiles", "no")
    repo.write("new.py", "new\n")


@shape()
def five_thousand_untracked_files(repo: Workspace) -> None:
    with repo.by_user():
        for folder in range(50):
            (repo.path / f"d{folder}").mkdir()
            for file in range(100):
                (repo.path / f"d{folder}/f{file}").write_text(f"{folder} {file}")


@shape()
def pipes_and_sockets_are_no_files(repo: Workspace) -> None:
    with repo.by_user():
        os.mkfifo(repo.path / "pipe")
        os.mkfifo(repo.path / "metrics.json")  # declared by convention, and reading it would hang
        os.mkfifo(repo.path / ".gitexpignore")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(repo.path / "socket"))
        repo.guard.retake()


@shape(without=["run/.gitexp/x", ".gitexp/run/output.log"], warns=["gitexp's own"])
def a_folder_of_gitexps_name(repo: Workspace) -> None:
    repo.write(".gitexp/run/output.log", "from an export\n")
    repo.write(".gitignore", "run/.gitexp\n")
    repo.write("run/.gitexp/x", "x")


# -- names --------------------------------------------------------------------------------------------

ODD_NAMES = [
    *("with space", " ", "new\nline", "tab\there", 'quote"d', "it's", "back\\slash", "-dash", "--help"),
    *(":colon", ":(top)magic", "!bang", "#hash", "*", "?", "[a]", "{a,b}", "~", "$HOME", "%s", "a;b", "|"),
    *(
        "\N{SNOWMAN}",
        "\U0001f52c",
        "caf\u00e9",
        "cafe\u0301",
        os.fsdecode(b"latin\xe9"),
        os.fsdecode(b"\xff"),
    ),
    *(
        "\x01",
        "\x1b[31mred",
        "\x7f",
        "a" * 255,
        "con",
        "a.lock",
        "HEAD",
        "@",
        "...",
        "trailing.",
        "/".join("d" * 200),
    ),
]


@shape()
def odd_names_untracked(repo: Workspace) -> None:
    for name in ODD_NAMES:
        repo.write(name, f"content of {name!r}\n")


@shape()
def odd_names_tracked_and_modified(repo: Workspace) -> None:
    odd_names_untracked(repo)
    repo.commit()
    for name in ODD_NAMES:
        repo.write(name, f"now {name!r}\n")


@shape()
def odd_names_tracked_and_deleted(repo: Workspace) -> None:
    odd_names_untracked(repo)
    repo.commit()
    remove(repo, *ODD_NAMES)


@shape()
def names_that_differ_in_case_alone(repo: Workspace) -> None:
    repo.write("TRAIN.py", "upper\n")


# -- what the user told the index ------------------------------------------------------------------


@shape()
def intent_to_add(repo: Workspace) -> None:
    repo.write("here.py", "here\n")
    repo.write("gone.py", "gone\n")
    repo.write("empty.py", "")
    repo.git("add", "--intent-to-add", "here.py", "gone.py", "empty.py")
    remove(repo, "gone.py")


@shape()
def assumed_unchanged_but_modified_or_deleted(repo: Workspace) -> None:
    repo.write("other.py", "1\n")
    repo.commit()
    repo.git("update-index", "--assume-unchanged", "train.py", "other.py", "params.yaml")
    repo.write("train.py", "print('assumed')\n")
    remove(repo, "other.py")


@shape()
def skip_worktree_but_modified(repo: Workspace) -> None:
    repo.git("update-index", "--skip-worktree", "train.py")
    repo.write("train.py", "print('skipped')\n")


@shape()
def skip_worktree_and_deleted_without_a_sparse_checkout(repo: Workspace) -> None:
    repo.git("update-index", "--skip-worktree", "train.py")
    remove(repo, "train.py")


@shape()
def skip_worktree_and_assumed_unchanged(repo: Workspace) -> None:
    repo.git("update-index", "--skip-worktree", "train.py")
    repo.git("update-index", "--assume-unchanged", "train.py")
    repo.write("train.py", "print('both')\n")


def sparse(repo: Workspace, *options: str) -> None:
    repo.write("in/a.py", "a\n")
    repo.write("out/b.py", "b\n")
    repo.write("out/c.py", "c\n")
    repo.commit()
    repo.git("sparse-checkout", "set", *options)
    assert not (repo.path / "out/b.py").exists()


@shape(beyond=["out/b.py", "out/c.py"])
def sparse_checkout_by_cone(repo: Workspace) -> None:
    sparse(repo, "--cone", "in")
    repo.write("in/a.py", "changed\n")


@shape(beyond=["out/b.py"])
def sparse_checkout_by_patterns_with_a_file_from_outside_them(repo: Workspace) -> None:
    sparse(repo, "--no-cone", "/*", "!/out/")
    repo.write("out/c.py", "put here by hand\n")
    repo.write("out/new.py", "new\n")


@shape(beyond=["out/b.py"])
def sparse_index(repo: Workspace) -> None:
    sparse(repo, "--cone", "--sparse-index", "in")
    repo.write("in/new.py", "new\n")
    repo.write("out/c.py", "put here by hand\n")


@shape()
def split_index(repo: Workspace) -> None:
    repo.git("update-index", "--split-index")
    repo.write("new.py", "staged\n")
    repo.git("add", "new.py")
    repo.write("train.py", "print('split')\n")


@shape()
def untracked_cache(repo: Workspace) -> None:
    repo.write("old/new.py", "new\n")
    repo.git("update-index", "--force-untracked-cache")
    repo.git("status")
    with repo.by_user():
        (repo.path / "old/newer.py").write_text("newer\n")


@shape()
def index_version_4(repo: Workspace) -> None:
    repo.write("train_too.py", "prefixes are compressed\n")
    repo.git("add", ".")
    repo.git("update-index", "--index-version", "4")
    repo.write("train.py", "print('v4')\n")


@shape()
def changed_in_the_index_own_clock_tick(repo: Workspace) -> None:
    same = "print('racy {}')\n"
    repo.write("racy.py", same.format(1))
    repo.git("add", "racy.py")
    with repo.by_user():
        # What a fast editor on a coarse clock leaves: size and times are those that Git noted.
        index, file = repo.path / ".git/index", repo.path / "racy.py"
        os.utime(file, ns=(10**18, 10**18))
    repo.git("config", "core.trustctime", "false")
    repo.git("add", "racy.py")
    with repo.by_user():
        file.write_text(same.format(2))
        os.utime(file, ns=(10**18, 10**18))
        os.utime(index, ns=(10**18, 10**18))


@shape()
def edited_with_its_size_and_time_kept(repo: Workspace) -> None:
    repo.write("same.py", "print(1)\n")
    with repo.by_user():
        os.utime(repo.path / "same.py", (1e9, 1e9))
    repo.git("add", "same.py")
    for key, value in {"trustctime": "false", "checkStat": "minimal", "ignoreStat": "true"}.items():
        repo.git("config", f"core.{key}", value)
    repo.write("new.py", "print(2)\n")
    with repo.by_user():
        os.utime(repo.path / "new.py", (1e9, 1e9))
        (repo.path / "new.py").replace(repo.path / "same.py")


@shape()
def no_index_at_all(repo: Workspace) -> None:
    repo.write("new.py", "new\n")
    remove(repo, ".git/index", "train.py")


@shape()
def the_users_own_git_is_at_work(repo: Workspace) -> None:
    repo.write(".git/index.lock", "")
    repo.write(".git/HEAD.lock", "")
    repo.write("train.py", "print('meanwhile')\n")


@shape()
def a_fsmonitor_and_hooks_that_must_not_run(repo: Workspace) -> None:
    canary = f"#!/bin/sh\ntouch '{repo.path}/canary'\n"
    repo.git("update-index", "--fsmonitor", check=False)
    for hook in ("fsmonitor", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        repo.write(f".git/hooks/{hook}", canary, mode=0o755)
    with repo.by_user(), (repo.path / ".git/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {repo.path}/.git/hooks/fsmonitor\n\thooksPath = .git/hooks\n")
    with repo.by_user():
        (repo.path / "train.py").write_text("print('watched')\n")


# -- where HEAD is ---------------------------------------------------------------------------------


@shape()
def detached_head(repo: Workspace) -> None:
    repo.git("checkout", "-q", "--detach", "HEAD~1")
    repo.write("train.py", "print('detached')\n")


def conflict(repo: Workspace) -> None:
    repo.git("checkout", "-q", "-b", "other", "HEAD~1")
    repo.write("params.yaml", "lr: 5\n")
    repo.commit("other")


@shape()
def in_a_merge_with_the_conflict_resolved(repo: Workspace) -> None:
    conflict(repo)
    repo.git("merge", "main", check=False)
    repo.write("params.yaml", "lr: 7\n")
    repo.git("add", "params.yaml")


@shape()
def in_a_rebase_with_the_conflict_resolved(repo: Workspace) -> None:
    conflict(repo)
    repo.git("rebase", "main", check=False)
    repo.write("params.yaml", "lr: 7\n")
    repo.git("add", "params.yaml")


@shape(cwd="src/deep")
def from_a_folder_below(repo: Workspace) -> None:
    repo.write("src/deep/here.py", "here\n")
    repo.write("above.py", "above\n")


@shape(env={"GIT_DIR": "{root}/.git", "GIT_WORK_TREE": "{root}"}, cwd="src")
def git_dir_and_worktree_in_the_environment(repo: Workspace) -> None:
    repo.write("src/new.py", "new\n")


@shape(env={"GIT_INDEX_FILE": "{root}/.git/other-index"})
def another_index_in_the_environment(repo: Workspace) -> None:
    repo.write("ignored.log", "tracked by the other index only\n")
    repo.git("add", "ignored.log")
    with repo.by_user():
        (repo.path / ".git/index").rename(repo.path / ".git/other-index")
        (repo.path / ".gitignore").write_text("*.log\n")


@shape(env={"GIT_INDEX_FILE": ".git/other-index"}, cwd="src")
def another_index_by_relative_path(repo: Workspace) -> None:
    repo.write("src/ignored.log", "tracked by the other index only\n")
    repo.git("add", "src/ignored.log")
    with repo.by_user():
        (repo.path / ".git/index").rename(repo.path / ".git/other-index")
        (repo.path / ".gitignore").write_text("*.log\n")


@shape(env={"GIT_LITERAL_PATHSPECS": "0", "GIT_ICASE_PATHSPECS": "1", "GIT_TRACE": "1", "GIT_NAMESPACE": "x"})
def variables_that_make_git_another(repo: Workspace) -> None:
    repo.write("[t]rain.py", "not train.py\n")


# -- settings --------------------------------------------------------------------------------------


@shape()
def settings_that_change_what_git_says(repo: Workspace) -> None:
    for key, value in {
        "color.ui": "always",
        "core.quotePath": "true",
        "diff.ignoreSubmodules": "all",
        "diff.noprefix": "true",
        "status.short": "true",
        "status.branch": "true",
        "status.renames": "copies",
        "core.precomposeUnicode": "true",
        "i18n.commitEncoding": "latin1",
        "commit.gpgSign": "true",
        "gpg.program": "false",
        "advice.addIgnoredFile": "true",
        "core.preloadIndex": "false",
        "core.pager": "false",
        "log.showSignature": "true",
        "core.fsyncObjectFiles": "true",
        "submodule.recurse": "true",
        "index.threads": "1",
        "gc.auto": "1",
    }.items():
        repo.git("config", key, value)
    repo.write("caf\u00e9.py", "new\n")
    repo.git("mv", "train.py", "fit.py")


@shape()
def modes_that_do_not_count(repo: Workspace) -> None:
    """With core.fileMode=false the disk's modes mean nothing and the index's are kept."""
    repo.write("run.sh", "#!/bin/sh\n", mode=0o755)
    repo.commit()
    repo.git("config", "core.fileMode", "false")
    repo.write("run.sh", "#!/bin/sh\necho\n")


@shape()
def replaced_objects_are_not_looked_at(repo: Workspace) -> None:
    blob = repo.git("rev-parse", "HEAD:train.py")
    fake = repo.git("hash-object", "-w", "--stdin", input="print('fake')\n")
    repo.git("replace", blob, fake)
    repo.write("tracked.log", "tracked\n")
    repo.commit()
    repo.git("replace", "HEAD", "HEAD~1")
    repo.write(".gitignore", "*.log\n")
    remove(repo, ".git/index")  # so that HEAD's own tree must tell what is tracked


@shape()
def borrowed_objects(repo: Workspace) -> None:
    source = repo.path.parent / "source"
    with repo.by_user():
        (repo.path / ".git/objects").rename(source)
        (repo.path / ".git/objects/info").mkdir(parents=True)
        (repo.path / ".git/objects/info/alternates").write_text(f"{source}\n")
    repo.write("new.py", "new\n")


# -- submodules that are as committed or stand on another commit -----------------------------------


@shape()
def a_submodule(repo: Workspace) -> None:
    submodule(repo)


@shape()
def a_submodule_on_another_commit(repo: Workspace) -> None:
    with_submodule = submodule(repo)
    with repo.by_user():
        (with_submodule / "lib.py").write_text("2\n")
        git(with_submodule, "commit", "-q", "-a", "-m", "two")
    repo.git("config", "submodule.library.ignore", "all")


@shape(beyond=["library"])
def a_submodule_not_initialised(repo: Workspace) -> None:
    submodule(repo)
    repo.git("submodule", "--quiet", "deinit", "--force", "library")


@shape()
def a_submodule_deleted(repo: Workspace) -> None:
    submodule(repo)
    repo.git("rm", "-q", "library")
    repo.write("library", "now a file\n")


# -- tools -------------------------------------------------------------------------------------------


def test_more_paths_than_a_command_line_holds(repo: Workspace) -> None:
    """Results that are doubtful by the ten thousand: asked for in any number, the answer is the same."""
    repo.write("models/a/1.pt", "1")
    repo.write("models.pt", "2")
    repo.commit()
    found = Repository.find(repo.path)
    many = [*(f"out/{'long' * 50}{number}" for number in range(30_000)), "models"]
    assert indexes.files(found, found.index, many) == indexes.files(found, found.index, ["models"])
    assert [*indexes.files(found, found.index, many)] == ["models/a/1.pt"]


def test_saved_while_a_run_is_going_on(repo: Workspace) -> None:
    project = Project.open(repo.path)
    with live.new_folder(project.local) as folder:
        run = live.RunState(
            folder=folder,
            process=current_process(),
            root=str(repo.path),
            git_dir=str(project.repo.git_dir),
            baseline="",
            tree="",
            stamps={},
            scope=Scope("", (), (), (), max_size=0),
            started=0.0,
            name="exp-calm-fox",
        )
        run.save()
        said = "exp-calm-fox is running here: its results may be half written"
        assert save(project).record.warnings == (said,)
        run._replace(git_dir="elsewhere").save()
        assert save(project).record.warnings == ()
        run.forget()
