"""Completions for the shell: experiments, branches, stages, columns and keys of params.

Shells put completions into scripts that they evaluate: typer's zsh script breaks out of its quotes at
a backslash before a quote. Names and keys may come from a repository that somebody else made. So only
plain words are offered: no shell can read them as anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gitexp import errors, plugins
from gitexp.catalog import lookup, query
from gitexp.catalog.fields import Use, used_for
from gitexp.files import flatten_files
from gitexp.history import restore
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo import git_remote, model_tags
from gitexp.repo.model_tags import TagAction
from gitexp.views import table as show
from gitexp.views.columns import Column, Columns
from gitexp.words import show_value

_WORD = regex(r"[\w./:@%+,=-][\w./:@%+,=\[\]-]*")


def _in_project(words: Callable[[Project], Iterable[str]]) -> Callable[[str], list[str]]:
    """The completion that offers the words of the project here; outside of a project, no words."""

    def offered(incomplete: str) -> list[str]:
        try:
            return _offered(words(Project.open(any_config=True)), incomplete)
        except errors.GitexpError:
            return []

    return offered


@_in_project
def experiments(project: Project) -> Iterable[str]:
    """The names of all experiments, DVC's among them."""
    return lookup.names(project)


@_in_project
def own_experiments(project: Project) -> Iterable[str]:
    """The names of gitexp's own experiments; only these can be changed."""
    return project.store.names()


@_in_project
def models(project: Project) -> Iterable[str]:
    """The names of registered models, and their versions."""
    found = dict[str, None]()
    for (ref,) in project.repo.refs(model_tags.PREFIX, fields=("refname",)):
        tag = model_tags.of_ref(ref.decode("utf-8", "replace"))
        if tag is not None:
            found[tag.model] = None
            if tag.action is TagAction.REGISTER:
                found[f"{tag.model}@{tag.version}"] = None
    return found


@_in_project
def trashed(project: Project) -> Iterable[str]:
    """The names in the trash."""
    return [one.experiment.name for one in restore.trashed(project)]


@_in_project
def remotes(project: Project) -> Iterable[str]:
    """The names of Git remotes."""
    return git_remote.remotes(project.repo.config)


@_in_project
def data_remotes(project: Project) -> Iterable[str]:
    """The names of data remotes."""
    return project.config.remotes


def exporters(incomplete: str) -> list[str]:
    """The tools that experiments can be exported for."""
    return _offered(plugins.names("exporter"), incomplete)


@_in_project
def points(project: Project) -> Iterable[str]:
    """Experiments, HEAD, the workspace and branches."""
    refs = project.repo.refs("refs/heads/", fields=("refname:lstrip=2",))
    branches = [ref.decode("utf-8", "replace") for (ref,) in refs]
    return [*lookup.names(project), "HEAD", "workspace", *branches]


@_in_project
def stages(project: Project) -> Iterable[str]:
    """The names of stages."""
    if (pipeline := project.pipeline()) is None:
        return []
    return [stage.name for stage in pipeline.stages]


def params(incomplete: str) -> list[str]:
    """The params of the workspace as `key=value`; after `~`, their keys alone."""

    @_in_project
    def words(project: Project) -> Iterable[str]:
        found, _ = project.files_here()
        flat = flatten_files(found)
        if incomplete.startswith("~"):
            return [f"~{key}" for key in flat]
        return [f"{key}={show_value(value, longest=None)}" for key, value in flat.items()]

    return words(incomplete)


@_in_project
def metrics(project: Project) -> Iterable[str]:
    """The metrics of the last few experiments."""
    return [column.key for column in _last_columns(project) if column.kind == "metric"]


def columns(incomplete: str) -> list[str]:
    """The metrics and params of the last few experiments; after a comma, another one."""
    before, comma, _ = incomplete.rpartition(",")

    @_in_project
    def words(project: Project) -> Iterable[str]:
        return [f"{before}{comma}{column.key}" for column in _last_columns(project)]

    return words(incomplete)


def _last_columns(project: Project) -> Iterable[Column]:
    table = show.table(project, query.Query(everything=True, limit=20))
    return show.columns(table, Columns())


def filters(incomplete: str) -> list[str]:
    """The names for the beginning of a filter: metrics, params and attributes."""
    if "," in incomplete:
        return []
    return [*columns(incomplete), *_offered(used_for(Use.FILTER), incomplete)]


def _offered(words: Iterable[str], incomplete: str) -> list[str]:
    """The words that begin with `incomplete` and are safe in the script of any shell, each once."""
    found = []
    for word in dict.fromkeys(words):
        if word.startswith(incomplete) and _WORD.fullmatch(word.lstrip("~")):
            found.append(word)
    return found
