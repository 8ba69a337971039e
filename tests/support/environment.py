"""The environment of every test: nothing of the machine's owner, nothing that changes by the day."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# Everything else is left out, so that no setting of the person or the CI job can reach a test.
_KEPT = (
    "PATH",
    "PATHEXT",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "COMSPEC",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)
_KEPT_PREFIXES = ("COVERAGE_CORE", "PYTEST", "PYTHON", "HYPOTHESIS")
_LEFT_OUT = ("PYTHONDONTWRITEBYTECODE",)  # each process would compile all that it imports

_CHECKOUT = Path(__file__).parent.parent.parent

_HOMES = (
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)

IDENTITY = ("Test Author", "author@example.invalid")
WHEN = "1704067200 +0000"  # 2024-01-01; in any other form gitexp asks Git for the date of each commit


def bare_python(folder: Path) -> Path:
    """A folder with a `python` for training scripts, also where the machine has only a `python3`.

    It is this one, in a virtual environment without packages: what packages add to each start (coverage
    above all) takes longer than most scripts.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True)
    if sys.platform != "win32":
        python = Path(getattr(sys, "_base_executable", sys.executable))
        (programs / "python").symlink_to(python)
        settings = f"home = {python.parent}\ninclude-system-site-packages = false\n"
        (folder / "pyvenv.cfg").write_text(settings, "utf-8")
    return programs


# `git commit` and `git push` start no process that looks for garbage, and a new repository has no samples of
# hooks: each test would copy them and look at them.
_SETTINGS = """\
[maintenance]
	auto = false
[gc]
	auto = 0
[receive]
	autogc = false
[init]
	templateDir = {template}
"""


def git_settings(folder: Path) -> Path:
    """The file with Git's settings for all tests, made in `folder` with what it names."""
    template = folder / "git-template"
    (template / "info").mkdir(parents=True)
    (template / "info" / "exclude").touch()
    file = folder / "gitconfig"
    file.write_text(_SETTINGS.format(template=template.as_posix()), "utf-8")
    return file


def hermetic(environ: Mapping[str, str], home: Path, programs: Path, settings: Path) -> dict[str, str]:
    """The variables for tests, made from `environ` and an empty `home` that nobody may write to.

    `programs` is a folder that comes first on the PATH, `settings` the file with Git's settings.
    """
    name, email = IDENTITY
    # GITEXP_TEST_GIT=/path/to/git runs the tests with another Git than the one on the PATH.
    other_git = [str(Path(git).absolute().parent)] if (git := environ.get("GITEXP_TEST_GIT")) else []
    kept = {
        key: value
        for key, value in environ.items()
        if key in _KEPT or (key.startswith(_KEPT_PREFIXES) and key not in _LEFT_OUT)
    }
    return kept | {
        "PATH": os.pathsep.join(
            [*other_git, str(programs), str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]
        ),
        # What is tested is the gitexp that stands here, whichever one is installed.
        "PYTHONPATH": str(_CHECKOUT),
        **dict.fromkeys(_HOMES, str(home)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": WHEN,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": WHEN,
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
    }
