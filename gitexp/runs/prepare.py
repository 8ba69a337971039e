"""What a run starts from: the workspace as it stands, or the exact code of an earlier commit.

All that can be refused is refused here, with nothing written but unreferenced objects, and folders that are
cleaned when they are used again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from gitexp import errors, files
from gitexp.catalog import lookup, names
from gitexp.catalog.record import branch_of
from gitexp.datasets.present import PresentData
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, Experiment, Files, Record, paths_of
from gitexp.objects.paths import joined_paths
from gitexp.project import config_loading, dvc_data, exclusions, first_time, params
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live, worktrees
from gitexp.repo.experiments import check_name
from gitexp.repo.git import conversions, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.git.trees import files_in
from gitexp.repo.scope import Scope
from gitexp.runs import earlier, inputs, lookout, overlay, work
from gitexp.runs.ready import PlainCommand, Ready
from gitexp.runs.recover import finish_dead_runs
from gitexp.runs.request import RunRequest
from gitexp.runs.work import Checked
from gitexp.words import shorten

START_MESSAGE = "Start of an experiment\n"


class _Code(NamedTuple):
    """The code of a run in an isolated workspace.

    Attributes:
        commit: the commit to check out.
        baseline: the parent of the experiment's commit; of a queued run, not the same commit.
        branch: the branch for the record.
        before: the record of the experiment to be run again, if any.
        converting: how a checkout gives the bytes of the commit.
    """

    commit: str
    baseline: str
    branch: str | None
    before: Record | None
    converting: Conversions


def prepare(project: Project, request: RunRequest, held: contextlib.ExitStack) -> Ready:
    """The run, checked and stored, before its beginning.

    The run holds its workspace until the stack is closed. Raises the errors of `gitexp.runs.run.run` from
    before the start of the command.
    """
    if request.name:
        check_name(request.name)
        if not request.once:  # then the name may well be that of the result to be given back
            project.store.require_free(request.name)
    if request.with_ and not request.from_:
        raise errors.UsageError(
            "--with lays files over the code of --from, and there is none.",
            "Give --from EXP; the workspace's own files are run as they are.",
        )
    if request.from_:
        ready = _of_commit(project, request, held)
    else:
        ready = _of_workspace(with_patterns(project, request, None), request, held)
    lookout.check(ready.code.config, request)
    template = request.name_template or ready.code.config.name_template
    to_try = names.to_try(project.store, request.name, template, ready.params.files)
    return earlier.with_identity(ready)._replace(names=to_try)


def with_patterns(code: Project, request: RunRequest, before: Record | None) -> Project:
    """The project that also looks in the output for the metrics of an earlier run and of the user."""
    patterns = dict(code.config.metrics_from_output)
    if before is not None:
        patterns.update(before.patterns)
    typed: dict[str, str] = {}
    for text in request.metrics:
        name, pattern = files.parse_printed(text)
        if name in typed:
            raise errors.UsageError(
                f"--metric is given twice for {name}.", "Give one pattern: (?:a|b) finds what either finds."
            )
        typed[name] = pattern
    patterns.update(typed)
    files.check_printed(patterns)
    return code._replace(config=code.config._replace(metrics_from_output=patterns))


# -- from the workspace -------------------------------------------------------------------------------


def _of_workspace(project: Project, request: RunRequest, held: contextlib.ExitStack) -> Ready:
    """The run of the present workspace; identity and names are still open."""
    repo = project.repo
    head = repo.head()
    is_isolated = request.temp and not project.dry_run  # a dry run needs no other folder: nothing runs
    beside = list[str]()
    if request.own_code:
        checked = work.of_own_code(project, request)
        beside = _beside(project, held)
    else:
        checked = work.check(project, request, None, repo.root)
    if not request.temp and not request.own_code:
        params.require_writable(repo.root, checked.params)
        held.enter_context(live.workspace(project.local, repo.git_dir))
        refuse_beside_orphan(project)
        # The results of a run that died here must be stored before this one writes over them.
        finish_dead_runs(project, awaited=repo.git_dir)
        checked = work.complete(checked, project, project, repo.root, written=checked.params.edited)
    large = inputs.large_results(project, repo.root)
    known = inputs.unchanged(project, large)
    data = inputs.present_data(project)
    scope = work.scope_of(project, checked.work)
    if beside:
        scope = scope.without_files
    taken = snapshot_of(project, checked, scope, paths_of(known), data)
    tree, converting = taken.tree, Conversions(conversions.settings_of(repo), taken.exact)
    checked = checked._replace(params=params.as_stored(project, tree, checked.params))
    # Nobody reads the commit before there is a record of it, unless it is to be checked out.
    commit = repo.write_commit(tree, [head.commit], START_MESSAGE, with_next=not is_isolated)
    failpoint("run:snapshot")
    if files := first_time.new_files(project, "run", head.commit, tree):
        request.on_new_files(files)
    workspace, bring, changed = repo, tuple[Artifact, ...](), data.changed
    absent = _absent(data, checked, request)
    if is_isolated:
        workspace = held.enter_context(worktrees.checkout(repo, commit, converting))
        worktrees.take_along(repo, workspace, taken.lossy)
        worktrees.share(repo, workspace, commit, project.config.share)
        absent += bring_dvc_data(repo, workspace)
        checked = work.complete(checked, project, project, workspace.root, written={})
        bring = (*inputs.data(project, project, workspace.root, checked.work), *known)
        changed = ()
    return Ready(
        code=project,
        params=checked.params,
        work=checked.work,
        folder=checked.folder,
        baseline=head.commit,
        branch=branch_of(head),
        workspace=workspace,
        tree=tree,
        commit=commit,
        scope=scope._replace(large=paths_of(large)),
        warnings=(*beside, *checked.warnings, *data.warnings, *taken.warnings, *absent),
        bring=bring,
        changed_data=changed,
        lock=data.lock,
        converting=converting,
    )


def _beside(project: Project, held: contextlib.ExitStack) -> list[str]:
    """Hold the workspace for a run of own code, if no other run has it; else a warning for the record."""
    try:
        held.enter_context(live.workspace(project.local, project.repo.git_dir))
        refuse_beside_orphan(project)
    except errors.WorkspaceBusy as error:
        return [f"only what was logged is stored of its results: {error.message}"]
    finish_dead_runs(project, awaited=project.repo.git_dir)
    return []


def bring_dvc_data(repo: Repository, workspace: Repository) -> list[str]:
    """Bring the data under DVC to an isolated workspace; a warning for what cannot be had."""
    return dvc_data.bring(repo.root, workspace.root)


def _absent(data: PresentData, checked: Checked, request: RunRequest) -> list[str]:
    """A sentence for data the command will not find; stages and isolated runs get missing data."""
    if not data.absent or request.temp or not isinstance(checked.work, PlainCommand):
        return []
    return [f"not here: {shorten(data.absent)}; gitexp checkout brings it"]


def snapshot_of(
    project: Project, checked: Checked, scope: Scope, known: Sequence[str], data: PresentData
) -> Snapshot:
    """The workspace with the overrides applied.

    `known` are large results already in the object store.
    """
    rules = snapshot.Rules(
        leave_out=exclusions.rule(project.repo.root),
        max_untracked=scope.max_size,
        results=scope.results,
        elsewhere=(*scope.in_store, *known, *scope.aside),
        declared=tuple(checked.params.contents),
        overlay={**checked.code, **checked.params.edited, **inputs.lock_of(project, data)},
    )
    with project.local.scratch() as scratch:
        return snapshot.take(project.repo, scratch, rules)


# -- of the queue -------------------------------------------------------------------------------------


def of_queued(project: Project, request: RunRequest, queued: Experiment, held: contextlib.ExitStack) -> Ready:
    """The run of a queued experiment, in an isolated workspace with its start snapshot.

    The workspace is the run's until the stack is closed. Raises the errors of `gitexp.runs.run.run` from
    before the start of the command.
    """
    record = queued.record
    converting = conversion_note.read(project.store, queued)
    start = _Code(record.commit, record.baseline, record.branch, record, converting)
    ready = _checked_out(project, request._replace(selection=work.queued_stages(record)), held, start)
    lookout.check(ready.code.config, request)
    return ready._replace(identity=record.identity, group=record.group, names=(queued.name,))


# -- from a commit ------------------------------------------------------------------------------------


def _of_commit(project: Project, request: RunRequest, held: contextlib.ExitStack) -> Ready:
    """The run of a commit; its identity and names are still open.

    The commit is checked out into a worktree and then checked like a workspace: its own config, params and
    programs count.
    """
    point = lookup.find(project, request.from_)
    if point.commit is None:
        raise errors.UsageError("The workspace is what runs without --from.", "Leave --from out.")
    before, branch, converting = None, None, Conversions()
    if point.experiment is not None:
        lookup.require_whole(project, point.experiment)
        before = point.experiment.record
        branch = before.branch
        converting = conversion_note.read(project.store, point.experiment)
    _require_ended(before, point.label)
    return _checked_out(project, request, held, _Code(point.commit, point.commit, branch, before, converting))


def _checked_out(project: Project, request: RunRequest, held: contextlib.ExitStack, start: _Code) -> Ready:
    """The run of a commit in a worktree; its identity and names are still open."""
    repo, before, converting = project.repo, start.before, start.converting
    files_over = overlay.parse(project, request.with_)
    worktree = held.enter_context(worktrees.checkout(repo, start.commit, converting))
    laid = overlay.lay(worktree, files_over)
    code = in_worktree(project, worktree, before, repeated=request.command is None)
    code = with_patterns(code, request, before)
    worktrees.share(repo, worktree, start.commit, code.config.share)
    absent = bring_dvc_data(repo, worktree)
    checked = work.check(code, request, before, repo.root)
    prepared = checked.params
    checked = work.complete(checked, project, code, worktree.root, written=prepared.edited)
    large = inputs.large_results(code, worktree.root)
    known, gone = inputs.available(project, worktree.root, large)
    bring = (*inputs.data(project, code, worktree.root, checked.work), *known)
    tree = repo.resolve(start.commit, "tree")
    assert tree is not None  # it is checked out
    exact = converting.exact
    warnings = [*prepared.warnings, *absent, *gone, *_in_spite_of_rules(project, start.commit, laid)]
    if changed := list(dict.fromkeys([*laid, *prepared.edited])):
        with project.local.scratch() as scratch:
            params.write(worktree.root, scratch, prepared)
            taken = snapshot.with_files(worktree, scratch, tree, [], changed)
        tree = taken.tree
        exact = (*(path for path in exact if path not in changed), *taken.exact)
        warnings += taken.warnings
    commit = start.commit
    if changed or start.baseline == start.commit:
        commit = repo.write_commit(tree, [start.baseline], START_MESSAGE)
        worktrees.settle(worktree, commit)
    failpoint("run:settled")
    return Ready(
        code=code,
        params=prepared,
        work=checked.work,
        folder=checked.folder,
        baseline=start.baseline,
        branch=start.branch,
        workspace=worktree,
        tree=tree,
        commit=commit,
        scope=work.scope_of(code, checked.work)._replace(large=paths_of(large)),
        warnings=tuple(warnings),
        bring=bring,
        converting=Conversions(conversions.settings_of(worktree), exact),
    )


def _in_spite_of_rules(project: Project, commit: str, laid: Sequence[str]) -> list[str]:
    """A warning for the files laid over a commit that no experiment would have unless they were named."""
    leave_out = exclusions.rule(project.repo.root)
    asked = [path for path in laid if leave_out(path) is not None]
    tracked = files_in(project.repo, commit, asked)
    warnings = []
    for path in asked:
        if path not in tracked:
            warnings.append(f"stored as declared, {leave_out(path)}: {path}")
    return warnings


def _require_ended(before: Record | None, label: str) -> None:
    if before is not None and not before.status.ended:
        raise errors.ExperimentError(
            f"{label} has not ended: what it comes to is not known yet.",
            f"Wait for it, or run what it started from: gitexp run --from {before.baseline[:7]}",
            code="still-running",
        )


def in_worktree(project: Project, worktree: Repository, before: Record | None, *, repeated: bool) -> Project:
    """The project of a commit, seen from the coming folder of the command.

    Sharing depends on this machine: paths from the user's own config count too.
    """
    root, top = worktree.root, project.repo.root.resolve()
    if repeated and before is not None:
        here = root / PurePosixPath(before.folder)
    elif project.here.is_relative_to(top):
        here = root / project.here.relative_to(top)
    else:  # GIT_WORK_TREE says so
        here = root
    found = config_loading.load(root, here)
    if before is not None:
        found = found._replace(
            params=_with(found.params, before.params), metrics=_with(found.metrics, before.metrics)
        )
    share = joined_paths(found.share, project.config.share)
    return project._replace(repo=worktree, config=found._replace(share=share), here=here)


def _with(names: Sequence[str], more: Files) -> tuple[str, ...]:
    """The names, and the names of an experiment's further files."""
    own = [name for name in more if not name.startswith(".gitexp/")]
    return joined_paths(names, own)
