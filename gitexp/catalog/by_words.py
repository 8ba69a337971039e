"""Words that stand for experiments by their age or by a pattern: `last`, `@{1}`, `exp-*`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from gitexp import errors
from gitexp.catalog import projects, sources
from gitexp.model import Experiment, Stored
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.experiments import newest_first
from gitexp.words import counted

LAST = "last"

_AT = regex(r"@\{(\d{1,9})\}")
_PATTERN = regex(r"[*?\[]")


def is_age(word: str) -> bool:
    """Whether a word counts experiments back from the newest: `last` means `@{0}`.

    An experiment of this name comes before.
    """
    return word == LAST or _AT.fullmatch(word) is not None


def is_pattern(word: str) -> bool:
    """Whether a word has the characters of a pattern; no name of an experiment has them."""
    return _PATTERN.search(word) is not None


def fits(name: str, pattern: str) -> bool:
    """Whether the name of an experiment fits a pattern; capital letters do not count."""
    return fnmatchcase(name.lower(), pattern.lower())


def by_age(project: Project, word: str) -> Stored:
    """The experiment of `last` or `@{N}`; `@{0}` means the newest. Raises UnknownExperiment."""
    found = newest(project)
    match = _AT.fullmatch(word)
    back = int(match[1]) if match else 0
    if back < len(found):
        return found[back]
    if not found:
        raise errors.ExperimentError(
            f"There is no experiment '{word}': there are no experiments here yet.",
            f"The first one: {first_run(project)}",
            code="unknown-experiment",
        )
    raise errors.ExperimentError(
        f"There is no experiment '{word}': there are {counted(len(found), 'experiment')} here.",
        "gitexp list -A names them all, the newest first: that is @{0}.",
        code="unknown-experiment",
    )


def first_run(project: Project) -> str:
    """The command for a first experiment."""
    config = project.config
    if config.command is None and config.pipeline_file is None:
        return "gitexp run -- python train.py"
    return "gitexp run"


def like(project: Project, pattern: str) -> list[Stored]:
    """The experiments whose names fit a pattern, newest first; raises UnknownExperiment for none."""
    found = [one for one in newest(project) if fits(one.name, pattern)]
    if not found:
        raise errors.ExperimentError(
            f"No experiment is called like '{pattern}'.",
            "gitexp list -A names them all.",
            code="unknown-experiment",
        )
    return found


def expanded(project: Project, words: Iterable[str]) -> list[str]:
    """The words, or the one word, with the names of the experiments in place of each pattern."""
    found: dict[str, None] = {}
    for word in [words] if isinstance(words, str) else words:
        if is_pattern(word):
            found.update(dict.fromkeys(map(_word_of, like(project, word))))
        else:
            found[word] = None
    return list(found)


def _word_of(one: Stored) -> str:
    """A word for this experiment alone: DVC's names are unique only within a baseline."""
    if isinstance(one, Experiment) and not sources.is_own(one):
        return one.record.commit
    return one.name


def newest(project: Project) -> Sequence[Stored]:
    """The experiments of the project, the newest first."""
    own = project.store.all()
    every = [*own, *sources.beside(project, own)]
    return newest_first(projects.of_project(project, every))
