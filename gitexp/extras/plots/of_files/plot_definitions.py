"""The plots that each side names: in its own gitexp.yaml and dvc.yaml, or else by the usual names."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from gitexp import errors, files
from gitexp.extras.plots.of_files.plot_trees import PlotTree
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_YAML
from gitexp.files.plot_entries import PlotColumn, PlotEntry, entries_of
from gitexp.model import Tree
from gitexp.named_tuple import NamedTuple
from gitexp.pipeline.paths import without_dot
from gitexp.project import patterns
from gitexp.project.config import CONFIG_FILE, USUAL_PLOTS

_LIVE_METRICS = "/plots/metrics/"  # of dvclive: tables with a column `step`
_MOST = 1000  # plots of one side


class Definitions(NamedTuple):
    """The plots of one side.

    Attributes:
        entries: the plots by name. The path of an entry is a file, never a folder.
        complaints: a sentence for each unreadable file.
    """

    entries: dict[str, PlotEntry]
    complaints: Sequence[str]


def definitions(tree: PlotTree, folder: str, folders: Sequence[str]) -> Definitions:
    """The plots of one side.

    `folder`: the project's; `folders`: with a dvc.yaml.
    """
    names = [posixpath.join(folder, CONFIG_FILE)]
    beside = [posixpath.join(folder, DEFAULT_PARAMS)]
    for each in folders:
        names.append(posixpath.join(each, DVC_YAML))
        beside.append(posixpath.join(each, DEFAULT_PARAMS))
    contents = tree.read([*names, *beside])
    named: list[PlotEntry] = []
    complaints = []
    for name in names:
        if name not in contents:
            continue
        params = posixpath.join(posixpath.dirname(name), DEFAULT_PARAMS)
        try:
            found = entries_of(
                name, files.parse(name, contents[name]), _variables(params, contents.get(params))
            )
        except errors.FileError as error:
            complaints.append(f"not read: {error.message}")
            continue
        named += found
    if not named:
        for usual in USUAL_PLOTS:
            path = posixpath.join(folder, usual)
            named.append(PlotEntry(path, path))
    return Definitions(_of_files(tree, named), complaints)


def _variables(name: str, data: bytes | None) -> Tree:
    if data is None:
        return {}
    try:
        return files.parse(name, data)
    except errors.FileError:  # the same file gives a warning among the params files
        return {}


def _of_files(tree: PlotTree, named: Sequence[PlotEntry]) -> dict[str, PlotEntry]:
    """The entries with a plot for each file of a folder or pattern. The nearest entry of a file wins."""
    found: dict[str, PlotEntry] = {}
    depth: dict[str, int] = {}
    for entry in named:
        if not entry.path:
            found.setdefault(entry.name, entry)
            continue
        near = entry.path.count("/")
        for path in _files(tree, entry.path):
            if len(found) >= _MOST:
                break
            if path not in found or near > depth.get(path, near):
                found[path] = _of_live(entry, path)._replace(name=path, path=path)
                depth[path] = near
    return found


def _files(tree: PlotTree, path: str) -> list[str]:
    if not patterns.is_pattern(path):
        return tree.below(path)
    fixed = path
    while patterns.is_pattern(fixed):
        fixed = posixpath.dirname(fixed)
    expression = patterns.compiled(path)
    return [name for name in tree.below(without_dot(fixed) or ".") if expression.fullmatch(name)]


def _of_live(entry: PlotEntry, path: str) -> PlotEntry:
    """The entry; with the step as x for a table of dvclive without columns."""
    if not entry.xs and not entry.ys and _LIVE_METRICS in f"/{path}":
        return entry._replace(xs=(PlotColumn("", "step"),))
    return entry
