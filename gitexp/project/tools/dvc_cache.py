"""Files that stand in DVC's cache and not in Git, found by the outs of a dvc.lock."""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitexp import errors
from gitexp.files.dvc_yaml import DVC_CACHE, DVC_CONFIG, DVC_LOCAL_CONFIG
from gitexp.files.limits import MAX_BYTES, most_bytes
from gitexp.named_tuple import NamedTuple
from gitexp.objects import manifest, paths
from gitexp.objects.md5 import is_md5, of_bytes
from gitexp.objects.paths import lies_in
from gitexp.regex import regex

_FOLDER = ".dir"  # the ending of the hash of a folder
_HASH = regex("[0-9a-f]{32}")  # of a file; a list of files may come from a stranger
_REMOTE = regex(r"""'?remote "(.+)"'?""")
_VERSIONS = ("files/md5", "")  # where a cache of DVC 3, or of DVC 2, has its files
_MOST_OF_FOLDER = 64 * MAX_BYTES  # bytes of a list of files


class ListedFile(NamedTuple):
    """A file in the list of a folder. `path` is relative to the folder."""

    path: str
    md5: str
    executable: bool


def read_out(root: Path, folder: str, outs: Mapping[str, str], name: str) -> bytes | None:
    """The content of a file of the outs, alone or in a folder; None for a file of no out.

    `folder`: the folder of the dvc.lock. `outs`: the MD5 of each out by path. Raises MissingData if
    the cache lacks the content.
    """
    for out, md5 in outs.items():
        if not lies_in(name, out):
            continue
        inner = posixpath.relpath(name, out) if name != out else ""
        if (found := files_of(root, folder, md5).get(inner)) is not None:
            return _content(root, folder, found, most_bytes(name) + 1)
    return None


def files_of(root: Path, folder: str, md5: str) -> dict[str, str]:
    """The MD5 of each file of an out, by its path in the out; "" for an out of a single file.

    Raises MissingData if the cache lacks the list of a folder.
    """
    if not md5.endswith(_FOLDER):
        return {"": md5}
    found = {}
    listed = _content(root, folder, md5, _MOST_OF_FOLDER)
    with contextlib.suppress(ValueError, TypeError, LookupError, RecursionError):
        for entry in json.loads(listed):
            if _HASH.fullmatch(entry["md5"]) and paths.fault(entry["relpath"]) is None:
                found[entry["relpath"]] = entry["md5"]
    return found


def parsed_list(text: bytes, md5: str) -> list[ListedFile]:
    """The files in the text of a list; nothing of the list is passed over.

    Raises UnstorableData for a list that has other content than its name says, or a path that leads out of
    the folder.
    """
    if of_bytes(text) != md5.removesuffix(_FOLDER):
        raise errors.UnstorableData(f"the list of files {md5} in DVC's cache is damaged")
    try:
        entries = json.loads(text)
        found = [ListedFile(each["relpath"], each["md5"], each.get("isexec") is True) for each in entries]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise errors.UnstorableData(f"the list of files {md5} in DVC's cache is not one of DVC's") from error
    for each in found:
        if not is_md5(each.md5) or not isinstance(each.path, str):
            raise errors.UnstorableData(f"the list of files {md5} in DVC's cache has no MD5 of {each.path!a}")
    if why := manifest.fault(each.path for each in found):
        raise errors.UnstorableData(f"the list of files {md5} in DVC's cache cannot be used: {why}")
    return found


def has_dvc(root: Path, folder: str) -> bool:
    """Whether `dvc init` was run in a folder of the repository, or above it."""
    here = root / folder
    return any((above / DVC_CONFIG).is_file() for above in _upward(root, here))


def cache_to_write(root: Path, folder: str) -> Path:
    """The folder of DVC 3's files in the cache of the nearest DVC project."""
    for above in _upward(root, root / folder):
        if (above / DVC_CONFIG).is_file():
            config = _parsed(above / DVC_CONFIG, above / DVC_LOCAL_CONFIG)
            place = config.get("cache", "dir", fallback="")
            if place:
                return (above / DVC_CONFIG).parent / Path(place).expanduser() / _VERSIONS[0]
            return above / DVC_CACHE / _VERSIONS[0]
    return root / DVC_CACHE / _VERSIONS[0]


def locate(root: Path, folder: str, md5: str) -> Path | None:
    """The file of the cache, or of a remote in a folder, with this content; None if there is none."""
    return Caches(root, folder).locate(md5)


class Caches:
    """The caches of the DVC projects at and above a folder, and their remotes in folders of this machine."""

    def __init__(self, root: Path, folder: str) -> None:
        self._folders = list(dict.fromkeys(_caches(root, folder)))

    def with_more(self, root: Path, folder: str) -> Caches:
        """These caches, and behind them those of another project."""
        both = Caches(root, folder)
        both._folders = list(dict.fromkeys([*self._folders, *both._folders]))
        return both

    def listed(self, md5: str) -> list[ListedFile]:
        """The files of a folder, whose list has the MD5 `md5`.

        Raises MissingData without the list; UnstorableData like `parsed_list`.
        """
        return parsed_list(_read(self.locate(md5), _MOST_OF_FOLDER), md5)

    def locate(self, md5: str) -> Path | None:
        """The file with this content; None if there is none."""
        for cache in self._folders:
            for version in _VERSIONS:
                path = cache / version / md5[:2] / md5[2:]
                if path.is_file():
                    return path
        return None


def server_remotes(root: Path, folder: str) -> list[dict[str, str]]:
    """The settings of DVC's remotes on servers, the default one first, each with its name."""
    found = []
    for above in _upward(root, root / folder):
        config = _parsed(above / DVC_CONFIG, above / DVC_LOCAL_CONFIG)
        default = config.get("core", "remote", fallback="")
        remotes = []
        for section in config.sections():
            if (name := _remote_name(section)) and "://" in config.get(section, "url", fallback=""):
                remotes.append({"name": name, **config[section]})
        found += sorted(remotes, key=lambda remote: remote["name"] != default)
    return found


def anchored(user: Path, config: Path) -> str | None:
    """A config.local for a copy of a DVC project elsewhere, with absolute places; None if none is relative.

    DVC takes a relative cache or remote from the folder of its config. `user`: the folder of the user's own
    configs; `config`: the config of the copy.
    """
    local, both = _parsed(user / DVC_LOCAL_CONFIG), _parsed(config, user / DVC_LOCAL_CONFIG)
    is_relative = False
    for section in both.sections():
        key = "url" if section.strip("'").startswith("remote ") else "dir"
        place = both.get(section, key, fallback="")
        if (key == "dir" and section != "cache") or not _is_relative(place):
            continue
        if not local.has_section(section):
            local.add_section(section)
        local.set(section, key, os.path.normpath(user / DVC_CONFIG / ".." / place))
        is_relative = True
    if not is_relative:
        return None
    text = io.StringIO()
    local.write(text)
    return text.getvalue()


def _is_relative(place: str) -> bool:
    return bool(place) and "://" not in place and not place.startswith("~") and not Path(place).is_absolute()


def _content(root: Path, folder: str, md5: str, most: int) -> bytes:
    return _read(locate(root, folder, md5), most)


def _read(path: Path | None, most: int) -> bytes:
    with contextlib.suppress(OSError):
        if path is not None:
            with path.open("rb") as file:
                return file.read(most)
    raise errors.MissingData("its content is not in DVC's cache here: dvc pull, or dvc exp pull, brings it")


def _caches(root: Path, folder: str) -> Iterator[Path]:
    """The caches of the DVC projects at and above a folder: the usual places, and those of their configs.

    Behind them, the remotes in folders.
    """
    remotes = list[Path]()
    for above in _upward(root, root / folder):
        yield above / DVC_CACHE
        for config in (above / DVC_LOCAL_CONFIG, above / DVC_CONFIG):
            parsed = _parsed(config)
            if (place := parsed.get("cache", "dir", fallback=None)) is not None:
                yield config.parent / Path(place).expanduser()
            for section in parsed.sections():
                url = parsed.get(section, "url", fallback="")
                if _remote_name(section) and url and "://" not in url:
                    remotes.append(config.parent / Path(url).expanduser())
    yield from remotes


def _upward(root: Path, here: Path) -> Iterator[Path]:
    """A folder and those above it, up to the root."""
    for above in (here, *here.parents):
        yield above
        if above == root:
            break


def _remote_name(section: str) -> str:
    """The name of the remote that a section of a config describes; "" for another section."""
    match = _REMOTE.fullmatch(section)
    return match[1] if match else ""


def _parsed(*configs: Path) -> configparser.ConfigParser:
    """The settings of configs of DVC, the last one first; none of an unreadable config."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    for config in configs:
        with contextlib.suppress(OSError, ValueError, configparser.Error):
            if config.is_file():
                parser.read_string(config.read_bytes()[:MAX_BYTES].decode())
    return parser
