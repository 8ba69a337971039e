"""What a run starts from: the workspace as it stands, or the exact code of an earlier commit.

All that can be refused is refused here, with nothing written but unreferenced objects, and folders that are
cleaned when they are used again.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Sequence

from gitexp import errors, plugins
from gitexp.catalog import lookup, names
from gitexp.catalog.lookup import Point
from gitexp.catalog.record import branch_of
from gitexp.datasets.present import PresentData
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, Experiment, Record, paths_of
from gitexp.project import exclusions, first_time, params
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live, worktrees
from gitexp.repo.experiments import check_name
from gitexp.repo.git import conversions, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.scope import Scope
from gitexp.runs import lookout
from gitexp.runs.checks import earlier, inputs, work
from gitexp.runs.checks.work import Checked
from gitexp.runs.code.commit_code import (
    START_MESSAGE,
    StartCode,
    bring_dvc_data,
    checked_out,
    with_patterns,
    without_checkpoints,
)
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.runs.ready import PlainCommand, Ready
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming import resume
from gitexp.runs.resuming.resume import Resumed
from gitexp.words import shorten


def prepare(project: Project, request: RunRequest, held: contextlib.ExitStack) -> Ready:
    """The run, checked and stored, before its beginning.

    The run holds its workspace until the stack is closed. Raises the errors of `gitexp.runs.run.run` from
    before the start of the command.
    """
    if request.name:
        check_name(request.name)
        if not request.once:  # then the name may well be that of the result to be given back
            project.store.require_free(request.name)
    if project.store.sign is not None:
        project.store.sign.check()
    refuse_with_alone(request)
    if request.from_ or (request.resume and not request.own_code):
        ready = _of_commit(project, request, held)
    else:
        ready = _of_workspace(with_patterns(project, request, None), request, held)
    lookout.check(ready.code.config, request)
    template = request.name_template or ready.code.config.name_template
    to_try = names.to_try(project.store, request.name, template, ready.params.files)
    return earlier.with_identity(ready)._replace(names=to_try)


def refuse_with_alone(request: RunRequest) -> None:
    """Raise UsageError for `--with` without a commit to lay files over."""
    if request.with_ and not (request.from_ or request.resume):
        raise errors.UsageError(
            "--with lays files over the code of --from, and there is none.",
            "Give --from EXP; the workspace's own files are run as they are.",
        )


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
    resumed = _resumed_here(project, request)
    large = inputs.large_results(project, repo.root)
    lying_about = list[str]()
    if resumed is None:
        lying_about = _left_checkpoints(project, request)
        large = without_checkpoints(project, large)
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
        workspace = held.enter_context(worktrees.checkout(repo, commit, converting, request.scratch))
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
        warnings=(*beside, *lying_about, *checked.warnings, *data.warnings, *taken.warnings, *absent),
        bring=bring,
        changed_data=changed,
        lock=data.lock,
        converting=converting,
        resumed=resumed,
        beside_tree=_beside_tree(repo, taken.lossy),
    )


def _beside_tree(repo: Repository, lossy: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The ids of the bytes of files that a filter changes for good; notebooks lose their outputs alone."""
    asked = [path for path in lossy if not path.endswith(".ipynb")]
    return tuple(sorted(conversions.plain_ids(repo, asked).items()))


def _beside(project: Project, held: contextlib.ExitStack) -> list[str]:
    """Hold the workspace for a run of own code, if no other run has it; else a warning for the record."""
    try:
        held.enter_context(live.workspace(project.local, project.repo.git_dir))
        refuse_beside_orphan(project)
    except errors.WorkspaceBusy as error:
        return [f"only what was logged is stored of its results: {error.message}"]
    finish_dead_runs(project, awaited=project.repo.git_dir)
    return []


def _resumed_here(project: Project, request: RunRequest) -> Resumed | None:
    """What own code goes on from, its checkpoints now in the workspace; None for a run from the start.

    Raises the errors of `workspace_checkpoints.place`.
    """
    if not request.resume:
        return None
    resumed = _to_go_on_from(project, request, lookup.find(project, request.resume))
    plugins.load("checkpoints", "place")(project, resumed)
    return resumed


def _left_checkpoints(project: Project, request: RunRequest) -> list[str]:
    """A warning about the checkpoints in the workspace for a run that sees them, and is to begin anew."""
    if request.temp or not files_below(project.repo.root, project.config.checkpoints):
        return []
    there = [path for path in project.config.checkpoints if os.path.lexists(project.repo.root / path)]
    told = "checkpoints of an earlier run are in the workspace, and the command may go on from them"
    return [f"{told}: {shorten(there)}"]


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
        elsewhere=(*scope.in_store, *known, *scope.aside, *project.config.checkpoints),
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
    resumed = resume.of_queued(project, queued)
    start = StartCode(record.commit, record.baseline, record.branch, record, converting, resumed)
    ready = checked_out(project, request._replace(selection=work.queued_stages(record)), held, start)
    lookout.check(ready.code.config, request)
    return ready._replace(identity=record.identity, group=record.group, names=(queued.name,))


# -- from a commit ------------------------------------------------------------------------------------


def _of_commit(project: Project, request: RunRequest, held: contextlib.ExitStack) -> Ready:
    """The run of a commit; its identity and names are still open.

    The commit is checked out into a worktree and then checked like a workspace: its own config, params and
    programs count.
    """
    return checked_out(project, request, held, start_of(project, request))


def start_of(project: Project, request: RunRequest) -> StartCode:
    """The code that a request names with `--from` or `--resume`.

    Raises the errors of `lookup.find` and of `resume`, UsageError for the workspace, and still-running.
    """
    point = lookup.find(project, request.resume or request.from_)
    if point.commit is None:
        raise errors.UsageError("The workspace is what runs without --from.", "Leave --from out.")
    before, branch, converting, resumed = None, None, Conversions(), None
    if request.resume:
        resumed = _to_go_on_from(project, request, point)
    if point.experiment is not None:
        lookup.require_whole(project, point.experiment)
        before = point.experiment.record
        branch = before.branch
        converting = conversion_note.read(project.store, point.experiment)
    _require_ended(before, point.label)
    if request.code and before is not None:
        return StartCode(request.code, before.baseline, branch, before, converting)
    return StartCode(point.commit, point.commit, branch, before, converting, resumed)


def _to_go_on_from(project: Project, request: RunRequest, point: Point) -> Resumed:
    """The point at which a run is to go on. Raises UsageError and the errors of `resume`."""
    if point.experiment is None:
        raise errors.UsageError(
            f"{point.label} is no experiment: it has no checkpoint.",
            f"From its code: gitexp run --from {shlex.quote(request.resume)}",
        )
    one = lookup.require_own(project, point.experiment.name)
    has_more_to_do = bool(request.overrides or request.with_ or request.command)
    return resume.asked_for(one, has_more_to_do=has_more_to_do)


def _require_ended(before: Record | None, label: str) -> None:
    if before is not None and not before.status.ended:
        raise errors.ExperimentError(
            f"{label} has not ended: what it comes to is not known yet.",
            f"Wait for it, or run what it started from: gitexp run --from {before.baseline[:7]}",
            code="still-running",
        )
