"""Experiments of other programs in the same repository: found by their refs, read only.

`_PREFIXES` names the programs. A `Source` of `gitexp.plugins` reads the experiments of one program; it is
loaded only if the repository has refs of the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gitexp import plugins
from gitexp.model import Experiment, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.git.repository import Repository

OWN = "gitexp"  # `Experiment.source` of gitexp's own

_PREFIXES = {"dvc": "refs/exps/"}  # the name of a source -> the prefix of its refs


class ForeignRef(NamedTuple):
    """The ref of another program's experiment, not read yet.

    Attributes:
        name: the program's name for it; unique on one baseline only.
        commit: the id of the commit at the ref.
        baseline: the id of the commit from which the experiment was made.
        source: the name of the program in `gitexp.plugins`.
    """

    name: str
    commit: str
    baseline: str
    source: str


class Source(Protocol):
    """A reader for the experiments of one program.

    Attributes:
        title: the program's name for people.
    """

    title: str

    def refs(self, found: Sequence[Sequence[bytes]]) -> list[ForeignRef]:
        """The experiments among some refs, in order of baseline and name.

        `found` has the name and the object id of each ref below the source's prefix.
        """

    def read(self, project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
        """The experiments at some refs; a ref without a commit is left out."""


def refs(repo: Repository) -> list[ForeignRef]:
    """The refs of all experiments of other programs; a look at Git's refs is the whole cost."""
    found: list[ForeignRef] = []
    for name, prefix in _PREFIXES.items():
        if below := list(repo.refs(prefix, fields=("refname", "objectname"))):
            found += _source(name).refs(below)
    return found


def read(project: Project, refs: Sequence[ForeignRef]) -> list[Stored]:
    """The experiments at some refs, read by the source of each ref."""
    found: list[Stored] = []
    for name in _PREFIXES:
        if of_source := [ref for ref in refs if ref.source == name]:
            found += _source(name).read(project, of_source)
    return found


def experiments(project: Project) -> list[Stored]:
    """All experiments of other programs."""
    return read(project, refs(project.repo))


def beside(project: Project, own: Sequence[Stored]) -> list[Stored]:
    """The experiments of other programs, without those that are among `own` too.

    `own` are gitexp's experiments: some may be imported from a program, others may be written there.
    """
    imported, commits = set[str](), set[str]()
    for one in own:
        if isinstance(one, Experiment):
            commits.add(one.record.commit)
            if one.record.imported.get("from") in _PREFIXES:
                imported.add(str(one.record.imported.get("id")))
    found = list[Stored]()
    for each in read(project, [ref for ref in refs(project.repo) if ref.commit not in imported]):
        if not (isinstance(each, Experiment) and _written_by(each) in commits):
            found.append(each)
    return found


def _written_by(experiment: Experiment) -> str | None:
    """The commit of the experiment of gitexp's that was written to another program; None for another one."""
    imported = experiment.record.imported
    return str(imported.get("id")) if imported.get("from") == OWN else None


def is_own(experiment: Stored) -> bool:
    """Whether gitexp itself has stored an experiment, and so may change it."""
    return experiment.source == OWN


def title(experiment: Stored) -> str:
    """The name of the program that has stored an experiment, for people."""
    return OWN if is_own(experiment) else _source(experiment.source).title


def _source(name: str) -> Source:
    source: Source = plugins.load("source", name)()
    return source
