"""Versions of models: their order by semver.org, and the next one."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from gitexp import errors
from gitexp.regex import regex
from gitexp.repo import model_tags

FIRST = "v0.0.1"  # as in GTO

_VERSION = regex(model_tags.VERSION)

VersionOrder: TypeAlias = tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...], str]


class Bump(StrEnum):
    """The part of a version to be counted up."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


def parse(text: str) -> str:
    """The version of a text, with or without its `v`. Raises UsageError."""
    version = f"v{text.removeprefix('v')}"
    if len(version) > 100 or _VERSION.fullmatch(version) is None:
        raise errors.UsageError(
            f"'{text}' is not a version.", "Such as 1.2.0, or 2.0.0-rc.1: see semver.org."
        )
    return version


def is_version(text: str) -> bool:
    """Whether a text is a version with its `v`."""
    return _VERSION.fullmatch(text) is not None


def order(version: str) -> VersionOrder:
    """The key of a version, to sort by: lower versions have lower keys. Commits come before all versions."""
    if not is_version(version):
        return ((-1, -1, -1), 0, (), version)
    core, build = version.removeprefix("v").partition("+")[::2]
    numbers, _, before = core.partition("-")
    major, minor, patch = numbers.split(".")
    parts = []
    for part in before.split(".") if before else ():
        if part.isdigit():
            parts.append((0, int(part), ""))
        else:
            parts.append((1, 0, part))
    return ((int(major), int(minor), int(patch)), int(not before), tuple(parts), build)


def following(version: str, bump: Bump) -> str:
    """The next version. After a pre-release comes its release, unless a larger step is wanted."""
    core = version.removeprefix("v").partition("+")[0]
    numbers, _, before = core.partition("-")
    major, minor, patch = map(int, numbers.split("."))
    if before and (bump is Bump.PATCH or (bump is Bump.MINOR and not patch) or (minor, patch) == (0, 0)):
        return f"v{numbers}"
    if bump is Bump.MAJOR:
        return f"v{major + 1}.0.0"
    if bump is Bump.MINOR:
        return f"v{major}.{minor + 1}.0"
    return f"v{major}.{minor}.{patch + 1}"
