"""Store the workspace as it stands, without running anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from gitexp import files
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.ops import exclusions, names
from gitexp.ops.project import Project, foreign, parse_all, read, warning_of
from gitexp.ops.record import branch_of, made_here
from gitexp.repo import snapshot
from gitexp.repo.live import live_runs
from gitexp.repo.store import check_name, subject
from gitexp.run.liveness import is_alive


def save(project: Project, name: str = "", note: str = "", *, name_template: str = "") -> Experiment:
    """Store the workspace, results included, as an experiment that is done; return it.

    The template (default: that of the config) is used where there is no name.
    Raises what `run` raises for a workspace that cannot be stored, or for the name.
    """
    project.local.prepare()
    head = project.repo.head()
    if name:
        check_name(name)
        project.store.require_free(name)
    config, root = project.config, project.repo.root
    unrecorded = foreign(root, (*config.params, *config.metrics))
    params, unread = parse_all(_contents(root, config.params, unrecorded), files.parse)
    metrics, bad = parse_all(_contents(root, config.metrics, unrecorded), files.parse_metrics)
    to_try = names.to_try(project.store, name, name_template or config.name_template, params)
    rules = snapshot.Rules(
        leave_out=exclusions.rule(root),
        max_untracked=config.max_untracked,
        results=config.results,
        elsewhere=project.elsewhere(),
        declared=(*config.params, *config.results),
    )
    going = [
        f"{run.name or 'a run'} is running here: its results may be half written"
        for run in live_runs(project.local)
        if run.git_dir == str(project.repo.git_dir) and is_alive(run.process)
    ]
    with project.local.scratch() as scratch:
        taken = snapshot.take(project.repo, scratch, rules)
    failpoint("save:snapshot")
    record = Record(
        name=name,
        status=Status.DONE,
        commit=head.commit,
        baseline=head.commit,
        branch=branch_of(head),
        params=params,
        metrics=metrics,
        note=note,
        warnings=(*going, *warning_of(unrecorded), *taken.warnings, *unread, *bad),
    )
    record = made_here(record)
    record = replace(record, finished=record.created)

    def build(name: str) -> tuple[Record, str]:
        named = replace(record, name=name)
        commit = project.repo.write_commit(taken.tree, [head.commit], subject(named) + "\n")
        failpoint("save:commit")
        return replace(named, commit=commit), taken.tree

    seed = project.repo.write_commit(taken.tree, [head.commit], "Saved workspace\n")
    return names.create(to_try, lambda name: project.store.create(name, seed, build))


def _contents(root: Path, names: Iterable[str], but: Collection[str]) -> dict[str, bytes | None]:
    # To read a pipe would be to wait for ever.
    return {name: read(root / name) for name in names if name not in but and (root / name).is_file()}
