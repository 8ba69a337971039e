"""Which untracked files are no part of an experiment: `.gitexpignore`, and what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from pathlib import Path, PurePosixPath

from gitexp.repo.snapshot import Verdict

IGNORE_FILE = ".gitexpignore"

SECRETS = (
    *(".env*", "*.pem", "*.p12", "*.pfx", "*.jks", "*.kdbx", "*.keystore"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".git-credentials", ".netrc", "_netrc"),
    *(".pypirc", ".npmrc", ".htpasswd", ".dockercfg", "credentials.json", "client_secret*.json"),
    *("service-account*.json", "service_account*.json", "kaggle.json"),
    *("secrets.*", "credentials", "*.env", "*.key", "*.ppk", "*.tfvars"),
    *(".aws", ".ssh", ".gnupg", ".kube", ".docker"),
)
_SECRET = re.compile("|".join(translate(pattern) for pattern in SECRETS), re.IGNORECASE)
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
        return "looks like a secret" if _is_secret(PurePosixPath(path).parts) else None

    return leave_out


def _is_secret(parts: Sequence[str]) -> bool:
    found = [part for part in parts if _SECRET.match(part)]
    # `secrets.py` and `credentials/store.py` are code; what is in .aws or .env is not.
    return any(part.startswith(".") for part in found) or bool(found and not _PYTHON.fullmatch(parts[-1]))


def _ignored_by_user(file: Path) -> Callable[[str], bool | None]:
    """Return a function: True for left out, False for kept by a `!` line, None for not mentioned."""
    if not file.is_file():
        return lambda path: None
    lines = file.read_text("utf-8", "surrogateescape").splitlines()
    # Imported where it is needed: it costs 30 ms, and few repositories have the file.
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda path: spec.check_file(path).include
