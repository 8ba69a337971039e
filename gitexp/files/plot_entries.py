"""The plots that a dvc.yaml or gitexp.yaml names, with what it says of them. Nothing in them is run.

The vocabulary is DVC 3's: `plots` at the top level and of stages, with `x`, `y`, `template`, `title`,
`x_label`, `y_label` and `header`. Entries that cannot be resolved, or lead out of the repository, are passed
over.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from gitexp.files.dvc_yaml import (
    MAX_FILES,
    MAX_STAGES,
    as_items,
    as_map,
    filled_text,
    folder_of,
    inside_root,
    own_vars,
    stages_of,
)
from gitexp.model import Tree, Value
from gitexp.named_tuple import NamedTuple

_MOST_COLUMNS = 100  # of one axis


class PlotColumn(NamedTuple):
    """A column of a file.

    Attributes:
        file: the path from the root; "" for each file that the plot draws.
        name: the title of the column.
    """

    file: str
    name: str


class PlotEntry(NamedTuple):
    """The definition of a plot in a file.

    Attributes:
        name: the id of the plot, or its path from the root.
        path: the drawn file or folder, from the root; "" for a plot with its files in `ys`.
        xs: the columns of x; () for the number of the row.
        ys: the columns of y; () for the last column.
        template: the name of the template; "" for the default.
        title, x_label, y_label: the titles; "" for the default.
        header: whether the first line of a table has the titles of its columns.
    """

    name: str
    path: str = ""
    xs: tuple[PlotColumn, ...] = ()
    ys: tuple[PlotColumn, ...] = ()
    template: str = ""
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    header: bool = True

    @property
    def is_plain(self) -> bool:
        """True for a definition with a path only."""
        return bool(self.path) and self == PlotEntry(self.name, self.path)

    @property
    def files(self) -> tuple[str, ...]:
        """The files and folders of the plot."""
        named = [self.path, *(column.file for column in (*self.ys, *self.xs))]
        return tuple(dict.fromkeys(name for name in named if name))


def entries_of(name: str, tree: Tree, variables: Tree) -> list[PlotEntry]:
    """The plots of the parsed file at `name`, each name once; plots of the top level win over stages.

    `variables`: the values of the params.yaml in the same folder.
    """
    folder, known = posixpath.dirname(name), {**variables, **own_vars(tree)}
    found: dict[str, PlotEntry] = {}
    for entry in _of_list(folder, tree.get("plots"), known):
        found.setdefault(entry.name, entry)
    for _, body, own in itertools.islice(stages_of(tree, known), MAX_STAGES):
        below = folder_of(folder, body, own)
        for entry in _of_list(below, body.get("plots"), own):
            found.setdefault(entry.name, entry)
        if len(found) > MAX_FILES:
            break
    return list(found.values())[:MAX_FILES]


def _of_list(folder: str | None, entries: Value, variables: Tree) -> Iterator[PlotEntry]:
    if isinstance(entries, str | dict):  # gitexp.yaml takes a single one too
        entries = [entries]
    for item in as_items(entries)[:MAX_FILES]:
        if isinstance(item, str):
            item = {item: None}
        for name, settings in as_map(item).items():
            if isinstance(settings, list):  # of a stage: DVC takes the first
                settings = next(iter(settings), None)
            entry = _entry(folder, name, as_map(settings), variables)
            if entry is not None:
                yield entry


def _entry(folder: str | None, name: str, settings: Mapping[str, Any], variables: Tree) -> PlotEntry | None:
    filled = filled_text(name, variables)
    if filled is None or folder is None:
        return None
    path = ""
    if not isinstance(settings.get("y"), dict):
        inside = inside_root(folder, filled)
        if inside is None:
            return None
        path = filled = inside
    ys = _columns(folder, settings.get("y"), variables)
    xs = _columns(folder, settings.get("x"), variables)
    return PlotEntry(
        filled,
        path,
        xs,
        ys,
        _said(settings, "template", variables),
        _said(settings, "title", variables),
        _said(settings, "x_label", variables),
        _said(settings, "y_label", variables),
        settings.get("header") is not False,
    )


def _columns(folder: str, said: Value, variables: Tree) -> tuple[PlotColumn, ...]:
    """The columns of an axis: a text, a list of texts, or either by file."""
    by_file: Mapping[str, Any] = {"": said}
    if isinstance(said, dict):
        by_file = said
    found = []
    for file, names in by_file.items():
        place: str | None = ""
        if file:
            place = inside_root(folder, filled_text(file, variables))
        if not isinstance(names, list):
            names = [names]
        for name in names[:_MOST_COLUMNS]:
            filled = filled_text(_as_text(name), variables)
            if place is not None and filled is not None:
                found.append(PlotColumn(place, filled))
    return tuple(found[:_MOST_COLUMNS])


def _as_text(value: Value) -> str | None:
    """The text of a title. YAML reads the title 1 as a number."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _said(settings: Mapping[str, Any], key: str, variables: Tree) -> str:
    return filled_text(_as_text(settings.get(key)), variables) or ""
