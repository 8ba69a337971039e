"""DVC in a virtual environment of its own, at the one version that the results name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

DVC_VERSION = "3.67.1"


def dvc(under: Path) -> Path:
    """The `dvc` program, installed below `under` on first use and asked for its version every time."""
    home = under / f"dvc-{DVC_VERSION}"
    program = home / "bin" / "dvc"
    if not program.exists():
        print(f"installing DVC {DVC_VERSION} …", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        subprocess.run(
            [home / "bin" / "python", "-m", "pip", "install", "--quiet", f"dvc=={DVC_VERSION}"], check=True
        )
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    if said != DVC_VERSION:
        raise RuntimeError(f"{program} says that it is DVC {said}, not {DVC_VERSION}")
    return program
