"""What a run starts from: the workspace as it stands, or the exact code of an earlier commit.

All that can be refused is refused here, with nothing written but unreferenced objects and folders
that are cleaned when they are used again. Code of a commit is checked out into a worktree first and
then looked at as a workspace is: its config, its params, its programs are the ones that count.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gitexp import errors, files
from gitexp.catalog import lookup, names
from gitexp.catalog.record import branch_of
from gitexp.datasets.present import PresentData
from gitexp.failpoints import failpoint
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.model import Artifact, Files, Record
from gitexp.process.programs import find_program
from gitexp.project import config, exclusions, params
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.params import Command, PreparedParams
from gitexp.project.project import Project, read
from gitexp.repo import live, worktrees
from gitexp.repo.experiments import check_name
from gitexp.repo.git import snapshot
from gitexp.repo.git.repository import Repository
from gitexp.runs import inputs, overlay
from gitexp.runs.recover import finish_dead_runs
from gitexp.runs.request import RunRequest
from gitexp.words import shorten

# What is behind the stages is imported where there are some: it costs as much as a short run without them.
if TYPE_CHECKING:
    from gitexp.pipeline.state import StageSelection
    from gitexp.stages.plan import StagePlan

_MESSAGE = "Start of an experiment\n"
_STAGES = ("gitexp", "run")  # what the record of a run of stages has as its command begins with
_NO_COMMAND = "Give one: gitexp run -- python train.py; or write it into gitexp.yaml: gitexp init"


@dataclass(frozen=True, slots=True)
class Start:
    """A run that may begin: checked, and its code stored.

    `code` is the project as the code has it: where `-S` was looked up, and whose config counts.
    `workspace` is where it will run, in `folder` (relative to the root); `commit` holds the `tree`
    that it starts with; `names` are to be tried in turn. With a `plan`, stages run and not a command.
    `bring` is data that the command would not find there, `changed_data` what the lock does not say yet as it
    is. `large` are the paths of earlier results that
    stand in gitexp.lock and not in Git.
    """

    code: Project
    params: PreparedParams
    folder: str
    baseline: str
    branch: str | None
    workspace: Repository
    tree: str
    commit: str
    warnings: tuple[str, ...] = ()
    names: Iterable[str] = ("",)
    plan: StagePlan | None = None
    bring: tuple[Artifact, ...] = ()
    changed_data: tuple[Artifact, ...] = ()
    lock: bytes = b""
    large: tuple[str, ...] = ()

    @property
    def command(self) -> Command:
        return self.params.command

    @property
    def line(self) -> str:
        """The command as a shell would take it."""
        if self.plan is not None:
            return shlex.join(self.plan.argv)
        return self.command if isinstance(self.command, str) else shlex.join(self.command)

    @property
    def written_params(self) -> tuple[str, ...]:
        """Params files that the command itself writes (dvclive's): read after a run, not before."""
        return _written_params(self.code)

    @property
    def results(self) -> tuple[str, ...]:
        """The paths that belong to the run's results, and into Git."""
        return _results(self.code, self.plan)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The paths whose content belongs in the object store, and not into Git."""
        return _elsewhere(self.code, self.plan)


def prepare(project: Project, request: RunRequest, stack: contextlib.ExitStack) -> Start:
    """Return what the run starts from; what it needs to itself is held until the stack is closed.

    Raises what `gitexp.runs.run.run` raises before the command has started.
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
        start = _of_commit(project, request, stack)
    else:
        start = _of_workspace(_with_patterns(project, request, {}), request, stack)
    template = request.name_template or start.code.config.name_template
    return replace(start, names=names.to_try(project.store, request.name, template, start.params.files))


def _with_patterns(code: Project, request: RunRequest, before: Mapping[str, str]) -> Project:
    """Return the project with the metrics too that an earlier run, and the user, want from the output."""
    pairs = [files.parse_printed(text) for text in request.metrics]
    typed, asked = dict(pairs), [name for name, _ in pairs]
    if twice := [name for name in typed if asked.count(name) > 1]:
        raise errors.UsageError(
            f"--metric is given twice for {twice[0]}.", "Give one pattern: (?:a|b) finds what either finds."
        )
    patterns = {**code.config.metrics_from_output, **before, **typed}
    files.check_printed(patterns)
    return replace(code, config=replace(code.config, metrics_from_output=patterns))


# -- from the workspace -------------------------------------------------------------------------------


def _of_workspace(project: Project, request: RunRequest, stack: contextlib.ExitStack) -> Start:
    repo = project.repo
    head = repo.head()
    prepared, folder, plan = _checked(project, request, None, project.repo.root)
    if not request.temp:
        params.require_writable(repo.root, prepared)
        stack.enter_context(live.workspace(project.local, repo.git_dir))
        refuse_beside_orphan(project)
        # The results of a run that died here must be stored before this one writes over them.
        finish_dead_runs(project, awaited=repo.git_dir)
        plan = _completed(plan, project, project, repo.root, prepared, written=prepared.edited)
    large = inputs.large_results(project, repo.root)
    known = inputs.unchanged(project, large)
    data = inputs.present_data(project)
    tree, warnings = _snapshot(project, prepared, plan, [artifact.path for artifact in known], data)
    prepared = params.as_stored(project, tree, prepared)
    commit = repo.write_commit(tree, [head.commit], _MESSAGE)
    failpoint("run:snapshot")
    workspace, bring = repo, tuple[Artifact, ...]()
    if request.temp:
        workspace = stack.enter_context(worktrees.checkout(repo, commit))
        worktrees.share(repo, workspace, commit, project.config.share)
        plan = _completed(plan, project, project, workspace.root, prepared, written={})
        bring = (*inputs.data(project, project, workspace.root, plan), *known)
    told = (*prepared.warnings, *(plan.warnings if plan is not None else ()), *data.warnings, *warnings)
    if data.absent and plan is None and not request.temp:
        told = (*told, f"not here: {shorten(data.absent)}; gitexp checkout brings it")
    return Start(
        project,
        prepared,
        folder,
        head.commit,
        branch_of(head),
        workspace,
        tree,
        commit,
        told,
        plan=plan,
        bring=bring,
        changed_data=() if request.temp else data.changed,
        lock=data.lock,
        large=tuple(artifact.path for artifact in large),
    )


def _snapshot(
    project: Project,
    prepared: PreparedParams,
    plan: StagePlan | None,
    large: Sequence[str],
    data: PresentData,
) -> tuple[str, tuple[str, ...]]:
    rules = snapshot.Rules(
        leave_out=exclusions.rule(project.repo.root),
        max_untracked=project.config.max_untracked,
        results=_results(project, plan),
        elsewhere=(*_elsewhere(project, plan), *large),
        declared=tuple(prepared.contents),
        overlay={**prepared.edited, **inputs.lock_of(project, data)},
    )
    with project.local.scratch() as scratch:
        taken = snapshot.take(project.repo, scratch, rules)
    return taken.tree, taken.warnings


# -- from a commit ------------------------------------------------------------------------------------


def _of_commit(project: Project, request: RunRequest, stack: contextlib.ExitStack) -> Start:
    repo = project.repo
    point = lookup.find(project, request.from_)
    if point.commit is None:
        raise errors.UsageError("The workspace is what runs without --from.", "Leave --from out.")
    before = point.experiment.record if point.experiment is not None else None
    if before is not None and not before.status.ended:
        raise errors.ExperimentError(
            f"{point.label} has not ended: what it comes to is not known yet.",
            f"Wait for it, or run what it started from: gitexp run --from {before.baseline[:7]}",
            code="still-running",
        )
    files_over = overlay.parse(project, request.with_)
    worktree = stack.enter_context(worktrees.checkout(repo, point.commit))
    changed = overlay.lay(worktree, files_over)
    code = _in_worktree(project, worktree, before, repeated=request.command is None)
    code = _with_patterns(code, request, before.patterns if before is not None else {})
    worktrees.share(repo, worktree, point.commit, code.config.share)
    prepared, folder, plan = _checked(code, request, before, repo.root)
    plan = _completed(plan, project, code, worktree.root, prepared, written=prepared.edited)
    large = inputs.large_results(code, worktree.root)
    known, gone = inputs.available(project, worktree.root, large)
    bring = (*inputs.data(project, code, worktree.root, plan), *known)
    tree = repo.resolve(point.commit, "tree")
    assert tree is not None  # it is checked out
    warnings = (*prepared.warnings, *gone)
    if changed := [*dict.fromkeys([*changed, *prepared.edited])]:
        with project.local.scratch() as scratch:
            params.write(worktree.root, scratch, prepared)
            taken = snapshot.with_files(worktree, scratch, tree, [], changed)
        tree, warnings = taken.tree, (*warnings, *taken.warnings)
    commit = repo.write_commit(tree, [point.commit], _MESSAGE)
    worktrees.settle(worktree, commit)
    failpoint("run:settled")
    branch = before.branch if before is not None else None
    return Start(
        code,
        prepared,
        folder,
        point.commit,
        branch,
        worktree,
        tree,
        commit,
        warnings,
        plan=plan,
        bring=bring,
        large=tuple(artifact.path for artifact in large),
    )


def _in_worktree(project: Project, worktree: Repository, before: Record | None, *, repeated: bool) -> Project:
    """Return the project as a commit has it, looked for from the folder that the command will run in.

    What is shared is a matter of this machine: what the user's config names counts too.
    """
    root, top = worktree.root, project.repo.root.resolve()
    if repeated and before is not None:
        here = root / PurePosixPath(before.folder)
    elif project.here.is_relative_to(top):
        here = root / project.here.relative_to(top)
    else:  # GIT_WORK_TREE says so
        here = root
    found = config.load(root, here)
    found = replace(
        found,
        params=_with(found.params, before.params if before is not None else {}),
        metrics=_with(found.metrics, before.metrics if before is not None else {}),
        share=tuple(dict.fromkeys([*found.share, *project.config.share])),
    )
    return replace(project, repo=worktree, config=found, here=here)


def _with(names: Sequence[str], more: Files) -> tuple[str, ...]:
    """Return the names with those of the files that an experiment had besides."""
    return tuple(dict.fromkeys([*names, *(name for name in more if not name.startswith(".gitexp/"))]))


# -- from either --------------------------------------------------------------------------------------


def _checked(
    code: Project, request: RunRequest, before: Record | None, workspace: Path
) -> tuple[PreparedParams, str, StagePlan | None]:
    """Return the params and the command, as `-S` changes them, the folder that it runs in, or its stages.

    `workspace` is the user's own, which the code may have links to.
    """
    root = code.repo.root
    selection = _selection(code, request, before)
    command, cwd = ((), code.folder) if selection is not None else _command(code, request, before)
    if selection is None:
        find_program(command, cwd, os.environ)
    overrides = [files.parse_override(text) for text in request.overrides]
    prepared = params.prepare(
        code, overrides, command, written_later=_written_params(code), workspace=workspace
    )
    top = root.resolve()
    if not (real := cwd.resolve()).is_relative_to(top):
        raise errors.UsageError(f"{real} is not in the workspace, which is {top}.", "Run it from there.")
    folder = real.relative_to(top).as_posix()
    plan = None if selection is None else _plan(code, selection, prepared)
    return prepared, "" if folder == "." else folder, plan


def _selection(code: Project, request: RunRequest, before: Record | None) -> StageSelection | None:
    """Return which stages are to run, None if a command is; raises UsageError where there are no stages."""
    argv = before.argv or () if before is not None else ()
    repeats_stages = argv[: len(_STAGES)] == _STAGES
    repeats_command = before is not None and before.command is not None and not repeats_stages
    if code.config.pipeline_file is None or request.command or repeats_command:
        if request.selection is not None and request.selection.is_asked_for:
            raise errors.UsageError(
                "There are no stages to choose from.",
                f"They stand under stages: in {config.CONFIG_FILE}; a command follows --.",
            )
        return None
    from gitexp.pipeline.state import StageSelection

    if request.selection is not None and (request.selection.is_asked_for or not repeats_stages):
        return request.selection
    return StageSelection.of_argv(argv) if repeats_stages else StageSelection()


def _plan(code: Project, selection: StageSelection, prepared: PreparedParams) -> StagePlan:
    from gitexp.stages import plan as stages

    return stages.choose(code, selection, partial(_as_prepared, code.repo.root, prepared))


def _completed(
    plan: StagePlan | None,
    project: Project,
    code: Project,
    root: Path,
    prepared: PreparedParams,
    *,
    written: Mapping[str, bytes],
) -> StagePlan | None:
    """Return the plan with what it needs in the workspace at `root`, where files are still to be written."""
    if plan is None:
        return None
    from gitexp.stages import plan as stages

    read_file = partial(_as_prepared, root, prepared)
    return stages.complete(project, code, root, plan, read_file, written)


def _as_prepared(root: Path, prepared: PreparedParams, name: str) -> bytes | None:
    """Return what a file says as it will be when the run starts."""
    found = prepared.contents.get(name)
    return read(root / name) if found is None else found


def _results(code: Project, plan: StagePlan | None) -> tuple[str, ...]:
    more = () if plan is None else plan.results(code)
    return (*code.config.results, *_written_params(code), *more)


def _elsewhere(code: Project, plan: StagePlan | None) -> tuple[str, ...]:
    return code.elsewhere() if plan is None else (*code.config.data, *plan.in_store)


def _command(code: Project, request: RunRequest, before: Record | None) -> tuple[Command, Path]:
    """Return the command and where it runs: typed by the user where they stand, an earlier one where
    it ran, and that of the config in the project's folder."""
    if request.command:
        return request.command, code.here
    if before is not None and (command := before.argv or before.command):
        return command, code.repo.root / PurePosixPath(before.folder)
    if code.config.command:
        return code.config.command, code.folder
    if request.from_:
        usual = "dvc repro" if (code.folder / DVC_YAML).is_file() else "python train.py"
        raise errors.UsageError(
            f"There is no command to run: {request.from_} has none, nor has its {config.CONFIG_FILE}.",
            f"Give one: gitexp run --from {shlex.quote(request.from_)} -- {usual}",
            code="no-command",
        )
    raise errors.UsageError("There is no command to run.", _NO_COMMAND, code="no-command")


def _written_params(code: Project) -> tuple[str, ...]:
    return tuple(name for name in code.config.params if name.endswith("dvclive/params.yaml"))
