"""What gitexp relies on of each dependency, and that the locked versions are complete.

A test here that fails with a new release names the habit of the dependency that has changed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.peers import DVC_VERSION

ROOT = Path(__file__).parents[2]


# -- constraints.txt ----------------------------------------------------------------------------------


def test_each_dependency_has_a_locked_version_that_fits() -> None:
    locked = _locked("constraints.txt")
    for requirement in _requirements():
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in constraints.txt: make lock"
        for version in versions:
            assert version in requirement.specifier, f"{requirement} excludes {version}: make lock"


def test_the_locked_dvc_is_the_one_that_results_name() -> None:
    assert _locked("constraints-dvc.txt")["dvc"] == [DVC_VERSION]


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-dvc.txt"])
def test_constraints_are_names_and_versions_alone(name: str) -> None:
    """No index, no path: these are the business of whoever installs."""
    for line in _lines(name):
        assert re.fullmatch(r"[a-z0-9-]+==[^\s/:]+( ; [^/:]+)?", line), line


def _requirements() -> Iterator[Requirement]:
    """All that pyproject.toml asks for, gitexp itself left out."""
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = loaded["project"]
    groups = [loaded["build-system"]["requires"], project["dependencies"]]
    groups.extend(project["optional-dependencies"].values())
    for group in groups:
        for text in group:
            requirement = Requirement(text)
            if requirement.name != "gitexp":
                yield requirement


def _lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def _locked(name: str) -> dict[str, list[str]]:
    """The versions of each package; several where they depend on the system or on Python."""
    found: dict[str, list[str]] = {}
    for line in _lines(name):
        package, _, version = line.partition(" ; ")[0].partition("==")
        found.setdefault(package, []).append(version)
    return found
