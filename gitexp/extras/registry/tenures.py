"""How long versions were in stages, and who put them there: the history of production."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from gitexp import errors
from gitexp.extras.registry.state import ABOUT_STAGES
from gitexp.extras.registry.values import ModelEvent, ModelVersion, RegisteredModel
from gitexp.named_tuple import NamedTuple
from gitexp.repo.model_tags import TagAction
from gitexp.times import Moment, parse_moment, stamp_of


class Tenure(NamedTuple):
    """The time of a version in a stage.

    Attributes:
        given: the tag of the assignment.
        since: seconds since 1970; later than the tag for a version that came back.
        until: seconds since 1970; None for the present version.
        ended: the tag at the end; None for the present version.
    """

    stage: str
    version: ModelVersion
    given: ModelEvent
    since: int
    until: int | None = None
    ended: ModelEvent | None = None


def tenures(model: RegisteredModel, stage: str = "") -> list[Tenure]:
    """The times of all versions in the stages of a model, or in one stage, the first first."""
    replay = _Replay(model)
    for event in model.events:
        replay.add(event)
    found = [*replay.ended, *replay.open.values()]
    if stage:
        found = [one for one in found if one.stage == stage]
    return sorted(found, key=lambda one: (one.since, one.given.place))


def parse_at(text: str) -> Moment:
    """The moment of `--at`. Raises UsageError."""
    moment = parse_moment(text)
    if moment is None:
        raise errors.UsageError(
            f"'{text}' is no time.", "Such as 2026-05-03, '2026-05-03 10:40', yesterday or '2 weeks ago'."
        )
    return moment


def at(found: Iterable[Tenure], moment: Moment) -> list[Tenure]:
    """The tenures at a moment. A whole day has all tenures of any time of the day."""
    now = datetime.now(UTC)
    held = []
    for one in found:
        began = moment.order(stamp_of(one.since), now)
        ended = 1 if one.until is None else moment.order(stamp_of(one.until), now)
        is_day = moment.day is not None or moment.days_ago is not None
        if began is None or ended is None or began > 0:
            continue
        if ended > 0 or (ended == 0 and is_day):
            held.append(one)
    return held


class _Replay:
    """The tags of a model in their order, and the tenures that they make."""

    def __init__(self, model: RegisteredModel) -> None:
        self._versions = {one.commit: one for one in reversed(model.versions)}  # the highest of a commit
        self._given: dict[str, dict[str, ModelEvent]] = defaultdict(dict)  # by stage, then by version
        self._gone = set[str]()  # versions taken back
        self.open: dict[str, Tenure] = {}
        self.ended: list[Tenure] = []

    def add(self, event: ModelEvent) -> None:
        """Take in the next tag."""
        name = event.name
        if event.action is TagAction.REGISTER:
            self._gone.discard(name.version)
        elif event.action is TagAction.DEREGISTER:
            self._gone.add(name.version)
        elif event.action in ABOUT_STAGES:
            version = self._versions[event.commit].version
            if event.action is TagAction.ASSIGN:
                self._given[name.stage][version] = event
            else:
                self._given[name.stage].pop(version, None)
        for stage in [name.stage] if name.stage else list(self._given):
            self._settle(stage, event)

    def _settle(self, stage: str, event: ModelEvent) -> None:
        """Note who is in a stage after a tag."""
        given = [one for version, one in self._given[stage].items() if version not in self._gone]
        now = max(given, key=lambda one: one.place, default=None)
        before = self.open.get(stage)
        if before is not None and now is not None and before.given.commit == now.commit:
            return
        if before is not None:
            self.ended.append(before._replace(until=event.seconds, ended=event))
            del self.open[stage]
        if now is not None:
            self.open[stage] = Tenure(stage, self._versions[now.commit], now, event.seconds)
