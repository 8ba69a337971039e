"""Installs packages by uv, which takes a tenth of pip's time; by pip where uv is not there, or finds less.

`python -m benchmarks.installing constraints.txt --editable '.[dev]'` installs beside this Python, with the
versions of a constraints file.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).parent.parent
# A setting of pip's -> uv's variable for it.
_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def by_uv(python: str | Path, constraints: str, words: Sequence[str]) -> bool:
    """Whether uv has installed packages for an interpreter; `constraints` is a file's name."""
    program = _uv()
    if program is None:
        return False
    command = [program, "pip", "install", "--quiet", "--python", python, "--constraint", constraints]
    command += ["--build-constraint", constraints, *words]
    done = subprocess.run(command, cwd=_ROOT, env={**os.environ, **_settings()}, check=False)
    if done.returncode != 0:
        print("uv could not; installing by pip …", file=sys.stderr)
    return done.returncode == 0


def by_pip(python: str | Path, constraints: str, words: Sequence[str]) -> None:
    """Install packages for an interpreter that has pip. Raises CalledProcessError."""
    # The name is relative because pip splits this variable at spaces. Newer pips read the second one.
    env = {**os.environ, "PIP_CONSTRAINT": constraints, "PIP_BUILD_CONSTRAINT": constraints}
    subprocess.run([python, "-m", "pip", "install", "--quiet", *words], check=True, cwd=_ROOT, env=env)


def _uv() -> str | None:
    """The path of uv, if it is installed."""
    try:
        found: str = importlib.import_module("uv").find_uv_bin()
    except (ImportError, FileNotFoundError):
        return None
    return found


def _settings() -> dict[str, str]:
    """What pip is set to, as uv's variables: uv does not read pip's settings."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip chooses: of all indexes the best
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        variable = _VARIABLES.get(name.rpartition(".")[2])
        if variable is not None:
            words = value.strip("'").replace("\\n", " ").split()
            found[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(words)
    return found


if __name__ == "__main__":
    chosen, *asked = sys.argv[1:]
    if not by_uv(sys.executable, chosen, asked):
        by_pip(sys.executable, chosen, asked)
