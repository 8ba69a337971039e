"""The code of a commit, checked out into an isolated workspace and then checked like the user's."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from gitexp import errors, files
from gitexp.datasets.large_results import without_outs
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, Files, Record, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import joined_paths, lies_in_any
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.pipeline.paths import lock_path
from gitexp.project import config_loading, exclusions, params
from gitexp.project.project import Project, read_inside
from gitexp.project.tools import dvc_data
from gitexp.repo import worktrees
from gitexp.repo.git import conversions, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.trees import files_in
from gitexp.repo.scope import Scope
from gitexp.runs.checks import inputs, work
from gitexp.runs.code import overlay
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming import resume
from gitexp.runs.resuming.resume import Resumed

START_MESSAGE = "Start of an experiment\n"


class StartCode(NamedTuple):
    """The code of a run in an isolated workspace.

    Attributes:
        commit: the commit to check out.
        baseline: the parent of the experiment's commit; of a queued run, not the same commit.
        branch: the branch for the record.
        before: the record of the experiment to be run again, if any.
        converting: how a checkout gives the bytes of the commit.
        resumed: what the run goes on from; None for a run from the start.
    """

    commit: str
    baseline: str
    branch: str | None
    before: Record | None
    converting: Conversions
    resumed: Resumed | None = None


class LaidOutCode(NamedTuple):
    """The code of a commit in an isolated workspace.

    Attributes:
        start: the commit.
        project: the project of the commit, which lies in the isolated workspace.
        laid: the paths of the files laid over the commit.
        warnings: sentences for the record.
    """

    start: StartCode
    project: Project
    laid: Sequence[str]
    warnings: tuple[str, ...]


def laid_out(
    project: Project, request: RunRequest, held: contextlib.ExitStack, start: StartCode
) -> LaidOutCode:
    """The code in an isolated workspace, with the files of `--with`, until the stack is closed."""
    repo = project.repo
    files_over = overlay.parse(project, request.with_)
    worktree = held.enter_context(worktrees.checkout(repo, start.commit, start.converting, request.scratch))
    laid = overlay.lay(worktree, files_over)
    code = in_worktree(project, worktree, start.before, repeated=request.command is None)
    code = with_patterns(code, request, start.before)
    worktrees.share(repo, worktree, start.commit, code.config.share)
    absent = bring_dvc_data(repo, worktree)
    warnings = (*absent, *_in_spite_of_rules(project, start.commit, laid))
    return LaidOutCode(start, code, laid, warnings)


def checked_out(project: Project, request: RunRequest, held: contextlib.ExitStack, start: StartCode) -> Ready:
    """The run of a commit in a worktree; its identity and names are still open."""
    repo = project.repo
    there = laid_out(project, request, held, start)
    code, worktree = there.project, there.project.repo
    checked = work.check(code, request, start.before, repo.root)
    prepared = checked.params
    checked = work.complete(checked, project, code, worktree.root, written=prepared.edited)
    large = inputs.large_results(code, worktree.root)
    dropped, unlocked = list[str](), list[str]()
    if request.reproduces:
        dropped, unlocked = without_results(code, start, work.scope_of(code, checked.work))
        large = []
    elif start.resumed is None:
        large = without_checkpoints(code, large)
        dropped = dropped_checkpoints(code, start)
    known, gone = inputs.available(project, worktree.root, large)
    if start.resumed is not None:
        resume.require_present(start.resumed, [artifact for artifact in large if artifact not in known])
    bring = (*inputs.data(project, code, worktree.root, checked.work), *known)
    tree = repo.resolve(start.commit, "tree")
    assert tree is not None  # it is checked out
    exact = start.converting.exact
    warnings = [*prepared.warnings, *there.warnings, *gone]
    changed = list(dict.fromkeys([*there.laid, *prepared.edited, *unlocked]))
    if changed or dropped:
        with project.local.scratch() as scratch:
            params.write(worktree.root, scratch, prepared)
            taken = snapshot.with_files(worktree, scratch, tree, dropped, changed)
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
        resumed=start.resumed,
        against=against_of(start.before),
    )


def against_of(before: Record | None) -> str:
    """The commit whose protected files count for a run of an experiment's code; "" for its baseline.

    Otherwise the changes of one experiment would be the baseline of the next.
    """
    if before is None:
        return ""
    return str(before.protected.get("at", ""))


def dropped_checkpoints(code: Project, start: StartCode) -> list[str]:
    """The checkpoints of the experiment to be run again, removed from its worktree: the run begins anew."""
    if start.before is None or start.baseline != start.commit:
        return []
    found = files_in(code.repo, start.commit, code.config.checkpoints)
    there = WorkspaceFiles(code.repo.root)
    for path in found:
        there.remove(path)
    return found


def without_results(code: Project, start: StartCode, scope: Scope) -> tuple[list[str], list[str]]:
    """The results of the experiment, removed from its worktree; and gitexp.lock, if it named any.

    So a reproduction begins without the results to be made again.
    """
    assert start.before is not None  # an experiment is reproduced
    before = start.before
    written = [*before.metrics, *before.tables, *before.written_params]
    own = [path for path in written if not path.startswith(".gitexp/")]
    found = files_in(
        code.repo, start.commit, joined_paths((*scope.results, *scope.aside, *scope.metrics), own)
    )
    there, root = WorkspaceFiles(code.repo.root), code.repo.root
    for path in found:
        there.remove(path)
    lock = lock_path(code.config.folder)
    text = read_inside(root, lock)
    if text is None:
        return found, []
    rest = without_outs(text, code.config)
    if rest == text:
        return found, []
    if not rest:
        there.remove(lock)
        return [*found, lock], []
    (root / lock).write_bytes(rest)
    return found, [lock]


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


def without_checkpoints(code: Project, large: Sequence[Artifact]) -> list[Artifact]:
    """The large results that a run from the start may begin with."""
    return [artifact for artifact in large if not lies_in_any(artifact.path, code.config.checkpoints)]


def bring_dvc_data(repo: Repository, workspace: Repository) -> list[str]:
    """Bring the data under DVC to an isolated workspace; a warning for what cannot be had."""
    return dvc_data.bring(repo.root, workspace.root)


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
