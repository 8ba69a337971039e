"""Environments built anew, one for each set of packages, kept beside the repository and used again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.extras.reproduction import recorded, uv
from gitexp.extras.reproduction.recorded import RecordedEnvironment
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo import worktrees
from gitexp.repo.git.values import in_commit
from gitexp.views import environments
from gitexp.words import shorten

_MARK = "gitexp-environment.json"  # in a finished environment
RECORD = "its record"
_PATIENCE, _PAUSE = 3600.0, 0.2  # seconds
_KEPT = 30 * 86400  # seconds after its last use
# A file of the tree that says what is needed -> the files that it may need beside it.
_SOURCES = {
    "uv.lock": ("pyproject.toml",),
    "pylock.toml": (),
    "requirements.txt": (),
}
_OWN_INDEX = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_GONE = ("PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "CONDA_DEFAULT_ENV")


class BuiltEnvironment(NamedTuple):
    """An environment of Python for one experiment.

    Attributes:
        folder: the folder of the environment.
        source: the source file in the commit, or `its record`.
        is_new: whether this call built the environment.
    """

    folder: Path
    source: str
    is_new: bool

    @property
    def programs(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def variables(self) -> dict[str, str | None]:
        """The variables by which a command finds the environment; None removes a variable."""
        return {
            "PATH": os.pathsep.join([str(self.programs), os.environ.get("PATH", os.defpath)]),
            "VIRTUAL_ENV": str(self.folder),
            "UV_PROJECT_ENVIRONMENT": str(self.folder),  # of `uv run`, which changes nothing of it
            "UV_NO_SYNC": "1",
            "PYTHONNOUSERSITE": "1",
            **dict.fromkeys(_GONE),
        }


class _WantedEnvironment(NamedTuple):
    """The sources of an environment.

    Attributes:
        source: the file, or `its record`.
        folder: the folder of the file, from the root.
        found: the recorded environment.
        pins: the lines of the recorded packages.
        key: a hash of all sources, equal for equal packages.
    """

    source: str
    folder: str
    found: RecordedEnvironment
    pins: Sequence[str]
    key: str


def recorded_of(project: Project, one: Experiment) -> RecordedEnvironment:
    """The environment in the record of a run."""
    (text,) = environments.texts(project, [one])
    return recorded.read(text)


def environment(project: Project, one: Experiment, tell: Callable[[str], None]) -> BuiltEnvironment | None:
    """The environment for an experiment, built if need be; None for a run without Python.

    Raises ExperimentError without uv, for unobtainable packages, and if uv fails.
    """
    found = recorded_of(project, one)
    if not found.python:
        return None
    return _built(project, one, _wanted(project, one, found), tell)


def of_code(project: Project, one: Experiment) -> Mapping[str, str | None]:
    """The variables by which a command finds the environment of the lock in an experiment's code.

    The environment is built if need be. Raises ExperimentError without a lock, without uv, and if uv fails.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    wanted = _wanted(project, one, RecordedEnvironment(python, {}, {}, ()))
    if wanted.source == RECORD:
        raise errors.ExperimentError(
            f"The code of {one.name} has no {' or '.join(_SOURCES)}, so no environment can be built.",
            "uv lock makes the first of them. Or leave environment: out of the engine.",
            code="no-environment",
        )
    return _built(project, one, wanted, lambda text: None).variables


def _built(
    project: Project, one: Experiment, wanted: _WantedEnvironment, tell: Callable[[str], None]
) -> BuiltEnvironment:
    found, folder = wanted.found, project.local.root / "environments" / wanted.key
    with _alone(project, wanted.key):
        if (folder / _MARK).is_file():
            os.utime(folder / _MARK)
            return BuiltEnvironment(folder, wanted.source, is_new=False)
        program = uv.find()
        tell(f"An environment with Python {found.python} is built from {wanted.source}.")
        _remove_unused(folder.parent)
        clear_away(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with worktrees.checkout(project.repo, one.record.commit) as worktree:
            _build(program, wanted, folder, worktree.root / wanted.folder, tell)
        failpoint("reproduce:built")
        (folder / _MARK).write_text(json.dumps({"source": wanted.source, "python": found.python}), "utf-8")
    return BuiltEnvironment(folder, wanted.source, is_new=True)


@contextlib.contextmanager
def _alone(project: Project, key: str) -> Iterator[None]:
    """Hold the lock of an environment: others wait, as a build may take many minutes."""
    name, deadline = f"environment-{key[:2]}", time.monotonic() + _PATIENCE
    while (held := project.local.try_lock(name)) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    if held is None:
        raise errors.WorkspaceBusy(
            "Another process has been building the same environment for an hour.",
            "Wait for it to end, or end it, then try again.",
        )
    try:
        yield
    finally:
        held.release()


def _remove_unused(every: Path) -> None:
    """Remove environments without any use for a month."""
    for mark in every.glob(f"*/{_MARK}"):
        with contextlib.suppress(OSError):
            if mark.stat().st_mtime < time.time() - _KEPT:
                clear_away(mark.parent)


def _wanted(project: Project, one: Experiment, found: RecordedEnvironment) -> _WantedEnvironment:
    """The sources of the environment to build. Raises ExperimentError for unobtainable packages."""
    source, folder, contents = _source(project, one)
    pins, lacking = recorded.requirements(found)
    if source == RECORD and lacking:
        raise errors.ExperimentError(
            f"The environment cannot be built: {'; '.join(each.why for each in lacking)}.",
            "With --here the present interpreter is used.",
            code="no-environment",
        )
    alike: list[object] = [source, folder, contents, found.python, pins, found.torch_backend, sys.platform]
    if recorded.own_code(found):
        alike.append(project.repo.resolve(one.record.commit, "tree"))
    key = hashlib.sha256(json.dumps(alike).encode()).hexdigest()[:16]
    return _WantedEnvironment(source, folder, found, pins, key)


def source_of(project: Project, one: Experiment) -> str:
    """The source of an experiment's environment: a file, or `RECORD`."""
    return _source(project, one)[0]


def _source(project: Project, one: Experiment) -> tuple[str, str, list[str]]:
    """The source file, its folder, and the contents of the file and of the files beside it."""
    folders = dict.fromkeys((one.record.folder, one.record.project or "", ""))
    for name, others in _SOURCES.items():
        for folder in folders:
            paths = [f"{folder}/{each}".lstrip("/") for each in (name, *others)]
            contents = project.repo.read_blobs(in_commit(one.record.commit, paths))
            texts = [content.decode("utf-8", "replace") for content in contents if content is not None]
            if len(texts) == len(paths):
                return name, folder, texts
    return RECORD, "", []


def _build(
    program: Path, wanted: _WantedEnvironment, folder: Path, code: Path, tell: Callable[[str], None]
) -> None:
    """Build an environment; `code`: the folder of the source file in the code of the experiment."""
    found, python = wanted.found, folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _make(program, folder, found.python, code, tell)
    has_own_index = any(name in os.environ for name in _OWN_INDEX)
    options = recorded.index_options(found, has_own_index)
    install = ["pip", "install", "--python", str(python), *options]
    what = f"the environment from {wanted.source}"
    if wanted.source == "uv.lock":
        words = ["sync", "--frozen", "--no-install-project"]
        uv.run(program, words, code, {"UV_PROJECT_ENVIRONMENT": str(folder)}, what)
    elif wanted.source == "pylock.toml":
        uv.run(program, [*install, "-r", "pylock.toml"], code, {}, what)
    elif words := _requirement_words(wanted, folder):
        uv.run(program, [*install, *words], code, {}, what)
    is_package = (code / "pyproject.toml").is_file() or (code / "setup.py").is_file()
    if is_package and recorded.own_code(found):
        uv.run(program, [*install, "--no-deps", str(code)], code, {}, "the package of the project itself")


def _requirement_words(wanted: _WantedEnvironment, folder: Path) -> list[str]:
    """The words for uv to install requirements.txt or the recorded packages; [] for no package at all."""
    pins = folder / "recorded.txt"
    pins.write_text("".join(f"{line}\n" for line in wanted.pins), "utf-8")
    if wanted.source != RECORD:  # the file may leave versions open: the record has them
        return ["-r", wanted.source, "-c", str(pins)]
    if wanted.pins:
        return ["-r", str(pins), "--no-deps"]
    return []


def _make(program: Path, folder: Path, python: str, code: Path, tell: Callable[[str], None]) -> None:
    """Make an empty environment with a version of Python, else with another patch version."""
    words = ["venv", "--quiet", "--clear", "--no-project", str(folder), "--python"]
    try:
        uv.run(program, [*words, python], code, {}, f"an environment with Python {python}")
    except errors.ExperimentError:
        minor = ".".join(python.split(".")[:2])
        uv.run(program, [*words, minor], code, {}, f"an environment with Python {python}")
        tell(f"Python {python} cannot be had: another Python {minor} is used.")


def require_used(built: BuiltEnvironment, interpreter: Path | None, command: str) -> None:
    """Raise ExperimentError for a command with an interpreter from outside of the environment."""
    if interpreter is None or built.folder in interpreter.parents:
        return
    raise errors.ExperimentError(
        f"The command names its interpreter itself, so it would not use an environment built anew: "
        f"{shorten([command])}.",
        "With --here that interpreter is used.",
        code="no-environment",
    )


def was_used(project: Project, again: Experiment) -> bool:
    """Whether a run's own record names uv for its environment."""
    return "uv" in recorded_of(project, again).values("manager")


def wanted_variables(found: RecordedEnvironment, names: Sequence[str]) -> Mapping[str, str | None]:
    """The run's values of variables that change numbers; {} for a record without them."""
    if not found.is_detailed:
        return {}
    return {name: found.variables.get(name) for name in names}
