"""Which untracked files are no part of an experiment: `.gitexpignore`, and what looks like a secret."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Sequence
from fnmatch import translate
from functools import cache
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.files.command_words import credentials
from gitexp.project import links
from gitexp.regex import regex
from gitexp.repo.git.snapshot import Verdict

IGNORE_FILE = ".gitexpignore"
_MOST = 1 << 18  # bytes of it
_MOST_STARS = 3

SECRETS = (
    *(".env*", "*.pem", "*.p12", "*.pfx", "*.jks", "*.kdbx", "*.keystore"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".git-credentials", ".netrc", "_netrc"),
    *(".pypirc", ".npmrc", ".htpasswd", ".dockercfg", "credentials.json", "client_secret*.json"),
    *("service-account*.json", "service_account*.json", "kaggle.json"),
    *("secrets.*", "credentials", "*.env", "*.key", "*.ppk", "*.tfvars"),
    *(".aws", ".ssh", ".gnupg", ".kube", ".docker"),
)
SECRET = "looks like a secret"
KEY_INSIDE = "has a key or token in it"
_SECRET = regex("|".join(translate(pattern) for pattern in SECRETS), re.IGNORECASE)
# The longest text without a star of each: a name without any of them is no secret.
_FRAGMENTS = tuple({max(pattern.split("*"), key=len).lower() for pattern in SECRETS})
_PYTHON = regex(r".*\.py[ix]?", re.IGNORECASE)


def rule(root: Path) -> Callable[[str], Verdict]:
    """A function of an untracked path: the reason to leave it out of a snapshot, or None.

    A file looks like a secret by its name, or, for a small text below `root`, by a key in the text.

    `.gitexpignore` at the root has the syntax of .gitignore; `!name` keeps a file with a secret's name.
    """
    asked = _ignored_by_user(root / IGNORE_FILE)

    def leave_out(path: str) -> Verdict:
        if path.split("/", 1)[0] == ".gitexp":
            return "gitexp's own"
        match asked(path):
            case True:
                return f"named in {IGNORE_FILE}"
            case False:
                return None
        if _is_secret(PurePosixPath(path).parts):
            return SECRET
        return KEY_INSIDE if _has_key(root / path) else None

    return cache(leave_out)


def may_hold_secrets(text: str) -> bool:
    """Whether a path, or a list of paths, is worth a closer look; a long list costs little."""
    lower = text.lower()
    return any(fragment in lower for fragment in _FRAGMENTS)


def _is_secret(parts: Sequence[str]) -> bool:
    if not may_hold_secrets("/".join(parts)):
        return False
    found = [part for part in parts if _SECRET.match(part)]
    # `secrets.py` and `credentials/store.py` are code; what is in .aws or .env is not.
    return any(part.startswith(".") for part in found) or bool(found and not _PYTHON.fullmatch(parts[-1]))


def _has_key(file: Path) -> bool:
    try:
        found = file.lstat()
        if not stat.S_ISREG(found.st_mode) or not found.st_size or found.st_size > credentials.LARGEST:
            return False
        return credentials.has_key_in(file.read_bytes())
    except OSError:  # the snapshot says so
        return False


def _ignored_by_user(file: Path) -> Callable[[str], bool | None]:
    """A function of a path: True for left out, False for kept by a `!` line, None for not mentioned."""
    lines = _lines(file)
    if not lines:
        return lambda path: None
    from pathspec import GitIgnoreSpec  # 30 ms, and few repositories have the file

    spec = GitIgnoreSpec([])
    for number, line in enumerate(lines, 1):
        if _takes_for_ever(line):
            raise errors.ConfigError(
                f"this pattern has too many stars: {line[:60]}",
                f"At most {_MOST_STARS} can stand between two slashes, and {_MOST_STARS} times ** in a line.",
                file=IGNORE_FILE,
                line=number,
            )
        try:
            spec += GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            raise errors.ConfigError(f"this is no pattern: {line}", file=IGNORE_FILE, line=number) from error
    return lambda path: spec.check_file(path).include


def _takes_for_ever(line: str) -> bool:
    """Whether a pattern has so many stars that a long name would be tried in millions of ways."""
    parts = line.split("/")
    return parts.count("**") > _MOST_STARS or any(part.count("*") > _MOST_STARS for part in parts)


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        return []
    links.require_inside(file.parent, file, IGNORE_FILE)
    with file.open("rb") as stream:
        data = stream.read(_MOST + 1)
    if len(data) > _MOST:
        raise errors.ConfigError(f"this file is larger than {_MOST >> 10} kB", file=IGNORE_FILE)
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return [line.removesuffix("\r") for line in lines]  # at no other line break: names may have these
