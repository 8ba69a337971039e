"""What somebody else may put into a repository: programs that must not run, odd objects, odd refs.

A program is one and the same script, the canary's cage: whoever runs it leaves a line in a file outside
the repository. `Lair` arms it; `triggers` are Git's own commands that would run it, so that a trap that
would catch nobody is found out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import unicodedata
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gitexp.repo.experiments import PREFIX
from tests.support.workspace import Result, Workspace

# The template's own hooks are not there: these are all that Git knows (githooks(5)).
HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
    *("prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge"),
    *("pre-push", "pre-receive", "update", "proc-receive", "post-receive", "post-update"),
    *("reference-transaction", "push-to-checkout", "pre-auto-gc", "post-rewrite", "sendemail-validate"),
    *("fsmonitor-watchman", "post-index-change", "p4-changelist", "p4-pre-submit"),
)

_PERSONS = "author A <a> 0 +0000\ncommitter A <a> 0 +0000\n"


class Lair:
    """A repository that is being made hostile; everything done here is its maker's doing."""

    def __init__(self, repo: Workspace, outside: Path) -> None:
        self.repo = repo
        self.path = repo.path
        self.outside = outside
        self.bitten = outside / "bitten"
        self.bite = outside / "bite"
        if not self.bite.exists():
            self.bite.write_text(f'#!/bin/sh\necho "$0 $*" >> {shlex.quote(str(self.bitten))}\nexit 1\n')
            self.bite.chmod(0o755)

    @cached_property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @cached_property
    def head_tree(self) -> str:
        return self.git("rev-parse", "HEAD^{tree}")

    # -- programs -----------------------------------------------------------------------------------

    def config(self, **settings: str) -> None:
        """Sets Git configuration; in a key `__` stands for a dot and `_` for a dash."""
        for key, value in settings.items():
            self.git("config", key.replace("__", ".").replace("_", "-"), value)

    def program(self, name: str) -> Path:
        """Puts the script into the worktree, under some name."""
        file = self.file(name, self.bite.read_bytes())
        file.chmod(0o755)
        return file

    # -- files and objects --------------------------------------------------------------------------

    def file(self, name: str, content: str | bytes = "") -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def link(self, name: str, target: str | Path) -> None:
        file = self.path / name
        file.unlink(missing_ok=True)
        file.symlink_to(target)

    def git(self, *args: str, input: bytes | None = None) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, input=input, capture_output=True, check=True)
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def object(self, kind: str, data: bytes) -> str:
        """Stores an object unchecked and returns its id."""
        # By hand: a process for each of a few hundred would be felt.
        whole = f"{kind} {len(data)}\0".encode() + data
        oid = hashlib.sha1(whole).hexdigest()
        file = self.path / ".git" / "objects" / oid[:2] / oid[2:]
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(zlib.compress(whole, 1))
        return oid

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """Stores a tree of (mode, name, id), which may be what Git would never write."""
        lines = (f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries)
        return self.object("tree", b"".join(lines))

    def blob(self, data: bytes = b"evil\n") -> str:
        return self.object("blob", data)

    def commit(self, tree: str, message: bytes, *parents: str) -> str:
        lines = "".join(f"parent {parent}\n" for parent in parents)
        return self.object("commit", f"tree {tree}\n{lines}{_PERSONS}\n".encode() + message)

    def ref(self, name: str, oid: str) -> None:
        file = self.path / ".git" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(oid + "\n")

    def record(self, name: str, text: str | bytes | None = None, *, tree: str = "", **fields: Any) -> None:
        """Stores an experiment with a record of that text, or of those fields over a valid one's."""
        head = self.head
        tree = tree or self.head_tree
        commit = self.commit(tree, b"code\n", head)
        valid = {"format": 1, "name": name, "status": "done", "commit": commit, "baseline": head}
        if text is None:
            text = json.dumps({**valid, "created": "2024-01-01T10:00:00.000Z", **fields})
        body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        oid = self.commit(tree, b"subject\n\n" + body + b"\n", commit)
        self.ref(PREFIX + name, oid)

    # -- what became of it --------------------------------------------------------------------------

    def bites(self) -> str:
        """What ran the script since the last look, "" if nothing did."""
        if not self.bitten.exists():
            return ""
        text = self.bitten.read_text("utf-8", "replace")
        self.bitten.unlink()
        return text

    def is_triggered_by(self, command: str) -> bool:
        """Whether a command of the shell, Git's own say, springs the trap."""
        env = {**os.environ, "GIT_ASKPASS": "", "GIT_TERMINAL_PROMPT": "0"}
        subprocess.run(["sh", "-c", command], cwd=self.path, env=env, capture_output=True, check=False)
        return bool(self.bites())


def unfit_for_screens(text: str) -> set[str]:
    """The characters in a text that may not reach a screen: controls, directions, invisible ones."""
    return {
        f"U+{ord(char):04X}"
        for char in text
        if not char.isprintable() and char not in "\n\t" and unicodedata.category(char) != "Zs"
    }


def check_answer(done: Result, told: str) -> None:
    """An answer or one sentence: never a traceback, a bug, or an escape sequence."""
    text = done.stdout + done.stderr
    assert done.exit_code in (0, 1), f"{told}\n{text[:3000]}"
    assert "Traceback" not in text, f"{told}\n{text[:3000]}"
    assert "Unexpected:" not in text, f"{told}\n{text[:3000]}"
    assert not unfit_for_screens(text), f"{told}: {unfit_for_screens(text)}\n{text[:1000]!r}"
    assert done.exit_code == 0 or done.stderr or '"error"' in done.stdout, f"{told}: no word of why"


def completion(line: str) -> Mapping[str, str]:
    """The environment in which the shell asks for what goes on so."""
    words = line.split(" ")
    return {
        "_GITEXP_COMPLETE": "complete_bash",
        "COMP_WORDS": line.rstrip(" "),
        "COMP_CWORD": str(len(words) - 1),
    }
