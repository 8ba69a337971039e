"""What looks like a secret: the name of an option or a variable, and a text with a key in it.

The names are the words of `project.exclusions.SECRETS`, which guards files. A count of tokens, or the name of
a file, is no secret: `--max-tokens 512`, `--eos-token`, `--password-file`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from gitexp.masks import without_credentials
from gitexp.regex import regex

LARGEST = 64 * 1024  # bytes of a file that is looked into

_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET = frozenset(
    {"password", "passwd", "passphrase", "passcode", "pwd", "secret", "secrets", "credential", "credentials"}
    | {"apikey", "authtoken", "accesstoken", "accesskey", "secretkey", "privatekey", "bearer"}
)
_LAST = frozenset({"auth", "authorization", "cookie", "cookies", "pat", "dbpass"})  # only as the last word
_KEYS = frozenset(
    {"api", "access", "secret", "private", "auth", "encryption", "signing", "account", "storage", "service"}
    | {"ssh", "license", "licence", "subscription", "master", "admin", "wandb", "openai", "hf", "deploy"}
)
# What stands before `token` where it is a piece of a text.
_PIECES = frozenset(
    {"pad", "eos", "bos", "unk", "mask", "cls", "sep", "image", "audio", "video", "start", "end", "stop"}
    | {"special", "prefix", "suffix", "placeholder", "trigger", "next", "first", "last", "per", "max", "min"}
    | {"num", "new", "initializer", "prompt", "instance", "class", "begin", "by", "eot", "eod", "pooling"}
    | {"decoder", "encoder", "forced", "target", "source", "modifier", "learnable", "concept"}
)
_HOLDERS = frozenset(
    {"db", "database", "user", "smtp", "mail", "ftp", "http", "proxy", "admin", "root", "login", "key", "pg"}
    | {"redis", "mysql", "postgres", "mongo", "basic", "git"}
)
_ABOUT = frozenset(
    {"file", "files", "path", "dir", "folder", "name", "names", "env", "var", "id", "ids", "type", "length"}
    | {
        "len",
        "size",
        "count",
        "url",
        "uri",
        "ttl",
        "expiry",
        "field",
        "column",
        "manager",
        "provider",
        "weight",
    }
    | {"loss", "mode", "scheme", "method"}
)
_NOT_SECRET = regex(r"[-+]?[\d.]*(?:[eE][-+]?\d+)?|true|false|none|null|yes|no", re.IGNORECASE)

_KEY = regex(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-1[A-Z0-9]{20}"
    rb"|aws_secret_access_key\s*[=:]\s*['\"]?[A-Za-z0-9/+]{30}"
    rb"|(?<![A-Za-z0-9_-])(?:"
    rb"sk-(?:[A-Za-z0-9]+-){0,3}[A-Za-z0-9_]{16}"
    rb"|gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}|glpat-[\w-]{16}"
    rb"|hf_[A-Za-z0-9]{20}|r8_[A-Za-z0-9]{30}|gsk_[A-Za-z0-9]{20}|nvapi-[\w-]{20}|xai-[A-Za-z0-9]{20}"
    rb"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30}|ya29\.[\w-]{20}|dapi[0-9a-f]{32}"
    rb"|xox[abeoprs]-[\w-]{10}|[rs]k_(?:live|test)_[A-Za-z0-9]{16}|SG\.[\w-]{16,}\.[\w-]{16}"
    rb"|npm_[A-Za-z0-9]{30}|pypi-[\w-]{40}|dop_v1_[0-9a-f]{32}|shp(?:at|ss|ca|pa)_[0-9a-f]{20}"
    rb"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10}"
    rb")"
)


def is_secret_name(name: str) -> bool:
    """Whether the name of an option or variable promises a secret value: `api_key`, `HF_TOKEN`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    before = words[-2] if len(words) > 1 else ""
    match words[-1]:
        case "token":
            return before not in _PIECES
        case "key" | "keys":
            return before in _KEYS
        case "pass":
            return before in _HOLDERS
        case last if last in _LAST:
            return True
    pairs = set(pairwise(words))
    return not _SECRET.isdisjoint(words) or ("api", "key") in pairs


def is_secret(name: str, value: str) -> bool:
    """Whether a value must not be stored: by the name of its option or variable, or by its looks."""
    if looks_secret(value):
        return True
    if not is_secret_name(name) or not value:
        return False
    return "pass" in name.lower() or _NOT_SECRET.fullmatch(value) is None


def looks_secret(text: str) -> bool:
    """Whether a text has a key or token of a usual form in it, or a URL with a password."""
    return without_credentials(text) != text or _KEY.search(text.encode("utf-8", "replace")) is not None


def has_key_in(content: bytes) -> bool:
    """The same for the content of a file; never true for binary content."""
    if len(content) > LARGEST or b"\0" in content:
        return False
    return _KEY.search(content) is not None
