"""What gitexp is doing when it is struck, and what must hold afterwards.

A new command is a few lines here: how its repository comes about, what is typed, which of the user's
files it may change, and what must be true once it has been typed a second time.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp.data.objects import ObjectStore
from gitexp.model import Experiment, Status
from gitexp.ops import lock_file
from gitexp.ops.project import Project
from gitexp.repo import trash
from tests.support import pipeline
from tests.support.guard import Kind
from tests.support.kills import KILLED, experiments, git
from tests.support.workspace import Workspace

_TEMPLATE = Path(__file__).parent.parent / "support" / "template"
_TRAIN = ("--", "python", "train.py")


def _nothing(repo: Workspace) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` adds to a repository with unsaved work; `args` is the command; `may_change` what of the
    user's it may alter; `refused` the errors with which the same command may end the second time;
    `holds` raises AssertionError where the outcome of the second time is not as it must be.
    `at_once`: that must be so already where the command has said that all went well.
    `undone`: gitexp undo must bring back all of the user's, whatever it was struck at.
    """

    name: str
    args: Sequence[str]
    prepare: Callable[[Workspace], None] = _nothing
    may_change: Sequence[tuple[Kind, str]] = ()
    refused: Sequence[str] = ()
    holds: Callable[[Workspace], None] = field(default=_nothing)
    at_once: bool = True
    undone: bool = False

    def make(self, folder: Path) -> Workspace:
        """Return a new repository at `folder`, with all that a user may have lying about."""
        shutil.copytree(_TEMPLATE, folder)
        subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder)], check=True)
        shutil.rmtree(folder / ".git" / "hooks", ignore_errors=True)
        # Else it would be up to the ids of objects, and so to the time, which calls make a folder for one.
        for first in range(256):
            (folder / ".git" / "objects" / f"{first:02x}").mkdir()
        repo = Workspace(folder)
        repo.write(".gitignore", "*.bin\n")
        repo.write("notes.txt", "first\n")
        repo.commit("a training script")
        repo.write("notes.txt", "put away\n")
        repo.git("stash", "--quiet")
        repo.write("train.py", repo.read("train.py") + "# edited\n")
        repo.write("staged.py", "print(1)\n")
        repo.git("add", "staged.py")
        repo.write("new.py", "print(2)\n")
        repo.write("data.bin", b"\0" * 1000)
        self.prepare(repo)
        return repo


def _one(repo: Workspace, name: str = "one") -> Experiment:
    (found,) = [e for e in experiments(repo) if e.name == name]
    assert found.error is None
    assert found.record.status.ended
    return found


def _stored(repo: Workspace) -> None:
    one = _one(repo)
    assert one.record.status is Status.DONE or one.record.warnings, one


def _saved(repo: Workspace) -> None:
    """E holds what stands in the workspace, new and edited files alike."""
    _stored(repo)
    for name in ("train.py", "new.py", "staged.py", "notes.txt"):
        assert git(repo, "show", f"{_one(repo).record.commit}:{name}") + "\n" == repo.read(name)


def _with_one(repo: Workspace) -> None:
    repo.gitexp("save", "-q", "-n", "one", "-m", "the first")


def _with_two(repo: Workspace) -> None:
    _with_one(repo)
    repo.gitexp("save", "-q", "-n", "two")


def _with_one_removed(repo: Workspace) -> None:
    _with_one(repo)
    repo.gitexp("remove", "-q", "-y", "one")


def _with_a_dead_run(repo: Workspace) -> None:
    env = {"GITEXP_FAILPOINT": "run:ended"}
    repo.allow("files", "metrics.json")
    assert repo.gitexp("run", "-q", "-n", "one", *_TRAIN, env=env, check=False).exit_code == KILLED
    repo.guard.retake()


def _recovered(repo: Workspace) -> None:
    assert _one(repo).record.status is Status.INTERRUPTED
    assert "epoch 3" in repo.gitexp("log", "one").stdout


def _promoted(repo: Workspace) -> None:
    assert git(repo, "rev-parse", "refs/heads/promoted") == _one(repo).record.commit


def _noted(repo: Workspace) -> None:
    assert _one(repo).record.note == "better"


def _tagged(repo: Workspace) -> None:
    assert _one(repo).record.tags == ("best", "kept")


def _renamed(repo: Workspace) -> None:
    assert [e.name for e in experiments(repo)] == ["two"]
    assert _one(repo, "two").record.note == "the first"


def _names(repo: Workspace) -> tuple[list[str], list[str]]:
    """Those of the experiments, and of those in the trash."""
    trashed = [each.experiment for each in trash.contents(Project.open(repo.path).repo)]
    assert not any(experiment.error for experiment in trashed)
    return [e.name for e in experiments(repo)], sorted(e.name for e in trashed)


def _removed(repo: Workspace) -> None:
    assert _names(repo) == ([], ["one", "two"])


def _restored(repo: Workspace) -> None:
    assert _names(repo) == (["one"], [])


def _here_or_in_the_trash(repo: Workspace) -> None:
    assert _names(repo) in ((["one"], []), ([], ["one"]))


_CHANGED: tuple[tuple[Kind, str], ...] = (
    ("files", "train.py"),
    ("files", "new.py"),
    ("files", "params.yaml"),
)


def _with_one_elsewhere(repo: Workspace) -> None:
    """One that differs from the workspace in files that are as in HEAD, beside others that are not."""
    repo.write("params.yaml", repo.read("params.yaml").replace("lr: 0.1", "lr: 0.5"))
    _with_one(repo)
    repo.git("checkout", "--quiet", "--", "train.py", "params.yaml")
    with repo.by_user():
        (repo.path / "new.py").unlink()
    repo.write("notes.txt", "nowhere else\n")


def _with_one_applied(repo: Workspace) -> None:
    _with_one_elsewhere(repo)
    for kind, name in _CHANGED:
        repo.allow(kind, name)
    repo.gitexp("apply", "-q", "one")
    repo.guard.retake()


def _is_applied(repo: Workspace) -> bool:
    """Whether the experiment's files are here; raises AssertionError if some are and some are not."""
    of_one = [
        "# edited\n" in repo.read("train.py"),
        (repo.path / "new.py").exists() and repo.read("new.py") == "print(2)\n",
        "lr: 0.5" in repo.read("params.yaml"),
    ]
    assert len(set(of_one)) == 1, f"half applied: {of_one}"
    assert (repo.path / "new.py").exists() == of_one[0]
    return of_one[0]


def _applied(repo: Workspace) -> None:
    assert _is_applied(repo)


def _applied_or_not(repo: Workspace) -> None:
    _is_applied(repo)


_OLD = {"sets/raw/1": "a" * 5000, "sets/raw/deep/2": "b", "sets/labels": "old"}
_NEW = {"sets/raw/1": "a" * 5000, "sets/raw/3": "c", "sets/labels": "new"}
_ADD = ("add", "sets/raw", "sets/labels")
_ADDED: tuple[tuple[Kind, str], ...] = tuple(
    ("files", name) for name in ("gitexp.yaml", "gitexp.lock", "sets/.gitignore")
)


def _with_data(repo: Workspace, files: Mapping[str, str] = _OLD) -> None:
    with repo.by_user():
        shutil.rmtree(repo.path / "sets" / "raw", ignore_errors=True)
    for name, text in files.items():
        repo.write(name, text)


def _with_older_data(repo: Workspace) -> None:
    """What the lock says and what is here are two versions, and both are stored."""
    for kind, name in _ADDED:
        repo.allow(kind, name)
    for files in (_OLD, _NEW):
        _with_data(repo, files)
        lock = repo.read("gitexp.lock") if files is _NEW else ""
        repo.gitexp(*_ADD, "-q")
    repo.write("gitexp.lock", lock)


def _data(repo: Workspace) -> dict[str, str]:
    top = repo.path / "sets"
    files = [file for file in top.rglob("*") if file.is_file() and file.name != ".gitignore"]
    return {file.relative_to(repo.path).as_posix(): file.read_text() for file in files}


def _added(repo: Workspace) -> None:
    project = Project.open(repo.path)
    store = ObjectStore(project.local.objects)
    found = lock_file.read(project.repo.root, project.config).data
    assert sorted(found) == sorted(project.config.data) == ["sets/labels", "sets/raw"]
    assert all(store.verify(part) for each in found.values() for part in store.contents(each.hash))
    assert repo.read("sets/.gitignore").splitlines() == ["/raw", "/labels"]
    assert _data(repo) == _OLD


def _brought_back(repo: Workspace) -> None:
    assert _data(repo) == _OLD


_SERVER = ".git/team.git"  # stands inside, so that it is copied with the repository


def _with_a_server(repo: Workspace) -> None:
    _with_two(repo)
    repo.git("init", "--quiet", "--bare", _SERVER)
    repo.git("remote", "add", "origin", _SERVER)


def _with_some_to_pull(repo: Workspace) -> None:
    """One is new here, the other one was changed on both sides."""
    _with_a_server(repo)
    repo.gitexp("tag", "-q", "two", "theirs")
    repo.git("push", "--quiet", "origin", "refs/gitexp/exps/*:refs/gitexp/exps/*")
    repo.git("update-ref", "-d", "refs/gitexp/exps/one")
    repo.git("update-ref", "refs/gitexp/exps/two", "refs/gitexp/exps/two^")
    repo.gitexp("tag", "-q", "two", "mine")


def _pulled(repo: Workspace) -> None:
    assert _names(repo) == (["one", "two"], [])
    assert set(_one(repo, "two").record.tags) == {"mine", "theirs"}


_REMOTE: tuple[tuple[Kind, str], ...] = (("files", "remote.bin/*"),)
_CONFIG: tuple[tuple[Kind, str], ...] = (("files", "gitexp.yaml"),)


def _with_a_remote(repo: Workspace) -> None:
    """The data is stored here, and the remote is a folder that Git ignores."""
    for kind, name in _ADDED:
        repo.allow(kind, name)
    _with_data(repo)
    repo.gitexp(*_ADD, "-q")
    repo.gitexp("remote", "add", "-q", "store", "remote.bin")
    repo.guard.retake()


def _with_data_elsewhere(repo: Workspace) -> None:
    """It is on the remote alone."""
    _with_a_remote(repo)
    repo.allow(*_REMOTE[0])
    repo.gitexp("data", "push", "-q")
    shutil.rmtree(Project.open(repo.path).local.objects)
    repo.guard.retake()


def _on_both_sides(repo: Workspace) -> None:
    here, there = ObjectStore(Project.open(repo.path).local.objects), ObjectStore(repo.path / "remote.bin")
    names = [{hash_ for hash_, _, _ in store.hashes()} for store in (here, there)]
    assert names[0] == names[1]
    assert len(names[0]) == 4
    assert all(store.verify(hash_) for store in (here, there) for hash_ in names[0])


def _with_a_config(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "command: python train.py  # as ever\n")


def _listed(repo: Workspace) -> None:
    assert repo.read("gitexp.yaml") == "command: python train.py  # as ever\nremotes:\n  store: /store\n"


_BRANCH: tuple[tuple[Kind, str], ...] = (("refs", "refs/heads/promoted"), ("reflogs", "refs/heads/promoted"))
_RUN: tuple[tuple[Kind, str], ...] = (("files", "params.yaml"), ("files", "metrics.json"))
_TAKEN, _UNKNOWN = ("name-taken",), ("unknown-experiment",)


def _with_stages(repo: Workspace) -> None:
    for name, text in pipeline.FILES.items():
        repo.write(name, text)
    repo.write(".gitignore", "*.bin\n/data/\n")


def _brought_up_to_date(repo: Workspace) -> None:
    """What the lock names can be had, and the next run comes to the same end."""
    _stored(repo)
    store = ObjectStore(Project.open(repo.path).local.objects)
    assert all(
        store.verify(each) for out in pipeline.lock(repo).artifacts for each in store.contents(out.hash)
    )
    result = pipeline.start(repo)
    assert result.exit_code == 0, result
    assert repo.read("model.bin").startswith(pipeline.FILES["raw.txt"])
    assert list(pipeline.lock(repo).stages) == sorted(pipeline.ALL)


_OUTS: tuple[tuple[Kind, str], ...] = tuple(("files", name) for name in pipeline.OUTS)

SCENARIOS = (
    Scenario("save", ("save", "-n", "one"), refused=_TAKEN, holds=_saved),
    Scenario(
        "run",
        ("run", "-n", "one", "-S", "train.lr=0.2", *_TRAIN),
        may_change=_RUN,
        refused=_TAKEN,
        holds=_stored,
    ),
    Scenario("run --temp", ("run", "--temp", "-n", "one", *_TRAIN), refused=_TAKEN, holds=_stored),
    Scenario("run of stages", ("run", "-n", "one"), _with_stages, _OUTS, _TAKEN, holds=_brought_up_to_date),
    # What cannot be stored now is no reason not to list what is there.
    Scenario("recovery", ("list",), _with_a_dead_run, holds=_recovered, at_once=False),
    Scenario(
        "branch", ("branch", "one", "promoted"), _with_one, _BRANCH, ("branch-exists",), holds=_promoted
    ),
    Scenario("note", ("note", "one", "-m", "better"), _with_one, holds=_noted),
    Scenario("tag", ("tag", "one", "best", "kept"), _with_one, holds=_tagged),
    Scenario("rename", ("rename", "one", "two"), _with_one, refused=_UNKNOWN, holds=_renamed),
    Scenario("remove", ("remove", "-y", "one", "two"), _with_two, refused=_UNKNOWN, holds=_removed),
    Scenario("restore", ("restore", "one"), _with_one_removed, refused=_UNKNOWN, holds=_restored),
    Scenario("undo of remove", ("undo",), _with_one_removed, holds=_here_or_in_the_trash),
    Scenario("apply", ("apply", "one"), _with_one_elsewhere, _CHANGED, holds=_applied, undone=True),
    Scenario("undo of apply", ("undo",), _with_one_applied, _CHANGED, holds=_applied_or_not),
    Scenario("add", _ADD, _with_data, _ADDED, holds=_added),
    Scenario("data push", ("data", "push"), _with_a_remote, _REMOTE, holds=_on_both_sides),
    Scenario("data pull", ("data", "pull"), _with_data_elsewhere, holds=_on_both_sides),
    Scenario(
        "remote add",
        ("remote", "add", "store", "/store"),
        _with_a_config,
        _CONFIG,
        ("remote-exists",),
        holds=_listed,
    ),
    Scenario("checkout", ("checkout",), _with_older_data, (("files", "sets/*"),), holds=_brought_back),
    Scenario("pull", ("pull",), _with_some_to_pull, holds=_pulled),
)
