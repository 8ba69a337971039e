"""Store the workspace as it stands, without running anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from gitexp import files
from gitexp.catalog import names
from gitexp.catalog.record import branch_of, made_here
from gitexp.datasets import large_results
from gitexp.datasets.large_results import EditedOuts
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.objects.paths import lies_in_any
from gitexp.process.liveness import is_alive
from gitexp.project import exclusions
from gitexp.project.project import Project, foreign, parse_all, read, warning_of
from gitexp.repo import conversion_note, live
from gitexp.repo.experiments import check_name, subject
from gitexp.repo.git import conversions, indexes, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.git.trees import files_in
from gitexp.runs.checks import inputs, surroundings
from gitexp.runs.collecting.own_metrics import matching_files, own_metrics
from gitexp.runs.trust.start import at_start


def save(project: Project, name: str = "", note: str = "", *, name_template: str = "") -> Experiment:
    """Store the workspace, results included, as an experiment with status `done`.

    `name_template` (default: the config's) is used without a `name`. Raises the errors of `run` about the
    workspace and the name.
    """
    project.local.prepare()
    head = project.repo.head()
    if name:
        check_name(name)
        project.store.require_free(name)
    config, root = project.config, project.repo.root
    matching = matching_files(project)
    unrecorded = foreign(root, (*config.files, *matching.patterns))
    params, unread = parse_all(_contents(root, config.params, unrecorded), files.parse_params)
    metrics_files = (*config.metrics, *matching.patterns)
    metrics, bad = parse_all(_contents(root, metrics_files, unrecorded), files.parse_metrics)
    to_try = names.to_try(project.store, name, name_template or config.name_template, params)
    going = _running_here(project)
    taken = _snapshot(project)
    own = own_metrics(project, head.commit, taken.tree, params, metrics, matching.patterns)
    tree = _without(project, taken.tree, [*own.others, *matching.older])
    failpoint("save:snapshot")
    record = Record(
        name=name,
        status=Status.DONE,
        commit=head.commit,
        baseline=head.commit,
        branch=branch_of(head),
        project=config.folder,
        params=params,
        metrics=surroundings.by_pattern(own.metrics, config.patterns.metrics, config.declared),
        note=note,
        warnings=(*going, *warning_of(unrecorded), *taken.warnings, *unread, *bad, *own.warnings),
    )
    record = made_here(record, project.repo)
    record = replace(record, finished=record.created)
    record = replace(at_start(record, project, tree, head.commit), holdout={})
    record_tree = tree
    converting = Conversions(conversions.settings_of(project.repo), taken.exact)
    if checkout_note := conversion_note.write(project.repo, converting):
        record_tree = project.store.record_tree(tree, checkout_note)

    def build(name: str) -> tuple[Record, str]:
        named = replace(record, name=name)
        commit = project.repo.write_commit(
            tree, [head.commit], subject(named) + "\n", sign=project.store.sign
        )
        failpoint("save:commit")
        return replace(named, commit=commit), record_tree

    if project.dry_run:
        planned = next(iter(to_try)) or f"exp-{tree[:5]}"
        return Experiment(planned, tree, replace(record, name=planned))
    with project.repo.writing_together():
        seed = project.repo.write_commit(tree, [head.commit], "Saved workspace\n")
        return names.create(to_try, lambda name: project.store.create(name, seed, build))


def _without(project: Project, tree: str, others: Sequence[str]) -> str:
    """The tree without metrics files of other runs, unless HEAD has them."""
    tracked = files_in(project.repo, "HEAD", others)
    untracked = [name for name in others if name not in tracked]
    if not untracked:
        return tree
    with project.local.scratch() as scratch:
        return snapshot.with_files(project.repo, scratch, tree, untracked, []).tree


def _running_here(project: Project) -> list[str]:
    """A warning for each run in this workspace."""
    going = []
    for run in live.live_runs(project.local):
        if run.git_dir == str(project.repo.git_dir) and is_alive(run.process) is not False:
            going.append(f"{run.name or 'a run'} is running here: its results may be half written")
    return going


def _snapshot(project: Project) -> Snapshot:
    """The workspace, results included."""
    config, elsewhere = project.config, project.elsewhere()
    large = _large_results(project, elsewhere)
    edited = _edited_outs(project, elsewhere)
    data = inputs.present_data(project)
    rules = snapshot.Rules(
        leave_out=exclusions.rule(project.repo.root),
        max_untracked=config.max_untracked,
        results=config.results,
        elsewhere=(*elsewhere, *large),
        declared=(*config.params, *config.results),
        overlay=inputs.lock_of(project, data),
    )
    with project.local.scratch() as scratch:
        taken = snapshot.take(project.repo, scratch, rules)
        tree, refused = _with_stored(project, scratch, taken.tree, large, edited)
    return Snapshot(tree, (*data.warnings, *taken.warnings, *refused), taken.exact)


def _large_results(project: Project, elsewhere: Sequence[str]) -> list[str]:
    """The declared results that are too large for Git and not tracked."""
    root, config = project.repo.root, project.config
    secret = exclusions.rule(root)
    large = []
    for name, stamp in live.stamp(root, files_below(root, config.results)).items():
        if stamp.size <= config.max_untracked or (root / name).is_symlink():
            continue
        if not lies_in_any(name, elsewhere) and secret(name) is None:
            large.append(name)
    tracked = indexes.files(project.repo, project.repo.index, large)
    return [name for name in large if name not in tracked]


def _edited_outs(project: Project, elsewhere: Sequence[str]) -> EditedOuts | None:
    """The outs of stages edited since their stage ran; None where there are no stages."""
    if project.config.pipeline_file is None:
        return None
    return large_results.find(project, [path for path in elsewhere if path not in project.config.data])


def _with_stored(
    project: Project, scratch: Path, tree: str, large: Sequence[str], edited: EditedOuts | None
) -> tuple[str, Sequence[str]]:
    """The tree with a lock that names large results and edited outs, and a warning for each refused."""
    outs, stages = (edited.paths, edited.stages) if edited is not None else ((), ())
    if not (large or outs or stages):
        return tree, ()
    root, config = project.repo.root, project.config
    kept = large_results.keep(project, root, config, tree, [*large, *outs], but=stages)
    contents = kept.contents(config)
    return snapshot.with_contents(project.repo, scratch, tree, contents) if contents else tree, kept.refused


def _contents(root: Path, names: Iterable[str], but: Collection[str]) -> dict[str, bytes | None]:
    # To read a pipe would be to wait for ever.
    return {name: read(root / name) for name in names if name not in but and (root / name).is_file()}
