"""The command line without a process of its own: `main` is called here, as often as a test likes.

A process costs ten times what most commands do. What a process would keep to itself is put back
afterwards: streams, folder, environment, signals, and whatever gitexp's modules remember. Tests of what
only a process shows (its death, its signals, its memory) say `process=True`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gitexp import plugins
from gitexp.cli import registry

# Modules that do something when they are imported, or need what gitexp does not.
_PROGRAMS = ("__main__", "demo.train", "list_packages", "threaded")
# Few commands import them, and what they import takes a second, in each worker and in its fork server.
_DEAR = re.compile(
    r"pandas_frames|polars_frames|notebook\.(execute|extension)|mlflow\.stores|hydra\.inside"
    r"|integrations\.(keras|lightgbm|lightning|optuna|sklearn|transformers|xgboost)"
    r"|assistants\.server|by_dask\.dask|formula_pictures|neptune_parquet|excel_rows"
)

_CHILD = "child "
_PATIENCE = 5.0  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def can_run_here() -> bool:
    """Whether this thread may change what belongs to the whole process."""
    return sys.platform == "linux" and threading.current_thread() is threading.main_thread()


def get_ready() -> None:
    """Imports gitexp, and takes note of how a new process finds its modules."""
    _memory()


def run_here(
    args: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes
) -> tuple[int, bytes, bytes]:
    """Exit status, stdout and stderr of `gitexp <args>`, run in this process."""
    memory = _memory()
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin)
        given.seek(0)
        before = _resources()
        with (
            memory.as_new(),
            _descriptors(given.fileno(), out.fileno(), err.fileno()),
            _streams(),
            _place(cwd, env),
            _signals(),
            _garbage(),
        ):
            status = _main(args)
        if left := _resources() - before:
            gc.collect()
            _wait_for_ends(left)
            if left := _resources() - before:
                told = ", ".join(map(_named, left))
                raise AssertionError(f"gitexp {' '.join(args)} leaves in this process: {told}")
        out.seek(0)
        err.seek(0)
        return status, out.read(), err.read()


def _resources() -> set[str]:
    """What ends with a process, and would stay in this one: threads, files, children."""
    threads = {repr(thread) for thread in threading.enumerate()}
    files = {f"file {fd.name}" for fd in Path("/proc/self/fd").iterdir()}
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return threads | files | {f"{_CHILD}{pid}" for pid in children}


def _wait_for_ends(left: Iterable[str]) -> None:
    """Wait a moment for children that are about to end: a busy machine lets them end after their parent."""
    waiting = {int(name.removeprefix(_CHILD)) for name in left if name.startswith(_CHILD)}
    ends = time.monotonic() + _PATIENCE
    while waiting and time.monotonic() < ends:
        for pid in list(waiting):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # somebody else has seen the end
                ended = pid
            if ended:
                waiting.remove(pid)
        time.sleep(0.01)


def _named(left: str) -> str:
    """A resource for a message; a child with its command."""
    if not left.startswith(_CHILD):
        return left
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{left.removeprefix(_CHILD)}/cmdline").read_bytes().split(b"\0")
        return f"{left} ({b' '.join(words).decode('utf-8', 'replace').strip()})"
    return left


def _main(args: Sequence[str]) -> int:
    from gitexp.cli.main import main

    before, sys.argv = sys.argv, ["gitexp", *args]
    hook = sys.excepthook  # typer sets its own
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        sys.argv = before
        sys.excepthook = hook
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.flush()


@contextlib.contextmanager
def _descriptors(*ours: int) -> Iterator[None]:
    """Lets 0, 1 and 2 be these."""
    before = [os.dup(number) for number in range(3)]
    for number, fd in enumerate(ours):
        os.dup2(fd, number)
    try:
        yield
    finally:
        for number, fd in enumerate(before):
            os.dup2(fd, number)
            os.close(fd)


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """stdin, stdout and stderr over 0, 1 and 2, as Python makes them."""
    before = sys.stdin, sys.stdout, sys.stderr
    open_streams()
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def open_streams() -> None:
    # The descriptors are not theirs to close.
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False))  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False))  # noqa: SIM115
    raw = open(2, "wb", 0, closefd=False)  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(raw, errors="backslashreplace", write_through=True)


@contextlib.contextmanager
def _place(cwd: Path, env: Mapping[str, str]) -> Iterator[None]:
    before, folder = dict(os.environ), os.open(".", os.O_RDONLY)
    os.chdir(cwd)
    _set_environment(env)
    try:
        yield
    finally:
        _set_environment(before)
        os.fchdir(folder)
        os.close(folder)


def _set_environment(wanted: Mapping[str, str]) -> None:
    zone = os.environ.get("TZ")
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if wanted.get("TZ") != zone:
        time.tzset()


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _garbage() -> Iterator[None]:
    """Keeps what a command makes apart from all that was there: to look through that takes a second."""
    collects, freeze = gc.isenabled(), gc.freeze
    gc.freeze = lambda: None  # `main` does so last of all
    try:
        yield
    finally:
        gc.freeze = freeze
        (gc.enable if collects else gc.disable)()


def import_all() -> None:
    """Imports all of gitexp that only defines something, but what stands on a package that is not here."""
    import gitexp

    for module in pkgutil.walk_packages(gitexp.__path__, "gitexp.", onerror=lambda name: None):
        if module.name.endswith(_PROGRAMS) or _DEAR.search(module.name):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if (error.name or "gitexp").partition(".")[0] == "gitexp":
                raise


def keep_commands() -> None:
    """Has what typer makes of a command made once: it is the same each time, and takes as long as that."""
    if not hasattr(registry._command, "cache_clear"):
        registry._command = cache(registry._command)


def make_commands() -> None:
    """Makes all of them now, for the processes that will be forked."""
    for name in plugins.names("command"):
        with contextlib.suppress(ModuleNotFoundError):
            registry._command(name, plugins.find("command", name))


class _Memory:
    """What gitexp's modules remember from one command to the next, and how it was at their import."""

    def __init__(self) -> None:
        import_all()
        keep_commands()
        self._values: list[tuple[dict[str, Any], str, Any]] = []
        self._containers: list[tuple[Any, Any]] = []
        self._caches: list[Any] = []
        for module in [each for name, each in sys.modules.items() if name.partition(".")[0] == "gitexp"]:
            for name, value in vars(module).items():
                if value is registry._command:
                    continue
                if hasattr(value, "cache_clear"):
                    self._caches.append(value)
                elif name.startswith("__") or name.isupper():
                    continue
                elif isinstance(value, (dict, list, set)):
                    self._containers.append((value, value.copy()))
                elif value is None or isinstance(value, (bool, int, float)):
                    self._values.append((vars(module), name, value))

    @contextlib.contextmanager
    def as_new(self) -> Iterator[None]:
        """Begins as a new process would, and leaves what it finds as it was."""
        values = [(names, name, names[name]) for names, name, _ in self._values]
        contents = [(container, container.copy()) for container, _ in self._containers]
        self._set(self._values, self._containers)
        try:
            yield
        finally:
            self._set(values, contents)

    def _set(self, values: list[tuple[dict[str, Any], str, Any]], contents: list[tuple[Any, Any]]) -> None:
        for cached in self._caches:
            cached.cache_clear()
        for names, name, value in values:
            names[name] = value
        for container, content in contents:
            if container != content:
                container.clear()
                (container.extend if isinstance(container, list) else container.update)(content)


@cache
def _memory() -> _Memory:
    """The one of this test process. It must be made before any test: a test may leave its traces in it."""
    memory = _Memory()
    gc.freeze()
    return memory
