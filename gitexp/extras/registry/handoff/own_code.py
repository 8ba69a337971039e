"""The experiment's own modules that a pickle names: a server needs them beside the model."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable

from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in
from gitexp.project.project import Project
from gitexp.repo.git import trees
from gitexp.repo.git.values import TreeEntry

_MOST = 200  # files
_LARGEST = 1 << 20  # bytes of a file
_LINK = "120000"


class OwnCode(NamedTuple):
    """Modules of an experiment.

    Attributes:
        files: their content, by path from the folder that Python has to look in.
        modules: the names of these modules.
        imported: further modules that they import.
    """

    files: dict[str, bytes]
    modules: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()


def find(project: Project, commit: str, modules: Iterable[str]) -> OwnCode:
    """The code of some modules in a commit, and of all its modules that they import in turn.

    They are looked for in the folder of the project, at the root, and in `src` of both.
    """
    folders = [project.config.folder, ""]
    folders += [posixpath.join(folder, "src") for folder in folders]
    files, known, imported = dict[str, bytes](), set[str](), set[str]()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in known or module in imported or not module.isidentifier():
            continue
        found = _module(project, commit, list(dict.fromkeys(folders)), module)
        if not found or len(files) + len(found) > _MOST:
            imported.add(module)
            continue
        known.add(module)
        files |= found
        for content in found.values():
            waiting += _imports(content)
    return OwnCode(files, frozenset(known), frozenset(imported))


def _module(project: Project, commit: str, folders: Iterable[str], module: str) -> dict[str, bytes]:
    """The files of a module or package, by path from the folder it was found in; {} for none."""
    for folder in folders:
        place = posixpath.join(folder, module)

        def is_wanted(path: str, is_folder: bool, place: str = place) -> bool:
            if is_folder:
                return lies_in(path, place) or lies_in(place, path)
            return path == f"{place}.py" or (lies_in(path, place) and path.endswith(".py"))

        entries = trees.leaves(project.repo, commit, is_wanted)
        if entries:
            return _contents(project, folder, entries)
    return {}


def _contents(project: Project, folder: str, entries: dict[str, TreeEntry]) -> dict[str, bytes]:
    found = {}
    paths = [path for path, entry in entries.items() if entry.kind == "blob" and entry.mode != _LINK]
    ids = [entries[path].id for path in paths[: _MOST + 1]]
    for path, content in zip(paths, project.repo.read_blobs(ids), strict=False):
        if content is not None and len(content) <= _LARGEST:
            found[posixpath.relpath(path, folder or ".")] = content
    return found


def _imports(content: bytes) -> list[str]:
    """The modules that a text of Python imports, without those below them; [] for another text."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name.partition(".")[0] for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module.partition(".")[0])
    return found
