"""The start of gitexp: nothing of the repository runs, and a folder that is gone is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import GITEXP, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the modules of POSIX")

_FOREIGN = ("git", "gitdb", "smmap", "yaml", "typer", "rich", "pathspec", "tomlkit", "shellingham", "fsspec")
# Says that it ran, and then is the module in front of which it stands: Python itself starts with some.
_SHIM = """
import posix, sys
import _frozen_importlib as frozen, _frozen_importlib_external as external
log = posix.open({log!r}, posix.O_WRONLY | posix.O_APPEND)
posix.write(log, b"{name} ")
posix.close(log)
elsewhere = [each for each in sys.path if each not in ("", ".", {folder!r})]
spec = external.PathFinder.find_spec("{name}", elsewhere)
if spec is None:
    raise ImportError("{name}")
sys.modules["{name}"] = module = frozen.module_from_spec(spec)
spec.loader.exec_module(module)
"""
_SCRIPT = "import sys\nfrom gitexp.__main__ import main\nsys.exit(main())\n"


@pytest.fixture
def log(repo: Workspace, tmp_path: Path) -> Path:
    """The file with the names of the modules of the repository that have run."""
    log, folder = tmp_path / "ran", str(repo.path)
    with repo.by_user():
        for name in {*sys.stdlib_module_names, "__future__", *_FOREIGN}:
            text = _SHIM.format(log=str(log), name=name, folder=folder)
            (repo.path / f"{name}.py").write_text(text, "utf-8")
        (repo.path / "nothing.py").touch()
    (tmp_path / "nothing").touch()
    (tmp_path / "gitexp").write_text(_SCRIPT, "utf-8")
    repo.writes("*")
    return log


def ran(repo: Workspace, log: Path, *command: str, path: str | None = None) -> set[str]:
    """The modules of the repository that a Python in it runs."""
    log.write_text("", "utf-8")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([path, environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *command],
        cwd=repo.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return set(log.read_text("utf-8").split())


@pytest.mark.parametrize("words", ["--version", "show", "show --json", "run -S train.lr=0.2 -- true"])
def test_no_module_of_the_repository_runs(repo: Workspace, log: Path, tmp_path: Path, words: str) -> None:
    """But those with which Python itself starts, before gitexp."""
    for path in (".", f"{repo.path}/"):
        by_python = ran(repo, log, str(tmp_path / "nothing"), path=path)
        assert by_python, "PYTHONPATH counts"
        assert ran(repo, log, str(tmp_path / "gitexp"), *words.split(), path=path) <= by_python
    # `python -m` looks for the module by more of Python's own, in the current folder.
    by_python = ran(repo, log, "-c", "import runpy, importlib, warnings")
    assert ran(repo, log, "-m", "gitexp", *words.split()) <= by_python
    assert ran(repo, log, "-P", "-m", "gitexp", *words.split()) == set()


def test_the_command_has_the_users_path(repo: Workspace) -> None:
    script = "import os, sys; print(os.environ['PYTHONPATH'], sys.path[1])"
    environment = {**os.environ, "PYTHONPATH": f"{repo.path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        [*GITEXP, "run", "--", sys.executable, "-c", script],
        cwd=repo.path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{environment['PYTHONPATH']} {repo.path}\n"


@pytest.mark.parametrize("words", ["show", "run -- true", "init", "list --json"])
def test_a_folder_that_is_gone_is_an_error(tmp_path: Path, words: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    program = (
        f"import os, sys; os.rmdir({str(folder)!r}); os.execv(sys.executable, {[*GITEXP, *words.split()]})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The current folder has been deleted." in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
