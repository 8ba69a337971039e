"""Which paths are a run's own: one value, made from the config and carried whole from start to end."""

from __future__ import annotations

from typing import NamedTuple


class Scope(NamedTuple):
    """The paths of a run, as the config of the code that runs has them.

    Every path is relative to the root of the repository, with slashes; a folder stands for all files in it.

    Attributes:
        project: the folder whose gitexp.lock names data and large results; "" is the root.
        metrics: the metrics files.
        written_params: the params files that the command itself writes, such as dvclive's.
        results: everything that the run writes and Git stores; metrics, plots and outs among them.
        declared: the params and metrics files that gitexp.yaml names. One that is missing is worth a warning.
        by_stages: the outs of stages in Git. The stages themselves say what became of them.
        share: what an isolated workspace has as links to the user's own.
        in_store: the data and the outs whose content belongs in the object store, not in Git.
        stored: the paths of `in_store` whose content the object store has as it stands.
        large: results of an earlier run that are too large for Git; gitexp.lock names them.
        max_size: bytes; a larger result goes into the object store.
    """

    project: str
    metrics: tuple[str, ...]
    written_params: tuple[str, ...]
    results: tuple[str, ...]
    max_size: int
    declared: tuple[str, ...] = ()
    by_stages: tuple[str, ...] = ()
    share: tuple[str, ...] = ()
    in_store: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
