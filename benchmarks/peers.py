"""DVC in a virtual environment of its own, at the one version that the tests and the results name.

`python -m benchmarks.peers` installs it, as `make test` and the benchmarks do by themselves.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

DVC_VERSION = "3.67.1"

_HOME = Path(__file__).parent.parent / ".bench" / f"dvc-{DVC_VERSION}"
_PROGRAMS = _HOME / ("Scripts" if sys.platform == "win32" else "bin")
_COMPLETE = _HOME / ".complete"  # made last: an installation that was interrupted is begun again


def installed() -> Path | None:
    """The `dvc` program, or None where `install` has not been run."""
    return _PROGRAMS / "dvc" if _COMPLETE.exists() else None


def install() -> Path:
    """The `dvc` program, installed from the package index if it is not there yet: about a minute."""
    program = installed()
    if program is not None:
        return program
    print(f"installing DVC {DVC_VERSION} …", file=sys.stderr)
    shutil.rmtree(_HOME, ignore_errors=True)
    venv.create(_HOME, with_pip=True)
    program, pip = _PROGRAMS / "dvc", [_PROGRAMS / "python", "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", f"dvc=={DVC_VERSION}"], check=True)
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if said != DVC_VERSION:
        raise RuntimeError(f"{program} says that it is DVC {said}, not {DVC_VERSION}")
    _COMPLETE.touch()
    return program


if __name__ == "__main__":
    install()
