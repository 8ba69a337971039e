"""Files that stand in DVC's cache and not in Git, found by the outs of a dvc.lock."""

from __future__ import annotations

import configparser
import contextlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitexp import errors
from gitexp.files.dvc_yaml import DVC_CACHE, DVC_CONFIG
from gitexp.files.limits import MAX_BYTES, most_bytes
from gitexp.objects.paths import lies_in

_FOLDER = ".dir"  # the ending of the hash of a folder
_HASH = re.compile("[0-9a-f]{32}")  # of a file; a list of files may come from a stranger
_VERSIONS = ("files/md5", "")  # where a cache of DVC 3, or of DVC 2, has its files
_MOST_OF_FOLDER = 64 * MAX_BYTES  # bytes of a list of files


def read_out(root: Path, folder: str, outs: Mapping[str, str], name: str) -> bytes | None:
    """The content of a file that an out is, or has in it; None if no out names it.

    `folder` is that of the dvc.lock, and `outs` has the MD5 of each out by its path. Raises MissingData if
    the cache lacks the content.
    """
    for out, md5 in outs.items():
        if not lies_in(name, out):
            continue
        if md5.endswith(_FOLDER):
            found = _file_of(root, folder, md5, posixpath.relpath(name, out))
        else:
            found = md5
        if found is not None:
            return _content(root, folder, found, most_bytes(name) + 1)
    return None


def _file_of(root: Path, folder: str, md5: str, name: str) -> str | None:
    """The MD5 of a file in a folder of the cache; None if the folder has no such file."""
    listed = _content(root, folder, md5, _MOST_OF_FOLDER)
    with contextlib.suppress(ValueError, TypeError, LookupError, RecursionError):
        for entry in json.loads(listed):
            if entry["relpath"] == name and _HASH.fullmatch(entry["md5"]):
                return str(entry["md5"])
    return None


def _content(root: Path, folder: str, md5: str, most: int) -> bytes:
    for cache in _caches(root, folder):
        for version in _VERSIONS:
            path = cache / version / md5[:2] / md5[2:]
            with contextlib.suppress(OSError):
                if path.is_file():
                    with path.open("rb") as file:
                        return file.read(most)
    raise errors.MissingData("its content is not in DVC's cache here: dvc pull, or dvc exp pull, brings it")


def _caches(root: Path, folder: str) -> Iterator[Path]:
    """The caches of the DVC projects at and above a folder: the usual places, and those of their configs."""
    here = root / folder
    for above in (here, *here.parents):
        yield above / DVC_CACHE
        config = above / DVC_CONFIG
        for path in (config.with_name("config.local"), config):
            if (place := _cache_of(path)) is not None:
                yield config.parent / place
        if above == root:
            break


def _cache_of(config: Path) -> str | None:
    """The folder of the cache that a config of DVC names, if it names one."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(OSError, ValueError, configparser.Error):
        if config.is_file():
            parser.read_string(config.read_bytes()[:MAX_BYTES].decode())
            return parser.get("cache", "dir", fallback=None)
    return None
