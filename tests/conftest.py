"""The test bed: real Git, nothing of the machine's owner, and a repository that must stay the user's.

`repo` is what most tests want. Whatever gitexp changes in it that was not announced with
`repo.allow` or `repo.writes` fails the test.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from gitexp.folders import clear_away
from gitexp.objects import disk, stat_cache
from tests.slow import function_of, slow_tests
from tests.support import inprocess
from tests.support.coverage_gate import (
    of_processes,
    pytest_sessionfinish,  # noqa: F401
    pytest_terminal_summary,  # noqa: F401
)
from tests.support.environment import bare_python, git_settings, hermetic
from tests.support.repositories import refresh_index
from tests.support.servers import s3_server, ssh_server, web_server  # noqa: F401
from tests.support.workspace import Workspace, end_fork_server

TESTS = Path(__file__).parent
TEMPLATE = TESTS / "support" / "template"

# The suite must say the same on every machine and under any load. `--hypothesis-profile=explore` looks for
# new examples; `quick` is for the loop while working.
_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("stable", derandomize=True, deadline=None, suppress_health_check=_SLOW)
hypothesis.settings.register_profile(
    "quick", derandomize=True, deadline=None, max_examples=25, suppress_health_check=_SLOW
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("stable")


_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3  # bytes; passed tests leave nothing, so the suite needs a tenth of it


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the tests' folders in memory where there is room, and signals as a terminal gives them.

    gitexp flushes what it stores to the disk; a few thousand times over, that is felt. A suite that is
    started in the background (`&`, nohup, some CI) inherits ignored signals, and so would every command.
    """
    gc.disable()  # until all is collected, which makes objects by the million and no garbage
    inprocess.keep_commands()  # to collect the tests of all commands makes them all
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
    if config.option.basetemp is not None or not os.access(_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(_MEMORY).free > _ROOM:
        config.option.basetemp = Path(tempfile.mkdtemp(prefix="gitexp-tests-", dir=_MEMORY)) / "base"
        config.add_cleanup(lambda: clear_away(config.option.basetemp.parent))


def pytest_collection_finish() -> None:
    """Leaves what has been collected out of the search for garbage."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with the name of its folder below tests/, and the slow ones as slow."""
    slow = slow_tests()
    for item in items:
        item.add_marker(_folder(item.path))
        if function_of(item.nodeid) in slow:
            item.add_marker("slow")


def _folder(file: Path) -> str:
    """The name of a test file's folder below tests/."""
    return file.relative_to(TESTS).parts[0]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o500)
    return home


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `bare_python`, which comes first on the PATH."""
    return bare_python(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session", autouse=True)
def _hermetic(home: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    folder = tmp_path_factory.mktemp("settings")
    os.environ.update(hermetic(before, home, programs, git_settings(folder)) | of_processes(folder))
    _tzset()
    yield
    end_fork_server()
    os.environ.clear()
    os.environ.update(before)
    _tzset()


@pytest.fixture(scope="session", autouse=True)
def _new_modules(_hermetic: None) -> None:
    """Has commands in this process begin as they do in a new one, whatever the first tests have called."""
    if inprocess.can_run_here():
        inprocess.get_ready()


@pytest.fixture(scope="session", autouse=True)
def _few_processes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Has gitexp look for writers through mmap in this process alone; see `every_process`.

    A sixth of the time of all tests went into reading what every process of the machine has mapped.
    """
    folder = tmp_path_factory.mktemp("processes")
    if sys.platform == "linux":
        (folder / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    stat_cache._PROC = folder


@pytest.fixture
def every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """gitexp looks for writers through mmap in all processes, as for a user."""
    monkeypatch.setattr(stat_cache, "_PROC", Path("/proc"))


@pytest.fixture(autouse=True)
def _unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has processes of promises and of what is outside measure no coverage.

    To measure takes as long as a command does, and tests of the other folders run the same lines.
    """
    if _folder(request.path) in ("promises", "outside"):
        monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


@pytest.fixture(autouse=True)
def _home_stays_empty(home: Path) -> Iterator[None]:
    before = set(home.iterdir())
    yield
    # Root may write in spite of the mode.
    left = {path.name for path in set(home.iterdir()) - before}
    assert not left, f"something was written into the home directory: {left}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that `repo` is a copy of: two commits on `main`, the second with `train.lr` 0.1."""
    path = tmp_path_factory.mktemp("template") / "repo"
    shutil.copytree(TEMPLATE, path)
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(path)], check=True)
    workspace = Workspace(path)
    params = workspace.read("params.yaml")
    workspace.write("params.yaml", params.replace("lr: 0.1 ", "lr: 0.01"))
    workspace.commit("a training script")
    workspace.write("params.yaml", params)
    workspace.commit("a larger step")
    return path


@pytest.fixture
def repo(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A user's repository with a training script, clean; see `template`."""
    path = tmp_path / "repo"
    shutil.copytree(template, path, symlinks=True)
    refresh_index(path)
    workspace = Workspace(path)
    yield workspace
    workspace.close()


@pytest.fixture
def not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hard links are made, as for a user whom the mode of a file hinders."""
    monkeypatch.setattr(disk, "is_writable", lambda path: False)


def _tzset() -> None:
    if hasattr(time, "tzset"):
        time.tzset()
