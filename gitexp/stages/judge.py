"""What is to become of a stage: nothing, because it is up to date; or it is restored, or run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gitexp.datasets.workspace import WorkspaceData
from gitexp.model import MISSING, Artifact
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import Reason, Why, reasons
from gitexp.stages.cache import EarlierRun, StageCache


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a stage as things stand: `now` is what it reads, `outs` what is there of them.

    Without `reasons` it is up to date. `locked` is what the lock says of it.
    """

    stage: Stage
    now: LockedStage
    outs: Mapping[str, Artifact | None]
    reasons: tuple[Reason, ...]
    locked: LockedStage | None


def _none(path: str) -> bool:
    return False


class Judge:
    """Decides it for the stages of one workspace, which are all to run with `force`."""

    def __init__(self, standing: WorkspaceData, cache: StageCache, *, force: bool) -> None:
        self._standing = standing
        self._cache = cache
        self._force = force

    def decide(self, stage: Stage, lock: Lock, *, is_open: Callable[[str], bool] = _none) -> Decision:
        """Return what is to become of a stage; raises UnknownParam, ParseError, UnstorableData.

        What it reads at a path that `is_open` is not known yet, and not compared.
        """
        locked = lock.stages.get(stage.name)
        outs = self._standing.outs(stage)
        if stage.frozen:
            return _frozen(stage, locked, outs)
        deps = tuple(dep for dep in stage.deps if not is_open(dep))
        params = tuple(params for params in stage.params if not is_open(params.file))
        now = self._standing.inputs(replace(stage, deps=deps, params=params))
        known = None if locked is None else _without(self._as_seen(locked), is_open)
        why = (Reason(Why.FORCED),) if self._force else reasons(stage, now, known, outs)
        return Decision(stage, now, outs, why, locked)

    def _as_seen(self, locked: LockedStage) -> LockedStage:
        seen = self._standing.as_seen
        return replace(locked, deps=tuple(map(seen, locked.deps)), outs=tuple(map(seen, locked.outs)))

    def earlier(self, decision: Decision) -> Iterator[EarlierRun]:
        """Yield the runs of a stage whose outs may be restored in place of running it, the best first."""
        why = {reason.why for reason in decision.reasons}
        if not why or not why.isdisjoint((Why.ALWAYS, Why.FORCED)):
            return
        stage, locked = decision.stage, decision.locked
        if why == {Why.OUT} and locked is not None and _knows_outs(locked, stage):
            yield EarlierRun("", locked, None)
        if stage.outs and not stage.frozen and not any(out.persist for out in stage.outs):
            would = replace(decision.now, outs=tuple(Artifact(out.path, "", 0) for out in stage.outs))
            yield from self._cache.find(stage.name, stage_key(would))


def _frozen(stage: Stage, locked: LockedStage | None, outs: Mapping[str, Artifact | None]) -> Decision:
    """Return the decision on a stage that is not to run, whatever has changed; only outs may be restored."""
    why = tuple(Reason(Why.OUT, path, MISSING, MISSING) for path, found in outs.items() if found is None)
    now = replace(locked or LockedStage(stage.commands, stage.wdir), outs=())
    return Decision(stage, now, outs, why, locked)


def _without(locked: LockedStage, is_open: Callable[[str], bool]) -> LockedStage:
    """Return what a lock says of a stage, but for what it read at open paths."""
    deps = tuple(dep for dep in locked.deps if not is_open(dep.path))
    return replace(
        locked, deps=deps, params={file: of for file, of in locked.params.items() if not is_open(file)}
    )


def _knows_outs(locked: LockedStage, stage: Stage) -> bool:
    return {out.path for out in locked.outs} == {out.path for out in stage.outs}
