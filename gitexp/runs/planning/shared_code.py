"""The code of many runs, stored once: of the workspace, or of a commit in an isolated workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.catalog.record import branch_of
from gitexp.model import Artifact, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in_any
from gitexp.process.programs import simple_commands
from gitexp.project import first_time
from gitexp.project.project import Project
from gitexp.repo import shared_modules
from gitexp.repo.git import conversions, plain_files, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.git.trees import files_in
from gitexp.repo.git.values import Head
from gitexp.runs import prepare
from gitexp.runs.checks import earlier, inputs, work
from gitexp.runs.checks.work import Checked
from gitexp.runs.code import commit_code
from gitexp.runs.code.commit_code import LaidOutCode
from gitexp.runs.ready import PlainCommand, Ready
from gitexp.runs.request import RunRequest

OnNewFiles = Callable[[Sequence[str]], None]


class SharedCode(NamedTuple):
    """The code of all runs of a plan.

    Attributes:
        project: the project of the runs.
        head: HEAD of the workspace; with `--from`, the commit, and the branch of its experiment.
        taken: the snapshot of the workspace, or of the commit, without overrides.
        large: results of an earlier run that are too large for Git.
        lock: the text of gitexp.lock in the snapshot; b"" for its text on disk.
        warnings: sentences for all records.
        against: the commit whose protected files count; "" for the baseline.
    """

    project: Project
    head: Head
    taken: Snapshot
    large: Sequence[Artifact]
    lock: bytes
    warnings: tuple[str, ...]
    against: str = ""


class CodeToPlan(NamedTuple):
    """The code that runs are planned with: of the workspace, or of a commit.

    Attributes:
        project: the project of the code; of a commit, in an isolated workspace.
        own: the project in the user's own workspace.
        commit: the commit; None for the workspace.
    """

    project: Project
    own: Project
    commit: LaidOutCode | None

    @classmethod
    def of(cls, project: Project, request: RunRequest, held: contextlib.ExitStack) -> CodeToPlan:
        """The code of a request, until the stack is closed. Raises the errors of `prepare.start_of`."""
        prepare.refuse_with_alone(request)
        if not request.from_:
            return cls(commit_code.with_patterns(project, request, None), project, None)
        there = commit_code.laid_out(project, request, held, prepare.start_of(project, request))
        return cls(there.project, project, there)

    def check(self, request: RunRequest) -> Checked:
        """The work of a run with its params. Raises the errors of `work.check`."""
        before = None
        if self.commit is not None:
            before = self.commit.start.before
        return work.check(self.project, request, before, self.own.repo.root)

    def checked_point(self, request: RunRequest) -> Checked:
        """The same; for stages also their inputs, to tell runs apart."""
        return _with_needs(self.own, self.project, self.check(request))

    def stored(self, checked: Checked, on_new_files: OnNewFiles) -> SharedCode:
        """The code, stored without the overrides of any point. `checked`: one of the points."""
        if self.commit is None:
            return code_of(self.project, checked, on_new_files)
        return _code_of_commit(self.own, self.commit)


def check_first(project: Project, request: RunRequest) -> Checked:
    """The work of a run with its params, of a request that is planned later."""
    project.local.prepare()
    with contextlib.ExitStack() as held:
        return CodeToPlan.of(project, request, held).check(request)


def checked_point(project: Project, request: RunRequest) -> Checked:
    """The work of a run with its params; for stages also their inputs, to tell runs apart."""
    checked = work.check(project, request, None, project.repo.root)
    return _with_needs(project, project, checked)


def _with_needs(project: Project, code: Project, checked: Checked) -> Checked:
    """The same, with the needs of its stages where the code lies."""
    return work.complete(checked, project, code, code.repo.root, written=checked.params.edited)


def code_of(project: Project, checked: Checked, on_new_files: OnNewFiles) -> SharedCode:
    """The workspace, stored without the overrides of any point."""
    repo = project.repo
    head = repo.head()
    large = commit_code.without_checkpoints(project, inputs.large_results(project, repo.root))
    data = inputs.present_data(project)
    scope = work.scope_of(project, checked.work)
    unchanged = checked._replace(params=checked.params._replace(edited={}))
    known = paths_of(inputs.unchanged(project, large))
    taken = prepare.snapshot_of(project, unchanged, scope, known, data)
    shared_modules.refuse(repo, taken.tree, project.config.share)
    _refuse_absent_program(project, checked, taken.tree)
    if files := first_time.new_files(project, "run", head.commit, taken.tree):
        on_new_files(files)
    return SharedCode(project, head, taken, large, data.lock, (*data.warnings, *taken.warnings))


def _code_of_commit(project: Project, there: LaidOutCode) -> SharedCode:
    """The code of a commit in an isolated workspace, with the files laid over it, and without checkpoints."""
    start, worktree = there.start, there.project.repo
    tree = project.repo.resolve(start.commit, "tree")
    assert tree is not None  # it is checked out
    taken = Snapshot(tree, exact=start.converting.exact)
    dropped = commit_code.dropped_checkpoints(there.project, start)
    if there.laid or dropped:
        taken = _changed(there.project, taken, there.laid, {}, dropped)
    branch = None
    if start.branch is not None:
        branch = f"refs/heads/{start.branch}"
    large = inputs.large_results(there.project, worktree.root)
    large = commit_code.without_checkpoints(there.project, large)
    warnings = (*there.warnings, *taken.warnings)
    code = SharedCode(there.project, Head(start.commit, branch), taken, large, b"", warnings)
    return code._replace(against=commit_code.against_of(start.before))


def _changed(
    project: Project,
    taken: Snapshot,
    files: Sequence[str],
    contents: Mapping[str, bytes],
    dropped: Sequence[str] = (),
) -> Snapshot:
    """A snapshot with some files of the disk, other contents of some files, and without `dropped` paths."""
    with project.local.scratch() as scratch:
        found = snapshot.with_files(project.repo, scratch, taken.tree, dropped, files, contents)
    exact = list(found.exact)
    for path in taken.exact:
        if path not in files and path not in contents:
            exact.append(path)
    return found._replace(exact=tuple(exact))


def _refuse_absent_program(project: Project, checked: Checked, tree: str) -> None:
    """Raise SnapshotRefused for a program that an isolated workspace would not have, since Git ignores it."""
    if not isinstance(checked.work, PlainCommand):
        return
    root = project.repo.root.resolve()
    command, folder = checked.work.line, root / checked.folder
    words = next(simple_commands(command), []) if isinstance(command, str) else command
    if not words or "/" not in words[0] or PurePosixPath(words[0]).is_absolute():
        return
    file = Path(os.path.normpath(folder / words[0]))
    if not (file.is_relative_to(root) and file.exists()):
        return
    path = file.relative_to(root).as_posix()
    if lies_in_any(path, project.config.share) or files_in(project.repo, tree, [path]):
        return
    raise errors.SnapshotRefused(
        f"An isolated run would not have its program: {path} is no part of the code.",
        "Git, or .gitexpignore, leaves it out: list it, or its folder, under share: in gitexp.yaml.",
        paths=[path],
    )


def readies(code: SharedCode, checks: Sequence[Checked]) -> list[Ready]:
    """The runs of all points, with their identities; their names are still open."""
    repo = code.project.repo
    trees = list[str | None]()
    with repo.writing_together():
        for checked in checks:
            trees.append(plain_files.with_files(repo, code.taken.tree, (), (), checked.params.edited))
    found = []
    for checked, tree in zip(checks, trees, strict=True):
        ready = _of_point(code, checked, tree)
        if warnings := ready.stored_command.warnings:
            raise errors.UsageError(
                f"A queued run cannot have a secret in its command: {warnings[0]}.",
                "Give it in an environment variable, or in a file that Git ignores and share: names.",
            )
        found.append(earlier.with_identity(ready))
    return found


def _of_point(code: SharedCode, checked: Checked, tree: str | None) -> Ready:
    """The run of a point; its commit, identity and names are still open. `tree` None: Git has to make it."""
    project, repo, taken = code.project, code.project.repo, code.taken
    exact = taken.exact
    if tree is None:
        changed = _changed(project, taken, [], checked.params.edited)
        tree, exact = changed.tree, changed.exact
    return Ready(
        code=project,
        params=checked.params,
        work=checked.work,
        folder=checked.folder,
        baseline=code.head.commit,
        branch=branch_of(code.head),
        workspace=repo,
        tree=tree,
        commit="",
        scope=work.scope_of(project, checked.work)._replace(large=paths_of(code.large)),
        lock=code.lock,
        warnings=(*checked.warnings, *code.warnings),
        converting=Conversions(conversions.settings_of(repo), exact),
        against=code.against,
    )
