"""Which paths a file from somebody else's repository may name, on any system.

What is fetched may be written by a stranger, and what is safe here is read by colleagues on Windows and
macOS: one rule for all, so that a manifest or a lock means the same everywhere or is refused everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_LONGEST = 4096  # bytes, of a path; most systems take no more
_LONGEST_PART = 255
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udbff]|[\udc00-\udc7f]|\\\\")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:[.:].*)?")
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")  # by HFS+, wherever they stand
_OURS = {".git", "git~1", ".gitexp", "gitexp~1"}


def why_unsafe(path: str, *, only_read: bool = False) -> str | None:
    """Return why a relative path with slashes must not be written to, or None if it may.

    Bytes that are not UTF-8 are allowed, as surrogates (`os.fsdecode`); the names of devices are where
    the path is `only_read`.
    """
    if not path:
        return "it is empty"
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "it is absolute"
    if _CONTROL.search(path):
        return "it has a control character or a backslash"
    if len(path.encode("utf-8", "surrogateescape")) > _LONGEST:
        return "it is too long"
    return next((why for part in path.split("/") if (why := _why_unsafe(part, only_read)) is not None), None)


def _why_unsafe(part: str, only_read: bool) -> str | None:
    if part in ("", ".", ".."):
        return "a part of it is empty, . or .."
    if len(part.encode("utf-8", "surrogateescape")) > _LONGEST_PART:
        return "it is too long"
    # Windows drops dots and spaces at the end, and what follows a colon names a stream of the same file.
    plain = _IGNORED.sub("", part).partition(":")[0].rstrip(". ").lower()
    if plain in _OURS:
        return f"it leads into {plain}"
    if not only_read and _DEVICE.fullmatch(part.lower()):
        return "it has the name of a device"
    return None


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two of the paths that are one file on a system that does not tell case or accents' forms
    apart, or of which one would have to be a folder for the other; None if there are no such two."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        same = _folded(path)
        if same in found:
            return found[same], path
        found[same] = path
    for same, path in found.items():
        at = same.find("/")
        while at >= 0:
            if same[:at] in found:
                return found[same[:at]], path
            at = same.find("/", at + 1)
    return None


def _folded(path: str) -> str:
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()
