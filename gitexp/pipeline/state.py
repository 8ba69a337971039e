"""Whether a stage is up to date, and if not, why: what it would read now against what the lock says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gitexp.files.dvc_yaml import DEFAULT_PARAMS
from gitexp.files.scalars import same
from gitexp.files.yaml_write import flow_text
from gitexp.model import MISSING, Artifact, Flat, Value
from gitexp.pipeline.lock import LockedStage
from gitexp.pipeline.stage import Stage

_MOST = 3  # reasons that are told in one line
_LONGEST = 40  # characters of a value in a reason


class Why(StrEnum):
    """What is not as it was when a stage last ran."""

    NEVER_RUN = "never run"
    ALWAYS = "always changed"
    FORCED = "forced"
    COMMAND = "command changed"
    WDIR = "wdir changed"
    PARAM = "param"
    DEP = "dep"
    OUT = "out"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Reason:
    """One difference: `what` is a path, or a param's key (with `file:` before it where there are more).

    `old` and `new` are hashes of a dep or out and values of a param, MISSING where there is none. They are
    the same where a file has only become executable, or is it no more.
    """

    why: Why
    what: str = ""
    old: Value = None
    new: Value = None

    @property
    def text(self) -> str:
        """The reason in words, as in "params train.lr changed 0.1 → 0.2"."""
        match self.why:
            case Why.PARAM:
                return f"{self.name} {self._how(shown=True)}"
            case Why.DEP | Why.OUT:
                return f"{self.name} {self._how()}"
            case Why.ABOVE:
                return f"after {self.what}"
        return str(self.why)

    @property
    def name(self) -> str:
        """What has changed, as in "params train.lr"."""
        kind = {Why.PARAM: "params ", Why.OUT: "out "}.get(self.why, "")
        return kind + self.what

    def _how(self, *, shown: bool = False) -> str:
        if self.new is MISSING:
            return "is missing" if self.why is Why.OUT else "is gone"
        if self.old is MISSING:
            return f"is new: {_shown(self.new)}" if shown else "is new"
        if shown:
            return f"changed {_shown(self.old)} → {_shown(self.new)}"
        return "changed" if self.old != self.new else "changed its mode"

    def as_json(self) -> dict[str, Any]:
        """Return the reason as `--json` has it."""
        values = {"old": self.old, "new": self.new}
        known = {key: value for key, value in values.items() if value is not MISSING and value is not None}
        return {"why": str(self.why), "what": self.what, "text": self.text, **known}


def sentence(reasons: Iterable[Reason]) -> str:
    """Return some reasons in one line, the first few of them; those of one kind together."""
    groups: dict[object, list[Reason]] = {}
    for at, reason in enumerate(reasons):
        is_missing = reason.why is Why.OUT and reason.new is MISSING
        kind = "missing" if is_missing else reason.why if reason.why is Why.ABOVE else at
        groups.setdefault(kind, []).append(reason)
    return _some([_together(group) for group in groups.values()])


def _together(group: Sequence[Reason]) -> str:
    if len(group) == 1:
        return group[0].text
    names = _some([reason.what for reason in group])
    return f"after {names}" if group[0].why is Why.ABOVE else f"outs {names} are missing"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST
    return ", ".join(texts[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _shown(value: Value) -> str:
    text = flow_text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def reasons(
    stage: Stage, now: LockedStage, locked: LockedStage | None, outs: Mapping[str, Artifact | None]
) -> tuple[Reason, ...]:
    """Return why a stage is not up to date; nothing if it is.

    `now` is what it would read, `locked` what it read when it last ran, and `outs` are those that are
    there now. A stage that neither reads nor writes anything is never up to date, as with DVC.
    """
    if stage.always_changed or not (stage.deps or stage.params or stage.outs):
        return (Reason(Why.ALWAYS),)
    if locked is None:
        return (Reason(Why.NEVER_RUN),)
    return (*_of_inputs(now, locked), *_of_outs(stage, locked, outs))


def changes(now: LockedStage, before: LockedStage) -> tuple[Reason, ...]:
    """Return in what the inputs of a stage differ from what they were."""
    return tuple(_of_inputs(now, before))


def steady(before: LockedStage, after: LockedStage) -> LockedStage:
    """Return what a stage read, of which nobody knows what it was where it changed while the stage ran.

    Such a dep has a hash that no content has, and such a param is not there: so the stage is never up to date
    by it, and never taken for one that read either.
    """
    later = {dep.path: dep.content for dep in after.deps}
    deps = (dep if later.get(dep.path) == dep.content else _unknown(dep) for dep in before.deps)
    params = {
        file: {key: value for key, value in flat.items() if _has(after.params.get(file, {}), key, value)}
        for file, flat in before.params.items()
    }
    return replace(before, deps=tuple(deps), params=params)


def _unknown(dep: Artifact) -> Artifact:
    return replace(dep, hash="0" * 64 + dep.hash[64:])


def _has(flat: Flat, key: str, value: Value) -> bool:
    return key in flat and same(flat[key], value)


def _of_inputs(now: LockedStage, locked: LockedStage) -> Iterator[Reason]:
    if now.commands != locked.commands:
        yield Reason(Why.COMMAND)
    if now.wdir != locked.wdir:
        yield Reason(Why.WDIR)
    for file in sorted({*now.params, *locked.params}):
        new, old = now.params.get(file, {}), locked.params.get(file, {})
        shown = "" if file.rpartition("/")[2] == DEFAULT_PARAMS else f"{file}:"
        for key in (*new, *(key for key in old if key not in new)):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            if before is MISSING or after is MISSING or not same(before, after):
                yield Reason(Why.PARAM, shown + key, before, after)
    yield from _of_artifacts(Why.DEP, locked.deps, now.deps)


def _of_outs(stage: Stage, locked: LockedStage, outs: Mapping[str, Artifact | None]) -> Iterator[Reason]:
    there = [found for found in outs.values() if found is not None]
    yield from _of_artifacts(Why.OUT, locked.outs, there)
    known = {out.path for out in locked.outs}
    for out in stage.outs:
        if out.path not in known and outs.get(out.path) is None:
            yield Reason(Why.OUT, out.path, MISSING, MISSING)


def _of_artifacts(why: Why, before: Iterable[Artifact], after: Iterable[Artifact]) -> Iterator[Reason]:
    old, new = ({artifact.path: artifact.content for artifact in found} for found in (before, after))
    for path in (*new, *(path for path in old if path not in new)):
        if old.get(path) != new.get(path):
            hashes = (found[path][0] if path in found else MISSING for found in (old, new))
            yield Reason(why, path or ".", *hashes)


@dataclass(frozen=True, slots=True)
class StageSelection:
    """Which stages of a pipeline are asked for: without `names` all.

    With what they stand on, unless `single`; with `downstream` what stands on them instead. With `force`
    they run though they are up to date. With `keep_going`, a failure stops only what stands on it. `jobs`
    may run at a time.
    """

    names: tuple[str, ...] = ()
    force: bool = False
    single: bool = False
    downstream: bool = False
    keep_going: bool = False
    jobs: int = 1

    @property
    def is_asked_for(self) -> bool:
        """Whether it says which stages, or how; to run several at a time says neither."""
        return replace(self, jobs=1, keep_going=False) != StageSelection()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words of a command line that ask for the same stages."""
        flags = {"--force": self.force, "--single": self.single, "--downstream": self.downstream}
        return ("gitexp", "run", *(flag for flag, wanted in flags.items() if wanted), *self.names)

    @classmethod
    def of_argv(cls, argv: Sequence[str]) -> StageSelection:
        """Return the selection that `argv` stands for; not its `force`, which was meant for once."""
        words = argv[2:]
        names = tuple(word for word in words if not word.startswith("-"))
        return cls(names, single="--single" in words, downstream="--downstream" in words)


class StageState(StrEnum):
    """What became of a stage, or what `run` would make of it."""

    UP_TO_DATE = "up to date"
    FROZEN = "frozen"
    RESTORED = "restored"
    RAN = "ran"
    FAILED = "failed"
    NOT_RUN = "not run"
    CHANGED = "changed"  # it would run; or it is not known yet, because a stage above would
    RESTORABLE = "restorable"  # it would be restored


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage and what became of it. `source` is the experiment that it was restored from, "" for what was
    here; `seconds` is how long it ran, and `error` why it failed, or did not run. Where that was not its
    command's doing, there is no `exit_code`, and `hint` may say what to do next. A restorable one whose
    outs are not on this machine has the data `remote` that they would come from, `sure` if that was asked.
    `warnings` are sentences. It is not `exact` if what it read was changed while it ran.
    """

    name: str
    state: StageState
    reasons: tuple[Reason, ...] = ()
    source: str = ""
    seconds: float | None = None
    exit_code: int | None = None
    error: str = ""
    hint: str = ""
    remote: str = ""
    sure: bool = True
    warnings: tuple[str, ...] = ()
    exact: bool = True

    @property
    def text(self) -> str:
        """What is to be said of it, without its name."""
        match self.state:
            case StageState.RESTORED:
                return f"restored from {self.source}" if self.source else "restored"
            case StageState.RAN:
                return sentence(self.reasons)
            case StageState.CHANGED:
                return sentence(self.reasons)
            case StageState.RESTORABLE:
                return f"{sentence(self.reasons)}, would be restored{self._where}"
            case StageState.FAILED | StageState.NOT_RUN:
                return f"{self.state}: {self.error}" if self.error else str(self.state)
        return str(self.state)

    @property
    def _where(self) -> str:
        source = f" from {self.source}" if self.source else ""
        if not self.remote:
            return source
        return f"{source}, fetched from {self.remote}" if self.sure else f"{source}, if {self.remote} has it"

    def as_json(self) -> dict[str, Any]:
        """Return the result as `--json` and records have it."""
        more: dict[str, Any] = {"source": self.source, "seconds": self.seconds, "error": self.error}
        if self.remote:
            more |= {"remote": self.remote, "sure": self.sure}
        if self.warnings:
            more["warnings"] = list(self.warnings)
        return {
            "state": str(self.state),
            "reasons": [reason.text for reason in self.reasons],
            **{key: value for key, value in more.items() if value not in (None, "")},
        }
