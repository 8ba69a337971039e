"""`gitexp note`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.history import edit
from gitexp.project.project import Project
from gitexp.words import show_value

_ECHOED = 200  # characters of a note, to know it again
_COMMENT = "#"

EPILOG = """Examples:
gitexp note exp-333c9 -m "best so far; try with more data"
gitexp note exp-333c9
"""


Text = Annotated[str | None, options.note("The note; empty takes it away. Default: an editor.")]


def note(
    exp: options.OwnExp,
    text: Text = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write a note on an experiment, in place of the one it has.

    Without -m your editor opens with the present note: GIT_EDITOR, core.editor, VISUAL or EDITOR.
    core.editor counts in your own settings (git config --global), and not in those of a repository.
    """
    project = open_project(dry_run=dry_run)
    if text is None:
        found = lookup.require_own(project, exp)
        text = ask(project, found.record.note, f"The note on {found.name}.")
    experiment = edit.note(project, exp, text)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        if said := show_value(experiment.record.note, longest=_ECHOED):
            render.say(f"{experiment.name} has the note: {said}")
        else:
            render.say(f"{experiment.name} has no note now.")


register = registration(note, EPILOG)


def ask(project: Project, text: str, about: str) -> str:
    """The text after the user's edit. Raises UsageError without a terminal for the editor."""
    if not (render.is_terminal(sys.stdin) and render.is_terminal(sys.stdout)):
        raise errors.UsageError(
            "There is no terminal to open an editor in.", "Give the text with -m.", code="no-terminal"
        )
    # Git runs the words of its editor setting in a shell, so that it may have options.
    editor = _editor(project)
    with project.local.scratch() as scratch:
        file = scratch / "EDITMSG"
        file.write_text(f"{text}\n\n{_COMMENT} {about} Lines with {_COMMENT} are left out.\n", "utf-8")
        shell = ["sh", "-c", f'{editor} "$@"', editor, str(file)]
        if (status := subprocess.run(shell, check=False).returncode) != 0:
            raise errors.GitexpError(
                f"The editor ended with {status}: nothing was changed.",
                f"It is: {editor}",
                code="editor-failed",
            )
        lines = file.read_text("utf-8", "replace").split("\n")
    return "\n".join(line for line in lines if not line.startswith(_COMMENT)).strip()


def _editor(project: Project) -> str:
    """The user's editor, in Git's order. A repository's own core.editor may be a stranger's program."""
    for found in (
        os.environ.get("GIT_EDITOR"),
        project.repo.users_setting("core.editor"),
        os.environ.get("VISUAL"),
        os.environ.get("EDITOR"),
    ):
        if found:
            return found
    return "vi"
