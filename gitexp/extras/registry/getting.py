"""A version of a model, copied into a folder: its bytes are compared with the hash in its tag."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import secrets
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.registry.contents import declared, model_content
from gitexp.extras.registry.contents.model_content import ModelContent, ModelFile
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelFacts, ModelVersion
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import foreign_parent, upward
from gitexp.project.project import Project
from gitexp.words import shorten


class Got(NamedTuple):
    """A copy of a version.

    Attributes:
        version: the version.
        place: the file, or the folder with the files.
        content: the files.
        hash: the hash of the content.
    """

    version: ModelVersion
    place: Path
    content: ModelContent
    hash: str


def locate(project: Project, registry: Registry, version: ModelVersion) -> tuple[ModelContent, str]:
    """The content of a version, fetched if need be, and its hash.

    Raises MissingData; UsageError if nothing names the path of the model; damaged-object for content with
    another hash than in the tag.
    """
    facts = registry.facts_of(version)
    path = facts.path or declared.find(project, version.commit, version.model).path
    if not path:
        raise errors.UsageError(
            f"Nothing says which file of the commit {version.commit[:7]} is {version.label}.",
            f"Its tag has no path, and neither has {declared.ARTIFACTS_YAML} of that commit.",
        )
    content = model_content.find(project, version.commit, path)
    if content is None:
        raise errors.MissingData(
            f"The commit of {version.label} has no '{path}'.",
            "Was the tag made by hand? gitexp model show says what it says.",
            paths=[path],
        )
    model_content.require_here(project, content)
    hash_ = model_content.hash_of(project, content)
    _require_same(version, facts, hash_)
    return content, hash_


def _require_same(version: ModelVersion, facts: ModelFacts, hash_: str) -> None:
    """Raise damaged-object for content of another hash than the tag says."""
    if facts.hash and facts.hash != hash_:
        raise errors.DamagedObject(
            f"{version.label} is not what its tag says: its content has the hash {hash_}, not {facts.hash}.",
            "Somebody has changed the tag, or made it by hand. Nothing is copied.",
            hash=hash_,
        )


def get(
    project: Project, registry: Registry, version: ModelVersion, folder: Path, *, force: bool = False
) -> Got:
    """Copy a version into a folder, under the model's own name. Each file is whole or absent.

    Raises the errors of `locate`; UsageError, with nothing written, if another file is in the way, unless
    `force`; DamagedObject; OSError.
    """
    if ".git" in folder.resolve().parts:
        raise errors.UsageError(f"{folder} is in a folder of Git's own.", "Say another one: --to models")
    if folder.exists() and not folder.is_dir():
        raise errors.UsageError(f"{folder} is a file, and no folder.", "Say another one: --to models")
    content, hash_ = locate(project, registry, version)
    name = posixpath.basename(content.path)
    targets = {posixpath.join(name, file.name).removesuffix("/"): file for file in content.files}
    _require_free(project, folder, targets, force=force)
    if not project.dry_run:
        for target, file in targets.items():
            if foreign_parent(str(folder), target) is not None:
                raise errors.UnsafePath(f"{folder / target} would be written through a link.")
            make_folder((folder / target).parent)
            _write(project, file, folder / target)
            failpoint("model:copied")
    return Got(version, folder / name, content, hash_)


def _require_free(project: Project, folder: Path, targets: dict[str, ModelFile], *, force: bool) -> None:
    """Raise UsageError for files in the way. A file with the same content may stay."""
    taken = []
    for target, file in targets.items():
        taken += _in_the_way(project, folder, target, file, force=force)
    if taken:
        raise errors.UsageError(
            f"Nothing is written, for there is already {shorten(taken)}.",
            "Say --force to replace files, or --to with another folder.",
        )


def _in_the_way(project: Project, folder: Path, target: str, file: ModelFile, *, force: bool) -> list[str]:
    """The obstacles of a file: a file with other content, unless `force`, or a file in place of a folder."""
    place = folder / target
    if place.is_file() and not place.is_symlink() and (force or _is_same(project, file, place)):
        return []
    found = []
    if os.path.lexists(place):
        found.append(str(place))
    for above in upward(posixpath.dirname(target)):
        if os.path.lexists(folder / above) and not (folder / above).is_dir():
            found.append(str(folder / above))
    return found


def _is_same(project: Project, file: ModelFile, place: Path) -> bool:
    """Whether a file has the content of a model's file."""
    if place.stat().st_size != file.size:
        return False
    with place.open("rb") as opened, model_content.pieces(project, file) as found:
        return all(opened.read(len(piece)) == piece for piece in found)


def _write(project: Project, file: ModelFile, target: Path) -> None:
    """Write a file whole or not at all. Raises DamagedObject for content without its hash."""
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    digest, expected = _expected(file)
    try:
        with part.open("xb") as opened, model_content.pieces(project, file) as found:
            for piece in found:
                digest.update(piece)
                opened.write(piece)
        if expected and digest.hexdigest() != expected:
            raise errors.DamagedObject(
                f"The object {expected} in the store is damaged: it is not what was put there.",
                "gitexp fsck, or dvc fetch for data under DVC, brings it anew.",
                hash=expected,
            )
        if file.executable:
            part.chmod(part.stat().st_mode | 0o111)
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _expected(file: ModelFile) -> tuple[Any, str]:
    """A digest for the bytes of a file, and its value for the right ones; "" where Git itself looks at them.

    DVC 2 has changed line ends before it took an MD5: that of such a cache says nothing here.
    """
    if file.dvc is None:
        return hashlib.sha256(), file.hash
    is_plain = file.dvc.path.parent.parent.name == "md5"
    return hashlib.md5(usedforsecurity=False), file.dvc.md5 if is_plain else ""
