"""Which Python a command runs on, found without running anything of the user's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

from gitexp.process.programs import locate, simple_commands, without_assignments
from gitexp.regex import regex

_PYTHON = regex(r"(python|pypy)\d*(\.\d+)*t?(\.exe)?", re.ASCII | re.IGNORECASE)
_PROJECT_RUNNERS = frozenset({"hatch", "pdm", "pipenv", "poetry", "rye", "uv"})
_WRAPPERS = frozenset(
    {"caffeinate", "chrt", "env", "ionice", "mpiexec", "mpirun", "nice", "nohup", "numactl", "setsid", "srun"}
    | {"stdbuf", "taskset", "time", "timeout", "xvfb-run"}
)
# A "#!" line longer than the system allows: pip and conda write a shell script that is Python too.
_LONG_SHEBANG = regex(rb"'''exec' \"?([^\"\n]+?)\"? \"\$0\"")


def find_interpreter(command: Sequence[str] | str, cwd: Path, env: Mapping[str, str]) -> Path | None:
    """The absolute path of the Python for `command`; None without a visible one.

    Found for a program named python, a script with a Python's path (torchrun), the project's environment of
    `uv run` or similar, the program behind a wrapper like `nice`, or the first of them in a shell line.
    """
    lines: Iterable[list[str]] = [list(command)]
    if isinstance(command, str):
        lines = simple_commands(command)
    for words in lines:
        for start in _programs_in(words):
            if (found := _interpreter_of(words[start:], cwd, env)) is not None:
                return found
    return None


def _programs_in(words: Sequence[str]) -> list[int]:
    """The places of the words that may be the program: the first word, or every word behind a wrapper.

    Every wrapper has other options, and may have another wrapper behind it.
    """
    if not words:
        return []
    if not _is_wrapper(words[0]):
        return [0]
    return [at for at, word in enumerate(words) if not _is_wrapper(word)]


def _is_wrapper(word: str) -> bool:
    return PurePath(word).name.removesuffix(".exe") in _WRAPPERS


def _interpreter_of(words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Path | None:
    program, arguments = words[0], words[1:]
    name = PurePath(program).name
    if _PYTHON.fullmatch(name):
        return locate(program, cwd, env)
    stem = name.removesuffix(".exe")
    if stem in _PROJECT_RUNNERS and "run" in arguments:
        return _project_python(cwd, env)
    path = locate(program, cwd, env)
    if path is None:
        return None
    return _shebang_python(path, cwd, env)


def _project_python(cwd: Path, env: Mapping[str, str]) -> Path | None:
    """The Python of the environment in the project's folder, or of the active environment."""
    environments = [folder / ".venv" for folder in (cwd.absolute(), *cwd.absolute().parents)]
    if chosen := env.get("UV_PROJECT_ENVIRONMENT"):
        environments.insert(0, cwd.absolute() / chosen)
    if active := env.get("VIRTUAL_ENV"):
        environments.append(cwd.absolute() / active)
    python = Path("Scripts/python.exe") if sys.platform == "win32" else Path("bin/python")
    return next((each / python for each in environments if (each / python).is_file()), None)


def _shebang_python(script: Path, cwd: Path, env: Mapping[str, str]) -> Path | None:
    try:
        with script.open("rb") as file:
            start = file.read(1024)
    except OSError:
        return None
    if not start.startswith(b"#!"):
        return None
    if long := _LONG_SHEBANG.search(start):
        words = [long[1].decode(errors="replace")]
    else:
        words = start[2:].partition(b"\n")[0].decode(errors="replace").split()
    if words and PurePath(words[0]).name == "env":
        words = [word for word in without_assignments(words[1:]) if not word.startswith("-")]
    if words and _PYTHON.fullmatch(PurePath(words[0]).name):
        return locate(words[0], cwd, env)
    return None
