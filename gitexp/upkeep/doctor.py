"""Look for what is wrong with the experiments of a repository, and mend what can safely be mended."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.model import Damaged, Experiment, Stored
from gitexp.process.liveness import is_alive, works_in
from gitexp.project.project import Project
from gitexp.repo import live, operations, trash, worktrees
from gitexp.repo.experiments import PREFIX, is_name
from gitexp.repo.git import graph
from gitexp.words import counted, human_size, shorten

_OLD_LOCK = 60.0  # seconds; Git holds one for milliseconds, but for a repack
_IDLE = 30 * 24 * 3600.0  # seconds

Mend = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. A `problem` hurts; what is none is worth a word.

    `code` is stable, for programs; `mend` puts it right, where that is safe; `mended` says that it did.
    """

    code: str
    message: str
    hint: str | None = None
    problem: bool = True
    mend: Mend | None = None
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, and what was found."""

    experiments: int
    trashed: int
    operations: int
    findings: Sequence[Finding]

    @property
    def healthy(self) -> bool:
        """Whether no problem is left."""
        return not any(finding.problem and not finding.mended for finding in self.findings)


def examine(project: Project, *, mend: bool = False) -> Diagnosis:
    """Look at every ref, record and object of gitexp's and at what it keeps on this machine.

    With `mend`, what can safely be put right is: nothing that holds an experiment is deleted. Raises
    what `Store.all` raises, for a repository that cannot be read at all.
    """
    every = project.store.all()
    symbolic, broken = _refs(project)
    experiments = [experiment for experiment in every if PREFIX + experiment.name not in broken]
    readable = [experiment for experiment in experiments if isinstance(experiment, Experiment)]
    found = [
        *_config(project),
        *symbolic,
        *_broken(project, broken),
        *_names(project, experiments),
        *_records(project, experiments),
        *_commits(project, readable),
        *_objects(project, readable, broken),
        *_running(readable),
        *_git_locks(project),
        *_trash(project),
        *_local(project),
    ]
    if mend:
        found = [_mended(finding) for finding in found]
    trashed, undoable = trash.contents(project.repo), operations.all_of(project.repo)
    return Diagnosis(len(every), len(trashed), len(undoable), found)


def _mended(finding: Finding) -> Finding:
    if finding.mend is None:
        return finding
    try:
        finding.mend()
    except FileNotFoundError:  # it went with what was mended before
        pass
    except (errors.GitexpError, OSError) as error:
        why = error.message if isinstance(error, errors.GitexpError) else error.strerror
        return replace(finding, hint=f"It could not be mended: {why}")
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
                f"Rename one: gitexp rename {names[0]} <name>",
            )


def _refs(project: Project) -> tuple[list[Finding], list[str]]:
    """Return what is found of refs that point at others, and the names of those that Git cannot read."""
    found, broken = project.repo.refs_and_broken("refs/gitexp/", fields=("refname", "symref"))
    symbolic = []
    for name in (os.fsdecode(ref) for ref, target in found if target):
        hint = f"git symbolic-ref --delete {name}"
        symbolic.append(Finding("symbolic-ref", f"{name} is a symbolic ref.", hint))
    return symbolic, broken


def _broken(project: Project, refs: Sequence[str]) -> Iterator[Finding]:
    """Files of refs that say no commit, as a power cut leaves them: Git does not even delete these."""
    common = project.repo.common_dir
    for ref in refs:
        file = common / ref
        # A folder on the way may be a link, which leads elsewhere.
        ours = os.path.lexists(file) and file.parent.resolve() == file.parent
        aside = project.local.broken / ref.removeprefix("refs/gitexp/").replace("/", "-")
        yield Finding(
            "broken-ref",
            f"{ref} is broken: it says no commit.",
            f"If it was pushed somewhere, delete {shlex.quote(str(file))} and fetch it again.",
            mend=partial(_move_aside, project, ref, file, aside) if ours else None,
        )


def _move_aside(project: Project, ref: str, file: Path, target: Path) -> None:
    if project.repo.resolve(ref) is not None:  # somebody has mended it meanwhile
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)


def _records(project: Project, experiments: Sequence[Stored]) -> Iterator[Finding]:
    damaged = [experiment for experiment in experiments if isinstance(experiment, Damaged)]
    objects = project.repo.find_objects([experiment.id for experiment in damaged])
    for experiment, found in zip(damaged, objects, strict=True):
        # Git lets no ref be made of what is not there, not even in the trash.
        delete = f"git update-ref -d {shlex.quote(PREFIX + experiment.name)}"
        remove = delete if found is None else f"gitexp remove {experiment.name}"
        yield Finding(
            "bad-record",
            experiment.error,
            f"If it was pushed somewhere, fetch it again; else: {remove}",
        )


def _commits(project: Project, experiments: Sequence[Experiment]) -> Iterator[Finding]:
    """Whether E is reachable from the record, or git gc would take it one day, and stands on its baseline."""
    parents = graph.parents_of(project.repo, [oid for e in experiments for oid in (e.id, e.record.commit)])
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


def _objects(project: Project, experiments: Sequence[Experiment], broken: Sequence[str]) -> Iterator[Finding]:
    """Whether every file of every experiment is there, also of those in the trash."""
    if graph.is_complete(project.repo, "--glob=refs/gitexp/*"):
        return
    removed = [one.experiment for one in trash.contents(project.repo)]
    readable = [one for one in (*experiments, *removed) if isinstance(one, Experiment)]
    damaged = [one.name for one in readable if not graph.is_complete(project.repo, one.id)]
    if broken and not damaged:
        return  # at a broken ref Git ends the search, whatever else there is
    yield Finding(
        "objects-missing",
        f"Objects are missing or damaged: of {shorten(damaged)}."
        if damaged
        else "Objects are missing or damaged.",
        "git fsck names them; fetch the experiments again from where they were pushed to.",
    )


def _running(experiments: Sequence[Experiment]) -> Iterator[Finding]:
    for experiment in experiments:
        process = experiment.record.process
        if not experiment.record.status.ended and process is not None and is_alive(process) is None:
            yield Finding(
                "running-elsewhere",
                f"{experiment.name} runs on {process.host} (process {process.pid}), out of sight from here.",
                f"If it has ended there, gitexp on {process.host} stores it.",
                problem=False,
            )


def _trash(project: Project) -> Iterator[Finding]:
    time_now = datetime.now(UTC)
    if old := trash.expired(project.repo, time_now):
        yield Finding(
            "trash-expired",
            f"In the trash for more than {trash.DAYS} days: {counted(len(old), 'experiment')}.",
            problem=False,
            mend=partial(trash.empty_expired, project.repo, time_now),
        )


# -- this machine -------------------------------------------------------------------------------------


def _git_locks(project: Project) -> Iterator[Finding]:
    """Locks of Git's that a crash has left: those on refs of ours can be removed, if the owner is dead."""
    repo = project.repo
    found = (repo.common_dir / "refs" / "gitexp").rglob("*.lock")
    ours = [lock for lock in found if lock.parent.resolve() == lock.parent]  # a link may lead elsewhere
    others = [repo.common_dir / "packed-refs.lock", repo.index.with_name(f"{repo.index.name}.lock")]
    left = [lock for lock in (*ours, *others) if _age(lock) > _OLD_LOCK]
    owner = works_in("git", {repo.root, repo.git_dir, repo.common_dir}) if left else None
    if owner:
        return
    for lock in left:
        sure = lock in ours and owner is False
        yield Finding(
            "stale-lock",
            f"{lock} was left by a Git that has died{'' if owner is False else ', it seems'}.",
            None if sure else f"If no Git is at work here, delete it: rm {shlex.quote(str(lock))}",
            mend=lock.unlink if sure else None,
        )


def _local(project: Project) -> Iterator[Finding]:
    local = project.local
    for slot in worktrees.idle_slots(project.repo):
        if slot.broken or slot.idle_for > _IDLE:
            what = "is broken" if slot.broken else f"has not been used for {slot.idle_for / 86400:.0f} days"
            yield Finding(
                "leftover-worktree",
                f"The worktree {slot.path} {what}; it takes {human_size(_size(slot.path))}.",
                problem=False,
                mend=slot.remove,
            )
    for folder in (*local.stale_scratch(), *live.stale(local)):
        yield Finding(
            "leftover-folder",
            f"{folder} was left by a process that has died.",
            problem=False,
            mend=partial(shutil.rmtree, folder),
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
    """Return how long ago a file was changed, in seconds; 0 if it is not there."""
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
    for folder, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).lstat().st_size
    return total
