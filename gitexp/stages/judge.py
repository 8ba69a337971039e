"""The decision on a stage: leave it, because it is up to date; restore it; or run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gitexp.files.dvc_yaml import DVC_LOCK
from gitexp.model import MISSING, Artifact, paths_of
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import Reason, Why, reasons
from gitexp.stages.cache import EarlierRun, StageCache
from gitexp.stages.dvc_runs import DvcRuns
from gitexp.stages.stage_data import StageData


@dataclass(frozen=True, slots=True)
class Decision:
    """A stage in its present state.

    Attributes:
        now: the present inputs.
        outs: the present outs by path; None for a missing out.
        reasons: why the stage is not up to date; empty for a stage up to date.
        locked: the stage's entry in the lock, if any.
    """

    stage: Stage
    now: LockedStage
    outs: Mapping[str, Artifact | None]
    reasons: tuple[Reason, ...]
    locked: LockedStage | None


def _none(path: str) -> bool:
    return False


class Judge:
    """Decides on the stages of a workspace. With `force`, no stage is up to date.

    `dvc` are the runs in a dvc.lock; None without one.
    """

    def __init__(
        self, standing: StageData, cache: StageCache, *, force: bool, dvc: DvcRuns | None = None
    ) -> None:
        self._standing = standing
        self._cache = cache
        self._force = force
        self._dvc = dvc

    def decide(self, stage: Stage, lock: Lock, *, is_open: Callable[[str], bool] = _none) -> Decision:
        """The decision on a stage; raises UnknownParam, ParseError, UnstorableData.

        Inputs at paths that are open are not compared: nobody knows their content yet.
        """
        locked = lock.stages.get(stage.name)
        outs = self._standing.outs(stage)
        if stage.frozen:
            return _frozen(stage, locked, outs)
        now = self._standing.inputs(stage.without(is_open))
        if self._force:
            why: tuple[Reason, ...] = (Reason(Why.FORCED),)
        elif locked is None:
            why = reasons(stage, now, None, outs)
        else:
            why = reasons(stage, now, self._comparable(locked, is_open), outs)
        return Decision(stage, now, outs, why, locked)

    def _comparable(self, locked: LockedStage, is_open: Callable[[str], bool]) -> LockedStage:
        """A lock's entry with the modes of this disk, and without inputs at open paths."""
        seen = self._standing.as_seen
        return locked._replace(
            deps=tuple(seen(dep) for dep in locked.deps if not is_open(dep.path)),
            params={file: flat for file, flat in locked.params.items() if not is_open(file)},
            outs=tuple(map(seen, locked.outs)),
        )

    def earlier(self, decision: Decision) -> Iterator[EarlierRun]:
        """The runs of a stage whose outs may be restored in place of a new run, the best first."""
        why = {reason.why for reason in decision.reasons}
        if not why or Why.ALWAYS in why or Why.FORCED in why:
            return
        stage, locked = decision.stage, decision.locked
        if locked is not None and why == {Why.OUT} and _knows_outs(locked, stage):
            yield EarlierRun("", locked, None)
        if stage.frozen or not stage.outs or any(out.persist for out in stage.outs):
            return
        outs = tuple(Artifact(path, "", 0) for path in stage.out_paths)
        yield from self._cache.find(stage.name, stage_key(decision.now._replace(outs=outs)))
        if self._dvc is not None and (found := self._dvc.same(stage, decision.now)) is not None:
            yield EarlierRun(DVC_LOCK, found, None)


def _frozen(stage: Stage, locked: LockedStage | None, outs: Mapping[str, Artifact | None]) -> Decision:
    """The decision on a frozen stage. Only missing outs count: they may be restored."""
    why = []
    for path, found in outs.items():
        if found is None:
            why.append(Reason(Why.OUT, path, MISSING, MISSING))
    now = locked or LockedStage(stage.commands, stage.wdir)._replace(outs=())
    return Decision(stage, now, outs, tuple(why), locked)


def _knows_outs(locked: LockedStage, stage: Stage) -> bool:
    return set(paths_of(locked.outs)) == set(stage.out_paths)
