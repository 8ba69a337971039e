"""What is started for a command that is a notebook, found out without starting it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.files import notebook
from gitexp.files.command_words import arguments
from gitexp.named_tuple import NamedTuple
from gitexp.process.programs import locate
from gitexp.project.params import CommandLine

_EXECUTE = (sys.executable, "-P", "-m", "gitexp.extras.integrations.notebook.execute")
_USUAL = ("", "python", "python3")  # names of kernels that only mean: a Python
_HAS_KERNEL = "import importlib.util, sys; sys.exit(importlib.util.find_spec('ipykernel') is None)"


class NotebookProgram(NamedTuple):
    """A program that runs a notebook.

    Attributes:
        line: the program with its arguments.
        python: the Python of the notebook; None for a kernel started by Jupyter.
        warnings: sentences for the record.
    """

    line: tuple[str, ...]
    python: Path | None
    warnings: tuple[str, ...] = ()


def program(command: CommandLine, folder: Path) -> NotebookProgram:
    """The program for a notebook with values for its parameters, seen from the command's folder.

    Raises command-not-found without nbclient, without a Python with ipykernel, and without the kernel of
    another language.
    """
    if find_spec("nbclient") is None:
        raise errors.GitexpError(
            "Notebooks are run by nbclient, which is not installed beside gitexp.",
            "Install it: pip install 'gitexp[notebook]'",
            code="command-not-found",
        )
    words = tuple(arguments.split(command) or ())
    name, language = _kernel(folder / words[0])
    is_known = name not in _USUAL and plugins.load("kernels", "jupyter")(name)
    if is_known:
        return NotebookProgram((*_EXECUTE, f"--kernel={name}", "--", *words), None)
    if language != "python":
        raise errors.GitexpError(
            f"{words[0]} is for the kernel {name}, which is not installed.",
            "These are: jupyter kernelspec list",
            code="command-not-found",
        )
    python = _python(str(folder))
    warnings: tuple[str, ...] = ()
    if name not in _USUAL:
        warnings = (f"the kernel {name} of {words[0]} is not installed: it runs in {python}",)
    return NotebookProgram((*_EXECUTE, f"--python={python}", "--", *words), python, warnings)


def _kernel(file: Path) -> tuple[str, str]:
    """The name and the language of a notebook's kernel."""
    metadata = notebook.read(file.name, file.read_bytes()).get("metadata")
    spec, language = _map(metadata, "kernelspec"), _map(metadata, "language_info")
    name = str(spec.get("name", ""))
    return name, str(spec.get("language") or language.get("name") or "python").lower()


def _map(metadata: Any, key: str) -> dict[str, Any]:
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


@cache
def _python(folder: str) -> Path:
    """The first Python with ipykernel: the active Python, else gitexp's own. Raises command-not-found."""
    asked = list(dict.fromkeys(_pythons(Path(folder))))
    for python in asked:
        answer = subprocess.run(
            [python, "-c", _HAS_KERNEL], cwd=folder, stderr=subprocess.DEVNULL, check=False
        )
        if answer.returncode == 0:
            return python
    raise errors.GitexpError(
        f"A notebook needs ipykernel, and no Python here has it: {', '.join(map(str, asked))}.",
        f"Install it: {asked[0]} -m pip install ipykernel",
        code="command-not-found",
    )


def _pythons(folder: Path) -> Iterator[Path]:
    for name in ("python", "python3"):
        found = locate(name, folder, os.environ)
        if found is not None:
            yield found
    yield Path(sys.executable)
