"""The skill: one page about gitexp, in the folders where coding assistants look for it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from enum import StrEnum
from pathlib import Path

from gitexp import errors
from gitexp.files.limits import read_if_there
from gitexp.named_tuple import NamedTuple
from gitexp.project import whole_file
from gitexp.project.project import Project, inside
from gitexp.regex import regex
from gitexp.version import __version__

NAME = "gitexp"
_FILE = "SKILL.md"
_DESCRIPTION = (
    "Run, compare and keep machine-learning experiments in Git with the command gitexp. Use it to start a "
    "training or an evaluation and keep its result, to try a change and see whether it helps, to find the "
    "best run, to compare two runs, to ask which change made the difference, or to go on from an earlier "
    "run: whenever a repository has experiments (refs/gitexp, gitexp.yaml) or somebody says experiment, "
    "run, sweep, metric, baseline or hyperparameter."
)
# Parts of the guide too long for one page. `gitexp guide` prints them at any time.
_LEFT_OUT = ("COMMANDS", "JSON, BY COMMAND", "ERROR CODES")
_TITLE = regex(r"[A-Z][A-Z, ]+(?=$| \()")
_SEAL = regex(r"^  seal: ([0-9a-f]{16})$", re.M)


class SkillFolder(StrEnum):
    """A folder of a project where assistants look for skills."""

    CLAUDE = "claude"
    AGENTS = "agents"

    @property
    def file(self) -> str:
        """The path of the skill, from the root of the repository."""
        return f".{self}/skills/{NAME}/{_FILE}"


class SkillWrite(NamedTuple):
    """The change of one file.

    Attributes:
        path: the path from the root of the repository.
        text: the new content.
        before: the present content; None for no file.
    """

    path: str
    text: str
    before: bytes | None

    @property
    def is_new(self) -> bool:
        """Whether the file is missing, or has other content."""
        return self.before != self.text.encode()


def text(guide: str) -> str:
    """The skill as Markdown, made from the text of `gitexp guide`.

    The front matter has a seal of the page: by the seal, a page changed by hand is known.
    """
    page = _page(guide)
    front = ["---", f"name: {NAME}", f"description: {json.dumps(_DESCRIPTION)}", "metadata:"]
    front += [f"  version: {__version__}", f"  seal: {_seal(page)}", "---", ""]
    return "\n".join(front) + "\n" + page


def folders_here(root: Path) -> list[SkillFolder]:
    """The skill folders of the assistants with a folder in the repository; claude's without any."""
    found = [each for each in SkillFolder if (root / f".{each}").is_dir()]
    return found or [SkillFolder.CLAUDE]


def plan(project: Project, guide: str, folders: list[SkillFolder], *, force: bool) -> list[SkillWrite]:
    """The files to write.

    Raises StorageError for a file behind a link or unreadable, and for a changed file without `force`.
    """
    told = text(guide)
    found = []
    for each in folders:
        one = SkillWrite(each.file, told, _present(project, each.file))
        if one.before is not None and one.is_new and not force and _is_changed(one.before):
            raise errors.StorageError(
                f"{one.path} has been changed, or is not gitexp's.",
                f"To replace it: gitexp skill install {each} --force",
            )
        found.append(one)
    return found


def _present(project: Project, path: str) -> bytes | None:
    """The present content of a file; None for no file. Raises StorageError."""
    root = project.repo.root.resolve()
    if inside(root, path) != path:
        raise errors.StorageError(
            f"{path} leads out of the repository, or to another place in it.",
            "Put a folder in place of the link.",
        )
    try:
        return read_if_there(root / path)
    except OSError as error:
        raise errors.StorageError(f"{path} cannot be read: {error.strerror}.") from error


def write(project: Project, found: list[SkillWrite]) -> None:
    """Write the files; raises StorageError."""
    root = project.repo.root.resolve()
    for one in found:
        if not one.is_new:
            continue
        try:
            os.makedirs(root / Path(one.path).parent, exist_ok=True)  # noqa: PTH103 - says which part is no folder
        except OSError as error:
            raise errors.StorageError(f"{one.path} cannot be written: {error.strerror}.") from error
        whole_file.write(root, one.path, one.text.encode(), project.local, original=one.before)


def _page(guide: str) -> str:
    """The guide as Markdown: the first paragraphs, and the unchanged lines below each title."""
    blocks = guide.strip("\n").split("\n\n")
    out = [f"# {blocks[0].splitlines()[0]}", ""]
    out += ["`gitexp guide` prints all commands, the JSON of each, and the error codes.", ""]
    out += blocks[1].splitlines()
    for block in blocks[2:]:
        title, _, rest = block.partition("\n")
        if title.startswith(_LEFT_OUT):
            continue
        if _TITLE.match(title) is None:  # a paragraph below the title before
            out += ["", "```text", block, "```"]
            continue
        out += ["", f"## {title.capitalize()}", ""]
        if rest.startswith("- "):
            out.append(rest)
        else:
            out += ["```text", rest, "```"]
    return "\n".join(out) + "\n"


def _seal(page: str) -> str:
    return hashlib.sha256(page.encode()).hexdigest()[:16]


def _is_changed(data: bytes) -> bool:
    """Whether a file differs from the page that some version of gitexp wrote."""
    told = data.decode("utf-8", "replace")
    front, _, page = told.removeprefix("---\n").partition("\n---\n")
    found = _SEAL.search(front)
    return found is None or found[1] != _seal(page.removeprefix("\n"))
