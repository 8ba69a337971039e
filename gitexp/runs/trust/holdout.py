"""The evaluation by gitexp itself, after a run: in a worktree of a commit, on the outputs of the run.

The code of the run cannot write its metrics: the worktree is made after the run has ended, from the commit
that was settled before it began, and gets nothing of the experiment but the files at the paths that this
commit calls outs. An evaluation that fails makes no run fail.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gitexp import errors, files
from gitexp.datasets import bring
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder
from gitexp.model import Artifact, Experiment, Files, Status
from gitexp.named_tuple import NamedTuple
from gitexp.objects.disk import COPIES
from gitexp.objects.paths import lies_in_any
from gitexp.objects.place import place
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.process.execute import Outcome, execute
from gitexp.process.guard import Guard
from gitexp.process.interrupts import Window
from gitexp.process.limits import Limits
from gitexp.process.log import LogFile, read_log
from gitexp.process.printed import find_printed
from gitexp.process.variables import ALL_RESUMED, NAME, RUN
from gitexp.project import config_loading
from gitexp.project.params import OUTPUT
from gitexp.project.project import Project, parse_all, read
from gitexp.project.protected import at_commit
from gitexp.repo import worktrees
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.git import trees
from gitexp.repo.git.launch import PLACES
from gitexp.runs.checks import inputs
from gitexp.runs.ready import PlainCommand
from gitexp.runs.trust import protected_files
from gitexp.words import shorten

VARIABLE = "GITEXP_HOLDOUT"  # the name of the experiment, for the command
LOG = "holdout.log"
_FILES = ("100644", "100755")
_MOST_LOG = 1 << 20  # bytes
# Variables of the run, and those that bring code of the user's workspace into Python.
_NOT_FOR_IT = (NAME, RUN, *ALL_RESUMED, *PLACES, "PYTHONPATH", "PYTHONSTARTUP", "MLFLOW_TRACKING_URI")


class _HoldoutMeasured(NamedTuple):
    """The end of the evaluation.

    Attributes:
        state: "done", "failed", "timeout", "interrupted" or "not run".
        metrics: the written and printed metrics, by file.
        told: a sentence about what went wrong; "" for nothing.
        seconds: the duration of the command.
        log: the output of the command.
    """

    state: str
    metrics: Files = MappingProxyType({})
    told: str = ""
    seconds: float = 0.0
    log: bytes = b""

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"state": self.state, "seconds": round(self.seconds, 3)}
        if self.metrics:
            document["metrics"] = dict(self.metrics)
        if self.told:
            document["told"] = self.told
        return document


def after_run(project: Project, stored: Experiment, let_through: Window, *, own_code: bool) -> Experiment:
    """An ended experiment with the metrics of its evaluation; unchanged if its run has failed.

    Whatever goes wrong is told in the record. `let_through`: the block where Ctrl-C may come.
    """
    asked = stored.record.holdout
    if stored.record.status is not Status.DONE:
        return stored
    if own_code:
        measured = _HoldoutMeasured(
            "not run", told="the code that ran was its own end: gitexp run has it evaluated"
        )
    else:
        try:
            with let_through():
                measured = _measured(project, stored, asked)
        except KeyboardInterrupt:
            measured = _HoldoutMeasured("interrupted", told="it was interrupted")
        except (errors.GitexpError, OSError) as error:
            why = error.message if isinstance(error, errors.GitexpError) else error.strerror or str(error)
            measured = _HoldoutMeasured("not run", told=why)
    failpoint("holdout:measured")
    with contextlib.suppress(errors.GitexpError, OSError):  # the run itself is stored, and it counts
        return _stored(project, stored, measured)
    return stored


def _stored(project: Project, stored: Experiment, measured: _HoldoutMeasured) -> Experiment:
    record = stored.record
    warnings = record.warnings
    if measured.told:
        warnings = (*warnings, f"holdout {measured.state}: {measured.told}")
    record = replace(record, holdout={**record.holdout, **measured.as_json()}, warnings=warnings)
    with project.repo.writing_together():
        tree = project.repo.resolve(stored.id, "tree")
        assert tree is not None  # it has just been written
        blob = project.repo.write_blob(measured.log)
        tree = trees.changed(project.repo, tree, {f"{RUN_FOLDER}/{LOG}": ("100644", blob)})
        failpoint("holdout:stored")
        return project.store.advance(stored, record, tree)


def _measured(project: Project, stored: Experiment, asked: Mapping[str, Any]) -> _HoldoutMeasured:
    """Run the evaluation. Raises the errors of a worktree, of data and of a command that cannot start."""
    commit = str(asked["commit"])
    if project.repo.resolve(commit) is None:
        return _HoldoutMeasured("not run", told=f"its commit {commit[:7]} is not in this repository")
    folder = stored.record.project or ""
    with worktrees.checkout(project.repo, commit) as worktree:
        wrong = protected_files.changed_on_disk(project, worktree, at_commit(project.repo, commit, folder))
        if wrong:
            return _HoldoutMeasured(
                "not run", told=f"Git does not check them out as they are: {shorten(sorted(wrong))}"
            )
        code = _code(project, worktree.root, folder)._replace(repo=worktree)
        worktrees.share(project.repo, worktree, commit, code.config.share)
        command = asked["command"]
        line = command if isinstance(command, str) else tuple(map(str, command))
        if data := inputs.data(project, code, worktree.root, PlainCommand(line)):
            bring.bring(project, worktree.root, data)
        left_out = _lay_outs(project, code, stored)
        for path in code.config.metrics:  # those of the commit are no result of this evaluation
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                (worktree.root / path).unlink()
        with project.local.scratch() as scratch:
            outcome, reason, seconds = _carried_out(
                line, code, scratch / LOG, stored.name, float(asked["timeout"])
            )
            log = read_log(scratch / LOG, _MOST_LOG)
        return _result(code, outcome, reason, seconds, log, left_out)


def _code(project: Project, root: Path, folder: str) -> Project:
    """The project of the commit, by its own config: nothing of the user's or the experiment's counts."""
    here = root / folder
    start = root  # of the search for the config
    if here.is_dir():
        start = here
    found = config_loading.load(root.resolve(), start.resolve())
    return project._replace(config=found, here=here)


def _carried_out(
    line: str | tuple[str, ...], code: Project, log_path: Path, name: str, timeout: float
) -> tuple[Outcome, str, float]:
    cwd = code.folder
    make_folder(cwd)
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_IT}
    environment[VARIABLE] = name
    begun = time.monotonic()
    with (
        Path(os.devnull).open("wb") as nowhere,
        LogFile.create(log_path, _MOST_LOG) as log,
        Guard(Limits(timeout), f"{VARIABLE}={name}") as guard,
    ):
        outcome = execute(
            line,
            cwd=cwd,
            env=environment,
            log=log,
            stdout=nowhere.fileno(),
            stderr=nowhere.fileno(),
            guard=guard,
        )
    return outcome, guard.reason, time.monotonic() - begun


def _result(
    code: Project, outcome: Outcome, reason: str, seconds: float, log: bytes, left_out: Sequence[str]
) -> _HoldoutMeasured:
    if reason:
        return _HoldoutMeasured("timeout", {}, "it took longer than its timeout", seconds, log)
    if outcome.interrupted:
        return _HoldoutMeasured("interrupted", {}, "it was interrupted", seconds, log)
    told = list[str]()
    if left_out:
        told.append(f"links are not taken: {shorten(left_out)}")
    if outcome.exit_code != 0:
        told.insert(0, f"its command ended with status {outcome.exit_code}")
        return _HoldoutMeasured("failed", {}, "; ".join(told), seconds, log)
    found = {path: read(code.repo.root / path) for path in code.config.metrics}
    metrics, wrong = parse_all(found, files.parse_metrics)
    if patterns := code.config.metrics_from_output:
        metrics[OUTPUT] = files.printed_tree(find_printed(log, [*patterns.items()]))
    told += wrong
    if not any(metrics.values()):
        told.append("it has written no metrics")
        return _HoldoutMeasured("failed", {}, "; ".join(told), seconds, log)
    return _HoldoutMeasured("done", metrics, "; ".join(told), seconds, log)


# -- the outputs of the run -------------------------------------------------------------------------------


def _lay_outs(project: Project, code: Project, stored: Experiment) -> list[str]:
    """Put the experiment's files at the paths of the commit's outs into the worktree, to be read only.

    Returns the paths of links, which are left out: they may lead anywhere.
    """
    root, commit = code.repo.root, stored.record.commit
    config = code.config
    others = (*config.metrics, *config.plots, *config.params)
    wanted = [*config.outs, *(path for path in code.written() if not lies_in_any(path, others))]
    left_out = list[str]()
    found = trees.leaves(project.repo, commit, lambda path, is_folder: _leads_to(path, wanted, is_folder))
    there = WorkspaceFiles(root)
    with project.local.scratch() as scratch:
        for path, entry in found.items():
            if entry.mode not in _FILES:
                left_out.append(path)
                continue
            (content,) = project.repo.read_blobs([entry.id], most=None)
            new = scratch / "out"
            new.write_bytes(content or b"")
            there.put(str(new), path)
    placed = _place_large(project, code, commit, wanted)
    for file in _files_at(root, [*found, *placed]):
        file.chmod(stat.S_IMODE(file.lstat().st_mode) & ~0o222)
    return left_out


def _place_large(project: Project, code: Project, commit: str, wanted: Sequence[str]) -> list[str]:
    """Place the outputs that the lock of the experiment names; their paths."""
    folder = code.config.folder
    (data,) = project.repo.read_blobs([f"{commit}:{lock_path(folder)}"])
    lock = Lock() if data is None else read_lock(lock_path(folder), data, folder)
    chosen = list[Artifact]()
    for artifact in lock.artifacts:
        if artifact.path not in lock.data and lies_in_any(artifact.path, wanted):
            chosen.append(artifact)
    bring.absent(project, code.repo.root, chosen)  # fetches what is only on the data remote
    with StatCache(project.local.stat_cache) as cache:
        for artifact in chosen:
            store = ObjectStore(project.local.objects)
            place(store, code.repo.root, artifact, COPIES, cache, force=True)
    return [artifact.path for artifact in chosen]


def _leads_to(path: str, wanted: Sequence[str], is_folder: bool) -> bool:
    if lies_in_any(path, wanted):
        return True
    return is_folder and any(each.startswith(f"{path}/") for each in wanted)


def _files_at(root: Path, paths: Sequence[str]) -> Iterator[Path]:
    """Yield the regular files at or below some paths."""
    for each in paths:
        top = root / each
        found = [top]
        if top.is_dir():
            found += top.rglob("*")
        for path in found:
            if path.is_file() and not path.is_symlink():
                yield path
