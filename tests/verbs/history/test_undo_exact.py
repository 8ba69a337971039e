"""apply and undo go by the bytes on disk: no filter, attribute or setting of Git's stands between."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.snapshots import entry_of
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")

LINES = {"lf": b"a\nb\n", "crlf": b"a\r\nb\r\n", "mixed": b"a\r\nb\n", "ident": b"$Id$ $Id: mine $\n"}
# Attributes of Git's for a folder each, and settings for all folders, that an experiment may bring.
ATTRIBUTES = {
    "crlf": "text eol=crlf",
    "lf": "text eol=lf",
    "ident": "ident",
    "filter": "filter=up",
    "failing": "filter=fails",
    "missing": "filter=missing",
    "encoding": "working-tree-encoding=UTF-16",
}
FILTERS = {
    "filter.up.clean": "tr a-z A-Z",
    "filter.up.smudge": "tr a-z A-Z",
    "filter.fails.clean": "false",
    "filter.fails.smudge": "cat",
    "filter.fails.required": "true",
    "filter.missing.clean": "no-such-program",
    "filter.missing.smudge": "cat",
    "filter.missing.required": "true",
}
SETTINGS = {"attributes": {}, "autocrlf": {"core.autocrlf": "true"}, "safecrlf": {"core.safecrlf": "true"}}


def files(repo: Workspace) -> dict[str, tuple[str, bytes]]:
    """Mode and bytes of all files of the workspace."""
    found = [path for path in repo.path.rglob("*") if ".git" not in path.parts and not path.is_dir()]
    return {str(path.relative_to(repo.path)): entry_of(path) for path in found}


@pytest.mark.parametrize("brought", [False, True], ids=["the user's", "brought"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_undo_brings_back_the_bytes(repo: Workspace, settings: Mapping[str, str], brought: bool) -> None:
    """The attributes come with the experiment, or were written by the user before its changes came."""
    attributes = {
        folder: text
        for folder, text in ATTRIBUTES.items()
        # Git could not store files that an encoding does not fit: no experiment brings it.
        if not (brought and folder == "encoding")
    }
    repo.allow("files", "*")
    names = {f"{folder}/{name}.txt": text for folder in (".", *attributes) for name, text in LINES.items()}
    for name, content in names.items():
        repo.write(name, content)
    repo.commit()
    before = files(repo)
    for name, content in names.items():
        repo.write(name, content + b"theirs\n")
    lines = "".join(f"/{folder}/*.txt {text}\n" for folder, text in attributes.items())
    if brought:
        repo.write(".gitattributes", lines)
    repo.gitexp("save", "-q", "-n", "one")
    for name, (_, content) in before.items():
        repo.write(name, content)
    if brought:
        (repo.path / ".gitattributes").unlink()
    else:
        repo.write(".gitattributes", lines)
    for key, value in {**FILTERS, **settings}.items():
        repo.git("config", key, value)
    before = files(repo)
    repo.gitexp("apply", "-q", "one", "--force")
    applied = files(repo)
    assert all(applied[name] != entry for name, entry in before.items() if name.endswith(".txt"))
    for _ in range(2):
        repo.gitexp("undo", "-q")
        assert files(repo) == before
        repo.gitexp("redo", "-q")
        assert files(repo) == applied


def test_attributes_that_come_later_change_nothing(repo: Workspace) -> None:
    repo.write("y.txt", LINES["mixed"])
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("y.txt", LINES["crlf"])
    repo.allow("files", "y.txt")
    repo.gitexp("apply", "-q", "one", "--force")
    assert (repo.path / "y.txt").read_bytes() == LINES["mixed"]
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.git("config", "core.autocrlf", "input")
    repo.gitexp("undo", "-q")
    assert (repo.path / "y.txt").read_bytes() == LINES["crlf"]


def test_line_ends_that_somebody_has_changed_since_are_theirs(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.txt text\n")
    repo.write("a.txt", "one\ntwo\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("a.txt", "mine\n")
    repo.allow("files", "a.txt")
    repo.gitexp("apply", "-q", "one", "--force")
    repo.write("a.txt", "one\r\ntwo\r\n")
    refused = repo.gitexp("undo", check=False)
    assert "unsaved changes in a.txt" in refused.stderr
    assert repo.read("a.txt") == "one\r\ntwo\r\n"
    repo.gitexp("undo", "--force")
    repo.gitexp("redo")
    assert repo.read("a.txt") == "one\r\ntwo\r\n"


def test_hard_links(repo: Workspace) -> None:
    repo.allow("files", "*")
    repo.write("a.txt", "one\n")
    with repo.by_user():
        for name in ("b.txt", "c.txt"):
            os.link(repo.path / "a.txt", repo.path / name)
    repo.commit()
    for name in ("a.txt", "b.txt"):
        with repo.by_user():
            (repo.path / name).unlink()
        repo.write(name, "theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    with repo.by_user():
        for name in ("a.txt", "b.txt"):
            (repo.path / name).unlink()
            os.link(repo.path / "c.txt", repo.path / name)
    repo.gitexp("apply", "one")
    assert [repo.read(name) for name in ("a.txt", "b.txt", "c.txt")] == ["theirs\n", "theirs\n", "one\n"]
    with repo.by_user():
        (repo.path / "b.txt").unlink()
        os.link(repo.path / "a.txt", repo.path / "b.txt")
    repo.gitexp("undo")
    assert [repo.read(name) for name in ("a.txt", "b.txt", "c.txt")] == ["one\n"] * 3


def test_modes_of_folders(repo: Workspace) -> None:
    repo.allow("files", "*")
    repo.write("closed/in/a.txt", "one\n")
    repo.commit()
    with repo.by_user():
        (repo.path / "closed/in/a.txt").unlink()
        (repo.path / "closed/in").rmdir()
        (repo.path / "closed").rmdir()
    repo.gitexp("save", "-q", "-n", "one")
    repo.write("closed/in/a.txt", "one\n")
    for name, mode in (("closed/in", 0o750), ("closed", 0o700)):
        (repo.path / name).chmod(mode)
    repo.gitexp("apply", "-q", "one")
    assert not (repo.path / "closed").exists()
    repo.gitexp("undo", "-q")
    modes = {name: stat.S_IMODE((repo.path / name).stat().st_mode) for name in ("closed", "closed/in")}
    assert modes == {"closed": 0o700, "closed/in": 0o750}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_stays(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n", mode=0o640)
    repo.gitexp("save", "-q", "-n", "one")
    repo.git("checkout", "-q", "train.py")
    with repo.by_user():
        os.chown(repo.path / "train.py", 12345, 54321)
        (repo.path / "train.py").chmod(0o640)
    for command in (("apply", "one"), ("undo",)):
        repo.gitexp(*command)
        of = (repo.path / "train.py").stat()
        assert (of.st_uid, of.st_gid, stat.S_IMODE(of.st_mode)) == (12345, 54321, 0o640)


def test_extended_attributes_of_a_file_stay(repo: Workspace) -> None:
    repo.write("train.py", "theirs\n")
    repo.gitexp("save", "-q", "-n", "one")
    repo.git("checkout", "-q", "train.py")
    set_attribute(repo.path / "train.py")
    for command in (("apply", "one"), ("undo",)):
        repo.gitexp(*command)
        assert os.getxattr(repo.path / "train.py", "user.note") == b"mine"


def set_attribute(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"mine")
    except (OSError, AttributeError):
        pytest.skip("this disk has no extended attributes")


def test_params_that_an_option_changes_keep_owner_and_attributes(repo: Workspace) -> None:
    params = repo.path / "params.yaml"
    with repo.by_user():
        set_attribute(params)
        if os.geteuid() == 0:
            os.chown(params, 12345, 54321)
        params.chmod(0o664)
    before = params.stat()
    repo.writes("params.yaml")
    repo.gitexp("run", "-q", "-S", "train.lr=0.7", "--", "true")
    after = params.stat()
    assert "lr: 0.7 " in params.read_text()
    assert os.getxattr(params, "user.note") == b"mine"
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


@pytest.mark.parametrize("value", ["0.7", "0.123456789", "7"])
def test_params_that_an_option_changes_keep_their_hard_links(
    repo: Workspace, tmp_path: Path, value: str
) -> None:
    with repo.by_user():
        os.link(repo.path / "params.yaml", tmp_path / "link")
    repo.writes("params.yaml")
    repo.gitexp("run", "-q", "-S", f"train.lr={value}", "--", "true")
    assert (repo.path / "params.yaml").samefile(tmp_path / "link")
    assert f"lr: {value} " in repo.read("params.yaml")
