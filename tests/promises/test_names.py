"""The names of files are bytes: whatever is in them, and whatever the locale says about them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitexp.objects import paths
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository
from tests.support.snapshots import experiment_commit, on_disk, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")

# What Python's splitlines(), Git's lines, C, shells, YAML or a terminal could take for something else.
SEPARATORS = (
    *("\r", "\n", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x7f", "\x1b[31m"),
    *("\x85", "\u2028", "\u2029", "\xa0", "\udce9", '"', "'", "\\", " ", "%0A", ":", "*", "#", "!"),
)
NAMES = [name for each in SEPARATORS for name in (f"a{each}b", f"end{each}", f"{each}start")]
LOCALES: tuple[Mapping[str, str], ...] = (
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0"},
    {"LC_ALL": "C", "PYTHONUTF8": "1"},
    {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
)


@pytest.fixture
def odd(repo: Workspace) -> Workspace:
    """A workspace with a file of each name, and a folder of each name with such a file."""
    write(repo, "one\n")
    repo.allow("files", "*")
    return repo


def write(repo: Workspace, content: str) -> None:
    with repo.by_user():
        for name in NAMES:
            for folder in (repo.path / "top", repo.path / "top" / f"d{name}"):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(content)


def test_save_apply_and_undo(odd: Workspace) -> None:
    odd.gitexp("save", "-q", "-n", "one")
    before = on_disk(odd.path)
    assert stored(odd, experiment_commit(odd, "one")) == before
    write(odd, "two\n")
    now = on_disk(odd.path)
    odd.gitexp("diff", "one")
    odd.gitexp("save", "-q", "-n", "two")
    odd.gitexp("apply", "-q", "one")
    assert on_disk(odd.path) == before
    odd.gitexp("undo", "-q")
    assert on_disk(odd.path) == now
    for name in ("one", "two"):
        odd.gitexp("show", name)


def test_isolated_runs(odd: Workspace) -> None:
    count = ("sh", "-c", "find top -type f -print0 | tr -dc '\\0' | wc -c")
    for args in (("-n", "one", "--temp"), ("--from", "one")):
        assert odd.gitexp("run", "-q", *args, "--", *count).stdout.strip() == str(2 * len(NAMES))


def test_results_and_converted_files(odd: Workspace) -> None:
    """Names that Git is asked about one by one: results, and files that Git converts."""
    odd.write("gitexp.yaml", "outs: [out]\n")
    odd.write(".gitattributes", "top/** text eol=crlf\n")
    odd.gitexp("run", "-q", "-n", "one", "--", "sh", "-c", "cp -r top out")
    kept = stored(odd, experiment_commit(odd, "one"), raw=True)
    assert len([name for name in kept if name.startswith("out/")]) == 2 * len(NAMES)
    assert {content for name, (_, content) in kept.items() if name.startswith("top/")} == {b"one\n"}


def test_data(repo: Workspace) -> None:
    repo.allow("files", "*")
    names = [name for name in NAMES if paths.fault(name) is None]
    assert len(names) > len(NAMES) / 2
    with repo.by_user():
        (repo.path / "data").mkdir()
        for name in names:
            (repo.path / "data" / name).write_text(name.encode("utf-8", "surrogateescape").hex())
    before = on_disk(repo.path / "data")
    repo.gitexp("add", "-q", "data")
    with repo.by_user():
        for name in names:
            (repo.path / "data" / name).unlink()
    repo.gitexp("checkout", "-q")
    assert on_disk(repo.path / "data") == before
    repo.gitexp("fsck")


def test_objects_by_names_that_do_not_fit_into_a_line(repo: Workspace) -> None:
    names = ["a\r", "a\n", "a", '"a"', '"\r', "\\\n"]
    for name in names:
        repo.write(name, f"{name!r}\n")
    commit = repo.commit()
    git = Repository.find(repo.path)
    expected = [f"{name!r}\n".encode() for name in names]
    assert git.read_blobs([f"{commit}:{name}" for name in names]) == expected
    assert git.read_blobs([f"{commit}:{name}" for name in names * 20]) == expected * 20
    assert git.read_blobs([f"{commit}:missing\r", "missing\n", "\n"]) == [None, None, None]
    ids = git.ids_of([f"{commit}:{name}" for name in names])
    assert git.write_blobs([Path(name) for name in names]) == ids


def test_data_named_in_such_a_folder_is_in_use(repo: Workspace) -> None:
    """gc finds each gitexp.lock in Git's list of all paths."""
    folders = ["a\rb", "a\x0bb", "a\u2028b", "a\x85b", "b\r"]
    repo.allow("files", "*")
    for folder in folders:
        repo.write("data", f"of {folder!r}\n")
        repo.gitexp("add", "-q", "data")
        with repo.by_user():
            (repo.path / folder).mkdir()
            (repo.path / "gitexp.lock").rename(repo.path / folder / "gitexp.lock")
            (repo.path / "data").unlink()
    repo.commit()
    repo.git("rm", "-rqf", "--", *folders)
    objects = Project.open(repo.path).local.objects
    before = {file for file in objects.rglob("*") if file.is_file()}
    for file in before:
        os.utime(file, (1e9, 1e9))
    repo.gitexp("gc", "--yes")
    assert {file for file in objects.rglob("*") if file.is_file()} == before
    assert len(before) >= len(folders)


@pytest.mark.parametrize("locale", LOCALES, ids=lambda locale: "-".join(locale.values()))
def test_any_locale(repo: Workspace, locale: Mapping[str, str]) -> None:
    """What one locale stores, another brings back; and each stores the same."""
    repo.allow("files", "*")
    repo.write("gitexp.yaml", "metrics: [mé.json]\n")
    repo.write("mé.json", '{"é": 1}\n')
    for name in ("é", "日", "caf\udce9"):
        repo.write(f"data-é/{name}", f"{name.encode('utf-8', 'surrogateescape')!r}")
    repo.gitexp("add", "-q", "data-é")
    lock = repo.read("gitexp.lock")
    repo.write("gitexp.lock", "")
    repo.gitexp("add", "-q", "data-é", env=locale)
    assert repo.read("gitexp.lock") == lock
    before = on_disk(repo.path / "data-é")
    with repo.by_user():
        for file in (repo.path / "data-é").iterdir():
            file.unlink()
    repo.gitexp("checkout", "-q", env=locale)
    assert on_disk(repo.path / "data-é") == before
    repo.gitexp("save", "-q", "-n", "one", env=locale)
    saved = Project.open(repo.path).store.require("one")
    assert saved.record.metrics == {"mé.json": {"é": 1}}
    assert "mé.json" in stored(repo, experiment_commit(repo, "one"))


def test_the_command_of_a_run_has_the_locale_of_its_user(repo: Workspace) -> None:
    env = dict(LOCALES[0])
    look = "import os, sys; print(sys.flags.utf8_mode, os.environ['LC_ALL'], os.environ['PYTHONUTF8'])"
    done = repo.gitexp("run", "-q", "--", "python", "-c", look, env=env)
    assert done.stdout == "0 C 0\n"
