"""What ran is what an isolated run finds: the bytes on disk, whatever Git's settings and attributes say."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Git for Windows has settings of its own")

FILES = {
    "lf.txt": b"#!/bin/sh\necho one\n",
    "crlf.txt": b"one\r\ntwo\r\n",
    "mixed.txt": b"one\r\ntwo\n",
    "ident.txt": b"$Id$ and $Id: mine $\n",
    "binary.txt": b"\0\r\n\n",
}
LOOK = ("sh", "-c", "sha256sum *.txt params.yaml")


@dataclass(frozen=True)
class Setting:
    """What may convert a file: attributes, and Git's configuration."""

    attributes: str = ""
    config: Mapping[str, str] = field(default_factory=dict)


SETTINGS = {
    "autocrlf=true": Setting(config={"core.autocrlf": "true"}),
    "autocrlf=input": Setting(config={"core.autocrlf": "input"}),
    "text eol=crlf": Setting("* text eol=crlf\n"),
    "text=auto, core.eol=crlf": Setting("* text=auto\n", {"core.eol": "crlf"}),
    "text": Setting("* text\n"),
    "ident": Setting("* ident\n"),
    "smudge": Setting("lf.txt filter=loud\n", {"filter.loud.smudge": "tr a-z A-Z"}),
}


@pytest.mark.parametrize("state", ["untracked", "tracked"])
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_an_isolated_run_has_the_bytes_of_the_disk(repo: Workspace, setting: Setting, state: str) -> None:
    repo.write("sub/.gitattributes", "")
    for name, content in FILES.items() if state == "tracked" else ():
        repo.write(name, content)
    repo.commit()
    for key, value in setting.config.items():
        repo.git("config", key, value)
    repo.write(".git/info/attributes", setting.attributes)
    for name, content in FILES.items() if state == "untracked" else ():
        repo.write(name, content)
    here = log_of(repo, "here", "--", *LOOK)
    assert log_of(repo, "apart", "--temp", "--", *LOOK) == here
    assert log_of(repo, "again", "--from", "here", "--", *LOOK) == here


def test_what_a_filter_takes_away_is_there_for_a_run_beside_the_workspace(repo: Workspace) -> None:
    repo.git("config", "filter.strip.clean", "sed s/secret//")
    repo.write(".gitattributes", "*.txt filter=strip\n")
    repo.write("a.txt", "a secret\n", mode=0o755)
    look = ("--", "sh", "-c", "cat a.txt; test -x a.txt")
    done = repo.gitexp("run", "-n", "one", "--temp", *look)
    assert done.stdout == "a secret\n"
    assert "not byte for byte: a.txt" in done.stderr
    repo.git("config", "filter.strip.clean", "cat")
    repo.git("config", "core.autocrlf", "true")
    repo.write("a.txt", "another\n", mode=0o755)
    assert log_of(repo, "two", "--temp", *look) == "another\n"


def test_an_edit_that_a_filter_takes_away_is_named_and_runs(repo: Workspace) -> None:
    """Git finds the file unchanged, but it is not what a checkout gives."""
    repo.git("config", "filter.strip.clean", "sed s/secret.*//")
    repo.write(".gitattributes", "*.txt filter=strip\n")
    repo.write("a.txt", "public secret 1\n")
    repo.commit()
    for text in ("1", "2"):
        repo.write("a.txt", f"public secret {text}\n")
        assert repo.git("status", "--porcelain", "a.txt") == ""
        for name, option in ((f"here-{text}", "--once"), (f"temp-{text}", "--temp")):
            told = repo.gitexp("run", "-n", name, option, "--", "cat", "a.txt").stderr
            assert "stored as Git's attributes convert it, not byte for byte: a.txt" in told
            assert repo.gitexp("log", name).stdout == f"public secret {text}\n"
            same = name.startswith("temp")
            assert (f"same as here-{text}" in told) == same, told
    repo.write("a.txt", "public \n")
    told = repo.gitexp("run", "-n", "clean", "--once", "--", "cat", "a.txt").stderr
    assert "Git's attributes" not in told
    assert repo.gitexp("log", "clean").stdout == "public \n"


def test_line_ends_that_plain_git_changes_are_named(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.write("mixed.txt", "a\r\nb\n")
    done = repo.gitexp("save", "-n", "one")
    assert "stored byte for byte, but a plain git checkout converts it: mixed.txt" in done.stderr
    assert repo.git("show", "refs/gitexp/exps/one:mixed.txt") == "a\r\nb"


def test_a_setting_that_changes_later_changes_nothing(repo: Workspace) -> None:
    repo.write("crlf.txt", FILES["crlf.txt"])
    repo.write("lf.txt", FILES["lf.txt"])
    look = ("sh", "-c", "sha256sum lf.txt crlf.txt")
    plain = log_of(repo, "plain", "--", *look)
    repo.git("config", "core.autocrlf", "true")
    converted = log_of(repo, "converted", "--", *look)
    for number, value in enumerate(("true", "input", "false")):
        repo.git("config", "core.autocrlf", value)
        assert log_of(repo, f"p{number}", "--from", "plain", "--", *look) == plain
        assert log_of(repo, f"c{number}", "--from", "converted", "--", *look) == converted


def test_what_a_run_does_to_line_ends_is_gone_for_the_next(repo: Workspace) -> None:
    repo.write(".gitattributes", "*.txt text\n")
    repo.write("a.txt", "one\n")
    repo.commit()
    repo.gitexp("run", "-q", "--temp", "--", "sh", "-c", r"printf 'one\r\n' > a.txt")
    assert log_of(repo, "next", "--temp", "--", "od", "-An", "-c", "a.txt").split() == [*"one", r"\n"]


def test_other_attributes_hold_for_files_that_stay(repo: Workspace) -> None:
    """A worktree is used again: Git itself leaves a file alone if its blob is the same."""
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    repo.write("a.txt", "one\r\n")
    repo.commit()
    seen = ("--", "od", "-An", "-c", "a.txt")
    assert log_of(repo, "one", "--temp", *seen).split() == [*"one", r"\r", r"\n"]
    repo.write(".gitattributes", "*.txt text eol=lf\n")
    repo.write("a.txt", "one\n")
    assert log_of(repo, "two", "--temp", *seen).split() == [*"one", r"\n"]


def test_results_of_an_isolated_run_are_exact(repo: Workspace) -> None:
    repo.write("gitexp.yaml", "outs: [out]\n")
    repo.commit()
    repo.git("config", "core.autocrlf", "true")
    repo.gitexp("run", "-q", "-n", "one", "--temp", "--", "sh", "-c", r"mkdir out; printf 'a\nb\n' > out/lf")
    assert log_of(repo, "two", "--from", "one", "--", "od", "-An", "-c", "out/lf").split() == [
        *("a", r"\n", "b", r"\n")
    ]


def test_params_that_an_option_changes_are_exact(repo: Workspace) -> None:
    repo.git("config", "core.autocrlf", "true")
    changed = ("-S", "train.lr=0.7", "--", "od", "-An", "-c", "params.yaml")
    assert r"\r" not in log_of(repo, "one", "--temp", *changed)


def test_a_note_that_is_damaged_converts_as_the_user_has_set(repo: Workspace) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.write("lf.txt", "one\n")
    repo.gitexp("run", "-q", "-n", "one", "--", "true")
    blob = repo.git("rev-parse", "refs/gitexp/exps/one:.gitexp/run/checkout.json")
    content = repo.git("cat-file", "blob", blob)
    assert '"exact":["' in content
    odd = '{"settings":{"core.fsmonitor":"x","core.eol":7},"exact":[1,"../x"]}'
    for bad in ("", "[]", "[" * 100_000, odd):
        change_note(repo, bad)
        assert "lf.txt" in log_of(repo, "", "--from", "one", "--", "ls")


def change_note(repo: Workspace, text: str) -> None:
    """Has the note of the experiment `one` say something else."""
    blob = repo.git("hash-object", "-w", "--stdin", input=text)
    ref = "refs/gitexp/exps/one"
    run = repo.git("mktree", input=f"100644 blob {blob}\tcheckout.json\n")
    folder = repo.git("mktree", input=f"040000 tree {run}\trun\n")
    entries = repo.git("ls-tree", ref).splitlines()
    others = [line for line in entries if not line.endswith("\t.gitexp")]
    tree = repo.git("mktree", input="\n".join([*others, f"040000 tree {folder}\t.gitexp"]) + "\n")
    message = repo.git("log", "-1", "--format=%B", ref)
    commit = repo.git("commit-tree", tree, "-p", f"{ref}^", input=message + "\n")
    with repo.by_user():
        repo.git("update-ref", ref, commit)


def log_of(repo: Workspace, name: str, *args: str) -> str:
    """The output of a run with these arguments."""
    named = ("-n", name) if name else ()
    return repo.gitexp("run", "-q", *named, *args).stdout
