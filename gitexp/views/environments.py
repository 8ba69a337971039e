"""The packages that runs had, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.model import MISSING, Change, Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.values import in_commit

_FILE = f"{RUN_FOLDER}/environment.txt"
_PYTHON = "# python "


def packages_of(project: Project, experiments: Sequence[Experiment]) -> list[dict[str, str]]:
    """The versions of the packages and of Python of each run, by name; {} for a run without a list."""
    places: list[str] = []
    for one in experiments:
        places += in_commit(one.id, [_FILE])
    found = []
    for content in project.repo.read_blobs(places):
        text = content or b""
        found.append(_packages(text.decode("utf-8", "replace")))
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The changed packages, and Python; none without a list of both sides."""
    if not before or not after:
        return []
    found = []
    for name in sorted({*before, *after}):
        there, here = before.get(name, MISSING), after.get(name, MISSING)
        if there != here:
            found.append(Change(name, there, here))
    return found


def circumstances(project: Project, one: Experiment, other: Experiment) -> list[Change]:
    """What differs of two runs beside their code: the machine, Python, and the packages."""
    found = []
    for key in ("platform", "cpus", "gpus"):
        old, new = getattr(one.record, key), getattr(other.record, key)
        if old != new:
            found.append(Change(key, _text(old), _text(new)))
    before, after = packages_of(project, [one, other])
    return [*found, *changes(before, after)]


def _text(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


def _packages(text: str) -> dict[str, str]:
    packages = {}
    for line in text.splitlines():
        if line.startswith(_PYTHON):
            packages["python"] = line.removeprefix(_PYTHON).strip()
        elif not line.startswith("#") and "==" in line:
            name, _, version = line.partition("==")
            packages[name.strip()] = version.strip()
    return packages
