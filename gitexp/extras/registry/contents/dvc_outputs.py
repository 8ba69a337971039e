"""Models under DVC: the outputs that the `.dvc` files and the dvc.lock of a commit name, in DVC's cache."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator
from pathlib import Path

from gitexp import errors, files
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_LOCK, DVC_YAML
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in, upward
from gitexp.project.project import Project
from gitexp.project.tools import dvc_cache

_POINTER = ".dvc"


class DvcFile(NamedTuple):
    """A file in DVC's cache.

    Attributes:
        path: its place in the cache.
        md5: its MD5.
        out: the MD5 of its output; a folder's MD5 ends in `.dir`.
        size: bytes.
    """

    path: Path
    md5: str
    out: str
    size: int


def files_at(project: Project, commit: str, path: str) -> dict[str, DvcFile]:
    """The files at or below a path of a commit under DVC, by their names in the model; {} for none.

    Raises MissingData if DVC's cache lacks one.
    """
    for folder, out, md5 in _outputs(project, commit, path):
        if not lies_in(path, out):
            continue
        found = {}
        for inner, own in dvc_cache.files_of(project.repo.root, folder, md5).items():
            place = posixpath.join(out, inner) if inner else out
            if lies_in(place, path):
                name = "" if place == path else posixpath.relpath(place, path)
                found[name] = _file(project, folder, place, own, md5)
        return found
    return {}


def _file(project: Project, folder: str, place: str, md5: str, out: str) -> DvcFile:
    cached = dvc_cache.locate(project.repo.root, folder, md5)
    if cached is None:
        raise errors.MissingData(
            f"{place} is under DVC, and its content is not in DVC's cache here.",
            "dvc fetch --all-tags brings it.",
            paths=[place],
        )
    return DvcFile(cached, md5, out, cached.stat().st_size)


def _outputs(project: Project, commit: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield the outputs named near a path: folder of the naming file, path from the root, MD5."""
    pointers = [f"{each}{_POINTER}" for each in upward(path)]
    texts = project.repo.read_blobs([f"{commit}:{name}" for name in pointers])
    for name, text in zip(pointers, texts, strict=True):
        with contextlib.suppress(errors.FileError):  # a merge's conflict, say: DVC itself complains
            yield from _pointed(posixpath.dirname(name), files.parse(f"{name}.yaml", text or b""))
    for folder in (*upward(posixpath.dirname(path)), ""):
        for inside, md5 in locked(project, commit, folder).items():
            yield folder, inside, md5


def _pointed(folder: str, tree: Tree) -> Iterator[tuple[str, str, str]]:
    """Yield the outputs of a `.dvc` file in a folder."""
    wdir = str(tree.get("wdir", "."))
    for out in dvc_yaml.as_items(tree.get("outs")):
        found = dvc_yaml.as_map(out)
        place, md5 = found.get("path"), found.get("md5")
        if isinstance(place, str) and isinstance(md5, str) and dvc_yaml.is_md5(md5):
            inside = dvc_yaml.inside_root(folder, posixpath.join(wdir, place))
            if inside is not None:
                yield folder, inside, md5


def locked(project: Project, commit: str, folder: str) -> dict[str, str]:
    """The MD5 of each output in the dvc.lock of a commit in a folder, by path from the root; {} for none."""
    names = [posixpath.join(folder, name) for name in (DVC_LOCK, DVC_YAML, DEFAULT_PARAMS)]
    lock, pipeline, params = project.repo.read_blobs([f"{commit}:{name}" for name in names])
    if lock is None:
        return {}
    try:
        variables = files.parse(names[2], params or b"")
        return dvc_yaml.read_lock(lock, dvc_yaml.read_pipeline(names[1], pipeline or b"", variables))
    except errors.FileError:
        return {}
