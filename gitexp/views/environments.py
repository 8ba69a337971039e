"""The packages that runs had, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.model import MISSING, Change, Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git.values import in_commit

_FILE = f"{RUN_FOLDER}/environment.txt"
_PYTHON = "# python "
_MANAGER = "# manager "
_MACHINE = ("cpu", "libc", "driver", "blas")


def packages_of(project: Project, experiments: Sequence[Experiment]) -> list[dict[str, str]]:
    """The versions of the packages and of Python of each run, by name; {} for a run without a list."""
    return list(map(packages_in, texts(project, experiments)))


def texts(project: Project, experiments: Sequence[Experiment]) -> list[str]:
    """The environment.txt of each run; "" for none."""
    places: list[str] = []
    for one in experiments:
        places += in_commit(one.id, [_FILE])
    return [(content or b"").decode("utf-8", "replace") for content in project.repo.read_blobs(places)]


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
    found_texts = texts(project, [one, other])
    before, after = map(facts, found_texts)
    if before and after:
        for key in sorted({*before, *after}):
            old_lines, new_lines = before.get(key), after.get(key)
            if old_lines != new_lines:
                found.append(Change(key, _or_missing(old_lines), _or_missing(new_lines)))
    return [*found, *changes(*map(packages_in, found_texts))]


def facts(text: str) -> dict[str, str]:
    """The facts of an environment.txt about the machine and variables; {} for an old file."""
    if f"\n{_MANAGER}" not in text:
        return {}
    found = dict[str, str]()
    for key, value in lines_of(text):
        if key == "variable":
            key, _, value = value.partition("=")
        elif key == "direct":
            continue
        if key in (*_MACHINE, "manager") or key.isupper():
            if key in found:
                value = f"{found[key]}, {value}"
            found[key] = value
    return found


def lines_of(text: str) -> list[tuple[str, str]]:
    """The lines of an environment.txt without the packages, by their keys."""
    found = []
    for line in text.splitlines():
        if line.startswith("# "):
            key, _, value = line[2:].partition(" ")
            found.append((key, value))
    return found


def _or_missing(value: str | None) -> object:
    if value is None:
        return MISSING
    return value


def _text(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(value)
    return value


def packages_in(text: str) -> dict[str, str]:
    """The version of each package in an environment.txt, and that of Python as `python`."""
    packages = {}
    for line in text.splitlines():
        if line.startswith(_PYTHON):
            packages["python"] = line.removeprefix(_PYTHON).strip()
        elif not line.startswith("#") and "==" in line:
            name, _, version = line.partition("==")
            packages[name.strip()] = version.strip()
    return packages
