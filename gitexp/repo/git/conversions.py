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
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from gitexp.folders import clear_away
from gitexp.named_tuple import NamedTuple
from gitexp.repo.git import indexes
from gitexp.repo.git.git_calls import is_true
from gitexp.repo.git.git_text import in_lines, in_quoted_lines
from gitexp.repo.git.repository import Repository

_ATTRIBUTES = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
_UNSET = {b"-" + name.encode() for name in _ATTRIBUTES}
_SETTINGS = ("core.autocrlf", "core.eol")
_NATIVE = "crlf" if os.name == "nt" else "lf"
# Their blobs have a hash of the content: an unchanged file is as they check it out, maybe by a download.
_BY_HASH = (b"lfs", b"annex")
_LARGE = 10 << 20  # bytes of a file that is not checked out to the side while Git finds it unchanged
_CHUNK = 1 << 20  # bytes read at a time: a tracked file may be larger than the memory
_ATTRIBUTES_FILE = ".gitattributes"
_OF_THE_MACHINE = "etc/gitattributes"  # below the folder that Git was installed to
_PREFIXES = (Path("/"), Path("/usr/local"), Path("/opt/homebrew"))

PLAIN = {"core.autocrlf": "false", "core.eol": "lf"}  # settings that convert no file by themselves


class Conversions(NamedTuple):
    """How a checkout of a tree gives the former bytes of the disk.

    Attributes:
        settings: Git's settings for the checkout, by key; other settings are the user's.
        exact: the files to check out without conversion.
    """

    settings: Mapping[str, str] = {}
    exact: tuple[str, ...] = ()


USERS = Conversions()  # by the settings of the user, with no exception


class Exactness(NamedTuple):
    """The outcome for converted files.

    Attributes:
        lost: the files for which Git's own checkout does not give the bytes on disk, for a warning.
        exact: the files whose blob has the bytes on disk, and that a checkout would convert.
    """

    lost: list[str]
    exact: list[str]


class _Convertible(NamedTuple):
    """The possible effects of Git's conversions on a file.

    Attributes:
        convertible: any of them may change its bytes.
        filtered: a filter may.
        by_hash: the filter is one that gives just the bytes that it took.
        on_checkout: a checkout may write other bytes than the blob has.
        with_crlf: a checkout writes CRLF line ends, and converts nothing else.
        of_its_size: its size differs whenever its bytes differ from Git's checkout.
    """

    convertible: bool
    filtered: bool
    by_hash: bool
    on_checkout: bool
    with_crlf: bool
    of_its_size: bool


_Convertibles = Mapping[str, _Convertible]  # by path


def settings_of(repo: Repository) -> dict[str, str]:
    """Git's settings for the line ends written by a checkout."""
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
    if "GIT_ATTR_SOURCE" in os.environ or "attr.tree" in repo.config:
        return True
    return any(file.is_file() for file in _attributes_files(repo))


def may_convert(repo: Repository, tree: str, paths: Iterable[str]) -> bool:
    """Whether attributes or settings may convert one of these files, which stand on disk and in a tree."""
    if convert_by_themselves(repo):
        return True
    folders = set[PurePosixPath]()
    for path in paths:
        folders.update(PurePosixPath(path).parents)
    files = [str(folder / _ATTRIBUTES_FILE) for folder in folders]
    if any(os.path.lexists(repo.root / file) for file in files):
        return True
    return any(repo.ids_of([f"{tree}:{file}" for file in files]))


def no_filters(repo: Repository) -> dict[str, str]:
    """Settings without any filter, running or required."""
    settings = {"core.safecrlf": "false"}
    for key in repo.config:
        if key.startswith("filter.") and key.endswith((".clean", ".smudge", ".process")):
            settings[key] = ""
            settings[f"{key.rpartition('.')[0]}.required"] = "false"
    return settings


def clean_ids(repo: Repository, paths: Iterable[str]) -> dict[str, str]:
    """The ids of the blobs made by Git's conversions of files; none if the conversion of any file fails."""
    return _ids(repo, paths)


def plain_ids(repo: Repository, paths: Iterable[str]) -> dict[str, str]:
    """The ids of the blobs with the bytes of files, or targets of links; no files if one is unreadable."""
    asked = list(paths)
    found = _ids(repo, asked, "--no-filters")
    for path in asked:
        if (repo.root / path).is_symlink():
            target = os.fsencode((repo.root / path).readlink())
            found[path] = repo.run("hash-object", "--stdin", stdin=target).decode().strip()
    return found


def _ids(repo: Repository, paths: Iterable[str], *options: str) -> dict[str, str]:
    asked = [path for path in paths if _is_regular(repo.root / path)]
    if not asked:
        return {}
    status, out, _ = repo.call("hash-object", *options, "--stdin-paths", stdin=in_quoted_lines(asked))
    if status != 0:
        return {}
    return dict(zip(asked, out.decode().split(), strict=True))


def filtered(repo: Repository, index: Path, paths: Sequence[str]) -> set[str]:
    """The files with a filter."""
    return {path for path, kind in _kinds(repo, index, paths).items() if kind.filtered}


def fingerprint(repo: Repository, listing: indexes.Listing) -> str:
    """A fingerprint of all settings for conversions; "" where nothing converts files."""
    if not are_at_work(repo, listing):
        return ""
    parts = [f"{key}={value}" for key, value in settings_of(repo).items()]
    for key, value in repo.config.items():
        if key.startswith("filter."):
            parts.append(f"{key}={value}")
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
    prefixes = list(_PREFIXES)
    if (git := shutil.which("git")) is not None:  # conda, for one, has its own
        prefixes += [Path(git).parent.parent, Path(os.path.realpath(git)).parent.parent]
    of_machine = [prefix / _OF_THE_MACHINE for prefix in prefixes]
    return (repo.common_dir / "info" / "attributes", of_user, *of_machine)


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
        unchanged: the paths with the bytes of Git's checkout.
        new_attributes: attributes no longer valid may have converted a file.
    """
    sizes = _sizes(repo.root, paths)
    kinds = _kinds(repo, index, list(sizes))
    convertible = [path for path, kind in kinds.items() if kind.convertible or new_attributes]
    entries = indexes.entries(repo, index, convertible)
    alike = {path for path in unchanged if path in kinds and kinds[path].of_its_size}
    same, converted = _by_bytes(repo, entries, sizes, alike)
    doubtful = []
    for path in converted:
        if path not in unchanged or not _as_checked_out(repo, path, kinds, sizes[path]):
            doubtful.append(path)
    lost = not_restored(repo, index, scratch, doubtful)
    hopeless, mended = _by_filter(lost, kinds)
    _put_unconverted(repo, index, {path: entries[path][0] for path in mended})
    own = [path for path in same if kinds[path].on_checkout] + mended
    # To smudge a file may mean a download, and what the blob has is exact in any case.
    exact, unfiltered = _by_filter(own, kinds)
    exact += not_restored(repo, index, scratch, unfiltered)
    hopeless += [path for path in mended if path in exact]
    return Exactness(hopeless, exact)


def _by_filter(paths: Iterable[str], kinds: _Convertibles) -> tuple[list[str], list[str]]:
    """The files with a filter, and the files without."""
    filtered: list[str] = []
    unfiltered: list[str] = []
    for path in paths:
        if kinds[path].filtered:
            filtered.append(path)
        else:
            unfiltered.append(path)
    return filtered, unfiltered


def _put_unconverted(repo: Repository, index: Path, modes: Mapping[str, str]) -> None:
    """Store the bytes on disk of some files, and enter them in the index with these modes."""
    if not modes:
        return
    blobs = repo.write_blobs([repo.root / path for path in modes])
    raw = {path: (mode, blob) for (path, mode), blob in zip(modes.items(), blobs, strict=True)}
    indexes.put(repo, index, raw)


def _sizes(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """The sizes of the regular files, by path."""
    sizes = {}
    for path in paths:
        with suppress(OSError):
            of = os.lstat(os.path.join(root, path))
            if stat.S_ISREG(of.st_mode):
                sizes[path] = of.st_size
    return sizes


def _as_checked_out(repo: Repository, path: str, kinds: _Convertibles, size: int) -> bool:
    """Whether a file with other bytes than its blob has the bytes of Git's checkout, as far as can be told.

    A clean filter may hide an edit from Git. So a file with a filter is checked out to the side.
    """
    if kinds[path].by_hash:
        return True
    if kinds[path].filtered:
        return size > _LARGE
    if not kinds[path].with_crlf:
        return False
    try:
        content = (repo.root / path).read_bytes()
    except OSError:
        return False
    return content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")


def _kinds(repo: Repository, index: Path, paths: Sequence[str]) -> dict[str, _Convertible]:
    """What may be converted of each file, by its attributes and Git's settings."""
    if not paths:
        return {}
    settings = settings_of(repo)
    out = repo.run("check-attr", "--stdin", "-z", *_ATTRIBUTES, stdin=in_lines(paths, b"\0"), index=index)
    fields = out.split(b"\0")
    # Git answers for each path with the attributes in their order: path, attribute, value.
    width = 3 * len(_ATTRIBUTES)
    known: dict[tuple[bytes, ...], _Convertible] = {}  # 20,000 files have few different attributes
    kinds = {}
    for at, path in enumerate(paths):
        values = tuple(fields[at * width + 2 : (at + 1) * width : 3])
        if values not in known:
            known[values] = _kind(values, settings)
        kinds[path] = known[values]
    return kinds


def _kind(values: Sequence[bytes], settings: Mapping[str, str]) -> _Convertible:
    attributes: dict[
        bytes, bytes
    ] = {}  # without the unspecified; an attribute that is unset has a minus sign
    for name, value in zip(_ATTRIBUTES, values, strict=True):
        if value == b"unset":
            attributes[b"-" + name.encode()] = value
        elif value != b"unspecified":
            attributes[name.encode()] = value
    by_default = settings["core.autocrlf"] != "false" and not _is_binary(attributes)
    has_crlf = _gets_crlf(attributes, settings)
    is_other = not {b"filter", b"ident", b"working-tree-encoding"}.isdisjoint(attributes)
    return _Convertible(
        convertible=by_default or bool(attributes.keys() - _UNSET),
        filtered=b"filter" in attributes,
        by_hash=attributes.get(b"filter") in _BY_HASH,
        on_checkout=has_crlf or is_other,
        with_crlf=has_crlf and not is_other,
        of_its_size=not is_other,
    )


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
    repo: Repository, entries: Mapping[str, indexes.Entry], sizes: Mapping[str, int], alike: Collection[str]
) -> tuple[list[str], list[str]]:
    """The files with the same bytes in Git as on disk, and the files with other bytes; no unreadable files.

    For the files `alike`, the same size means the same bytes.
    """
    in_git = repo.sizes_of({oid for _, oid in entries.values()})
    same: list[str] = []
    converted: list[str] = []
    for path, (_, oid) in entries.items():
        if in_git.get(oid, sizes[path]) != sizes[path]:
            converted.append(path)
        elif path in alike and oid in in_git:
            same.append(path)
        elif (on_disk := blob_of(repo, path)) is not None:
            (same if on_disk == oid else converted).append(path)
    return same, converted


def blob_of(repo: Repository, path: str) -> str | None:
    """The id in Git of the bytes of a file; None for a link, and for an unreadable file."""
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
