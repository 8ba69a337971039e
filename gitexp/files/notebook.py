"""Jupyter notebooks: read, without their outputs, and the cell of their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitexp.errors import ParseError
from gitexp.files.parse import parse_leniently
from gitexp.model import Tree

ENDING = ".ipynb"
PARAMETERS = "parameters"  # the tag of the cell with the parameters

_OF_A_RUN = ("execution", "ExecuteTime")  # metadata of a cell about the time of its run


def shown(name: str) -> str:
    """The name of a params file as people say it: the notebook's for what stands for its parameters."""
    return name.removesuffix(f"/{PARAMETERS}.py") if f"{ENDING}/" in name else name


def read(name: str, data: bytes) -> dict[str, Any]:
    """The notebook in a file. Raises ParseError for anything else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ParseError("this is not a notebook: it cannot be read as JSON", file=name) from None
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise ParseError("this is not a notebook of format 4: it has no cells", file=name)
    if not all(isinstance(cell, dict) for cell in found["cells"]):
        raise ParseError("this is not a notebook: a cell is no map", file=name)
    return found


def without_outputs(name: str, data: bytes) -> bytes:
    """The notebook without outputs, numbers and times of runs; the same bytes if it has none.

    Raises ParseError.
    """
    notebook = read(name, data)
    has_changed = False
    for cell in notebook["cells"]:
        has_changed |= _stripped(cell)
    if not has_changed:
        return data
    # As Jupyter itself writes it, but with the keys in the order of the file.
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n" * data.endswith(b"\n")
    return text.encode("utf-8", "surrogatepass")


def _stripped(cell: dict[str, Any]) -> bool:
    """Take from a cell what a run has left there; whether there was anything."""
    has_changed = False
    if cell.get("outputs"):
        cell["outputs"] = []
        has_changed = True
    if cell.get("execution_count") is not None:
        cell["execution_count"] = None
        has_changed = True
    metadata = cell.get("metadata")
    if isinstance(metadata, dict):
        for key in _OF_A_RUN:
            has_changed |= metadata.pop(key, None) is not None
    return has_changed


def source_of(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which a file has as one text or as lines."""
    source = cell.get("source", "")
    if isinstance(source, list):
        return "".join(map(str, source))
    return str(source)


def code_cells(notebook: Mapping[str, Any]) -> list[str]:
    """The text of each cell with code."""
    return [source_of(cell) for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def parameters_cell(notebook: Mapping[str, Any]) -> int | None:
    """The number of the cell tagged as the parameters; None without one."""
    for number, cell in enumerate(notebook["cells"]):
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        if cell.get("cell_type") == "code" and isinstance(tags, list) and PARAMETERS in tags:
            return number
    return None


def parameters(name: str, notebook: Mapping[str, Any]) -> Tree | None:
    """The parameters of a notebook with their values; None if no cell is tagged.

    The values are those of literals: `lr = 0.1`. Raises ParseError if the cell is not valid Python.
    """
    number = parameters_cell(notebook)
    if number is None:
        return None
    source = source_of(notebook["cells"][number])
    try:
        return parse_leniently(f"{PARAMETERS}.py", source.encode("utf-8", "replace"))
    except ParseError as error:
        raise ParseError(f"the cell with the tag {PARAMETERS} is not plain Python", file=name) from error
