"""Where the notebook of a kernel stands: no kernel knows, but the programs that start kernels say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitexp.regex import regex

VARIABLE = "GITEXP_NOTEBOOK"  # set by whoever knows better

_OF_JUPYTER = "JPY_SESSION_NAME"  # of Jupyter Server: the file, or the file in a wrong folder
_VARIABLES = ("__vsc_ipynb_file__", "__session__")  # among the user's variables: VS Code, IPython
_FILE = regex(r"(.+\.ipynb)(?:-jvsc-.*)?", re.DOTALL)


def notebook_file(variables: Mapping[str, Any], environment: Mapping[str, str]) -> Path | None:
    """The file of the notebook, from the user's variables and the environment; None if unknown."""
    for text in _told(variables, environment):
        match = _FILE.fullmatch(text)
        if match is None:
            continue
        for path in (Path(match[1]), Path(Path(match[1]).name)):
            if path.is_file():
                return path.resolve()
    return None


def _told(variables: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    yield environment.get(VARIABLE, "")
    for name in _VARIABLES:
        yield str(variables.get(name, ""))
    yield environment.get(_OF_JUPYTER, "")
