"""The files of a run of Weights & Biases, in `files/` of its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.file_formats.protobuf import Message
from gitexp.extras.integrations.file_formats.wandb_fields import (
    ABOUT_FILE,
    CODE_FOLDER,
    OWN_FILES,
    AboutField,
    GitField,
)
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Content


def user_files(top: Path) -> tuple[dict[str, Content], list[str]]:
    """The files logged by the run, by name, and a sentence for each one left out.

    `wandb.save` leaves links to files of the project; a link to anywhere else is not followed.
    """
    found: dict[str, Content] = {}
    left = []
    project = top.parent.parent.parent.resolve()  # the folder with the folder wandb
    for path in folder_files.files_below(top):
        name, real = path.relative_to(top).as_posix(), Path(os.path.realpath(path))
        if name in OWN_FILES or name.startswith(CODE_FOLDER):
            continue
        if real.is_dir():
            left.append(f"a link to a folder is not followed: {name}")
        elif not folder_files.is_there(real):
            left.append(f"a file is gone: {name}")
        elif path.is_symlink() and not real.is_relative_to(project):
            left.append(f"a link to outside is not followed: {name}")
        else:
            found[name] = real
    return found, left


def code(top: Path, left: list[str]) -> dict[str, Content]:
    """The files of code kept by wandb, by path; adds a sentence on links to `left`."""
    return dict(folder_files.plain_files(top / CODE_FOLDER, left))


def about(top: Path, said: list[Message], left: list[str]) -> dict[str, str]:
    """Program, machine and commit: from records, else from the `wandb-metadata.json` of older versions.

    Adds a sentence to `left` if that file has nonsense.
    """
    found: dict[str, str] = {}
    for message in said:
        _add(found, "platform", message.text(AboutField.PLATFORM))
        _add(found, "python", message.text(AboutField.PYTHON))
        program = message.text(AboutField.CODE_PATH) or message.text(AboutField.PROGRAM)
        _add(found, "command", " ".join([program, *message.texts(AboutField.WORDS)]).strip())
        _add(found, "host", message.text(AboutField.HOST))
        _add(found, "user", message.text(AboutField.USER))
        _add(found, "commit", message.message(AboutField.GIT).text(GitField.COMMIT))
    if not said:
        _add_older(found, top / ABOUT_FILE, left)
    if "python" in found:
        found["python"] = found["python"].removeprefix("CPython ")
    if "command" in found:
        found["command"] = f"python {found['command']}"
    return found


def _add_older(found: dict[str, str], file: Path, left: list[str]) -> None:
    try:
        older = json.loads(folder_files.content(file) or b"{}")
    except (ValueError, RecursionError):
        left.append(f"not imported, no JSON: {file.name}")
        return
    if not isinstance(older, dict):
        return
    words = [older.get("program") or ""]
    if isinstance(older.get("args"), list):
        words += older["args"]
    for key, name in (("platform", "os"), ("python", "python"), ("host", "host"), ("user", "username")):
        _add(found, key, older.get(name))
    _add(found, "command", " ".join(map(str, words)).strip())
    if isinstance(older.get("git"), dict):
        _add(found, "commit", older["git"].get("commit"))


def _add(found: dict[str, str], key: str, value: Any) -> None:
    if isinstance(value, str) and value:
        found[key] = value
