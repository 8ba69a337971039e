"""Where measuring happens: one folder, one environment, the tools, and repositories made once.

Nothing of the person's own configuration counts: home, Git configuration and caches are the lab's.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from benchmarks import generate, peers

COLUMNS = 160

_GIT_CONFIG = "[user]\n\tname = Ada Bench\n\temail = ada@bench.invalid\n[init]\n\tdefaultBranch = main\n"
_DVC_CONFIG = "[core]\n    analytics = false\n    check_update = false\n"


class Lab:
    """`root` keeps DVC and generated repositories from one time to the next; `scratch` is this time's."""

    def __init__(
        self, root: Path, *, runs: int, with_dvc: bool, quick: bool = False, cold_disk: bool = False
    ) -> None:
        self.root = root = root.resolve()
        self.runs = runs
        self.with_dvc = with_dvc
        self.quick = quick
        self.cold_disk = cold_disk
        root.mkdir(exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=root))
        self.home = self.scratch / "home"
        (self.home / ".config" / "dvc").mkdir(parents=True)
        (self.home / ".config" / "dvc" / "config").write_text(_DVC_CONFIG)
        (self.home / ".gitconfig").write_text(_GIT_CONFIG)
        self.env = self._environment()

    @cached_property
    def gitexp(self) -> list[str]:
        """How gitexp is started: the program that was installed beside this Python."""
        program = Path(sys.executable).with_name("gitexp")
        if not program.exists():
            raise SystemExit("gitexp is not installed beside this Python: pip install -e '.[dev]'")
        return [str(program)]

    @cached_property
    def dvc(self) -> str:
        return str(peers.install())

    @property
    def python(self) -> str:
        """The interpreter that gitexp itself runs on."""
        return sys.executable

    def experiments(self, count: int, *, points: int = 0) -> Path:
        """A repository with `count` experiments of gitexp, with series of so many points."""
        name = f"series-{count}-{points}" if points else f"gitexp-{count}"
        return self.kept(
            name, lambda where: generate.gitexp_experiments(where, count, self.env, points=points)
        )

    def dvc_experiments(self, count: int) -> Path:
        """A repository with the same experiments as DVC's."""
        return self.kept(f"dvc-{count}", lambda where: generate.dvc_experiments(where, count, self.env))

    def project(self, name: str, files: int, *, dvc: bool = False) -> Path:
        """A new repository of `files` small files to train in."""
        where = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch)) / "project"
        generate.project(where, files, self.env, dvc=dvc)
        return where

    def forget_gitexp(self, repository: Path) -> None:
        """Deletes whatever gitexp may have kept to be quicker the next time."""
        self._delete(repository / ".git" / "gitexp", self.home / ".cache" / "gitexp")

    def forget_dvc(self, repository: Path) -> None:
        """Deletes what DVC kept: its experiment cache and its site-wide cache."""
        self._delete(repository / ".dvc" / "tmp", self.home / "dvc-site-cache")

    def clear(self) -> None:
        """Deletes what was made for one case: with its data, that may be ten gigabytes."""
        self._delete(*(folder for folder in self.scratch.iterdir() if folder != self.home))

    def close(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _delete(self, *folders: Path) -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def kept(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder of that name, made anew when the code that makes it has changed."""
        where = self.root / "repositories" / f"{name}-{generate.fingerprint()[:10]}"
        if not where.exists():
            print(f"generating {name} …", file=sys.stderr)
            where.parent.mkdir(parents=True, exist_ok=True)
            for old in where.parent.glob(f"{name}-*"):
                shutil.rmtree(old)
            unfinished = Path(tempfile.mkdtemp(dir=self.scratch)) / name
            make(unfinished)
            unfinished.rename(where)
        return where

    def _environment(self) -> dict[str, str]:
        """The whole environment of every measured process.

        The interpreter's own folder comes first, so that `python` is neither a version manager's
        shim, which costs more than what is measured, nor a virtual environment.
        """
        return {
            "PATH": os.pathsep.join(
                [str(Path(sys.base_prefix) / "bin"), os.defpath, os.environ.get("PATH", "")]
            ),
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.home / "dvc-site-cache"),
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
            "PAGER": "cat",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "USER": "bench",
        }
