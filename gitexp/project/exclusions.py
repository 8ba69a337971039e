"""Which untracked files are no part of an experiment: `.gitexpignore`, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.repo.git.snapshot import Verdict

IGNORE_FILE = ".gitexpignore"
_MOST = 1 << 18  # bytes of it

SECRETS = (
    *(".env*", "*.pem", "*.p12", "*.pfx", "*.jks", "*.kdbx", "*.keystore"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".git-credentials", ".netrc", "_netrc"),
    *(".pypirc", ".npmrc", ".htpasswd", ".dockercfg", "credentials.json", "client_secret*.json"),
    *("service-account*.json", "service_account*.json", "kaggle.json"),
    *("secrets.*", "credentials", "*.env", "*.key", "*.ppk", "*.tfvars"),
    *(".aws", ".ssh", ".gnupg", ".kube", ".docker"),
)
SECRET = "looks like a secret"
_SECRET = re.compile("|".join(translate(pattern) for pattern in SECRETS), re.IGNORECASE)
# The longest text without a star of each: a name without any of them is no secret.
_FRAGMENTS = tuple({max(pattern.split("*"), key=len).lower() for pattern in SECRETS})
_PYTHON = re.compile(r".*\.py[ix]?", re.IGNORECASE)


def rule(root: Path) -> Callable[[str], Verdict]:
    """Return the function that says why an untracked path is left out of a snapshot, or None.

    `.gitexpignore` at the root has the syntax of .gitignore; `!name` there keeps a file that would
    be taken for a secret.
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
        return SECRET if _is_secret(PurePosixPath(path).parts) else None

    return leave_out


def may_hold_secrets(text: str) -> bool:
    """Return whether a path, or a list of paths, is worth a closer look; a long list costs little."""
    lower = text.lower()
    return any(fragment in lower for fragment in _FRAGMENTS)


def _is_secret(parts: Sequence[str]) -> bool:
    found = [part for part in parts if _SECRET.match(part)]
    # `secrets.py` and `credentials/store.py` are code; what is in .aws or .env is not.
    return any(part.startswith(".") for part in found) or bool(found and not _PYTHON.fullmatch(parts[-1]))


def _ignored_by_user(file: Path) -> Callable[[str], bool | None]:
    """Return a function: True for left out, False for kept by a `!` line, None for not mentioned."""
    lines = _lines(file)
    if not lines:
        return lambda path: None
    # Imported where it is needed: it costs 30 ms, and few repositories have the file.
    from pathspec import GitIgnoreSpec
    from pathspec.pattern import RegexPattern

    spec = GitIgnoreSpec([])
    for number, line in enumerate(lines, 1):
        try:
            spec += GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            raise errors.ConfigError(f"this is no pattern: {line}", file=IGNORE_FILE, line=number) from error
    for pattern in spec.patterns:
        if isinstance(pattern, RegexPattern) and pattern.regex is not None:
            pattern.regex = re.compile(_without_retries(pattern.regex.pattern))
    return lambda path: spec.check_file(path).include


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        return []
    with file.open("rb") as stream:
        data = stream.read(_MOST + 1)
    if len(data) > _MOST:
        raise errors.ConfigError(f"this file is larger than {_MOST >> 10} kB", file=IGNORE_FILE)
    return data.decode("utf-8", "surrogateescape").splitlines()


# What pathspec makes of `*` and of `**/`, at the start of a pattern and later.
_STAR, _DEEP_START, _DEEP = "[^/]*", "^(?:.+/)?", "(?:/.+)?"
_ONE = (
    rf"(?!{re.escape(_STAR)})(?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^/()\[\\])"  # what stands for one character
)
_STAR_AND_MORE = re.compile(rf"{re.escape(_STAR)}((?:{_ONE})*)(?={re.escape(_STAR)})")


def _without_retries(regex: str) -> str:
    """Return a regular expression of pathspec's that matches the same, in time that does not explode.

    `*a*a*a*b` is tried at every way to spread the stars, which takes hours for one long name; but of a
    star that another one follows only the shortest match needs to be tried, and so with `**/`.
    """
    regex = regex.replace("[^", "[^/").replace("[^//", "[^/")  # no class matches a slash: gitignore(5)
    regex = _STAR_AND_MORE.sub(r"(?>[^/]*?\1)", regex)
    first, *rest = regex.split(_DEEP)
    if not rest:
        return regex
    if first.startswith(_DEEP_START):
        first = f"^(?>(?:.+?/)??{first.removeprefix(_DEEP_START)}(?=/))"
    between = (f"(?>(?:/.+?)??{part}(?=/))" for part in rest[:-1])
    return "".join([first, *between, _DEEP, rest[-1]])
