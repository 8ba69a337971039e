"""Calls of Git for one worktree, and what Git's settings say.

`--end-of-options` or `--stdin -z` stands before all text from outside. The environment names the repository
in full: a caller's GIT_DIR or GIT_INDEX_FILE is never inherited by accident. `gitexp.repo.git.launch` starts
Git. No word of the domain is known here.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import disk_settings, failures, launch
from gitexp.repo.git.launch import Git, Tell

# The `env` of a call that writes files: for these a partial clone may fetch objects that it lacks.
FETCHING = {"GIT_NO_LAZY_FETCH": "0"}

_OF_USER = ("system", "global", "command")  # the scopes of settings that no repository brings
# Of these, Git reads .gitignore or .gitattributes of the workspace.
_READ_BY_GIT = {".gitignore", ".gitattributes"}
_LOOKS_AT_FILES = ("status", "check-ignore", "check-attr", "hash-object", "update-index", "diff")


class GitCalls:
    """Git, called for one worktree of a repository.

    Attributes:
        root: the folder of the worktree, absolute like all paths here.
        git_dir: the Git folder of the worktree.
        common_dir: the Git folder shared by all worktrees.
        index: the user's index.
        object_format: "sha1" or "sha256".
        settings: configuration in place of the user's, by key.
    """

    def __init__(
        self,
        root: Path,
        git_dir: Path,
        common_dir: Path,
        index: Path,
        object_format: str = "sha1",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.index = index
        self.object_format = object_format
        self.settings = dict(settings or {})
        self._git = Git(root)  # a Path: GitPython expands ~ and $HOME in a string
        self._environment = {
            **launch.ENVIRONMENT,
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": str(common_dir),
            "GIT_WORK_TREE": str(root),
        }
        self._disk: dict[str, str] | None = None  # what the disk can do, as Git's settings

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        index: Path | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool = False,
    ) -> bytes:
        """The standard output of `git <args>` in the worktree; raises GitFailed.

        Args:
            stdin: the standard input for Git.
            index: the index to use; None: the user's.
            env: changes to the environment.
            durable: have new objects and refs flushed to the disk.
        """
        status, out, err = self.call(*args, stdin=stdin, index=index, env=env, durable=durable)
        if status != 0:
            raise failures.failure(args, status, err)
        return out

    def call(
        self,
        *args: str,
        stdin: bytes | None = None,
        index: Path | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool = False,
        inherits: Sequence[int] = (),
    ) -> tuple[int, bytes, str]:
        """The exit status (negative for a signal), the output and the errors of `git <args>`.

        The descriptors `inherits` are open in Git too; else as in `run`.
        """
        on_wait = None
        if args[0] in _LOOKS_AT_FILES or "--exclude-standard" in args:
            self._refuse_pipes()
            on_wait = self._refuse_pipes_below
        environment = {**self._environment, "GIT_INDEX_FILE": str(index or self.index), **(env or {})}
        settings = {**(self._disk or {}), **self.settings}
        options = []
        for key, value in settings.items():
            options += ["-c", f"{key}={value}"]
        command = [*options, *(launch.DURABLE if durable else ()), *args]
        return launch.execute(self._git, command, environment, stdin, inherits, on_wait)

    def _refuse_pipes_below(self) -> None:
        """The same for every folder: looked for only when Git has waited for seconds."""
        for folder, inner, names in os.walk(self.root):
            inner[:] = [name for name in inner if name != ".git"]
            for name in _READ_BY_GIT.intersection(names):
                _refuse_pipe(Path(folder, name))

    def _refuse_pipes(self) -> None:
        """Raise RepositoryError for a pipe that Git would read: it would wait without end."""
        places = [self.root / ".gitignore", self.root / ".gitattributes"]
        places += [self.common_dir / "info" / "exclude", self.common_dir / "info" / "attributes"]
        for file in places:
            _refuse_pipe(file)

    def call_telling(
        self, *args: str, tell: Tell, env: Mapping[str, str], stdin: bytes = b"", hooks: bool = False
    ) -> tuple[int, bytes, str]:
        """The result of `call`, with `tell` called for each line of standard error, with or without hooks."""
        environment = {**self._environment, "GIT_INDEX_FILE": str(self.index), **env}
        return launch.execute_telling(self._git, args, environment, tell, stdin, hooks=hooks)

    @cached_property
    def config(self) -> Mapping[str, str]:
        """All configuration of this repository; a repeated key has its last value."""
        config: dict[str, str] = {}
        for item in self.run("config", "--list", "-z").split(b"\0"):
            key, _, value = item.decode("utf-8", "surrogateescape").partition("\n")
            config[key] = value
        return config

    def users_setting(self, key: str) -> str | None:
        """The value of a setting made by the user for all repositories; None if none exists.

        To be asked for what names a program: the settings of this repository may be a stranger's.
        """
        _, out, _ = self.call("config", "--show-scope", "-z", "--get-all", key)
        words = iter(out.decode("utf-8", "surrogateescape").split("\0"))
        values = [value for scope, value in zip(words, words, strict=False) if scope in _OF_USER]
        return values[-1] if values else None

    def ask_disk(self, scratch: Path) -> None:
        """Have Git go by what the disk of the worktree can do. The disk is asked once, in `scratch`."""
        if self._disk is None:
            self._disk = disk_settings.ask(self.root, scratch)

    def has_modes(self) -> bool:
        """Whether the disk, or Git where the disk cannot be asked, knows executable files."""
        scratch = self.common_dir / "gitexp" / "tmp"
        if scratch.is_dir():
            self.ask_disk(scratch)
        if "core.fileMode" in (self._disk or {}):
            return True
        return is_true(self.config.get("core.filemode", "true"))

    def has_plain_disk(self) -> bool:
        """Whether the disk, by `ask_disk`, knows executable files, links, and upper and lower case."""
        disk = self._disk or {}
        knows = (disk.get("core.fileMode"), disk.get("core.symlinks"), disk.get("core.ignoreCase"))
        return knows == ("true", "true", "false")


def is_true(value: str | None) -> bool:
    """Whether a configuration value means yes; no boolean (`input`, say) means no."""
    return value is not None and value.lower() in ("true", "yes", "on", "1")


def _refuse_pipe(file: Path) -> None:
    """Raise RepositoryError if a file is a pipe."""
    with contextlib.suppress(OSError):
        if stat.S_ISFIFO(file.stat().st_mode):
            raise errors.RepositoryError(
                f"{file} is a pipe: Git would wait for somebody to write into it.",
                f"Remove it: rm {shlex.quote(str(file))}",
                code="untrusted-repository",
            )
