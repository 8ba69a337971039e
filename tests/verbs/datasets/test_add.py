"""`gitexp add`: data that no stage makes, stored, listed and ignored; and what is refused."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.add import add
from gitexp.project.ignore import pattern
from gitexp.project.project import Project
from tests.support.stored import locked, store_of
from tests.support.workspace import Workspace

WRITTEN = ("gitexp.yaml", "gitexp.lock", ".gitignore", "*/.gitignore")


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    repo.allow("files", *WRITTEN)
    return repo


def test_what_looks_like_a_secret_is_said_and_stored_all_the_same(repo: Workspace) -> None:
    repo.write("raw/a.csv", "a")
    repo.write("raw/deep/.env", "TOKEN=1")
    repo.write("server.key", "1")
    done = repo.gitexp("add", "-q", "raw", "server.key")
    assert done.stderr == (
        "warning: stored, and pushed with the data, though it looks like a secret: raw/deep/.env, "
        "server.key; if it is none: !.env in .gitexpignore\n"
    )
    assert locked(repo)["raw"].files == 2
    assert repo.json("add", "raw")["warnings"] == [], "it was said when it was new"
    repo.write(".gitexpignore", "!.env\n")
    repo.write("raw/a.csv", "b")
    assert repo.json("add", "raw")["warnings"] == []


def test_a_folder_and_a_file(repo: Workspace) -> None:
    repo.write("sets/raw/a.csv", "a")
    repo.write("sets/raw/deep/b.csv", "b")
    repo.write("sets/labels.csv", "labels")
    done = repo.gitexp("add", "sets/raw", "sets/labels.csv")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "sets/raw: 2 files, 2 B",
        "sets/labels.csv: 6 B",
        "To commit: git add sets/.gitignore gitexp.lock gitexp.yaml",
    ]
    assert repo.read("gitexp.yaml").splitlines()[-1] == "data: [sets/raw, sets/labels.csv]"
    assert repo.read("sets/.gitignore") == "/raw\n/labels.csv\n"
    found = locked(repo)
    assert sorted(found) == ["sets/labels.csv", "sets/raw"]
    assert found["sets/labels.csv"].hash == hashlib.sha256(b"labels").hexdigest()
    assert (found["sets/raw"].files, found["sets/raw"].size) == (2, 2)
    for artifact in found.values():
        assert all(store_of(repo).verify(hash_) for hash_ in store_of(repo).contents(artifact.hash))
    status = repo.git("status", "--porcelain", "-uall").splitlines()
    assert status == ["?? gitexp.lock", "?? gitexp.yaml", "?? sets/.gitignore"]
    assert Project.open(repo.path).config.data == ("sets/raw", "sets/labels.csv")


def test_as_json(repo: Workspace) -> None:
    repo.write("sets/x", "x")
    answer = repo.json("add", "sets/x")
    hash_ = hashlib.sha256(b"x").hexdigest()
    assert answer == {
        "added": [{"path": "sets/x", "hash": hash_, "size": 1, "files": None}],
        "changed": ["sets/x"],
        "written": ["sets/.gitignore", "gitexp.lock", "gitexp.yaml"],
        "warnings": [],
    }
    assert repo.json("add", "sets/x") == {**answer, "changed": [], "written": []}


def test_again_after_a_change(repo: Workspace) -> None:
    repo.write("sets/x", "one")
    repo.gitexp("add", "-q", "sets/x")
    texts = [repo.read(name) for name in ("gitexp.yaml", "sets/.gitignore")]
    assert "as before" in repo.gitexp("add", "sets/x").stderr
    repo.write("sets/x", "two")
    assert repo.gitexp("add", "sets/x").stderr.splitlines() == [
        "sets/x: 3 B",
        "To commit: git add gitexp.lock",
    ]
    assert locked(repo)["sets/x"].hash == hashlib.sha256(b"two").hexdigest()
    assert [repo.read(name) for name in ("gitexp.yaml", "sets/.gitignore")] == texts
    assert store_of(repo).has(hashlib.sha256(b"one").hexdigest())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# mine\ncommand: python train.py  # so\n",
            "# mine\ncommand: python train.py  # so\ndata: [sets/x]\n",
        ),
        ("data: sets/old\n", "data: [sets/old, sets/x]\n"),
        ("data: [sets/old]  # old\nmetrics: m.json\n", "data: [sets/old, sets/x]  # old\nmetrics: m.json\n"),
        (
            "data:\n  # the first\n  - sets/old\n\n# end\n",
            "data:\n  # the first\n  - sets/old\n  - sets/x\n\n# end\n",
        ),
        ("data: []\r\nparams: params.yaml\r\n", "data: [sets/x]\r\nparams: params.yaml\r\n"),
        ("data:\n", "data: [sets/x]\n"),
        ("", "data: [sets/x]\n"),
    ],
)
def test_the_config_is_edited_in_place(repo: Workspace, before: str, after: str) -> None:
    repo.write("gitexp.yaml", before)
    repo.write("sets/x", "x")
    add(Project.open(repo.path), ["sets/x"])
    assert repo.read("gitexp.yaml") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "/x\n"),
        ("*.tmp\n", "*.tmp\n/x\n"),
        ("no line end", "no line end\n/x\n"),
        ("a\r\n", "a\r\n/x\r\n"),
        ("/x\n!/x\n/x", "/x\n!/x\n/x"),
        ("/sets\n!/x\n", "/sets\n!/x\n/x\n"),
        ("x\n", "x\n"),
    ],
)
def test_gitignore_is_only_added_to(repo: Workspace, before: str | None, after: str) -> None:
    if before is not None:
        repo.write("sets/.gitignore", before)
    repo.write("sets/x", "x")
    for _ in range(2):
        add(Project.open(repo.path), ["sets/x"])
        assert repo.read("sets/.gitignore") == after
    assert repo.git("check-ignore", "sets/x") == "sets/x"


def test_what_only_this_clone_ignores_is_written_down(repo: Workspace) -> None:
    """A colleague does not have what `.git/info/exclude` says."""
    with repo.by_user():
        (repo.path / ".git" / "info").mkdir(exist_ok=True)
        (repo.path / ".git" / "info" / "exclude").write_text("x\n")
    repo.write("x", "x")
    repo.write("data/y", "y")  # the template's .gitignore has it
    add(Project.open(repo.path), ["x", "data/y"])
    assert repo.read(".gitignore").splitlines()[-1] == "/x"
    assert not (repo.path / "data" / ".gitignore").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")
@pytest.mark.parametrize(
    "name",
    ["a b", "trailing ", "*.csv", "[x]?", "!bang", "#hash", "ü", "日本", "-n", "it's", "%41", "a:b", "{x}"],
)
def test_odd_names(repo: Workspace, name: str) -> None:
    repo.write(f"sets/{name}", "x")
    repo.write("sets/x.csv", "not data")
    project = Project.open(repo.path)
    add(project, [f"sets/{name}"])
    assert list(locked(repo)) == [f"sets/{name}"]
    assert Project.open(repo.path).config.data == (f"sets/{name}",)
    assert repo.git("status", "--porcelain", "-uall", "-z", "sets").split("\0") == [
        "?? sets/.gitignore",
        "?? sets/x.csv",
        "",
    ]
    assert repo.read("sets/.gitignore") == pattern(name) + "\n"


def test_from_a_folder_below(repo: Workspace) -> None:
    repo.write("sets/deep/x", "x")
    repo.gitexp("add", "-q", "deep/x", "../sets/deep/../deep/x", cwd="sets")
    assert list(locked(repo)) == ["sets/deep/x"]
    assert not (repo.path / "sets" / "gitexp.yaml").exists()


def test_in_a_project_of_its_own(repo: Workspace) -> None:
    """Its files name paths relative to its folder, also above it."""
    repo.write("part/gitexp.yaml", "command: python train.py\n")
    repo.write("part/x", "x")
    repo.write("sets/y", "y")
    repo.allow("files", "part/gitexp.yaml", "part/gitexp.lock")
    repo.gitexp("add", "-q", "x", "../sets/y", cwd="part")
    assert repo.read("part/gitexp.yaml").splitlines()[-1] == 'data: [x, "../sets/y"]'
    project = Project.open(repo.path / "part")
    assert sorted(lock_file.read(project.repo.root, project.config).data) == ["part/x", "sets/y"]
    assert project.config.data == ("part/x", "sets/y")


def test_where_nothing_says_what_the_project_is(repo: Workspace) -> None:
    """Data is added where the repository begins, not in the folder that the user happens to stand in."""
    repo.git("rm", "-q", "--cached", "params.yaml")
    with repo.by_user():
        (repo.path / "params.yaml").unlink()
    repo.write("sets/x", "x")
    repo.gitexp("add", "-q", "x", cwd="sets")
    assert repo.read("gitexp.yaml").splitlines()[-1] == "data: [sets/x]"


# -- what is refused ----------------------------------------------------------------------------------


def refused(repo: Workspace, error: type[errors.GitexpError], *names: str) -> errors.GitexpError:
    """The error that adding these ends in, nothing having been written."""
    before = (list(store_of(repo).hashes()), repo.guard.changes())
    with pytest.raises(error) as caught:
        add(Project.open(repo.path), names)
    assert caught.value.hint
    assert (list(store_of(repo).hashes()), repo.guard.changes()) == before
    assert not (repo.path / "gitexp.lock").exists()
    return caught.value


def test_what_git_tracks(repo: Workspace) -> None:
    repo.write("sets/it's tracked", "x")
    repo.write("sets/not", "x")
    repo.commit()
    repo.git("rm", "-q", "--cached", "sets/not")
    for name in ("sets", "sets/it's tracked"):
        error = refused(repo, errors.DataError, name)
        assert "it's tracked" in error.message
    command = (error.hint or "").partition(": ")[2]
    repo.git(*shlex.split(command)[1:])
    repo.gitexp("add", "-q", "sets")


def test_paths_outside(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with repo.by_user():
        (repo.path / "link").symlink_to(tmp_path)
    for name in ("../x", str(tmp_path / "x"), "", "."):
        refused(repo, errors.UsageError, name)
    refused(repo, errors.UsageError, "nothing")
    refused(repo, errors.UnstorableData, "link")
    refused(repo, errors.UnsafePath, "link/x")
    with repo.by_user():
        (repo.path / "link").unlink()


def test_names_that_no_file_could_name(repo: Workspace) -> None:
    names = ["line\nbreak", "tab\tx", "aux.csv", "back\\slash"]
    if sys.platform == "linux":
        names.append("\udcff")
    for name in names:
        repo.write(name, "x")
        refused(repo, errors.UnsafePath, name)
        with repo.by_user():
            (repo.path / name).unlink()


def test_folders_of_git(repo: Workspace) -> None:
    refused(repo, errors.UnsafePath, ".git/config")
    repo.write("sets/x", "x")
    repo.git("init", "-q", "sets/inner")
    refused(repo, errors.UnstorableData, "sets")


def test_a_folder_that_has_the_config(repo: Workspace) -> None:
    repo.write("part/gitexp.yaml", "command: python train.py\n")
    repo.write("part/x", "x")
    with pytest.raises(errors.DataError, match=r"gitexp\.yaml is in it"):
        add(Project.open(repo.path / "part"), [str(repo.path / "part")])


def test_data_in_data(repo: Workspace) -> None:
    repo.write("sets/raw/x", "x")
    assert "lies in" in refused(repo, errors.DataError, "sets/raw", "sets/raw/x").message
    repo.gitexp("add", "-q", "sets/raw")
    lock = repo.read("gitexp.lock")
    for name, hint in (("sets/raw/x", "gitexp add sets/raw"), ("sets", "Take it out")):
        with pytest.raises(errors.DataError) as caught:
            add(Project.open(repo.path), [name])
        assert hint in (caught.value.hint or "")
    assert repo.read("gitexp.lock") == lock


def test_what_a_stage_makes(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "stages:\n  prep:\n    cmd: python prep.py\n    outs: [sets/out]\n")
    repo.write("sets/out/x", "x")
    for name in ("sets/out", "sets", "sets/out/x"):
        error = refused(repo, errors.DataError, name)
        assert "made by the stage prep" in error.message


def test_one_bad_name_among_good_ones(repo: Workspace) -> None:
    repo.write("sets/x", "x")
    refused(repo, errors.UsageError, "sets/x", "nothing")


def test_an_unreadable_file(repo: Workspace) -> None:
    repo.write("sets/raw/x", "x")
    repo.write("sets/raw/secret", "x", mode=0o000)
    done = repo.gitexp("add", "sets/raw", check=False, unreadable=True)
    assert done.exit_code == 1
    assert "secret cannot be read: Permission denied" in done.stderr
    assert not (repo.path / "gitexp.lock").exists()
    repo.write("sets/raw/secret", "x", mode=0o644)


def test_a_gitignore_that_is_a_link(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine\n")
    repo.write("sets/x", "x")
    with repo.by_user():
        (repo.path / "sets" / ".gitignore").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.StorageError, match="is a link"):
        add(Project.open(repo.path), ["sets/x"])
    assert (tmp_path / "elsewhere").read_text() == "mine\n"


def test_a_wrong_config_is_not_passed_over(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "comand: x\n")
    repo.write("sets/x", "x")
    done = repo.gitexp("add", "sets/x", check=False)
    assert (done.exit_code, "command" in done.stderr) == (1, True)
    assert repo.read("gitexp.yaml") == "comand: x\n"


def test_several_at_once(repo: Workspace) -> None:
    """Processes that add at the same time: all is listed, or whoever was too late is told so."""
    names = [f"sets/{n}" for n in range(6)]
    for name in names:
        repo.write(name, name)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: repo.gitexp("add", "-q", name, check=False), names))
    for name, result in zip(names, done, strict=True):
        if result.exit_code:
            assert "was changed by somebody else just now" in result.stderr
            repo.gitexp("add", "-q", name)
    assert sorted(locked(repo)) == names
    assert sorted(Project.open(repo.path).config.data) == names
    assert sorted(repo.read("sets/.gitignore").split()) == [f"/{n}" for n in range(6)]


def test_what_is_added_is_not_in_the_way_of_a_run(repo: Workspace) -> None:
    repo.write("sets/large", os.urandom(100))
    repo.gitexp("add", "-q", "sets/large")
    repo.commit("data")
    repo.gitexp("save", "-q", "-n", "one")
    tree = repo.git("ls-tree", "-r", "--name-only", "refs/gitexp/exps/one").splitlines()
    assert "gitexp.lock" in tree
    assert "sets/large" not in tree


def test_commands_are_for_pasting_where_one_stands(repo: Workspace) -> None:
    repo.write("raw data/a", "1")
    repo.write("sub/x", "x")
    repo.allow("files", "gitexp.yaml", "gitexp.lock", ".gitignore")
    said = repo.gitexp("add", "../raw data", cwd="sub").stderr.splitlines()[-1]
    files = shlex.split(said.removeprefix("To commit: git add "))
    assert said.startswith("To commit: git add ")
    assert sorted(files) == ["../.gitignore", "../gitexp.lock", "../gitexp.yaml"]
    inside = repo.gitexp("add", "../raw data/a", cwd="sub", check=False).stderr
    assert "gitexp add '../raw data'\n" in inside
