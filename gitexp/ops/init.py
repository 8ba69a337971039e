"""Look at a project and write down in gitexp.yaml how it is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.config import CONFIG_FILE, USUAL_METRICS, USUAL_PARAMS
from gitexp.repo.git import Repository

_SCRIPTS = (
    *("train.py", "main.py", "run.py", "training.py", "experiment.py"),
    *("src/train.py", "src/main.py", "scripts/train.py", "train.sh", "run.sh"),
)
_SHARED = ("data", "datasets", ".venv", "venv")  # often ignored by Git, and needed by a run


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the project, and the config file that says so."""

    file: Path
    command: str | None
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    share: tuple[str, ...]


def init(here: Path, *, command: str | None = None, force: bool = False) -> Found:
    """Write gitexp.yaml into the folder `here` and return what was found.

    `command` is taken as it is; without it the usual scripts are looked for. Raises UsageError if
    the file is there already, unless `force`; NotARepository outside a repository.
    """
    repo = Repository.find(here)
    file = here / CONFIG_FILE
    if file.exists() and not force:
        raise errors.UsageError(f"{CONFIG_FILE} is here already.", "Edit it, or write it anew with --force.")
    found = Found(
        file=file,
        command=command or _find_command(here),
        params=tuple(name for name in (*USUAL_PARAMS, "params.py") if (here / name).is_file()),
        metrics=tuple(name for name in USUAL_METRICS if (here / name).is_file()) or ("metrics.json",),
        share=_ignored(repo, here),
    )
    try:
        file.write_text(_text(found), "utf-8")
    except OSError as error:
        raise errors.StorageError(
            f"{CONFIG_FILE} could not be written: {error.strerror}.", "Check the folder's permissions."
        ) from error
    return found


def _find_command(here: Path) -> str | None:
    for script in _SCRIPTS:
        if (here / script).is_file():
            return f"python {script}" if script.endswith(".py") else f"sh {script}"
    return None


def _ignored(repo: Repository, here: Path) -> tuple[str, ...]:
    """Return the usual data folders that are here and that Git ignores."""
    there = [name for name in _SHARED if (here / name).is_dir()]
    return tuple(name for name in there if repo.is_ignored(str(here / name)))


def _text(found: Found) -> str:
    """Return the config, each list in YAML's flow form, which JSON's is."""
    lines = ["# How gitexp runs this project; every key is optional (see docs: Configuration)."]
    if found.command:
        lines.append(f"command: {json.dumps(found.command) if ': ' in found.command else found.command}")
    else:
        lines.append("# command: python train.py")
    for key, names in (("params", found.params), ("metrics", found.metrics), ("share", found.share)):
        if names:
            lines.append(f"{key}: [{', '.join(names)}]")
    return "\n".join(lines) + "\n"
