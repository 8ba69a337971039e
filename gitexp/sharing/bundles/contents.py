"""The list of a bundle, its first member: the experiments, Git's bundle, and the objects, with hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.objects.manifest import is_hash
from gitexp.regex import regex
from gitexp.repo.experiments import is_name
from gitexp.sharing.bundles.members import BundleMember, MemberReader, damaged

BUNDLE = ".gitexp"  # the usual ending of the name
LIST = "gitexp-bundle.json"
GIT = "experiments.bundle"
OBJECTS = "objects/"
_FORMAT = 1
_LARGEST_LIST = 256 << 20  # bytes; a million objects take 80 MB
_LARGEST_SIZE = 1 << 60  # bytes of an object
_IDS = {"sha1": regex("[0-9a-f]{40}"), "sha256": regex("[0-9a-f]{64}")}
_SHA256 = regex("[0-9a-f]{64}")
_HEADER = 512  # bytes of the first member's head


class BundleContents(NamedTuple):
    """The list of a bundle.

    Attributes:
        object_format: of the ids of Git, "sha1" or "sha256".
        experiments: the record commit of each experiment, by name.
        git: the bundle of Git; its name in here, and the size in bytes.
        git_hash: SHA-256 of the bundle of Git.
        objects: the size of each object of data, by hash, folders first.
        missing: paths of data that the exporter had not, by hash.
        created: time of the export, ISO 8601 in UTC.
        gitexp: version of the gitexp that wrote it.
    """

    object_format: str
    experiments: Mapping[str, str]
    git: BundleMember
    git_hash: str
    objects: Mapping[str, int]
    missing: Mapping[str, str]
    created: str = ""
    gitexp: str = ""

    def text(self) -> bytes:
        """The member with the list."""
        document = {
            "format": _FORMAT,
            "gitexp": self.gitexp,
            "created": self.created,
            "object_format": self.object_format,
            "experiments": dict(self.experiments),
            "git": {"size": self.git.size, "sha256": self.git_hash},
            "objects": dict(self.objects),
            "missing": dict(self.missing),
        }
        return json.dumps(document, indent=0).encode() + b"\n"


def object_member(hash_: str, size: int) -> BundleMember:
    """The member with an object: named as in a data remote."""
    return BundleMember(f"{OBJECTS}{hash_[:2]}/{hash_[2:]}", size)


def is_bundle(file: Path) -> bool:
    """Whether a file begins as a bundle does."""
    try:
        if not file.is_file():
            return False
        with file.open("rb") as opened:
            return opened.read(_HEADER).startswith(LIST.encode() + b"\0")
    except OSError:
        return False


def contents_of(file: Path, where: str) -> BundleContents:
    """The list of a bundle in a file. Raises SharingError, OSError."""
    with file.open("rb") as opened:
        return read_contents(MemberReader(opened, where), where)


def open_members(file: BinaryIO, where: str) -> tuple[MemberReader, BundleContents]:
    """The members behind the list, and the list. Raises SharingError."""
    reader = MemberReader(file, where)
    return reader, read_contents(reader, where)


def read_contents(reader: MemberReader, where: str) -> BundleContents:
    """The list, which is the next member. Raises SharingError for any other member, or a wrong list."""
    member = reader.next()
    if member is None or member.name != LIST:
        raise damaged(where, f"it does not begin with {LIST}")
    if member.size > _LARGEST_LIST:
        raise damaged(where, f"{LIST} is too large")
    text = b"".join(reader.content(member))
    try:
        document = json.loads(text)
        version = document["format"]
        if type(version) is int and version > _FORMAT:
            raise errors.SharingError(
                f"{where} is of a later version of gitexp.", "Update gitexp.", code="damaged-bundle"
            )
        found = _contents(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(where, f"{LIST} is not of the form that gitexp writes") from error
    return found


def _contents(document: Any) -> BundleContents:
    """The list of a document. Raises ValueError, KeyError, TypeError or AttributeError for a wrong one."""
    id_form = _IDS[document["object_format"]]
    experiments, objects = dict[str, str](), dict[str, int]()
    for name, oid in document["experiments"].items():
        _require(is_name(name) and id_form.fullmatch(oid))
        experiments[name] = oid
    for hash_, size in document["objects"].items():
        _require(is_hash(hash_) and _is_size(size))
        objects[hash_] = size
    missing = {}
    for hash_, path in document["missing"].items():
        _require(is_hash(hash_) and isinstance(path, str))
        missing[hash_] = path
    git = document["git"]
    _require(_SHA256.fullmatch(git["sha256"]) and _is_size(git["size"]))
    return BundleContents(
        document["object_format"],
        experiments,
        BundleMember(GIT, git["size"]),
        git["sha256"],
        objects,
        missing,
        str(document["created"]),
        str(document["gitexp"]),
    )


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST_SIZE


def _require(condition: object) -> None:
    if not condition:
        raise ValueError
