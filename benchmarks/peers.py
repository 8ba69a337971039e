"""DVC in a virtual environment of its own, at the one version that the tests and the results name.

What DVC itself depends on has the versions of `constraints-dvc.txt`.

`python -m benchmarks.peers` installs it, as `make test` and the benchmarks do by themselves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

DVC_VERSION = "3.67.1"

_ROOT = Path(__file__).parent.parent
_CONSTRAINTS = _ROOT / "constraints-dvc.txt"
_HOME = _ROOT / ".bench" / f"dvc-{DVC_VERSION}"
_PROGRAMS = _HOME / ("Scripts" if sys.platform == "win32" else "bin")
# Made last: an installation that was interrupted is begun again. It holds the constraints.
_COMPLETE = _HOME / ".complete"


def installed() -> Path | None:
    """The `dvc` program, or None where `install` has not been run."""
    return _PROGRAMS / "dvc" if _COMPLETE.exists() else None


def install() -> Path:
    """The `dvc` program, installed from the package index if it is not there yet: about a minute.

    Where the constraints have changed since, its dependencies are installed anew.
    """
    program = _PROGRAMS / "dvc"
    constraints = _CONSTRAINTS.read_text("utf-8")
    if _COMPLETE.exists():
        if _COMPLETE.read_text("utf-8") == constraints:
            return program
    else:
        shutil.rmtree(_HOME, ignore_errors=True)
        venv.create(_HOME, with_pip=True)
    print(f"installing DVC {DVC_VERSION} …", file=sys.stderr)
    # The name is relative because pip splits this variable at spaces. Newer pips read the second one.
    env = {**os.environ, "PIP_CONSTRAINT": _CONSTRAINTS.name, "PIP_BUILD_CONSTRAINT": _CONSTRAINTS.name}
    pip = [_PROGRAMS / "python", "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", f"dvc=={DVC_VERSION}"], check=True, cwd=_ROOT, env=env)
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if said != DVC_VERSION:
        raise RuntimeError(f"{program} says that it is DVC {said}, not {DVC_VERSION}")
    _COMPLETE.write_text(constraints, "utf-8")
    return program


if __name__ == "__main__":
    install()
