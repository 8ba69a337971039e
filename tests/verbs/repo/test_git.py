"""The one module that starts Git: what it makes of Git's answers, and of there being no Git."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.repo.git import failures, launch, trees
from gitexp.repo.git.absent_refs import is_absent
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict, TreeEntry
from tests.support.codes import has_code
from tests.support.repositories import git
from tests.support.workspace import Workspace

posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for git")


@pytest.fixture
def found(repo: Workspace) -> Repository:
    return Repository.find(repo.path)


# -- finding ---------------------------------------------------------------------------------------------


def test_find_from_below_and_by_environment(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a/b/c", "c")
    below = Repository.find(repo.path / "a/b")
    assert (below.root, below.git_dir, below.index) == (
        repo.path,
        repo.path / ".git",
        repo.path / ".git/index",
    )
    monkeypatch.setenv("GIT_DIR", str(repo.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.path / "a"))
    assert Repository.find(repo.path / "a/b").root == repo.path / "a"


def test_the_environment_is_understood_once(
    repo: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Repository.find(repo.path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(tmp_path))
    assert found.head().branch == "refs/heads/main"
    assert found.run("ls-files") == b".gitignore\nparams.yaml\ntrain.py\n"


def test_outside_bare_and_inside_the_git_folder(repo: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        errors.RepositoryError, check=has_code("not-a-repository"), match="Not inside a Git repository"
    ):
        Repository.find(tmp_path)
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    for folder in (tmp_path / "bare.git", repo.path / ".git", repo.path / ".git/refs"):
        with pytest.raises(errors.RepositoryError, check=has_code("bare-repository")):
            Repository.find(folder)


@posix
def test_a_line_break_in_the_path(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "new\nline")
    with pytest.raises(errors.RepositoryError, match="line break"):
        Repository.find(tmp_path / "new\nline")


@posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="files cannot be given away")
def test_a_repository_of_somebody_else(repo: Workspace) -> None:
    for folder in (repo.path, repo.path / ".git"):
        shutil.chown(folder, 12345)
    result = repo.gitexp("save", check=False)
    assert result.exit_code == 1
    message, hint = " ".join(result.stderr.split()).split("hint: ")
    for folder in (repo.path, repo.path / ".git"):
        shutil.chown(folder, os.getuid())
    assert "somebody else owns it" in message
    assert "git config --global --add safe.directory" in hint


@posix
def test_no_git_on_path(repo: Workspace, tmp_path: Path) -> None:
    result = repo.gitexp("show", check=False, env={"PATH": str(tmp_path)})
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: Git is not installed, or not on PATH.\nhint: Install Git 2.30")


@posix
def test_git_that_cannot_be_started(
    found: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.GitFailed, match="git log could not be run: Argument list too long"):
        found.run("log", "x" * 3_000_000)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.RepositoryError, check=has_code("git-missing")):
        found.run("status")


@posix
@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("git version 2.20.1", "Git 2.20.1 is too old for gitexp."),
        ("git version 1.8.3.1", "Git 1.8.3"),
        ("git version 2.29.99.windows.1", "Git 2.29.99"),
    ],
)
def test_an_old_git(repo: Workspace, tmp_path: Path, says: str, told: str) -> None:
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho '{says}'\n")
    fake.chmod(0o755)
    result = repo.gitexp("save", check=False, env={"PATH": f"{fake.parent}:{os.environ['PATH']}"})
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {told}")
    assert "Install Git 2.30 or newer." in result.stderr


# -- reading ---------------------------------------------------------------------------------------------


def test_resolve(repo: Workspace, found: Repository) -> None:
    head = repo.git("rev-parse", "HEAD")
    assert found.resolve("HEAD") == found.resolve(head[:9]) == found.resolve("refs/heads/main") == head
    for nothing in (
        "",
        "nope",
        "HEAD~99",
        "--all",
        "-h",
        "HEAD\n",
        "HEAD\0",
        "a b",
        "HEAD:train.py",
        "@{-1}",
    ):
        assert found.resolve(nothing) is None, nothing
    assert found.resolve("HEAD", "tree") == repo.git("rev-parse", "HEAD^{tree}")


def test_head(repo: Workspace, found: Repository) -> None:
    repo.git("checkout", "-q", "--detach")
    assert found.head().branch is None
    repo.git("checkout", "-q", "--orphan", "fresh")
    with pytest.raises(errors.RepositoryError, check=has_code("no-commits")):
        found.head()


def test_refs_of_every_form(repo: Workspace, found: Repository) -> None:
    head = repo.git("rev-parse", "HEAD")
    message = "subject\n\nbody %00 %(refname)\n\n\nwith \N{SNOWMAN} and ends\n"
    commit = repo.git("commit-tree", "HEAD^{tree}", input=message)
    repo.git("update-ref", "refs/x/a", commit)
    repo.git("update-ref", "refs/x/b/\N{SNOWMAN}", head)
    repo.git("tag", "-a", "-m", "a tag", "tagged")
    assert list(found.refs("refs/x/")) == [
        (commit.encode(), b"refs/x/a"),
        (head.encode(), "refs/x/b/\N{SNOWMAN}".encode()),
    ]
    ((body,),) = found.refs("refs/x/a", fields=("contents:body",))
    assert body == "body %00 %(refname)\n\n\nwith \N{SNOWMAN} and ends\n".encode()
    ((_, name),) = found.refs("refs/x/a", fields=("contents:body", "refname"))
    assert name == b"refs/x/a"
    assert list(found.refs("refs/tags/", fields=("objecttype", "*objectname"))) == [(b"tag", head.encode())]
    assert list(found.refs("refs/none/")) == []


def test_read_blobs(repo: Workspace, found: Repository) -> None:
    repo.write("a b", b"1\n2")
    repo.write("empty", "")
    repo.write("nul", b"\0\n\0")
    repo.write("caf\u00e9", b"missing")
    repo.commit()
    names = ["HEAD:a b", "HEAD:empty", "HEAD:nul", "HEAD:caf\u00e9", "HEAD:none", "none:a b", "HEAD", "HEAD:"]
    assert found.read_blobs(names) == [b"1\n2", b"", b"\0\n\0", b"missing", None, None, None, None]
    assert found.read_blobs(["HEAD:new\nline", "HEAD:empty", "HEAD:empty", ""]) == [None, b"", b"", None]
    assert found.read_blobs([]) == []


def test_files_that_are_read_ahead_are_those_of_git(repo: Workspace, found: Repository) -> None:
    large = "x" * (1 << 20) + "y"
    repo.write("large.txt", large)
    repo.git("add", "large.txt")
    repo.git("commit", "-qm", "more")
    head = found.head().commit
    names = [f"{head}:{path}" for path in ("train.py", "large.txt", "none", "a\nb")]
    expected = found.find_objects(names), found.read_blobs(names)
    assert expected[1][1] == large.encode()
    with found.reading_ahead([*names, f"{'0' * 40}:train.py"]):
        assert (found.find_objects(names), found.read_blobs(names)) == expected
        assert found.read_blobs(["HEAD:train.py"]) == expected[1][:1]
        found.rest()
        away = found.objects.rename(found.git_dir / "away")  # so that Git knows nothing
        assert found.read_blobs(names[:1]) == expected[1][:1]
        away.rename(found.objects)


def test_read_blobs_by_ambiguous_prefix(repo: Workspace, found: Repository) -> None:
    ids: dict[str, str] = {}
    for number in range(2000):
        oid = _blob_id(str(number))
        if oid[:4] in ids:
            break
        ids[oid[:4]] = str(number)
    for text in (str(number), ids[oid[:4]]):
        repo.git("hash-object", "-w", "--stdin", input=text)
    assert found.read_blobs([oid[:4], "HEAD:none", oid]) == [None, None, str(number).encode()]


def _blob_id(text: str) -> str:
    return hashlib.sha1(f"blob {len(text)}\0{text}".encode()).hexdigest()


def test_commit_facts(repo: Workspace, found: Repository) -> None:
    head = repo.git("rev-parse", "HEAD")
    odd = repo.git("commit-tree", "HEAD^{tree}", "-m", "two  spaces\tand größe\n\nbody")
    bare = repo.git("commit-tree", "HEAD^{tree}", input="")
    facts = found.commit_facts([head, odd, "0" * 40, bare])
    assert {facts[head].date} <= {"2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00Z"}  # Git 2.47: Z
    assert facts[odd].subject == "two  spaces\tand größe"
    assert facts[bare].subject == ""
    assert set(facts) == {head, odd, bare}
    assert found.commit_facts([]) == {}


def test_trees(repo: Workspace, found: Repository) -> None:
    repo.write("new\nline", "x")
    tree = found.resolve(repo.commit(), "tree")
    assert tree is not None
    entries = trees.entries(found, tree)
    assert [entry.name for entry in entries] == [b".gitignore", b"new\nline", b"params.yaml", b"train.py"]
    assert found.write_tree(entries) == tree
    sub = found.write_tree([TreeEntry("040000", "tree", tree, b"sub")])
    assert trees.entries(found, sub) == [TreeEntry("040000", "tree", tree, b"sub")]


def test_thousands_of_refs_are_packed_at_once(repo: Workspace, found: Repository) -> None:
    """A loose ref takes a block of the disk: 300,000 names of some server would be a gigabyte."""
    head = found.resolve("HEAD")
    changes = [RefChange(f"refs/gitexp/exps/e{number}", None, head) for number in range(1001)]
    found.update_refs(changes)
    loose = found.common_dir / "refs" / "gitexp" / "exps"
    assert not loose.exists() or not list(loose.iterdir())
    assert len(list(found.refs("refs/gitexp/exps/"))) == 1001
    found.update_refs([RefChange(change.ref, head, None) for change in changes])
    assert not list(found.refs("refs/gitexp/exps/"))


# -- one process for many questions ----------------------------------------------------------------------


def test_the_reader_sees_what_is_made_while_it_lives(repo: Workspace, found: Repository) -> None:
    repo.allow("refs", "refs/x/*")
    first = found.resolve("HEAD")
    assert first is not None
    assert found.resolve("refs/x/a") is None
    repo.write("train.py", "print('new')\n")
    second = repo.commit()
    repo.git("update-ref", "refs/x/a", second)
    assert (found.resolve("HEAD"), found.resolve("refs/x/a")) == (second, second)
    assert found.read_blobs([f"{second}:train.py"]) == [b"print('new')\n"]
    repo.git("repack", "-q", "-a", "-d")
    repo.git("pack-refs", "--all")
    repo.write("train.py", "print('newer')\n")
    third = repo.commit()
    names = [f"{oid}:train.py" for oid in (first, second, third)]
    assert found.read_blobs(names)[1:] == [b"print('new')\n", b"print('newer')\n"]
    assert found.resolve("HEAD") == third


_PATTERNS = ("refs/x", "refs/x/", "refs/x/a", "refs/x/a/", "refs/x/abc", "refs/y/", "refs/x*", "refs/x/b/c")


@pytest.mark.parametrize("packed", [False, True])
def test_refs_are_those_that_git_names(repo: Workspace, found: Repository, packed: bool) -> None:
    repo.allow("refs", "refs/x/*")
    for name in ("a", "b/c", "ab"):
        repo.git("update-ref", f"refs/x/{name}", "HEAD")
    if packed:
        repo.git("pack-refs", "--all", "--prune")
    for pattern in _PATTERNS:
        named = repo.git("for-each-ref", "--format=%(refname)", pattern)
        assert [os.fsdecode(name) for (name,) in found.refs(pattern, fields=("refname",))] == named.split()


def test_refs_that_are_not_there_cost_no_process(found: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "stream", None)
    assert not [*found.refs("refs/exps/", "refs/gitexp/exps/one")]
    assert is_absent(found.common_dir, "refs/exps/")


def test_where_refs_stand_otherwise_git_is_asked(repo: Workspace, found: Repository) -> None:
    with repo.by_user():
        (repo.path / ".git/refs/heads").rename(repo.path / ".git/refs/kept")
        (repo.path / ".git/refs/heads").write_text("this repository uses the reftable format\n")
    assert not is_absent(found.common_dir, "refs/exps/")


def test_a_broken_ref_is_named(repo: Workspace, found: Repository) -> None:
    with repo.by_user():
        (repo.path / ".git/refs/x").mkdir()
        (repo.path / ".git/refs/x/a").touch()
    broken: list[str] = []
    assert not [*found.refs("refs/x/", "refs/y/", broken=broken)]
    assert broken == ["refs/x/a"]


def test_many_refs_are_one_file(repo: Workspace, found: Repository) -> None:
    repo.allow("refs", "refs/x/*")
    head = found.resolve("HEAD")
    for count, left in ((300, 300), (301, 0)):
        lines = "".join(f"update refs/x/{number} {head}\n" for number in range(count))
        repo.git("update-ref", "--stdin", input=lines)
        found.pack_if_many("refs/x/")
        assert len([*repo.path.glob(".git/refs/x/*")]) == left
    assert len([*found.refs("refs/x/")]) == 301
    found.pack_if_many("refs/x/")


def _readers(of: int) -> set[int]:
    """The `git cat-file` processes that a process has started and that live."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, name, rest = re.split(r" \(|\) ", stat.read_text(), maxsplit=2)
            if name == "git" and rest.split()[0] != "Z" and rest.split()[1] == str(of):
                found.add(int(number))
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


@linux
def test_a_reader_ends_with_its_repository_and_after_rest(found: Repository) -> None:
    others = _readers(os.getpid())
    assert found.resolve("HEAD") == found.resolve("HEAD") is not None
    (reader,) = _readers(os.getpid()) - others
    assert Path(f"/proc/{reader}/cwd").readlink() == Path("/")
    found.rest()
    assert _readers(os.getpid()) == others
    assert found.resolve("HEAD") is not None
    found.linked(found.root, found.git_dir).resolve("HEAD")
    assert len(_readers(os.getpid()) - others) == 1
    del found._reader
    assert _readers(os.getpid()) == others


@linux
def test_a_reader_that_is_killed_is_replaced(found: Repository) -> None:
    others = _readers(os.getpid())
    head = found.resolve("HEAD")
    for reader in _readers(os.getpid()) - others:
        os.kill(reader, signal.SIGKILL)
    assert [found.resolve("HEAD") for _ in range(3)] == [head] * 3


@linux
def test_a_fork_has_a_reader_of_its_own(found: Repository) -> None:
    head, before = found.resolve("HEAD"), _readers(os.getpid())
    if (child := os.fork()) == 0:
        alike = found.resolve("HEAD") == head and len(_readers(os.getpid())) == 1
        os._exit(0 if alike else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert found.resolve("HEAD") == head
    assert _readers(os.getpid()) == before


@linux
def test_a_reader_does_not_outlive_a_killed_gitexp(repo: Workspace) -> None:
    script = (
        "import sys, time; from gitexp.repo.git.repository import Repository\n"
        "repo = Repository.find(); repo.resolve('HEAD'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=repo.path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (reader,) = _readers(process.pid)
        process.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{reader}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{reader}").exists()


@posix
def test_an_older_git_answers_each_question_by_itself(
    repo: Workspace, found: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git 2.30 has no `cat-file --batch-command`, and repeats the option of `rev-parse` that it lacks."""
    head, blob = found.resolve("HEAD"), found.read_blobs(["HEAD:train.py"])
    tree = trees.entries(found, f"{head}")
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *--batch-command*) exit 129 ;;\n"
        f'  *--path-format*) {shutil.which("git")} "$@"; status=$?\n'
        "    [ $status = 0 ] && echo --path-format=absolute; exit $status ;;\n"
        f'esac\nexec {shutil.which("git")} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    older = Repository.find(repo.path)
    assert (older.root, older.git_dir, older.index) == (found.root, found.git_dir, found.index)
    for _ in range(2):
        assert (older.resolve("HEAD"), older.read_blobs(["HEAD:train.py"])) == (head, blob)
        assert trees.entries(older, f"{head}") == tree


# -- writing ---------------------------------------------------------------------------------------------


def test_write_blobs(repo: Workspace, found: Repository) -> None:
    repo.git("config", "core.autocrlf", "input")
    names = ["a", "b c"]
    files = [repo.write(name, f"{name}\r\n") for name in names]
    ids = found.write_blobs(files)
    assert found.read_blobs(ids) == [b"a\r\n", b"b c\r\n"]
    assert found.read_blobs([found.write_blob(b"x\r\n"), found.write_blob(b"x\r\n", path="a")]) == [
        b"x\r\n",
        b"x\n",
    ]


_LARGE_FILE = """
import resource
from pathlib import Path
from gitexp.repo.git.repository import Repository

apart = Repository.find().set_apart(Path("apart"))
apart.keep(apart.write_blobs([Path.cwd() / "large"]))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")
def test_a_large_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(100 << 20)
    command = [sys.executable, "-c", _LARGE_FILE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60  # MiB


@posix
def test_write_blobs_with_a_line_break_in_a_name(repo: Workspace, found: Repository) -> None:
    files = [repo.write("new\nline", "1"), repo.write("other", "2")]
    assert found.read_blobs(found.write_blobs(files)) == [b"1", b"2"]


def test_a_ref_moves_only_from_where_it_was_thought_to_be(repo: Workspace, found: Repository) -> None:
    one, two = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD~1")
    repo.allow("refs", "refs/x/*")

    def move(ref: str, old: str | None, new: str | None) -> None:
        found.update_refs([RefChange(ref, old, new)])

    move("refs/x/a", None, one)
    for old in (None, two):
        with pytest.raises(RefConflict):
            move("refs/x/a", old, two)
    move("refs/x/a", one, two)
    for ref, wrong, new in (("refs/x/a", one, None), ("refs/x/none", two, one), ("refs/x/none", two, None)):
        with pytest.raises(RefConflict):
            move(ref, wrong, new)
    assert list(found.refs("refs/x/")) == [(two.encode(), b"refs/x/a")]
    move("refs/x/a", two, None)
    assert list(found.refs("refs/x/")) == []


VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL")
NOBODY = dict.fromkeys(VARIABLES)


@pytest.mark.parametrize(
    ("config", "env", "who"),
    [
        ({}, {}, "gitexp <gitexp@localhost> gitexp <gitexp@localhost>"),
        ({"user.useConfigOnly": "true"}, {}, "gitexp <gitexp@localhost> gitexp <gitexp@localhost>"),
        ({"user.name": "Ann", "user.email": "a@b"}, {}, "Ann <a@b> Ann <a@b>"),
        ({"user.name": "Ann"}, {}, "Ann <gitexp@localhost> Ann <gitexp@localhost>"),
        ({"author.name": "Ann", "user.email": "a@b"}, {}, "Ann <a@b> gitexp <a@b>"),
        ({}, {"GIT_COMMITTER_NAME": "Env"}, "gitexp <gitexp@localhost> Env <gitexp@localhost>"),
        ({"user.name": "", "user.email": ""}, {}, "gitexp <gitexp@localhost> gitexp <gitexp@localhost>"),
    ],
)
def test_identity(repo: Workspace, config: dict[str, str], env: dict[str, str], who: str) -> None:
    for key, value in config.items():
        repo.git("config", key, value)
    result = repo.gitexp("save", "-n", "one", env={**NOBODY, **env})
    assert repo.git("log", "-1", "--format=%an <%ae> %cn <%ce>", "refs/gitexp/exps/one") == who
    assert "warning" not in result.stderr


def test_a_commit_is_utf8_and_unsigned_whatever_is_set(repo: Workspace, found: Repository) -> None:
    for setting in ("i18n.commitEncoding=latin1", "commit.gpgSign=true", "gpg.program=false"):
        repo.git("config", *setting.split("="))
    commit = found.write_commit(repo.git("rev-parse", "HEAD^{tree}"), [], "caf\u00e9 \N{SNOWMAN}\n")
    raw = repo.git("cat-file", "commit", commit)
    assert raw.endswith("\n\ncaf\u00e9 \N{SNOWMAN}")
    assert "encoding" not in raw
    assert "gpgsig" not in raw


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_objects_that_are_written_together(repo: Workspace, tmp_path: Path, kind: str) -> None:
    repo.git("init", "-q", f"--object-format={kind}", str(tmp_path / kind))
    new = Repository.find(tmp_path / kind)
    sizes = [0, 1, 15, 16, 2047, 2048, 300_000, (1 << 20) + 1]
    contents = [os.urandom(size) for size in sizes]
    with new.writing_together():
        blobs = [new.write_blob(content) for content in contents]
        with new.writing_together():
            tree = new.write_tree([TreeEntry("100644", "blob", blobs[-1], b"a")])
            first = new.write_commit(tree, [], "first\n")
        second = new.write_commit(tree, [first], "second\n")
        assert new.read_objects([blobs[0], f"{tree}^{{tree}}"])[0] == ("blob", b"")
        assert trees.entries(new, tree) == [TreeEntry("100644", "blob", blobs[-1], b"a")]
        assert new.call("cat-file", "-e", second)[0] != 0
        new.update_refs([RefChange("refs/x/first", None, first)])
        assert [each is not None for each in new.find_objects([second, tree])] == [True] * 2
        third = new.write_blob(b"last")
    assert new.read_blobs([*blobs, third]) == [*contents, b"last"]
    assert new.run("fsck", "--strict", "--unreachable").count(b"unreachable") == len(sizes) + 1


def test_a_commit_that_is_stored_with_the_next_object(repo: Workspace, found: Repository) -> None:
    tree = found.resolve("HEAD", "tree")
    assert tree is not None
    made = [found.write_commit(tree, [], f"{at}\n", with_next=True) for at in range(3)]
    assert found.call("cat-file", "-e", made[0])[0] != 0
    found.write_blob(b"next")
    assert found.call("cat-file", "-e", made[0])[0] == 0
    asked = found.write_commit(tree, [], "asked\n", with_next=True)
    assert found.resolve(asked, "tree") == tree
    moved = found.write_commit(tree, [], "moved\n", with_next=True)
    found.update_refs([RefChange("refs/gitexp/moved", None, moved)])
    assert repo.git("rev-parse", "refs/gitexp/moved") == moved


def test_nothing_is_written_after_an_error(found: Repository) -> None:
    def fail() -> None:
        with found.writing_together():
            names.append(found.write_blob(b"lost"))
            raise KeyError

    names: list[str] = []
    with pytest.raises(KeyError):
        fail()
    assert found.ids_of(names) == [None]
    assert found.ids_of([found.write_blob(b"kept")]) != [None]


@pytest.mark.parametrize(
    "name", ["Ann", "J. R.", "Ann <b>, Jr.", "  Ann  ", "Zo\u00eb O'Neill", "\u00e9", "'A'"]
)
@pytest.mark.parametrize("date", [None, "2024-02-03T04:05:06+05:30"])
def test_a_commit_is_as_git_makes_it(
    repo: Workspace, name: str, date: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (*VARIABLES, "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.delenv(variable, raising=False)
    if date is not None:
        monkeypatch.setenv("GIT_AUTHOR_DATE", date)
    monkeypatch.setenv("TZ", "XXX+03:30")
    time.tzset()
    repo.git("config", "user.name", name)
    repo.git("config", "user.email", "a@b")
    new = Repository.find(repo.path)
    tree, message = new.resolve("HEAD", "tree"), "one \udcff\n\ntwo"
    assert tree is not None
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: 1700000000.5)
        ours = new.write_commit(tree, [], message)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@1700000000 -0330")
    monkeypatch.setenv("GIT_AUTHOR_DATE", date or "@1700000000 -0330")
    raw = message.encode("utf-8", "surrogateescape")
    theirs = new.run("-c", "i18n.commitEncoding=UTF-8", "commit-tree", tree, stdin=raw).decode().strip()
    for oid in (ours, theirs):
        print(new.run("cat-file", "commit", oid))
    if "," not in name and "." not in name and not name.startswith(("'", " ")):
        assert ours == theirs
    else:  # the names are Git's, and with them the time
        told = [new.run("log", "-1", "--format=%an|%ae|%cn|%ce|%B", oid) for oid in (ours, theirs)]
        assert told[0] == told[1]
    monkeypatch.undo()
    time.tzset()


# -- what Git says when it fails -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("error: x: No space left on device\nfatal: y", errors.DiskFull, "The disk is full"),
        ("fatal: Disk quota exceeded", errors.DiskFull, "The disk is full"),
        (
            "error: insufficient permission for adding an object to x",
            errors.ReadOnlyRepository,
            "insufficient",
        ),
        (
            "fatal: Unable to create '/r/.git/x.lock': Read-only file system",
            errors.ReadOnlyRepository,
            "Unable",
        ),
        ("fatal: Unable to create '/r/.git/x.lock': Permission denied", errors.ReadOnlyRepository, "Unable"),
        ("warning: w\nfatal: bad object HEAD", errors.GitFailed, "missing or damaged: bad object HEAD"),
        ("error: invalid object 100644 6f18 for 'x'\nfatal: y", errors.GitFailed, "missing or damaged"),
        ("fatal: unable to read " + "6f18" * 10, errors.GitFailed, "missing or damaged: unable to read 6f"),
        ("error: object file .git/objects/fd/36 is empty", errors.GitFailed, "missing or damaged"),
        (
            "fatal: cannot lock ref 'r': Unable to create '/r/.git/r.lock': File exists.\n\nAnother git",
            errors.GitFailed,
            "Another Git holds the lock /r/.git/r.lock, or has died over it.",
        ),
        ("hint: only\n", errors.GitFailed, "git log failed: only"),
        ("", errors.GitFailed, "git log failed: exit status 128"),
    ],
)
def test_failures(said: str, kind: type[errors.GitexpError], told: str) -> None:
    error = failures.failure(["-c", "a=b", "log", "x"], 128, said)
    assert type(error) is kind
    assert told in error.message
    assert error.hint


def test_a_failure_that_nobody_foresaw(found: Repository) -> None:
    with pytest.raises(errors.GitFailed, match="git cat-file failed: Not a valid object name none") as failed:
        found.run("cat-file", "-p", "none")
    assert failed.value.status == 128


def test_truth() -> None:
    assert [is_true(value) for value in ("true", "Yes", "on", "1")] == [True] * 4
    assert [is_true(value) for value in (None, "", "false", "input", "0", "no")] == [False] * 6


def test_a_repository_made_by_gitexp(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("1\n")
    made = Repository.create(tmp_path, "start")
    assert git(tmp_path, "log", "--format=%D %s") == "HEAD -> main start"
    assert git(tmp_path, "status", "--porcelain") == ""
    assert made.head() == Repository.find(tmp_path).head()


def test_refs_change_together_or_not_at_all(repo: Workspace) -> None:
    found = Repository.find(repo.path)
    one, two = (repo.git("rev-parse", revision) for revision in ("HEAD", "HEAD~1"))
    made = [RefChange("refs/gitexp/a", None, one), RefChange("refs/gitexp/b", None, one)]
    found.update_refs(made)
    with pytest.raises(RefConflict):
        found.update_refs([RefChange("refs/gitexp/a", one, two), RefChange("refs/gitexp/b", two, one)])
    assert [found.resolve(change.ref) for change in made] == [one, one]
    found.update_refs([RefChange("refs/gitexp/a", one, two), made[1].reversed()])
    assert [found.resolve(change.ref) for change in made] == [two, None]
    with pytest.raises(RefConflict):
        found.update_refs([RefChange("refs/gitexp/a", None, one)])


def test_ids_of_paths(repo: Workspace) -> None:
    found = Repository.find(repo.path)
    names = ["HEAD:params.yaml", "HEAD:nothing", "HEAD:two\nlines", "nowhere:x"]
    blob = repo.git("rev-parse", "HEAD:params.yaml")
    assert found.ids_of(names) == [blob, None, None, None]
    assert found.ids_of([]) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_git_that_is_killed_is_not_said_to_have_failed(
    repo: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Repository.find(repo.path)
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "git"
    fake.write_text("#!/bin/sh\nkill -9 $$\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(errors.GitFailed, match=r"git write-tree was killed by signal 9\.") as caught:
        found.run("write-tree")
    assert caught.value.status == -9


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_lines_are_told_as_they_come(size: int) -> None:
    """However the pipe cuts them up, and however they end; what is drawn over is not kept."""
    text = b"Counting:  1%\rCounting: 99%\rCounting: done.\nssh: no\r\nfatal: end"
    told: list[str] = []
    whole = launch._tell_lines(iter([text[at : at + size] for at in range(0, len(text), size)]), told.append)
    assert told == ["Counting:  1%", "Counting: 99%", "Counting: done.", "ssh: no"]
    assert whole == "Counting: done.\nssh: no\nfatal: end"
