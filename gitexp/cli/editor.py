"""The user's editor, as Git would open it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from gitexp import errors
from gitexp.cli import render

if TYPE_CHECKING:
    from gitexp.ops.project import Project

_COMMENT = "#"


def ask(project: Project, text: str, about: str) -> str:
    """Return what the user makes of `text` in their editor; raises NoTerminal where nobody can answer."""
    if not (render.is_terminal(sys.stdin) and render.is_terminal(sys.stdout)):
        raise errors.NoTerminal("There is no terminal to open an editor in.", "Give the text with -m.")
    # Git runs the words of its editor setting in a shell, so that it may have options.
    editor = project.repo.run("var", "GIT_EDITOR").decode().strip()
    with project.local.scratch() as scratch:
        file = scratch / "EDITMSG"
        file.write_text(f"{text}\n\n{_COMMENT} {about} Lines with {_COMMENT} are left out.\n", "utf-8")
        shell = ["sh", "-c", f'{editor} "$@"', editor, str(file)]
        if (status := subprocess.run(shell, check=False).returncode) != 0:
            raise errors.EditorFailed(
                f"The editor ended with {status}: nothing was changed.", f"It is: {editor}"
            )
        lines = file.read_text("utf-8", "replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith(_COMMENT)).strip()
