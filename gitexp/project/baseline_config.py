"""The gitexp.yaml of a commit: for settings that an experiment must not change for itself."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence

from gitexp import errors, files
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import upward
from gitexp.project.config import CONFIG_FILE
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import in_commit

KEYS = ("protected", "holdout")


class BaselineConfig(NamedTuple):
    """What the gitexp.yaml files of a commit say.

    Attributes:
        at: the commit.
        trees: the folder and the content of each file with one of the `KEYS`, the innermost first.
        fault: why a file cannot be read; "" if all can.
    """

    at: str
    trees: Sequence[tuple[str, Tree]] = ()
    fault: str = ""


def read(repo: Repository, commit: str, folder: str, keys: Collection[str] = KEYS) -> BaselineConfig:
    """The gitexp.yaml of a project's folder at a commit, and those of all folders around it.

    So a gitexp.yaml in a new folder below does not take away the words of the others.
    """
    places = [*upward(folder), ""]
    names = [posixpath.join(place, CONFIG_FILE) for place in places]
    found, fault = list[tuple[str, Tree]](), ""
    for place, name, data in zip(places, names, repo.read_blobs(in_commit(commit, names)), strict=True):
        if data is None or not any(key.encode() in data for key in keys):
            continue
        try:
            tree = files.parse(name, data)
        except errors.FileError as error:
            fault = error.message
            continue
        if any(tree.get(key) is not None for key in keys):
            found.append((place, tree))
    return BaselineConfig(commit, found, fault)
