"""The environment of a run: the machine, the interpreter of the command, and its packages."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from gitexp.masks import without_credentials
from gitexp.named_tuple import NamedTuple
from gitexp.process.environment_details import details
from gitexp.process.interpreter import find_interpreter
from gitexp.process.list_packages import code_of
from gitexp.process.signals import OWN_GROUP
from gitexp.regex import regex

_NAME = regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION = regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
_LINE = regex(r"[ -~]{0,1000}", re.ASCII)
_LARGEST_ANSWER = 4 * 1024 * 1024  # bytes
_SLOWEST_PROBE = 20.0  # seconds
_RACY = 2_000_000_000  # ns
_ASKED = ("PYTHONPATH", "PYTHONNOUSERSITE", "HOME", "USERPROFILE", "APPDATA")  # by `list_packages`


class Machine(NamedTuple):
    """One computer; `cpus` counts the CPUs open to this process."""

    host: str
    user: str
    platform: str  # "Linux-6.1.0-x86_64"
    cpus: int


def machine() -> Machine:
    """This computer."""
    return Machine(socket.gethostname(), _user(), _platform(), _cpus())


class Environment(NamedTuple):
    """An interpreter and its packages.

    Attributes:
        python: its version; None for a command without one, or without an answer.
        packages: (name, version) sorted by name, names in PyPI's normal form.
        details: further lines for the record, by key: variables, indexes, the machine, direct URLs.
        warning: the reason for a missing answer.
    """

    python: str | None  # "3.11.7"
    implementation: str | None = None  # "cpython"
    packages: tuple[tuple[str, str], ...] = ()
    platform: str = ""
    warning: str | None = None
    details: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """The environment as a requirements file for pip, everything else in comments."""
        heads = {"python": self.python, "implementation": self.implementation, "platform": self.platform}
        lines = []
        for key, value in heads.items():
            if value:
                lines.append(f"# {key} {value}\n")
        for key, value in self.details:
            lines.append(f"# {key} {value}\n")
        for name, version in self.packages:
            lines.append(f"{name}=={version}\n")
        return "".join(lines)


def start_probe(command: Sequence[str] | str, cwd: Path, env: Mapping[str, str]) -> EnvironmentProbe:
    """A probe at work on the interpreter for `command`. Never raises; ask for its result."""
    interpreter = find_interpreter(command, cwd, env)
    return EnvironmentProbe(interpreter, cwd, env)


class EnvironmentProbe:
    """Lists an interpreter's packages in a process of its own, beside the run, at no cost of time."""

    def __init__(self, interpreter: Path | None, cwd: Path, env: Mapping[str, str]) -> None:
        self._interpreter = interpreter
        self._result: Environment | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._answer: IO[bytes] | None = None
        self._begun = time.time_ns()
        self._env = env
        self._key = _key_of(interpreter, env)
        if interpreter is None:
            self._result = Environment(None, platform=_platform())
            return
        if (known := _known.get(self._key)) is not None and known.is_still_so(cwd):
            self._result = known.environment._replace(details=(*known.environment.details, *details(env)))
            return
        script = Path(__file__).with_name("list_packages.py").read_text("utf-8")
        self._answer = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would fill up while nobody reads
        try:
            self._process = subprocess.Popen(
                [interpreter, "-I", "-c", script],
                cwd=cwd,  # pyenv and its like choose by the folder
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=self._answer,
                stderr=subprocess.DEVNULL,
                process_group=OWN_GROUP,
            )
        except (OSError, ValueError) as error:
            self._result = self._failed(str(error))
            self._answer.close()

    def result(self, timeout: float = _SLOWEST_PROBE) -> Environment:
        """The findings of the probe after at most `timeout` seconds; the same when asked again."""
        if self._result is None:
            self._result = self._finish(timeout)
        return self._result

    def cancel(self) -> None:
        """End the probe if nobody will ask for its result."""
        self.result(timeout=0)

    def _finish(self, timeout: float) -> Environment:
        assert self._process is not None
        assert self._answer is not None
        with self._answer:
            try:
                status = _status_of(self._process, timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                return self._failed(f"no answer within {timeout:g} s")
            if status:
                return self._failed(f"exit status {status}")
            self._answer.seek(0)
            answer = self._answer.read(_LARGEST_ANSWER)
        try:
            found: dict[str, Any] = json.loads(answer.strip().rpartition(b"\n")[2])
            environment = Environment(
                python=_checked(_VERSION, found["python"]),
                implementation=_checked(_NAME, found["implementation"]),
                packages=_tidy(found["packages"]),
                platform=_platform(),
                details=_told(found["details"]),
            )
            self._remember(environment, found["folders"], found["code"])
            return environment._replace(details=(*environment.details, *details(self._env)))
        except (ValueError, LookupError, TypeError, RecursionError):
            return self._failed("an answer that makes no sense")

    def _remember(
        self, environment: Environment, folders: Sequence[str], code: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Spare the next run of this process the same question, as long as nothing can have changed."""
        assert self._interpreter is not None
        paths = [str(self._interpreter), *folders]
        stamps = {path: _stamp(path) for path in paths}
        # A folder may have changed since it was listed, and in the last seconds without another stamp.
        newest = max(stamp or 0 for stamp in stamps.values())
        if all(map(os.path.isabs, paths)) and newest < self._begun - _RACY and _is_binary(self._interpreter):
            _known[self._key] = _KnownEnvironment(environment, stamps, code)

    def _failed(self, why: str) -> Environment:
        warning = f"the packages of {self._interpreter} could not be listed: {why}"
        return Environment(None, platform=_platform(), warning=warning)


def _status_of(process: subprocess.Popen[bytes], timeout: float) -> int:
    """The exit status of a process, the moment it ends. `Popen.wait` sleeps up to 50 ms between its looks.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    try:
        ended = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # no Linux, or the process is gone already
        return process.wait(timeout)
    try:
        waiting = select.poll()
        waiting.register(ended, select.POLLIN)
        waiting.poll(timeout * 1000)
    finally:
        os.close(ended)
    return process.wait(0)


class _KnownEnvironment(NamedTuple):
    """An answer of an interpreter.

    Attributes:
        environment: the answer.
        stamps: the time in ns at which each folder, and the interpreter, was changed last; None if absent.
        code: the state of the code of each editable package, by its URL; see `list_packages.code_of`.
    """

    environment: Environment
    stamps: Mapping[str, int | None]
    code: Mapping[str, Mapping[str, str]]

    def is_still_so(self, cwd: Path) -> bool:
        """Whether nothing was installed, removed or edited since, for a command in the folder `cwd`."""
        if any(_stamp(path) != stamp for path, stamp in self.stamps.items()):
            return False
        return all(code_of(url, str(cwd)) == state for url, state in self.code.items())


_known: dict[tuple[str, ...], _KnownEnvironment] = {}  # what the interpreters have answered to this process


def _key_of(interpreter: Path | None, env: Mapping[str, str]) -> tuple[str, ...]:
    """What the answer of an interpreter depends on, beside its folders."""
    return (str(interpreter), *(env.get(name, "") for name in _ASKED))


def _stamp(path: str) -> int | None:
    try:
        return max(Path(path).stat().st_mtime_ns, Path(path).lstat().st_ctime_ns)
    except OSError:
        return None


def _is_binary(program: Path) -> bool:
    """Whether a program is binary; a script, like pyenv's, may choose an interpreter by the folder."""
    try:
        with program.open("rb") as file:
            return file.read(2) != b"#!"
    except OSError:
        return False


def _tidy(packages: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each package once, in the version Python finds first; without impossible names."""
    found: dict[str, str] = {}
    for name, version in packages:
        with contextlib.suppress(ValueError):
            normal = re.sub(r"[-_.]+", "-", _checked(_NAME, name)).lower()
            found.setdefault(normal, _checked(_VERSION, version))
    return tuple(sorted(found.items()))


def _told(lines: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The lines of an interpreter about itself that can stand in a record."""
    found = []
    for key, value in lines:
        if _NAME.fullmatch(key) and _LINE.fullmatch(value):
            found.append((key, without_credentials(value)))
    return tuple(found)


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user that no passwd file has
        if sys.platform == "win32":
            return ""
        return str(os.getuid())


def _platform() -> str:
    # platform.platform() reads the C library, and asks WMI on Windows.
    if sys.platform == "win32":
        version = sys.getwindowsversion()
        processor = os.environ.get("PROCESSOR_ARCHITECTURE", "")
        return f"Windows-{version.major}.{version.minor}.{version.build}-{processor}"
    name = os.uname()
    return f"{name.sysname}-{name.release}-{name.machine}"


def _cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
