"""The paths of a run in a single value, made from the config and carried from start to end."""

from __future__ import annotations

from gitexp.named_tuple import NamedTuple


class Scope(NamedTuple):
    """The paths of a run, from the config of the code to be run.

    Paths are relative to the root of the repository, with slashes; a folder stands for all files in it.

    Attributes:
        project: the folder with the gitexp.lock for data and large results; "" means the root.
        metrics: the metrics files.
        written_params: params files written by the command itself, like dvclive's.
        params: all params files.
        results: all files written by the run and stored in Git, metrics, plots and outs included.
        declared: params and metrics files named in gitexp.yaml; the user is warned of missing ones.
        by_stages: outs of stages in Git; their stages report on them.
        share: paths linked from the user's workspace into an isolated one.
        in_store: data and outs with content in the object store, not in Git.
        stored: paths of `in_store` unchanged since they were stored.
        large: results of an earlier run, too large for Git and named in gitexp.lock.
        aside: what tools wrote about earlier runs, and metrics that patterns match: no code of this run.
        watched: paths besides `results` and `aside` whose files are results if the run writes them.
        pointers: `.dvc` files; a result with what it stands for, if the run writes one.
        checkpoints: paths of results that another run can go on from.
        metric_patterns, param_patterns, result_patterns: what the run writes there is its own.
        max_size: bytes; larger results go into the object store.
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
    params: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    metric_patterns: tuple[str, ...] = ()
    param_patterns: tuple[str, ...] = ()
    result_patterns: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()

    @property
    def without_files(self) -> Scope:
        """The scope of a run beside another run in the same workspace: what is there may be the other's."""
        return Scope(self.project, (), (), (), self.max_size, share=self.share, in_store=self.in_store)
