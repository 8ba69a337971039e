"""uv as a program: the one module that starts it."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.masks import without_credentials

_TOLD = 6  # lines of uv's own words in an error
_LONGEST = 500  # characters of them
_OFFLINE = (
    "dns error",
    "failed to lookup",
    "network is unreachable",
    "connection refused",
    "error sending request",
)


def find() -> Path:
    """The path of the program. Raises ExperimentError without uv."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        package = importlib.import_module("uv")  # only says where the program is
        return Path(package.find_uv_bin())
    found = shutil.which("uv") or shutil.which("uv", path=_usual())
    if found is None:
        raise errors.ExperimentError(
            "An environment is built by uv, and uv is not here.",
            "Install it: pip install 'gitexp[reproduce]'. With --here the present interpreter is used.",
            code="no-environment",
        )
    return Path(found)


def _usual() -> str:
    """The folders of uv's own installer, as a search path: PATH may lack them without a login shell."""
    return os.pathsep.join(str(Path.home() / folder) for folder in (".local/bin", ".cargo/bin"))


def run(program: Path, words: Sequence[str], cwd: Path, env: Mapping[str, str], what: str) -> None:
    """Run uv in a folder; `what`: the thing to build, for people. Raises ExperimentError with uv's words."""
    done = subprocess.run(
        [program, *words],
        cwd=cwd,
        env={**os.environ, **env, "UV_NO_PROGRESS": "1", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return
    text = without_credentials(done.stderr.decode("utf-8", "replace")).strip()
    told = " ".join(" ".join(text.splitlines()[:_TOLD]).split())[:_LONGEST]
    hint = "With --here the present interpreter is used."
    if any(word in text.lower() for word in _OFFLINE):
        hint = f"uv needs the network, or these packages in its cache. {hint}"
    raise errors.ExperimentError(f"uv cannot build {what}: {told}", hint, code="no-environment")
