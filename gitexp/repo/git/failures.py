"""Git's messages of failure as gitexp's errors. The messages are English: Git runs with LC_ALL=C."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.regex import regex
from gitexp.words import squeezed

_UNWRITABLE = regex(
    r"read-only file system|insufficient permission for adding"
    r"|(unable to|cannot|could not) (append|create|lock|write).*permission denied"
)

_NO_OBJECT = regex(
    r"(missing|bad|nonexistent|invalid) object|unpack tree object|object file .* is empty"
    r"|(loose|packed) object .* corrupt|unable to unpack [0-9a-f]{40}"
    r"|(unable to|cannot|could not) (read|find|parse) (object|tree|commit|sha1 file|[0-9a-f]{40})"
)
_FILTER = regex(r"(?:external filter|initialization for subprocess) '(?P<command>[^\n]*?)' failed")
_DRIVER = regex(r"(?:(?P<path>[^\n]*): )?(?:clean|smudge) filter '(?P<name>[^'\n]+)' failed")
_HUNG_UP = "the remote end hung up unexpectedly"  # of a local Git: its filter process has died
_OF_FILTER = regex(
    r"external filter '.*' failed|subprocess '.*' failed|(?:clean|smudge) filter '.*' failed"
    r"|hung up unexpectedly|client identification|packet write"
)
_LOCKED = regex(r"unable to create '(.+\.lock)': file exists", re.IGNORECASE)

_FULL = ("no space left on device", "disk quota exceeded", "out of diskspace")


def no_repository(start: Path, lines: Sequence[str], err: str) -> errors.GitexpError:
    """The error for a folder where `git rev-parse` fails; `lines` are its answers by then."""
    if "dubious ownership" in err:
        return errors.RepositoryError(
            f"Git refuses this repository because somebody else owns it: {start}",
            "If you trust it, run: git config --global --add safe.directory <its folder>",
            code="untrusted-repository",
        )
    if lines[:1] == ["true"] or lines[1:2] == ["true"] or "cannot use bare repository" in err:
        return errors.RepositoryError(
            "This is a repository without a workspace (bare, or inside .git).",
            "Go to a clone or a worktree of it and run gitexp there.",
            code="bare-repository",
        )
    if "not a git repository" in err.lower() or "GIT_DIR" in err:
        return errors.RepositoryError(
            f"Not inside a Git repository: {start}",
            "Go to your project's folder, or make it one: git init && git add . && git commit -m start",
            code="not-a-repository",
        )
    return failure(["rev-parse"], 128, err)


def missing() -> errors.RepositoryError:
    """The error for a machine without Git."""
    return errors.RepositoryError(
        "Git is not installed, or not on PATH.", "Install Git 2.30 or newer.", code="git-missing"
    )


def not_started(args: Sequence[str], error: OSError) -> errors.GitexpError:
    """The error for a Git process that the operating system would not start."""
    if shutil.which("git") is None:
        return missing()
    return errors.GitFailed(
        f"git {_verb(args)} could not be run: {error.strerror or error}", way_to_start(error)
    )


def way_to_start(error: OSError) -> str:
    """The hint for what the operating system refuses."""
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return "Too many files are open: end other programs, or raise the limit: ulimit -n 4096"
        case errno.ENOMEM:
            return "There is not enough memory: end other programs, then run the command again."
        case errno.EAGAIN:
            return "There are too many processes: end some, or raise the limit: ulimit -u"
        case errno.ENOENT | errno.ENOTDIR:
            if error.filename and _is_somewhere():
                return "Is there such a folder? GITEXP_DEBUG=1 shows where."
            return "Is the folder you stand in still there? GITEXP_DEBUG=1 shows where."
        case errno.EACCES | errno.EPERM:
            return "Check who owns it, and its permissions."
        case errno.EROFS:
            return "Its file system is read-only."
    return "GITEXP_DEBUG=1 shows where."


def _is_somewhere() -> bool:
    try:
        Path.cwd()
    except OSError:  # the folder has been removed
        return False
    return True


def failure(args: Sequence[str], status: int, err: str) -> errors.GitexpError:
    """The error for a Git process that failed: DiskFull, ReadOnlyRepository or else GitFailed."""
    what = sentence(err)
    lower = err.lower()
    if any(words in lower for words in _FULL):
        return errors.DiskFull("The disk is full: Git could not write.", "Free some space and run again.")
    if _UNWRITABLE.search(lower):
        return errors.ReadOnlyRepository(
            f"The repository cannot be written: {what}", "Check the permissions of its .git folder."
        )
    message, hint = _told(args, status, err)
    return errors.GitFailed(message, hint, status=status, stderr=err)


def _told(args: Sequence[str], status: int, err: str) -> tuple[str, str]:
    """The sentence and the hint for a Git process that failed."""
    what, lower = sentence(err), err.lower()
    if "promisor remote" in lower or "lazy fetching disabled" in lower:
        return (
            f"This partial clone lacks what is needed: {what}",
            "Let Git fetch it: git show or git diff of the same commits does.",
        )
    if status < 0:
        return (
            f"git {_verb(args)} was killed by signal {-status}.",
            "Is there enough memory? Run the command again.",
        )
    if (lock := lock_in(err)) is not None:
        return (
            f"Another Git holds the lock {lock}, or has died over it.",
            "Run the command again; after a minute gitexp doctor --fix clears it, or says what to do.",
        )
    if (filtered := filter_failure(err)) is not None:
        return filtered
    if _NO_OBJECT.search(lower):
        return (
            f"An object is missing or damaged: {what}",
            "gitexp doctor says which experiments lack some, and --fix mends what it can.",
        )
    return (
        f"git {_verb(args)} failed: {what or f'exit status {status}'}",
        "GITEXP_DEBUG=1 shows where; git fsck tells whether the repository is sound.",
    )


def filter_failure(err: str) -> tuple[str, str] | None:
    """The sentence and the hint for a filter of Git's attributes that fails; None for another failure."""
    driver, command = _DRIVER.search(err), _FILTER.search(err)
    if driver is None and command is None and _HUNG_UP not in err:
        return None
    name, program, where = "", "", ""
    if driver is not None and (path := driver["path"]):
        where = f" for {path.split(': ', 1)[-1]}"
    if driver is not None:
        name = f" '{driver['name']}'"
    if command is not None:
        program = f" ({command['command']})"
    words = []
    for line in err.splitlines():
        if line.strip() and not _OF_FILTER.search(line):
            words.append(line.strip())
    said = ""
    if words:
        said = f": {squeezed(words[0])}"
    return (
        f"The filter{name}{program} of .gitattributes{where} does not work{said}",
        "Install its program (git lfs install, say), or take filter= out of .gitattributes.",
    )


def lock_in(err: str) -> str | None:
    """The path of the lock file that Git could not make; None for another failure."""
    found = _LOCKED.search(err)
    return found[1] if found is not None else None


def reason(error: errors.GitFailed) -> str:
    """The reason in Git's own words, to stand after a colon."""
    return sentence(error.stderr) or error.message


def _verb(args: Sequence[str]) -> str:
    return next((arg for arg in args if not arg.startswith("-") and "=" not in arg), "git")


def sentence(err: str) -> str:
    """The line of Git's error output that says most, without its prefix."""
    lines = [line.strip() for line in err.split("\n") if line.strip()]
    for line in lines:
        if line.startswith(("fatal: ", "error: ")):
            return line.split(": ", 1)[-1]
    return lines[0].split(": ", 1)[-1] if lines else ""
