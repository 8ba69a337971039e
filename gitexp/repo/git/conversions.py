"""Line endings, filters and encodings: Git may store a file with other bytes than on disk.

Git converts a file on the way into the repository (core.autocrlf, `text`, `filter`, `ident`,
`working-tree-encoding`) and back on checkout. A snapshot must have the bytes of the disk in the blob, or
give them on checkout. So each converted file is checked out to the side. If the result differs from the
disk, the bytes are stored unconverted. Files changed for good by a filter (without the outputs of notebooks,
say) are for a warning: the user wants these parts kept out of Git.

A file with its own bytes in the blob may still be one that a checkout converts: a file with LF under
core.autocrlf=true. `Conversions` names these files, for gitexp's own worktrees.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gitexp.folders import clear_away
from gitexp.repo.git import indexes
from gitexp.repo.git.repository import Repository, in_lines, in_quoted_lines, is_true

_ATTRIBUTES = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
_NOTHING = (b"unspecified", b"unset")
_UNSET = {b"-" + name.encode() for name in _ATTRIBUTES}
_SETTINGS = ("core.autocrlf", "core.eol")
_NATIVE = "crlf" if os.name == "nt" else "lf"
_CHUNK = 1 << 20  # bytes read at a time: a tracked file may be larger than the memory
_ATTRIBUTES_FILE = ".gitattributes"
_OF_THE_MACHINE = (Path("/etc/gitattributes"), Path("/usr/local/etc/gitattributes"))

PLAIN = {"core.autocrlf": "false", "core.eol": "lf"}  # settings that convert no file by themselves


class Conversions(NamedTuple):
    """How a checkout of a tree gives the bytes that stood on disk.

    Attributes:
        settings: Git's settings for the checkout, by key; a setting that is not here is the user's.
        exact: the files that must not be converted.
    """

    settings: Mapping[str, str] = {}
    exact: tuple[str, ...] = ()


USERS = Conversions()  # by the settings of the user, with no exception


class Exactness(NamedTuple):
    """What became of converted files.

    Attributes:
        lost: the files for which Git's own checkout does not give the bytes on disk, for a warning.
        exact: the files with the bytes on disk in the blob that a checkout would convert.
    """

    lost: list[str]
    exact: list[str]


class _Convertible(NamedTuple):
    """Files that Git may convert, by what may convert them.

    Attributes:
        paths: all of them.
        filtered: those with a filter.
        on_checkout: those for which a checkout may write other bytes than the blob has.
        with_crlf: those for which a checkout writes CRLF line ends, and converts nothing else.
    """

    paths: list[str]
    filtered: set[str]
    on_checkout: set[str]
    with_crlf: set[str]


def settings_of(repo: Repository) -> dict[str, str]:
    """The settings of Git that say which line ends a checkout writes."""
    autocrlf, eol = (repo.config.get(key, "").lower() for key in _SETTINGS)
    if autocrlf != "input":
        autocrlf = "true" if is_true(autocrlf) else "false"
    if eol not in ("lf", "crlf"):
        eol = _NATIVE
    return dict(zip(_SETTINGS, (autocrlf, eol), strict=True))


def are_at_work(repo: Repository, listing: indexes.Listing) -> bool:
    """Whether attributes or settings may convert a tracked file."""
    return listing.has_any(_ATTRIBUTES_FILE) or convert_by_themselves(repo)


def convert_by_themselves(repo: Repository) -> bool:
    """Whether settings, or attributes outside of the tree, may convert a file."""
    if settings_of(repo)["core.autocrlf"] != "false":
        return True
    return any(file.is_file() for file in _attributes_files(repo))


def no_filters(repo: Repository) -> dict[str, str]:
    """Settings with which no filter runs, and none is required."""
    settings = {"core.safecrlf": "false"}
    for key in repo.config:
        if key.startswith("filter.") and key.endswith((".clean", ".smudge", ".process")):
            settings[key] = ""
            settings[f"{key.rpartition('.')[0]}.required"] = "false"
    return settings


def clean_ids(repo: Repository, paths: Iterable[str]) -> dict[str, str]:
    """The ids of the blobs that Git's conversions make of files; none if they fail for one of them."""
    asked = [path for path in paths if _is_regular(repo.root / path)]
    if not asked:
        return {}
    status, out, _ = repo.call("hash-object", "--stdin-paths", stdin=in_quoted_lines(asked))
    if status != 0:
        return {}
    return dict(zip(asked, out.decode().split(), strict=True))


def filtered(repo: Repository, index: Path, paths: Sequence[str]) -> set[str]:
    """The regular files with a filter."""
    return _convertible(repo, index, paths).filtered


def fingerprint(repo: Repository, listing: indexes.Listing) -> str:
    """A text that changes with all that decides on conversions; "" where nothing converts files."""
    if not are_at_work(repo, listing):
        return ""
    parts = [f"{key}={value}" for key, value in settings_of(repo).items()]
    parts += [f"{key}={value}" for key, value in repo.config.items() if key.startswith("filter.")]
    for path in listing.paths():
        if path.rpartition("/")[2] == _ATTRIBUTES_FILE:
            parts.append(f"{path}={listing.entry(path)}")
    for file in _attributes_files(repo):
        if file.is_file():
            parts.append(f"{file}={hashlib.sha256(file.read_bytes()).hexdigest()}")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _attributes_files(repo: Repository) -> Iterable[Path]:
    """The places of attributes outside of the tree."""
    configured = repo.config.get("core.attributesfile")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")
    of_user = Path(configured) if configured else home / "git" / "attributes"
    with suppress(RuntimeError):  # nobody's home
        of_user = of_user.expanduser()
    return (repo.common_dir / "info" / "attributes", of_user, *_OF_THE_MACHINE)


def keep_exact(
    repo: Repository,
    index: Path,
    scratch: Path,
    paths: Sequence[str],
    unchanged: Collection[str] = (),
    *,
    new_attributes: bool = False,
) -> Exactness:
    """Make the entries of converted files exact.

    Args:
        index: a private index, with the files after Git's conversions.
        scratch: a folder to check files out to.
        paths: the files to look at.
        unchanged: those of them that are as Git has checked them out.
        new_attributes: attributes that no longer hold may have converted a file.
    """
    found = _convertible(repo, index, paths)
    convertible = [path for path in paths if _is_regular(repo.root / path)] if new_attributes else found.paths
    entries = indexes.files(repo, index, convertible)
    same, converted = _by_bytes(repo, convertible, entries)
    doubtful = [path for path in converted if path not in unchanged or not _as_checked_out(repo, path, found)]
    lost = not_restored(repo, index, scratch, doubtful)
    mended = [path for path in lost if path not in found.filtered]
    if mended:
        blobs = repo.write_blobs([repo.root / path for path in mended])
        raw = {path: (entries[path][0], blob) for path, blob in zip(mended, blobs, strict=True)}
        indexes.put(repo, index, raw)
    own = [path for path in same if path in found.on_checkout] + mended
    # To smudge a file may mean a download, and what the blob has is exact in any case.
    exact = [path for path in own if path in found.filtered]
    exact += not_restored(repo, index, scratch, [path for path in own if path not in found.filtered])
    return Exactness([path for path in lost if path in found.filtered or path in exact], exact)


def _as_checked_out(repo: Repository, path: str, found: _Convertible) -> bool:
    """Whether a file with other bytes than its blob is as Git's checkout has written it."""
    if path in found.filtered:
        return True
    if path not in found.with_crlf:
        return False
    try:
        content = (repo.root / path).read_bytes()
    except OSError:
        return False
    return content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")


def _convertible(repo: Repository, index: Path, paths: Sequence[str]) -> _Convertible:
    """The regular files that an attribute or a setting lets Git convert."""
    found = _Convertible([], set(), set(), set())
    regular = [path for path in paths if _is_regular(repo.root / path)]
    if not regular:
        return found
    settings = settings_of(repo)
    by_default = settings["core.autocrlf"] != "false"
    for path, attributes in _attributes_of(repo, index, regular).items():
        if attributes.keys() - _UNSET or (by_default and not _is_binary(attributes)):
            found.paths.append(path)
        if b"filter" in attributes:
            found.filtered.add(path)
        has_crlf = _gets_crlf(attributes, settings)
        is_other = not {b"filter", b"ident", b"working-tree-encoding"}.isdisjoint(attributes)
        if has_crlf or is_other:
            found.on_checkout.add(path)
        if has_crlf and not is_other:
            found.with_crlf.add(path)
    return found


def _attributes_of(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, dict[bytes, bytes]]:
    """The attributes of each path; an attribute that is unset has a minus sign."""
    out = repo.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=in_lines(paths, b"\0"), index=index)
    fields = out.split(b"\0")
    found: dict[str, dict[bytes, bytes]] = {path: {} for path in paths}
    for name, attribute, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if value not in _NOTHING:
            found[os.fsdecode(name)][attribute] = value
        elif value == b"unset":
            found[os.fsdecode(name)][b"-" + attribute] = value
    return found


def _is_binary(attributes: Mapping[bytes, bytes]) -> bool:
    return b"-text" in attributes or (b"-crlf" in attributes and b"text" not in attributes)


def _gets_crlf(attributes: Mapping[bytes, bytes], settings: Mapping[str, str]) -> bool:
    """Whether a checkout writes CRLF into a text file with these attributes."""
    if _is_binary(attributes) or attributes.get(b"crlf") == b"input":
        return False
    if b"eol" in attributes:
        return attributes[b"eol"] == b"crlf"
    if settings["core.autocrlf"] != "false":
        return settings["core.autocrlf"] == "true"
    return not {b"text", b"crlf"}.isdisjoint(attributes) and settings["core.eol"] == "crlf"


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _by_bytes(
    repo: Repository, paths: Sequence[str], entries: Mapping[str, indexes.Entry]
) -> tuple[list[str], list[str]]:
    """The files with the same bytes in Git as on disk, and those with others; no unreadable files."""
    known = [path for path in paths if path in entries]
    same: list[str] = []
    converted: list[str] = []
    for path, blob in zip(known, repo.find_objects([entries[path][1] for path in known]), strict=True):
        size = _size(repo.root / path)
        if blob is not None and size not in (None, blob.size):
            converted.append(path)
        elif (oid := blob_of(repo, path)) is not None:
            (same if oid == entries[path][1] else converted).append(path)
    return same, converted


def _size(file: Path) -> int | None:
    try:
        return file.lstat().st_size
    except OSError:
        return None


def blob_of(repo: Repository, path: str) -> str | None:
    """The id in Git of the bytes of a file; None for a link, and for a file that cannot be read."""
    file = os.path.join(repo.root, path)
    try:
        if not stat.S_ISREG(os.lstat(file).st_mode):
            return None
        with open(file, "rb", buffering=0) as content:
            size = os.fstat(content.fileno()).st_size
            digest = hashlib.new(repo.object_format, b"blob %d\0" % size)
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError:
        return None


def not_restored(repo: Repository, index: Path, scratch: Path, paths: Collection[str]) -> list[str]:
    """The paths of which a checkout would not give the bytes on disk."""
    if not paths:
        return []
    folder = scratch / "restored"
    names = in_lines(paths, b"\0")
    # A filter that fails leaves its file out: the bytes are not given.
    repo.call("checkout-index", "-q", "-z", "--stdin", f"--prefix={folder}/", stdin=names, index=index)
    try:
        return [path for path in paths if not _same_bytes(folder / path, repo.root / path)]
    finally:
        clear_away(folder)


def _same_bytes(one: Path, other: Path) -> bool:
    try:
        with one.open("rb") as left, other.open("rb") as right:
            while (chunk := left.read(_CHUNK)) == right.read(_CHUNK):
                if not chunk:
                    return True
    except OSError:
        pass
    return False
