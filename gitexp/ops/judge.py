"""What is to become of a stage: nothing, because it is up to date; or it is restored, or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp.model import MISSING, Artifact
from gitexp.ops.stage_cache import Before, StageCache
from gitexp.ops.standing import Standing
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import Reason, Why, reasons


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a stage as things stand: `now` is what it reads, `outs` what is there of them.

    Without `reasons` it is up to date. `before` are runs of it whose outs may be restored, the best first.
    """

    stage: Stage
    now: LockedStage
    outs: Mapping[str, Artifact | None]
    reasons: tuple[Reason, ...] = ()
    before: Sequence[Before] = ()


class Judge:
    """Decides it for the stages of one workspace, which are all to run with `force`."""

    def __init__(self, standing: Standing, cache: StageCache, *, force: bool) -> None:
        self._standing = standing
        self._cache = cache
        self._force = force

    def decide(self, stage: Stage, lock: Lock) -> Decision:
        """Return what is to become of a stage; raises UnknownParam, ParseError, UnstorableData."""
        locked = lock.stages.get(stage.name)
        outs = self._standing.outs(stage)
        if stage.frozen:
            return _frozen(stage, locked, outs)
        now = self._standing.inputs(stage)
        why = (Reason(Why.FORCED),) if self._force else reasons(stage, now, locked, outs)
        if not why or any(reason.why in (Why.ALWAYS, Why.FORCED) for reason in why):
            return Decision(stage, now, outs, why)
        before = []
        if all(reason.why is Why.OUT for reason in why):
            before += _as_locked(stage, locked)
        if stage.outs and not any(out.persist for out in stage.outs):
            would = replace(now, outs=tuple(Artifact(out.path, "", 0) for out in stage.outs))
            before += self._cache.find(stage.name, stage_key(would))
        return Decision(stage, now, outs, why, before)


def _frozen(stage: Stage, locked: LockedStage | None, outs: Mapping[str, Artifact | None]) -> Decision:
    """Return the decision on a stage that is not to run, whatever has changed; only outs may be restored."""
    why = tuple(Reason(Why.OUT, path, MISSING, MISSING) for path, found in outs.items() if found is None)
    now = replace(locked or LockedStage(stage.commands, stage.wdir), outs=())
    return Decision(stage, now, outs, why, _as_locked(stage, locked) if why else ())


def _as_locked(stage: Stage, locked: LockedStage | None) -> list[Before]:
    """Return what the lock says of a stage's outs, if it knows them all."""
    known = {out.path for out in locked.outs} if locked is not None else set()
    complete = locked is not None and known == {out.path for out in stage.outs}
    return [Before("", locked, None)] if locked is not None and complete else []
