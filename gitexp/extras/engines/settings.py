"""`engines:` of gitexp.yaml.

engines:
  cluster: {kind: slurm, partition: gpu, time: "2:00:00"}
  lab: {kind: ssh, hosts: [ada, bob], remote: origin, jobs: 2}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.engines.engine import WITHOUT, Engine, EngineMaker, EngineSettings
from gitexp.extras.engines.job_environment import MANAGERS
from gitexp.extras.engines.jobs_file import folder_of
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice
from gitexp.words import did_you_mean

KEYS: Mapping[str, str] = {
    "kind": "What kind of engine: local, or that of an installed package.",
    "jobs": "Jobs at a time, if -j does not say it.",
    "python": "The interpreter with gitexp on the machines of the jobs.",
    "remote": "The Git remote by which jobs get their runs, where they do not see this repository.",
    "url": "The URL of this remote as the machines of the jobs see it, if it is another one there.",
    "scratch": "A folder on the own disk of these machines, where runs work, such as $SLURM_TMPDIR.",
    "environment": "uv: builds the environment of a run there, by the lock that its code has.",
    "clones": "Where these machines keep their clones, instead of ~/.cache/gitexp/clones.",
}
_EXAMPLE = "For example: engines: {lab: {kind: ssh, hosts: [ada, bob], remote: origin}}"


def settings_of(project: Project, choice: EngineChoice) -> EngineSettings:
    """The settings of a chosen engine: a key under `engines:`, or a kind with its usual options.

    Raises ConfigError for a wrong section, UsageError for an unknown name.
    """
    name = choice.name
    if name in project.config.engines:
        found = _of_section(name, project.config.engines[name], project.config_file)
    else:
        found = EngineSettings(name, name)
        _require_kind(project, name)
    folder = folder_of(project.local, name)
    return found._replace(options={**found.options, **choice.options}, folder=folder)


def every(project: Project) -> list[EngineSettings]:
    """The engines of gitexp.yaml, then the kinds that gitexp has. Raises ConfigError."""
    found = []
    for name, section in project.config.engines.items():
        found.append(_of_section(name, section, project.config_file))
    for kind in plugins.names("engine"):
        if kind not in project.config.engines:
            found.append(EngineSettings(kind, kind))
    return found


def made(settings: EngineSettings) -> Engine:
    """The engine; raises UsageError for an unknown kind, a wrong option, or a package that is missing."""
    try:
        maker: EngineMaker = plugins.load("engine", settings.kind)
    except ModuleNotFoundError as error:
        raise errors.UsageError(
            f"The engine '{settings.name}' needs a package that is not installed: {error.name}.",
            f"Install it: pip install 'gitexp[{settings.kind}]'",
        ) from error
    return maker(settings)


def require_options(settings: EngineSettings, known: Mapping[str, str]) -> None:
    """Raise UsageError for an option that an engine does not have; `known` has a help for each."""
    for key in settings.options:
        if key not in known:
            keys = (*KEYS, *known)
            raise errors.UsageError(
                f"The engine '{settings.name}' has no option '{key}'.",
                did_you_mean(str(key), keys, f"The options of {settings.kind} are: {', '.join(keys)}."),
            )


def _require_kind(project: Project, name: str) -> None:
    if plugins.find("engine", name) is None:
        known = (*project.config.engines, *plugins.names("engine"))
        raise errors.UsageError(
            f"There is no engine called '{name}'.",
            did_you_mean(
                name, known, f"There are: {', '.join(known)}. gitexp.yaml can have others: engines:"
            ),
        )


def _of_section(name: str, section: Any, file: str) -> EngineSettings:
    if not isinstance(section, dict) or not isinstance(section.get("kind"), str):
        raise errors.ConfigError(f"the engine '{name}' has no kind", _EXAMPLE, file=file)
    options = {key: value for key, value in section.items() if key not in KEYS}
    most, texts = section.get("jobs", 0), dict[str, str]()
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        raise errors.ConfigError(f"engine {name}: 'jobs' must be a number", _EXAMPLE, file=file)
    if section.get("scratch") is False:
        section = {**section, "scratch": WITHOUT}
    for key in ("python", "remote", "url", "clones", "scratch", "environment"):
        texts[key] = section.get(key, "")
        if not isinstance(texts[key], str):
            raise errors.ConfigError(f"engine {name}: '{key}' must be a text", _EXAMPLE, file=file)
    if texts["environment"] not in ("", *MANAGERS):
        raise errors.ConfigError(f"engine {name}: 'environment' can be: {', '.join(MANAGERS)}", file=file)
    return EngineSettings(name, section["kind"], options, most, **texts)
