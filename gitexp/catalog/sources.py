"""Experiments that another program has stored in the same repository: found by their refs, read only.

Which programs these are stands in `_PREFIXES`; a `Source` of `gitexp.plugins` reads them, and is loaded only
where there are such refs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gitexp import plugins
from gitexp.model import Stored
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository

OWN = "gitexp"  # `Experiment.source` of gitexp's own

_PREFIXES = {"dvc": "refs/exps/"}  # the name of a source -> where its refs are


@dataclass(frozen=True, slots=True)
class ForeignRef:
    """One experiment of another program, as its ref has it; nothing was read yet.

    Attributes:
        name: what the program calls it; unique on one baseline only.
        commit: the id of the commit at the ref.
        baseline: the id of the commit that it was made from.
        source: the name of the program in `gitexp.plugins`.
    """

    name: str
    commit: str
    baseline: str
    source: str


class Source(Protocol):
    """What reads the experiments of one program.

    Attributes:
        title: the program's name as people write it.
    """

    title: str

    def refs(self, found: Sequence[Sequence[bytes]]) -> list[ForeignRef]:
        """The experiments among some refs, in order of baseline and name.

        `found` has the name and the object id of each ref below the source's prefix.
        """

    def read(self, project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
        """The experiments at some refs; a ref without a commit is left out."""


def refs(repo: Repository) -> list[ForeignRef]:
    """All experiments of other programs, unread; where there are none, this costs one look at the refs."""
    found: list[ForeignRef] = []
    for name, prefix in _PREFIXES.items():
        if below := list(repo.refs(prefix, fields=("refname", "objectname"))):
            found += _source(name).refs(below)
    return found


def read(project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
    """The experiments at some refs, as each ref's own source reads them."""
    found: list[Stored] = []
    for name in _PREFIXES:
        if of_source := [ref for ref in refs if ref.source == name]:
            found += _source(name).read(project, of_source)
    return found


def experiments(project: Project) -> list[Stored]:
    """All experiments of other programs."""
    return read(project, refs(project.repo))


def is_own(experiment: Stored) -> bool:
    """Whether gitexp itself has stored an experiment, and so may change it."""
    return experiment.source == OWN


def title(experiment: Stored) -> str:
    """The name, as people write it, of the program that has stored an experiment."""
    return OWN if is_own(experiment) else _source(experiment.source).title


def _source(name: str) -> Source:
    source: Source = plugins.load("source", name)()
    return source
