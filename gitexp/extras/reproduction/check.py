"""What stands in the way of a reproduction, found without running anything."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.datasets import status, wanted
from gitexp.extras.reproduction import building, recorded
from gitexp.extras.reproduction.comparing import has_results
from gitexp.extras.reproduction.recorded import RecordedEnvironment
from gitexp.model import Artifact, Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.lock import Lock
from gitexp.process.environment import machine
from gitexp.process.gpus import GpuProbe
from gitexp.project import ignore
from gitexp.project.project import Project
from gitexp.repo.git.checkout import files_of
from gitexp.runs.checks import seeds
from gitexp.words import counted, shorten

_SECRET = "looks like a secret"  # in the warning of a record whose command is not whole


class Obstacle(NamedTuple):
    """A finding about one experiment.

    Attributes:
        kind: `run`, `data`, `packages`, `seed`, `ignored`, `hardware` or `environment`.
        text: a sentence for people.
        is_problem: whether the finding prevents a reproduction; False for a note.
    """

    kind: str
    text: str
    is_problem: bool = True

    def as_json(self) -> dict[str, Any]:
        """The finding for `--json`."""
        return {"kind": self.kind, "text": self.text, "problem": self.is_problem}


def check(project: Project, name: str) -> list[Obstacle]:
    """The findings about an experiment, problems first. Raises the errors of `lookup.require_own`."""
    one = lookup.require_own(project, name)
    found = [*_of_run(project, one), *_of_data(project, one), *_of_environment(project, one)]
    found += [*_of_seed(project, one), *_of_ignored(project, one), *_of_hardware(one)]
    return sorted(found, key=lambda finding: not finding.is_problem)


def _of_run(project: Project, one: Experiment) -> Iterator[Obstacle]:
    record = one.record
    if record.status is not Status.DONE:
        yield Obstacle("run", f"it is {record.status}: only a run with a good end can be reproduced")
    if record.command is None:
        yield Obstacle("run", "it was saved, not run: there is no command")
    elif any(_SECRET in warning for warning in record.warnings):
        yield Obstacle("run", "a part of the command is not stored, as it looks like a secret")
    if record.status is Status.DONE and not has_results(project, one):
        yield Obstacle("run", "it has no metric, no curve and no result to compare")
    if record.resumed_from:
        told = f"it went on from {record.resumed_from['experiment']}; a reproduction begins anew"
        yield Obstacle("run", told, is_problem=False)


def _of_data(project: Project, one: Experiment) -> Iterator[Obstacle]:
    """Findings about the data of the run: each file needs a copy on the data remote."""
    lock = wanted.locks(project, [one.record.commit]).get(one.record.commit)
    if isinstance(lock, errors.LockError):
        yield Obstacle("data", f"gitexp.lock cannot be read: {lock.message}")
        return
    inputs = _inputs(lock or Lock())
    if not inputs:
        return
    if not project.config.remotes:
        names = shorten([artifact.path for artifact in inputs])
        yield Obstacle("data", f"there is no data remote, so nobody else can have {names}")
        return
    try:
        found = status.status(project, inputs)
    except errors.GitexpError as error:
        yield Obstacle("data", f"the data remote does not answer: {error.message}")
        return
    missing = [each.artifact.path for each in found if each.on_remote]
    if missing:
        yield Obstacle(
            "data", f"the data remote does not have {shorten(missing)}: gitexp data push {one.name}"
        )


def _inputs(lock: Lock) -> list[Artifact]:
    """The data from outside of all stages."""
    return list(lock.data.values())


def _of_environment(project: Project, one: Experiment) -> Iterator[Obstacle]:
    """Findings about packages, and about an environment without a description in the commit."""
    found = building.recorded_of(project, one)
    if not found.python:
        return
    source = building.source_of(project, one)
    yield from _of_packages(found, source)
    if source == building.RECORD:
        told = (
            "no uv.lock, pylock.toml or requirements.txt is in the commit: the record alone has the packages"
        )
        yield Obstacle("environment", told, is_problem=False)
    if "conda" in found.values("manager"):
        told = "conda made the environment: uv gets what PyPI has, and no more"
        yield Obstacle("environment", told, is_problem=False)


def _of_packages(found: RecordedEnvironment, source: str) -> Iterator[Obstacle]:
    """Findings about the recorded packages; `source`: the source of the environment."""
    if not found.is_detailed:
        told = "the record is of an earlier gitexp: it has no index, and no word of editable installs"
        yield Obstacle("packages", told, is_problem=False)
    lacking = recorded.requirements(found)[1]
    for each in lacking:
        yield Obstacle("packages", each.why, is_problem=source == building.RECORD)
    local = [f"{name} {version}" for name, version in found.packages.items() if "+" in version]
    if local and not (found.torch_backend or found.values("extra-index") or found.values("find-links")):
        yield Obstacle("packages", f"from an index that nobody noted: {shorten(local)}")


def _of_seed(project: Project, one: Experiment) -> Iterator[Obstacle]:
    if one.record.command is not None and seeds.seed_of(one.record.params, project.config) is None:
        told = (
            "no param is a seed: if the code draws random numbers, nothing says which (seed: in gitexp.yaml)"
        )
        yield Obstacle("seed", told, is_problem=False)


def _of_ignored(project: Project, one: Experiment) -> Iterator[Obstacle]:
    """Findings about files from outside of Git: shared folders, and ignored files among the inputs."""
    if project.config.share:
        yield Obstacle("ignored", f"share: links {shorten(list(project.config.share))} from this workspace")
    outside = _inputs_outside(project, one)
    if not outside:
        return
    ignored = ignore.ignored(project.repo, outside)
    if ignored:
        yield Obstacle(
            "ignored", f"the run reads what Git ignores and gitexp does not have: {shorten(ignored)}"
        )


def _inputs_outside(project: Project, one: Experiment) -> list[str]:
    """The sorted paths of inputs that neither the commit nor gitexp.lock has."""
    read, known = set[str](), set[str]()
    lock = wanted.locks(project, [one.record.commit]).get(one.record.commit)
    if isinstance(lock, Lock):
        known.update(artifact.path for artifact in lock.artifacts)
        for stage in lock.stages.values():
            read.update(dep.path for dep in stage.deps)
    stored = files_of(project.repo, one.record.commit)
    for path in _words(one):
        if path not in stored and (project.repo.root / path).is_file():
            read.add(path)
    return [path for path in sorted(read) if not _is_stored(path, stored) and path not in known]


def _is_stored(path: str, stored: dict[str, Any]) -> bool:
    return path in stored or any(each.startswith(f"{path}/") for each in stored)


def _words(one: Experiment) -> Iterator[str]:
    """The words of a command that may be relative paths, as paths from the root."""
    words = one.record.argv
    if words is None:
        try:
            words = tuple(shlex.split(one.record.command or ""))
        except ValueError:
            words = ()
    for word in words[1:]:
        text = word.rpartition("=")[2]
        if text and not text.startswith(("-", "/", "..")) and "\0" not in text:
            yield str(PurePosixPath(one.record.folder, text))


def _of_hardware(one: Experiment) -> Iterator[Obstacle]:
    record = one.record
    if record.gpus:
        here = GpuProbe().result()
        if not here:
            yield Obstacle("hardware", f"it ran on {shorten(list(record.gpus))}, and there is no GPU here")
        elif here != record.gpus:
            told = f"it ran on {shorten(list(record.gpus))}, and here is {shorten(list(here))}"
            yield Obstacle("hardware", told, is_problem=False)
    this = machine()
    if record.platform and _system(record.platform) != _system(this.platform):
        yield Obstacle("hardware", f"it ran on {record.platform}, and this is {this.platform}")
    elif record.cpus is not None and record.cpus != this.cpus:
        told = f"it ran on {counted(record.cpus, 'CPU')}, and here are {this.cpus:,}"
        yield Obstacle("hardware", told, is_problem=False)


def _system(platform: str) -> tuple[str, str]:
    """The system and the processor of `Linux-6.1.0-x86_64`."""
    parts = platform.split("-")
    return parts[0], parts[-1]
