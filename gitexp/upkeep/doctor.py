"""Look for damage in the experiments of a repository, and mend it where that is safe."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.folders import remove_folder, walk_folder
from gitexp.history import unfinished
from gitexp.model import Damaged, Experiment, ProcessId, Stored, readable
from gitexp.process import git_processes
from gitexp.process.liveness import is_alive
from gitexp.project.hold import has_died
from gitexp.project.project import Project
from gitexp.repo import live, operations, trash, worktrees
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import graph
from gitexp.times import stamp
from gitexp.upkeep import rewritten
from gitexp.upkeep.rewritten import Rewritten
from gitexp.words import counted, human_size, shorten

_OLD_LOCK = 60.0  # seconds; Git holds a lock for milliseconds, except in a repack
_IDLE = 30 * 24 * 3600.0  # seconds

Mend = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing about the repository.

    Attributes:
        code: a stable word, for programs.
        message: a sentence.
        hint: the user's next step, if any.
        problem: false: harmless.
        mend: a function to put things right; None if none is safe.
        mended: whether `mend` has succeeded.
    """

    code: str
    message: str
    hint: str | None = None
    problem: bool = True
    mend: Mend | None = None
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of an examination: how many experiments, removed ones and operations; and the findings."""

    experiments: int
    trashed: int
    operations: int
    findings: Sequence[Finding]

    @property
    def healthy(self) -> bool:
        """Whether all problems are mended."""
        return not any(finding.problem and not finding.mended for finding in self.findings)


def examine(project: Project, *, mend: bool = False) -> Diagnosis:
    """The state of all refs, records and objects of gitexp's, and of its files on this machine.

    With `mend`, findings are mended where safe: no experiment is deleted. Raises the errors of `Store.all`
    for an unreadable repository.
    """
    every = project.store.all()
    symbolic, broken = _refs(project)
    experiments = [experiment for experiment in every if PREFIX + experiment.name not in broken]
    sound = readable(experiments)
    with_others = rewritten.rewritten(project, sound)
    moved = {one.experiment.name for one in with_others}
    found = [
        *_config(project),
        *symbolic,
        *_broken(project, broken),
        *_names(project, experiments),
        *_records(project, experiments),
        *_commits(project, [one for one in sound if one.name not in moved]),
        *_rewritten(project, with_others),
        *_objects(project, sound, broken),
        *_operations(project),
        *_stopped(project),
        *_running(project, sound),
        *_git_locks(project),
        *_trash(project),
        *_unstored(project),
        *_local(project),
    ]
    if mend and not project.dry_run:
        found = [_mended(finding) for finding in found]
    trashed, undoable = trash.contents(project.repo), operations.all_of(project.repo)
    return Diagnosis(len(every), len(trashed), len(undoable), found)


def _mended(finding: Finding) -> Finding:
    if finding.mend is None:
        return finding
    try:
        finding.mend()
    except FileNotFoundError:  # an earlier finding was mended, and this with it
        pass
    except errors.GitexpError as error:
        return replace(finding, hint=f"It could not be mended: {error.message}")
    except OSError as error:
        return replace(finding, hint=f"It could not be mended: {error.strerror}")
    return replace(finding, mended=True)


def _config(project: Project) -> Iterator[Finding]:
    if project.config_error is not None:
        wrong = project.config_error
        yield Finding("bad-config", wrong.message, wrong.hint)


# -- experiments --------------------------------------------------------------------------------------


def _names(project: Project, experiments: Sequence[Stored]) -> Iterator[Finding]:
    by_lower = defaultdict(list)
    for experiment in experiments:
        by_lower[experiment.name.lower()].append(experiment.name)
        if not is_name(experiment.name):
            yield Finding(
                "bad-name",
                f"{experiment.name} is no name that an experiment can have.",
                f"Rename its ref: git update-ref {PREFIX}<name> {experiment.id[:10]}",
            )
    for names in by_lower.values():
        if len(names) > 1:
            yield Finding(
                "names-differ-in-case",
                f"{' and '.join(names)} differ in case alone; some file systems cannot hold both.",
                f"Rename one: gitexp rename {names[0]} NEW",
            )


def _refs(project: Project) -> tuple[list[Finding], list[str]]:
    """A finding for each symbolic ref, and the names of refs that Git cannot read."""
    broken: list[str] = []
    found = project.repo.refs("refs/gitexp/", fields=("refname", "symref"), broken=broken)
    symbolic = []
    for ref, target in found:
        if target:
            name = os.fsdecode(ref)
            hint = f"git symbolic-ref --delete {name}"
            symbolic.append(Finding("symbolic-ref", f"{name} is a symbolic ref.", hint))
    return symbolic, broken


def _broken(project: Project, refs: Sequence[str]) -> Iterator[Finding]:
    """Files of refs without a commit, as after a power cut: Git does not even delete them."""
    common = project.repo.common_dir
    for ref in refs:
        file = common / ref
        mend: Mend | None = None
        # A folder on the way may be a link, and lead elsewhere.
        if os.path.lexists(file) and file.parent.resolve() == file.parent:
            mend = partial(_move_aside, project, ref, file)
        yield Finding(
            "broken-ref",
            f"{ref} is broken: it says no commit.",
            f"If it was pushed somewhere, delete {shlex.quote(str(file))} and fetch it again.",
            mend=mend,
        )


def _move_aside(project: Project, ref: str, file: Path) -> None:
    if project.repo.resolve(ref) is not None:  # somebody has mended it meanwhile
        return
    with project.local.opened(project.local.broken, make=True) as broken:
        broken.put(str(file), _name_aside(ref))


def _name_aside(ref: str) -> str:
    """The name of a file in `broken/` for a ref; no file name is longer than 255 bytes."""
    return os.fsdecode(os.fsencode(ref.removeprefix("refs/gitexp/").replace("/", "-"))[-200:])


def _records(project: Project, experiments: Sequence[Stored]) -> Iterator[Finding]:
    damaged = [experiment for experiment in experiments if isinstance(experiment, Damaged)]
    objects = project.repo.find_objects([experiment.id for experiment in damaged])
    for experiment, found in zip(damaged, objects, strict=True):
        remove = f"gitexp remove {experiment.name}"
        if found is None:  # Git makes no ref of a missing object, not even in the trash
            remove = f"git update-ref -d {shlex.quote(PREFIX + experiment.name)}"
        yield Finding(
            "bad-record",
            experiment.error,
            f"If it was pushed somewhere, fetch it again; else: {remove}",
        )


def _commits(project: Project, experiments: Sequence[Experiment]) -> Iterator[Finding]:
    """Commits without protection from git gc, or without their baseline below."""
    commits = list[str]()
    for experiment in experiments:
        commits += [experiment.id, experiment.record.commit]
    parents = graph.parents_of(project.repo, commits)
    for experiment in experiments:
        record = experiment.record
        if record.commit not in parents:
            yield Finding(
                "commit-missing",
                f"The commit {record.commit[:10]} of {experiment.name} is not there.",
                "If it was pushed somewhere, fetch it again.",
            )
        elif record.commit not in parents.get(experiment.id, ()) and not graph.is_ancestor(
            project.repo, record.commit, experiment.id
        ):
            yield Finding(
                "commit-unreachable",
                f"The commit of {experiment.name} does not hang on its ref: git gc may delete it.",
                f"Keep it: git branch keep-{experiment.name} {record.commit}",
            )
        elif parents[record.commit] != [record.baseline]:
            yield Finding(
                "not-on-baseline",
                f"The commit of {experiment.name} does not stand on the baseline that its record names.",
                problem=False,
            )


def _rewritten(project: Project, found: Sequence[Rewritten]) -> Iterator[Finding]:
    """Experiments of which the refs hold rewritten commits, and the records the old ids."""
    if found:
        names = shorten([one.experiment.name for one in found])
        yield Finding(
            "history-rewritten",
            f"The history was rewritten: the records name commits of before, of {names}.",
            "gitexp doctor --fix writes records that name the new commits; gitexp undo takes that back.",
            mend=partial(rewritten.mend, project, found),
        )


def _objects(project: Project, experiments: Sequence[Experiment], broken: Sequence[str]) -> Iterator[Finding]:
    """Missing files of experiments, also of experiments in the trash."""
    # Of operations `_operations` tells.
    if graph.is_complete(project.repo, f"--exclude={operations.PREFIX}*", "--glob=refs/gitexp/*"):
        return
    removed = [one.experiment for one in trash.contents(project.repo)]
    damaged = []
    for one in (*experiments, *removed):
        if isinstance(one, Experiment) and not graph.is_complete(project.repo, one.id):
            damaged.append(one.name)
    if broken and not damaged:
        return  # at a broken ref Git ends the search, whatever else there is
    message = "Objects are missing or damaged"
    if damaged:
        message += f": of {shorten(damaged)}"
    yield Finding(
        "objects-missing",
        f"{message}.",
        "git fsck names them; fetch the experiments again from where they were pushed to.",
    )


def _operations(project: Project) -> Iterator[Finding]:
    """Operations with missing objects. A lost commit has nothing left to keep."""
    for one in operations.damaged(project.repo):
        if one.is_lost:
            yield Finding(
                "bad-operation",
                f"The operation {one.number} cannot be undone: its commit is missing or damaged.",
                "gitexp doctor --fix takes it from the list of gitexp undo; all else stays as it is.",
                mend=partial(_forget_operation, project, one),
            )
        else:
            yield Finding(
                "bad-operation",
                f"The operation {one.number} cannot be undone wholly: objects are missing or damaged.",
                "git fsck names them.",
            )


def _stopped(project: Project) -> Iterator[Finding]:
    """Operations stopped before all their files were changed."""
    mend = partial(unfinished.finish, project)
    try:
        found = unfinished.stopped(project)
    except errors.GitexpError as error:  # the workspace cannot be looked at, or an object is missing
        message = f"An operation was stopped half way, and its files cannot be looked at. {error.message}"
        yield Finding("operation-stopped", message, error.hint, mend=mend)
        return
    for one in found:
        message = f"'{one.operation.summary}' was stopped half way"
        if one.left:
            message += f"; still to be changed: {shorten([change.path for change in one.left])}"
        if one.kept:
            message += f"; changed since, and kept: {shorten(one.kept)}"
        yield Finding(
            "operation-stopped",
            f"{message}.",
            "gitexp doctor --fix goes on with it.",
            mend=mend,
        )


def _forget_operation(project: Project, one: operations.DamagedOperation) -> None:
    """Delete the ref of an operation; a note in `broken/` has its name and its commit."""
    with project.local.opened(project.local.broken, make=True) as broken:
        broken.write(_name_aside(one.forget.ref), f"{one.forget.old}\n".encode())
    project.repo.update_refs([one.forget], "gitexp: doctor")


def _who_stores(project: Project, process: ProcessId) -> str:
    """Words about what becomes of a run out of sight."""
    if project.local.is_shared:
        return "If it has died there, any gitexp on this disk stores it after two minutes."
    return f"If it has ended there, gitexp on {process.host} stores it."


def _running(project: Project, experiments: Sequence[Experiment]) -> Iterator[Finding]:
    for experiment in experiments:
        process = experiment.record.process
        if not experiment.record.status.ended and process is not None and is_alive(process) is None:
            yield Finding(
                "running-elsewhere",
                f"{experiment.name} runs on {process.host} (process {process.pid}), out of sight from here.",
                _who_stores(project, process),
                problem=False,
            )


def _trash(project: Project) -> Iterator[Finding]:
    time_now = datetime.now(UTC)
    watch = trash.look(project.repo, time_now)
    if watch.behind:
        yield Finding(
            "clock-jumped",
            f"The clock says {stamp(time_now)}, and at an earlier look at the trash it said "
            f"{stamp(watch.latest or time_now)}. Nothing in the trash grows older meanwhile.",
            "If the clock is right now, gitexp doctor --fix takes note of it.",
            problem=False,
            mend=partial(trash.believe, project.repo, time_now),
        )
    if old := trash.expired(project.repo, watch):
        yield Finding(
            "trash-expired",
            f"In the trash for more than {trash.DAYS} days: {counted(len(old), 'experiment')}.",
            problem=False,
            mend=partial(trash.empty_expired, project.repo, watch),
        )


# -- this machine -------------------------------------------------------------------------------------


def _git_locks(project: Project) -> Iterator[Finding]:
    """Git's locks left by a crash. A lock on a ref of ours may be removed if its owner is dead."""
    repo = project.repo
    ours = _locks_below(repo.common_dir / "refs" / "gitexp")
    others = [repo.common_dir / "packed-refs.lock", repo.index.with_name(f"{repo.index.name}.lock")]
    left = [lock for lock in (*ours, *others) if _age(lock) > _OLD_LOCK]
    if not left:
        return
    owner = git_processes.holder(left, repo.common_dir, readers=True)
    if owner is not None and owner.is_seen:
        return
    for lock in left:
        if owner is None and lock in ours:
            yield Finding("stale-lock", f"{lock} was left by a Git that has died.", mend=lock.unlink)
            continue
        message = f"{lock} was left by a Git that has died"
        if owner is not None:
            message += f", it seems; but {owner.who} may hold it"
        hint = f"If no Git is at work here, delete it: rm {shlex.quote(str(lock))}"
        yield Finding("stale-lock", f"{message}.", hint)


def _locks_below(top: Path) -> list[Path]:
    found = []
    for folder in walk_folder(top):
        locks = [Path(folder.path, name) for name in folder.files if name.endswith(".lock")]
        if locks and Path(folder.path).resolve() == Path(folder.path):  # a link may lead elsewhere
            found += locks
    return found


def _unstored(project: Project) -> Iterator[Finding]:
    """Dead runs not stored at the beginning of this command."""
    for run in live.live_runs(project.local):
        if not has_died(run):
            continue
        with live.claim(run) as is_dead:
            failed = is_dead
        if failed:
            yield Finding(
                "run-not-stored",
                f"{run.name or 'A run'} was running when gitexp died, and could not be stored: {run.folder}",
                "What every command says about it tells why. Its results are kept until it is stored.",
            )


def _local(project: Project) -> Iterator[Finding]:
    local = project.local
    for slot in worktrees.idle_slots(project.repo):
        if slot.broken:
            state = "is broken"
        elif slot.idle_for > _IDLE:
            state = f"has not been used for {slot.idle_for / 86400:.0f} days"
        else:
            continue
        yield Finding(
            "leftover-worktree",
            f"The worktree {slot.path} {state}; it takes {human_size(_size(slot.path))}.",
            problem=False,
            mend=slot.remove,
        )
    for folder in (*local.stale_scratch(), *live.stale(local)):
        yield Finding(
            "leftover-folder",
            f"{folder} was left by a process that has died.",
            problem=False,
            mend=partial(remove_folder, folder),
        )
    if left := _children(local.root / "left"):
        yield Finding(
            "left-files",
            f"{counted(len(left), 'isolated run')} left files that nobody declared: "
            f"{human_size(sum(map(_size, left)))} in {local.root / 'left'}.",
            "Look through them, and delete what you do not need.",
            problem=False,
        )


def _age(file: Path) -> float:
    """The seconds since the last change of a file; 0 without the file."""
    with contextlib.suppress(OSError):
        return time.time() - file.stat().st_mtime
    return 0.0


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _size(top: Path) -> int:
    total = 0
    for folder in walk_folder(top):
        for name in folder.files:
            with contextlib.suppress(OSError):
                total += (Path(folder.path) / name).lstat().st_size
    return total
