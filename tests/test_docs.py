"""The documentation is true: its commands run, its lists are complete, its generated pages are fresh.

In a ```console block, lines after `$ ` are typed into a terminal, one after the other, in one folder for
the whole page. The lines below are what comes of them, in order: `…` stands for any lines, numbers, ids and
names made of ids may differ, `# exit N` is the exit status to expect (else 0), `^C` is Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gitexp.config
from gitexp import errors, model, version
from gitexp.repo.records import encode
from tests.support.processes import run_with_pty
from tests.support.workspace import Workspace

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_VARYING = (
    (re.compile(r"\bexp-[0-9a-f]{5,}"), "exp-#"),
    (re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]{7,64}\b"), "#"),
    (re.compile(r"[+-]?\b\d+(?:[.:]\d+)*(?:e[+-]?\d+)?\*?"), "#"),
    (re.compile(r"[+-]{4,}"), "++++"),  # the length of git's histograms
    (re.compile(r"\s+"), " "),
)


# -- pages whose commands are run ---------------------------------------------------------------------


@dataclass(frozen=True)
class Command:
    """One command of a page, and what the page shows of it."""

    text: str
    shown: list[str]

    @property
    def exit_code(self) -> int:
        found = re.search(r"# exit (\d+)$", self.text)
        return int(found[1]) if found else 0

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Ctrl-C once the line before it has come, as far as it will be the same everywhere."""
        if "^C" not in self.shown:
            return []
        before = self.shown[self.shown.index("^C") - 1]
        return [(re.split(r"\d+\.\d", before)[0].rstrip(), "\x03")]


def commands_of(page: Path) -> Iterator[Command]:
    for language, block in _FENCE.findall(page.read_text("utf-8")):
        if language != "console":
            continue
        typed: list[Command] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                typed.append(Command(line[2:], []))
            else:
                typed[-1].shown.append(line)
        yield from typed


def play(page: Path, folder: Path) -> None:
    """Types a page's commands in a terminal that starts in `folder`; all must come as it shows."""
    for command in commands_of(page):
        words = shlex.split(command.text, comments=True)
        if words[:1] == ["cd"]:
            folder = folder / words[1]
            continue
        # os.environ and not what this process would hand down: pytest's readline puts a COLUMNS there.
        environment = dict(os.environ)
        ended = run_with_pty(["bash", "-c", command.text], 100, 60, command.keys, cwd=folder, env=environment)
        output = _ESCAPE.sub("", ended.raw.decode("utf-8", "replace")).replace("\r", "").replace("^C", "\n")
        told = f"{page.name}: $ {command.text}\n{output}"
        assert ended.exit_code == command.exit_code, f"exit {ended.exit_code} from {told}"
        wanted = [plain(line) for line in command.shown if line.strip() not in ("", "…", "^C")]
        for line in output.splitlines():
            if wanted and plain(line) == wanted[0]:
                del wanted[0]
        assert not wanted, f"`{wanted[0]}` does not come (in this order) in {told}"


def plain(line: str) -> str:
    """A line without what may differ from one machine to the next."""
    for pattern, same in _VARYING:
        line = pattern.sub(same, line)
    return line.strip()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who tries it now and not on the suite's fixed day, and whose Git shows all at once."""
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_PAGER", "cat")


@pytest.mark.usefixtures("reader")
def test_the_tutorial_runs(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    shutil.copytree(ROOT / "examples", tmp_path / "gitexp" / "examples")
    play(DOCS / "getting-started.md", tmp_path)
