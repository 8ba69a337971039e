"""The line of gitexp.yaml that says which number of a metric is best."""

from __future__ import annotations

from typing import Any

from gitexp import errors, files
from gitexp.files.formats.yaml_write import flow_text
from gitexp.files.limits import read_if_there
from gitexp.project.config import CONFIG_FILE
from gitexp.project.project import Project
from gitexp.project.sections.directions import MIN


def place_and_line(project: Project, metric: str) -> str:
    """`gitexp.yaml: metrics: {loss: min}`, with all that `metrics:` says in the user's own file."""
    present = _present(project)
    place = CONFIG_FILE
    if present is not None:
        place += ", in place of its metrics"
    return f"{place}: metrics: {flow_text(_with_direction(present, metric))}"


def _present(project: Project) -> Any:
    """The value of `metrics:` in the user's gitexp.yaml; None for none."""
    try:
        data = read_if_there(project.folder / CONFIG_FILE)
        tree = {} if data is None else files.parse(CONFIG_FILE, data)
    except (OSError, errors.FileError):  # whoever loads the file complains about it
        return None
    return tree.get("metrics")


def _with_direction(present: Any, metric: str) -> Any:
    paths, directions = [], dict[str, str]()
    for item in () if present is None else files.as_list(present):
        if isinstance(item, dict):
            directions.update(item)
        else:
            paths.append(item)
    directions[metric] = MIN
    return [*paths, directions] if paths else directions
